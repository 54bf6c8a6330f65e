package sandbox_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/frame"
)

// childName is what children are called in their own eyes, wherever they lie.
const childName = "sonm-sandbox"

// puppet is the body of a child whose engine miscompiles: the guest echoes its
// input and the task, and traps at what ends with "stop". It adds a byte to a
// file beside its program for each call of the guest.
func puppet() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	var input []byte
	for {
		h, err := frame.ReadHead(os.Stdin)
		if err != nil {
			return err
		}
		in, err := frame.ReadPayload(os.Stdin, h, sandbox.MaxModule)
		if err != nil {
			return err
		}
		var answer []byte
		if h.Kind == frame.Open {
			input = in
		}
		if h.Kind == frame.Task {
			answer = append(bytes.Clone(input), in...)
		}
		if h.Kind == frame.Open || h.Kind == frame.Task {
			if err := count(path + ".calls"); err != nil {
				return err
			}
		}
		if bytes.HasSuffix(in, []byte("stop")) {
			err = frame.Write(os.Stdout, frame.Fail, []byte{byte(sandbox.Trap), 0}, []byte("the guest stopped"))
		} else {
			err = frame.Write(os.Stdout, frame.Reply, frame.Answer{Level: 3, Work: 1}.Bytes(), answer)
		}
		if err != nil {
			return err
		}
	}
}

func count(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte{1})
	return errors.Join(err, f.Close())
}

// staged are child programs of which that of wasmer and wazero is a puppet, and
// that of wasmtime a copy of what is given, "" for none.
type staged struct{ dir string }

func stage(t *testing.T, wasmtime string) staged {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := staged{t.TempDir()}
	for name, from := range map[string]string{"sonm-sandbox": self, "sonm-sandbox-wasmtime": wasmtime} {
		if from == "" {
			continue
		}
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, name), b, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s staged) box(t *testing.T, seen *notes, engines ...sandbox.Engine) *sandbox.Sandbox {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{Child: filepath.Join(s.dir, "sonm-sandbox"), Engines: engines, Changed: seen.changed})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func (s staged) start(t *testing.T, box *sandbox.Sandbox) *sandbox.Session {
	t.Helper()
	se, err := box.Start(t.Context(), suite("").Guest(t, "all"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { se.Close() })
	return se
}

// calls is how many calls of a guest the puppets have seen.
func (s staged) calls(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*.calls"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n += len(b)
	}
	return n
}

// TestTrapOfOneEngine: a guest is not blamed for what only one engine makes of
// it, the owner is told, and an engine that did so twice is not begun with.
func TestTrapOfOneEngine(t *testing.T) {
	s := stage(t, child+"-wasmtime")
	var seen notes
	box := s.box(t, &seen)
	for _, c := range []struct{ input, task, want string }{
		{"in ", "echo, then stop", "in echo, then stop"},
		{"in, then stop", "e", "in, then stope"},
	} {
		se := s.start(t, box)
		_, err := se.Open(t.Context(), []byte(c.input))
		if err != nil {
			t.Fatalf("Open(%q) = %v", c.input, err)
		}
		r, err := se.Task(t.Context(), []byte(c.task))
		if err != nil || string(r.Payload) != c.want || r.Engine != sandbox.Wasmtime || se.Engine() != sandbox.Wasmtime {
			t.Errorf("Task(%q) = %q, %v, in %s, want %q in wasmtime", c.task, r.Payload, err, r.Engine, c.want)
		}
		if got := seen.take(); got != "wasmer -> wasmtime: trap" {
			t.Errorf("the owner is told %q, want a note of the trap", got)
		}
	}
	if se := s.start(t, box); se.Engine() != sandbox.Wasmtime {
		t.Errorf("after two traps of its own a session begins in %s, want wasmtime", se.Engine())
	}
}

// TestTrapInBothEngines: it is the guest's fault, costs twice once, and no owner
// is told of an engine.
func TestTrapInBothEngines(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := stage(t, self)
	var seen notes
	box := s.box(t, &seen)
	se := s.start(t, box)
	if _, err := se.Open(t.Context(), []byte("stop")); kind(err) != sandbox.Trap || s.calls(t) != 2 {
		t.Errorf("Open = %v after %d calls, want a trap after 2", err, s.calls(t))
	}
	se = s.start(t, box)
	if _, err := se.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	const before, tasks = 3, 5
	for range tasks {
		if _, err := se.Task(t.Context(), []byte("stop")); kind(err) != sandbox.Trap {
			t.Errorf("Task = %v, want a trap", err)
		}
	}
	if n := s.calls(t) - before; n != 1+tasks+1 {
		t.Errorf("%d calls of a guest that traps in all of %d tasks, want an opening and a task more than those", n, tasks)
	}
	if r, err := se.Task(t.Context(), []byte("go")); err != nil || string(r.Payload) != "ingo" {
		t.Errorf("another task = %q, %v, want it done", r.Payload, err)
	}
	if got := seen.take(); got != "" {
		t.Errorf("the owner is told %q", got)
	}
	if se := s.start(t, box); se.Engine() != sandbox.Wasmer {
		t.Errorf("the next session begins in %s, want wasmer as before", se.Engine())
	}
}

// TestTrapWithoutAnotherEngine: where no other engine works, the one that traps is
// all there is.
func TestTrapWithoutAnotherEngine(t *testing.T) {
	s := stage(t, "")
	var seen notes
	se := s.start(t, s.box(t, &seen, sandbox.Wasmer, sandbox.Wasmtime))
	if _, err := se.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := se.Task(t.Context(), []byte("stop")); kind(err) != sandbox.Trap {
			t.Errorf("Task = %v, want a trap", err)
		}
		if r, err := se.Task(t.Context(), []byte("go")); err != nil || string(r.Payload) != "ingo" || r.Engine != sandbox.Wasmer {
			t.Errorf("another task = %q, %v, in %s, want it done in wasmer", r.Payload, err, r.Engine)
		}
	}
}
