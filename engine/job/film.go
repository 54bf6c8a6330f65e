package job

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"sonm/engine/fog"
)

// ErrOverlap says that a block covers samples the film already has from
// another block than this one.
var ErrOverlap = errors.New("the film already has samples of this block")

// Film joins the results of a job's tasks. It is not safe for use from several
// goroutines at once. Whatever tiles and aligned blocks it is fed, in whatever
// order, a complete film holds the same bits.
type Film struct {
	w, h, samples int
	root          uint32 // log2 of the tree's size, 2^root >= samples
	cols          int    // cells a row
	cells         []cell
	sum           []float32 // of the pixels that are complete, RGB row-major
	seen          map[Spec]struct{}
	done          uint64 // pixel-samples added
}

// NewFilm makes an empty film of w x h pixels with the given samples each; the
// limits are those of Settings.
func NewFilm(w, h, samples int) (*Film, error) {
	s := Settings{Scene: "film", Width: w, Height: h, Samples: samples}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	cols := tiles(w, cellSide)
	return &Film{
		w: w, h: h, samples: samples,
		root:  uint32(bits.Len(uint(samples - 1))),
		cols:  cols,
		cells: make([]cell, cols*tiles(h, cellSide)),
		sum:   make([]float32, w*h*3),
		seen:  map[Spec]struct{}{},
	}, nil
}

// Add takes a task's result: per pixel of the tile the sum over the block's
// samples, RGB float32 little-endian, row-major. A block added before is
// ignored; one that overlaps others is ErrOverlap. A refused block leaves the
// film as it was.
func (f *Film) Add(s Spec, payload []byte) error {
	if s.Shift != 0 {
		return fmt.Errorf("add to film: a task at 1/2^%d size", s.Shift)
	}
	if err := s.Validate(Settings{Width: f.w, Height: f.h, Samples: f.samples, Frame: int(s.Frame)}); err != nil {
		return fmt.Errorf("add to film: %w", err)
	}
	if len(payload) != s.PayloadSize() {
		return fmt.Errorf("add to film: %d bytes for a tile of %d x %d pixels, want %d", len(payload), s.X1-s.X0, s.Y1-s.Y0, s.PayloadSize())
	}
	for i := 0; i < len(payload); i += 4 {
		if binary.LittleEndian.Uint32(payload[i:])&0x7f800000 == 0x7f800000 {
			return fmt.Errorf("add to film: value %d of the tile is not a finite number", i/4)
		}
	}
	key := s
	key.Frame = 0 // one film is one frame
	if _, ok := f.seen[key]; ok {
		return nil
	}
	if f.overlaps(s) {
		return fmt.Errorf("add tile (%d,%d)-(%d,%d) samples %d+%d: %w", s.X0, s.Y0, s.X1, s.Y1, s.First, s.Samples(), ErrOverlap)
	}
	f.seen[key] = struct{}{}
	f.done += s.Pixels() * s.Samples()
	f.eachCell(s, func(c *cell, x, y int, m mask) {
		p := newPlane(m)
		p.read(s, payload, x, y)
		f.insert(c, node{s.First, s.Log2}, p, x, y)
	})
	return nil
}

// overlaps reports whether any sample of the block is in the film.
func (f *Film) overlaps(s Spec) bool {
	found := false
	f.eachCell(s, func(c *cell, _, _ int, m mask) {
		found = found || c.overlaps(node{s.First, s.Log2}, m)
	})
	return found
}

// eachCell calls do for each cell the tile touches, with the cell's origin and
// the pixels of it that are the tile's.
func (f *Film) eachCell(s Spec, do func(c *cell, x, y int, m mask)) {
	for cy := int(s.Y0) / cellSide; cy*cellSide < int(s.Y1); cy++ {
		for cx := int(s.X0) / cellSide; cx*cellSide < int(s.X1); cx++ {
			x, y := cx*cellSide, cy*cellSide
			m := maskOf(int(s.X0)-x, int(s.Y0)-y, int(s.X1)-x, int(s.Y1)-y)
			do(&f.cells[cy*f.cols+cx], x, y, m)
		}
	}
}

// insert puts a node's plane in its cell and climbs the tree as far as
// siblings are there or, past the last sample, absent.
func (f *Film) insert(c *cell, n node, p *plane, x, y int) {
	for {
		if n.log2 == f.root {
			f.finish(c, p, x, y)
			return
		}
		sib := n.sibling()
		if int(sib.first) >= f.samples { // absent: skipped, nothing is added
			n = n.parent()
			continue
		}
		both := c.take(sib, p)
		rest := p.mask.without(both)
		if !rest.empty() {
			c.keep(n, p, rest)
		}
		if both.empty() {
			return
		}
		p.mask = both
		n = n.parent()
	}
}

// finish writes complete pixels to the film.
func (f *Film) finish(c *cell, p *plane, x, y int) {
	c.done = c.done.with(p.mask)
	p.mask.each(func(i int) {
		at := ((y+i/cellSide)*f.w + x + i%cellSide) * 3
		copy(f.sum[at:at+3], p.rgb[3*i:3*i+3])
	})
}

// Complete reports whether every sample of every pixel is there.
func (f *Film) Complete() bool { return f.done == uint64(f.w)*uint64(f.h)*uint64(f.samples) }

// Progress is the share of samples that are there, 0 to 1.
func (f *Film) Progress() float64 {
	return float64(f.done) / (float64(f.w) * float64(f.h) * float64(f.samples))
}

// Size returns the width and height in pixels.
func (f *Film) Size() (w, h int) { return f.w, f.h }

// Mean is the picture: linear RGB row-major, sum / samples. Pixels that are
// not complete are black; see Preview for those.
func (f *Film) Mean() []float32 {
	out := make([]float32, len(f.sum))
	n := float32(f.samples)
	for i, v := range f.sum {
		out[i] = v / n
	}
	return out
}

// Preview is what is there so far: linear RGB row-major, the mean over the
// samples at hand, and per pixel whether there is any.
func (f *Film) Preview() (rgb []float32, valid []bool) {
	rgb, valid = f.Mean(), make([]bool, f.w*f.h)
	count := make([]float32, f.w*f.h)
	for i := range f.cells {
		x, y := i%f.cols*cellSide, i/f.cols*cellSide
		at := func(p int) int { return (y+p/cellSide)*f.w + x + p%cellSide }
		f.cells[i].done.each(func(p int) { valid[at(p)] = true })
		for n, pl := range f.cells[i].pending {
			samples := float32(min(int(n.first)+1<<n.log2, f.samples) - int(n.first))
			pl.mask.each(func(p int) {
				q := at(p)
				valid[q] = true
				count[q] += samples
				for ch := range 3 {
					rgb[3*q+ch] += pl.rgb[3*p+ch]
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
// row-major: the name of a complete film. Pixels that are not complete count
// as zero, so it means something only once Complete.
func (f *Film) Hash() fog.Hash {
	h := sha256.New()
	row := make([]byte, f.w*12)
	for y := range f.h {
		for i, v := range f.sum[y*f.w*3 : (y+1)*f.w*3] {
			binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(v))
		}
		h.Write(row)
	}
	return fog.Hash(h.Sum(nil))
}
