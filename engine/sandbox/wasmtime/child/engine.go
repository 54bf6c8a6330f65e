//go:build cgo && ((amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin)))

package main

import (
	"context"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/host"
	"sonm/engine/sandbox/wasi"
	"sonm/engine/sandbox/wasmtime"
)

// compilers is the engine this program was built with.
func compilers() map[sandbox.Engine]host.Library {
	return map[sandbox.Engine]host.Library{
		sandbox.Wasmtime: {
			Compile: func(ctx context.Context, m *gate.Module, w *wasi.World) (host.Engine, error) {
				return wasmtime.New(ctx, m, w)
			},
			Load: func(b []byte, m *gate.Module, w *wasi.World) (host.Engine, error) { return wasmtime.Load(b, m, w) },
		},
	}
}
