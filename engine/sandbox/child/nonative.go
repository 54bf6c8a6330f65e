//go:build !cgo || !((linux && amd64) || darwin)

package main

import (
	"sonm/engine/sandbox"
	"sonm/engine/sandbox/host"
)

// compilers are the engines this program was built with.
func compilers() map[sandbox.Engine]host.Library {
	return map[sandbox.Engine]host.Library{sandbox.Wazero: portable()}
}
