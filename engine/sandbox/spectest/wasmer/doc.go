// Package wasmer holds the test that plays the specification's suite on
// Wasmer, set up as for guests, and the list of what fails there.
package wasmer
