package app

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sonm/app/event"
)

// smallScene is a small sound .gltf whose parts a case breaks.
func smallScene(old, broken string) []byte {
	points := make([]byte, 0, 36)
	for _, v := range []float32{0, 0, 0, 1, 0, 0, 0, 1, 0} {
		points = binary.LittleEndian.AppendUint32(points, math.Float32bits(v))
	}
	text := `{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],"nodes":[{"mesh":0}],"meshes":[{"primitives":[{"attributes":{"POSITION":0}}]}],` +
		`"accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3"}],"bufferViews":[{"buffer":0,"byteLength":36}],` +
		`"buffers":[{"byteLength":36,"uri":"data:application/octet-stream;base64,` + base64.StdEncoding.EncodeToString(points) + `"}]}`
	if old != "" && !strings.Contains(text, old) {
		panic("the scene has no " + old) // a case of this file that would break nothing
	}
	return []byte(strings.Replace(text, old, broken, 1))
}

// broken is a case that must be refused.
type broken struct {
	want string
	make func(p place) string
}

// changed is a .gltf with one thing replaced.
func changed(want, old, by string) broken {
	return broken{want, func(p place) string { return p.file("s.gltf", smallScene(old, by)) }}
}

// plain is the one triangle of smallScene without a material, and painted is it
// with a picture on it: pictures that nothing shows are not asked for.
const plain = `"primitives":[{"attributes":{"POSITION":0}}]}]`

func painted(uri string) string {
	return `"primitives":[{"attributes":{"POSITION":0},"material":0}]}],` +
		`"materials":[{"pbrMetallicRoughness":{"baseColorTexture":{"index":0}}}],"textures":[{"source":0}],"images":[{"uri":"` + uri + `"}]`
}

