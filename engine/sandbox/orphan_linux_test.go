package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox"
)

// abandon is the body of the helper process of TestDiesWithBroker: it has a
// guest loop without end and waits to be killed.
func abandon() {
	path := os.Getenv("SANDBOX_ORPHAN")
	module, err := os.ReadFile(filepath.Join("testdata", "all.wasm"))
	if err != nil {
		panic(err)
	}
	box, err := sandbox.New(sandbox.Config{Child: path, Engines: []sandbox.Engine{sandbox.Engine(os.Getenv("SANDBOX_ENGINE"))}})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	s, err := box.Start(ctx, module)
	if err != nil {
		panic(err)
	}
	if _, err := s.Open(ctx, nil); err != nil {
		panic(err)
	}
	for _, pid := range childrenOf(os.Getpid()) {
		fmt.Println(pid)
	}
	_, err = s.Task(ctx, []byte("l"))
	panic(fmt.Sprint("the endless task ended: ", err))
}

// childrenOf lists the processes whose parent is pid.
func childrenOf(pid int) []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue // it ended while we looked
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(d)))
			pids = append(pids, n)
		}
	}
	return pids
}

// commOf is the name of a process, "" if there is none.
func commOf(pid int) string {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return ""
	}
	return string(name)
}

// TestDiesWithBroker kills a broker whose guest loops without end.
func TestDiesWithBroker(t *testing.T) {
	for _, e := range here(t) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SANDBOX_ORPHAN="+child, "SANDBOX_ENGINE="+string(e))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Fscanln(out, &pid); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int((5 * time.Second).Milliseconds()))
		if err != nil || n != 1 {
			t.Errorf("%s: the child %d outlived its broker by 5 s (%v)", e, pid, err)
			_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
		}
	}
}

// TestLeavesNothing: no process and no descriptor is left over.
func TestLeavesNothing(t *testing.T) {
	before := descriptors(t)
	for _, guest := range []string{"all", "import"} {
		for range 3 {
			s, err := suite(sandbox.Wazero).TryStart(t, suite("").Guest(t, guest), sandbox.Limits{})
			if err != nil {
				continue
			}
			if _, err := s.Open(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Task(t.Context(), []byte("t")); kind(err) != sandbox.Trap {
				t.Fatal(err)
			}
			s.Close()
		}
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	for _, pid := range childrenOf(os.Getpid()) {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if !errors.Is(err, os.ErrNotExist) && strings.HasPrefix(string(name), "sonm") {
			t.Errorf("process %d (%s) is left over", pid, name)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}
