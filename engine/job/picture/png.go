package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
)

// EncodePNG writes an sRGB PNG of a look, with what its note says as text.
func EncodePNG(f File, l Look) ([]byte, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("write PNG: %w", err)
	}
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("write PNG: %w", err)
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, develop(f.Image, l)); err != nil {
		return nil, fmt.Errorf("write PNG: %w", err)
	}
	b := buf.Bytes()
	return append(append(bytes.Clone(b[:pngStart]), remarks(f.Note, l)...), b[pngStart:]...), nil
}

// IsPNG reports whether a file says of itself that EncodePNG made it with this
// note in this look. The rest of it is not looked at.
func IsPNG(file []byte, n Note, l Look) bool {
	rest, ok := bytes.CutPrefix(file[min(pngStart, len(file)):], remarks(n, l))
	return ok && len(rest) >= 8 && string(rest[4:8]) != "tEXt" // there it would say more
}

// develop is the picture in the look's bits.
func develop(im Image, l Look) image.Image {
	box := image.Rect(0, 0, im.W, im.H)
	fine, coarse := &image.NRGBA64{}, &image.NRGBA{}
	if l.Bits == 16 {
		fine = image.NewNRGBA64(box)
	} else {
		coarse = image.NewNRGBA(box)
	}
	for i := range im.W * im.H {
		c := l.Show([3]float32(im.Pix[3*i : 3*i+3]))
		x, y := i%im.W, i/im.W
		if l.Bits == 16 {
			fine.SetNRGBA64(x, y, color.NRGBA64{R: uint16(c[0]*65535 + 0.5), G: uint16(c[1]*65535 + 0.5), B: uint16(c[2]*65535 + 0.5), A: 65535})
		} else {
			coarse.SetNRGBA(x, y, color.NRGBA{R: Byte(c[0]), G: Byte(c[1]), B: Byte(c[2]), A: 255})
		}
	}
	if l.Bits == 16 {
		return fine
	}
	return coarse
}

// Byte is v of [0,1] in 8 bits.
func Byte(v float64) uint8 { return uint8(v*255 + 0.5) }

// Parts of the PNG file layout (W3C, "Portable Network Graphics", 2003).
const (
	pngStart  = 8 + 25 // signature and IHDR, which comes first
	srgbShown = 0      // rendering intent: perceptual
)

// remarks are the chunks behind the header: the colour space, the note and the look.
func remarks(n Note, l Look) []byte {
	var more []byte
	chunk := func(kind string, data ...byte) {
		more = binary.BigEndian.AppendUint32(more, uint32(len(data)))
		body := len(more)
		more = append(append(more, kind...), data...)
		more = binary.BigEndian.AppendUint32(more, crc32.ChecksumIEEE(more[body:]))
	}
	text := func(key, value string) {
		if value != "" {
			chunk("tEXt", []byte(key+"\x00"+value)...)
		}
	}
	chunk("sRGB", srgbShown)
	text("Software", n.Software)
	text("Comment", n.comment())
	if n.Samples > 0 {
		text("Samples", fmt.Sprint(n.Samples))
	}
	text("Film", n.Film)
	if l != (Look{}) {
		text("Look", fmt.Sprintf("%v, %+g stops, %d bits", l.View, l.Exposure, max(l.Bits, 8)))
	}
	return more
}
