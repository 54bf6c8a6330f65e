package draco

import (
	"encoding/binary"
	"fmt"
	"math"
)

// group is attributes that are coded along one walk.
type group struct {
	seam       *seam // whose connectivity it has; nil for that of the positions
	degree     bool  // which walk
	attributes []*attribute
	order      *sequence
	entry      []int32 // value of each point
}

// How an attribute's values are coded.
const (
	codedGeneric   = 0 // as they are
	codedInteger   = 1
	codedQuantized = 2 // floats as integers between a least and a greatest
	codedNormal    = 3 // unit vectors on an octahedron
)

type attribute struct {
	Attribute
	coded  uint8
	parts  int     // numbers to a coded value
	values []int32 // coded, in the order of the walk; nil if codedGeneric
	raw    []byte  // of codedGeneric

	bits   uint8 // of quantization
	lowest []float32
	extent float32
}

// attributes reads the values of all attributes.
func (d *decoder) attributes() error {
	n := int(d.r.u8())
	if n > maxDecoders {
		return fmt.Errorf("%w: %d groups of attributes, %d may be", ErrUnsupported, n, maxDecoders)
	}
	for range n {
		g := &group{}
		if !d.sequential {
			if err := d.readGroup(g); err != nil {
				return err
			}
		}
		d.groups = append(d.groups, g)
	}
	for _, g := range d.groups {
		if err := d.readAttributes(g); err != nil {
			return err
		}
	}
	for _, g := range d.groups {
		if err := d.arrange(g); err != nil {
			return err
		}
		if err := d.readValues(g); err != nil {
			return err
		}
	}
	return d.r.err
}

// readGroup reads which connectivity and walk a group has.
func (d *decoder) readGroup(g *group) error {
	id, vertex, kind := int8(d.r.u8()), d.r.u8() == 0, d.r.u8()
	switch {
	case d.r.err != nil:
		return d.r.err
	case kind > 1 || kind == 1 && !vertex:
		return fmt.Errorf("%w: a walk of kind %d", ErrUnsupported, kind)
	case int(id) >= len(d.seams) || id < 0 && (d.posUsed || !vertex):
		return fmt.Errorf("%w: attributes of connectivity %d", ErrDamaged, id)
	}
	g.degree = kind == 1
	if id < 0 {
		d.posUsed = true
		return nil
	}
	s := d.seams[id]
	if s.group != nil {
		return fmt.Errorf("%w: attributes share a connectivity", ErrDamaged)
	}
	s.group = g
	if !vertex {
		g.seam = s
	}
	return nil
}

// readAttributes reads what the attributes of a group are.
func (d *decoder) readAttributes(g *group) error {
	n := d.r.count(6)
	if n > maxDecoders {
		return fmt.Errorf("%w: %d attributes, %d may be", ErrUnsupported, n, maxDecoders)
	}
	for range n {
		a := &attribute{}
		a.Kind, a.Type, a.Components, a.Normalized = Kind(d.r.u8()), Type(d.r.u8()), int(d.r.u8()), d.r.u8() != 0
		a.ID = d.r.varint()
		g.attributes = append(g.attributes, a)
	}
	for _, a := range g.attributes {
		a.coded, a.parts = d.r.u8(), a.Components
		if a.coded == codedNormal {
			a.parts = 2
		}
		if d.r.err != nil {
			return d.r.err
		}
		if err := a.check(); err != nil {
			return err
		}
	}
	return d.r.err
}

func (a *attribute) check() error {
	integer := a.Type != Float32
	switch {
	case a.Components < 1 || a.Components > maxComponents || a.Type.Size() == 0:
		return fmt.Errorf("%w: an attribute of %d components of type %d", ErrUnsupported, a.Components, a.Type)
	case a.coded > codedNormal:
		return fmt.Errorf("%w: an attribute coded as %d", ErrUnsupported, a.coded)
	case a.coded == codedInteger && !integer, a.coded >= codedQuantized && integer, a.coded == codedNormal && a.Components != 3:
		return fmt.Errorf("%w: %d components of type %d cannot be coded as %d", ErrDamaged, a.Components, a.Type, a.coded)
	}
	return nil
}

