// Package draco decodes triangle meshes of the Draco bitstream 2.2, the version
// that the glTF extension KHR_draco_mesh_compression is bound to: sequential and
// edgebreaker connectivity (standard and valence coded), seams of attributes,
// and every prediction that encoders of that version write for meshes.
//
// It follows "Draco 3D Data Compression: bitstream specification" and gives bit
// for bit what Google's decoder gives. It is pure: bytes in, a mesh out.
//
// # Why
//
// The format can claim any number of triangles in a few bytes, as a symbol that
// always comes costs nothing. Every count is therefore held against Limits
// before anything is allocated, and so is the work of each step. Version 2.1 of
// 2017 is read, too, but for its texture coordinates predicted in floats; what
// is older was never part of glTF and is refused by name.
package draco

import (
	"errors"
	"fmt"
)

// ErrDamaged is wrapped by every refusal of bytes that are no sound mesh.
var ErrDamaged = errors.New("the Draco data are damaged")

// ErrUnsupported is wrapped by every refusal of what may be sound and is not
// read here.
var ErrUnsupported = errors.New("the Draco data are of a kind that is not read")

// Limits bound what one mesh may claim.
type Limits struct {
	Faces int // triangles
	Bytes int // of the decoded attributes, and about of the memory to decode them
}

// Kind says what an attribute is.
type Kind uint8

// The kinds of the bitstream. Tangents, joints, weights and all that has no kind
// of its own are Generic; glTF tells them apart by their ids.
const (
	Position Kind = iota
	Normal
	Color
	TexCoord
	Generic
)

// Type is how one component is stored.
type Type uint8

// The types of the bitstream that a mesh of glTF can have.
const (
	Int8 Type = iota + 1
	Uint8
	Int16
	Uint16
	Int32
	Uint32
	_
	_
	Float32
)

// Size is the bytes of one component; 0 of a type that is not read.
func (t Type) Size() int {
	switch t {
	case Int8, Uint8:
		return 1
	case Int16, Uint16:
		return 2
	case Int32, Uint32, Float32:
		return 4
	default:
		return 0
	}
}

// Attribute is one value for each point.
type Attribute struct {
	ID         uint32 // unique id, which the glTF extension names
	Kind       Kind
	Type       Type
	Components int
	Normalized bool
	Data       []byte // Components little-endian numbers for each point, without gaps
}

// Mesh is what was encoded.
type Mesh struct {
	Points     int
	Faces      []uint32 // three points for each triangle, all below Points
	Attributes []Attribute
}

const (
	maxDecoders   = 32 // of attributes; one for each attribute is usual
	maxComponents = 16 // a matrix
)

// decoder is one mesh on its way.
type decoder struct {
	r          *reader
	limits     Limits
	sequential bool

	points  int
	faces   []uint32 // point of each corner
	base    *corners // edgebreaker only
	inner   []bool   // per vertex of base: it is no boundary vertex
	seams   []*seam  // one for each attribute with a connectivity of its own
	posUsed bool     // some decoder has the connectivity of the positions
	groups  []*group
	budget  int // bytes left
}

// Decode reads one mesh.
func Decode(data []byte, limits Limits) (Mesh, error) {
	d := &decoder{r: &reader{b: data}, limits: limits, budget: limits.Bytes}
	if err := d.header(); err != nil {
		return Mesh{}, err
	}
	connectivity := d.edgebreaker
	if d.sequential {
		connectivity = d.plain
	}
	if err := connectivity(); err != nil {
		return Mesh{}, err
	}
	if err := d.attributes(); err != nil {
		return Mesh{}, err
	}
	m := Mesh{Points: d.points, Faces: d.faces}
	for _, g := range d.groups {
		for _, a := range g.attributes {
			m.Attributes = append(m.Attributes, a.Attribute)
		}
	}
	return m, nil
}

