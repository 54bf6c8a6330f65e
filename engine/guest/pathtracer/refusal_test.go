package pathtracer_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"sonm/engine/guest/pathtracer/features"
)

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// readPFM reads a little-endian colour PFM, top row first.
func readPFM(tb testing.TB, raw []byte) []float32 {
	tb.Helper()
	var width, height int
	var scale float64
	header := strings.SplitN(string(raw), "\n", 4)
	if _, err := fmt.Sscanf(header[1]+" "+header[2], "%d %d %f", &width, &height, &scale); err != nil || len(header[3]) != width*height*12 {
		tb.Fatalf("read a PFM: %v", err)
	}
	out := make([]float32, width*height*3)
	for i := range out {
		x, y := i%(width*3), i/(width*3)
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(header[3][((height-1-y)*width*3+x)*4:])))
	}
	return out
}

// glb wraps a document and a binary chunk.
func glb(text, binary_ []byte) []byte {
	for len(text)%4 != 0 {
		text = append(text, ' ')
	}
	out := []byte("glTF")
	for _, v := range []uint32{2, uint32(12 + 8 + len(text) + 8 + len(binary_)), uint32(len(text)), 0x4E4F534A} {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	out = append(out, text...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(binary_)))
	out = binary.LittleEndian.AppendUint32(out, 0x004E4942)
	return append(out, binary_...)
}

// broken changes one thing in a sound document.
type broken struct {
	name, want string
	change     func(scene doc)
}

func at(scene doc, path ...any) doc {
	var v any = scene
	for _, step := range path {
		switch key := step.(type) {
		case string:
			v = v.(doc)[key]
		case int:
			v = v.([]any)[key]
		}
	}
	return v.(doc)
}

// textured makes the material use a picture, images[0], as its base colour.
func textured(scene doc) {
	scene["textures"] = []any{doc{"source": 0}}
	at(scene, "materials", 0, "pbrMetallicRoughness")["baseColorTexture"] = doc{"index": 0}
}

