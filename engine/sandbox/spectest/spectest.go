// Package spectest runs the WebAssembly specification's own test suite (core
// and SIMD, version 2.0) on the engines that run strangers' guests, so that
// what each of them gets wrong is known by name before a buyer finds it.
//
// The scripts come as JSON with binaries beside it, from the sources of
// wazero in the module cache; nothing of them is copied here. A script is
// played in a process of its own, as an engine may take its process with it:
// the assertion under way then counts as failed, and the script goes on after
// it in a fresh process that plays what went before once more, in silence.
//
// # What is counted
//
// Each module that is to be instantiated, each action and each assertion
// counts once: passed, failed or skipped. "register" is no claim about the
// engine and is not counted; where it cannot be done, what needs it fails.
// Skipped are the assertions that a text is malformed, as no engine here is
// given text: 405 of core and 510 of SIMD. The 176 texts that are one function
// with a badly encoded name are put into binary form and count like others.
//
// Wazero's own runner counts alike, less the texts. Its figure of 25,468 for
// SIMD belongs to the scripts of its version 1.9; those of 1.12 have nine
// commands more (simd_select, and two in simd_i32x4_dot_i16x8).
//
// # Why
//
// Of the engines' Go libraries two cannot pass v128, and one of those dies of
// seeing it in an exported signature. So each module is given wrappers, in WebAssembly,
// that take and give a v128 as two i64; the assertions stay what they were.
// To leave those out was the other way, but guests are built with SIMD.
package spectest

// Type is a value's type, as the binary format numbers it.
type Type byte

// The types of values.
const (
	I32       Type = 0x7f
	I64       Type = 0x7e
	F32       Type = 0x7d
	F64       Type = 0x7c
	V128      Type = 0x7b
	Funcref   Type = 0x70
	Externref Type = 0x6f
)

// Value is an argument or a result. A reference is null or is known by Lo,
// the number that the script gives it; of functions nothing is known.
type Value struct {
	Type   Type
	Lo, Hi uint64 // the bits; Hi is the upper half of a v128
	Null   bool
}

// Engine is what is tested, as its adapter shows it.
type Engine interface {
	// Compile takes a binary, and refuses one that is not valid.
	Compile(code []byte) (Module, error)
}

// Module is a compiled module.
type Module interface {
	// Instantiate links the module to instances, which instance gives by the
	// name they are registered under, or nil, and starts it. A guest that
	// stops answers a *Trap; any other error means it does not link.
	Instantiate(instance func(name string) Instance) (Instance, error)
}

// Instance is an instantiated module. It never sees a v128.
type Instance interface {
	Call(export string, args []Value) ([]Value, error)
	Global(export string) (Value, error)
}

// Trap says that a guest stopped, in the engine's words.
type Trap struct{ Reason string }

func (t *Trap) Error() string { return "trap: " + t.Reason }
