package picture_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"sonm/engine/job/picture"
)

func random(t *testing.T, w, h int) picture.Image {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pix := make([]float32, w*h*3)
	for i := range pix {
		pix[i] = float32(math.Exp(r.NormFloat64() * 5))
		if r.IntN(4) == 0 && i > 2 {
			pix[i] = pix[i-3] // something to pack
		}
	}
	return picture.Image{W: w, H: h, Pix: pix}
}

func same(t *testing.T, got, want picture.Image) {
	t.Helper()
	if got.W != want.W || got.H != want.H {
		t.Fatalf("%d x %d pixels, want %d x %d", got.W, got.H, want.W, want.H)
	}
	for i, v := range want.Pix {
		if math.Float32bits(got.Pix[i]) != math.Float32bits(v) {
			t.Fatalf("value %d = %v, want %v", i, got.Pix[i], v)
		}
	}
}

func TestEXRKeepsEveryBit(t *testing.T) {
	for _, c := range []struct{ w, h int }{{1, 1}, {5, 3}, {17, 16}, {33, 49}, {1, 40}, {200, 1}} {
		im := random(t, c.w, c.h)
		im.Pix[0] = float32(math.Inf(1))
		b, err := picture.EncodeEXR(picture.File{Image: im})
		if err != nil {
			t.Fatal(err)
		}
		back, err := picture.DecodeEXR(b)
		if err != nil {
			t.Fatal(err)
		}
		same(t, back, im)
	}
	flat := picture.Image{W: 500, H: 500, Pix: make([]float32, 750000)}
	if b, err := picture.EncodeEXR(picture.File{Image: flat}); err != nil || len(b) > 50_000 {
		t.Errorf("a black picture takes %d bytes, %v", len(b), err)
	}
}

// exr writes test files by the format's own document: any channels, kinds,
// compression, window origin and line order, no help from the package.
type exr struct {
	channels    []string
	kind        uint32 // 1 half, 2 float
	compression byte
	w, h, x0    int
	backwards   bool
}

// value is exact in half precision.
func value(c, x, y int) float32 { return float32(c+1)*8 + float32(x) + float32(y)/16 }

func (e exr) bytes() []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(le.AppendUint32(nil, 20000630), 2)
	attr := func(name, kind string, v []byte) {
		b = append(b, name+"\x00"+kind+"\x00"...)
		b = append(le.AppendUint32(b, uint32(len(v))), v...)
	}
	var list []byte
	for _, c := range e.channels {
		list = append(list, c+"\x00"...)
		for _, v := range []uint32{e.kind, 0, 1, 1} {
			list = le.AppendUint32(list, v)
		}
	}
	var win []byte
	for _, v := range []int{e.x0, e.x0, e.x0 + e.w - 1, e.x0 + e.h - 1} {
		win = le.AppendUint32(win, uint32(int32(v)))
	}
	attr("comment", "string", []byte("any attribute may stand here"))
	attr("compression", "compression", []byte{e.compression})
	attr("channels", "chlist", append(list, 0))
	attr("dataWindow", "box2i", win)
	b = append(b, 0)
	lines := 1
	if e.compression == 3 {
		lines = 16
	}
	n := (e.h + lines - 1) / lines
	at := len(b)
	b = append(b, make([]byte, 8*n)...)
	for i := range n {
		if e.backwards {
			i = n - 1 - i
		}
		le.PutUint64(b[at+8*i:], uint64(len(b)))
		data := e.block(i*lines, min(e.h, (i+1)*lines))
		b = le.AppendUint32(b, uint32(int32(e.x0+i*lines)))
		b = append(le.AppendUint32(b, uint32(len(data))), data...)
	}
	return b
}