var hostile = []broken{
	{"a billion vertices", "claims 1000000000 elements", func(s doc) { at(s, "accessors", 0)["count"] = 1000000000 }},
	{"more vertices than a number", "damaged", func(s doc) { at(s, "accessors", 0)["count"] = 1e300 }},
	{"negative count", "damaged", func(s doc) { at(s, "accessors", 0)["count"] = -1 }},
	{"half a count", "damaged", func(s doc) { at(s, "accessors", 0)["count"] = 1.5 }},
	{"no count", "no elements", func(s doc) { delete(at(s, "accessors", 0), "count") }},
	{"huge offset", "more than its data holds", func(s doc) { at(s, "accessors", 0)["byteOffset"] = 9007199254740992 }},
	{"wrong component type", "wrong type", func(s doc) { at(s, "accessors", 0)["componentType"] = 5130 }},
	{"wrong element type", "wrong type", func(s doc) { at(s, "accessors", 0)["type"] = "MAT4" }},
	{"no such bufferView", "bufferView 9, which does not exist", func(s doc) { at(s, "accessors", 0)["bufferView"] = 9 }},
	{"sparse", "sparse", func(s doc) { at(s, "accessors", 0)["sparse"] = doc{"count": 1} }},
	{"view beyond its buffer", "reaches beyond its buffer", func(s doc) { at(s, "bufferViews", 0)["byteLength"] = 1 << 40 }},
	{"view offset overflows", "reaches beyond its buffer", func(s doc) { at(s, "bufferViews", 0)["byteOffset"] = 9007199254740992 }},
	{"no such buffer", "buffer 4, which does not exist", func(s doc) { at(s, "bufferViews", 0)["buffer"] = 4 }},
	{"huge stride", "stride", func(s doc) { at(s, "bufferViews", 0)["byteStride"] = 1 << 30 }},
	{"short buffer", "claims 4096 bytes", func(s doc) { at(s, "buffers", 0)["byteLength"] = 4096 }},
	{"no such accessor", "accessor 7, which does not exist", func(s doc) {
		at(s, "meshes", 0, "primitives", 0)["attributes"] = doc{"POSITION": 7}
	}},
	{"no such material", "material 3, which does not exist", func(s doc) { at(s, "meshes", 0, "primitives", 0)["material"] = 3 }},
	{"no such mesh", "uses a mesh that does not exist", func(s doc) { at(s, "nodes", 0)["mesh"] = 5 }},
	{"no such camera", "use a camera that does not exist", func(s doc) { at(s, "nodes", 1)["camera"] = 5 }},
	{"no such node", "names a node that does not exist", func(s doc) { at(s, "scenes", 0)["nodes"] = []int{99} }},
	{"no such scene", "scene 4, which does not exist", func(s doc) { s["scene"] = 4 }},
	{"node its own child", "cyclic", func(s doc) { at(s, "nodes", 0)["children"] = []int{0} }},
	{"nodes in a ring", "cyclic", func(s doc) {
		at(s, "nodes", 0)["children"] = []int{1}
		at(s, "nodes", 1)["children"] = []int{0}
	}},
	{"transform out of range", "not finite", func(s doc) {
		at(s, "nodes", 0)["scale"] = []float64{1e38, 1e38, 1e38}
		at(s, "nodes", 0)["children"] = []int{2}
		s["nodes"] = append(s["nodes"].([]any), doc{"scale": []float64{1e38, 1, 1}})
	}},
	{"transform of words", "not numbers", func(s doc) { at(s, "nodes", 0)["translation"] = []string{"a", "b", "c"} }},
	{"too far away", "too far", func(s doc) { at(s, "nodes", 0)["translation"] = []float64{1e30, 0, 0} }},
	{"parent folder", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = "../mesh.bin" }},
	{"hidden parent folder", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = "a/%2e%2E/%2e./mesh.bin" }},
	{"absolute path", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = "/etc/passwd" }},
	{"scheme", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = "file:///etc/passwd" }},
	{"another scheme", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = "https://example.org/mesh.bin" }},
	{"backslashes", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = `..\mesh.bin` }},
	{"zero in a path", "outside the scene's folder", func(s doc) { at(s, "buffers", 0)["uri"] = "mesh.bin%00.png" }},
	{"broken base64", "base64", func(s doc) { at(s, "buffers", 0)["uri"] = "data:application/octet-stream;base64,*" }},
	{"data that is not base64", "base64", func(s doc) { at(s, "buffers", 0)["uri"] = "data:text/plain,hello" }},
	{"missing buffer", "needs the file \"other.bin\"", func(s doc) { at(s, "buffers", 0)["uri"] = "other.bin" }},
	{"no data", "no data", func(s doc) { delete(at(s, "buffers", 0), "uri") }},
	{"Draco", "Draco", func(s doc) { s["extensionsRequired"] = []string{"KHR_draco_mesh_compression"} }},
	{"unknown extension", "EXT_nobody_knows", func(s doc) { s["extensionsRequired"] = []string{"EXT_nobody_knows"} }},
	{"glTF 1", "glTF \"1.0\"", func(s doc) { s["asset"] = doc{"version": "1.0"} }},
	{"no asset", "not a glTF file", func(s doc) { delete(s, "asset") }},
	{"picture that is none", "not a readable PNG", func(s doc) {
		textured(s)
		s["images"] = []any{doc{"uri": "mesh.bin"}}
	}},
	{"unknown light", "unknown type", func(s doc) {
		s["extensions"] = doc{"KHR_lights_punctual": doc{"lights": []any{doc{"type": "laser"}}}}
		at(s, "nodes", 0)["extensions"] = doc{"KHR_lights_punctual": doc{"light": 0}}
	}},
	{"no such texture", "texture that does not exist", func(s doc) {
		at(s, "materials", 0)["pbrMetallicRoughness"] = doc{"baseColorTexture": doc{"index": 0}}
	}},
}

// refused checks that both inspect and open say the sentence, or open alone.
func refused(t *testing.T, g *guest, bundle []byte, want string, openOnly bool) {
	t.Helper()
	input := append(make([]byte, 32), bundle...)
	for _, c := range []struct {
		function string
		input    []byte
	}{{"inspect", bundle}, {"open", input}} {
		if openOnly && c.function == "inspect" {
			continue
		}
		r := g.call(c.function, c.input)
		sentence := string(r.payload)
		if r.status != 1 || !strings.Contains(sentence, want) {
			t.Errorf("%s = %d %q, want a refusal with %q", c.function, r.status, sentence, want)
		}
		if !utf8.ValidString(sentence) || !strings.HasSuffix(sentence, ".") || strings.ContainsAny(sentence, "\n\x00") {
			t.Errorf("%s: %q is not one sentence", c.function, sentence)
		}
	}
}

