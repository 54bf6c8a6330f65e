package draco

import "fmt"

// The symbols of edgebreaker: how a triangle hangs on the edge that is active.
const (
	symbolC = 0
	symbolS = 1
	symbolL = 3
	symbolR = 5
	symbolE = 7
)

const (
	maxSplitWork = 64  // corners relabelled for each corner of the mesh: far above what meshes need
	noContext    = -1  // the valence coder has not begun
	leastValence = 2   // of a vertex that has a context
	mostValence  = 7   // all above share one
	noSymbol     = 255 // none could be read
)

// split says that a triangle closes a loop with one that comes later.
type split struct {
	source, to uint32 // symbols, counted as the encoder did
	right      bool   // which edge of source waits
}

// breaker turns symbols into corners.
type breaker struct {
	t       *corners
	inner   []bool
	stack   []int32 // active corners
	splits  []split
	waiting map[int]int32 // symbol -> corner a split left for it
	faces   int
	total   int // symbols
	work    int // corners that may still be relabelled
	removed []int32

	symbols symbolSource
	starts  bitSource
}

// bitSource tells whether parts of the surface began inside of it.
type bitSource interface{ next() bool }

// symbolSource tells the symbols one by one.
type symbolSource interface {
	next() int
	reached(t *corners, symbol int, c int32) // c became active by symbol
	merged(to, from int32)                   // two vertices became one
}

// edgebreaker reads the connectivity, and where attributes have seams.
func (d *decoder) edgebreaker() error {
	kind := d.r.u8()
	if d.r.old {
		d.r.varint() // new vertices, which follow from the rest
	}
	vertices, faces := int(d.r.varint()), int(d.r.varint())
	data := int(d.r.u8())
	symbols, splits := int(d.r.varint()), int(d.r.varint())
	switch {
	case d.r.err != nil:
		return d.r.err
	case kind != 0 && kind != 2:
		return fmt.Errorf("%w: edgebreaker of kind %d", ErrUnsupported, kind)
	case vertices > 3*faces || symbols > faces || faces > symbols+symbols/3 || splits > symbols:
		return fmt.Errorf("%w: %d triangles of %d vertices in %d symbols cannot be", ErrDamaged, faces, vertices, symbols)
	case data > maxDecoders:
		return fmt.Errorf("%w: %d attributes with seams, %d may be", ErrUnsupported, data, maxDecoders)
	}
	if err := d.bound(faces, vertices); err != nil {
		return err
	}
	if err := d.take((30*faces + 13*(vertices+splits)) * (1 + data)); err != nil {
		return err
	}
	b := newBreaker(faces, vertices+splits, symbols)
	coders, err := d.traversal(b, kind, data)
	if err != nil {
		return err
	}
	if err := b.run(); err != nil {
		return err
	}
	count := len(b.t.left)
	if data == 0 {
		if count = b.compact(); b.work < 0 {
			return errTopology
		}
	}
	d.base, d.inner = b.t, b.inner
	if err := d.readSeams(coders); err != nil {
		return err
	}
	return d.assignPoints(count)
}

func newBreaker(faces, vertices, symbols int) *breaker {
	b := &breaker{
		t:     &corners{opp: none(3 * faces), vert: none(3 * faces), left: make([]int32, 0, vertices)},
		inner: make([]bool, vertices), total: symbols, waiting: map[int]int32{}, work: maxSplitWork * 3 * faces,
	}
	return b
}

// none is n numbers that point to nothing.
func none(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = -1
	}
	return s
}

// traversal reads what the symbols come from, and the coders of the seams.
func (d *decoder) traversal(b *breaker, kind uint8, data int) ([]*bitCoder, error) {
	skip, err := d.splits(b)
	if err != nil {
		return nil, err
	}
	plain := &plainSymbols{}
	if kind == 0 || d.r.old {
		plain.bits.b = d.r.bitBlock()
		b.symbols = plain
	}
	if d.r.old {
		b.starts = &plainBits{bitReader{b: d.r.bitBlock()}}
	} else if b.starts, err = d.r.bitCoder(); err != nil {
		return nil, err
	}
	coders := make([]*bitCoder, data)
	for i := range coders {
		if coders[i], err = d.r.bitCoder(); err != nil {
			return nil, err
		}
	}
	if kind == 2 {
		b.symbols, err = d.valenceSymbols(plain, len(b.inner), len(b.t.opp)/3)
	}
	d.r.bytes(skip)
	return coders, err
}

// splits reads the splits. In version 2.1 they lie behind the symbols: then it
// returns how many bytes are to be skipped there.
func (d *decoder) splits(b *breaker) (skip int, err error) {
	if !d.r.old {
		return 0, d.readSplits(b)
	}
	size := d.r.count(1)
	here := *d.r
	d.r.bytes(size)
	behind := d.r.left()
	err = d.readSplits(b)
	skip = behind - d.r.left()
	if err == nil {
		*d.r = here
	}
	return skip, err
}

