package draco

import "fmt"

// Ways to predict a value from those before it.
const (
	predictNone          = -2
	predictDifference    = 0
	predictParallelogram = 1
	predictMulti         = 4
	predictTexCoord      = 5
	predictNormal        = 6
)

// Ways to code what a prediction missed.
const (
	transformWrap       = 1
	transformOctahedron = 3
)

// transform turns a correction into a value: restore(pred, v) leaves it in v.
type transform interface{ restore(pred, v []int32) }

// wrap keeps values between two bounds, past which they begin anew.
type wrap struct{ low, high int32 }

func (w wrap) restore(pred, v []int32) {
	size := w.high - w.low + 1 // readWrap has checked that it is positive
	for i, p := range pred {
		x := min(max(p, w.low), w.high) + v[i]
		if x > w.high {
			x -= size
		} else if x < w.low {
			x += size
		}
		v[i] = x
	}
}

func (d *decoder) readWrap() (wrap, error) {
	w := wrap{int32(d.r.u32()), int32(d.r.u32())}
	if size := int64(w.high) - int64(w.low); size < 0 || size >= 1<<31-1 {
		return w, fmt.Errorf("%w: values between %d and %d", ErrDamaged, w.low, w.high)
	}
	return w, d.r.err
}

func (d *decoder) readOctahedron() (octahedron, error) {
	m := d.r.u32()
	d.r.u32() // the center, which follows from m
	bits := 0
	for v := m; v != 0; v >>= 1 {
		bits++
	}
	if d.r.err != nil {
		return octahedron{}, d.r.err
	}
	if m%2 == 0 || bits < 2 || bits > 30 {
		return octahedron{}, fmt.Errorf("%w: normals of %d values a side", ErrDamaged, m)
	}
	return newOctahedron(bits), nil
}

// readCoded reads n numbers and undoes their prediction.
func (d *decoder) readCoded(g *group, a *attribute, n int) error {
	method, kind := int8(d.r.u8()), int8(transformWrap)
	if method != predictNone {
		kind = int8(d.r.u8())
	}
	if d.r.err != nil {
		return d.r.err
	}
	want := int8(transformWrap)
	if a.coded == codedNormal {
		want = transformOctahedron
	}
	if method != predictNone && kind != want {
		return fmt.Errorf("%w: corrections of kind %d", ErrUnsupported, kind)
	}
	var err error
	if a.values, err = d.readNumbers(n, a.parts); err != nil {
		return err
	}
	if a.coded != codedNormal || method == predictNone {
		for i, v := range a.values {
			a.values[i] = int32(uint32(v)>>1) ^ -(v & 1)
		}
	}
	if method == predictNone {
		return nil
	}
	p := &predictor{order: g.order, values: a.values, parts: a.parts}
	return d.predict(p, method, a.coded == codedNormal)
}

// readNumbers reads n numbers, coded or plain.
func (d *decoder) readNumbers(n, parts int) ([]int32, error) {
	out := make([]int32, n)
	if d.r.u8() != 0 {
		symbols, err := d.r.symbols(n, parts)
		for i, v := range symbols {
			out[i] = int32(v)
		}
		return out, err
	}
	width := int(d.r.u8())
	if width < 1 || width > 4 {
		return nil, fmt.Errorf("%w: numbers of %d bytes", ErrDamaged, width)
	}
	b := d.r.bytes(n * width)
	if d.r.err != nil {
		return nil, d.r.err
	}
	for i := range out {
		for k := range width {
			out[i] |= int32(b[i*width+k]) << (8 * k)
		}
	}
	return out, nil
}

// predictor restores the values of one attribute in place.
type predictor struct {
	order  *sequence
	values []int32
	parts  int
	undo   transform
}

func (p *predictor) at(i int) []int32 { return p.values[i*p.parts : (i+1)*p.parts] }

func (p *predictor) count() int { return len(p.values) / p.parts }

