// Package picture writes and reads the pictures of a job and compares them:
// 32-bit float OpenEXR for the film, PNG for the eye.
//
// It is pure: bytes in, bytes out. It knows OpenEXR as Blender and renderers
// write it (scan lines, none or ZIP, half and float), not the whole format,
// and applies no view transform to EXR.
//
// # Why
//
// No OpenEXR library for Go is reachable, and the part needed is small: our
// own reader can bound every claim of a hostile file before it allocates.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
)

// Limits of a picture, those of a render job.
const (
	MaxSide   = 16384   // pixels
	MaxPixels = 1 << 28 // pixels
)

// Image is linear RGB, row-major, from the top left.
type Image struct {
	W, H int
	Pix  []float32 // 3 per pixel
}

// New makes an image of pix, which it does not copy; w*h*3 values are wanted.
func New(w, h int, pix []float32) (Image, error) {
	im := Image{W: w, H: h, Pix: pix}
	return im, im.check()
}

func (im Image) check() error {
	if err := checkSize(int64(im.W), int64(im.H)); err != nil {
		return err
	}
	if len(im.Pix) != im.W*im.H*3 {
		return fmt.Errorf("a picture of %d x %d pixels with %d values", im.W, im.H, len(im.Pix))
	}
	return nil
}

var errSize = errors.New("the picture is empty or too large")

func checkSize(w, h int64) error {
	if w < 1 || h < 1 || w > MaxSide || h > MaxSide || w*h > MaxPixels {
		return fmt.Errorf("%w: %d x %d pixels", errSize, w, h)
	}
	return nil
}

// EncodePNG writes an 8-bit sRGB PNG through the standard view transform:
// clamp to [0,1], sRGB curve, round. What is not a number is black.
func EncodePNG(im Image) ([]byte, error) {
	if err := im.check(); err != nil {
		return nil, fmt.Errorf("write PNG: %w", err)
	}
	out := image.NewNRGBA(image.Rect(0, 0, im.W, im.H))
	for i := range im.W * im.H {
		p := im.Pix[3*i : 3*i+3]
		out.SetNRGBA(i%im.W, i/im.W, color.NRGBA{R: srgb(p[0]), G: srgb(p[1]), B: srgb(p[2]), A: 255})
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, out); err != nil {
		return nil, fmt.Errorf("write PNG: %w", err)
	}
	return buf.Bytes(), nil
}

// srgb is the curve of IEC 61966-2-1 in 8 bits.
func srgb(v float32) uint8 {
	x := clamp(v)
	if x <= 0.0031308 {
		x *= 12.92
	} else {
		x = 1.055*math.Pow(x, 1/2.4) - 0.055
	}
	return uint8(x*255 + 0.5)
}

// clamp brings v to [0,1]; NaN is 0.
func clamp(v float32) float64 {
	if !(v > 0) {
		return 0
	}
	return min(float64(v), 1)
}
