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

// EncodeEXR writes a single-part scan-line OpenEXR: channels A, B, G, R in 32
// bit float with A = 1, ZIP compression, no view transform. Equal images give
// equal bytes with the same version of the program.
func EncodeEXR(im Image) ([]byte, error) {
	if err := im.check(); err != nil {
		return nil, fmt.Errorf("write EXR: %w", err)
	}
	out := exrHeader(im.W, im.H)
	blocks := (im.H + zipLines - 1) / zipLines
	table := len(out)
	out = append(out, make([]byte, 8*blocks)...)
	var z zipper
	for i := range blocks {
		y := i * zipLines
		raw := exrLines(im, y, min(y+zipLines, im.H))
		packed, err := z.pack(raw)
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

func exrHeader(w, h int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, exrMagic)
	b = le.AppendUint32(b, exrVersion)
	attr := func(name, kind string, value []byte) {
		b = append(b, name+"\x00"+kind+"\x00"...)
		b = le.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	words := func(vs ...uint32) []byte {
		var o []byte
		for _, v := range vs {
			o = le.AppendUint32(o, v)
		}
		return o
	}
	var channels []byte
	for _, c := range "ABGR" {
		channels = append(channels, byte(c), 0)
		channels = append(channels, words(pixelFloat, 0, 1, 1)...)
	}
	window := words(0, 0, uint32(w-1), uint32(h-1))
	one := words(math.Float32bits(1))
	attr("channels", "chlist", append(channels, 0))
	attr("compression", "compression", []byte{compressZIP})
	attr("dataWindow", "box2i", window)
	attr("displayWindow", "box2i", window)
	attr("lineOrder", "lineOrder", []byte{0})
	attr("pixelAspectRatio", "float", one)
	attr("screenWindowCenter", "v2f", words(0, 0))
	attr("screenWindowWidth", "float", one)
	return append(b, 0)
}

// exrLines lays out lines [y0,y1): per line all of A, then B, G, R.
func exrLines(im Image, y0, y1 int) []byte {
	b := make([]byte, 0, (y1-y0)*im.W*16)
	for y := y0; y < y1; y++ {
		row := im.Pix[y*im.W*3 : (y+1)*im.W*3]
		for range im.W {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(1))
		}
		for c := 2; c >= 0; c-- {
			for x := range im.W {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(row[3*x+c]))
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
