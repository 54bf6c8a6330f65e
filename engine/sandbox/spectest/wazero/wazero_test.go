package wazero_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"sonm/engine/sandbox/spectest"
	adapter "sonm/engine/sandbox/wazero"
)

var options = spectest.Options{
	Open: open,
	Classes: []spectest.Class{
		{
			Name: "element", Says: []string{`did not trap, want "out of bounds table access"`},
			Reason: "wazero starts a module whose element segment does not fit the table, and leaves the segment out; its authors chose so",
		},
		{
			Name: "mutable", Says: []string{`assert_invalid : compiles, want "constant expression required"`},
			Reason: "wazero takes an imported mutable global for a constant; the gate lets no guest import a global",
		},
	},
}

func TestMain(m *testing.M) { os.Exit(spectest.Run(m, options)) }

func TestSpecification(t *testing.T) { spectest.Test(t, options) }

type engine struct{ rt wazero.Runtime }

func open() (spectest.Engine, error) {
	return engine{wazero.NewRuntimeWithConfig(context.Background(), adapter.Config())}, nil
}

func (e engine) Compile(code []byte) (spectest.Module, error) {
	m, err := e.rt.CompileModule(context.Background(), code)
	return module{e.rt, m}, err
}

type module struct {
	rt wazero.Runtime
	wazero.CompiledModule
}

func (m module) Instantiate(of func(string) spectest.Instance) (spectest.Instance, error) {
	ctx := experimental.WithImportResolver(adapter.WithMemory(context.Background()), func(name string) api.Module {
		if in, ok := of(name).(instance); ok {
			return in.Module
		}
		return nil
	})
	in, err := m.rt.InstantiateModule(ctx, m.CompiledModule, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	return instance{in}, trapped(err)
}

// trapped tells what a guest ran into from what the library refuses.
func trapped(err error) error {
	if err == nil {
		return nil
	}
	says := err.Error()
	if strings.Contains(says, "wasm error: ") || strings.HasPrefix(says, "stack overflow") ||
		strings.HasSuffix(says, "]: out of bounds memory access") { // of a data segment
		return &spectest.Trap{Reason: says}
	}
	return err
}

type instance struct{ api.Module }

func (in instance) Call(export string, args []spectest.Value) ([]spectest.Value, error) {
	f := in.ExportedFunction(export)
	if f == nil {
		return nil, fmt.Errorf("no function %q", export)
	}
	bits := make([]uint64, len(args))
	for n, a := range args {
		bits[n] = a.Lo
		if a.Type == spectest.Externref && !a.Null {
			bits[n]++ // 0 is null
		}
	}
	got, err := f.Call(context.Background(), bits...)
	if err != nil {
		return nil, trapped(err)
	}
	types := f.Definition().ResultTypes()
	results := make([]spectest.Value, len(got))
	for n := range got {
		results[n] = value(types[n], got[n])
	}
	return results, nil
}

func (in instance) Global(export string) (spectest.Value, error) {
	g := in.ExportedGlobal(export)
	if g == nil {
		return spectest.Value{}, fmt.Errorf("no global %q", export)
	}
	return value(g.Type(), g.Get()), nil
}

func value(t api.ValueType, bits uint64) spectest.Value {
	v := spectest.Value{Type: spectest.Type(t), Lo: bits}
	switch v.Type {
	case spectest.I32, spectest.F32:
		v.Lo = uint64(uint32(bits))
	case spectest.Funcref, spectest.Externref:
		v.Lo, v.Null = bits-1, bits == 0
	default: // all the bits count
	}
	return v
}
