//go:build !cgo || !((amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin)))

package main

import (
	"sonm/engine/sandbox"
	"sonm/engine/sandbox/host"
)

// compilers is empty: there is no such engine here.
func compilers() map[sandbox.Engine]host.Library { return nil }
