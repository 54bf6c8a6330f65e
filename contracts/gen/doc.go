// Package gen holds the Go bindings of the contracts, written by
// contracts/generate from what contracts/build.sh compiled. Never edit
// contracts.go by hand: change the contract and build again.
package gen
