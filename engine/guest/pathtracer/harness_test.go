package pathtracer_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"sort"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sonm/assets"
)

// guest is one running instance of the committed module.
type guest struct {
	t      testing.TB
	ctx    context.Context //nolint:containedctx // of the runtime: every call into it takes this one
	module api.Module
}

// start instantiates the committed module with no host functions at all.
func start(tb testing.TB) *guest {
	tb.Helper()
	_, code, err := assets.App("pathtracer")
	if err != nil {
		tb.Fatal(err)
	}
	ctx := context.Background() // outlives tb.Context, which ends before cleanups
	runtime := wazero.NewRuntime(ctx)
	tb.Cleanup(func() {
		if err := runtime.Close(ctx); err != nil {
			tb.Errorf("close the runtime: %v", err)
		}
	})
	module, err := runtime.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		tb.Fatalf("instantiate the module: %v", err)
	}
	return &guest{tb, ctx, module}
}

// reply is what a call into the guest returned.
type reply struct {
	status  uint32
	work    uint64
	payload []byte
}

// try calls inspect, open or task; an error means that the guest trapped.
func (g *guest) try(function string, input []byte) (reply, error) {
	g.t.Helper()
	buffer, err := g.module.ExportedFunction("sonm_alloc").Call(g.ctx, uint64(len(input)))
	if err != nil {
		return reply{}, err
	}
	if buffer[0] == 0 || !g.module.Memory().Write(uint32(buffer[0]), input) {
		g.t.Fatalf("sonm_alloc(%d) = %#x, which cannot be written", len(input), buffer[0])
	}
	packed, err := g.module.ExportedFunction(function).Call(g.ctx, buffer[0], uint64(len(input)))
	if err != nil {
		return reply{}, err
	}
	raw, ok := g.module.Memory().Read(uint32(packed[0]>>32), uint32(packed[0]))
	if !ok || len(raw) < 16 {
		g.t.Fatalf("%s returned %#x, which is no reply", function, packed[0])
	}
	if zero := binary.LittleEndian.Uint32(raw[4:]); zero != 0 {
		g.t.Fatalf("%s: second word of the reply is %d, want 0", function, zero)
	}
	return reply{binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint64(raw[8:]), bytes.Clone(raw[16:])}, nil
}

func (g *guest) call(function string, input []byte) reply {
	g.t.Helper()
	r, err := g.try(function, input)
	if err != nil {
		g.t.Fatalf("%s trapped: %v", function, err)
	}
	return r
}

// open opens a bundle under a seed of equal bytes.
func (g *guest) open(seed byte, bundle []byte) {
	g.t.Helper()
	r := g.call("open", append(bytes.Repeat([]byte{seed}, 32), bundle...))
	if r.status != 0 {
		g.t.Fatalf("open refused: %s", r.payload)
	}
}

// task is the wire form of a task spec.
type task struct {
	Version, Frame, X0, Y0, X1, Y1, First, Log2, Shift, Layer uint32
}

// render runs one task and returns its sums and its work.
func (g *guest) render(spec task) ([]float32, uint64) {
	g.t.Helper()
	var wire bytes.Buffer
	spec.Version = 1
	if err := binary.Write(&wire, binary.LittleEndian, spec); err != nil {
		g.t.Fatal(err)
	}
	r := g.call("task", wire.Bytes())
	if r.status != 0 {
		g.t.Fatalf("task %+v refused: %s", spec, r.payload)
	}
	pixels := int(spec.X1-spec.X0) * int(spec.Y1-spec.Y0)
	if len(r.payload) != pixels*12 {
		g.t.Fatalf("task %+v returned %d bytes, want %d", spec, len(r.payload), pixels*12)
	}
	sums := make([]float32, pixels*3)
	if err := binary.Read(bytes.NewReader(r.payload), binary.LittleEndian, sums); err != nil {
		g.t.Fatal(err)
	}
	return sums, r.work
}

