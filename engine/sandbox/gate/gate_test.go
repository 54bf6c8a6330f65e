package gate_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
)

func rules() gate.Rules {
	r := gate.Rules{Module: 1 << 20, Memory: 64 << 20, Imports: map[string]gate.Signature{}}
	var w wasi.World
	for _, f := range w.Functions() {
		r.Imports[wasi.Namespace+"."+f.Name] = gate.Signature{Params: f.Params, Results: f.Results}
	}
	return r
}

func guest(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", name+".wasm"))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestLetsGuestsPass(t *testing.T) {
	for _, name := range []string{"all", "simd", "popcnt", "plain"} {
		m, err := gate.Check(t.Context(), guest(t, name), rules())
		if err != nil {
			t.Errorf("Check(%s) = %v", name, err)
			continue
		}
		if m.MemoryMax != 64<<20 || m.MemoryMin == 0 || m.MemoryMin > m.MemoryMax {
			t.Errorf("%s: memory %d to %d, want up to 64 MiB", name, m.MemoryMin, m.MemoryMax)
		}
		for n := range m.Globals {
			if !bytes.Contains(m.Code, []byte(gate.GlobalName(n))) {
				t.Errorf("%s: mutable global %d is not exported", name, n)
			}
		}
	}
	m, err := gate.Check(t.Context(), guest(t, "all"), rules())
	if err != nil || len(m.Globals) == 0 || !m.Initialize || len(m.Imports) != 5 {
		t.Errorf("Check(all) = %+v, %v, want its stack pointer, _initialize and 5 imports", m, err)
	}
}

// section is one section of a module made by hand.
func section(id byte, body ...byte) []byte { return append([]byte{id, byte(len(body))}, body...) }

func module(sections ...[]byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), bytes.Join(sections, nil)...)
}

func TestRefuses(t *testing.T) {
	mem := section(5, 1, 1, 1, 1)
	exports := section(7, append([]byte{1, 6}, "memory\x02\x00"...)...)
	for _, c := range []struct {
		name, part string
		code       []byte
	}{
		{"nothing", "does not begin", nil},
		{"version 2", "binary version 2", []byte("\x00asm\x02\x00\x00\x00")},
		{"two memories", "2 entries", module(section(5, 2, 1, 1, 1, 1, 1, 1), exports)},
		{"no memory", "0 memories", module(exports)},
		{"memory without maximum", "no maximum", module(section(5, 1, 0, 1), exports)},
		{"memory of 64 bits", "limits of kind 5", module(section(5, 1, 5, 1, 1), exports)},
		{"memory upside down", "2 to 1 pages", module(section(5, 1, 1, 2, 1), exports)},
		{"start function", "start function", module(mem, exports, section(8, 0))},
		{"memory twice", "comes twice", module(mem, mem)},
		{"imported memory", "other than a function", module(section(2, 1, 1, 'a', 1, 'b', 2, 0, 1))},
		{"host's name", `"sonm.global.0"`, module(mem, section(7, append([]byte{1, 13}, "sonm.global.0\x02\x00"...)...))},
		{"big table", "elements", module(section(4, 1, 0x70, 0, 0xff, 0xff, 0xff, 0x7f))},
		{"vector global", "at most 64 bits", module(section(6, append([]byte{1, 0x7b, 1, 0xfd, 12}, append(make([]byte, 16), 0x0b)...)...))},
		{"many locals", "4096 locals", module(section(10, 1, 6, 1, 0xff, 0xff, 3, 0x7f, 0x0b))},
		{"long number", "too long", module(section(5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))},
		{"cut off", "ends too early", module(mem, []byte{7, 100, 1})},
		{"left over", "longer than its content", module(section(5, 1, 1, 1, 1, 9))},
		{"many types", "announces", module(section(1, 0xff, 0xff, 0xff, 0x7f))},
		{"many tags", "announces", module(section(13, 0xff, 0xff, 0xff, 0x7f))},
		{"many parameters", "ends too early", module(section(1, 1, 0x60, 0xff, 0xff, 0xff, 0x7f))},
		{"many elements", "ends too early", module(section(9, 1, 0, 0x41, 0, 0x0b, 0xff, 0xff, 0xff, 0x7f))},
		{"much data", "ends too early", module(section(11, 1, 0, 0x41, 0, 0x0b, 0xff, 0xff, 0xff, 0x7f))},
		{"element outside", "does not fit", module(section(4, 1, 0x70, 0, 1), section(9, 1, 0, 0x41, 2, 0x0b, 0))},
		{"element far outside", "does not fit", module(section(4, 1, 0x70, 0, 1), section(9, 1, 0, 0x41, 0x7f, 0x0b, 1, 0))},
		{"element of no table", "does not fit", module(section(9, 1, 0, 0x41, 0, 0x0b, 0))},
		{"element from a global", "not a constant", module(section(4, 1, 0x70, 0, 1), section(9, 1, 0, 0x23, 0, 0x0b, 0))},
		{"no ABI", "does not export \"", module(mem, exports)},
		{
			"bad code", "not valid",
			module(section(1, 1, 0x60, 0, 0), section(3, 1, 0), mem, exports, section(10, 1, 3, 0, 0x6a, 0x0b)),
		},
	} {
		_, err := gate.Check(t.Context(), c.code, rules())
		var e *sandbox.Error
		if !errors.As(err, &e) || e.Kind != sandbox.Invalid || !strings.Contains(e.Msg, c.part) {
			t.Errorf("Check(%s) = %v, want invalid with %q", c.name, err, c.part)
		}
	}
}