func (e exr) block(y0, y1 int) []byte {
	var raw []byte
	for y := y0; y < y1; y++ {
		for c := range e.channels {
			for x := range e.w {
				bits := math.Float32bits(value(c, x, y))
				if e.kind == 1 {
					half := (bits>>23-112)<<10 | bits>>13&1023
					raw = binary.LittleEndian.AppendUint16(raw, uint16(half))
				} else {
					raw = binary.LittleEndian.AppendUint32(raw, bits)
				}
			}
		}
	}
	if e.compression == 0 {
		return raw
	}
	var even, odd []byte
	for i, v := range raw {
		if i%2 == 0 {
			even = append(even, v)
		} else {
			odd = append(odd, v)
		}
	}
	split := append(even, odd...)
	diff := bytes.Clone(split)
	for i := 1; i < len(diff); i++ {
		diff[i] = split[i] - split[i-1] + 128
	}
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(diff)
	w.Close()
	if z.Len() >= len(raw) {
		return raw
	}
	return z.Bytes()
}

func TestEXRAsOthersWriteIt(t *testing.T) {
	for name, c := range map[string]struct {
		exr
		r, g, b int // which channels are the colour
	}{
		"float":      {exr{channels: []string{"A", "B", "G", "R"}, kind: 2, compression: 3, w: 30, h: 35}, 3, 2, 1},
		"half":       {exr{channels: []string{"B", "G", "R"}, kind: 1, compression: 3, w: 30, h: 35}, 2, 1, 0},
		"zips":       {exr{channels: []string{"B", "G", "R"}, kind: 1, compression: 2, w: 30, h: 35}, 2, 1, 0},
		"none":       {exr{channels: []string{"B", "G", "R"}, kind: 2, compression: 0, w: 3, h: 5}, 2, 1, 0},
		"unsorted":   {exr{channels: []string{"R", "Z", "G", "B"}, kind: 2, compression: 3, w: 3, h: 5}, 0, 2, 3},
		"origin":     {exr{channels: []string{"B", "G", "R"}, kind: 2, compression: 3, w: 3, h: 20, x0: -7}, 2, 1, 0},
		"decreasing": {exr{channels: []string{"B", "G", "R"}, kind: 2, compression: 3, w: 3, h: 40, backwards: true}, 2, 1, 0},
		"layer": {exr{channels: []string{
			"ViewLayer.Alb.B", "ViewLayer.Alb.G", "ViewLayer.Alb.R", "ViewLayer.Combined.A",
			"ViewLayer.Combined.B", "ViewLayer.Combined.G", "ViewLayer.Combined.R", "ViewLayer.Depth.Z",
		}, kind: 2, compression: 3, w: 4, h: 4}, 6, 5, 4},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := picture.DecodeEXR(c.bytes())
			if err != nil {
				t.Fatal(err)
			}
			want := picture.Image{W: c.w, H: c.h}
			for i := range c.w * c.h {
				for _, ch := range []int{c.r, c.g, c.b} {
					want.Pix = append(want.Pix, value(ch, i%c.w, i/c.w))
				}
			}
			same(t, got, want)
		})
	}
}

// testdata/multipart.exr holds a picture of ours as part 0 of two, joined by
// OpenEXR's own exrmultipart 3.1: the same small ramp twice.
func TestEXRPartZero(t *testing.T) {
	b, err := os.ReadFile("testdata/multipart.exr")
	if err != nil {
		t.Fatal(err)
	}
	got, err := picture.DecodeEXR(b)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, ramp())
}

func ramp() picture.Image {
	im := picture.Image{W: 6, H: 20, Pix: make([]float32, 6*20*3)}
	for i := range im.Pix {
		im.Pix[i] = float32(i*i) / 7
	}
	return im
}

