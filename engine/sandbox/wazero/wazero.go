// Package wazero runs a gated guest on wazero, the engine in pure Go that is
// always there: fallback where the native one is missing or gives up, and
// independent cross-checker.
//
// Guest memory is mapped at its maximum from the start, where the system can
// do that: it costs nothing until it is touched, growing never copies, and
// the garbage collector does not know of it. (Letting wazero grow a Go slice
// held the old and the new copy of a scene at the same time.)
// WithCloseOnContextDone is not used, it slows loops down several times: the
// broker kills the process instead.
package wazero

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
)

// Engine is one compiled guest. It belongs to one goroutine.
type Engine struct {
	rt       wazero.Runtime
	compiled wazero.CompiledModule
	guest    *gate.Module
	funcs    map[string]api.Function // of the present instance
	mod      api.Module              // nil if there is none
}

// New compiles guest and binds world to its imports.
func New(ctx context.Context, guest *gate.Module, world *wasi.World) (*Engine, error) {
	cfg := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2).
		WithDebugInfoEnabled(false).WithMemoryCapacityFromMax(true)
	rt := wazero.NewRuntimeWithConfig(ctx, cfg)
	b := rt.NewHostModuleBuilder(wasi.Namespace)
	for _, f := range world.Functions() {
		b.NewFunctionBuilder().WithGoModuleFunction(bind(f), f.Params, f.Results).Export(f.Name)
	}
	if _, err := b.Instantiate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("wazero host functions: %w", err), rt.Close(ctx))
	}
	c, err := rt.CompileModule(ctx, guest.Code)
	if err != nil {
		return nil, errors.Join(sandbox.Errorf(sandbox.Unsupported, "wazero cannot compile the module: %v", err), rt.Close(ctx))
	}
	return &Engine{rt: rt, compiled: c, guest: guest}, nil
}

func bind(f wasi.Func) api.GoModuleFunc {
	return func(_ context.Context, m api.Module, stack []uint64) {
		mem, _ := m.Memory().Read(0, m.Memory().Size())
		e, err := f.Call(mem, stack[:len(f.Params)])
		if err != nil {
			panic(err) // wazero hands it to the caller of the guest
		}
		if len(f.Results) > 0 {
			stack[0] = uint64(e)
		}
	}
}

// Instantiate makes a fresh instance and ends the one before.
func (e *Engine) Instantiate(ctx context.Context) error {
	if e.mod != nil {
		if err := e.mod.Close(ctx); err != nil {
			return fmt.Errorf("wazero instance: %w", err)
		}
		e.mod = nil
	}
	cfg := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	m, err := e.rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, allocator), e.compiled, cfg)
	if err != nil {
		return trapped(err)
	}
	e.mod, e.funcs = m, map[string]api.Function{}
	return nil
}

// Call calls an export and gives its result, or 0 if it has none.
func (e *Engine) Call(ctx context.Context, name string, args ...uint64) (uint64, error) {
	f := e.funcs[name]
	if f == nil {
		if f = e.mod.ExportedFunction(name); f == nil {
			return 0, sandbox.Errorf(sandbox.Invalid, "the module does not export %q", name)
		}
		e.funcs[name] = f
	}
	r, err := f.Call(ctx, args...)
	if err != nil {
		return 0, trapped(err)
	}
	if len(r) == 0 {
		return 0, nil
	}
	return r[0], nil
}

// trapped makes a Trap of what stopped the guest, without wazero's stack.
func trapped(err error) error {
	if exit, ok := errors.AsType[wasi.Exit](err); ok {
		return sandbox.Errorf(sandbox.Trap, "%v", exit)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return sandbox.Errorf(sandbox.Trap, "the guest stopped: %s", strings.TrimPrefix(first, "wasm error: "))
}

// Memory is the guest's memory as it is now; it is stale after the next Call
// or Grow.
func (e *Engine) Memory() []byte {
	m := e.mod.Memory()
	b, _ := m.Read(0, m.Size())
	return b
}

// Grow adds pages of gate.PageSize bytes.
func (e *Engine) Grow(pages uint32) bool {
	_, ok := e.mod.Memory().Grow(pages)
	return ok
}

// Globals reads the mutable globals as raw bits.
func (e *Engine) Globals() ([]uint64, error) {
	v := make([]uint64, len(e.guest.Globals))
	for n := range v {
		v[n] = e.mod.ExportedGlobal(gate.GlobalName(n)).Get()
	}
	return v, nil
}

// SetGlobals writes what Globals read.
func (e *Engine) SetGlobals(v []uint64) error {
	for n, bits := range v {
		g, ok := e.mod.ExportedGlobal(gate.GlobalName(n)).(api.MutableGlobal)
		if !ok {
			return fmt.Errorf("global %d is not mutable", n)
		}
		g.Set(bits)
	}
	return nil
}

// Artifact is nil: wazero keeps what it compiled in folders only, which a
// child has none of.
func (e *Engine) Artifact() ([]byte, error) { return nil, nil }

// Spent reports whether the process should end soon: never, with this engine.
func (e *Engine) Spent() bool { return false }
