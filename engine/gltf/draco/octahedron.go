package draco

import "math"

// octahedron maps unit vectors to integer points of a square and back: the upper
// half of an octahedron fills the diamond in the middle, the lower half the
// corners (Meyer et al., "On floating-point normal vectors", 2010). Sums wrap as
// 32-bit numbers do, so that hostile values are merely wrong.
type octahedron struct{ most, center, modulus int32 }

// newOctahedron has points of 2 to 30 bits a side.
func newOctahedron(bits int) octahedron {
	m := int32(1)<<bits - 1
	return octahedron{most: m - 1, center: (m - 1) / 2, modulus: m}
}

// vector is the unit vector at a point. Each product is rounded on its own, so
// that no processor fuses it with a sum.
func (o octahedron) vector(s, t int32) [3]float32 {
	scale := 2 / float32(o.most)
	y, z := float32(float32(s)*scale)-1, float32(float32(t)*scale)-1
	x := 1 - abs32(y) - abs32(z)
	fold := max(-x, 0)
	if y < 0 {
		y += fold
	} else {
		y -= fold
	}
	if z < 0 {
		z += fold
	} else {
		z -= fold
	}
	square := float32(float32(x*x)+float32(y*y)) + float32(z*z)
	if float64(square) < 1e-6 {
		return [3]float32{}
	}
	d := 1 / float32(math.Sqrt(float64(square)))
	return [3]float32{x * d, y * d, z * d}
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

func abs(v int32) int32 {
	if v < 0 {
		return -v
	}
	return v
}

// point is where an integer vector of any length points to.
func (o octahedron) point(x, y, z int32) [2]int32 {
	var s, t int32
	if x >= 0 {
		s, t = y+o.center, z+o.center
	} else {
		s, t = o.most-abs(z), o.most-abs(y)
		if y < 0 {
			s = abs(z)
		}
		if z < 0 {
			t = abs(y)
		}
	}
	return o.canonical(s, t)
}

// canonical picks one of the points of the rim that mean the same vector.
func (o octahedron) canonical(s, t int32) [2]int32 {
	switch {
	case s == 0 && t == 0, s == 0 && t == o.most, s == o.most && t == 0:
		return [2]int32{o.most, o.most}
	case s == 0 && t > o.center, s == o.most && t < o.center:
		t = 2*o.center - t
	case t == o.most && s < o.center, t == 0 && s > o.center:
		s = 2*o.center - s
	}
	return [2]int32{s, t}
}

// project scales a vector so that its parts add up to center.
func (o octahedron) project(v [3]int32) [3]int32 {
	c := int64(o.center)
	sum := int64(abs(v[0])) + int64(abs(v[1])) + int64(abs(v[2]))
	if sum == 0 {
		return [3]int32{o.center, v[1], v[2]}
	}
	x, y := int32(int64(v[0])*c/sum), int32(int64(v[1])*c/sum)
	z := o.center - abs(x) - abs(y)
	if v[2] < 0 {
		z = -z
	}
	return [3]int32{x, y, z}
}

// restore undoes the prediction: v is a correction, made where the prediction
// was turned into the lower left of the diamond, and becomes the value.
func (o octahedron) restore(pred, v []int32) {
	s, t := pred[0]-o.center, pred[1]-o.center
	outside := uint32(abs(s))+uint32(abs(t)) > uint32(o.center)
	if outside {
		s, t = o.invert(s, t)
	}
	turns := quarter(s, t)
	s, t = turn(s, t, turns)
	s, t = turn(o.wrap(s+v[0]), o.wrap(t+v[1]), (4-turns)%4)
	if outside {
		s, t = o.invert(s, t)
	}
	v[0], v[1] = s+o.center, t+o.center
}

func (o octahedron) wrap(v int32) int32 {
	switch {
	case v > o.center:
		return v - o.modulus
	case v < -o.center:
		return v + o.modulus
	}
	return v
}

// invert swaps the diamond with the corners around it.
func (o octahedron) invert(s, t int32) (int32, int32) {
	ss, st := sign(s), sign(t)
	switch {
	case s >= 0 && t >= 0:
		ss, st = 1, 1
	case s <= 0 && t <= 0:
		ss, st = -1, -1
	}
	cs, ct := ss*o.center, st*o.center
	s, t = 2*s-cs, 2*t-ct
	if ss*st >= 0 {
		s, t = -t, -s
	} else {
		s, t = t, s
	}
	return (s + cs) / 2, (t + ct) / 2
}

// sign of 0 is -1.
func sign(v int32) int32 {
	if v > 0 {
		return 1
	}
	return -1
}

// quarter is how many quarter turns bring a point to the lower left.
func quarter(s, t int32) int {
	switch {
	case s == 0 && t == 0:
		return 0
	case s == 0 && t > 0, s < 0 && t > 0:
		return 3
	case s == 0, s > 0 && t < 0:
		return 1
	case s > 0:
		return 2
	}
	return 0
}

func turn(s, t int32, quarters int) (int32, int32) {
	switch quarters {
	case 1:
		return t, -s
	case 2:
		return -s, -t
	case 3:
		return -t, s
	}
	return s, t
}
