package sandboxtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"sonm/engine/sandbox"
)

// Suite runs the cases on one engine.
type Suite struct {
	Child  string // path of the child program
	Guests string // folder with the modules of testdata
	Engine sandbox.Engine
}

// Guest reads the module name from the suite's folder.
func (s Suite) Guest(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(s.Guests, name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Start starts a session with a module of the suite; it is closed at the end
// of the test.
func (s Suite) Start(tb testing.TB, name string, l sandbox.Limits) *sandbox.Session {
	tb.Helper()
	se, err := s.TryStart(tb, s.Guest(tb, name), l)
	if err != nil {
		tb.Fatalf("Start(%s) = %v", name, err)
	}
	return se
}

// TryStart is Start for any module and with its error.
func (s Suite) TryStart(tb testing.TB, module []byte, l sandbox.Limits) (*sandbox.Session, error) {
	tb.Helper()
	box, err := sandbox.New(sandbox.Config{Child: s.Child, Engines: []sandbox.Engine{s.Engine}, Limits: l})
	if err != nil {
		tb.Fatal(err)
	}
	se, err := box.Start(tb.Context(), module)
	if err == nil {
		tb.Cleanup(func() { se.Close() })
	}
	return se, err
}

// Run runs all cases.
func (s Suite) Run(t *testing.T) {
	t.Helper()
	t.Run("echo", s.echo)
	t.Run("state", s.state)
	t.Run("outcomes", s.outcomes)
	t.Run("depth", s.depth)
	t.Run("select", s.choice)
	t.Run("open", s.openOutcomes)
	t.Run("replay", s.replay)
	t.Run("limits", s.limits)
	t.Run("cancel", s.cancel)
	t.Run("host", s.host)
	t.Run("gate", s.gate)
	t.Run("many", s.many)
}

func task(tb testing.TB, se *sandbox.Session, spec string) sandbox.Reply {
	tb.Helper()
	r, err := se.Task(tb.Context(), []byte(spec))
	if err != nil {
		tb.Fatalf("Task(%q) = %v", spec, err)
	}
	return r
}

func open(tb testing.TB, se *sandbox.Session, input string) sandbox.Reply {
	tb.Helper()
	r, err := se.Open(tb.Context(), []byte(input))
	if err != nil {
		tb.Fatalf("Open(%q) = %v", input, err)
	}
	return r
}

// wants checks kind and a part of the sentence.
func wants(tb testing.TB, what string, err error, k sandbox.Kind, part string) {
	tb.Helper()
	var e *sandbox.Error
	if !errors.As(err, &e) || e.Kind != k || !strings.Contains(e.Msg, part) {
		tb.Errorf("%s = %v, want %v with %q", what, err, k, part)
	}
}

func (s Suite) echo(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{})
	if _, err := se.Task(t.Context(), nil); err == nil {
		t.Error("Task before Open = nil error")
	}
	r, err := se.Inspect(t.Context(), []byte("scene"))
	if err != nil || string(r.Payload) != `{"triangles":12}` {
		t.Fatalf("Inspect = %q, %v", r.Payload, err)
	}
	if r := open(t, se, "scene-"); r.Work != 6 {
		t.Errorf("Open counted %d, want 6", r.Work)
	}
	r = task(t, se, "echo")
	if string(r.Payload) != "scene-echo" || r.Work != 4 || r.Engine != s.Engine || r.Memory == 0 {
		t.Errorf("Task = %+v, want scene-echo of 4 units by %s", r, s.Engine)
	}
	if r := task(t, se, ""); string(r.Payload) != "scene-" {
		t.Errorf("Task of nothing = %q, want %q", r.Payload, "scene-")
	}
	if se.Engine() != s.Engine {
		t.Errorf("Engine() = %s, want %s", se.Engine(), s.Engine)
	}
}

// depth: calls go exactly as deep on every engine, in whatever order tasks come.
func (s Suite) depth(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{})
	open(t, se, "in")
	spec := func(n int) []byte { return binary.LittleEndian.AppendUint32([]byte("N"), uint32(n)) }
	for range 2 {
		deepest := sort.Search(1<<20, func(n int) bool {
			_, err := se.Task(t.Context(), spec(n))
			if err != nil {
				wants(t, "Task(N)", err, sandbox.LimitStack, "")
			}
			return err != nil
		}) - 1
		if deepest != wantDepth {
			t.Errorf("recursion to a depth of %d, want %d on every engine", deepest, wantDepth)
		}
	}
}

// choice: select between two vectors gives all of the one.
func (s Suite) choice(t *testing.T) {
	se := s.Start(t, "select", sandbox.Limits{})
	open(t, se, "")
	for spec, want := range map[string][]byte{
		"1": words(0x11111111, 0x22222222, 0x33333333, 0x44444444),
		"2": words(0x55555555, 0x66666666, 0x77777777, 0x08888888),
	} {
		if got := task(t, se, spec).Payload; !bytes.Equal(got, want) {
			t.Errorf("Task(%s) = %x, want %x", spec, got, want)
		}
	}
}

// wantDepth is gate.StackBudget by the weight of the guest's function.
const wantDepth = 4853

