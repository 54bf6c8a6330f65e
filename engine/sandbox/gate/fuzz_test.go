package gate_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/sandboxtest"
)

// patience is for a module of a few KiB, on a computer that has much else to do.
const patience = 20 * time.Second

// checks has the gate look at code and holds it to what it promises of a module
// that passes, and of one that does not.
func checks(tb testing.TB, code []byte, r gate.Rules) {
	tb.Helper()
	before, began := bytes.Clone(code), time.Now()
	m, err := gate.Check(tb.Context(), code, r)
	if d := time.Since(began); d > patience {
		tb.Errorf("Check of %d bytes took %v", len(code), d)
	}
	if !bytes.Equal(before, code) {
		tb.Error("Check changed what it was given")
	}
	if err != nil {
		e, ok := errors.AsType[*sandbox.Error](err)
		if !ok || e.Kind != sandbox.Invalid && e.Kind != sandbox.LimitMemory {
			tb.Errorf("Check = %v, want invalid or memory limit", err)
		}
		return
	}
	// Guards grow a module by a multiple of its recursive functions only.
	if most := 64*len(code) + 1<<20; len(m.Code) > most {
		tb.Errorf("a module of %d bytes became one of %d", len(code), len(m.Code))
	}
	if m.MemoryMax > r.Memory || m.MemoryMin > m.MemoryMax {
		tb.Errorf("memory of %d to %d bytes, %d are allowed", m.MemoryMin, m.MemoryMax, r.Memory)
	}
	compiles(tb, m)
	again, rest, err := gate.Again(append(m.Passed(), "artifact"...), r)
	if err != nil || string(rest) != "artifact" || again.MemoryMin != m.MemoryMin || again.MemoryMax != m.MemoryMax ||
		!bytes.Equal(again.Globals, m.Globals) || again.Initialize != m.Initialize {
		tb.Errorf("Again of %+v = %+v, %q, %v", m, again, rest, err)
	}
}

// compiles has the compiler take what passed, and looks at what it is.
func compiles(tb testing.TB, m *gate.Module) {
	tb.Helper()
	ctx := tb.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(api.CoreFeaturesV2))
	defer rt.Close(ctx)
	c, err := rt.CompileModule(ctx, m.Code)
	if err != nil {
		tb.Errorf("the compiler refuses what passed: %v", err)
		return
	}
	memory, ok := c.ExportedMemories()["memory"]
	if !ok {
		tb.Error("what passed exports no memory")
		return
	}
	most, bounded := memory.Max()
	if !bounded || uint64(most)*gate.PageSize != m.MemoryMax || uint64(memory.Min())*gate.PageSize != m.MemoryMin {
		tb.Errorf("memory of %d to %d pages (%v), want %d to %d bytes", memory.Min(), most, bounded, m.MemoryMin, m.MemoryMax)
	}
	if n := len(c.ImportedMemories()); n > 0 {
		tb.Errorf("%d memories are imported", n)
	}
	if n := len(c.ImportedFunctions()); n != len(m.Imports) {
		tb.Errorf("%d functions are imported, want the %d of %q", n, len(m.Imports), m.Imports)
	}
	for n := range m.Globals {
		if !bytes.Contains(m.Code, []byte(gate.GlobalName(n))) {
			tb.Errorf("global %d is not exported", n)
		}
	}
}

var guests = []string{"all", "simd", "plain", "popcnt", "v128", "nomax", "shared", "import"}

// FuzzCheck: no bytes make the gate panic, hang or let pass what breaks its
// promises.
func FuzzCheck(f *testing.F) {
	for _, name := range guests {
		f.Add(guest(f, name), false)
	}
	f.Add(program, true)
	f.Fuzz(func(t *testing.T, b []byte, command bool) {
		r := rules()
		r.Command = command
		checks(t, b, r)
	})
}

// program is a command module without a maximum of its memory.
var program = module(section(1, 1, 0x60, 0, 0), section(3, 1, 0), section(5, 1, 0, 1),
	section(7, append([]byte{2, 6}, "memory\x02\x00\x06_start\x00\x00"...)...), section(10, 1, 2, 0, 0x0b))

// FuzzMutated is FuzzCheck with modules that are nearer to valid ones: choices
// say what to do to a good one.
func FuzzMutated(f *testing.F) {
	good := [][]byte{program}
	for _, name := range guests {
		good = append(good, guest(f, name))
	}
	for n := range good {
		for _, c := range []string{"", "\x00\x01\x02\x03", "\x03\x05\x07\x30\x01\x07", "\x01\x09\x40\x11\x02\x05\x90\x08"} {
			f.Add(byte(n), []byte(c))
		}
	}
	f.Fuzz(func(t *testing.T, which byte, choices []byte) {
		m := sandboxtest.Mutator{Donors: good, Choose: func(n int) int {
			if len(choices) < 2 {
				choices = nil
				return 0
			}
			c := int(choices[0]) | int(choices[1])<<8
			choices = choices[2:]
			return c % n
		}}
		r := rules()
		r.Command = int(which)%len(good) == 0
		checks(t, m.Mutate(good[int(which)%len(good)]), r)
	})
}

// FuzzAgain: a damaged record of a module is an error, and what is not keeps to
// the rules.
func FuzzAgain(f *testing.F) {
	r := rules()
	m, err := gate.Check(f.Context(), guest(f, "all"), r)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Passed())
	f.Add(append(m.Passed(), "artifact"...))
	f.Add(make([]byte, 21))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := gate.Again(b, r)
		if err != nil {
			return
		}
		if m.MemoryMax > r.Memory || m.MemoryMin > m.MemoryMax || len(m.Globals) == 0 {
			t.Errorf("Again = %+v, which no module is", m)
		}
		if got := append(m.Passed(), rest...); !bytes.Equal(got, b) {
			t.Errorf("Again of %x is the record %x", b, got)
		}
	})
}
