package meshopt

import (
	"encoding/binary"
	"fmt"
)

// varint reads a number of up to five bytes, seven bits each, lowest first; bits
// past the 32nd are dropped.
func varint(b []byte) (uint32, []byte, error) {
	v := uint32(0)
	for i := range 5 {
		if i >= len(b) {
			return 0, nil, errShort
		}
		v |= uint32(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, b[i+1:], nil
		}
	}
	return 0, nil, fmt.Errorf("%w: an index has more than five bytes", ErrDamaged)
}

func put(out []byte, stride int, v uint32) []byte {
	if stride == 2 {
		return binary.LittleEndian.AppendUint16(out, uint16(v))
	}
	return binary.LittleEndian.AppendUint32(out, v)
}

const indexTail = 4 // bytes

// indices decodes differences to either of two indices before.
func indices(data []byte, count, stride int) ([]byte, error) {
	if len(data) < 1+count+indexTail { // a byte for each index at least
		return nil, errShort
	}
	if data[0] != 0xd1 {
		return nil, fmt.Errorf("%w: they begin with %#x, which no indices do", ErrDamaged, data[0])
	}
	data = data[1 : len(data)-indexTail]
	out := make([]byte, 0, count*stride)
	var last [2]uint32
	for range count {
		var v uint32
		var err error
		if v, data, err = varint(data); err != nil {
			return nil, err
		}
		base := v & 1
		v >>= 1
		last[base] += v>>1 ^ -(v & 1)
		out = put(out, stride, last[base])
	}
	if len(data) != 0 {
		return nil, fmt.Errorf("%w: %d bytes are left over", ErrDamaged, len(data))
	}
	return out, nil
}

const (
	triangleTail = 16 // bytes: the table of frequent codes
	fifo         = 16 // entries
)

// strip is triangles on their way.
type strip struct {
	data       []byte // what codes do not say
	table      []byte
	next, last uint32
	edges      [fifo][2]uint32
	vertices   [fifo]uint32
	nEdges     int // ever pushed
	nVertices  int
	err        error
}

// triangles decodes triangles that share edges and vertices with those before.
func triangles(data []byte, count, stride int) ([]byte, error) {
	n := count / 3
	if len(data) < 1+n+triangleTail { // a byte for each triangle at least
		return nil, errShort
	}
	if data[0] != 0xe1 {
		return nil, fmt.Errorf("%w: they begin with %#x, which no triangles do", ErrDamaged, data[0])
	}
	end := len(data) - triangleTail
	s := &strip{data: data[1+n : end], table: data[end:]}
	out := make([]byte, 0, count*stride)
	for _, code := range data[1 : 1+n] {
		a, b, c := s.triangle(code)
		if s.err != nil {
			return nil, s.err
		}
		out = put(put(put(out, stride, a), stride, b), stride, c)
	}
	if len(s.data) != 0 {
		return nil, fmt.Errorf("%w: %d bytes are left over", ErrDamaged, len(s.data))
	}
	return out, nil
}

func (s *strip) triangle(code byte) (a, b, c uint32) {
	switch {
	case code < 0xf0:
		return s.onEdge(int(code>>4), code&15)
	case code < 0xfe:
		aux := s.table[code&15]
		return s.corner(false, aux)
	}
	if len(s.data) == 0 {
		s.err = errShort
		return 0, 0, 0
	}
	aux := s.data[0]
	s.data = s.data[1:]
	if aux == 0 {
		s.next = 0
	}
	return s.corner(code == 0xff, aux)
}

// onEdge is a triangle on an edge before.
func (s *strip) onEdge(edge int, code byte) (a, b, c uint32) {
	if edge >= min(s.nEdges, fifo) {
		s.fail()
		return 0, 0, 0
	}
	e := s.edges[(s.nEdges-1-edge)%fifo]
	a, b = e[0], e[1]
	switch {
	case code == 0:
		c = s.fresh()
	case code < 13:
		c = s.vertex(int(code))
	case code == 15:
		c = s.index()
	default:
		s.last += 2*uint32(code) - 27 // one less or one more
		c = s.last
	}
	if code == 0 || code >= 13 {
		s.pushVertex(c)
	}
	s.pushEdge(c, b)
	s.pushEdge(a, c)
	return a, b, c
}

// corner is a triangle of its own; aux says where b and c come from, and a is
// either new or read.
func (s *strip) corner(read bool, aux byte) (a, b, c uint32) {
	if read {
		a = s.index()
	} else {
		a = s.fresh()
	}
	source := func(from byte) (uint32, bool) {
		switch from {
		case 0:
			return s.fresh(), true
		case 15:
			return s.index(), true
		}
		return s.vertex(int(from) - 1), false
	}
	b, newB := source(aux >> 4)
	c, newC := source(aux & 15)
	s.pushVertex(a)
	if newB {
		s.pushVertex(b)
	}
	if newC {
		s.pushVertex(c)
	}
	s.pushEdge(b, a)
	s.pushEdge(c, b)
	s.pushEdge(a, c)
	return a, b, c
}

func (s *strip) fail() {
	if s.err == nil {
		s.err = fmt.Errorf("%w: a triangle continues one that is not there", ErrDamaged)
	}
}

func (s *strip) fresh() uint32 {
	s.next++
	return s.next - 1
}

// index reads a difference to the index read last.
func (s *strip) index() uint32 {
	v, rest, err := varint(s.data)
	if err != nil {
		s.err = err
		return 0
	}
	s.data = rest
	s.last += v>>1 ^ -(v & 1)
	return s.last
}

func (s *strip) vertex(back int) uint32 {
	if back >= min(s.nVertices, fifo) {
		s.fail()
		return 0
	}
	return s.vertices[(s.nVertices-1-back)%fifo]
}

func (s *strip) pushVertex(v uint32) {
	s.vertices[s.nVertices%fifo] = v
	s.nVertices++
}

func (s *strip) pushEdge(a, b uint32) {
	s.edges[s.nEdges%fifo] = [2]uint32{a, b}
	s.nEdges++
}
