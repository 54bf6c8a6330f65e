package main

import (
	"context"

	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
	"sonm/engine/sandbox/wazero"
)

func portable(ctx context.Context, m *gate.Module, w *wasi.World) (engine, error) {
	return wazero.New(ctx, m, w)
}
