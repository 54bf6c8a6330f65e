package picture_test

import (
	"bytes"
	"flag"
	"math"
	"os"
	"slices"
	"testing"

	"sonm/engine/job/picture"
)

var update = flag.Bool("update", false, "write the golden files anew")

func layered(t *testing.T, w, h int) (picture.Image, *picture.Layers, picture.Note) {
	t.Helper()
	l := &picture.Layers{Albedo: random(t, w, h).Pix, Normal: random(t, w, h).Pix, Depth: random(t, w, h).Pix[:w*h]}
	l.Depth[0] = picture.Far
	return random(t, w, h), l, picture.Note{Software: "SONM 0.1", Samples: 64, Film: "0123", Denoised: true}
}

func TestEXRKeepsEveryBitOfTheLayers(t *testing.T) {
	for _, c := range []struct{ w, h int }{{1, 1}, {17, 16}, {33, 49}} {
		im, l, note := layered(t, c.w, c.h)
		b, err := picture.EncodeEXR(picture.File{Image: im, Layers: l, Note: note})
		if err != nil {
			t.Fatal(err)
		}
		back, err := picture.DecodeFile(b)
		got := back.Layers
		if err != nil || got == nil || back.Note != note {
			t.Fatalf("layers %v, note %+v, %v", got != nil, back.Note, err)
		}
		same(t, back.Image, im)
		for i, pair := range [][2][]float32{{got.Albedo, l.Albedo}, {got.Normal, l.Normal}, {got.Depth, l.Depth}} {
			for k, v := range pair[1] {
				if math.Float32bits(pair[0][k]) != math.Float32bits(v) {
					t.Fatalf("layer %d, value %d = %v, want %v", i, k, pair[0][k], v)
				}
			}
		}
		plain, err := picture.DecodeEXR(b)
		if err != nil {
			t.Fatal(err)
		}
		same(t, plain, im)
	}
}

// A pixel at an edge has half a hit: its depth is that of what is hit.
func TestDepthIsOfWhatIsHit(t *testing.T) {
	l := picture.NewLayers([]float32{
		0.1, 0.2, 0.3, 0, 0, 1, 5, 1,
		0.1, 0.2, 0.3, 0, 0, 0.5, 5, 0.5,
		0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 1 << 111, math.SmallestNonzeroFloat32, // as a liar has it
	})
	if want := []float32{5, 10, picture.Far, math.MaxFloat32}; !slices.Equal(l.Depth, want) {
		t.Errorf("depths %v, want %v", l.Depth, want)
	}
	if len(l.Albedo) != 12 || l.Albedo[5] != 0.3 || l.Normal[5] != 0.5 {
		t.Errorf("albedo %v, normal %v", l.Albedo, l.Normal)
	}
}

func TestEXRWithoutLayersHasNone(t *testing.T) {
	b, err := picture.EncodeEXR(picture.File{Image: ramp()})
	if err != nil {
		t.Fatal(err)
	}
	f, err := picture.DecodeFile(b)
	if err != nil || f.Layers != nil || f.Note != (picture.Note{}) {
		t.Errorf("layers %v, note %+v, %v", f.Layers != nil, f.Note, err)
	}
	same(t, f.Image, ramp())
	_, l, _ := layered(t, 2, 2)
	if _, err := picture.EncodeEXR(picture.File{Image: ramp(), Layers: l}); err == nil {
		t.Error("layers of another size are taken")
	}
}

// The header is what other programs go by: the golden one was read by
// OpenImageIO 2.4 and Blender 3.4.1, see the commit that wrote it.
func TestEXRHeaderIsTheGoldenOne(t *testing.T) {
	im := ramp()
	n := im.W * im.H
	l := &picture.Layers{Albedo: make([]float32, 3*n), Normal: make([]float32, 3*n), Depth: make([]float32, n)}
	b, err := picture.EncodeEXR(picture.File{Image: im, Layers: l, Note: picture.Note{Software: "SONM 0.1", Samples: 64, Film: "0123456789abcdef", Denoised: true}})
	if err != nil {
		t.Fatal(err)
	}
	const file, length = "testdata/layers.header", 1100 // past the header, into the table of offsets
	b = b[:min(len(b), length)]
	b = b[:bytes.Index(b, []byte("sonm.samples\x00"))+len("sonm.samples\x00int\x00")+4+4+1]
	if *update {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, want) {
		t.Errorf("the header of %d bytes is not the golden one of %d:\n%q\n%q", len(b), len(want), b, want)
	}
}

func FuzzDecodeFile(f *testing.F) {
	im := ramp()
	n := im.W * im.H
	l := &picture.Layers{Albedo: im.Pix, Normal: im.Pix, Depth: make([]float32, n)}
	b, _ := picture.EncodeEXR(picture.File{Image: im, Layers: l, Note: picture.Note{Software: "x", Samples: 1}})
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		f, err := picture.DecodeFile(b)
		if err == nil && f.Layers != nil && len(f.Layers.Depth) != f.Image.W*f.Image.H {
			t.Fatalf("%d depths for %d x %d pixels", len(f.Layers.Depth), f.Image.W, f.Image.H)
		}
	})
}
