package gltf_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sonm/engine/gltf"
)

const scenes = "../guest/pathtracer/testdata"

const limit = 64 << 20

func read(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// folder opens the files of a folder.
func folder(dir string) gltf.Open {
	return func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }
}

func none(string) ([]byte, error) { return nil, fs.ErrNotExist }

type object = map[string]any

// flat is a scene as a plain reader sees it.
type flat struct {
	doc     object
	buffers [][]byte
}

func flatten(tb testing.TB, s gltf.Scene, open gltf.Open) flat {
	tb.Helper()
	text, chunk := s.File, []byte(nil)
	if string(s.File[:4]) == "glTF" {
		n := binary.LittleEndian.Uint32(s.File[12:])
		text = s.File[20 : 20+n]
		if rest := s.File[20+n:]; len(rest) > 8 {
			chunk = rest[8:]
		}
	}
	f := flat{}
	if err := json.Unmarshal(text, &f.doc); err != nil {
		tb.Fatal(err)
	}
	for _, b := range list(f.doc["buffers"]) {
		uri, _ := b.(object)["uri"].(string)
		data := chunk
		switch {
		case uri == s.Plain && uri != "":
			data = s.Data
		case uri != "":
			var err error
			if data, err = open(uri); err != nil {
				tb.Fatal(err)
			}
		}
		f.buffers = append(f.buffers, data)
	}
	return f
}

func list(v any) []any { l, _ := v.([]any); return l }

func number(v any) int { f, _ := v.(float64); return int(f) }

// values are the numbers of an accessor as stored.
func (f flat) values(tb testing.TB, accessor any) []float64 {
	tb.Helper()
	a := list(f.doc["accessors"])[number(accessor)].(object)
	v := list(f.doc["bufferViews"])[number(a["bufferView"])].(object)
	per := map[string]int{"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}[a["type"].(string)]
	kind := number(a["componentType"])
	size := map[int]int{5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}[kind]
	stride := number(v["byteStride"])
	if stride == 0 {
		stride = per * size
	}
	data := f.buffers[number(v["buffer"])][number(v["byteOffset"]):][:number(v["byteLength"])]
	var out []float64
	for i := range number(a["count"]) {
		for k := range per {
			b := data[number(a["byteOffset"])+i*stride+k*size:]
			out = append(out, map[int]func() float64{
				5120: func() float64 { return float64(int8(b[0])) },
				5121: func() float64 { return float64(b[0]) },
				5122: func() float64 { return float64(int16(binary.LittleEndian.Uint16(b))) },
				5123: func() float64 { return float64(binary.LittleEndian.Uint16(b)) },
				5125: func() float64 { return float64(binary.LittleEndian.Uint32(b)) },
				5126: func() float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) },
			}[kind]())
		}
	}
	return out
}

// hash is of every mesh, in order.
func (f flat) hash(tb testing.TB) string {
	tb.Helper()
	h := sha256.New()
	for _, m := range list(f.doc["meshes"]) {
		for _, p := range list(m.(object)["primitives"]) {
			attributes := p.(object)["attributes"].(object)
			var names []string
			for n := range attributes {
				names = append(names, n)
			}
			slices.Sort(names)
			for _, n := range names {
				fmt.Fprintln(h, n, f.values(tb, attributes[n]))
			}
			if i, ok := p.(object)["indices"]; ok {
				fmt.Fprintln(h, "indices", f.values(tb, i))
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

// clean fails for what still names an extension that was to go.
func clean(tb testing.TB, s gltf.Scene) {
	tb.Helper()
	for _, name := range []string{"draco", "meshopt"} {
		if strings.Contains(string(s.File), name) {
			tb.Errorf("%q is still there", name)
		}
	}
}

// sentence fails for an error that no sentence can be made of.
func sentence(tb testing.TB, err error) {
	tb.Helper()
	if err == nil {
		return
	}
	if s := err.Error(); strings.ContainsAny(s, "\n\x00") || strings.HasSuffix(s, ".") || s == "" {
		tb.Errorf("%q is no sentence", s)
	}
}
