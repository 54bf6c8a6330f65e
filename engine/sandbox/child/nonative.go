//go:build !cgo || !((linux && amd64) || darwin)

package main

import (
	"sonm/engine/sandbox"
	"sonm/engine/sandbox/host"
)

// compilers are the engines this program was built with.
func compilers() map[sandbox.Engine]host.Compiler {
	return map[sandbox.Engine]host.Compiler{sandbox.Wazero: portable}
}
