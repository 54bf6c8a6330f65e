//go:build cgo && ((amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin)))

package wasmtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/bytecodealliance/wasmtime-go/v44"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
)

// Engine is one compiled guest. It belongs to one goroutine. Every instance
// has a store of its own, which is how its memory is given back.
type Engine struct {
	engine  *wasmtime.Engine
	module  *wasmtime.Module
	linker  *wasmtime.Linker
	guest   *gate.Module
	store   *wasmtime.Store // nil before the first instance
	memory  *wasmtime.Memory
	objects *wasmtime.Instance
	funcs   map[string]*wasmtime.Func // of the present instance
	globals []*wasmtime.Global
	stopped error // by a host function, in the present call
}

// maxStack is the native stack guests get, in bytes: the most that the library
// takes, whose size of stacks for asynchronous calls is fixed at this.
const maxStack = 2 << 20

// config is the normative profile. Copying on write from a file of the
// module's data is off: the lock-down forbids the file it would be made of.
func config() *wasmtime.Config {
	c := wasmtime.NewConfig()
	c.SetMemoryInitCOWSet(false)
	c.SetParallelCompilation(false) // a child is one core's worth of work
	c.SetMaxWasmStack(maxStack)
	c.SetWasmThreads(false)
	c.SetWasmRelaxedSIMD(false)
	c.SetWasmTailCall(false)
	c.SetWasmMultiMemory(false)
	c.SetWasmMemory64(false)
	return c
}

// New compiles guest and binds world to its imports.
func New(_ context.Context, guest *gate.Module, world *wasi.World) (*Engine, error) {
	e := &Engine{engine: wasmtime.NewEngineWithConfig(config()), guest: guest}
	m, err := wasmtime.NewModule(e.engine, guest.Code)
	if err != nil {
		// The gate has found the module valid, so the fault is the engine's.
		return nil, sandbox.Errorf(sandbox.Unsupported, "wasmtime cannot compile the module: %v", err)
	}
	e.module = m
	return e, e.link(world)
}

// Load takes what Artifact gave for the same guest; it may not be anything else.
func Load(artifact []byte, guest *gate.Module, world *wasi.World) (*Engine, error) {
	e := &Engine{engine: wasmtime.NewEngineWithConfig(config()), guest: guest}
	m, err := wasmtime.NewModuleDeserialize(e.engine, artifact)
	if err != nil {
		return nil, sandbox.Errorf(sandbox.Unsupported, "wasmtime cannot load the compiled module: %v", err)
	}
	e.module = m
	return e, e.link(world)
}

// Artifact is the compiled guest for Load.
func (e *Engine) Artifact() ([]byte, error) {
	b, err := e.module.Serialize()
	if err != nil {
		return nil, fmt.Errorf("wasmtime artifact: %w", err)
	}
	return b, nil
}

func (e *Engine) link(world *wasi.World) error {
	e.linker = wasmtime.NewLinker(e.engine)
	for _, f := range world.Functions() {
		ty := wasmtime.NewFuncType(types(f.Params), types(f.Results))
		if err := e.linker.FuncNew(wasi.Namespace, f.Name, ty, e.bind(f)); err != nil {
			return fmt.Errorf("wasmtime host function %s: %w", f.Name, err)
		}
	}
	return nil
}

func types(codes []byte) []*wasmtime.ValType {
	ts := make([]*wasmtime.ValType, len(codes))
	for n, c := range codes {
		kind := wasmtime.KindI32
		if c == 0x7e { // i64
			kind = wasmtime.KindI64
		}
		ts[n] = wasmtime.NewValType(kind)
	}
	return ts
}

func (e *Engine) bind(f wasi.Func) func(*wasmtime.Caller, []wasmtime.Val) ([]wasmtime.Val, *wasmtime.Trap) {
	return func(_ *wasmtime.Caller, in []wasmtime.Val) ([]wasmtime.Val, *wasmtime.Trap) {
		args := make([]uint64, len(in))
		for n := range in {
			if in[n].Kind() == wasmtime.KindI64 {
				args[n] = uint64(in[n].I64())
			} else {
				args[n] = uint64(uint32(in[n].I32()))
			}
		}
		errno, err := f.Call(e.Memory(), args)
		if err != nil {
			e.stopped = err
			return nil, wasmtime.NewTrap(err.Error())
		}
		if len(f.Results) == 0 {
			return nil, nil
		}
		return []wasmtime.Val{wasmtime.ValI32(int32(errno))}, nil
	}
}

