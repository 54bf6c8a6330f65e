package job

import (
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"math/bits"
)

// stack joins the results of one layer: the sums of blocks of samples, added up
// in the fixed binary tree.
type stack struct {
	w, h, samples int
	values        int    // float32 per pixel
	root          uint32 // log2 of the tree's size, 2^root >= samples
	cols          int    // cells a row
	cells         []cell
	sum           []float32 // of the pixels that are complete, row-major
	half          []float32 // of those pixels, the sum of the root's first child; nil if nobody wants it
	whole         bool      // some pixels came as one block of all samples: they have no half
	seen          map[Spec]struct{}
	done          uint64 // pixel-samples added
}

// newStack makes an empty stack for a layer of valid settings.
func newStack(s Settings, l Layer) *stack {
	samples, cols := s.samplesOf(l), tiles(s.Width, cellSide)
	return &stack{
		w: s.Width, h: s.Height, samples: samples, values: l.Values(),
		root:  uint32(treeHeight(samples)),
		cols:  cols,
		cells: make([]cell, cols*tiles(s.Height, cellSide)),
		sum:   make([]float32, s.Width*s.Height*l.Values()),
		seen:  map[Spec]struct{}{},
	}
}

// treeHeight is the log2 of the summing tree's size.
func treeHeight(samples int) int { return bits.Len(uint(samples - 1)) }

// add takes a checked payload.
func (l *stack) add(s Spec, payload []byte) error {
	if _, ok := l.seen[s]; ok {
		return nil
	}
	if l.overlaps(s) {
		return fmt.Errorf("add tile (%d,%d)-(%d,%d) samples %d+%d: %w", s.X0, s.Y0, s.X1, s.Y1, s.First, s.Samples(), ErrOverlap)
	}
	l.seen[s] = struct{}{}
	l.whole = l.whole || s.Log2 == l.root
	l.done += s.Pixels() * s.Samples()
	l.eachCell(s, func(c *cell, x, y int, m mask) {
		p := newPlane(m, l.values)
		p.read(s, payload, x, y)
		l.insert(c, node{s.First, s.Log2}, p, x, y)
	})
	return nil
}

// overlaps reports whether any sample of the block is in the film.
func (l *stack) overlaps(s Spec) bool {
	found := false
	l.eachCell(s, func(c *cell, _, _ int, m mask) {
		found = found || c.overlaps(node{s.First, s.Log2}, m)
	})
	return found
}

// eachCell calls do for each cell the tile touches, with the cell's origin and
// the pixels of it that are the tile's.
func (l *stack) eachCell(s Spec, do func(c *cell, x, y int, m mask)) {
	for cy := int(s.Y0) / cellSide; cy*cellSide < int(s.Y1); cy++ {
		for cx := int(s.X0) / cellSide; cx*cellSide < int(s.X1); cx++ {
			x, y := cx*cellSide, cy*cellSide
			m := maskOf(int(s.X0)-x, int(s.Y0)-y, int(s.X1)-x, int(s.Y1)-y)
			do(&l.cells[cy*l.cols+cx], x, y, m)
		}
	}
}

// insert puts a node's plane in its cell and climbs the tree as far as
// siblings are there or, past the last sample, absent.
func (l *stack) insert(c *cell, n node, p *plane, x, y int) {
	for {
		if n.log2 == l.root {
			l.finish(c, p, x, y)
			return
		}
		sib := n.sibling()
		if int(sib.first) >= l.samples { // absent: skipped, nothing is added
			n = n.parent()
			continue
		}
		if n.log2+1 == l.root && l.half != nil {
			l.halve(c, n, p, x, y)
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

// halve notes the first half of the samples of those pixels of p, a child of the
// root, whose other half is there.
func (l *stack) halve(c *cell, n node, p *plane, x, y int) {
	o := c.pending[n.sibling()]
	if o == nil {
		return
	}
	first := p
	if n.first > 0 {
		first = o
	}
	both := o.mask.and(p.mask)
	both.each(func(i int) { copy(l.half[l.index(i, x, y):], first.at(i)) })
}

// finish writes complete pixels to the film.
func (l *stack) finish(c *cell, p *plane, x, y int) {
	c.done = c.done.with(p.mask)
	p.mask.each(func(i int) { copy(l.sum[l.index(i, x, y):], p.at(i)) })
}

// index is where the values of pixel i of the cell at (x,y) begin.
func (l *stack) index(i, x, y int) int {
	return ((y+i/cellSide)*l.w + x + i%cellSide) * l.values
}

// complete reports whether every sample of every pixel is there.
func (l *stack) complete() bool { return l.done == uint64(l.w)*uint64(l.h)*uint64(l.samples) }

// mean is sum / samples.
func (l *stack) mean() []float32 {
	out := make([]float32, len(l.sum))
	n := float32(l.samples)
	for i, v := range l.sum {
		out[i] = v / n
	}
	return out
}

// write writes the sums, float32 little-endian.
func (l *stack) write(h hash.Hash) {
	width := l.w * l.values
	row := make([]byte, width*4)
	for y := range l.h {
		for i, v := range l.sum[y*width : (y+1)*width] {
			binary.LittleEndian.PutUint32(row[4*i:], math.Float32bits(v))
		}
		h.Write(row)
	}
}
