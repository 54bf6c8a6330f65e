//go:build cgo && ((linux && amd64) || darwin)

package wasmer_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/wasmerio/wasmer-go/wasmer"

	"sonm/engine/sandbox/spectest"
)

var options = spectest.Options{
	Open:   open,
	NoRefs: true,
	Classes: []spectest.Class{
		lacks("popcnt", "i8x16.popcnt", "I8x16Popcnt"),
		lacks("extend", "i64x2.extend_low_i32x4 and extend_high_i32x4", "I64x2Extend"),
		lacks("convert", "f64x2.convert_low_i32x4", "F64x2ConvertLow"),
		lacks("truncate", "i32x4.trunc_sat_f64x2_zero", "I32x4TruncSatF64x2"),
		lacks("q15mulr", "i16x8.q15mulr_sat_s", "I16x8Q15MulrSatS"),
		lacks("extmul", "extmul, multiplication into lanes twice as wide", "I16x8ExtMul", "I32x4ExtMul", "I64x2ExtMul"),
		lacks("extadd", "extadd_pairwise", "I16x8ExtAdd", "I32x4ExtAdd"),
		{
			Name: "exported-v128", Says: []string{"no v128 type in Wasm C API yet"},
			Reason: "the library's C interface panics at a v128 in an import or export; the gate refuses such guests",
		},
		{
			Name: "externref-element", Says: []string{"unsupported table element type: ExternRef"},
			Reason: "Wasmer 2.0 does not translate a segment of external references",
		},
		{
			Name: "global-element", Says: []string{"invalid passive segment"},
			Reason: "Wasmer 2.0 refuses a global among the elements of a segment",
		},
		{
			Name: "grown-table", Says: []string{`importing "grown-table"`, "unknown import grown-imported-table"},
			Reason: "Wasmer 2.0 holds an import against the size that a table had at first, not the one it has grown to",
		},
		{
			Name: "reference", Says: []string{
				"the library has no references", "want externref",
				"ref_is_null.json:41 ", "table_get.json:31 ", "table_grow.json:",
			},
			Reason: "wasmer-go cannot pass a reference, so tables are not filled and what reads them finds null; guests pass numbers only",
		},
		{
			Name: "unknown-global", Says: []string{`compiles, want "unknown global"`},
			Reason: "Wasmer 2.0 lets a constant be a global of the module itself; the gate's parser refuses that",
		},
		{
			Name: "table-flag", Says: []string{"binary.json:824 "},
			Reason: "Wasmer 2.0 reads the kind of a table's limits as a number, not as a byte; the gate's parser does not",
		},
		{
			Name: "bottom", Says: []string{"br_table target labels have different types"},
			Reason: "Wasmer 2.0 wants one type of all targets of a br_table that is never reached",
		},
	},
}

func lacks(name, words string, operators ...string) spectest.Class {
	says := make([]string, len(operators))
	for n, o := range operators {
		says[n] = "proposed simd operator " + o
	}
	return spectest.Class{Name: name, Says: says, Reason: "Wasmer 2.0 does not translate " + words + "; such guests go to the next engine"}
}

func TestMain(m *testing.M) { os.Exit(spectest.Run(m, options)) }

func TestSpecification(t *testing.T) { spectest.Test(t, options) }

// engine holds all that C code may still point to, until the process ends.
type engine struct {
	store     *wasmer.Store
	modules   []*wasmer.Module
	instances []*wasmer.Instance
}

func open() (spectest.Engine, error) {
	return &engine{store: wasmer.NewStore(wasmer.NewEngine())}, nil
}

func (e *engine) Compile(code []byte) (spectest.Module, error) {
	m, err := wasmer.NewModule(e.store, code)
	if err != nil {
		return nil, err
	}
	e.modules = append(e.modules, m)
	return module{e, m}, nil
}

type module struct {
	engine *engine
	*wasmer.Module
}

func (m module) Instantiate(of func(string) spectest.Instance) (spectest.Instance, error) {
	imports := wasmer.NewImportObject()
	for _, i := range m.Imports() {
		in, ok := of(i.Module()).(instance)
		if !ok {
			return nil, fmt.Errorf("unknown import %s", i.Module())
		}
		x, err := in.Exports.Get(i.Name())
		if err != nil {
			return nil, err
		}
		imports.Register(i.Module(), map[string]wasmer.IntoExtern{i.Name(): x})
	}
	in, err := wasmer.NewInstance(m.Module, imports)
	if err != nil {
		return nil, trapped(err)
	}
	m.engine.instances = append(m.engine.instances, in)
	return instance{in}, nil
}

func trapped(err error) error {
	if trap, ok := errors.AsType[*wasmer.TrapError](err); ok {
		return &spectest.Trap{Reason: trap.Error()}
	}
	return err
}

type instance struct{ *wasmer.Instance }

func (in instance) Call(export string, args []spectest.Value) ([]spectest.Value, error) {
	f, err := in.Exports.GetRawFunction(export)
	if err != nil {
		return nil, err
	}
	params := make([]any, len(args))
	for n, a := range args {
		switch a.Type {
		case spectest.I32:
			params[n] = int32(uint32(a.Lo))
		case spectest.I64:
			params[n] = int64(a.Lo)
		case spectest.F32:
			params[n] = math.Float32frombits(uint32(a.Lo))
		case spectest.F64:
			params[n] = math.Float64frombits(a.Lo)
		default:
			return nil, errors.New("the library has no references")
		}
	}
	out, err := f.Call(params...)
	if err != nil {
		return nil, trapped(err)
	}
	switch out := out.(type) {
	case nil:
		return nil, nil
	case []any:
		results := make([]spectest.Value, len(out))
		for n, x := range out {
			results[n] = value(x)
		}
		return results, nil
	default:
		return []spectest.Value{value(out)}, nil
	}
}

func (in instance) Global(export string) (spectest.Value, error) {
	g, err := in.Exports.GetGlobal(export)
	if err != nil {
		return spectest.Value{}, err
	}
	x, err := g.Get()
	return value(x), err
}

func value(x any) spectest.Value {
	switch x := x.(type) {
	case int32:
		return spectest.Value{Type: spectest.I32, Lo: uint64(uint32(x))}
	case int64:
		return spectest.Value{Type: spectest.I64, Lo: uint64(x)}
	case float32:
		return spectest.Value{Type: spectest.F32, Lo: uint64(math.Float32bits(x))}
	case float64:
		return spectest.Value{Type: spectest.F64, Lo: math.Float64bits(x)}
	default:
		return spectest.Value{}
	}
}