// chain is a function section of n functions of type 0, chained their bodies:
// each has 4096 numbers for locals and calls the next.
func chain(n byte) []byte {
	return section(3, append([]byte{n}, make([]byte, n)...)...)
}

func chained(n byte) []byte {
	b := []byte{n}
	for f := range n {
		call := []byte{0x10, f + 1}
		if f == n-1 {
			call = []byte{1, 1} // nops
		}
		b = append(b, 7, 1, 0x80, 0x20, 0x7e)
		b = append(append(b, call...), 0x0b)
	}
	return append(append([]byte{10}, binary.AppendUvarint(nil, uint64(len(b)))...), b...)
}

// TestCommand: a program needs _start and gets a maximum for its memory.
func TestCommand(t *testing.T) {
	types, funcs := section(1, 1, 0x60, 0, 0), section(3, 1, 0)
	body := section(10, 1, 2, 0, 0x0b)
	exports := section(7, append([]byte{2, 6}, "memory\x02\x00\x06_start\x00\x00"...)...)
	bare := section(7, append([]byte{1, 6}, "memory\x02\x00"...)...)
	r := rules()
	r.Command = true
	for _, c := range []struct {
		name, part string
		code       []byte
		most       uint64 // bytes of memory
	}{
		{"no maximum", "", module(types, funcs, section(5, 1, 0, 1), exports, body), r.Memory},
		{"own maximum", "", module(types, funcs, section(5, 1, 1, 1, 2), exports, body), 2 * gate.PageSize},
		{"too much at once", "MiB of memory", module(types, funcs, section(5, 1, 0, 0x81, 8), exports, body), 0},
		{"no _start", `does not export "_start"`, module(types, funcs, section(5, 1, 0, 1), bare, body), 0},
		{"a long chain of calls", "KiB deep without recursion", module(types, chain(40), section(5, 1, 0, 1), exports, chained(40)), 0},
		{"a shorter chain", "", module(types, chain(10), section(5, 1, 0, 1), exports, chained(10)), r.Memory},
		{"a guest", `does not export "_start"`, guest(t, "all"), 0},
	} {
		m, err := gate.Check(t.Context(), c.code, r)
		if c.part != "" {
			if err == nil || !strings.Contains(err.Error(), c.part) {
				t.Errorf("Check(%s) = %v, want an error with %q", c.name, err, c.part)
			}
			continue
		}
		if err != nil || m.MemoryMax != c.most || m.MemoryMin != gate.PageSize {
			t.Errorf("Check(%s) = %+v, %v, want memory of 1 page to %d bytes", c.name, m, err, c.most)
			continue
		}
		// What the engine gets has the maximum in it.
		code := bytes.ReplaceAll(m.Code, []byte("sonm."), []byte("user."))
		if again, err := gate.Check(t.Context(), code, r); err != nil || again.MemoryMax != c.most {
			t.Errorf("Check(%s) of its own code = %+v, %v", c.name, again, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, name := range []string{"all", "simd", "plain", "v128", "nomax", "shared", "import"} {
		f.Add(guest(f, name))
	}
	r := rules()
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := gate.Check(t.Context(), b, r)
		if err == nil {
			// What passed once passes again but for the names kept for the host.
			if _, err := gate.Check(t.Context(), m.Code, r); err != nil && len(m.Globals) == 0 {
				t.Fatalf("the rebuilt module is refused: %v", err)
			}
			return
		}
		var e *sandbox.Error
		if !errors.As(err, &e) || e.Kind != sandbox.Invalid && e.Kind != sandbox.LimitMemory {
			t.Fatalf("Check = %v, want invalid or memory limit", err)
		}
	})
}
