package draco

import (
	"encoding/binary"
	"fmt"
	"math"
)

// errShort says that the bytes end too early.
var errShort = fmt.Errorf("%w: they end too early", ErrDamaged)

// reader reads bytes front to back. After the first error everything is 0.
type reader struct {
	b   []byte
	err error
	old bool // version 2.1
}

func (r *reader) left() int { return len(r.b) }

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// bytes takes n bytes; nil if they are not there.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail(errShort)
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u8() uint8 {
	if len(r.b) < 1 {
		r.fail(errShort)
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) u16() uint16 {
	b := r.bytes(2)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint16(b)
}

func (r *reader) u32() uint32 {
	b := r.bytes(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (r *reader) f32() float32 { return math.Float32frombits(r.u32()) }

// varint reads a LEB128 number of at most 32 bits.
func (r *reader) varint() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.u8()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > math.MaxUint32 {
				break
			}
			return uint32(v)
		}
	}
	r.fail(fmt.Errorf("%w: a number has more than 32 bits", ErrDamaged))
	return 0
}

// count reads how many things of at least size bytes follow.
func (r *reader) count(size int) int {
	n := int(r.varint())
	if n > len(r.b)/size {
		r.fail(errShort)
		return 0
	}
	return n
}

// block reads a length and as many bytes.
func (r *reader) block() []byte { return r.bytes(r.count(1)) }

// coderBlock is a block of a bit coder.
func (r *reader) coderBlock() []byte {
	if r.old {
		return r.bytes(int(r.u32()))
	}
	return r.block()
}

// bitBlock is a block of bits.
func (r *reader) bitBlock() []byte {
	if !r.old {
		return r.block()
	}
	low, high := r.u32(), r.u32()
	if high != 0 {
		r.fail(errShort)
	}
	return r.bytes(int(low))
}

// bitReader reads bits, the lowest of each byte first.
type bitReader struct {
	b   []byte
	at  int // bits read
	bad bool
}

func (b *bitReader) read(n int) uint32 {
	if n > 8*len(b.b)-b.at {
		b.bad, b.at = true, 8*len(b.b)
		return 0
	}
	v := uint32(0)
	for got := 0; got < n; {
		here := min(8-b.at&7, n-got)
		bits := uint32(b.b[b.at>>3]) >> (b.at & 7) & (1<<here - 1)
		v |= bits << got
		got += here
		b.at += here
	}
	return v
}

// used is the bytes touched.
func (b *bitReader) used() int { return (b.at + 7) / 8 }