func brokenFiles(t *testing.T) map[string]broken {
	t.Helper()
	glb, draco := testFile(t, "cornell_diffuse.glb"), testFile(t, "cornell_draco.glb")
	nan := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0, 0, 0xc0, 0x7f}, 9))
	uri := string(smallScene("", ""))
	uri = uri[strings.Index(uri, "data:"):]
	uri = uri[:strings.Index(uri, `"`)]
	all := map[string]broken{
		"not there":     {"does not exist", func(p place) string { return filepath.Join(p.dir, "a.glb") }},
		"other format":  {"cannot open a.obj", func(p place) string { return p.file("a.obj", []byte("v 0 0 0")) }},
		"no ending":     {"cannot open scene", func(p place) string { return p.file("scene", glb) }},
		"empty":         {"is empty", func(p place) string { return p.file("a.glb", nil) }},
		"text":          {"not a glTF", func(p place) string { return p.file("a.glb", []byte("hello")) }},
		"picture":       {"not a glTF", func(p place) string { return p.file("a.gltf", []byte("\x89PNG\r\n\x1a\n")) }},
		"JSON cut":      {"not valid JSON", func(p place) string { return p.file("a.gltf", smallScene("", "")[:200]) }},
		"JSON of lists": {"not a glTF", func(p place) string { return p.file("a.gltf", []byte(`[{}]`)) }},
		"deep JSON": {"deeper", func(p place) string {
			return p.file("a.gltf", []byte(`{"asset":`+strings.Repeat(`[`, 100000)+strings.Repeat(`]`, 100000)+"}"))
		}},
		"deep compressed JSON": {"deeper", func(p place) string {
			return p.file("a.gltf", []byte(`{"KHR_draco_mesh_compression":`+strings.Repeat(`[`, 100000)+strings.Repeat(`]`, 100000)+"}"))
		}},
		"node its own child":   changed("cyclic", `{"mesh":0}`, `{"mesh":0,"children":[0]}`),
		"nodes in a ring":      changed("cyclic", `"nodes":[{"mesh":0}]`, `"nodes":[{"children":[1]},{"children":[0]}]`),
		"no such node":         changed("node that does not exist", `[{"nodes":[0]}]`, `[{"nodes":[7]}]`),
		"no such mesh":         changed("mesh that does not exist", `{"mesh":0}`, `{"mesh":3}`),
		"no such scene":        changed("scene 3", `"scene":0`, `"scene":3`),
		"no such accessor":     changed("accessor 5", `"POSITION":0`, `"POSITION":5`),
		"no such view":         changed("bufferView 5", `"bufferView":0`, `"bufferView":5`),
		"no such buffer":       changed("buffer 5", `"buffer":0`, `"buffer":5`),
		"not a number":         changed("vertex", uri, "data:application/octet-stream;base64,"+nan),
		"a billion vertices":   changed("1000000000", `"count":3`, `"count":1000000000`),
		"negative count":       changed("damaged", `"count":3`, `"count":-3`),
		"more than its view":   changed("more than its data holds", `"count":3`, `"count":4`),
		"view beyond buffer":   changed("beyond its buffer", `"buffer":0,"byteLength":36`, `"buffer":0,"byteLength":360`),
		"offset overflows":     changed("beyond its buffer", `"buffer":0,`, `"buffer":0,"byteOffset":9007199254740991,`),
		"bad base64":           changed("base64", `base64,`, `base64,****`),
		"other version":        changed("1.0", `"version":"2.0"`, `"version":"1.0"`),
		"unknown extension":    changed("EXT_nobody", `"scene":0`, `"extensionsRequired":["EXT_nobody"],"scene":0`),
		"missing buffer":       changed("far.bin", uri, "far.bin"),
		"missing in words":     changed("far away.bin", uri, "far%20away.bin"),
		"parent folder":        changed("outside", uri, "../../etc/passwd"),
		"hidden parent":        changed("outside", uri, "a/%2e%2e/%2e%2e/passwd"),
		"absolute":             changed("outside", uri, "/etc/passwd"),
		"file URI":             changed("outside", uri, "file:///etc/passwd"),
		"another computer":     changed("outside", uri, "https://example.org/a.bin"),
		"backslashes":          changed("outside", uri, `..\\a.bin`),
		"missing picture":      changed("tex.png", plain, painted("tex.png")),
		"a folder as a buffer": {"not a file", func(p place) string { p.file("sub/x", nil); return p.file("a.gltf", smallScene(uri, "sub")) }},
		"buffer too short":     {"claims 36 bytes", func(p place) string { p.file("b.bin", []byte("x")); return p.file("a.gltf", smallScene(uri, "b.bin")) }},
		"picture that is none": {"readable", func(p place) string {
			p.file("t.png", []byte("x"))
			return p.file("a.gltf", smallScene(plain, painted("t.png")))
		}},
		"link out of a folder": {"escapes", func(p place) string {
			p.file("far.bin", make([]byte, 36))
			p.file("f/a.gltf", smallScene(uri, "b.bin"))
			p.link("f/b.bin", "../far.bin")
			return filepath.Join(p.dir, "f")
		}},
		"link to a scene alone": {"no scene", func(p place) string {
			p.file("a.glb", glb)
			p.file("f/x", nil)
			p.link("f/a.glb", "../a.glb")
			return filepath.Join(p.dir, "f")
		}},
		"a pipe as a buffer": {"not a file", func(p place) string { p.pipe("b.bin"); return p.file("a.gltf", smallScene(uri, "b.bin")) }},
		"folder of a crowd": {"more than 65536 files", func(p place) string {
			for i := range maxEntries {
				f, err := os.Create(filepath.Join(p.dir, fmt.Sprintf("%d.png", i)))
				if err != nil || f.Close() != nil {
					p.t.Fatal(err)
				}
			}
			return p.dir
		}},
		"empty folder": {"no scene in the folder", func(p place) string { return p.dir }},
		"folder of others": {"no scene in the folder", func(p place) string {
			p.file("f/a.obj", nil)
			p.file("f/b.blend", nil)
			return filepath.Join(p.dir, "f")
		}},
		"two scenes": {"a.glb, b.gltf", func(p place) string {
			p.file("f/a.glb", glb)
			p.file("f/b.gltf", nil)
			return filepath.Join(p.dir, "f")
		}},
		"two scenes below": {"x/a.glb, y/a.glb", func(p place) string {
			p.file("f/x/a.glb", glb)
			p.file("f/y/a.glb", glb)
			return filepath.Join(p.dir, "f")
		}},
		"many scenes": {"and 4 more", func(p place) string {
			for i := range 9 {
				p.file(fmt.Sprintf("f/%d.glb", i), glb)
			}
			return filepath.Join(p.dir, "f")
		}},
	}
	for _, n := range []int{4, 11, 12, 19, 20, 100, 2000, len(glb) / 2, len(glb) - 1} {
		all[fmt.Sprintf("cut at %d", n)] = broken{"", func(p place) string { return p.file("a.glb", glb[:n]) }}
	}
	for _, n := range []int{30, 3000, len(draco) / 2, len(draco) - 1} {
		all[fmt.Sprintf("Draco cut at %d", n)] = broken{"", func(p place) string { return p.file("a.glb", draco[:n]) }}
	}
	return all
}

