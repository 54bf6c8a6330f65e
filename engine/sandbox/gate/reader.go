package gate

import (
	"errors"
	"fmt"
	"math"
)

var errShort = errors.New("it ends too early")

// reader takes bytes off a slice; after the first error all reads give zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail(errShort)
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) bytes(n int64) []byte {
	if n < 0 || n > int64(len(r.b)) {
		r.fail(errShort)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// u32 reads an unsigned LEB128 of at most five bytes.
func (r *reader) u32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.byte()
		v |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			if v > math.MaxUint32 {
				break
			}
			return uint32(v)
		}
	}
	r.fail(errors.New("a number is too long"))
	return 0
}

// skip passes a signed LEB128 of at most n bytes, 5 for 32 bits and 10 for 64.
// What the last of them holds beyond those has to be the sign: wazero does not
// mind, the other engines do.
func (r *reader) skip(n int) {
	sign := byte(0x78)
	if n == 10 {
		sign = 0x7f
	}
	for ; n > 0; n-- {
		c := r.byte()
		if c&0x80 != 0 {
			continue
		}
		if beyond := c & sign; n == 1 && beyond != 0 && beyond != sign {
			r.fail(errors.New("a number is too large"))
		}
		return
	}
	r.fail(errors.New("a number is too long"))
}

// limits reads a minimum and, if there is one, a maximum. Shared and 64-bit
// limits have other flags and are refused.
func (r *reader) limits() (lo, hi uint64, bounded bool) {
	switch flag := r.byte(); flag {
	case 0:
		return uint64(r.u32()), 0, false
	case 1:
		return uint64(r.u32()), uint64(r.u32()), true
	default:
		r.fail(fmt.Errorf("limits of kind %d, want 0 or 1", flag))
		return 0, 0, false
	}
}

// offset reads where an active segment goes: a constant, as no guest has an
// imported global to take it from.
func (r *reader) offset() uint32 {
	if r.byte() != 0x41 {
		r.fail(errors.New("a segment's place is not a constant"))
		return 0
	}
	var v uint32
	for shift := 0; ; shift += 7 {
		c := r.byte()
		v |= uint32(c&0x7f) << shift
		if c&0x80 != 0 {
			if shift < 28 {
				continue
			}
			r.fail(errors.New("a number is too long"))
		}
		if beyond := c & 0x78; shift >= 28 && beyond != 0 && beyond != 0x78 { // see skip
			r.fail(errors.New("a number is too large"))
		}
		if shift < 28 && c&0x40 != 0 {
			v |= ^uint32(0) << (shift + 7)
		}
		break
	}
	if r.byte() != 0x0b {
		r.fail(errors.New("a segment's place is more than one instruction"))
	}
	return v
}

// constant passes an initializer: one constant instruction and end.
func (r *reader) constant() {
	switch op := r.byte(); op {
	case 0x41, 0x42, 0x43, 0x44:
		r.skipConstant(op)
	case 0x23, 0xd2: // global.get, ref.func
		r.u32()
	case 0xd0: // ref.null
		r.byte()
	case 0xfd: // v128.const
		if r.u32() != 0x0c {
			r.fail(errors.New("a global has an unknown initializer"))
		}
		r.bytes(16)
	default:
		r.fail(fmt.Errorf("a global has the unknown initializer %#x", op))
	}
	if r.byte() != 0x0b {
		r.fail(errors.New("a global's initializer is more than one instruction"))
	}
}
