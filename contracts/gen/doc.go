// Package gen holds the Go bindings of the contracts, written by
// contracts/generate from what contracts/build.sh compiled. Never edit
// the others by hand: change the contract and build again.
package gen
