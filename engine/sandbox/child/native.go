//go:build cgo && ((linux && amd64) || darwin)

package main

import (
	"context"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/host"
	"sonm/engine/sandbox/wasi"
	"sonm/engine/sandbox/wasmer"
)

// compilers are the engines this program was built with.
func compilers() map[sandbox.Engine]host.Library {
	return map[sandbox.Engine]host.Library{
		sandbox.Wazero: portable(),
		sandbox.Wasmer: {
			Compile: func(ctx context.Context, m *gate.Module, w *wasi.World) (host.Engine, error) {
				return wasmer.New(ctx, m, w)
			},
			Load: func(b []byte, m *gate.Module, w *wasi.World) (host.Engine, error) { return wasmer.Load(b, m, w) },
		},
	}
}
