// Package pathtracer_test runs the committed path tracer through wazero, with
// no host functions, the way a seller's sandbox does.
package pathtracer_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"sonm/assets"
)

func TestModuleKeepsToTheABI(t *testing.T) {
	g := start(t)
	manifest, code, err := assets.App("pathtracer")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := wazero.NewRuntime(g.ctx).CompileModule(g.ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range compiled.ImportedFunctions() {
		module, name, _ := f.Import()
		t.Errorf("the module imports %s.%s, want no imports", module, name)
	}
	memory := compiled.ExportedMemories()["memory"]
	if memory == nil {
		t.Fatal("the module exports no memory")
	}
	if most, stated := memory.Max(); !stated || uint64(most)<<16 > manifest.Memory {
		t.Errorf("memory maximum = %d pages (%v), want at most the manifest's %d bytes", most, stated, manifest.Memory)
	}
	for name, arity := range map[string][2]int{"sonm_abi": {0, 1}, "sonm_alloc": {1, 1}, "inspect": {2, 1}, "open": {2, 1}, "task": {2, 1}} {
		f := compiled.ExportedFunctions()[name]
		if f == nil || len(f.ParamTypes()) != arity[0] || len(f.ResultTypes()) != arity[1] {
			t.Errorf("export %s is missing or has the wrong type", name)
		}
	}
	if got, err := g.module.ExportedFunction("sonm_abi").Call(g.ctx); err != nil || got[0] != 1 {
		t.Errorf("sonm_abi() = %v, %v, want 1", got, err)
	}
}

func TestTasksAreRefusedInWords(t *testing.T) {
	g := start(t)
	if r := g.call("task", make([]byte, 40)); r.status != 1 || string(r.payload) != "No job is open." {
		t.Errorf("task before open = %d %q", r.status, r.payload)
	}
	g.open(1, cornell(t, 32, 16))
	for name, c := range map[string]struct {
		spec task
		want string
	}{
		"version":   {task{Version: 2, X1: 1, Y1: 1}, "version 2"},
		"layer":     {task{Version: 1, X1: 1, Y1: 1, Layer: 2}, "layer 2"},
		"empty":     {task{Version: 1, X0: 4, X1: 4, Y1: 1}, "rectangle"},
		"outside":   {task{Version: 1, X1: 33, Y1: 1}, "rectangle"},
		"shrunk":    {task{Version: 1, X1: 5, Y1: 1, Shift: 3}, "4 by 4"},
		"shift":     {task{Version: 1, X1: 1, Y1: 1, Shift: 99}, "shrinks"},
		"unaligned": {task{Version: 1, X1: 1, Y1: 1, First: 3, Log2: 1}, "aligned"},
		"block":     {task{Version: 1, X1: 1, Y1: 1, Log2: 31}, "aligned"},
		"overflow":  {task{Version: 1, X1: 1, Y1: 1, First: 0xfffffff0, Log2: 4}, "aligned"},
	} {
		var wire bytes.Buffer
		if err := binary.Write(&wire, binary.LittleEndian, c.spec); err != nil {
			t.Fatal(err)
		}
		if r := g.call("task", wire.Bytes()); r.status != 1 || !strings.Contains(string(r.payload), c.want) {
			t.Errorf("%s: task = %d %q, want a sentence with %q", name, r.status, r.payload, c.want)
		}
	}
	if r := g.call("task", make([]byte, 39)); r.status != 1 {
		t.Errorf("a task of 39 bytes was taken")
	}
}

func TestInspectCounts(t *testing.T) {
	scene, err := os.ReadFile("testdata/inst.glb")
	if err != nil {
		t.Fatal(err)
	}
	g := start(t)
	r := g.call("inspect", pack(t, settings{Scene: "inst.glb", Width: 64, Height: 64, Samples: 1}, map[string][]byte{"inst.glb": scene}))
	if r.status != 0 {
		t.Fatalf("inspect refused: %s", r.payload)
	}
	var got struct {
		Missing, Cameras, Warnings                       []string
		Triangles, UniqueTriangles, Instances, Materials int
		Textures, Lights                                 int
		Memory                                           uint64
	}
	if err := json.Unmarshal(bytes.ReplaceAll(r.payload, []byte("unique_triangles"), []byte("uniquetriangles")), &got); err != nil {
		t.Fatalf("%v in %s", err, r.payload)
	}
	if got.Instances != 263 || got.Lights != 6 || len(got.Cameras) != 1 || got.Textures != 0 || len(got.Missing) != 0 {
		t.Errorf("inspect = %s", r.payload)
	}
	if got.Triangles < 2_000_000 || got.UniqueTriangles > 50_000 {
		t.Errorf("%d triangles of which %d are unique, want above 2,000,000 and below 50,000", got.Triangles, got.UniqueTriangles)
	}

	g.open(1, pack(t, settings{Scene: "inst.glb", Width: 64, Height: 64, Samples: 1}, map[string][]byte{"inst.glb": scene}))
	_, work := g.render(task{X1: 64, Y1: 64})
	if work < 64*64 {
		t.Errorf("work = %d, want at least one ray a pixel", work)
	}
	used := uint64(g.module.Memory().Size())
	t.Logf("guest memory on inst.glb: %.1f MB, estimated %.1f MB", float64(used)/1e6, float64(got.Memory)/1e6)
	if used > 150e6 {
		t.Errorf("guest memory on inst.glb = %d bytes, want at most 150 MB", used)
	}
}

// The committed module must be what the committed sources compile to.
func TestModuleIsBuiltFromTheseSources(t *testing.T) {
	version, err := exec.Command("clang-16", "--version").Output()
	if err != nil {
		t.Skipf("clang-16 is not installed: %v", err)
	}
	if !strings.Contains(string(version), "16.0.6") {
		t.Skipf("the pinned compiler is clang 16.0.6, this is %s", strings.SplitN(string(version), "\n", 2)[0])
	}
	for _, needed := range []string{"/usr/bin/wasm-ld-16", "/usr/include/stb/stb_image.h", "/usr/include/wasm32-wasi/stdlib.h", "/usr/lib/llvm-16/include/wasm32-wasi/c++/v1/vector"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("the compiler's packages are incomplete: %v", err)
		}
	}
	out := filepath.Join(t.TempDir(), "module.wasm")
	if log, err := exec.CommandContext(t.Context(), "./build.sh", out).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, log)
	}
	built, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	_, committed, err := assets.App("pathtracer")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(built, committed) {
		t.Errorf("the sources compile to %d other bytes than the committed module's %d: run build.sh and manifest.sh", len(built), len(committed))
	}
}
