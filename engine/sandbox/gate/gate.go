// Package gate is the gatekeeper: no engine sees a stranger's module before it
// has passed here. It is used inside the locked-down child only.
//
// It walks the sections itself for what engines do not bound (memory without a
// maximum, tables, locals, a start function), has wazero validate every
// instruction with the features of the normative profile (WebAssembly 2.0 with
// SIMD128; no threads, no relaxed SIMD, no memory64), and then checks the
// guest ABI and the imports by type. 128-bit values in the type of an import
// or export are refused because the native engine dies of them.
//
// What leaves the gate is not what came in: custom sections are gone, every
// mutable global is exported under GlobalPrefix, so that the host can bring an
// instance back to the state it had after `open`, and recursion is counted, so
// that it ends at the same depth everywhere.
//
// # Guest ABI version 1
//
//	memory                       exactly one, with a maximum
//	_initialize: () -> ()        optional
//	sonm_abi:    () -> i32       returns 1
//	sonm_alloc:  (i32) -> i32
//	inspect, open, task: (i32, i32) -> i64
//
// # Command modules
//
// A module of WASI's command form is a program that runs once: it exports its
// memory and _start: () -> (), as compilers make it by themselves. Where it
// names no maximum of its memory, the gate writes the one of the rules into it.
package gate

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sonm/engine/sandbox"
)

// GlobalPrefix starts the names under which mutable globals are exported; a
// guest's own exports may not use it.
const GlobalPrefix = "sonm.global."

// PageSize is the page of WebAssembly's memory in bytes.
const PageSize = 64 << 10

// Signature is a function's type in WebAssembly's own codes (0x7f is i32).
type Signature struct {
	Params, Results []byte
}

// Rules are what a module has to keep to.
type Rules struct {
	Module  int                  // most bytes of the module
	Memory  uint64               // most bytes of guest memory
	Imports map[string]Signature // what may be imported, by "module.name"
	Command bool                 // it is a command module, not a guest of the ABI
}

// Module is a guest that passed.
type Module struct {
	Code       []byte // to be compiled, not what was handed in
	MemoryMin  uint64 // bytes
	MemoryMax  uint64 // bytes, within the rules
	Globals    []byte // value types of the exported mutable globals, in order; the last is the stack's
	Initialize bool   // has _initialize
	Imports    []string
}

var abi = map[string]Signature{
	"sonm_abi":   {nil, []byte{i32}},
	"sonm_alloc": {[]byte{i32}, []byte{i32}},
	"inspect":    {[]byte{i32, i32}, []byte{i64}},
	"open":       {[]byte{i32, i32}, []byte{i64}},
	"task":       {[]byte{i32, i32}, []byte{i64}},
}

var command = map[string]Signature{"_start": {}}

// Check lets code pass or says in one sentence why not. The error is always a
// *sandbox.Error, of kind Invalid or LimitMemory.
func Check(ctx context.Context, code []byte, r Rules) (*Module, error) {
	if len(code) > r.Module {
		return nil, sandbox.Errorf(sandbox.Invalid, "the module has %d bytes, %d are allowed", len(code), r.Module)
	}
	w := &walker{}
	if r.Command {
		w.given = min(r.Memory/PageSize, maxPages)
	}
	err := w.walk(code)
	if err != nil {
		return nil, sandbox.Errorf(sandbox.Invalid, "the module is not acceptable WebAssembly: %v", err)
	}
	m := &Module{
		Code: w.stripped(), MemoryMin: w.minPages * PageSize, MemoryMax: w.maxPages * PageSize, Globals: append(w.mutable, i32),
	}
	if err := m.fits(r); err != nil {
		return nil, err
	}
	if err := m.validate(ctx, r); err != nil {
		return nil, err
	}
	if m.Code, err = w.rewritten(w.moreExports); err != nil {
		return nil, sandbox.Errorf(sandbox.Invalid, "the module is not acceptable WebAssembly: %v", err)
	}
	return m, nil
}

// validate has wazero look at every instruction. The interpreter is chosen
// because its compile step is the cheapest that validates.
func (m *Module) validate(ctx context.Context, r Rules) error {
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false))
	defer rt.Close(ctx)
	c, err := rt.CompileModule(ctx, m.Code)
	if err != nil {
		return sandbox.Errorf(sandbox.Invalid, "the module is not valid WebAssembly: %v", err)
	}
	for _, f := range c.ImportedFunctions() {
		if err := m.imported(f, r); err != nil {
			return err
		}
	}
	want := abi
	if r.Command {
		want = command
	}
	return m.exported(c, want)
}

func (m *Module) imported(f api.FunctionDefinition, r Rules) error {
	mod, name, _ := f.Import()
	full := mod + "." + name
	want, ok := r.Imports[full]
	if !ok {
		return sandbox.Errorf(sandbox.Invalid, "the module imports %q, which guests are not given", full)
	}
	if !want.is(f) {
		return sandbox.Errorf(sandbox.Invalid, "the module imports %q with another type than it has", full)
	}
	m.Imports = append(m.Imports, full)
	return nil
}

func (m *Module) exported(c wazero.CompiledModule, must map[string]Signature) error {
	if _, ok := c.ExportedMemories()["memory"]; !ok {
		return sandbox.Errorf(sandbox.Invalid, `the module does not export its memory as "memory"`)
	}
	funcs := c.ExportedFunctions()
	for name, f := range funcs {
		if !plain(f) {
			return sandbox.Errorf(sandbox.Invalid, "the exported function %q has a 128-bit or reference value in its type", name)
		}
	}
	for name, want := range must {
		f, ok := funcs[name]
		if !ok {
			return sandbox.Errorf(sandbox.Invalid, "the module does not export %q", name)
		}
		if !want.is(f) {
			return sandbox.Errorf(sandbox.Invalid, "the export %q has another type than it must have", name)
		}
	}
	f, ok := funcs["_initialize"]
	if ok && !(Signature{}).is(f) {
		return sandbox.Errorf(sandbox.Invalid, `the export "_initialize" has another type than the guest ABI says`)
	}
	m.Initialize = ok
	return nil
}

func (s Signature) is(f api.FunctionDefinition) bool {
	return string(s.Params) == string(f.ParamTypes()) && string(s.Results) == string(f.ResultTypes())
}

// plain reports whether f passes numbers of at most 64 bits only.
func plain(f api.FunctionDefinition) bool {
	for _, t := range append(append([]byte{}, f.ParamTypes()...), f.ResultTypes()...) {
		if t != i32 && t != i64 && t != f32 && t != f64 {
			return false
		}
	}
	return true
}

// GlobalName is the export name of the nth mutable global.
func GlobalName(n int) string { return fmt.Sprint(GlobalPrefix, n) }

func reserved(name string) bool { return strings.HasPrefix(name, "sonm.") }
