// Package wasmer runs a gated guest on Wasmer, the fastest engine there is a
// Go library for, compiled to native code by Cranelift.
//
// The library (wasmer-go 1.0.4, with Wasmer 2.0 inside) is no longer
// maintained and has known ways to kill its process, so it runs only inside a
// locked-down child, on modules the gate let pass, one module per process,
// never two calls at once. NaN canonicalization stays off, it crashes with
// SIMD; guests' encoders do that. Opcodes it lacks make it answer Unsupported.
// It needs cgo and exists for Linux on x86-64 and for macOS; elsewhere New
// answers Unsupported and the next engine is used.
package wasmer
