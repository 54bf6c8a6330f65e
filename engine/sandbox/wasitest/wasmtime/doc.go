// Package wasmtime is the wasi-testsuite on that engine, see package wasitest.
package wasmtime
