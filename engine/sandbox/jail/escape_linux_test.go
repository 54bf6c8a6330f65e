//go:build amd64

package jail_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox/jail"
)

var update = flag.Bool("update", false, "write ESCAPES.md")

// columns are the ways the table is filled: unlocked and with layers left out.
var columns = []struct {
	name   string
	layers jail.Layers
}{
	{"nothing", 0},
	{"limits", jail.Limits},
	{"limits and Landlock", jail.Limits | jail.Landlock},
	{"limits and filter", jail.Limits | jail.Filter},
	{"everything", jail.Everything},
}

// What became of an attempt.
const (
	through = "succeeds"
	denied  = "denied"  // an error
	ended   = "ended"   // by the kernel or its own runtime, at a limit
	killed  = "killed"  // by the filter
	answers = "answers" // what the call itself says: it needs privilege, or a kernel that has it
)

// result is what one run of an attempt gave.
type result struct {
	what string
	said string
}

// run makes one attempt in a process of its own.
func run(t *testing.T, a attempt, which jail.Layers) result {
	t.Helper()
	s := newStage(t, a.victim)
	defer s.close(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(s.environment(), "JAIL_ATTEMPT="+a.name, fmt.Sprintf("JAIL_LAYERS=%d", which))
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	if cmd.ProcessState == nil {
		t.Fatalf("%s: %v", a.name, err)
	}
	ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch why, refused := strings.CutPrefix(first, "denied: "); {
	case ok && ws.Signaled() && ws.Signal() == syscall.SIGSYS:
		return result{killed, "SIGSYS"}
	case strings.HasPrefix(first, "stage: "):
		t.Fatalf("%s: %s", a.name, first)
		return result{}
	case first == "done":
		return result{through, ""}
	case refused:
		return result{denied, why}
	default:
		return result{ended, fmt.Sprintf("%v: %s", cmd.ProcessState, first)}
	}
}

// landlockABI is the version of the kernel's Landlock, 0 without.
func landlockABI() int {
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, 1)
	if errno != 0 {
		return 0
	}
	return int(abi)
}

// want is what has to become of an attempt with the given layers. Where it is
// "", the call may do as it likes.
func (a attempt) want(which jail.Layers, abi int) string {
	var catch jail.Layers
	if a.limits {
		catch |= jail.Limits
	}
	if a.landlock > 0 && a.landlock <= abi {
		catch |= jail.Landlock
	}
	if a.filter != "" {
		catch |= jail.Filter
	}
	switch {
	case which&jail.Filter != 0 && a.filter != "":
		return a.filter
	case which&catch != 0:
		return denied
	case a.rare:
		return answers
	default:
		return through
	}
}

// TestEscapes makes every attempt with each set of layers. With all of them it
// is denied; unlocked it gets through, so that the denial says something; and
// without one of them it is caught by those the table names.
func TestEscapes(t *testing.T) {
	level := run(t, attempt{name: "level"}, jail.Everything)
	abi := landlockABI()
	t.Logf("level %s, Landlock %d", level.said, abi)
	if level.said != "2" && level.said != "3" {
		t.Skipf("this kernel gives no system call filter: %+v", level)
	}
	if abi == 0 {
		t.Log("without Landlock: its columns are skipped")
	}
	table := &bytes.Buffer{}
	head(table, abi)
	proven := 0
	caught := map[string]int{}
	for _, a := range attempts {
		row := make([]string, len(columns))
		var unlocked result
		for n, c := range columns {
			if c.layers&jail.Landlock != 0 && abi == 0 && c.layers != jail.Everything {
				row[n] = "?"
				continue
			}
			got := run(t, a, c.layers)
			if n == 0 {
				unlocked = got
			}
			row[n] = judge(t, a, c.name, c.layers, abi, got, unlocked)
			t.Logf("%-28s %-20s %s %s", a.name, c.name, got.what, got.said)
		}
		if row[0] == through {
			proven++
		}
		by := a.by(abi)
		for b := range strings.SplitSeq(by, ", ") {
			caught[b]++
		}
		fmt.Fprintf(table, "| %s | %s | %s |\n", a.name, strings.Join(row, " | "), by)
	}
	fmt.Fprintf(table, "\n%d attempts, %d of which succeed unlocked. Stopped by the limits: %d, by Landlock: %d, by the filter: %d.\n",
		len(attempts), proven, caught["limits"], caught["Landlock"], caught["filter"])
	t.Logf("\n%s", table)
	if proven < 40 {
		t.Errorf("%d attempts succeed unlocked, want at least 40", proven)
	}
	if !t.Failed() {
		committed(t, table.Bytes(), abi)
	}
}

