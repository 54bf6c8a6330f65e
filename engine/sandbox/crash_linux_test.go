package sandbox_test

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox"
)

// notes collects what a session says about its engines.
type notes struct {
	mu  sync.Mutex
	all []string // guarded by mu
}

func (n *notes) changed(from, to sandbox.Engine, why *sandbox.Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, string(from)+" -> "+string(to)+": "+why.Kind.String())
}

func (n *notes) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.Join(n.all, "; ")
	n.all = nil
	return s
}

// TestCrashModules: what is known to bring wasmer-go 1.0.4 and its process down.
// The broker lives, the task ends as it does in wazero, and the owner gets a note
// at most.
func TestCrashModules(t *testing.T) {
	if here(t)[0] != sandbox.Wasmer {
		t.Skip("wasmer is not here")
	}
	same := func(n byte, b ...byte) []byte { return bytes.Repeat(b, int(n)/len(b)) }
	for _, c := range []struct {
		what, guest, task string
		kind              sandbox.Kind // of the error, 0 if there is none
		want              []byte
		note              string
	}{
		{"instructions it lacks", "popcnt", "\x7f", 0, same(16, 7), "wasmer -> wazero: unsupported"},
		{"a 128-bit value in an exported type", "v128", "", sandbox.Invalid, nil, ""},
		{"a frame of 8 KiB, 16 deep", "crash", "F\x01", 0, nil, ""},
		{"frames without end", "crash", "F", sandbox.LimitStack, nil, ""},
		{"recursion without end", "all", "D", sandbox.LimitStack, nil, ""},
		{"poll and sleep", "crash", "p", 0, []byte{0, 1, 7}, ""},
		{"NaN in vectors", "crash", "n", 0, same(16, 0, 0, 0xc0, 0x7f), ""},
		{"select of vectors", "select", "1", 0, []byte{0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22, 0x33, 0x33, 0x33, 0x33, 0x44, 0x44, 0x44, 0x44}, ""},
		{"exit in a host function", "all", "x", sandbox.Trap, nil, ""},
	} {
		var seen notes
		run := func(engines ...sandbox.Engine) (sandbox.Reply, error) {
			box, err := sandbox.New(sandbox.Config{Child: child, Engines: engines, Changed: seen.changed, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			s, err := box.Start(t.Context(), suite("").Guest(t, c.guest))
			if err != nil {
				return sandbox.Reply{}, err
			}
			defer s.Close()
			if _, err := s.Open(t.Context(), []byte("in")); err != nil {
				return sandbox.Reply{}, err
			}
			for range 3 { // what it leaves behind may show later
				if _, err = s.Task(t.Context(), []byte(c.task)); kind(err) != c.kind {
					t.Errorf("%s: %v, want %v", c.what, err, c.kind)
				}
			}
			return s.Task(t.Context(), []byte(c.task))
		}
		r, err := run(sandbox.Wasmer, sandbox.Wazero)
		if kind(err) != c.kind || c.want != nil && !bytes.Equal(r.Payload, c.want) {
			t.Errorf("%s: %x, %v, want %x, %v", c.what, r.Payload, err, c.want, c.kind)
		}
		if got := seen.take(); got != c.note {
			t.Errorf("%s: the owner is told %q, want %q", c.what, got, c.note)
		}
		for _, e := range here(t)[1:] {
			if other, err := run(e); kind(err) != c.kind || !bytes.Equal(other.Payload, r.Payload) {
				t.Errorf("%s: %s gives %x, %v, wasmer and wazero %x", c.what, e, other.Payload, err, r.Payload)
			}
		}
	}
}

// TestChildDiesInTask: an engine that dies in the middle of a task costs nothing
// but a note: the next one does it, from the state after Open.
func TestChildDiesInTask(t *testing.T) {
	engines := here(t)
	want, err := suite(sandbox.Wazero).TryStart(t, suite("").Guest(t, "all"), sandbox.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := want.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	answer, err := want.Task(t.Context(), []byte("f"))
	if err != nil {
		t.Fatal(err)
	}
	want.Close()
	var seen notes
	box, err := sandbox.New(sandbox.Config{Child: child, Changed: seen.changed})
	if err != nil {
		t.Fatal(err)
	}
	s, err := box.Start(t.Context(), suite("").Guest(t, "all"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	for _, e := range engines[:len(engines)-1] {
		if s.Engine() != e {
			t.Fatalf("engine %s, want %s", s.Engine(), e)
		}
		if err := s.Suspend(); err != nil { // the task does not begin before the signal is there
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			r, err := s.Task(t.Context(), []byte("f"))
			if err == nil && !bytes.Equal(r.Payload, answer.Payload) {
				t.Errorf("answer %x, want %x", r.Payload, answer.Payload)
			}
			ended <- err
		}()
		for _, pid := range childrenOf(os.Getpid()) {
			if name := commOf(pid); strings.HasPrefix(name, "sonm") {
				if err := unix.Kill(pid, unix.SIGSEGV); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := s.Resume(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("a task whose child in %s died = %v", e, err)
			}
		case <-time.After(time.Minute):
			t.Fatalf("a task whose child in %s died does not end", e)
		}
		if got := seen.take(); !strings.Contains(got, "crashed") {
			t.Errorf("the owner is told %q, want a note of the crash", got)
		}
	}
}
