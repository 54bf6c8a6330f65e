package gltf_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sonm/engine/gltf"
)

// Hashes are those of the same files as other decoders unpack them: see the
// README of the test data.
var packed = []struct{ folder, file, hash string }{
	{".", "cornell_draco.glb", "9f127f13fac7521b19dcff02b24c372b"},
	{".", "cornell_meshopt.glb", "6bcc836e0f29c32d54dabc2809672e0f"},
	{"cornell_parts", "scene.gltf", "fbd4deafba2f96e0e5d0a736d44cedbb"},
}

// TestUnpacksAsOthersDo: SONM_GLTF may name a folder of more scenes, NAME.glb
// and NAME/scene.gltf beside NAME-plain.glb, which others have unpacked.
func TestUnpacksAsOthersDo(t *testing.T) {
	for _, c := range packed {
		unpacksTo(t, filepath.Join(scenes, c.folder), c.file, c.hash)
	}
	more, err := filepath.Glob(filepath.Join(os.Getenv("SONM_GLTF"), "*-plain.glb"))
	if err != nil || os.Getenv("SONM_GLTF") == "" {
		return
	}
	for _, path := range more {
		want := flatten(t, gltf.Scene{File: read(t, path)}, none).hash(t)
		base := strings.TrimSuffix(path, "-plain.glb")
		unpacksTo(t, filepath.Dir(base), filepath.Base(base)+".glb", want)
		unpacksTo(t, base, "scene.gltf", want)
	}
	t.Logf("%d more scenes", 2*len(more))
}

func unpacksTo(t *testing.T, dir, file, want string) {
	t.Helper()
	s, err := gltf.Unpack(read(t, dir, file), folder(dir), limit)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return
	}
	clean(t, s)
	if got := flatten(t, s, folder(dir)).hash(t); got != want {
		t.Errorf("%s/%s: %s, want %s", dir, file, got, want)
	}
	again, err := gltf.Unpack(read(t, dir, file), folder(dir), limit)
	if err != nil || !bytes.Equal(again.File, s.File) || !bytes.Equal(again.Data, s.Data) {
		t.Errorf("%s: a second time it is another scene, %v", file, err)
	}
	twice, err := gltf.Unpack(s.File, none, limit)
	if err != nil || !bytes.Equal(twice.File, s.File) || twice.Plain != "" {
		t.Errorf("%s: unpacked twice it changed, %v", file, err)
	}
}

// Every file of the compressed buffer is dropped: the renderer need not have it.
func TestCompressedBuffersAreNotAskedFor(t *testing.T) {
	s, err := gltf.Unpack(read(t, scenes, "cornell_parts", "scene.gltf"), folder(filepath.Join(scenes, "cornell_parts")), limit)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Buffers     []struct{ URI string }
		BufferViews []struct{ Buffer int }
	}
	if err := json.Unmarshal(s.File, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Buffers) != 1 || doc.Buffers[0].URI != s.Plain || s.Plain == "" {
		t.Errorf("buffers are %+v, want %q alone", doc.Buffers, s.Plain)
	}
	for i, v := range doc.BufferViews {
		if v.Buffer != 0 {
			t.Errorf("bufferView %d uses buffer %d of 1", i, v.Buffer)
		}
	}
}

func TestOtherScenesComeBackAsTheyWentIn(t *testing.T) {
	for name, file := range map[string][]byte{
		"plain":     read(t, scenes, "cornell_diffuse.glb"),
		"empty":     nil,
		"text":      []byte("hello"),
		"cut":       read(t, scenes, "cornell_draco.glb")[:500],
		"bad JSON":  []byte(`{"extensionsUsed":["KHR_draco_mesh_compression"`),
		"no object": []byte(`["KHR_draco_mesh_compression"]`),
		"two":       []byte(`{"x":"KHR_draco_mesh_compression"} {}`),
	} {
		s, err := gltf.Unpack(file, none, limit)
		if err != nil || !bytes.Equal(s.File, file) || s.Plain != "" || s.Data != nil {
			t.Errorf("%s: it changed, %v", name, err)
		}
	}
}

