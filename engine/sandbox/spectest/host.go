package spectest

import (
	"encoding/binary"
	"math"
)

// host is the module that scripts import as "spectest": functions that print
// nothing, four constants, a table of 10 to 20 and a memory of one to two
// pages. Being a module itself, it needs no host objects of an engine.
func host() []byte {
	prints := []struct {
		name   string
		params []Type
	}{
		{"print", nil},
		{"print_i32", []Type{I32}},
		{"print_i64", []Type{I64}},
		{"print_f32", []Type{F32}},
		{"print_f64", []Type{F64}},
		{"print_i32_f32", []Type{I32, F32}},
		{"print_f64_f64", []Type{F64, F64}},
	}
	var types, funcs, bodies, exports [][]byte
	for n, p := range prints {
		types = append(types, signature{params: p.params}.bytes())
		funcs = append(funcs, uleb(uint32(n)))
		bodies = append(bodies, sized([]byte{0, 0x0b}))
		exports = append(exports, export{p.name, funcKind, uint32(n)}.bytes())
	}
	const number = 666 // what the specification's own interpreter gives
	globals := [][]byte{
		{byte(I32), 0, 0x41, 0x9a, 0x05, 0x0b}, // 666 in signed LEB128
		{byte(I64), 0, 0x42, 0x9a, 0x05, 0x0b},
		append(binary.LittleEndian.AppendUint32([]byte{byte(F32), 0, 0x43}, math.Float32bits(number+0.6)), 0x0b),
		append(binary.LittleEndian.AppendUint64([]byte{byte(F64), 0, 0x44}, math.Float64bits(number+0.6)), 0x0b),
	}
	for n, name := range []string{"global_i32", "global_i64", "global_f32", "global_f64"} {
		exports = append(exports, export{name, globalKind, uint32(n)}.bytes())
	}
	exports = append(exports, export{"table", tableKind, 0}.bytes(), export{"memory", memoryKind, 0}.bytes())
	return join([]section{
		{typeSection, vector(types...)},
		{functionSection, vector(funcs...)},
		{tableSection, vector([]byte{byte(Funcref), 1, 10, 20})},
		{memorySection, vector([]byte{1, 1, 2})},
		{globalSection, vector(globals...)},
		{exportSection, vector(exports...)},
		{codeSection, vector(bodies...)},
	})
}
