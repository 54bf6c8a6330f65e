//go:build cgo && ((linux && amd64) || darwin)

package wasmer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/wasmerio/wasmer-go/wasmer"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
)

// Engine is one compiled guest. It belongs to one goroutine, holds every
// object of the library that C code may still point to, and is never closed:
// its process ends instead.
type Engine struct {
	store    *wasmer.Store
	module   *wasmer.Module
	imports  *wasmer.ImportObject
	guest    *gate.Module
	instance *wasmer.Instance
	memory   *wasmer.Memory
	funcs    map[string]*wasmer.Function // of the present instance
	stopped  error                       // by a host function, in the present call
	spent    bool
}

// New compiles guest with Cranelift and binds world to its imports.
func New(_ context.Context, guest *gate.Module, world *wasi.World) (*Engine, error) {
	e := &Engine{store: wasmer.NewStore(wasmer.NewEngine()), guest: guest}
	m, err := wasmer.NewModule(e.store, guest.Code)
	if err != nil {
		// The gate has found the module valid, so the fault is the engine's.
		return nil, sandbox.Errorf(sandbox.Unsupported, "wasmer cannot compile the module: %v", err)
	}
	e.module = m
	e.link(world)
	return e, nil
}

// Load takes what Artifact gave for the same guest; it may not be anything else.
func Load(artifact []byte, guest *gate.Module, world *wasi.World) (*Engine, error) {
	e := &Engine{store: wasmer.NewStore(wasmer.NewEngine()), guest: guest}
	m, err := wasmer.DeserializeModule(e.store, artifact)
	if err != nil {
		return nil, sandbox.Errorf(sandbox.Unsupported, "wasmer cannot load the compiled module: %v", err)
	}
	e.module = m
	e.link(world)
	return e, nil
}

// Artifact is the compiled guest for Load.
func (e *Engine) Artifact() ([]byte, error) {
	b, err := e.module.Serialize()
	if err != nil {
		return nil, fmt.Errorf("wasmer artifact: %w", err)
	}
	return b, nil
}

func (e *Engine) link(world *wasi.World) {
	e.imports = wasmer.NewImportObject()
	host := map[string]wasmer.IntoExtern{}
	for _, f := range world.Functions() {
		ty := wasmer.NewFunctionType(wasmer.NewValueTypes(kinds(f.Params)...), wasmer.NewValueTypes(kinds(f.Results)...))
		host[f.Name] = wasmer.NewFunction(e.store, ty, e.bind(f))
	}
	e.imports.Register(wasi.Namespace, host)
}

func kinds(types []byte) []wasmer.ValueKind {
	ks := make([]wasmer.ValueKind, len(types))
	for n, t := range types {
		ks[n] = wasmer.I32
		if t == 0x7e { // i64
			ks[n] = wasmer.I64
		}
	}
	return ks
}

func (e *Engine) bind(f wasi.Func) func([]wasmer.Value) ([]wasmer.Value, error) {
	return func(in []wasmer.Value) ([]wasmer.Value, error) {
		args := make([]uint64, len(in))
		for n := range in {
			if in[n].Kind() == wasmer.I64 {
				args[n] = uint64(in[n].I64())
			} else {
				args[n] = uint64(uint32(in[n].I32()))
			}
		}
		errno, err := f.Call(e.memory.Data(), args)
		if err != nil {
			e.stopped = err
			e.retire()
			return nil, err
		}
		if len(f.Results) == 0 {
			return nil, nil
		}
		return []wasmer.Value{wasmer.NewI32(int32(errno))}, nil
	}
}

// retire keeps the collector from running again: the library frees a trap
// that a host function made once itself and once in a finalizer.
func (e *Engine) retire() {
	e.spent = true
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(math.MaxInt64)
}

// Spent reports whether the process must end after its next answer.
func (e *Engine) Spent() bool { return e.spent }

