package spectest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

var magic = []byte("\x00asm\x01\x00\x00\x00")

// order is how sections follow each other: the count of data stands before
// the code.
var order = []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11}

// The sections that are read or written here.
const (
	typeSection     = 1
	importSection   = 2
	functionSection = 3
	tableSection    = 4
	memorySection   = 5
	globalSection   = 6
	exportSection   = 7
	codeSection     = 10
)

// The kinds of imports and exports.
const (
	funcKind   = 0
	tableKind  = 1
	memoryKind = 2
	globalKind = 3
)

type section struct {
	id   byte
	body []byte
}

func split(code []byte) ([]section, error) {
	if !bytes.HasPrefix(code, magic) {
		return nil, errors.New("it does not begin like a module")
	}
	r := &reader{b: code[len(magic):]}
	var all []section
	for len(r.b) > 0 {
		id := r.byte()
		all = append(all, section{id, r.bytes(int(r.u32()))})
	}
	return all, r.err
}

func join(all []section) []byte {
	out := slices.Clone(magic)
	for _, s := range all {
		out = append(out, s.id)
		out = append(out, sized(s.body)...)
	}
	return out
}

// body is the content of the first section of that id, or of an empty vector.
func body(all []section, id byte) []byte {
	for _, s := range all {
		if s.id == id {
			return s.body
		}
	}
	return []byte{0}
}

// replace gives a section another body, or puts the section where it belongs.
func replace(all []section, id byte, with []byte) []section {
	rank := slices.Index(order, id)
	for n, s := range all {
		if s.id == id {
			all[n].body = with
			return all
		}
		if slices.Index(order, s.id) > rank {
			return slices.Insert(all, n, section{id, with})
		}
	}
	return append(all, section{id, with})
}

// more appends entries to a section that is a vector.
func more(all []section, id byte, entries [][]byte) []section {
	r := &reader{b: body(all, id)}
	n := r.u32()
	out := append(uleb(n+uint32(len(entries))), r.b...)
	return replace(all, id, append(out, slices.Concat(entries...)...))
}

func uleb(n uint32) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func sized(b []byte) []byte { return append(uleb(uint32(len(b))), b...) }

func vector(entries ...[]byte) []byte {
	return append(uleb(uint32(len(entries))), slices.Concat(entries...)...)
}

func bytesOf(ts []Type) []byte {
	b := uleb(uint32(len(ts)))
	for _, t := range ts {
		b = append(b, byte(t))
	}
	return b
}

// reader takes bytes off a slice; after the first error all reads give zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.err, r.b = errors.New("it ends too early"), nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u32() uint32 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.err, r.b = errors.New("it has no number where one belongs"), nil
		return 0
	}
	r.b = r.b[n:]
	return uint32(v)
}

func (r *reader) name() string { return string(r.bytes(int(r.u32()))) }

func (r *reader) types() []Type {
	ts := make([]Type, 0, 4)
	for _, b := range r.bytes(int(r.u32())) {
		ts = append(ts, Type(b))
	}
	return ts
}

func (r *reader) limits() {
	bounded := r.byte()&1 != 0
	r.u32()
	if bounded {
		r.u32()
	}
}

// constant passes an initializer.
func (r *reader) constant() {
	for r.err == nil {
		switch op := r.byte(); op {
		case 0x0b:
			return
		case 0x43:
			r.bytes(4)
		case 0x44:
			r.bytes(8)
		case 0xfd: // v128.const
			r.u32()
			r.bytes(16)
		case 0xd0:
			r.byte()
		default: // i32.const, i64.const, global.get, ref.func
			for r.byte()&0x80 != 0 {
			}
		}
	}
}