func brokenStreams(t *testing.T) map[string]broken {
	t.Helper()
	draco := testFile(t, "cornell_draco.glb")
	parts, bin := string(testFile(t, "cornell_parts", "scene.gltf")), testFile(t, "cornell_parts", "scene.bin")
	all := map[string]broken{}
	start := 20 + int(binary.LittleEndian.Uint32(draco[12:])) + 8
	for _, at := range []int{0, 5, 12, 30, 60, 200} { // of the binary chunk, where the first stream lies
		all[fmt.Sprintf("Draco byte %d", at)] = broken{"Draco data are", func(p place) string {
			file := bytes.Clone(draco)
			for k := range 16 {
				file[start+at+k] ^= 0xff
			}
			return p.file("a.glb", file)
		}}
	}
	meshopt := func(want, old, by string) broken { // in the last place where it is
		at := strings.LastIndex(parts, old)
		if at < 0 {
			t.Fatalf("the compressed scene has no %s", old)
		}
		return broken{want, func(p place) string {
			p.file("scene.bin", bin)
			return p.file("scene.gltf", []byte(parts[:at]+by+parts[at+len(old):]))
		}}
	}
	all["meshopt mode"] = meshopt("no mode", `"mode": "ATTRIBUTES"`, `"mode": "BOXES"`)
	all["meshopt stride"] = meshopt("elements of 9 bytes", `"byteStride": `, `"byteStride": 9, "was": `)
	all["meshopt count"] = meshopt("claims", `"count": `, `"count": 1, "was": `)
	all["meshopt billions"] = meshopt("MB that fit", `"count": `, `"count": 999999999, "was": `)
	all["meshopt filter"] = meshopt("filter", `"mode": "ATTRIBUTES"`, `"mode": "ATTRIBUTES", "filter": "BLUR"`)
	all["meshopt file"] = meshopt("gone.bin", `"uri": "scene.bin"`, `"uri": "gone.bin"`)
	all["meshopt outside"] = meshopt("outside", `"uri": "scene.bin"`, `"uri": "../scene.bin"`)
	all["meshopt cut"] = broken{"", func(p place) string {
		p.file("scene.bin", bin[:len(bin)/2])
		return p.file("scene.gltf", []byte(parts))
	}}
	return all
}