// mean is the average radiance per channel of sums over samples.
func mean(sums []float32, samples int) (m [3]float64) {
	for i, v := range sums {
		m[i%3] += float64(v)
	}
	for c := range m {
		m[c] /= float64(len(sums)/3) * float64(samples)
	}
	return m
}

// settings is job.json.
type settings struct {
	Scene      string `json:"scene"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Samples    int    `json:"samples"`
	Camera     string `json:"camera,omitempty"`
	MaxBounces int    `json:"max_bounces,omitempty"`
	Sky        *sky   `json:"sky,omitempty"`
}

type sky struct {
	Color    [3]float64 `json:"color"`
	File     string     `json:"file,omitempty"`
	Strength float64    `json:"strength"`
	Rotation float64    `json:"rotation"`
}

// pack writes a bundle of files and the settings.
func pack(tb testing.TB, job settings, files map[string][]byte) []byte {
	tb.Helper()
	text, err := json.Marshal(job)
	if err != nil {
		tb.Fatal(err)
	}
	all := map[string][]byte{"job.json": text}
	maps.Copy(all, files)
	return packFiles(all)
}

func packFiles(files map[string][]byte) []byte {
	paths := make([]string, 0, len(files))
	for path := range files {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	out := append([]byte("SNMB"), 1, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(paths)))
	for _, path := range paths {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(path)))
		out = binary.LittleEndian.AppendUint64(out, uint64(len(files[path])))
		out = append(append(out, path...), files[path]...)
	}
	return out
}

// doc is a glTF document under construction.
type doc = map[string]any

// floats is the little-endian form of float32 values.
func floats(values ...float32) []byte {
	var out []byte
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// meshDoc is a document with one mesh of plain triangles (three positions
// each, no indices), its material, and a camera of 2 x 2 units at (0, 0, 3)
// that looks down -Z without perspective.
func meshDoc(positions []float32, material doc) doc {
	return doc{
		"asset":   doc{"version": "2.0"},
		"buffers": []any{doc{"byteLength": len(positions) * 4, "uri": "mesh.bin"}},
		"bufferViews": []any{
			doc{"buffer": 0, "byteLength": len(positions) * 4},
		},
		"accessors": []any{doc{"bufferView": 0, "componentType": 5126, "count": len(positions) / 3, "type": "VEC3"}},
		"materials": []any{material},
		"meshes":    []any{doc{"primitives": []any{doc{"attributes": doc{"POSITION": 0}, "material": 0}}}},
		"cameras":   []any{doc{"type": "orthographic", "orthographic": doc{"xmag": 1, "ymag": 1, "znear": 0.1, "zfar": 10}}},
		"nodes":     []any{doc{"mesh": 0}, doc{"camera": 0, "translation": []float64{0, 0, 3}}},
		"scenes":    []any{doc{"nodes": []int{0, 1}}},
	}
}

// quad is two triangles that fill the square of half side r at height z.
func quad(r, z float32) []float32 {
	return []float32{-r, -r, z, r, -r, z, r, r, z, -r, -r, z, r, r, z, -r, r, z}
}

// diffuse is a material of plain diffuse reflection.
func diffuse(albedo float64) doc {
	return doc{
		"pbrMetallicRoughness": doc{"baseColorFactor": []float64{albedo, albedo, albedo, 1}, "metallicFactor": 0},
		"extensions":           doc{"KHR_materials_specular": doc{"specularFactor": 0}},
	}
}

// bundleOf packs a document as scene.gltf beside mesh.bin.
func bundleOf(tb testing.TB, job settings, scene doc, mesh []byte) []byte {
	tb.Helper()
	text, err := json.Marshal(scene)
	if err != nil {
		tb.Fatal(err)
	}
	job.Scene = "scene.gltf"
	return pack(tb, job, map[string][]byte{"scene.gltf": text, "mesh.bin": mesh})
}
