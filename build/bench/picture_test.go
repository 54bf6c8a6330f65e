package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"sonm/engine/job/picture"
)

func flat(w, h int, v float32) picture.Image {
	pix := make([]float32, w*h*3)
	for i := range pix {
		pix[i] = v
	}
	return picture.Image{W: w, H: h, Pix: pix}
}

func TestNoise(t *testing.T) {
	ref, x := flat(50, 40, 1), flat(50, 40, 1.1)
	got, err := noise(x, ref)
	if want := 0.1 * 0.1 / 1.01; err != nil || math.Abs(got-want) > 1e-7 {
		t.Errorf("noise of a tenth = %v, %v, want %v", got, err, want)
	}
	x.Pix[0], x.Pix[3] = 1e6, 1e6 // two fireflies of 2000 pixels: a thousandth
	if with, err := noise(x, ref); err != nil || math.Abs(with-got) > 1e-7 {
		t.Errorf("noise with fireflies = %v, %v, want %v", with, err, got)
	}
	x.Pix[6] = 1e6
	if with, _ := noise(x, ref); with < 1e6 {
		t.Errorf("noise with more fireflies = %v, want much", with)
	}
	if _, err := noise(flat(40, 50, 1), ref); err == nil {
		t.Error("pictures of other sizes are compared")
	}
}

func TestTriptych(t *testing.T) {
	got, err := triptych(flat(2, 3, 0.5), flat(2, 3, 0.4))
	if err != nil {
		t.Fatal(err)
	}
	if got.W != 3*2+2*4 || got.H != 3 {
		t.Fatalf("%d x %d pixels", got.W, got.H)
	}
	difference := encoded(got.Pix[len(got.Pix)-1])
	if want := 4 * (encoded(0.5) - encoded(0.4)); got.Pix[0] != 0.5 || got.Pix[(2+4)*3] != 0.4 || math.Abs(difference-want) > 1e-6 {
		t.Errorf("ours %v, theirs %v, difference %v, want .5, .4, %v", got.Pix[0], got.Pix[18], difference, want)
	}
}

func TestHalf(t *testing.T) {
	im := flat(4, 2, 0)
	im.Pix[0], im.Pix[4*3] = 1, 3 // red of the left column, both rows
	if got := half(im); got.W != 2 || got.H != 1 || got.Pix[0] != 1 || got.Pix[1] != 0 {
		t.Errorf("half = %v", got)
	}
}

// A camera that is put into a .glb can be read back, and the binary chunk is
// still what it was.
func TestWithCamera(t *testing.T) {
	file := heightField(3)
	d, err := document(file)
	if err != nil {
		t.Fatal(err)
	}
	want := camera{Matrix: [16]float64{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 2, 3, 4, 1}, Yfov: 0.5}
	out, err := withCamera(file, d, want)
	if err != nil {
		t.Fatal(err)
	}
	if n := binary.LittleEndian.Uint32(out[8:]); int(n) != len(out) || len(out)%4 != 0 {
		t.Errorf("the file says %d bytes and has %d", n, len(out))
	}
	chunk := file[len(file)-4*(6*16+6*9):] // 16 vertices, 9 squares
	if !strings.HasSuffix(string(out), string(chunk)) {
		t.Errorf("the binary chunk of %d bytes changed", len(chunk))
	}
	if d, err = document(out); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"camera":0`, `"yfov":0.5`, `2,3,4,1]`, `"nodes":[0,1]`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

func TestDocumentRefuses(t *testing.T) {
	good := heightField(1)
	long := append([]byte{}, good...)
	binary.LittleEndian.PutUint32(long[12:], math.MaxUint32)
	for name, file := range map[string][]byte{"a short head": good[:12], "a short JSON": good[:30], "a huge chunk": long, "no JSON": []byte("glass")} {
		if _, err := document(file); err == nil {
			t.Errorf("a file with %s is read", name)
		}
	}
}

// The list of models is whole: each says where it is from and under what licence.
func TestModels(t *testing.T) {
	t.Chdir("../..")
	all, err := readModels()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Errorf("%d models, want 10", len(all))
	}
	seen := map[string]bool{}
	for _, m := range all {
		source, _, ok := strings.Cut(m.Package, ":")
		if seen[m.Name] || m.Title == "" || m.Path == "" || m.Licence == "" || !ok || source != "debian" && source != "npm" {
			t.Errorf("model %q is listed badly", m.Name)
		}
		if m.Shown && m.Credit == "" {
			t.Errorf("model %q is shown and nobody is credited", m.Name)
		}
		seen[m.Name] = true
	}
}