func TestHostileScenesAreRefusedInWords(t *testing.T) {
	g := start(t)
	job := settings{Width: 8, Height: 8, Samples: 1}
	mesh := quad(1, 0)
	for _, c := range hostile {
		t.Run(c.name, func(t *testing.T) {
			scene := meshDoc(mesh, diffuse(0.5))
			c.change(scene)
			refused(t, g, bundleOf(t, job, scene, floats(mesh...)), c.want, c.name == "missing buffer")
		})
	}
	for name, v := range map[string]float32{"NaN": float32(math.NaN()), "infinite": float32(math.Inf(1)), "distant": 1e20} {
		t.Run(name+" position", func(t *testing.T) {
			bad := quad(1, 0)
			bad[4] = v
			refused(t, g, bundleOf(t, job, meshDoc(bad, diffuse(0.5)), floats(bad...)), "(vertex 1)", false)
		})
	}
	t.Run("index beyond the vertices", func(t *testing.T) {
		scene := meshDoc(mesh, diffuse(0.5))
		data := append(floats(mesh...), 0, 0, 1, 0, 99, 0)
		at(scene, "buffers", 0)["byteLength"] = len(data)
		scene["bufferViews"] = append(scene["bufferViews"].([]any), doc{"buffer": 0, "byteOffset": len(mesh) * 4, "byteLength": 6})
		scene["accessors"] = append(scene["accessors"].([]any), doc{"bufferView": 1, "componentType": 5123, "count": 3, "type": "SCALAR"})
		at(scene, "meshes", 0, "primitives", 0)["indices"] = 1
		refused(t, g, bundleOf(t, job, scene, data), "has the index 99", false)
	})
}

func TestBrokenFilesAreRefusedInWords(t *testing.T) {
	g := start(t)
	sound, err := os.ReadFile("testdata/cornell_diffuse.glb")
	if err != nil {
		t.Fatal(err)
	}
	deep := []byte(`{"asset":` + strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5001))
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "is empty"},
		"text":             {[]byte("hello"), "not a glTF file"},
		"picture":          {[]byte("\x89PNG\r\n\x1a\n0000"), "not a glTF file"},
		"cut in the head":  {sound[:10], "truncated"},
		"cut in the JSON":  {sound[:300], "truncated"},
		"cut in the data":  {sound[:len(sound)-1000], "truncated"},
		"other version":    {append([]byte("glTF\x09\x00\x00\x00"), sound[8:]...), "version 9"},
		"JSON cut":         {[]byte(`{"asset":{"version":"2.0"`), "not valid JSON"},
		"JSON of a number": {[]byte(`{"asset":{"version":"2.0"},"nodes":[1e]}`), "not valid JSON"},
		"deep JSON":        {deep, "deeper than"},
		"two values":       {[]byte(`{"asset":{"version":"2.0"}} {}`), "not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			job := settings{Scene: "scene.glb", Width: 8, Height: 8, Samples: 1}
			refused(t, g, pack(t, job, map[string][]byte{"scene.glb": c.file}), c.want, false)
		})
	}
}

func TestBrokenBundlesAreRefusedInWords(t *testing.T) {
	g := start(t)
	sound := cornell(t, 8, 1)
	huge := append([]byte(nil), sound...)
	binary.LittleEndian.PutUint64(huge[16:], 1<<63)
	for name, c := range map[string]struct {
		bundle []byte
		want   string
	}{
		"empty":          {nil, "SNMB"},
		"cut":            {sound[:len(sound)/2], "ends within file"},
		"trailing":       {append(append([]byte(nil), sound...), 1), "after its last file"},
		"huge entry":     {huge, "ends within file"},
		"many files":     {[]byte("SNMB\x01\x00\x00\x00\xff\xff\xff\xff"), "claims"},
		"no settings":    {packFiles(map[string][]byte{"a.glb": nil}), "no job.json"},
		"outside":        {packFiles(map[string][]byte{"../a": nil, "job.json": nil}), "plain relative path"},
		"settings":       {packFiles(map[string][]byte{"job.json": []byte("[]")}), "not a JSON object"},
		"no scene":       {packFiles(map[string][]byte{"job.json": []byte("{}")}), "names no scene"},
		"absent scene":   {packFiles(map[string][]byte{"job.json": []byte(`{"scene":"a.glb","width":1,"height":1,"samples":1}`)}), "not in the job's bundle"},
		"no width":       {packFiles(map[string][]byte{"job.json": []byte(`{"scene":"a.glb"}`)}), "width"},
		"huge width":     {packFiles(map[string][]byte{"job.json": []byte(`{"scene":"a.glb","width":99999999,"height":1,"samples":1}`)}), "width"},
		"no time":        {packFiles(map[string][]byte{"job.json": []byte(`{"scene":"a.glb","width":1,"height":1,"samples":1,"fps":0}`)}), "as fps"},
		"no such frame":  {packFiles(map[string][]byte{"job.json": []byte(`{"scene":"a.glb","width":1,"height":1,"samples":1,"frames":{"first":-1}}`)}), "first frame"},
		"unsorted":       {append([]byte("SNMB\x01\x00\x00\x00\x02\x00\x00\x00"), "\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00b\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00a"...), "not sorted"},
		"unknown camera": {pack(t, settings{Scene: "scene.gltf", Width: 8, Height: 8, Samples: 1, Camera: "nobody"}, map[string][]byte{"scene.gltf": marshal(t, meshDoc(quad(1, 0), diffuse(1))), "mesh.bin": floats(quad(1, 0)...)}), "no camera \"nobody\""},
	} {
		t.Run(name, func(t *testing.T) { refused(t, g, c.bundle, c.want, name == "unknown camera") })
	}
}