// tiny is one triangle in Draco, with things that nobody knows around it.
func tiny(tb testing.TB, change func(doc object)) []byte {
	tb.Helper()
	mesh := read(tb, "draco", "testdata", "cube-nuvcfjbwtikx-q11-s5-1.drc")
	var doc object
	text := fmt.Sprintf(`{"asset":{"version":"2.0","nobody":[1e40,-0,1.50]},"nobody":{"<&>":"ü\u2028"},"extensionsUsed":["KHR_draco_mesh_compression","EXT_x"],
		"extensionsRequired":["KHR_draco_mesh_compression"],
		"meshes":[{"name":"cube","primitives":[{"nobody":7,"attributes":{"POSITION":1,"NORMAL":2,"TEXCOORD_0":3,"JOINTS_0":4,"_ID":5},"indices":0,
		"extensions":{"EXT_x":{},"KHR_draco_mesh_compression":{"bufferView":0,"attributes":{"POSITION":0,"NORMAL":1,"TEXCOORD_0":2,"JOINTS_0":6,"_ID":9}}}}]}],
		"accessors":[{"componentType":5123,"count":36,"type":"SCALAR","nobody":1},{"componentType":5126,"count":36,"type":"VEC3","min":[0,0,0]},{"componentType":5126,"count":36,"type":"VEC3"},
		{"componentType":5126,"count":36,"type":"VEC2"},{"componentType":5121,"count":36,"type":"VEC4"},{"componentType":5126,"count":36,"type":"SCALAR"}],
		"bufferViews":[{"buffer":0,"byteLength":%d}],"buffers":[{"byteLength":%d,"uri":"mesh.bin"}]}`, len(mesh), len(mesh))
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&doc); err != nil {
		tb.Fatal(err)
	}
	if change != nil {
		change(doc)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// cube opens the mesh of tiny, whatever it is called.
func cube(tb testing.TB) gltf.Open {
	tb.Helper()
	return func(string) ([]byte, error) {
		return read(tb, "draco", "testdata", "cube-nuvcfjbwtikx-q11-s5-1.drc"), nil
	}
}

func TestWhatIsUnknownStays(t *testing.T) {
	s, err := gltf.Unpack(tiny(t, nil), cube(t), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"nobody":[1e40,-0,1.50]`, `"<&>"`, `"nobody":7`, `"nobody":1`, `"EXT_x":{}`, `"extensionsUsed":["EXT_x"]`, `"min":[0,0,0]`} {
		if !strings.Contains(string(s.File), want) {
			t.Errorf("%s is gone:\n%s", want, s.File)
		}
	}
	if strings.Contains(string(s.File), "extensionsRequired") {
		t.Error("an empty list stays")
	}
	clean(t, s)
}

// Joints are stored as 16 bits and wanted as 8, an integer as a float.
func TestComponentsBecomeThoseOfTheAccessor(t *testing.T) {
	s, err := gltf.Unpack(tiny(t, nil), cube(t), limit)
	if err != nil {
		t.Fatal(err)
	}
	f := flatten(t, s, none)
	if n := len(f.values(t, 1.0)); n != 3*number(list(f.doc["accessors"])[1].(object)["count"]) || n == 0 {
		t.Errorf("%d numbers of positions", n)
	}
	for i, a := range list(f.doc["accessors"]) {
		v := list(f.doc["bufferViews"])[number(a.(object)["bufferView"])].(object)
		if stride := number(v["byteStride"]); i > 0 && (stride == 0 || stride%4 != 0) {
			t.Errorf("accessor %d has elements at multiples of %d bytes", i, stride)
		}
	}
	joints := list(f.doc["accessors"])[4].(object)
	if number(joints["componentType"]) != 5121 {
		t.Errorf("joints are %v", joints)
	}
	f.values(t, 4.0)
	if ids := f.values(t, 5.0); ids[0] != float64(int(ids[0])) {
		t.Errorf("ids are %v", ids)
	}
}

// Two parts of a mesh share a stream and an accessor: it is decoded once, and an
// accessor that two streams claim becomes two.
func TestSharedStreamsAndAccessors(t *testing.T) {
	file := tiny(t, func(d object) {
		m := d["meshes"].([]any)[0].(object)
		p := m["primitives"].([]any)
		m["primitives"] = append(p, p[0])
		v := d["bufferViews"].([]any)
		d["bufferViews"] = append(v, v[0])
		var other any
		b, _ := json.Marshal(p[0])
		_ = json.Unmarshal(bytes.Replace(b, []byte(`"bufferView":0`), []byte(`"bufferView":1`), 1), &other)
		m["primitives"] = append(m["primitives"].([]any), other)
	})
	s, err := gltf.Unpack(file, cube(t), limit)
	if err != nil {
		t.Fatal(err)
	}
	f := flatten(t, s, none)
	p := list(list(f.doc["meshes"])[0].(object)["primitives"])
	first, second, third := p[0].(object)["attributes"].(object), p[1].(object)["attributes"].(object), p[2].(object)["attributes"].(object)
	if fmt.Sprint(first) != fmt.Sprint(second) || number(first["POSITION"]) != 1 {
		t.Errorf("parts of one stream use %v and %v", first, second)
	}
	if number(third["POSITION"]) == 1 || fmt.Sprint(f.values(t, third["POSITION"])) != fmt.Sprint(f.values(t, first["POSITION"])) {
		t.Errorf("another stream uses %v", third)
	}
}

func at(d object, path ...any) object {
	var v any = d
	for _, step := range path {
		switch key := step.(type) {
		case string:
			v = v.(object)[key]
		case int:
			v = v.([]any)[key]
		}
	}
	return v.(object)
}

func extension(d object) object {
	return at(d, "meshes", 0, "primitives", 0, "extensions", "KHR_draco_mesh_compression")
}

// meshoptDoc is a bufferView that meshopt has compressed.
func meshoptDoc(change func(view object)) []byte {
	view := object{"buffer": 0, "byteLength": 68, "extensions": object{"EXT_meshopt_compression": object{
		"buffer": 0, "byteLength": 64, "byteStride": 4, "count": 17, "mode": "ATTRIBUTES",
	}}}
	change(view)
	b, _ := json.Marshal(object{"asset": object{"version": "2.0"}, "bufferViews": []any{view}, "buffers": []any{object{"byteLength": 64, "uri": "mesh.bin"}}})
	return b
}

func TestBrokenScenesAreRefusedInOneSentence(t *testing.T) {
	meshopt := func(name string, v any) func(tb testing.TB) []byte {
		return func(testing.TB) []byte {
			return meshoptDoc(func(view object) { at(view, "extensions", "EXT_meshopt_compression")[name] = v })
		}
	}
	draco := func(change func(d object)) func(tb testing.TB) []byte {
		return func(tb testing.TB) []byte {
			tb.Helper()
			return tiny(tb, change)
		}
	}
	for name, c := range map[string]struct {
		file func(tb testing.TB) []byte
		want string
	}{
		"no bufferView":       {draco(func(d object) { delete(extension(d), "bufferView") }), "names no bufferView"},
		"bufferView of words": {draco(func(d object) { extension(d)["bufferView"] = "x" }), "names no bufferView"},
		"bufferView beyond":   {draco(func(d object) { extension(d)["bufferView"] = 9 }), "bufferView 9, which does not exist"},
		"negative bufferView": {draco(func(d object) { extension(d)["bufferView"] = -1 }), "names no bufferView"},
		"no such id":          {draco(func(d object) { at(extension(d), "attributes")["POSITION"] = 77 }), "no attribute 77 for POSITION"},
		"id of words":         {draco(func(d object) { at(extension(d), "attributes")["POSITION"] = "a" }), "no attribute a for POSITION"},
		"points":              {draco(func(d object) { at(d, "meshes", 0, "primitives", 0)["mode"] = 0 }), "triangles only"},
		"floats as integers":  {draco(func(d object) { at(d, "accessors", 1)["componentType"] = 5123 }), "the accessor integers"},
		"view beyond buffer":  {draco(func(d object) { at(d, "bufferViews", 0)["byteLength"] = 1 << 40 }), "beyond its buffer"},
		"view offset":         {draco(func(d object) { at(d, "bufferViews", 0)["byteOffset"] = 1 << 40 }), "beyond its buffer"},
		"view of no buffer":   {draco(func(d object) { at(d, "bufferViews", 0)["buffer"] = 3 }), "buffer 3, which does not exist"},
		"damaged view":        {draco(func(d object) { delete(at(d, "bufferViews", 0), "byteLength") }), "bufferView 0 is damaged"},
		"stream cut":          {draco(func(d object) { at(d, "bufferViews", 0)["byteLength"] = 100 }), "end too early"},
		"stream empty":        {draco(func(d object) { at(d, "bufferViews", 0)["byteLength"] = 0 }), "begin with DRACO"},
		"no data":             {draco(func(d object) { delete(at(d, "buffers", 0), "uri") }), "no data"},
		"broken base64":       {draco(func(d object) { at(d, "buffers", 0)["uri"] = "data:x;base64,*" }), "broken base64"},
		"data in text":        {draco(func(d object) { at(d, "buffers", 0)["uri"] = "data:text/plain,x" }), "not base64"},

		"meshopt mode":         {meshopt("mode", "CUBES"), "no mode"},
		"meshopt filter":       {meshopt("filter", "QUATERNION"), "does not go with"},
		"meshopt count":        {meshopt("count", 18), "claims 68 bytes and 18 elements"},
		"meshopt billions":     {meshopt("count", 1<<40), "MB that fit"},
		"meshopt no count":     {meshopt("count", nil), "missing or none"},
		"meshopt stride":       {meshopt("byteStride", 3), "elements of 3 bytes"},
		"meshopt zero stride":  {meshopt("byteStride", 0), "elements of 0 bytes"},
		"meshopt beyond":       {meshopt("byteLength", 4096), "beyond its buffer"},
		"meshopt no buffer":    {meshopt("buffer", 5), "buffer 5, which does not exist"},
		"meshopt wrong data":   {meshopt("byteOffset", 0), "which no attributes do"},
		"meshopt not a number": {meshopt("byteOffset", "x"), "missing or none"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := gltf.Unpack(c.file(t), cube(t), limit)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q; %s", err, c.want, s.File)
			}
			sentence(t, err)
			t.Log(err)
		})
	}
}

func TestMissingFilesAreTheCallersError(t *testing.T) {
	if _, err := gltf.Unpack(tiny(t, nil), none, limit); !strings.Contains(fmt.Sprint(err), fs.ErrNotExist.Error()) {
		t.Errorf("%v, want the error of open", err)
	}
	asked := ""
	_, _ = gltf.Unpack(tiny(t, func(d object) { at(d, "buffers", 0)["uri"] = "my%20mesh%2f1.bin" }), func(name string) ([]byte, error) { asked = name; return nil, fs.ErrNotExist }, limit)
	if asked != "my mesh/1.bin" {
		t.Errorf("it asked for %q", asked)
	}
}

func TestNoMoreIsUnpackedThanFits(t *testing.T) {
	if _, err := gltf.Unpack(read(t, scenes, "cornell_draco.glb"), none, 100000); err == nil || !strings.Contains(err.Error(), "MB") {
		t.Errorf("with a limit of 100 kB: %v", err)
	}
}

// Attributes that no accessor asks for take memory as well, one stream's after
// another's.
func TestNoMoreIsHeldThanFits(t *testing.T) {
	crowd := func(n int) []byte {
		return tiny(t, func(d object) {
			at(d, "meshes", 0, "primitives", 0)["attributes"] = object{}
			m, p := at(d, "meshes", 0), at(d, "meshes", 0, "primitives", 0)
			views, parts := d["bufferViews"].([]any), []any{}
			for i := range n {
				parts = append(parts, object{"indices": 0, "extensions": object{"KHR_draco_mesh_compression": object{"bufferView": i}}})
				views = append(views, views[0])
			}
			delete(p, "extensions")
			m["primitives"], d["bufferViews"] = parts, views
		})
	}
	const enough = 60000 // for ten cubes without their attributes
	if _, err := gltf.Unpack(crowd(1), cube(t), enough); err != nil {
		t.Fatal(err)
	}
	if _, err := gltf.Unpack(crowd(40), cube(t), enough); err == nil || !strings.Contains(err.Error(), "MB") {
		t.Errorf("forty streams: %v", err)
	}
	if _, err := gltf.Unpack(crowd(40), cube(t), 40*enough); err != nil {
		t.Errorf("forty streams that fit: %v", err)
	}
}

func TestDracoCutAnywhereIsRefused(t *testing.T) {
	whole := cube(t)
	for n := 0; n < 1600; n += 13 {
		data, _ := whole("")
		if n >= len(data) {
			break
		}
		file := tiny(t, func(d object) { at(d, "bufferViews", 0)["byteLength"] = n })
		if _, err := gltf.Unpack(file, whole, limit); err == nil {
			t.Fatalf("cut to %d of %d bytes it was read", n, len(data))
		}
	}
}

func TestChangedScenesDoNoHarm(t *testing.T) {
	seed := uint64(5)
	random := rand.New(rand.NewPCG(seed, 1))
	for _, c := range packed {
		whole := read(t, scenes, c.folder, c.file)
		for range 25 {
			data := append([]byte(nil), whole...)
			for range 20 {
				data[random.IntN(len(data))] = byte(random.Uint32())
			}
			_, err := gltf.Unpack(data, folder(filepath.Join(scenes, c.folder)), limit)
			sentence(t, err)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add(tiny(f, nil))
	f.Add(meshoptDoc(func(object) {}))
	f.Add([]byte("glTF\x02\x00\x00\x00\x14\x00\x00\x00"))
	f.Add([]byte(`{"meshes":[{"primitives":[{"extensions":{"KHR_draco_mesh_compression":{"bufferView":0}}}]}],"bufferViews":[{}]}`))
	mesh, _ := cube(f)("")
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := gltf.Unpack(file, func(string) ([]byte, error) { return mesh, nil }, 4<<20)
		sentence(t, err)
		if err != nil {
			return
		}
		if len(s.Data) > 4<<20 || (s.Plain == "") != (len(s.Data) == 0) {
			t.Errorf("%q has %d bytes", s.Plain, len(s.Data))
		}
		again, err := gltf.Unpack(file, func(string) ([]byte, error) { return mesh, nil }, 4<<20)
		if err != nil || !bytes.Equal(again.File, s.File) || !bytes.Equal(again.Data, s.Data) {
			t.Errorf("a second time it is another scene, %v", err)
		}
	})
}

// What else lies in a buffer of compressed data is still there afterwards.
func TestABufferOfPlainDataTooStays(t *testing.T) {
	whole := cube(t)
	data, _ := whole("")
	file := tiny(t, func(d object) {
		d["bufferViews"] = append(d["bufferViews"].([]any), object{"buffer": 0, "byteOffset": 4, "byteLength": 16})
		at(d, "buffers", 0)["extensions"] = object{"EXT_meshopt_compression": object{"fallback": true}}
	})
	s, err := gltf.Unpack(file, whole, limit)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Buffers []struct {
			URI        string
			Extensions any
		}
		BufferViews []struct{ Buffer, ByteOffset, ByteLength int }
	}
	if err := json.Unmarshal(s.File, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Buffers) != 2 || doc.Buffers[0].URI != "mesh.bin" || doc.Buffers[1].URI != s.Plain || doc.Buffers[0].Extensions != nil {
		t.Fatalf("buffers are %+v", doc.Buffers)
	}
	for i, v := range doc.BufferViews {
		want, size := 1, len(s.Data)
		if i == 1 {
			want, size = 0, len(data)
		}
		if v.Buffer != want || v.ByteOffset+v.ByteLength > size {
			t.Errorf("bufferView %d is %+v", i, v)
		}
	}
}

// Strips are single triangles in Draco, and all values of an accessor are in the
// stream: nothing of how they were said before may be left.
func TestNothingOfTheOldWayIsLeft(t *testing.T) {
	file := tiny(t, func(d object) {
		at(d, "meshes", 0, "primitives", 0)["mode"] = 5
		at(d, "accessors", 1)["sparse"] = object{"count": 1}
		at(d, "accessors", 1)["byteOffset"] = 4
	})
	s, err := gltf.Unpack(file, cube(t), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{`"mode"`, `"sparse"`, `"byteOffset":4,`} {
		if strings.Contains(string(s.File), old) {
			t.Errorf("%s is left:\n%s", old, s.File)
		}
	}
}
