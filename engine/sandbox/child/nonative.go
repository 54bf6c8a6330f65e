//go:build !cgo || !((linux && amd64) || darwin)

package main

import "sonm/engine/sandbox"

// compilers are the engines this program was built with.
func compilers() map[sandbox.Engine]compiler {
	return map[sandbox.Engine]compiler{sandbox.Wazero: portable}
}