// External files, data: URIs and binary chunks are the same scene; a picture
// that is missing is reported and the scene still renders.
func TestWaysToStoreTheSameScene(t *testing.T) {
	g := start(t)
	mesh := quad(1, 0)
	job := settings{Width: 8, Height: 8, Samples: 1, Sky: &sky{Color: [3]float64{1, 1, 1}, Strength: 1}}
	g.open(1, bundleOf(t, job, meshDoc(mesh, diffuse(0.5)), floats(mesh...)))
	want, _ := g.render(task{X1: 8, Y1: 8})

	inline := meshDoc(mesh, diffuse(0.5))
	at(inline, "buffers", 0)["uri"] = "data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString(floats(mesh...))
	g.open(1, bundleOf(t, job, inline, nil))
	got, _ := g.render(task{X1: 8, Y1: 8})
	equal(t, "data: URI", got, want)

	chunk := meshDoc(mesh, diffuse(0.5))
	delete(at(chunk, "buffers", 0), "uri")
	job.Scene = "scene.glb"
	g.open(1, pack(t, job, map[string][]byte{"scene.glb": glb(marshal(t, chunk), floats(mesh...))}))
	got, _ = g.render(task{X1: 8, Y1: 8})
	equal(t, "binary chunk", got, want)

	folder := meshDoc(mesh, diffuse(0.5))
	at(folder, "buffers", 0)["uri"] = "./my%20data/mesh.bin"
	folder["images"] = []any{doc{"uri": "tex.png"}, doc{"uri": "unused.png"}}
	textured(folder)
	job.Scene = "models/scene.gltf"
	bundle := pack(t, job, map[string][]byte{"models/scene.gltf": marshal(t, folder), "models/my data/mesh.bin": floats(mesh...)})
	if r := g.call("inspect", bundle); r.status != 0 || !strings.Contains(string(r.payload), `"missing":["models/tex.png"]`) {
		t.Errorf("inspect = %d %s, want models/tex.png missing", r.status, r.payload)
	}
	g.open(1, bundle)
	got, _ = g.render(task{X1: 8, Y1: 8})
	equal(t, "folder", got, want)
}

// FuzzScene feeds changed scenes to inspect and open: they may refuse, but the
// guest must not trap.
func FuzzScene(f *testing.F) {
	mesh := quad(1, 0)
	scene := meshDoc(mesh, diffuse(0.5))
	delete(at(scene, "buffers", 0), "uri")
	f.Add(glb(marshal(f, scene), floats(mesh...)))
	f.Add([]byte(`{"asset":{"version":"2.0"},"scenes":[{"nodes":[0]}],"nodes":[{"children":[0]}]}`))
	f.Add([]byte(`{"asset":{"version":"2.0"},"images":[{"uri":"data:;base64,iVBORw0KGgo="}]}`))
	for _, feature := range features.All() {
		f.Add(feature.Scene.GLB)
	}
	shared := start(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		g := &guest{t, shared.ctx, shared.module}
		bundle := pack(t, settings{Scene: "s.glb", Width: 2, Height: 2, Samples: 1}, map[string][]byte{"s.glb": file})
		if _, err := g.try("inspect", bundle); err != nil {
			t.Fatalf("inspect trapped: %v", err)
		}
		opened, err := g.try("open", append(make([]byte, 32), bundle...))
		if err != nil {
			t.Fatalf("open trapped: %v", err)
		}
		if opened.status == 0 {
			for _, frame := range []uint32{0, 24, 7} { // a frame may be refused, too: it can move things too far away
				if _, err := g.try("task", specOf(t, task{Frame: frame, X1: 2, Y1: 2})); err != nil {
					t.Fatalf("task trapped: %v", err)
				}
			}
		}
	})
}

// A picture that claims a gigabyte within it is refused before that is taken.
func TestLyingPictureTakesNoMemory(t *testing.T) {
	g := start(t)
	before := g.module.Memory().Size()
	picture := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x02\x08\x02\x00\x00\x00\xfd\xd4\x9a\x73\x30\x00\x00\x00IDAT\x78\x9c")
	mesh := quad(1, 0)
	scene := meshDoc(mesh, diffuse(0.5))
	textured(scene)
	scene["images"] = []any{doc{"uri": "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)}}
	refused(t, g, bundleOf(t, settings{Width: 8, Height: 8, Samples: 1}, scene, floats(mesh...)), "The picture image 0 is damaged.", true)
	if after := g.module.Memory().Size(); after > before+16<<20 {
		t.Errorf("the guest's memory grew from %d to %d bytes", before, after)
	}
}
