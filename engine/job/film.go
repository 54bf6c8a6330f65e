package job

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"sonm/engine/fog"
)

// ErrOverlap says that a block covers samples the film already has from
// another block than this one.
var ErrOverlap = errors.New("the film already has samples of this block")

// mostValue is the largest magnitude of one sample's value: as many as a pixel
// may have still add up to a finite float32, so that nothing in a film ever is
// infinite, or no number, whatever sellers deliver.
const mostValue = (1 << 127) / MaxSamples

// Film joins the results of a job's tasks, for every layer the job asks for. It
// is not safe for use from several goroutines at once. Whatever tiles and
// aligned blocks it is fed, in whatever order, a complete film holds the same
// bits.
type Film struct {
	light    *stack
	features *stack // nil if the job does not ask for the layers
}

// NewFilm makes an empty film of w x h pixels with the given samples each and
// no feature layers; the limits are those of Settings.
func NewFilm(w, h, samples int) (*Film, error) {
	return FilmOf(Settings{Scene: "film", Width: w, Height: h, Samples: samples})
}

// FilmOf makes an empty film for a job.
func FilmOf(s Settings) (*Film, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	f := &Film{light: newStack(s, Radiance)}
	if s.Layers {
		f.light.half = make([]float32, len(f.light.sum))
		f.features = newStack(s, Features)
	}
	return f, nil
}

// Add takes a task's result: per pixel of the tile the sums over the block's
// samples of the layer's values, float32 little-endian, row-major, none beyond
// 2^111 a sample. A block added before is ignored; one that overlaps others is
// ErrOverlap. A refused block leaves the film as it was.
func (f *Film) Add(s Spec, payload []byte) error {
	if s.Shift != 0 {
		return fmt.Errorf("add to film: a task at 1/2^%d size", s.Shift)
	}
	l := f.light
	set := Settings{Width: l.w, Height: l.h, Samples: l.samples, Frame: int(s.Frame), Layers: f.features != nil}
	if err := s.Validate(set); err != nil {
		return fmt.Errorf("add to film: %w", err)
	}
	if len(payload) != s.PayloadSize() {
		return fmt.Errorf("add to film: %d bytes for a tile of %d x %d pixels, want %d", len(payload), s.X1-s.X0, s.Y1-s.Y0, s.PayloadSize())
	}
	most := mostValue * float64(s.Samples())
	for i := 0; i < len(payload); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(payload[i:]))
		if !(math.Abs(float64(v)) <= most) { // also what is not a number
			return fmt.Errorf("add to film: value %d of the tile is %v, which no picture has", i/4, v)
		}
	}
	s.Frame = 0 // one film is one frame
	if s.Layer == Features {
		l = f.features
	}
	return l.add(s, payload)
}

// Complete reports whether every sample of every pixel and layer is there.
func (f *Film) Complete() bool {
	return f.light.complete() && (f.features == nil || f.features.complete())
}

// Progress is the share of the picture's samples that are there, 0 to 1.
func (f *Film) Progress() float64 {
	l := f.light
	return float64(l.done) / (float64(l.w) * float64(l.h) * float64(l.samples))
}

// Size returns the width and height in pixels.
func (f *Film) Size() (w, h int) { return f.light.w, f.light.h }

// Samples is the number of samples per pixel of the picture.
func (f *Film) Samples() int { return f.light.samples }

// Mean is the picture: linear RGB row-major, sum / samples. Pixels that are
// not complete are black; see Preview for those.
func (f *Film) Mean() []float32 { return f.light.mean() }

// Features is the mean of the feature layers, FeatureValues per pixel,
// row-major, or nil if the job did not ask for them. Depth and coverage are
// means too: where coverage is below 1, divide by it to have what was hit.
func (f *Film) Features() []float32 {
	if f.features == nil {
		return nil
	}
	return f.features.mean()
}

// Halves are the means over the first and over the other samples of each pixel,
// linear RGB row-major: two pictures whose noise is independent.
type Halves struct {
	First, Rest []float32
	Samples     [2]int // per pixel, of First and of Rest
}

// Halves returns the two halves. ok is false unless the film is complete, has
// feature layers, and was joined from blocks of at most half of the summing tree.
func (f *Film) Halves() (h Halves, ok bool) {
	l := f.light
	if l.half == nil || l.whole || l.root == 0 || !f.Complete() {
		return h, false
	}
	n := 1 << (l.root - 1)
	h = Halves{First: make([]float32, len(l.sum)), Rest: make([]float32, len(l.sum)), Samples: [2]int{n, l.samples - n}}
	for i, v := range l.half {
		h.First[i] = v / float32(h.Samples[0])
		h.Rest[i] = (l.sum[i] - v) / float32(h.Samples[1])
	}
	return h, true
}

// Preview is what is there so far: linear RGB row-major, the mean over the
// samples at hand, and per pixel whether there is any.
func (f *Film) Preview() (rgb []float32, valid []bool) {
	l := f.light
	rgb, valid = l.mean(), make([]bool, l.w*l.h)
	count := make([]float32, l.w*l.h)
	for i := range l.cells {
		x, y := i%l.cols*cellSide, i/l.cols*cellSide
		at := func(p int) int { return (y+p/cellSide)*l.w + x + p%cellSide }
		l.cells[i].done.each(func(p int) { valid[at(p)] = true })
		for n, pl := range l.cells[i].pending {
			samples := float32(min(int(n.first)+1<<n.log2, l.samples) - int(n.first))
			pl.mask.each(func(p int) {
				q := at(p)
				valid[q] = true
				count[q] += samples
				for ch := range 3 {
					rgb[3*q+ch] += pl.sum[3*p+ch]
				}
			})
		}
	}
	for q, n := range count {
		if n > 0 {
			rgb[3*q], rgb[3*q+1], rgb[3*q+2] = rgb[3*q]/n, rgb[3*q+1]/n, rgb[3*q+2]/n
		}
	}
	return rgb, valid
}

// Hash is the SHA-256 of the film of sums, float32 little-endian, RGB
// row-major, and after that of the feature layers, if there are any: the name of
// a complete film. Pixels that are not complete count as zero, so it means
// something only once Complete.
func (f *Film) Hash() fog.Hash {
	h := sha256.New()
	f.light.write(h)
	if f.features != nil {
		f.features.write(h)
	}
	return fog.Hash(h.Sum(nil))
}