// judge compares what became of an attempt with what has to, and gives what the
// table says of it.
func judge(t *testing.T, a attempt, column string, which jail.Layers, abi int, got, unlocked result) string {
	t.Helper()
	want := a.want(which, abi)
	fail := func() { t.Errorf("%s with %s: %s %s, want it %s", a.name, column, got.what, got.said, want) }
	switch want {
	case answers:
		if got.what == killed {
			fail()
		}
	case through:
		if got.what != through {
			fail()
		}
	case killed:
		if got.what != killed {
			fail()
		}
	case denied:
		if got.what != denied && got.what != ended {
			fail()
		}
		if a.rare && os.Getuid() == 0 && got.said == unlocked.said {
			t.Errorf("%s with %s: %s, as without a layer", a.name, column, got.said)
		}
		return got.what
	}
	return want
}

// by names the layers each of which stops the attempt alone.
func (a attempt) by(abi int) string {
	var names []string
	if a.limits {
		names = append(names, "limits")
	}
	if a.landlock > 0 && a.landlock <= abi {
		names = append(names, "Landlock")
	}
	if a.filter != "" {
		names = append(names, "filter")
	}
	return strings.Join(names, ", ")
}

func head(b *bytes.Buffer, abi int) {
	fmt.Fprintf(b, `# What a child that was broken out of can do

Written by TestEscapes of this folder (go test -run TestEscapes -update), on
Linux on x86-64 with Landlock %d. Each attempt is made by a process of its own,
unlocked and with the layers of the lock-down that the columns name; the child
of the product always has everything. "Killed" is the end of the process by the
filter, "ended" its end at a limit. Of attempts that need privilege, or a kernel
that has the call, "answers" says that what came back, a success or an error, is
the call's own and not the filter's.

| Attempt | Unlocked | Limits | Limits, Landlock | Limits, filter | Everything | Stopped by each of |
| --- | --- | --- | --- | --- | --- | --- |
`, abi)
}

// committed compares the table with the one in the tree, which was written where
// Landlock had the same version.
func committed(t *testing.T, table []byte, abi int) {
	t.Helper()
	const name = "ESCAPES.md"
	if *update {
		if err := os.WriteFile(name, table, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(was, fmt.Appendf(nil, "with Landlock %d.", abi)) {
		t.Logf("%s was written with another version of Landlock than %d and is not compared", name, abi)
		return
	}
	if !bytes.Equal(was, table) {
		t.Errorf("%s is not what the test found (run it with -update)", name)
	}
}

// TestClosesOthers: a descriptor that the broker leaked is not there any more.
func TestClosesOthers(t *testing.T) {
	f, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{"JAIL_ATTEMPT=inherited"}
	cmd.ExtraFiles = []*os.File{f}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "bad file descriptor\n" {
		t.Errorf("reading an inherited descriptor: %q, %v", out, err)
	}
}

func TestLockNeedsItsBroker(t *testing.T) {
	if _, err := os.Stat("/proc/self/task"); errors.Is(err, os.ErrNotExist) {
		t.Skip("no /proc")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=TestHelperWrongParent")
	cmd.Env = []string{"JAIL_WRONG_PARENT=1"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestHelperWrongParent is the body of the test before.
func TestHelperWrongParent(t *testing.T) {
	if os.Getenv("JAIL_WRONG_PARENT") == "" {
		t.Skip("a helper process")
	}
	if _, err := jail.Lock(jail.Config{Parent: 1 << 30, Memory: 1 << 30, Life: 3600}); err == nil {
		t.Error("Lock without its broker = nil error")
	}
}