// Instantiate makes a fresh instance and ends the one before.
func (e *Engine) Instantiate(context.Context) error {
	if e.store != nil {
		e.memory, e.objects, e.funcs, e.globals = nil, nil, nil, nil
		e.store.Close()
	}
	e.store = wasmtime.NewStore(e.engine)
	in, err := e.linker.Instantiate(e.store, e.module)
	if err != nil {
		return e.trapped(err)
	}
	mem := in.GetExport(e.store, "memory")
	if mem == nil || mem.Memory() == nil {
		return errors.New("wasmtime memory: the module exports none")
	}
	e.objects, e.memory, e.funcs = in, mem.Memory(), map[string]*wasmtime.Func{}
	for n := range e.guest.Globals {
		x := in.GetExport(e.store, gate.GlobalName(n))
		if x == nil || x.Global() == nil {
			return fmt.Errorf("wasmtime global %d: the module does not export it", n)
		}
		e.globals = append(e.globals, x.Global())
	}
	return nil
}

// Call calls an export and gives its result, or 0 if it has none.
func (e *Engine) Call(_ context.Context, name string, args ...uint64) (uint64, error) {
	f := e.funcs[name]
	if f == nil {
		if f = e.objects.GetFunc(e.store, name); f == nil {
			return 0, sandbox.Errorf(sandbox.Invalid, "the module does not export %q", name)
		}
		e.funcs[name] = f
	}
	in := make([]any, len(args))
	for n, a := range args {
		in[n] = int32(uint32(a)) // every parameter of the guest ABI is an i32
	}
	e.stopped = nil
	out, err := f.Call(e.store, in...)
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
	return 0, fmt.Errorf("wasmtime gave a %T", out)
}

// why are the traps in words.
var why = map[wasmtime.TrapCode]string{
	wasmtime.StackOverflow:          "call stack exhausted",
	wasmtime.MemoryOutOfBounds:      "out of bounds memory access",
	wasmtime.HeapMisaligned:         "misaligned memory access",
	wasmtime.TableOutOfBounds:       "out of bounds table access",
	wasmtime.IndirectCallToNull:     "call of an empty table element",
	wasmtime.BadSignature:           "indirect call type mismatch",
	wasmtime.IntegerOverflow:        "integer overflow",
	wasmtime.IntegerDivisionByZero:  "integer divide by zero",
	wasmtime.BadConversionToInteger: "invalid conversion to integer",
	wasmtime.UnreachableCodeReached: "unreachable",
}

func (e *Engine) trapped(err error) error {
	if e.stopped != nil {
		return sandbox.Errorf(sandbox.Trap, "%v", e.stopped)
	}
	t, ok := errors.AsType[*wasmtime.Trap](err)
	if !ok {
		return sandbox.Errorf(sandbox.Trap, "the guest stopped: %v", err)
	}
	text := "a trap of another kind"
	if code := t.Code(); code != nil && why[*code] != "" {
		text = why[*code]
	}
	return sandbox.Errorf(sandbox.Trap, "the guest stopped: %s", text)
}

// Memory is the guest's memory as it is now; it is stale after the next Call
// or Grow.
func (e *Engine) Memory() []byte { return e.memory.UnsafeData(e.store) }

// Grow adds pages of gate.PageSize bytes.
func (e *Engine) Grow(pages uint32) bool {
	_, err := e.memory.Grow(e.store, uint64(pages))
	return err == nil
}

// Globals reads the mutable globals as raw bits.
func (e *Engine) Globals() ([]uint64, error) {
	v := make([]uint64, len(e.globals))
	for n, g := range e.globals {
		switch x := g.Get(e.store); x.Kind() {
		case wasmtime.KindI32:
			v[n] = uint64(uint32(x.I32()))
		case wasmtime.KindI64:
			v[n] = uint64(x.I64())
		case wasmtime.KindF32:
			v[n] = uint64(math.Float32bits(x.F32()))
		case wasmtime.KindF64:
			v[n] = math.Float64bits(x.F64())
		default:
			return nil, errors.New("wasmtime global of another type than the gate saw")
		}
	}
	return v, nil
}

// SetGlobals writes what Globals read.
func (e *Engine) SetGlobals(v []uint64) error {
	for n, bits := range v {
		var x wasmtime.Val
		switch e.guest.Globals[n] {
		case 0x7f:
			x = wasmtime.ValI32(int32(uint32(bits)))
		case 0x7e:
			x = wasmtime.ValI64(int64(bits))
		case 0x7d:
			x = wasmtime.ValF32(math.Float32frombits(uint32(bits)))
		case 0x7c:
			x = wasmtime.ValF64(math.Float64frombits(bits))
		}
		if err := e.globals[n].Set(e.store, x); err != nil {
			return fmt.Errorf("wasmtime global %d: %w", n, err)
		}
	}
	return nil
}

// Spent reports whether the process should end soon: never, with this engine.
func (e *Engine) Spent() bool { return false }
