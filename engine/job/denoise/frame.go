package denoise

import (
	"context"
	"math"
)

const (
	pad = window + patch // pixels around the frame that repeat its edge

	gloss     = 0.04 // added to the albedo: what a dielectric reflects straight on (glTF: F0 of ior 1.5)
	mostLight = 1e15 // so that squares and sums stay finite
	mostDepth = 1e16 // as well; the renderer takes no scene that is larger

	sameNormal    = 0.35 // standard deviation of normals of one surface
	sameCoverage  = 0.3  // and of coverage
	sameDepth     = 0.02 // relative depth that is no edge, whatever the slope
	slopeSlack    = 1.5  // times the slope that is no edge
	varianceReach = 3    // pixels over which the variance is averaged
)

// frame is a picture as the filter sees it. Its planes have pad pixels around.
type frame struct {
	w, h, stride int

	light    []float32 // divided by albedo; 3 per pixel, as the next two
	variance []float32 // of light, raw at first, then smooth
	albedo   []float32 // and gloss
	noise    []float32 // sum of variance over the channels

	normal   []float32 // 3 per pixel
	depth    []float32 // of what is hit
	slope    []float32 // of depth, per pixel
	coverage []float32
	inverse  []float32 // 1/albedo, mean of the channels
}

func newFrame(in Input) *frame {
	f := &frame{w: in.W, h: in.H, stride: in.W + 2*pad}
	n := f.stride * (in.H + 2*pad)
	for _, p := range []*[]float32{&f.light, &f.variance, &f.albedo, &f.normal} {
		*p = make([]float32, 3*n)
	}
	for _, p := range []*[]float32{&f.noise, &f.depth, &f.slope, &f.coverage, &f.inverse} {
		*p = make([]float32, n)
	}
	for y := -pad; y < f.h+pad; y++ {
		for x := -pad; x < f.w+pad; x++ {
			f.fill(f.at(x, y), in, min(max(y, 0), f.h-1)*f.w+min(max(x, 0), f.w-1))
		}
	}
	for y := range f.h {
		for x := range f.w {
			f.slope[f.at(x, y)] = f.slopeAt(f.at(x, y))
		}
	}
	return f
}

// at is the index of a pixel of the frame.
func (f *frame) at(x, y int) int { return (y+pad)*f.stride + x + pad }

// fill sets pixel i from pixel q of the input. Where nothing is hit, the sky is
// its own albedo of 1. The values are of strangers: what cannot be is taken for
// what can, so that one pixel that lies spoils no other.
func (f *frame) fill(i int, in Input, q int) {
	v := in.Features[features*q : features*(q+1)]
	coverage := within(v[7], 0, 1)
	na, nb := float32(in.Samples[0]), float32(in.Samples[1])
	n := na + nb
	for ch := range 3 {
		albedo := within(v[ch], 0, 1) + 1 - coverage + gloss
		a, b := within(in.First[3*q+ch]/albedo, 0, mostLight), within(in.Rest[3*q+ch]/albedo, 0, mostLight)
		f.albedo[3*i+ch] = albedo
		f.light[3*i+ch] = (a*na + b*nb) / n
		// Of a mean over n samples: s^2/n, where (a-b)^2 estimates s^2 (1/na + 1/nb).
		f.variance[3*i+ch] = (a - b) * (a - b) * (na / n) * (nb / n)
		f.inverse[i] += 1 / albedo / 3
		f.normal[3*i+ch] = within(v[3+ch], -1, 1)
	}
	f.coverage[i] = coverage
	if coverage > 0 {
		f.depth[i] = within(v[6]/coverage, 0, mostDepth)
	}
}

// within is v, or the nearest that may be; of what is not a number the lowest.
func within(v, lowest, highest float32) float32 {
	if !(v >= lowest) {
		return lowest
	}
	return min(v, highest)
}

// slopeAt is how depth changes from pixel to pixel: the smaller step to either
// side, so that an edge beside the pixel is no slope.
func (f *frame) slopeAt(i int) float32 {
	step := func(d int) float32 { return abs(f.depth[i+d] - f.depth[i]) }
	return min(step(1), step(-1)) + min(step(f.stride), step(-f.stride))
}

// kin says whether pixels i and j, far pixels apart, belong to one surface: 1 if
// they may, 0 if not.
func (f *frame) kin(i, j int, far float32) float32 {
	nx, ny, nz := f.normal[3*i]-f.normal[3*j], f.normal[3*i+1]-f.normal[3*j+1], f.normal[3*i+2]-f.normal[3*j+2]
	cover := f.coverage[i] - f.coverage[j]
	depth := f.depth[i] - f.depth[j]
	slack := f.slope[i]*far*slopeSlack + sameDepth*abs(f.depth[i]) + 1e-18
	depth /= slack
	return bell((nx*nx+ny*ny+nz*nz)*(0.5/(sameNormal*sameNormal)) + cover*cover*(0.5/(sameCoverage*sameCoverage)) + depth*depth)
}

// bellEnd is where bell becomes 0.
const bellEnd = 4

// bell is about exp(-x) for x >= 0, cheaper, and has an end.
func bell(x float32) float32 {
	if !(x < bellEnd) {
		return 0
	}
	t := 1 - x/bellEnd
	t *= t
	return t * t
}

// smoothVariance averages the variance over neighbours on the same surface: an
// estimate from one difference is as wide as its value.
func (f *frame) smoothVariance(ctx context.Context) error {
	raw := f.variance
	f.variance = make([]float32, len(raw))
	err := each(ctx, f.h, func(y int) {
		for x := range f.w {
			i := f.at(x, y)
			var sum [3]float32
			var weight float32
			f.around(x, y, varianceReach, func(j int, w float32) {
				weight += w
				for ch := range sum {
					sum[ch] += w * raw[3*j+ch]
				}
			})
			for ch, s := range sum {
				f.variance[3*i+ch] = s / weight
				f.noise[i] += s / weight
			}
		}
	})
	f.repeatEdge(f.noise)
	return err
}

// around calls do for the pixels of the frame within reach that are kin to
// (x,y), itself included.
func (f *frame) around(x, y, reach int, do func(j int, weight float32)) {
	i := f.at(x, y)
	for dy := max(-reach, -y); dy <= min(reach, f.h-1-y); dy++ {
		for dx := max(-reach, -x); dx <= min(reach, f.w-1-x); dx++ {
			j := i + dy*f.stride + dx
			if w := f.kin(i, j, root(float32(dx*dx+dy*dy))); w > 0 {
				do(j, w)
			}
		}
	}
}

// repeatEdge fills the padding of a plane.
func (f *frame) repeatEdge(p []float32) {
	for y := -pad; y < f.h+pad; y++ {
		for x := -pad; x < f.w+pad; x++ {
			p[f.at(x, y)] = p[f.at(min(max(x, 0), f.w-1), min(max(y, 0), f.h-1))]
		}
	}
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

func root(v float32) float32 { return float32(math.Sqrt(float64(v))) }
