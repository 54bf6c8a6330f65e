package draco

import "fmt"

// Binary and symbol coding: range variants of asymmetric numeral systems (Duda,
// "Asymmetric numeral systems", 2013), which read their bytes back to front.

const (
	bitBase    = 4096    // lower end of a bit coder's state
	maxSymbols = 1 << 20 // kinds; numbers of more than 18 bits are never coded as symbols
)

// state reads the coder's first state off the end of b and returns the bytes
// before it. wide allows 30 bits.
func state(b []byte, base uint32, wide bool) (uint32, []byte, error) {
	if len(b) == 0 {
		return 0, nil, errShort
	}
	n := int(b[len(b)-1]>>6) + 1
	if n > len(b) || n == 4 && !wide {
		return 0, nil, fmt.Errorf("%w: a coder begins nowhere", ErrDamaged)
	}
	v := uint32(0)
	for i := range n {
		v |= uint32(b[len(b)-n+i]) << (8 * i)
	}
	v &= 1<<(8*n-2) - 1
	v += base
	if v >= base*256 {
		return 0, nil, fmt.Errorf("%w: a coder begins out of its range", ErrDamaged)
	}
	return v, b[:len(b)-n], nil
}

// bitCoder reads bits of uneven probability.
type bitCoder struct {
	b     []byte
	state uint32
	one   uint32 // probability of a 1, in 1/256
}

// bitCoder begins such a run of bits.
func (r *reader) bitCoder() (*bitCoder, error) {
	zero := r.u8()
	b := r.coderBlock()
	if r.err != nil {
		return nil, r.err
	}
	c := &bitCoder{one: 256 - uint32(zero)}
	var err error
	c.state, c.b, err = state(b, bitBase, false)
	return c, err
}

func (c *bitCoder) next() bool {
	if c.state < bitBase && len(c.b) > 0 {
		c.state = c.state<<8 | uint32(c.b[len(c.b)-1])
		c.b = c.b[:len(c.b)-1]
	}
	quot, rem := c.state/256, c.state%256
	if rem < c.one {
		c.state = quot*c.one + rem
		return true
	}
	c.state -= quot*c.one + c.one
	return false
}

// symbolCoder reads symbols of uneven probability.
type symbolCoder struct {
	b           []byte
	state, base uint32
	bits        int      // of precision
	table       []uint32 // symbol of each slot
	prob, sum   []uint32 // of each symbol
}

// symbolCoder reads the table of probabilities and begins a run of symbols.
func (r *reader) symbolCoder(bits int) (*symbolCoder, error) {
	c := &symbolCoder{bits: bits, base: 4 << bits}
	if err := c.readTable(r); err != nil {
		return nil, err
	}
	b := r.block()
	if r.err != nil {
		return nil, r.err
	}
	var err error
	c.state, c.b, err = state(b, c.base, true)
	return c, err
}

func (c *symbolCoder) readTable(r *reader) error {
	n := int(r.varint())
	if r.err != nil || n/64 > r.left() { // a byte stands for 64 symbols at most
		return errShort
	}
	if n > maxSymbols {
		return fmt.Errorf("%w: %d kinds of symbols", ErrDamaged, n)
	}
	c.prob, c.sum = make([]uint32, n), make([]uint32, n)
	for i := 0; i < n; i++ {
		v := uint32(r.u8())
		extra := int(v & 3)
		if extra == 3 { // a run of symbols that never come
			if i += int(v >> 2); i >= n {
				return fmt.Errorf("%w: probabilities for more symbols than there are", ErrDamaged)
			}
			continue
		}
		p := v >> 2
		for k := range extra {
			p |= uint32(r.u8()) << (8*(k+1) - 2)
		}
		c.prob[i] = p
	}
	if r.err != nil {
		return r.err
	}
	return c.spread()
}

// spread gives each symbol its slots; they must all be taken.
func (c *symbolCoder) spread() error {
	size := uint32(1) << c.bits
	c.table = make([]uint32, size)
	sum := uint32(0)
	for i, p := range c.prob {
		if p > size-sum {
			return fmt.Errorf("%w: probabilities of more than 1", ErrDamaged)
		}
		c.sum[i] = sum
		for j := sum; j < sum+p; j++ {
			c.table[j] = uint32(i)
		}
		sum += p
	}
	if sum != size {
		return fmt.Errorf("%w: probabilities of less than 1", ErrDamaged)
	}
	return nil
}

func (c *symbolCoder) next() uint32 {
	for c.state < c.base && len(c.b) > 0 {
		c.state = c.state<<8 | uint32(c.b[len(c.b)-1])
		c.b = c.b[:len(c.b)-1]
	}
	quot, rem := c.state>>c.bits, c.state&(1<<c.bits-1)
	s := c.table[rem]
	c.state = quot*c.prob[s] + rem - c.sum[s]
	return s
}

// symbols reads n numbers, components of them to a value. The caller has
// bounded n.
func (r *reader) symbols(n, components int) ([]uint32, error) {
	if n == 0 {
		return nil, nil
	}
	switch scheme := r.u8(); {
	case r.err != nil:
		return nil, r.err
	case scheme == 0:
		return r.tagged(n, components)
	case scheme == 1:
		return r.raw(n)
	default:
		return nil, fmt.Errorf("%w: symbols of scheme %d", ErrDamaged, scheme)
	}
}

// tagged numbers are plain bits; their width is coded once for each value.
func (r *reader) tagged(n, components int) ([]uint32, error) {
	c, err := r.symbolCoder(12)
	if err != nil {
		return nil, err
	}
	bits := bitReader{b: r.b}
	out := make([]uint32, n)
	for i := 0; i+components <= n; i += components {
		width := int(c.next())
		if width > 32 {
			return nil, fmt.Errorf("%w: a number of %d bits", ErrDamaged, width)
		}
		for j := range components {
			out[i+j] = bits.read(width)
		}
		if bits.bad {
			return nil, errShort
		}
	}
	r.bytes(bits.used())
	return out, r.err
}

// raw numbers are symbols themselves.
func (r *reader) raw(n int) ([]uint32, error) {
	width := int(r.u8())
	if width < 1 || width > 18 {
		return nil, fmt.Errorf("%w: symbols of %d bits", ErrDamaged, width)
	}
	c, err := r.symbolCoder(min(max(3*width/2, 12), 20))
	if err != nil {
		return nil, err
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = c.next()
	}
	return out, nil
}
