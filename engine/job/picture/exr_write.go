package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"math"
)

// Parts of the OpenEXR file layout (openexr.com, "OpenEXR File Layout").
const (
	exrMagic   = 20000630
	exrVersion = 2

	flagLongNames = 0x400
	flagMultipart = 0x1000

	compressNone = 0
	compressZIPS = 2 // one line a block
	compressZIP  = 3 // 16 lines a block

	pixelUint  = 0
	pixelHalf  = 1
	pixelFloat = 2

	zipLines = 16
)

// Channels of the layers, as compositing programs call them.
const (
	chanDepth  = "Z"
	chanAlbedo = "albedo."
	chanNormal = "normal."
)

// band is one channel of a file: every step-th value of pix from the first on;
// nil stands for 1 everywhere.
type band struct {
	name string
	pix  []float32
	step int
}

// bands are the channels of a picture in the order of their names, which is
// that of the file.
func bands(f File) []band {
	pix := f.Image.Pix
	all := []band{{"A", nil, 0}, {"B", pix[2:], 3}, {"G", pix[1:], 3}, {"R", pix, 3}}
	if f.Layers != nil {
		all = append(all, f.Layers.bands()...)
	}
	return all
}

func (l *Layers) bands() []band {
	return []band{
		{chanDepth, l.Depth, 1},
		{chanAlbedo + "B", l.Albedo[2:], 3},
		{chanAlbedo + "G", l.Albedo[1:], 3},
		{chanAlbedo + "R", l.Albedo, 3},
		{chanNormal + "X", l.Normal, 3},
		{chanNormal + "Y", l.Normal[1:], 3},
		{chanNormal + "Z", l.Normal[2:], 3},
	}
}

// EncodeEXR writes a single-part scan-line OpenEXR: R, G, B and A = 1 in 32 bit
// float, ZIP compression, no view transform. Layers, if there are any, are
// further channels: Z, albedo.R G B and normal.X Y Z. Equal arguments give equal
// bytes with the same version of the program.
func EncodeEXR(f File) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("write EXR: %w", err)
	}
	all, w, h := bands(f), f.Image.W, f.Image.H
	out := exrHeader(w, h, all, f.Note)
	blocks := (h + zipLines - 1) / zipLines
	table := len(out)
	out = append(out, make([]byte, 8*blocks)...)
	var z zipper
	for i := range blocks {
		y := i * zipLines
		packed, err := z.pack(exrLines(all, w, y, min(y+zipLines, h)))
		if err != nil {
			return nil, fmt.Errorf("write EXR: %w", err)
		}
		binary.LittleEndian.PutUint64(out[table+8*i:], uint64(len(out)))
		out = binary.LittleEndian.AppendUint32(out, uint32(y))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(packed)))
		out = append(out, packed...)
	}
	return out, nil
}

// rec709 are the chromaticities of the primaries and of white (D65), in the
// order red, green, blue, white (ITU-R BT.709).
var rec709 = [8]float32{0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290}

func exrHeader(w, h int, all []band, n Note) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, exrMagic)
	b = le.AppendUint32(b, exrVersion)
	attr := func(name, kind string, value []byte) {
		b = append(b, name+"\x00"+kind+"\x00"...)
		b = le.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	text := func(name, value string) {
		if value != "" {
			attr(name, "string", []byte(value))
		}
	}
	window := words(0, 0, uint32(w-1), uint32(h-1))
	attr("channels", "chlist", channelList(all))
	attr("chromaticities", "chromaticities", floats(rec709[:]...))
	text("comments", n.comment())
	attr("compression", "compression", []byte{compressZIP})
	attr("dataWindow", "box2i", window)
	attr("displayWindow", "box2i", window)
	attr("lineOrder", "lineOrder", []byte{0})
	attr("pixelAspectRatio", "float", floats(1))
	attr("screenWindowCenter", "v2f", floats(0, 0))
	attr("screenWindowWidth", "float", floats(1))
	text("software", n.Software)
	if n.Denoised {
		attr(attrDenoised, "int", words(1))
	}
	text(attrFilm, n.Film)
	if n.Samples > 0 {
		attr(attrSamples, "int", words(uint32(n.Samples)))
	}
	return append(b, 0)
}

// Attributes of our own.
const (
	attrDenoised = "sonm.denoised"
	attrFilm     = "sonm.film"
	attrSamples  = "sonm.samples"
)

func channelList(all []band) []byte {
	var b []byte
	for _, c := range all {
		b = append(b, c.name+"\x00"...)
		b = append(b, words(pixelFloat, 0, 1, 1)...)
	}
	return append(b, 0)
}

func words(vs ...uint32) []byte {
	var b []byte
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func floats(vs ...float32) []byte {
	var b []byte
	for _, v := range vs {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// exrLines lays out lines [y0,y1) of w pixels: per line all of the first
// channel, then all of the next.
func exrLines(all []band, w, y0, y1 int) []byte {
	b := make([]byte, 0, (y1-y0)*w*4*len(all))
	for y := y0; y < y1; y++ {
		for _, c := range all {
			for x := range w {
				v := float32(1)
				if c.pix != nil {
					v = c.pix[(y*w+x)*c.step]
				}
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
		}
	}
	return b
}

// zipper packs blocks as OpenEXR's ZIP does.
type zipper struct {
	w   *zlib.Writer
	buf bytes.Buffer
}

// pack returns raw itself where packing would not make it smaller; that is how
// a reader knows. The result is valid until the next call.
func (z *zipper) pack(raw []byte) ([]byte, error) {
	z.buf.Reset()
	if z.w == nil {
		z.w = zlib.NewWriter(&z.buf)
	} else {
		z.w.Reset(&z.buf)
	}
	if _, err := z.w.Write(interleave(raw)); err != nil {
		return nil, err
	}
	if err := z.w.Close(); err != nil {
		return nil, err
	}
	if z.buf.Len() >= len(raw) {
		return raw, nil
	}
	return z.buf.Bytes(), nil
}

// interleave puts even bytes first, odd ones after, and stores differences.
func interleave(raw []byte) []byte {
	out := make([]byte, len(raw))
	half := (len(raw) + 1) / 2
	for i, v := range raw {
		out[i/2+i%2*half] = v
	}
	prev := 0
	for i, v := range out {
		if i > 0 {
			out[i] = byte(int(v) - prev + 128)
		}
		prev = int(v)
	}
	return out
}

// deinterleave is the inverse of interleave; it overwrites b.
func deinterleave(b []byte) []byte {
	for i := 1; i < len(b); i++ {
		b[i] = byte(int(b[i]) + int(b[i-1]) - 128)
	}
	out := make([]byte, len(b))
	half := (len(b) + 1) / 2
	for i := range out {
		out[i] = b[i/2+i%2*half]
	}
	return out
}
