package picture

import (
	"fmt"
	"math"
	"slices"
)

// blockSide is the side of the blocks whose means are compared, in pixels.
const blockSide = 16

// Metrics say how far a picture is from a reference. All are taken of linear
// RGB clamped to [0,1], peak 1.
type Metrics struct {
	PSNR      float64    // dB over all channels; +Inf if equal
	MeanRatio [3]float64 // mean of the picture / mean of the reference, per channel; 1 if both are 0
	BlockP95  float64    // 95th percentile over 16-px blocks of the largest channel's difference of means
}

// Compare measures a picture against a reference of the same size.
func Compare(a, ref Image) (Metrics, error) {
	if err := a.check(); err != nil {
		return Metrics{}, fmt.Errorf("compare: %w", err)
	}
	if err := ref.check(); err != nil {
		return Metrics{}, fmt.Errorf("compare with: %w", err)
	}
	if a.W != ref.W || a.H != ref.H {
		return Metrics{}, fmt.Errorf("compare: %d x %d pixels with %d x %d", a.W, a.H, ref.W, ref.H)
	}
	var sumA, sumRef [3]float64
	square := 0.0
	for i := range a.Pix {
		x, y := clamp(a.Pix[i]), clamp(ref.Pix[i])
		sumA[i%3] += x
		sumRef[i%3] += y
		square += (x - y) * (x - y)
	}
	m := Metrics{PSNR: math.Inf(1), BlockP95: blockP95(a, ref)}
	if square > 0 {
		m.PSNR = -10 * math.Log10(square/float64(len(a.Pix)))
	}
	for c := range 3 {
		m.MeanRatio[c] = 1
		if sumA[c] != sumRef[c] {
			m.MeanRatio[c] = sumA[c] / sumRef[c]
		}
	}
	return m, nil
}

func blockP95(a, ref Image) float64 {
	var diffs []float64
	for y := 0; y < a.H; y += blockSide {
		for x := 0; x < a.W; x += blockSide {
			p, q := blockMean(a, x, y), blockMean(ref, x, y)
			diffs = append(diffs, max(math.Abs(p[0]-q[0]), math.Abs(p[1]-q[1]), math.Abs(p[2]-q[2])))
		}
	}
	slices.Sort(diffs)
	return diffs[(len(diffs)*95+99)/100-1] // nearest rank
}

// blockMean is the mean per channel of the block at (x,y), cut at the edge.
func blockMean(im Image, x, y int) [3]float64 {
	x1, y1 := min(x+blockSide, im.W), min(y+blockSide, im.H)
	var sum [3]float64
	for v := y; v < y1; v++ {
		for i := (v*im.W + x) * 3; i < (v*im.W+x1)*3; i++ {
			sum[i%3] += clamp(im.Pix[i])
		}
	}
	n := float64((x1 - x) * (y1 - y))
	return [3]float64{sum[0] / n, sum[1] / n, sum[2] / n}
}
