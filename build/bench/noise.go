package main

import (
	"fmt"
	"slices"

	"sonm/engine/job/picture"
)

// How noise is counted: relative squared error with a floor under the
// denominator, without the brightest errors (fireflies), which else decide.
const (
	noiseEpsilon = 0.01
	noiseTrim    = 0.001 // of the pixels
)

// noise is the relMSE of a picture against its converged one: the mean over
// pixels and channels of (x-ref)^2 / (ref^2 + epsilon), the worst pixels trimmed.
func noise(x, ref picture.Image) (float64, error) {
	if x.W != ref.W || x.H != ref.H {
		return 0, fmt.Errorf("noise of %d x %d pixels against %d x %d", x.W, x.H, ref.W, ref.H)
	}
	pixels := make([]float64, x.W*x.H)
	for i := range x.Pix {
		d, r := float64(x.Pix[i])-float64(ref.Pix[i]), float64(ref.Pix[i])
		pixels[i/3] += d * d / (r*r + noiseEpsilon) / 3
	}
	slices.Sort(pixels)
	kept := pixels[:len(pixels)-int(noiseTrim*float64(len(pixels)))]
	sum := 0.0
	for _, v := range kept {
		sum += v
	}
	return sum / float64(len(kept)), nil
}

// channelMeans are the means of a picture's channels, nothing clamped.
func channelMeans(im picture.Image) [3]float64 {
	var sum [3]float64
	for i, v := range im.Pix {
		sum[i%3] += float64(v)
	}
	n := float64(im.W * im.H)
	return [3]float64{sum[0] / n, sum[1] / n, sum[2] / n}
}