func (d *decoder) readSplits(b *breaker) error {
	n := d.r.count(2)
	if n > len(b.t.opp)/3 {
		return fmt.Errorf("%w: %d splits of %d triangles", ErrDamaged, n, len(b.t.opp)/3)
	}
	b.splits = make([]split, n)
	last := uint32(0)
	for i := range b.splits {
		last += d.r.varint()
		back := d.r.varint()
		if back > last {
			return fmt.Errorf("%w: a split goes back before the mesh begins", ErrDamaged)
		}
		b.splits[i] = split{source: last, to: last - back}
	}
	bits := bitReader{b: d.r.b}
	for i := range b.splits {
		b.splits[i].right = bits.read(1) == 1
		if d.r.old {
			bits.read(1) // not used
		}
	}
	d.r.bytes(bits.used())
	return d.r.err
}

// errTopology says that the symbols describe no surface.
var errTopology = fmt.Errorf("%w: the triangles do not fit together", ErrDamaged)

// run makes a triangle for each symbol, then closes what began inside a surface.
func (b *breaker) run() error {
	for i := range b.total {
		symbol := b.symbols.next()
		corner := int32(3 * b.faces)
		b.faces++
		if !b.place(symbol, i, corner) {
			return errTopology
		}
		b.symbols.reached(b.t, symbol, b.top())
		if symbol != symbolC && symbol != symbolS && !b.remember(i) {
			return errTopology
		}
	}
	for len(b.stack) > 0 {
		c := b.pop()
		if b.starts.next() && !b.close(c) {
			return errTopology
		}
	}
	if b.faces != len(b.t.opp)/3 {
		return errTopology
	}
	return nil
}

func (b *breaker) place(symbol, i int, corner int32) bool {
	switch symbol {
	case symbolC:
		return b.placeC(corner)
	case symbolL, symbolR:
		return b.placeSide(symbol == symbolR, corner)
	case symbolS:
		return b.placeS(i, corner)
	case symbolE:
		return b.placeE(corner)
	}
	return false
}

func (b *breaker) top() int32 { return b.stack[len(b.stack)-1] }

func (b *breaker) pop() int32 {
	c := b.top()
	b.stack = b.stack[:len(b.stack)-1]
	return c
}

// vertex makes a vertex whose leftmost corner is c; -1 if there are enough.
func (b *breaker) vertex(c int32) bool {
	if len(b.t.left) == len(b.inner) {
		return false
	}
	b.t.vert[c] = int32(len(b.t.left))
	b.t.left = append(b.t.left, c)
	return true
}

// remember keeps an edge of the triangle of symbol i for the split that joins it.
func (b *breaker) remember(i int) bool {
	symbol := uint32(b.total - i - 1)
	for len(b.splits) > 0 {
		s := b.splits[len(b.splits)-1]
		switch {
		case s.source > symbol:
			return false
		case s.source < symbol:
			return true
		}
		b.splits = b.splits[:len(b.splits)-1]
		c := prev(b.top())
		if s.right {
			c = next(b.top())
		}
		b.waiting[b.total-int(s.to)-1] = c
	}
	return true
}

// close puts the triangle in that the encoder began with, inside the surface.
func (b *breaker) close(ca int32) bool {
	if b.faces >= len(b.t.opp)/3 {
		return false
	}
	t := b.t
	n := t.at(next(ca))
	cb := next(t.left[n])
	if cb < 0 {
		return false
	}
	x := t.at(next(cb))
	cc := next(t.left[x])
	if !t.free(ca, cb, cc) {
		return false
	}
	p := t.at(next(cc))
	corner := int32(3 * b.faces)
	b.faces++
	t.join(corner, ca)
	t.join(corner+1, cb)
	t.join(corner+2, cc)
	t.vert[corner], t.vert[corner+1], t.vert[corner+2] = x, p, n
	b.inner[x], b.inner[p], b.inner[n] = true, true, true
	return true
}

// compact gives the numbers of removed vertices to the last ones and returns how
// many vertices there are then.
func (b *breaker) compact() int {
	t, count := b.t, len(b.t.left)
	for _, gone := range b.removed {
		for count > 0 && t.left[count-1] < 0 {
			count--
		}
		last := int32(count - 1)
		if last < gone {
			continue
		}
		t.around(t.left[last], func(c int32) bool {
			t.vert[c] = gone
			b.work--
			return b.work >= 0
		})
		t.left[gone], t.left[last] = t.left[last], -1
		b.inner[gone], b.inner[last] = b.inner[last], false
		count--
	}
	return count
}
