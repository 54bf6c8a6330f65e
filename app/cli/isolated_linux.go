package cli

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"sonm/app/event"
)

// isolated gives every process of a demo network and mount namespaces of its
// own: they meet through a bridge in one more namespace and can share no file,
// as if each were another computer. It needs root and the program ip.
type isolated struct {
	self   string
	dir    string // of the demo; hidden from every process but for its own part
	prefix string // of the namespaces' names
	made   []string
}

// maxIsolated is how many addresses the bridge's network has to give.
const maxIsolated = 200

func newIsolated(self, dir string) (stage, error) {
	if os.Geteuid() != 0 {
		return nil, &event.Problem{Code: "isolate", What: "--isolate needs root, to make network namespaces."}
	}
	for _, tool := range []string{"ip", "unshare", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, &event.Problem{Code: "isolate", What: fmt.Sprintf("--isolate needs the program %s.", tool), Do: "Install iproute2, util-linux and mount."}
		}
	}
	s := &isolated{self: self, dir: dir, prefix: fmt.Sprintf("sonm%d", os.Getpid())}
	hub := s.prefix + "hub"
	err := s.ip("netns add "+hub, "-n "+hub+" link add br0 type bridge", "-n "+hub+" link set br0 up")
	if err != nil {
		return nil, &event.Problem{Code: "isolate", What: "Network namespaces cannot be made here: " + err.Error() + ".", Cause: err}
	}
	s.made = append(s.made, hub)
	return s, nil
}

// ip runs commands of the program ip, one after the other.
func (s *isolated) ip(commands ...string) error {
	for _, c := range commands {
		out, err := exec.Command("ip", strings.Fields(c)...).CombinedOutput() //nolint:noctx // our own words; they end at once
		if err != nil {
			return fmt.Errorf("ip %s: %s", c, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// host is the process's address on the bridge.
func (s *isolated) host(i int) string { return fmt.Sprintf("10.213.7.%d", i+1) }

// command wires up the process's namespaces. A failure shows when the process
// is started: the namespace it names is not there.
func (s *isolated) command(i int, args []string) *exec.Cmd {
	ns, hub := fmt.Sprintf("%sn%d", s.prefix, i), s.prefix+"hub"
	if i < maxIsolated {
		err := s.ip("netns add "+ns, "-n "+ns+" link set lo up",
			fmt.Sprintf("-n %s link add eth0 type veth peer name v%d netns %s", ns, i, hub),
			fmt.Sprintf("-n %s link set v%d master br0 up", hub, i),
			fmt.Sprintf("-n %s addr add %s/24 dev eth0", ns, s.host(i)), "-n "+ns+" link set eth0 up")
		if err == nil {
			s.made = append(s.made, ns)
		}
	}
	// The process sees its own empty folder where the others see theirs.
	script := `mount -t tmpfs tmpfs "$0" && exec "$@"`
	if args[0] == "render" { // the buyer needs the scene, which may lie there
		script = `exec "$@"`
	}
	full := append([]string{"netns", "exec", ns, "unshare", "--mount", "sh", "-c", script, s.dir, s.self}, args...)
	return exec.Command("ip", full...) //nolint:noctx // our own words; stopped by the end of its standard input, then killed
}

func (s *isolated) close() error {
	var first error
	for _, ns := range s.made {
		if err := s.ip("netns del " + ns); err != nil && first == nil {
			first = err
		}
	}
	return first
}