// state: a task starts from the state after Open, whatever ran before it.
func (s Suite) state(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{})
	open(t, se, "abc")
	want := map[string][]byte{}
	for _, spec := range []string{"c", "g", "e", "R", "C", "f"} {
		want[spec] = task(t, se, spec).Payload
	}
	if n := binary.LittleEndian.Uint32(want["c"]); n != 104 {
		t.Errorf("counter = %d, want 104", n)
	}
	if n := binary.LittleEndian.Uint32(want["c"][4:]); n != 1 {
		t.Errorf("initialized %d times, want once", n)
	}
	if n := binary.LittleEndian.Uint32(want["g"][4:]); n != 0 {
		t.Errorf("grown memory holds %d, want zeros", n)
	}
	for _, spec := range []string{"f", "g", "c", "c", "C", "g", "R", "e", "g"} {
		if got := task(t, se, spec).Payload; !bytes.Equal(got, want[spec]) {
			t.Errorf("Task(%q) = %x after other tasks, want %x", spec, got, want[spec])
		}
	}
	open(t, se, "another input")
	if n := binary.LittleEndian.Uint32(task(t, se, "c").Payload); n != 114 {
		t.Errorf("counter after a second Open = %d, want 114", n)
	}
}

func (s Suite) outcomes(t *testing.T) {
	l := sandbox.Limits{Output: 1 << 20}
	se := s.Start(t, "all", l)
	open(t, se, "x")
	for _, c := range []struct {
		spec, part string
		kind       sandbox.Kind
	}{
		{"t", "unreachable", sandbox.Trap},
		{"b", "outside its memory", sandbox.Invalid},
		{"s", "8 bytes", sandbox.Invalid},
		{"S", "status 7", sandbox.Invalid},
		{"r", "the tile lies outside the picture", sandbox.Refused},
		{"m", "64 MiB", sandbox.LimitMemory},
		{"o", "41943040 bytes", sandbox.LimitOutput},
		{"d", "", sandbox.Trap},
		{"x", "exit code 3", sandbox.Trap},
		{"?", "no such case", sandbox.Refused},
	} {
		_, err := se.Task(t.Context(), []byte(c.spec))
		wants(t, "Task("+c.spec+")", err, c.kind, c.part)
		if r := task(t, se, "e"); string(r.Payload) != "xe" {
			t.Errorf("after %q: echo = %q, want %q", c.spec, r.Payload, "xe")
		}
	}
	// Recursion on the engine's own stack ends before that stack does.
	_, err := se.Task(t.Context(), []byte("D"))
	wants(t, "Task(D)", err, sandbox.LimitStack, "1024 KiB")
	if r := task(t, se, "e"); string(r.Payload) != "xe" {
		t.Errorf("after D: echo = %q, want %q", r.Payload, "xe")
	}
}

func (s Suite) openOutcomes(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{Input: 1 << 20})
	_, err := se.Open(t.Context(), []byte("R"))
	wants(t, "Open(R)", err, sandbox.Refused, "the scene has no camera ?[2J and ?")
	_, err = se.Open(t.Context(), []byte("T"))
	wants(t, "Open(T)", err, sandbox.Trap, "unreachable")
	_, err = se.Open(t.Context(), make([]byte, 1<<16+1))
	wants(t, "Open(64 KiB + 1)", err, sandbox.LimitMemory, "65537 bytes")
	_, err = se.Open(t.Context(), make([]byte, 1<<20+1))
	wants(t, "Open(1 MiB + 1)", err, sandbox.Invalid, "1048576 are allowed")
	_, err = se.Task(t.Context(), []byte("e"))
	wants(t, "Task after a failed Open", err, sandbox.Invalid, "before its input")
	open(t, se, "good")
	if r := task(t, se, "e"); string(r.Payload) != "goode" {
		t.Errorf("Task = %q, want goode", r.Payload)
	}
}

// replay: a lost child is replaced and brought to where it was.
func (s Suite) replay(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{Wall: 2 * time.Second})
	open(t, se, "in")
	for range 2 {
		_, err := se.Task(t.Context(), []byte("l"))
		wants(t, "Task(l)", err, sandbox.LimitWall, "2s")
	}
	if r := task(t, se, "e"); string(r.Payload) != "ine" {
		t.Errorf("Task after two lost children = %q, want ine", r.Payload)
	}
	if err := se.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := se.Task(t.Context(), nil); !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Task after Close = %v, want %v", err, sandbox.ErrClosed)
	}
}

func (s Suite) limits(t *testing.T) {
	const limit = 200 * time.Millisecond
	se := s.Start(t, "all", sandbox.Limits{CPU: limit})
	open(t, se, "")
	began := time.Now()
	_, err := se.Task(t.Context(), []byte("l"))
	wants(t, "Task(l)", err, sandbox.LimitCPU, "200ms")
	if d := time.Since(began); d < limit {
		t.Errorf("Task(l) took %v on the clock, less than its processor time", d)
	}
	_, err = se.Open(t.Context(), []byte("L"))
	wants(t, "Open(L)", err, sandbox.LimitCPU, "200ms")
	open(t, se, "")
	if r := task(t, se, "f"); r.CPU <= 0 || r.CPU > limit {
		t.Errorf("Task(f) used %v, want some of %v", r.CPU, limit)
	}
}

func (s Suite) cancel(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{})
	open(t, se, "in")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := se.Task(ctx, []byte("l")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Task with a deadline = %v, want %v", err, context.DeadlineExceeded)
	}
	if r := task(t, se, "e"); string(r.Payload) != "ine" {
		t.Errorf("Task after a cancelled one = %q, want ine", r.Payload)
	}
	result := make(chan error, 1)
	go func() {
		_, err := se.Task(t.Context(), []byte("l"))
		result <- err
	}()
	timer := time.NewTimer(50 * time.Millisecond) // long enough to be in the loop, right either way
	<-timer.C
	se.Close()
	if err := <-result; !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Task during Close = %v, want %v", err, sandbox.ErrClosed)
	}
}
