package main

import (
	"context"

	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/host"
	"sonm/engine/sandbox/wasi"
	"sonm/engine/sandbox/wazero"
)

func portable() host.Library {
	return host.Library{
		Compile: func(ctx context.Context, m *gate.Module, w *wasi.World) (host.Engine, error) {
			return wazero.New(ctx, m, w)
		},
	}
}
