// Package wazero holds the test that plays the specification's suite on
// wazero, set up as for guests, and the list of what fails there.
package wazero