// Instantiate makes a fresh instance and ends the one before.
func (e *Engine) Instantiate(context.Context) error {
	if e.instance != nil {
		e.memory, e.funcs = nil, nil
		e.instance.Close()
		e.instance = nil
	}
	in, err := wasmer.NewInstance(e.module, e.imports)
	if err != nil {
		return e.trapped(err)
	}
	mem, err := in.Exports.GetMemory("memory")
	if err != nil {
		return fmt.Errorf("wasmer memory: %w", err)
	}
	e.instance, e.memory, e.funcs = in, mem, map[string]*wasmer.Function{}
	return nil
}

// Call calls an export and gives its result, or 0 if it has none.
func (e *Engine) Call(_ context.Context, name string, args ...uint64) (uint64, error) {
	f := e.funcs[name]
	if f == nil {
		var err error
		if f, err = e.instance.Exports.GetRawFunction(name); err != nil {
			return 0, sandbox.Errorf(sandbox.Invalid, "the module does not export %q", name)
		}
		e.funcs[name] = f
	}
	in := make([]any, len(args))
	for n, a := range args {
		in[n] = int32(uint32(a)) // every parameter of the guest ABI is an i32
	}
	e.stopped = nil
	out, err := f.Call(in...)
	runtime.KeepAlive(e)
	if err != nil {
		return 0, e.trapped(err)
	}
	switch v := out.(type) {
	case nil:
		return 0, nil
	case int32:
		return uint64(uint32(v)), nil
	case int64:
		return uint64(v), nil
	}
	return 0, fmt.Errorf("wasmer gave a %T", out)
}

func (e *Engine) trapped(err error) error {
	if e.stopped != nil {
		return sandbox.Errorf(sandbox.Trap, "%v", e.stopped)
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return sandbox.Errorf(sandbox.Trap, "the guest stopped: %s", strings.TrimPrefix(first, "RuntimeError: "))
}

// Memory is the guest's memory as it is now; it is stale after the next Call
// or Grow.
func (e *Engine) Memory() []byte { return e.memory.Data() }

// Grow adds pages of gate.PageSize bytes.
func (e *Engine) Grow(pages uint32) bool { return e.memory.Grow(wasmer.Pages(pages)) }

// Globals reads the mutable globals as raw bits.
func (e *Engine) Globals() ([]uint64, error) {
	v := make([]uint64, len(e.guest.Globals))
	for n := range v {
		g, err := e.instance.Exports.GetGlobal(gate.GlobalName(n))
		if err != nil {
			return nil, fmt.Errorf("wasmer global %d: %w", n, err)
		}
		x, err := g.Get()
		if err != nil {
			return nil, fmt.Errorf("wasmer global %d: %w", n, err)
		}
		switch x := x.(type) {
		case int32:
			v[n] = uint64(uint32(x))
		case int64:
			v[n] = uint64(x)
		case float32:
			v[n] = uint64(math.Float32bits(x))
		case float64:
			v[n] = math.Float64bits(x)
		default:
			return nil, errors.New("wasmer global of another type than the gate saw")
		}
	}
	return v, nil
}

// SetGlobals writes what Globals read.
func (e *Engine) SetGlobals(v []uint64) error {
	for n, bits := range v {
		g, err := e.instance.Exports.GetGlobal(gate.GlobalName(n))
		if err != nil {
			return fmt.Errorf("wasmer global %d: %w", n, err)
		}
		switch e.guest.Globals[n] {
		case 0x7f:
			err = g.Set(int32(uint32(bits)), wasmer.I32)
		case 0x7e:
			err = g.Set(int64(bits), wasmer.I64)
		case 0x7d:
			err = g.Set(math.Float32frombits(uint32(bits)), wasmer.F32)
		case 0x7c:
			err = g.Set(math.Float64frombits(bits), wasmer.F64)
		}
		if err != nil {
			return fmt.Errorf("wasmer global %d: %w", n, err)
		}
	}
	return nil
}
