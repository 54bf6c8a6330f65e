package picture_test

import (
	"bytes"
	"image"
	"image/png"
	"math"
	"testing"

	"sonm/engine/job/picture"
)

func TestPNG(t *testing.T) {
	nan := float32(math.NaN())
	im := picture.Image{W: 3, H: 1, Pix: []float32{0, 1, 0.5, 2, -1, nan, 0.001, 0.2140411, 0.99}}
	b, err := picture.EncodePNG(picture.File{Image: im}, picture.Look{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for x, want := range [][3]uint32{{0, 255, 188}, {255, 0, 0}, {3, 127, 254}} {
		r, g, bl, a := got.At(x, 0).RGBA()
		if [3]uint32{r >> 8, g >> 8, bl >> 8} != want || a>>8 != 255 {
			t.Errorf("pixel %d = %d %d %d, want %v", x, r>>8, g>>8, bl>>8, want)
		}
	}
}

// show is a grey of so much light, as 0 to 1.
func show(t *testing.T, l picture.Look, r, g, b float32) [3]float64 {
	t.Helper()
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	return l.Show([3]float32{r, g, b})
}

// unsrgb is the inverse of the sRGB curve, as IEC 61966-2-1 has it.
func unsrgb(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func near(got [3]float64, r, g, b, within float64) bool {
	return math.Abs(got[0]-r) <= within && math.Abs(got[1]-g) <= within && math.Abs(got[2]-b) <= within
}

// What the specification of Khronos PBR Neutral says in words and numbers:
// colours whose parts are all within 0.08 and 0.8 lose F90 = 0.04 and nothing
// else; a grey of 1 becomes 1 - 0.24^2/(0.96+0.24-0.76).
func TestNeutral(t *testing.T) {
	l := picture.Look{View: picture.Neutral}
	linear := func(r, g, b float32) (out [3]float64) {
		for i, v := range show(t, l, r, g, b) {
			out[i] = unsrgb(v)
		}
		return out
	}
	for _, c := range []struct{ in, want [3]float64 }{
		{[3]float64{0.5, 0.2, 0.1}, [3]float64{0.46, 0.16, 0.06}},
		{[3]float64{0.8, 0.08, 0.3}, [3]float64{0.76, 0.04, 0.26}},
		{[3]float64{0, 0, 0}, [3]float64{0, 0, 0}},
		{[3]float64{0.04, 0.04, 0.04}, [3]float64{0.01, 0.01, 0.01}}, // 6.25 x^2
		{[3]float64{0.04, 0.5, 0.04}, [3]float64{0.01, 0.47, 0.01}},
		{[3]float64{1, 1, 1}, [3]float64{0.869091, 0.869091, 0.869091}},
	} {
		if got := linear(float32(c.in[0]), float32(c.in[1]), float32(c.in[2])); !near(got, c.want[0], c.want[1], c.want[2], 1e-5) {
			t.Errorf("%v becomes %v, want %v", c.in, got, c.want)
		}
	}
	last := 0.0
	for stop := -10.0; stop < 20; stop += 0.1 { // an ever brighter red rises to white
		c := linear(float32(math.Exp2(stop)), 0, 0)
		if c[0] < last-1e-12 || c[0] > 1 {
			t.Fatalf("a red of 2^%v has %v, before %v", stop, c[0], last)
		}
		last = c[0]
	}
	if c := linear(1e6, 0, 0); c[1] < 0.99 {
		t.Errorf("the brightest red is %v, want white", c)
	}
}

// The polynomial is the fit of AgX's curve by Benjamin Wrensch, made apart from
// the definition, mean squared error 3.7e-6.
func TestAgX(t *testing.T) {
	l := picture.Look{View: picture.AgX}
	if got := show(t, l, 0.18, 0.18, 0.18); !near(got, 0.5, 0.5, 0.5, 1e-4) {
		t.Errorf("middle grey is %v, want 0.5", got)
	}
	if got := show(t, l, 0, 0, 0); got != [3]float64{} {
		t.Errorf("black is %v", got)
	}
	if got := show(t, l, 100, 100, 100); !near(got, 1, 1, 1, 1e-12) {
		t.Errorf("bright white is %v", got)
	}
	for stops := -9.5; stops <= 6.3; stops += 0.1 {
		v := float32(0.18 * math.Exp2(stops))
		x := (math.Log2(float64(v)) + 12.47393) / 16.5
		fit := -0.00232 + x*(0.1191+x*(0.4298+x*(-6.868+x*(31.96+x*(-40.14+x*15.5)))))
		if got := show(t, l, v, v, v); !near(got, fit, fit, fit, 0.006) {
			t.Errorf("grey %.1f stops above the middle is %v, the known fit says %v", stops, got[0], fit)
		}
	}
	if blue := show(t, l, 0, 0, 1); blue[0] < 0.3 || blue[2] < blue[0] { // the inset lets it fade
		t.Errorf("blue is %v", blue)
	}
}

func TestLook(t *testing.T) {
	up := picture.Look{Exposure: 1}
	if got, want := show(t, up, 0.1, 0.2, 0.3), show(t, picture.Look{}, 0.2, 0.4, 0.6); !near(got, want[0], want[1], want[2], 1e-7) {
		t.Errorf("a stop up is %v, want %v", got, want)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, v := range []picture.View{picture.Standard, picture.AgX, picture.Neutral} {
		if back, err := picture.ParseView(v.String()); err != nil || back != v {
			t.Errorf("%v is read as %v, %v", v, back, err)
		}
		for _, c := range [][3]float32{{nan, -1, inf}, {inf, inf, inf}, {math.MaxFloat32, 0, 1e-40}} {
			for _, x := range show(t, picture.Look{View: v, Exposure: picture.MaxExposure}, c[0], c[1], c[2]) {
				if !(x >= 0 && x <= 1) {
					t.Errorf("%v shows %v as %v", v, c, x)
				}
			}
		}
	}
	for _, l := range []picture.Look{{View: 3}, {View: -1}, {Exposure: math.NaN()}, {Exposure: 33}, {Bits: 12}} {
		if l.Validate() == nil {
			t.Errorf("%+v is taken", l)
		}
	}
	if _, err := picture.ParseView("filmic"); err == nil {
		t.Error("a view that is none is taken")
	}
}

func TestPNGIn16BitsSaysWhatItIs(t *testing.T) {
	im := picture.Image{W: 1, H: 1, Pix: []float32{0.2140411, 1, 0}}
	b, err := picture.EncodePNG(picture.File{Image: im, Note: picture.Note{Software: "SONM 1", Samples: 16, Film: "abc", Denoised: true}}, picture.Look{Bits: 16})
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if r, g, bl, _ := got.At(0, 0).RGBA(); r < 32766 || r > 32769 || g != 65535 || bl != 0 {
		t.Errorf("%T with %d %d %d", got, r, g, bl)
	}
	if _, ok := got.(*image.RGBA64); !ok {
		t.Errorf("read as %T", got)
	}
	for _, want := range []string{"sRGB\x00", "tEXtSoftware\x00SONM 1", "tEXtComment\x00Denoised from 16 samples per pixel.", "tEXtFilm\x00abc"} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("the file lacks %q", want)
		}
	}
	plain, _ := picture.EncodePNG(picture.File{Image: im}, picture.Look{})
	if bytes.Contains(plain, []byte("tEXt")) || bytes.Contains(plain, []byte("enoised")) {
		t.Error("a plain picture says more than it knows")
	}
}
