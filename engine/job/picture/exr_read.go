package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrEXR is wrapped by every refusal of EXR bytes.
var ErrEXR = errors.New("cannot read this EXR")

// maxRatio is a bit more than deflate's best, 1032:1: a file whose pixels
// would take more than that times its bytes lies about its size.
const maxRatio = 1100

// DecodeEXR reads the colour of an OpenEXR file: scan lines, half or float,
// uncompressed or ZIP or ZIPS, channels in any order; of several parts the
// first, of several layers plain R, G, B or else the one named Combined or
// else the first that has all three. Lines a file lacks are an error.
func DecodeEXR(b []byte) (Image, error) {
	f, err := decodeEXR(b, false)
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrEXR, err)
	}
	return f.Image, nil
}

// DecodeFile reads an OpenEXR as DecodeEXR does, with the layers and the note
// that EncodeEXR writes, where they are there.
func DecodeFile(b []byte) (File, error) {
	f, err := decodeEXR(b, true)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrEXR, err)
	}
	return f, nil
}

func decodeEXR(b []byte, layers bool) (File, error) {
	h, at, err := readHeaders(b)
	if err != nil {
		return File{}, err
	}
	w, rows := int(h.w), int(h.h)
	if int64(h.stride)*h.w*h.h > int64(len(b))*maxRatio {
		return File{}, fmt.Errorf("%d x %d pixels cannot be in %d bytes", w, rows, len(b))
	}
	f := File{Image: Image{W: w, H: rows, Pix: make([]float32, w*rows*3)}, Note: h.note}
	want := []wanted{{h.rgb[0], f.Image.Pix, 3}, {h.rgb[1], f.Image.Pix[1:], 3}, {h.rgb[2], f.Image.Pix[2:], 3}}
	if layers {
		var more []wanted
		if f.Layers, more, err = h.layers(w * rows); err != nil {
			return File{}, err
		}
		want = append(want, more...)
	}
	return f, h.read(b, at, want)
}

// wanted is a channel to be read, and where its values go: every step-th one of
// dst.
type wanted struct {
	from channel
	dst  []float32
	step int
}

// read reads the wanted channels of every line; the blocks' offsets are at at.
func (h header) read(b []byte, at int, want []wanted) error {
	w, rows, lines := int(h.w), int(h.h), 1
	if h.compression == compressZIP {
		lines = zipLines
	}
	blocks := (rows + lines - 1) / lines
	if len(b)-at < 8*blocks {
		return errTruncated
	}
	seen := make([]bool, blocks)
	for i := range blocks {
		off := binary.LittleEndian.Uint64(b[at+8*i:])
		y, data, err := cutBlock(b, off, h.multipart)
		if err != nil {
			return err
		}
		row := int64(y) - h.y0
		if row < 0 || row >= int64(rows) || row%int64(lines) != 0 || seen[row/int64(lines)] {
			return fmt.Errorf("line %d is outside, or there twice", y)
		}
		seen[row/int64(lines)] = true
		n := min(lines, rows-int(row))
		raw, err := unpackBlock(data, h.stride*w*n, h.compression)
		if err != nil {
			return fmt.Errorf("line %d: %w", y, err)
		}
		for _, c := range want {
			h.store(c, int(row), n, raw)
		}
	}
	return nil
}

// cutBlock returns the first line and the bytes of the block at off.
func cutBlock(b []byte, off uint64, multipart bool) (y int32, data []byte, err error) {
	if off > uint64(len(b)) {
		return 0, nil, errTruncated
	}
	b = b[off:]
	if multipart {
		if len(b) < 4 || binary.LittleEndian.Uint32(b) != 0 {
			return 0, nil, errors.New("a block of another part")
		}
		b = b[4:]
	}
	if len(b) < 8 {
		return 0, nil, errTruncated
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if uint64(n) > uint64(len(b)-8) {
		return 0, nil, errTruncated
	}
	return int32(binary.LittleEndian.Uint32(b)), b[8 : 8+n], nil
}

// unpackBlock gives exactly size bytes or an error.
func unpackBlock(data []byte, size int, compression byte) ([]byte, error) {
	if len(data) == size { // stored as it is, also under ZIP
		return data, nil
	}
	if compression == compressNone || len(data) > size {
		return nil, fmt.Errorf("%d bytes, want %d", len(data), size)
	}
	r, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	raw := make([]byte, size)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("want %d bytes: %w", size, err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		return nil, fmt.Errorf("more than %d bytes, or a wrong checksum", size)
	}
	return deinterleave(raw), nil
}

// store writes a channel's values of n unpacked lines from row on.
func (h header) store(c wanted, row, n int, raw []byte) {
	w := int(h.w)
	for line := range n {
		src := raw[(line*h.stride+c.from.offset)*w:]
		dst := c.dst[(row+line)*w*c.step:]
		for x := range w {
			if c.from.kind == pixelHalf {
				dst[c.step*x] = halfToFloat(binary.LittleEndian.Uint16(src[2*x:]))
			} else {
				dst[c.step*x] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*x:]))
			}
		}
	}
}

// halfToFloat widens an IEEE 754 half.
func halfToFloat(v uint16) float32 {
	sign, exp, frac := uint32(v>>15)<<31, uint32(v>>10)&31, uint32(v)&1023
	switch {
	case exp == 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	case exp > 0:
		return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
	}
	f := float32(frac) / (1 << 24) // subnormal, or zero
	return math.Float32frombits(math.Float32bits(f) | sign)
}
