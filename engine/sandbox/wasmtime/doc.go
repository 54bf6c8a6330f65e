// Package wasmtime runs a gated guest on Wasmtime, native code by Cranelift:
// the fastest of the engines and the native one where wasmer has no library.
//
// It needs cgo and exists for Linux, macOS and Windows on x86-64 and for Linux
// and macOS on arm64; elsewhere there is nothing in this package. It cannot be
// linked into one program with wasmer, as the two libraries share the names of
// their functions: hence a child program of its own, in wasmtime/child.
package wasmtime