// predict reads what the method needs and applies it. Where triangles are coded
// one by one, or corrections are those of normals, only some methods make sense;
// the others mean the difference.
func (d *decoder) predict(p *predictor, method int8, normal bool) (err error) {
	if d.sequential || normal && method != predictNormal {
		method = predictDifference
	}
	if normal && method == predictNormal {
		return d.predictNormals(p)
	}
	read := func() error {
		if normal {
			p.undo, err = d.readOctahedron()
		} else {
			p.undo, err = d.readWrap()
		}
		return err
	}
	switch method {
	case predictDifference:
		return run(read, p.difference)
	case predictParallelogram:
		return run(read, p.parallelogram)
	case predictMulti:
		creases, err := d.readCreases()
		if err != nil {
			return err
		}
		return run(read, func() error { return p.multi(creases) })
	case predictTexCoord:
		return d.predictTexCoords(p, read)
	}
	return fmt.Errorf("%w: predictions of kind %d", ErrUnsupported, method)
}

func run(steps ...func() error) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

// difference predicts each value as the one before it.
func (p *predictor) difference() error {
	before := make([]int32, p.parts)
	for i := range p.count() {
		p.undo.restore(before, p.at(i))
		before = p.at(i)
	}
	return nil
}

// across predicts value i as the fourth corner of a parallelogram with the
// triangle across the edge that faces c; false if that is not known yet.
func (p *predictor) across(i int, c int32, out []int32) bool {
	t := p.order.t
	o := t.opposite(c)
	if o < 0 {
		return false
	}
	far, n, v := int(p.order.value[t.vert[o]]), int(p.order.value[t.vert[next(o)]]), int(p.order.value[t.vert[prev(o)]])
	if far >= i || n >= i || v >= i {
		return false
	}
	a, b, m := p.at(n), p.at(v), p.at(far)
	for k := range out {
		out[k] = a[k] + b[k] - m[k]
	}
	return true
}

func (p *predictor) parallelogram() error {
	pred := make([]int32, p.parts)
	for i := range p.count() {
		switch {
		case i == 0:
			p.undo.restore(pred, p.at(0))
		case p.across(i, p.order.corner[i], pred):
			p.undo.restore(pred, p.at(i))
		default:
			p.undo.restore(p.at(i-1), p.at(i))
		}
	}
	return nil
}

const most = 4 // parallelograms to a value

// readCreases reads which parallelograms do not predict, apart for each number
// of parallelograms that a value has.
func (d *decoder) readCreases() (creases [most][]bool, err error) {
	if d.r.old {
		if mode := d.r.u8(); mode != 0 {
			return creases, fmt.Errorf("%w: parallelograms of mode %d", ErrUnsupported, mode)
		}
	}
	for i := range creases {
		n := int(d.r.varint())
		if n > len(d.base.opp) {
			return creases, fmt.Errorf("%w: %d creases", ErrDamaged, n)
		}
		if n == 0 {
			continue
		}
		coder, err := d.r.bitCoder()
		if err != nil {
			return creases, err
		}
		creases[i] = make([]bool, n)
		for k := range creases[i] {
			creases[i][k] = coder.next()
		}
	}
	return creases, d.r.err
}

// multi predicts each value as the mean of the parallelograms about it that are
// no creases.
func (p *predictor) multi(creases [most][]bool) error {
	var all [most][]int32
	for i := range all {
		all[i] = make([]int32, p.parts)
	}
	var read [most]int // of creases
	mean := make([]int32, p.parts)
	for i := range p.count() {
		n := 0
		if i > 0 {
			p.order.t.around(p.order.corner[i], func(c int32) bool {
				if p.across(i, c, all[n]) {
					n++
				}
				return n < most
			})
		}
		used := all[:0:0]
		if n > 0 {
			flags := creases[n-1][read[n-1]:]
			if len(flags) < n {
				return fmt.Errorf("%w: too few creases", ErrDamaged)
			}
			read[n-1] += n
			used = smooth(all[:n], flags)
		}
		if len(used) == 0 && i > 0 {
			p.undo.restore(p.at(i-1), p.at(i))
			continue
		}
		average(mean, used)
		p.undo.restore(mean, p.at(i))
	}
	return nil
}

// smooth is the predictions that are no creases.
func smooth(all [][]int32, creases []bool) [][]int32 {
	var used [][]int32
	for i, pred := range all {
		if !creases[i] {
			used = append(used, pred)
		}
	}
	return used
}

// average of no predictions is 0.
func average(mean []int32, all [][]int32) {
	clear(mean)
	for _, pred := range all {
		for k := range mean {
			mean[k] += pred[k]
		}
	}
	for k := range mean {
		mean[k] /= int32(max(len(all), 1))
	}
}