func TestEXRRefusesBadFiles(t *testing.T) {
	good := exr{channels: []string{"B", "G", "R"}, kind: 2, compression: 3, w: 9, h: 40}
	b := good.bytes()
	for n := range b {
		if _, err := picture.DecodeEXR(b[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes are taken", n, len(b))
		}
	}
	at := bytes.Index(b, []byte("dataWindow\x00box2i\x00")) + 21
	for name, change := range map[string]func(b []byte){
		"magic": func(b []byte) { b[0]++ },
		"tiled": func(b []byte) { b[5] = 2 },
		"deep":  func(b []byte) { b[5] = 8 },
		"huge": func(b []byte) {
			binary.LittleEndian.PutUint32(b[at+8:], 16000)
			binary.LittleEndian.PutUint32(b[at+12:], 16000)
		},
		"too wide":   func(b []byte) { binary.LittleEndian.PutUint32(b[at+8:], 20000) },
		"turned":     func(b []byte) { binary.LittleEndian.PutUint32(b[at:], 10) },
		"no end":     func(b []byte) { binary.LittleEndian.PutUint32(b[at+8:], math.MaxInt32) },
		"piz":        func(b []byte) { b[bytes.Index(b, []byte("compression\x00compression\x00"))+28] = 4 },
		"no red":     func(b []byte) { b[bytes.Index(b, []byte("R\x00\x02"))] = 'Q' },
		"whole":      func(b []byte) { b[bytes.Index(b, []byte("R\x00\x02"))+2] = 0 },
		"sampling":   func(b []byte) { b[bytes.Index(b, []byte("R\x00\x02"))+10] = 2 },
		"line twice": func(b []byte) { copy(b[at+17:at+25], b[at+25:at+33]) },
		"zlib":       func(b []byte) { b[len(b)-1] ^= 1 },
	} {
		c := bytes.Clone(b)
		change(c)
		if _, err := picture.DecodeEXR(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzDecodeEXR(f *testing.F) {
	f.Add(exr{channels: []string{"B", "G", "R"}, kind: 1, compression: 3, w: 3, h: 20}.bytes())
	f.Add(exr{channels: []string{"X.B", "X.G", "X.R"}, kind: 2, compression: 0, w: 3, h: 2}.bytes())
	b, _ := os.ReadFile("testdata/multipart.exr")
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		im, err := picture.DecodeEXR(b)
		if err != nil {
			return
		}
		if out, err := picture.EncodeEXR(picture.File{Image: im}); err != nil || len(im.Pix) != 3*im.W*im.H {
			t.Fatalf("%d x %d read, not written: %d bytes, %v", im.W, im.H, len(out), err)
		}
	})
}

func TestCompare(t *testing.T) {
	flat := func(v float32) picture.Image {
		im := picture.Image{W: 40, H: 24, Pix: make([]float32, 40*24*3)}
		for i := range im.Pix {
			im.Pix[i] = v
		}
		return im
	}
	m, err := picture.Compare(flat(0.5), flat(0.5))
	if err != nil || !math.IsInf(m.PSNR, 1) || m.MeanRatio != [3]float64{1, 1, 1} || m.BlockP95 != 0 {
		t.Errorf("equal: %+v, %v", m, err)
	}
	if m, _ = picture.Compare(flat(0.4), flat(0.5)); math.Abs(m.PSNR-20) > 1e-5 || math.Abs(m.MeanRatio[1]-0.8) > 1e-6 || math.Abs(m.BlockP95-0.1) > 1e-6 {
		t.Errorf("a tenth too dark: %+v", m)
	}
	if m, _ = picture.Compare(flat(7), flat(1)); !math.IsInf(m.PSNR, 1) {
		t.Errorf("both above 1: %+v", m)
	}
	spot := flat(0.5)
	for y := range 16 {
		for x := range 16 {
			spot.Pix[(y*40+x)*3] = 1
		}
	}
	// one of the six blocks is off in red by 0.5: past the 95th percentile of 6
	if m, _ = picture.Compare(spot, flat(0.5)); m.BlockP95 != 0.5 || m.MeanRatio[0] <= 1 || m.MeanRatio[1] != 1 {
		t.Errorf("a red block: %+v", m)
	}
	if m, _ = picture.Compare(flat(0.5), flat(0)); !math.IsInf(m.MeanRatio[0], 1) {
		t.Errorf("against black: %+v", m)
	}
	if _, err = picture.Compare(flat(1), ramp()); err == nil {
		t.Error("different sizes are compared")
	}
	if _, err = picture.Compare(picture.Image{}, picture.Image{}); err == nil {
		t.Error("empty pictures are compared")
	}
}
