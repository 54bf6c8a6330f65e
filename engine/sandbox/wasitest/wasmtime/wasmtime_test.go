//go:build cgo && ((amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin)))

package wasmtime_test

import (
	"context"
	"os"
	"testing"

	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
	"sonm/engine/sandbox/wasitest"
	"sonm/engine/sandbox/wasmtime"
)

func open(ctx context.Context, m *gate.Module, w *wasi.World) (wasitest.Engine, error) {
	return wasmtime.New(ctx, m, w)
}

func TestMain(m *testing.M) {
	if wasitest.Serve(context.Background(), open) {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestSuite(t *testing.T) { wasitest.Run(t, "wasmtime", nil, nil) }
