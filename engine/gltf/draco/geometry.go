package draco

import (
	"fmt"
	"math"
)

// Predictions from where the triangles are, in integers of 64 bits that wrap.

type vec3 [3]int64

func (a vec3) sub(b vec3) vec3  { return vec3{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }
func (a vec3) dot(b vec3) int64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func (a vec3) cross(b vec3) vec3 {
	return vec3{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

func abs64(v int64) int64 {
	if v < 0 {
		return -v
	}
	return v
}

// positions looks coded positions up.
type positions struct {
	entry  []int32 // of each point
	values []int32
}

// positions finds the attribute that others are predicted from: the first of
// its kind, which must be coded as integers before them.
func (d *decoder) positions() (positions, error) {
	for _, g := range d.groups {
		for _, a := range g.attributes {
			if a.Kind != Position {
				continue
			}
			if a.parts != 3 || a.values == nil || g.entry == nil {
				return positions{}, fmt.Errorf("%w: positions that predict nothing", ErrDamaged)
			}
			return positions{g.entry, a.values}, nil
		}
	}
	return positions{}, fmt.Errorf("%w: no positions to predict from", ErrDamaged)
}

func (p positions) of(point uint32) vec3 {
	v := p.values[3*p.entry[point]:]
	return vec3{int64(v[0]), int64(v[1]), int64(v[2])}
}

// predictTexCoords reads on which side of an edge the third corner lies and
// predicts texture coordinates.
func (d *decoder) predictTexCoords(p *predictor, transform func() error) error {
	n := int(d.r.u32())
	coder, err := d.r.bitCoder()
	if err != nil {
		return err
	}
	if p.parts != 2 || n > p.count() {
		return fmt.Errorf("%w: %d orientations of %d texture coordinates of %d parts", ErrDamaged, n, p.count(), p.parts)
	}
	u := texCoords{predictor: p, sides: make([]bool, n)}
	side := true
	for i := range u.sides {
		if !coder.next() {
			side = !side
		}
		u.sides[i] = side
	}
	if err := transform(); err != nil {
		return err
	}
	if u.where, err = d.positions(); err != nil {
		return err
	}
	for i := range p.count() {
		pred, ok := u.predict(i)
		if !ok {
			return fmt.Errorf("%w: a texture coordinate cannot be predicted", ErrDamaged)
		}
		p.undo.restore(pred[:], p.at(i))
	}
	return nil
}

type texCoords struct {
	*predictor
	where positions
	sides []bool // read from the end
}

// predict is where value i lies if the texture is not stretched on its triangle.
func (u *texCoords) predict(i int) (pred [2]int32, ok bool) {
	t, c := u.order.t, u.order.corner[i]
	n, p := int(u.order.value[t.vert[next(c)]]), int(u.order.value[t.vert[prev(c)]])
	if n < i && p < i {
		a, b := u.at(n), u.at(p)
		if a[0] == b[0] && a[1] == b[1] {
			return [2]int32{b[0], b[1]}, true
		}
		if pred, found, ok := u.unstretched(i, n, p); found || !ok {
			return pred, ok
		}
	}
	switch {
	case n < i:
		copy(pred[:], u.at(n))
	case i > 0:
		copy(pred[:], u.at(i-1))
	}
	return pred, true
}

// unstretched lays the triangle of values i, n and p into the texture. found is
// false if the edge from n to p has no length, ok if numbers overflow or sides
// are missing.
func (u *texCoords) unstretched(i, n, p int) (pred [2]int32, found, ok bool) {
	tip, from, to := u.where.of(u.order.points[i]), u.where.of(u.order.points[n]), u.where.of(u.order.points[p])
	edge := to.sub(from)
	length2 := edge.dot(edge)
	if length2 == 0 {
		return pred, false, true
	}
	n0, n1 := int64(u.at(n)[0]), int64(u.at(n)[1])
	e0, e1 := int64(u.at(p)[0])-n0, int64(u.at(p)[1])-n1
	along := tip.sub(from).dot(edge)
	longest := max(abs64(edge[0]), abs64(edge[1]), abs64(edge[2]))
	if len(u.sides) == 0 || exceeds(max(abs64(n0), abs64(n1)), length2) ||
		exceeds(max(abs64(e0), abs64(e1)), along) || exceeds(longest, along) {
		return pred, false, false
	}
	x0, x1 := n0*length2+along*e0, n1*length2+along*e1
	var foot vec3
	for k := range foot {
		foot[k] = from[k] + along*edge[k]/length2
	}
	off := tip.sub(foot)
	across := int64(sqrt(uint64(off.dot(off)) * uint64(length2)))
	y0, y1 := e1*across, -e0*across
	side := u.sides[len(u.sides)-1]
	u.sides = u.sides[:len(u.sides)-1]
	if !side {
		y0, y1 = -y0, -y1
	}
	return [2]int32{int32((x0 + y0) / length2), int32((x1 + y1) / length2)}, true, true
}

// exceeds reports whether a, not negative, times b may not fit 64 bits.
func exceeds(a, b int64) bool {
	if b < 0 {
		b = -b
	}
	return b < 0 || a > 0 && b > math.MaxInt64/a
}

// sqrt is the integer square root by Newton's method from above.
func sqrt(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	root := uint64(1)
	for v := n; v >= 2; v /= 4 {
		root *= 2
	}
	for {
		root = (root + n/root) / 2
		if root*root <= n {
			return root
		}
	}
}

// predictNormals reads which predictions are to be turned round and predicts
// normals as those of the triangles about them, weighted by area.
func (d *decoder) predictNormals(p *predictor) error {
	o, err := d.readOctahedron()
	if err != nil {
		return err
	}
	if d.r.old {
		if mode := d.r.u8(); d.r.err == nil && mode != 1 { // the mean of all triangles
			return fmt.Errorf("%w: normals of mode %d", ErrUnsupported, mode)
		}
	}
	flips, err := d.r.bitCoder()
	if err != nil {
		return err
	}
	where, err := d.positions()
	if err != nil {
		return err
	}
	for i := range p.count() {
		v := o.project(p.normal(where, i))
		if flips.next() {
			v = [3]int32{-v[0], -v[1], -v[2]}
		}
		pred := o.point(v[0], v[1], v[2])
		o.restore(pred[:], p.at(i))
	}
	return nil
}

const longestNormal = 1 << 29 // so that it fits 32 bits

// normal is the sum of the cross products about value i.
func (p *predictor) normal(where positions, i int) [3]int32 {
	t := p.order.t
	at := func(c int32) vec3 { return where.of(p.order.points[p.order.value[t.vert[c]]]) }
	begin := p.order.corner[i]
	center := at(begin)
	var sum vec3
	t.around(begin, func(c int32) bool {
		x := at(next(c)).sub(center).cross(at(prev(c)).sub(center))
		sum = vec3{sum[0] + x[0], sum[1] + x[1], sum[2] + x[2]}
		return true
	})
	size := int64(0)
	for _, v := range sum {
		v = abs64(v)
		if size > math.MaxInt64-v {
			size = math.MaxInt64
			break
		}
		size += v
	}
	if size > longestNormal {
		q := size / longestNormal
		sum = vec3{sum[0] / q, sum[1] / q, sum[2] / q}
	}
	return [3]int32{int32(sum[0]), int32(sum[1]), int32(sum[2])}
}
