package meshopt

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Filters work in place, in the arithmetic of 32-bit floats: each product is
// rounded on its own, so that no processor fuses it with a sum.

// component reads and writes signed numbers of 8 or 16 bits.
type component struct {
	b    []byte
	wide bool
}

func (c component) get(i int) int {
	if c.wide {
		return int(int16(binary.LittleEndian.Uint16(c.b[2*i:])))
	}
	return int(int8(c.b[i]))
}

func (c component) set(i, v int) {
	if c.wide {
		binary.LittleEndian.PutUint16(c.b[2*i:], uint16(v))
		return
	}
	c.b[i] = byte(v)
}

// round goes away from 0 at halves. What is no number becomes 0.
func round(v float32) int {
	if v != v || v > 1<<30 || v < -1<<30 {
		return 0
	}
	if v >= 0 {
		return int(v + 0.5)
	}
	return int(v - 0.5)
}

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// octahedral makes unit vectors of points on an octahedron; the fourth
// component stays.
func octahedral(out []byte, stride int) {
	one := float32(127)
	if stride == 8 {
		one = 32767
	}
	for ; len(out) > 0; out = out[stride:] {
		c := component{out[:stride], stride == 8}
		x, y := float32(c.get(0)), float32(c.get(1))
		z := float32(c.get(2)) - abs(x) - abs(y)
		t := min(z, 0)
		if x >= 0 {
			x += t
		} else {
			x -= t
		}
		if y >= 0 {
			y += t
		} else {
			y -= t
		}
		scale := one / sqrt(float32(float32(x*x)+float32(y*y))+float32(z*z))
		for i, v := range [...]float32{x, y, z} {
			c.set(i, round(v*scale))
		}
	}
}

// quaternion restores the largest component, which is not stored.
func quaternion(out []byte) {
	unit := 32767 / sqrt(2)
	for ; len(out) > 0; out = out[8:] {
		c := component{out[:8], true}
		last := c.get(3)
		one := float32(last | 3)
		x, y, z := float32(c.get(0)), float32(c.get(1)), float32(c.get(2))
		square := float32(float32(float32(float32(one*one)*2)-float32(x*x))-float32(y*y)) - float32(z*z)
		w := sqrt(max(square, 0))
		scale := unit / one
		for i, v := range [...]float32{w, x, y, z} {
			c.set((last+i)&3, round(v*scale))
		}
	}
}

// exponential makes floats of 24 bits of mantissa and 8 of exponent.
func exponential(out []byte) {
	for ; len(out) > 0; out = out[4:] {
		v := int32(binary.LittleEndian.Uint32(out))
		exponent, mantissa := v>>24, v<<8>>8
		scale := math.Float32frombits(uint32(exponent+127) << 23)
		binary.LittleEndian.PutUint32(out, math.Float32bits(scale*float32(mantissa)))
	}
}

// color makes red, green, blue and alpha of luma, two chromas and alpha.
func color(out []byte, stride int) {
	full, wide := float32(255), stride == 8
	if wide {
		full = 65535
	}
	for ; len(out) > 0; out = out[stride:] {
		c := component{out[:stride], wide}
		y, co, cg, a := c.get(0), c.get(1), c.get(2), c.get(3)
		if mask := int(full); y < 0 || a < 0 {
			y, a = y&mask, a&mask
		}
		most := 1<<bits.Len(uint(a)) - 1
		a &= most >> 1
		a = a<<1 | a&1
		scale := full / float32(most)
		for i, v := range [...]int{y + co - cg, y + cg, y - co - cg, a} {
			c.set(i, round(float32(v)*scale))
		}
	}
}
