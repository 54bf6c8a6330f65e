//go:build amd64

package jail_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox/jail"
)

const secret = "the key of the wallet"

// stage is what there is to be got at: files, servers that say what they hear,
// another process.
type stage struct {
	dir      string  // with "secret", "folder" and "empty"
	tcp, udp string  // addresses
	unix     string  // path of a socket; its abstract name is the same
	victim   int     // process id
	place    uintptr // of the secret in the victim's memory

	// What an attempt prepared before the lock-down.
	file *os.File
	fd   int

	closers []io.Closer
	process *exec.Cmd
	wg      sync.WaitGroup
}

func newStage(t *testing.T, victim bool) *stage {
	t.Helper()
	// The path of a socket may have 108 bytes, so it is not t.TempDir.
	dir, err := os.MkdirTemp("", "jail") //nolint:usetesting // too long
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{dir: dir, unix: filepath.Join(dir, "socket")}
	try := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	try(os.WriteFile(s.at("secret"), []byte(secret), 0o600))
	try(os.WriteFile(s.at("empty"), nil, 0o600))
	try(os.Mkdir(s.at("folder"), 0o700))
	try(os.Symlink("secret", s.at("link")))
	s.tcp = s.listen(t, "tcp", "127.0.0.1:0")
	s.listen(t, "unix", s.unix)
	s.listen(t, "unix", "@"+s.unix)
	var lc net.ListenConfig
	udp, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	try(err)
	s.closers, s.udp = append(s.closers, udp), udp.LocalAddr().String()
	s.wg.Go(func() {
		b := make([]byte, 100)
		for {
			n, from, err := udp.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = udp.WriteTo(b[:n], from) // the attempt notices
		}
	})
	if victim {
		s.sacrifice(t)
	}
	return s
}

// listen starts a server that echoes.
func (s *stage) listen(t *testing.T, network, address string) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	s.closers = append(s.closers, l)
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.CopyN(c, c, int64(len(secret))) // the attempt notices
			c.Close()
		}
	})
	return l.Addr().String()
}

// sacrifice starts the process that attempts are made on.
func (s *stage) sacrifice(t *testing.T) {
	t.Helper()
	s.process = exec.CommandContext(t.Context(), os.Args[0])
	s.process.Env = []string{"JAIL_ATTEMPT=victim", "GORACE=atexit_sleep_ms=0"}
	in, err := s.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	s.closers = append(s.closers, in)
	s.victim = s.process.Process.Pid
	if _, err := fmt.Fscanln(bufio.NewReader(out), &s.place); err != nil {
		t.Fatal(err)
	}
}

func (s *stage) close(t *testing.T) {
	t.Helper()
	for _, c := range s.closers {
		c.Close()
	}
	s.wg.Wait()
	if s.process != nil {
		_ = s.process.Process.Kill() // it may be dead
		_ = s.process.Wait()         // killed
	}
	if err := os.RemoveAll(s.dir); err != nil {
		t.Error(err)
	}
}

func (s *stage) at(name string) string { return filepath.Join(s.dir, name) }

// environment is the stage as the attempt is told of it.
func (s *stage) environment() []string {
	return []string{
		"GORACE=atexit_sleep_ms=0", "JAIL_DIR=" + s.dir, "JAIL_TCP=" + s.tcp, "JAIL_UDP=" + s.udp, "JAIL_UNIX=" + s.unix,
		"JAIL_VICTIM=" + strconv.Itoa(s.victim), "JAIL_PLACE=" + strconv.FormatUint(uint64(s.place), 10),
	}
}

func fromEnvironment() *stage {
	s := &stage{dir: os.Getenv("JAIL_DIR"), tcp: os.Getenv("JAIL_TCP"), udp: os.Getenv("JAIL_UDP"), unix: os.Getenv("JAIL_UNIX")}
	s.victim, _ = strconv.Atoi(os.Getenv("JAIL_VICTIM")) // ours
	place, _ := strconv.ParseUint(os.Getenv("JAIL_PLACE"), 10, 64)
	s.place = uintptr(place)
	return s
}

func TestMain(m *testing.M) {
	switch name := os.Getenv("JAIL_ATTEMPT"); name {
	case "":
		os.Exit(m.Run())
	case "done":
		fmt.Println("done")
	case "inherited":
		if err := jail.CloseOthers(); err != nil {
			fmt.Println(err)
		}
		_, err := unix.Read(3, make([]byte, 1))
		fmt.Println(err)
	case "victim":
		b, err := unix.Mmap(-1, 0, len(secret), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
		if err != nil {
			panic(err)
		}
		copy(b, secret)
		_ = unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0) // where the kernel has Yama
		fmt.Println(ptr(&b[0]))
		_, _ = io.Copy(io.Discard, os.Stdin) // until the stage is closed
	default:
		perform(name)
	}
	os.Exit(0)
}

// perform makes the attempt in this process and says what came of it.
func perform(name string) {
	which, _ := strconv.Atoi(os.Getenv("JAIL_LAYERS")) // ours
	a := named(name)
	s := fromEnvironment()
	if a.before != nil {
		if err := a.before(s); err != nil {
			fmt.Println("stage:", err)
			return
		}
	}
	level := jail.Open
	if which != 0 {
		var err error
		life := uint64(3600)
		if a.brief {
			life = 1
		}
		level, err = jail.LockWith(jail.Config{Parent: os.Getppid(), Class: jail.Waited, Memory: 1 << 30, Life: life}, jail.Layers(which))
		if err != nil {
			fmt.Println("stage:", err)
			return
		}
	}
	if name == "level" {
		fmt.Println("denied:", uint32(level))
		return
	}
	if err := a.try(s); err != nil {
		fmt.Println("denied:", err)
	} else {
		fmt.Println("done")
	}
}

func named(name string) attempt {
	for _, a := range attempts {
		if a.name == name {
			return a
		}
	}
	return attempt{}
}
