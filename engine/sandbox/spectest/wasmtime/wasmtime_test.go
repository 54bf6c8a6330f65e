//go:build cgo && ((amd64 && (linux || darwin || windows)) || (arm64 && (linux || darwin)))

package wasmtime_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/bytecodealliance/wasmtime-go/v44"

	"sonm/engine/sandbox/spectest"
	adapter "sonm/engine/sandbox/wasmtime"
)

var options = spectest.Options{Open: open} // and nothing is known to fail

func TestMain(m *testing.M) { os.Exit(spectest.Run(m, options)) }

func TestSpecification(t *testing.T) { spectest.Test(t, options) }

// engine has one store: its modules share tables and memories.
type engine struct {
	engine *wasmtime.Engine
	store  *wasmtime.Store
}

func open() (spectest.Engine, error) {
	e := wasmtime.NewEngineWithConfig(adapter.Config())
	return engine{e, wasmtime.NewStore(e)}, nil
}

func (e engine) Compile(code []byte) (spectest.Module, error) {
	m, err := wasmtime.NewModule(e.engine, code)
	return module{e.store, m}, err
}

type module struct {
	store *wasmtime.Store
	*wasmtime.Module
}

func (m module) Instantiate(of func(string) spectest.Instance) (spectest.Instance, error) {
	var imports []wasmtime.AsExtern
	for _, i := range m.Imports() {
		in, ok := of(i.Module()).(instance)
		if !ok || i.Name() == nil {
			return nil, fmt.Errorf("unknown import %s", i.Module())
		}
		x := in.GetExport(m.store, *i.Name())
		if x == nil {
			return nil, fmt.Errorf("unknown import %s %s", i.Module(), *i.Name())
		}
		imports = append(imports, x)
	}
	in, err := wasmtime.NewInstance(m.store, m.Module, imports)
	if err != nil {
		return nil, trapped(err)
	}
	return instance{m.store, in}, nil
}

func trapped(err error) error {
	if trap, ok := errors.AsType[*wasmtime.Trap](err); ok {
		return &spectest.Trap{Reason: trap.Message()}
	}
	return err
}

type instance struct {
	store *wasmtime.Store
	*wasmtime.Instance
}

func (in instance) Call(export string, args []spectest.Value) ([]spectest.Value, error) {
	f := in.GetFunc(in.store, export)
	if f == nil {
		return nil, fmt.Errorf("no function %q", export)
	}
	params := make([]any, len(args))
	for n, a := range args {
		var err error
		if params[n], err = passed(a); err != nil {
			return nil, err
		}
	}
	out, err := f.Call(in.store, params...)
	if err != nil {
		return nil, trapped(err)
	}
	types := f.Type(in.store).Results()
	results := make([]spectest.Value, len(types))
	for n, t := range types {
		x := out
		if many, ok := out.([]wasmtime.Val); ok {
			x = many[n].Get()
		}
		results[n] = value(t.Kind(), x)
	}
	return results, nil
}

// passed is an argument as the library takes it; an external reference is to
// its number.
func passed(v spectest.Value) (any, error) {
	switch v.Type {
	case spectest.I32:
		return wasmtime.ValI32(int32(uint32(v.Lo))), nil
	case spectest.I64:
		return wasmtime.ValI64(int64(v.Lo)), nil
	case spectest.F32:
		return wasmtime.ValF32(math.Float32frombits(uint32(v.Lo))), nil
	case spectest.F64:
		return wasmtime.ValF64(math.Float64frombits(v.Lo)), nil
	case spectest.Externref:
		if v.Null {
			return wasmtime.ValExternref(nil), nil
		}
		return wasmtime.ValExternref(v.Lo), nil
	default:
		if v.Type == spectest.Funcref && v.Null {
			return wasmtime.ValFuncref(nil), nil
		}
		return nil, fmt.Errorf("cannot pass %v", v)
	}
}

func (in instance) Global(export string) (spectest.Value, error) {
	x := in.GetExport(in.store, export)
	if x == nil || x.Global() == nil {
		return spectest.Value{}, fmt.Errorf("no global %q", export)
	}
	g := x.Global()
	return value(g.Type(in.store).Content().Kind(), g.Get(in.store).Get()), nil
}

func value(kind wasmtime.ValKind, x any) spectest.Value {
	switch x := x.(type) {
	case int32:
		return spectest.Value{Type: spectest.I32, Lo: uint64(uint32(x))}
	case int64:
		return spectest.Value{Type: spectest.I64, Lo: uint64(x)}
	case float32:
		return spectest.Value{Type: spectest.F32, Lo: uint64(math.Float32bits(x))}
	case float64:
		return spectest.Value{Type: spectest.F64, Lo: math.Float64bits(x)}
	case *wasmtime.Func:
		return spectest.Value{Type: spectest.Funcref, Null: x == nil}
	case uint64:
		return spectest.Value{Type: spectest.Externref, Lo: x}
	}
	if kind == wasmtime.KindExternref && x == nil {
		return spectest.Value{Type: spectest.Externref, Null: true}
	}
	return spectest.Value{}
}
