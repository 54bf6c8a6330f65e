package main

import (
	"fmt"
	"math"
	"os"

	"sonm/engine/job/picture"
)

// differenceGain is what the third picture of a triptych is multiplied by.
const differenceGain = 4

// triptych is ours, theirs and the absolute difference times differenceGain, side
// by side with a small gap; the difference is taken of what the eye sees, so
// of sRGB values.
func triptych(ours, theirs picture.Image) (picture.Image, error) {
	if ours.W != theirs.W || ours.H != theirs.H {
		return picture.Image{}, fmt.Errorf("a triptych of %d x %d and %d x %d pixels", ours.W, ours.H, theirs.W, theirs.H)
	}
	const gap = 4
	w, h := ours.W, ours.H
	full := 3*w + 2*gap
	pix := make([]float32, full*h*3)
	for i := range pix {
		pix[i] = 1
	}
	for y := range h {
		for x := range w * 3 {
			a, b := ours.Pix[y*w*3+x], theirs.Pix[y*w*3+x]
			row := pix[y*full*3:]
			row[x] = a
			row[(w+gap)*3+x] = b
			row[2*(w+gap)*3+x] = float32(linear(differenceGain * math.Abs(encoded(a)-encoded(b))))
		}
	}
	return picture.New(full, h, pix)
}

// encoded is the sRGB value of a linear one, clamped (IEC 61966-2-1).
func encoded(v float32) float64 {
	x := math.Min(math.Max(float64(v), 0), 1)
	if x <= 0.0031308 {
		return 12.92 * x
	}
	return 1.055*math.Pow(x, 1/2.4) - 0.055
}

// linear undoes encoded.
func linear(v float64) float64 {
	v = math.Min(v, 1)
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func saveTriptych(path string, ours, theirs picture.Image) error {
	im, err := triptych(ours, theirs)
	if err != nil {
		return err
	}
	data, err := picture.EncodePNG(im)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}