func brokenArchives(t *testing.T) map[string]broken {
	t.Helper()
	glb := testFile(t, "cornell_diffuse.glb")
	zipped := func(want string, entries ...entry) broken {
		return broken{want, func(p place) string { return p.zip("s.zip", entries...) }}
	}
	sound := entry{"a.glb", glb, nil}
	crowd := make([]entry, maxEntries+1)
	for i := range crowd {
		crowd[i].name = fmt.Sprintf("%d.png", i)
	}
	symlink := func(h *zip.FileHeader) { h.SetMode(os.ModeSymlink | 0o777) }
	return map[string]broken{
		"zip of nothing":       {"damaged", func(p place) string { return p.file("s.zip", nil) }},
		"zip that is none":     {"damaged", func(p place) string { return p.file("s.zip", bytes.Repeat([]byte("PK\x03\x04"), 50)) }},
		"zip without files":    zipped("no scene in the archive"),
		"zip without a scene":  zipped("no scene in the archive", entry{"a.txt", glb, nil}),
		"zip with two":         zipped("a.glb, b.glb", sound, entry{"b.glb", glb, nil}),
		"zip with parents":     zipped("outside", sound, entry{"../../.bashrc", []byte("x"), nil}),
		"zip with backslashes": zipped("outside", sound, entry{`..\..\x`, []byte("x"), nil}),
		"zip with absolute":    zipped("outside", sound, entry{"/etc/passwd", []byte("x"), nil}),
		"zip with a drive":     zipped("outside", sound, entry{`C:\x`, []byte("x"), nil}),
		"zip with a zero":      zipped("outside", sound, entry{"a\x00.png", []byte("x"), nil}),
		"zip with a link":      zipped("is a link", entry{"a.glb", []byte("/etc/passwd"), symlink}),
		"zip with a crowd":     zipped("has 65537 files", crowd...),
		"zip with one twice":   zipped("twice", sound, sound),
		"zip bomb":             zipped("would grow", entry{"a.glb", make([]byte, 300<<20), nil}),
		"zip cut":              {"damaged", func(p place) string { path := p.zip("s.zip", sound); return cut(p, path, 0.5) }},
		"zip with wrong data": {"damaged", func(p place) string {
			path := p.zip("s.zip", sound)
			b, _ := os.ReadFile(path)
			for i := 2000; i < 2400; i++ {
				b[i] ^= 0x55
			}
			return p.file("t.zip", b)
		}},
		"zip that lies about sizes": {"damaged", func(p place) string {
			path := p.zip("s.zip", sound)
			b, _ := os.ReadFile(path)
			at := bytes.LastIndex(b, []byte("PK\x01\x02"))
			binary.LittleEndian.PutUint32(b[at+24:], 1000) // uncompressed size
			return p.file("t.zip", b)
		}},
		"zip that claims gigabytes": {"MB", func(p place) string {
			path := p.zip("s.zip", sound)
			b, _ := os.ReadFile(path)
			at := bytes.LastIndex(b, []byte("PK\x01\x02"))
			binary.LittleEndian.PutUint32(b[at+24:], 0xfffffff0)
			return p.file("t.zip", b)
		}},
		"zip with a password": {"password", func(p place) string {
			path := p.zip("s.zip", sound)
			b, _ := os.ReadFile(path)
			at := bytes.LastIndex(b, []byte("PK\x01\x02"))
			b[at+8] |= 1
			return p.file("t.zip", b)
		}},
		"zip packed strangely": {"not known", func(p place) string {
			path := p.zip("s.zip", sound)
			b, _ := os.ReadFile(path)
			at := bytes.LastIndex(b, []byte("PK\x01\x02"))
			b[at+10] = 99
			return p.file("t.zip", b)
		}},
		"zip missing a file": zipped("far.bin", entry{"a.gltf", smallScene("data:application/octet-stream;base64,", "far.bin?"), nil}),
	}
}

func cut(p place, path string, share float64) string {
	p.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.file("cut.zip", b[:int(share*float64(len(b)))])
}

// TestBrokenInputsAreRefusedInOneSentence takes each through all that is done
// before a price; nothing may crash, and a person must understand why.
func TestBrokenInputsAreRefusedInOneSentence(t *testing.T) {
	inspect := inspectorOf(t)
	count := 0
	for _, table := range []map[string]broken{brokenFiles(t), brokenStreams(t), brokenArchives(t)} {
		for name, c := range table {
			count++
			t.Run(name, func(t *testing.T) {
				p := place{t, t.TempDir()}
				_, _, err := packed(t, inspect, c.make(p))
				says(t, err, c.want)
			})
		}
	}
	if count < 80 {
		t.Errorf("only %d inputs", count)
	}
}

// says fails for an error that is no clear sentence with want in it.
func says(t *testing.T, err error, want string) {
	t.Helper()
	p, ok := errors.AsType[*event.Problem](err)
	if !ok {
		t.Fatalf("%v, want a problem in words", err)
	}
	t.Log(p.Error())
	whole := p.What
	if p.Code == "" || p.Code == "internal" || !strings.Contains(whole, want) || !strings.HasSuffix(whole, ".") {
		t.Errorf("%q (%s), want a sentence with %q", whole, p.Code, want)
	}
	if first := whole[0]; first >= 'a' && first <= 'z' {
		t.Errorf("%q does not begin like a sentence", whole)
	}
	for _, inside := range []string{"\n", "panic", ".go:", "goroutine", "%!", "trapped"} {
		if strings.Contains(whole, inside) {
			t.Errorf("%q shows insides", whole)
		}
	}
}
