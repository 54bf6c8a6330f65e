// Package wasmtime holds the test that plays the specification's suite on
// Wasmtime, set up as for guests, and the list of what fails there.
package wasmtime
