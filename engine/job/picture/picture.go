// Package picture writes and reads the pictures of a job and compares them:
// 32-bit float OpenEXR for the film and its layers, PNG for the eye.
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
	"errors"
	"fmt"
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

// clamp brings v to [0,1]; NaN is 0.
func clamp(v float32) float64 {
	if !(v > 0) {
		return 0
	}
	return min(float64(v), 1)
}

// Layers are what the camera sees first in each pixel, row-major.
type Layers struct {
	Albedo []float32 // linear R, G, B
	Normal []float32 // X, Y, Z, world space, facing the camera
	Depth  []float32 // along the viewing axis, in scene units; Far where nothing is hit
}

// NewLayers takes layers out of a film's features: eight values per pixel,
// albedo, normal, depth and coverage (see job.Features), each a mean over the
// samples. nil gives nil.
func NewLayers(features []float32) *Layers {
	if features == nil {
		return nil
	}
	n := len(features) / 8
	l := &Layers{Albedo: make([]float32, 0, 3*n), Normal: make([]float32, 0, 3*n), Depth: make([]float32, 0, n)}
	for ; len(features) >= 8; features = features[8:] {
		l.Albedo = append(l.Albedo, features[:3]...)
		l.Normal = append(l.Normal, features[3:6]...)
		depth := float32(Far)
		if coverage := features[7]; coverage > 0 {
			depth = min(features[6]/coverage, math.MaxFloat32) // of what is hit, not mixed with what is not
		}
		l.Depth = append(l.Depth, depth)
	}
	return l
}

// Far is the depth where nothing is hit, as Blender writes it.
const Far = 1e10

// Note is what a file says about how it was made; zero fields are left out.
type Note struct {
	Software string // name and version of the program
	Samples  int    // per pixel
	Film     string // hash of the film
	Denoised bool   // the picture is not what was rendered any more
}

// File is a picture with what else its file holds.
type File struct {
	Image  Image
	Layers *Layers // nil for none; a PNG has none
	Note   Note
}

func (f File) check() error {
	if err := f.Image.check(); err != nil || f.Layers == nil {
		return err
	}
	l := f.Layers
	if n := f.Image.W * f.Image.H; len(l.Albedo) != 3*n || len(l.Normal) != 3*n || len(l.Depth) != n {
		return fmt.Errorf("layers of %d, %d and %d values for %d x %d pixels", len(l.Albedo), len(l.Normal), len(l.Depth), f.Image.W, f.Image.H)
	}
	return nil
}

// comment is what a person may want to know of the picture, or "".
func (n Note) comment() string {
	switch {
	case n.Denoised && n.Samples > 0:
		return fmt.Sprintf("Denoised from %d samples per pixel.", n.Samples)
	case n.Denoised:
		return "Denoised."
	}
	return ""
}