// take books n bytes of memory.
func (d *decoder) take(n int) error {
	if n < 0 || n > d.budget {
		return fmt.Errorf("%w: the mesh takes more than the %d MB it may", ErrDamaged, d.limits.Bytes>>20)
	}
	d.budget -= n
	return nil
}

const metadataFlag = 0x8000

func (d *decoder) header() error {
	if string(d.r.bytes(5)) != "DRACO" {
		return fmt.Errorf("%w: they do not begin with DRACO", ErrDamaged)
	}
	major, minor, kind, method, flags := d.r.u8(), d.r.u8(), d.r.u8(), d.r.u8(), d.r.u16()
	switch {
	case d.r.err != nil:
		return d.r.err
	case major != 2 || minor != 1 && minor != 2:
		return fmt.Errorf("%w: version %d.%d, 2.1 and 2.2 are", ErrUnsupported, major, minor)
	case kind != 1:
		return fmt.Errorf("%w: a cloud of points and no mesh", ErrUnsupported)
	case method > 1:
		return fmt.Errorf("%w: connectivity of method %d", ErrUnsupported, method)
	}
	d.sequential, d.r.old = method == 0, minor == 1
	if flags&metadataFlag != 0 {
		return d.metadata()
	}
	return nil
}

// metadata skips what is said about the file and its attributes.
func (d *decoder) metadata() error {
	for range d.r.count(2) {
		d.r.varint()
		d.element()
	}
	d.element()
	return d.r.err
}

// element skips names, values and all that is nested; elements that wait are
// counted rather than descended into.
func (d *decoder) element() {
	for waiting, first := 1, true; waiting > 0 && d.r.err == nil; waiting, first = waiting-1, false {
		if !first {
			d.r.bytes(int(d.r.u8())) // its name
		}
		for range d.r.count(2) {
			d.r.bytes(int(d.r.u8()))
			d.r.bytes(d.r.count(1))
		}
		waiting += d.r.count(3)
	}
}

// plain reads triangles one by one.
func (d *decoder) plain() error {
	number := d.r.varint
	if d.r.old {
		number = d.r.u32
	}
	faces, points, method := int(number()), int(number()), d.r.u8()
	if d.r.err != nil {
		return d.r.err
	}
	if err := d.bound(faces, points); err != nil {
		return err
	}
	d.points = points
	var err error
	if method == 0 {
		d.faces, err = d.compressed(3 * faces)
	} else {
		d.faces, err = d.indices(3 * faces)
	}
	if err != nil {
		return err
	}
	for _, p := range d.faces {
		if int(p) >= points {
			return fmt.Errorf("%w: a triangle has point %d of %d", ErrDamaged, p, points)
		}
	}
	return nil
}

// bound refuses a mesh that is too large, before it is made.
func (d *decoder) bound(faces, points int) error {
	if faces < 0 || faces > d.limits.Faces || points < 0 || points > 3*d.limits.Faces {
		return fmt.Errorf("%w: they claim %d triangles of %d points, %d triangles may be", ErrDamaged, faces, points, d.limits.Faces)
	}
	return d.take(12 * faces)
}

// compressed reads differences of indices.
func (d *decoder) compressed(n int) ([]uint32, error) {
	out, err := d.r.symbols(n, 1)
	if err != nil {
		return nil, err
	}
	last := uint32(0)
	for i, v := range out {
		if v&1 != 0 {
			last -= v >> 1
		} else {
			last += v >> 1
		}
		out[i] = last // one below 0 wraps to a point that is not there
	}
	return out, nil
}

// indices reads indices in the width that the number of points calls for.
func (d *decoder) indices(n int) ([]uint32, error) {
	if n > d.r.left() { // at least a byte each
		return nil, errShort
	}
	next := d.r.u32
	switch {
	case d.points < 1<<8:
		next = func() uint32 { return uint32(d.r.u8()) }
	case d.points < 1<<16:
		next = func() uint32 { return uint32(d.r.u16()) }
	case d.points < 1<<21 && !d.r.old:
		next = d.r.varint
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = next()
	}
	return out, d.r.err
}