// arrange walks the mesh for a group and tells which value each point has.
func (d *decoder) arrange(g *group) error {
	if d.sequential {
		if err := d.take(8 * d.points); err != nil {
			return err
		}
		g.order = &sequence{points: make([]uint32, d.points)}
		g.entry = make([]int32, d.points)
		for i := range g.entry {
			g.order.points[i], g.entry[i] = uint32(i), int32(i)
		}
		return nil
	}
	t := d.base
	if g.seam != nil {
		t = &g.seam.corners
	}
	if g.order = walk(t, d.faces, g.degree); g.order == nil || len(g.order.points) == 0 && d.points > 0 {
		return errTopology
	}
	if err := d.take(4 * d.points); err != nil {
		return err
	}
	g.entry = make([]int32, d.points)
	for c, v := range t.vert {
		e := g.order.value[v]
		if int(e) >= d.points {
			return fmt.Errorf("%w: more values than points", ErrDamaged)
		}
		g.entry[d.faces[c]] = e
	}
	return nil
}

// readValues reads the coded values of a group and makes real ones of them.
func (d *decoder) readValues(g *group) error {
	n := len(g.order.points)
	for _, a := range g.attributes {
		if err := d.take(n*a.parts*4 + d.points*a.Components*a.Type.Size()); err != nil {
			return err
		}
		if a.coded == codedGeneric {
			a.raw = d.r.bytes(n * a.Components * a.Type.Size())
		} else if err := d.readCoded(g, a, n*a.parts); err != nil {
			return err
		}
		if d.r.err != nil {
			return d.r.err
		}
	}
	for _, a := range g.attributes {
		if err := d.readScale(a); err != nil {
			return err
		}
	}
	for _, a := range g.attributes {
		a.expand(g.entry)
	}
	return nil
}

// readScale reads how quantized values are to be scaled.
func (d *decoder) readScale(a *attribute) error {
	switch a.coded {
	case codedQuantized:
		for range a.Components {
			a.lowest = append(a.lowest, d.r.f32())
		}
		a.extent = d.r.f32()
		a.bits = d.r.u8()
	case codedNormal:
		a.bits = d.r.u8()
	default:
		return nil
	}
	if d.r.err == nil && (a.bits < 1 || a.bits > 30 || a.coded == codedNormal && a.bits < 2) {
		return fmt.Errorf("%w: values of %d bits", ErrDamaged, a.bits)
	}
	return d.r.err
}

// expand writes the value of every point.
func (a *attribute) expand(entry []int32) {
	size := a.Components * a.Type.Size()
	values := a.raw
	if a.coded != codedGeneric {
		values = a.real()
	}
	a.Data = make([]byte, 0, len(entry)*size)
	for _, e := range entry {
		a.Data = append(a.Data, values[int(e)*size:int(e)*size+size]...)
	}
	a.raw = nil
}

// real turns coded values into those that were encoded.
func (a *attribute) real() []byte {
	out := make([]byte, 0, len(a.values)/a.parts*a.Components*a.Type.Size())
	switch a.coded {
	case codedQuantized:
		step := a.extent / float32(int32(1)<<a.bits-1)
		for i, v := range a.values {
			out = appendFloat(out, float32(float32(v)*step)+a.lowest[i%a.Components])
		}
	case codedNormal:
		o := newOctahedron(int(a.bits))
		for i := 0; i < len(a.values); i += 2 {
			for _, v := range o.vector(a.values[i], a.values[i+1]) {
				out = appendFloat(out, v)
			}
		}
	default:
		for _, v := range a.values {
			b := binary.LittleEndian.AppendUint32(nil, uint32(v))
			out = append(out, b[:a.Type.Size()]...)
		}
	}
	return out
}

func appendFloat(b []byte, v float32) []byte {
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
}
