package job

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// cellSide is the side of the squares a film is kept in, whatever the tiles:
// one row of a cell is one word of its mask.
const cellSide = 64

// node is an aligned block of samples: a node of the summing tree.
type node struct{ first, log2 uint32 }

func (n node) sibling() node { return node{n.first ^ 1<<n.log2, n.log2} }

func (n node) parent() node { return node{n.first &^ (1 << n.log2), n.log2 + 1} }

// meets reports whether two blocks share a sample.
func (n node) meets(m node) bool {
	return uint64(n.first) < uint64(m.first)+1<<m.log2 && uint64(m.first) < uint64(n.first)+1<<n.log2
}

// mask is a set of the pixels of a cell, a word per row, bit x = column x.
type mask [cellSide]uint64

// maskOf is the rectangle [x0,x1) x [y0,y1), clipped to the cell.
func maskOf(x0, y0, x1, y1 int) mask {
	x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, cellSide), min(y1, cellSide)
	row := ^uint64(0) << x0
	if x1 < cellSide {
		row &= 1<<x1 - 1
	}
	var m mask
	for y := y0; y < y1; y++ {
		m[y] = row
	}
	return m
}

func (m mask) empty() bool { return m == mask{} }

func (m mask) with(o mask) mask {
	for y := range m {
		m[y] |= o[y]
	}
	return m
}

func (m mask) without(o mask) mask {
	for y := range m {
		m[y] &^= o[y]
	}
	return m
}

func (m mask) and(o mask) mask {
	for y := range m {
		m[y] &= o[y]
	}
	return m
}

// each calls do with the number y*cellSide + x of each pixel in the set.
func (m *mask) each(do func(i int)) {
	for y, row := range m {
		for ; row != 0; row &= row - 1 {
			do(y*cellSide + bits.TrailingZeros64(row))
		}
	}
}

// plane is the sums of one node over some pixels of a cell.
type plane struct {
	mask   mask
	values int       // per pixel
	sum    []float32 // of the pixels of the cell; meaningful where mask is set
}

func newPlane(m mask, values int) *plane {
	return &plane{mask: m, values: values, sum: make([]float32, cellSide*cellSide*values)}
}

// read fills the plane of the cell at (x,y) from a checked payload of s.
func (p *plane) read(s Spec, payload []byte, x, y int) {
	width := int(s.X1 - s.X0)
	p.mask.each(func(i int) {
		at := ((y+i/cellSide-int(s.Y0))*width + x + i%cellSide - int(s.X0)) * p.values * 4
		for v := range p.at(i) {
			p.at(i)[v] = math.Float32frombits(binary.LittleEndian.Uint32(payload[at+4*v:]))
		}
	})
}

// at is the values of pixel i of the cell.
func (p *plane) at(i int) []float32 { return p.sum[i*p.values : (i+1)*p.values] }

// cell is one square of a film.
type cell struct {
	done    mask            // complete pixels
	pending map[node]*plane // nodes whose sibling is not there yet
}

// overlaps reports whether any of the pixels has a sample of the block. The
// pending nodes and the complete pixels are all that was ever added.
func (c *cell) overlaps(n node, m mask) bool {
	if !c.done.and(m).empty() {
		return true
	}
	for o, p := range c.pending {
		if n.meets(o) && !p.mask.and(m).empty() {
			return true
		}
	}
	return false
}

// take adds to p the sums of node n where both have pixels, removes those from
// n, and returns them. Addition commutes bit for bit, so left and right do not
// matter.
func (c *cell) take(n node, p *plane) mask {
	o := c.pending[n]
	if o == nil {
		return mask{}
	}
	both := o.mask.and(p.mask)
	both.each(func(i int) {
		for v, x := range o.at(i) {
			p.at(i)[v] += x
		}
	})
	o.mask = o.mask.without(both)
	if o.mask.empty() {
		delete(c.pending, n)
	}
	return both
}

// keep stores the pixels m of p as node n, until the sibling comes.
func (c *cell) keep(n node, p *plane, m mask) {
	if c.pending == nil {
		c.pending = map[node]*plane{}
	}
	o := c.pending[n]
	if o == nil {
		if m == p.mask { // nothing climbs on: hand the plane over
			c.pending[n] = p
			return
		}
		o = newPlane(mask{}, p.values)
		c.pending[n] = o
	}
	m.each(func(i int) { copy(o.at(i), p.at(i)) })
	o.mask = o.mask.with(m)
}
