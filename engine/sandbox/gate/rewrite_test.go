package gate_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sonm/engine/sandbox/gate"
)

// large is a section of any size.
func large(id byte, body []byte) []byte {
	return append(binary.AppendUvarint([]byte{id}, uint64(len(body))), body...)
}

// vector is v128.const of one byte.
func vector(b byte) []byte { return append([]byte{0xfd, 12}, bytes.Repeat([]byte{b}, 16)...) }

// chooses is a module whose "f" (i32) -> i64 is what code leaves as a vector,
// of which the upper half is its answer.
func chooses(code []byte) []byte {
	body := bytes.Join([][]byte{{0}, code, {0xfd, 29, 1, 0x0b}}, nil) // i64x2.extract_lane 1
	return module(
		section(1, 1, 0x60, 1, 0x7f, 1, 0x7e), section(3, 1, 0), section(7, 1, 1, 'f', 0, 0),
		large(10, append([]byte{1, byte(len(body))}, body...)))
}

// TestSelectsBehindBranches: what stands behind a branch is no operand, in
// whatever blocks, and a select in front of it is replaced all the same.
func TestSelectsBehindBranches(t *testing.T) {
	a, b, get := vector(0x11), vector(0x22), []byte{0x20, 0}
	for name, c := range map[string]struct {
		code     []byte
		selected int
	}{
		"plain":                    {bytes.Join([][]byte{a, b, get, {0x1b}}, nil), 1},
		"typed":                    {bytes.Join([][]byte{a, b, get, {0x1c, 1, 0x7b}}, nil), 1},
		"behind dead blocks":       {bytes.Join([][]byte{a, b, {0x02, 0x40, 0x0c, 0, 0x02, 0x40, 0x0b, 0x1a, 0x1a, 0x0b}, get, {0x1b}}, nil), 1},
		"behind a dead if":         {bytes.Join([][]byte{a, b, {0x02, 0x40, 0x0c, 0, 0x41, 1, 0x04, 0x40, 0x41, 0, 0x1a, 0x05, 0x0b, 0x1a, 0x1a, 0x0b}, get, {0x1b}}, nil), 1},
		"numbers in dead code":     {bytes.Join([][]byte{a, {0x02, 0x40, 0x0c, 0, 0x1b, 0x1a, 0x0b}}, nil), 0},
		"in both branches":         {bytes.Join([][]byte{get, {0x04, 0x7b}, a, b, get, {0x1b, 0x05}, b, a, get, {0x1b, 0x0b}}, nil), 2},
		"of numbers over a vector": {bytes.Join([][]byte{a, get, get, get, {0x1b, 0x1a}}, nil), 0},
	} {
		code := chooses(c.code)
		got, err := gate.Rewrite(code)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := bytes.Count(got, []byte{0x45, 0x41, 1, 0x6b, 0xfd, 0x11, 0xfd, 0x52}); n != c.selected {
			t.Errorf("%s: %d selects are replaced, want %d", name, n, c.selected)
		}
		for _, arg := range []uint64{0, 1, 1 << 31} {
			if x, y := result(t, code, arg), result(t, got, arg); x != y {
				t.Errorf("%s(%d) = %x, rewritten %x", name, arg, x, y)
			}
		}
	}
}

// result is f(arg) of a module.
func result(t *testing.T, code []byte, arg uint64) uint64 {
	t.Helper()
	rt := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2))
	defer rt.Close(t.Context())
	m, err := rt.Instantiate(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.ExportedFunction("f").Call(t.Context(), arg)
	if err != nil {
		t.Fatal(err)
	}
	return r[0]
}

// TestRewritingIsBounded: a small module does not become a huge one.
func TestRewritingIsBounded(t *testing.T) {
	const funcs, params = 20_000, 1000
	kind := append(binary.AppendUvarint([]byte{1, 0x60}, params), bytes.Repeat([]byte{0x7f}, params)...)
	kinds := append(binary.AppendUvarint(nil, funcs), make([]byte, funcs)...)
	bodies := binary.AppendUvarint(nil, funcs)
	for n := range uint64(funcs) { // each calls itself in dead code
		call := binary.AppendUvarint([]byte{0, 0x00, 0x10}, n)
		call = append(call, 0x0b)
		bodies = append(append(bodies, byte(len(call))), call...)
	}
	code := module(large(1, append(kind, 0)), large(3, kinds), large(10, bodies))
	if _, err := gate.Rewrite(code); err == nil || !strings.Contains(err.Error(), "counting its recursion") {
		t.Errorf("Rewrite of %d functions of %d parameters = %v", funcs, params, err)
	}
}

// TestTablesAreBounded: a table gets a maximum, and all together have one.
func TestTablesAreBounded(t *testing.T) {
	types, funcs := section(1, 1, 0x60, 0, 0), section(3, 1, 0)
	body := section(10, 1, 2, 0, 0x0b)
	exports := section(7, append([]byte{2, 6}, "memory\x02\x00\x06_start\x00\x00"...)...)
	r := rules()
	r.Command = true
	check := func(tables ...byte) (*gate.Module, error) {
		return gate.Check(t.Context(), module(types, funcs, section(4, tables...), section(5, 1, 0, 1), exports, body), r)
	}
	m, err := check(1, 0x70, 0, 5)
	if err != nil || !bytes.Contains(m.Code, []byte{4, 7, 1, 0x70, 1, 5, 0x80, 0x80, 4}) {
		t.Errorf("a table without maximum: %v, want 5 to 65536 elements in it", err)
	}
	if m, err = check(2, 0x70, 1, 5, 6, 0x6f, 0, 0x80, 0x80, 8); err != nil ||
		!bytes.Contains(m.Code, []byte{4, 13, 2, 0x70, 1, 5, 6, 0x6f, 1, 0x80, 0x80, 8, 0x80, 0x80, 8}) {
		t.Errorf("two tables: %v, want their own bounds", err)
	}
	if _, err = check(2, 0x70, 1, 0, 0x80, 0x80, 0x20, 0x70, 1, 0, 0x80, 0x80, 0x21); err == nil || !strings.Contains(err.Error(), "elements") {
		t.Errorf("tables of a million and more elements together: %v", err)
	}
}
