package sandboxtest

import (
	"bytes"
	"encoding/binary"
	"testing"

	"sonm/engine/sandbox"
)

// host: what a guest sees of the outside is the same everywhere.
func (s Suite) host(t *testing.T) {
	se := s.Start(t, "all", sandbox.Limits{})
	open(t, se, "in")
	a, b := task(t, se, "R1").Payload, task(t, se, "R2").Payload
	if len(a) != 64 || bytes.Equal(a, make([]byte, 64)) || bytes.Equal(a, b) {
		t.Errorf("random of two tasks = %x and %x, want two different", a, b)
	}
	other := s.Start(t, "all", sandbox.Limits{})
	open(t, other, "in")
	if c := task(t, other, "R1").Payload; !bytes.Equal(a, c) {
		t.Errorf("random in another session = %x, want %x", c, a)
	}
	open(t, other, "In")
	if c := task(t, other, "R1").Payload; bytes.Equal(a, c) {
		t.Errorf("random with another input is the same, %x", c)
	}
	clock := task(t, se, "C").Payload
	if x, y := binary.LittleEndian.Uint64(clock), binary.LittleEndian.Uint64(clock[8:]); y <= x {
		t.Errorf("clock went from %d to %d", x, y)
	}
	if w := task(t, se, "w").Payload; !bytes.Equal(w, words(210_000, 8, 8)) {
		t.Errorf("writes = %v, want 210000 bytes and twice EBADF", w)
	}
	if w := task(t, se, "W").Payload; !bytes.Equal(w, words(21, 21, 21, 21)) {
		t.Errorf("bad pointers = %v, want EFAULT four times", w)
	}
}

func words(v ...uint32) []byte {
	var b []byte
	for _, w := range v {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func (s Suite) gate(t *testing.T) {
	for _, c := range []struct {
		name, part string
		limits     sandbox.Limits
		kind       sandbox.Kind
	}{
		{"import", `"env.system"`, sandbox.Limits{}, sandbox.Invalid},
		{"v128", `"twice"`, sandbox.Limits{}, sandbox.Invalid},
		{"nomax", "no maximum", sandbox.Limits{}, sandbox.Invalid},
		{"huge", "4096 MiB", sandbox.Limits{}, sandbox.LimitMemory},
		{"plain", "64 MiB", sandbox.Limits{Memory: 32 << 20}, sandbox.LimitMemory},
		{"shared", "limits of kind 3", sandbox.Limits{}, sandbox.Invalid},
	} {
		_, err := s.TryStart(t, s.Guest(t, c.name), c.limits)
		wants(t, "Start("+c.name+")", err, c.kind, c.part)
	}
	good := s.Guest(t, "all")
	for name, b := range map[string][]byte{
		"nothing":   nil,
		"garbage":   bytes.Repeat([]byte("not wasm"), 1000),
		"truncated": good[:len(good)/2],
		"too big":   make([]byte, sandbox.MaxModule+1),
		"no ABI":    []byte("\x00asm\x01\x00\x00\x00\x05\x04\x01\x01\x01\x01\x07\x0a\x01\x06memory\x02\x00"),
	} {
		_, err := s.TryStart(t, b, sandbox.Limits{})
		wants(t, "Start("+name+")", err, sandbox.Invalid, "")
	}
}

// many: a session serves thousands of tasks in the memory of a few.
func (s Suite) many(t *testing.T) {
	const tasks = 2000
	se := s.Start(t, "simd", sandbox.Limits{})
	open(t, se, "in")
	want := task(t, se, "g").Payload
	for n := range tasks {
		if got := task(t, se, "g").Payload; !bytes.Equal(got, want) {
			t.Fatalf("task %d = %x, want %x", n, got, want)
		}
	}
}
