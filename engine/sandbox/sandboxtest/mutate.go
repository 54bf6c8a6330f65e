package sandboxtest

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Mutator makes odd modules of good ones, most of them broken: by bytes, by
// sections and by instructions. Those of the last kind are often valid still,
// and then compute something else.
type Mutator struct {
	Choose func(n int) int // a number below n, which is at least 1
	Donors [][]byte        // modules whose sections and functions may be taken
}

const header = "\x00asm\x01\x00\x00\x00"

// Sections whose content a Mutator knows.
const (
	memorySection = 5
	codeSection   = 10
)

// Mutate gives a changed copy of module. A module it cannot read is changed by
// bytes only.
func (m Mutator) Mutate(module []byte) []byte {
	out := bytes.Clone(module)
	for range 1 + m.Choose(4) {
		all, ok := split(out)
		switch way := m.Choose(10); {
		case way < 2 || !ok:
			out = m.bytes(out)
		case way < 4:
			out = join(m.sections(all))
		default:
			out = join(m.code(all))
		}
	}
	return out
}

// Twist gives a copy of module in which instructions stand for others of their
// type or have other immediates, so that most copies are valid.
func (m Mutator) Twist(module []byte) []byte {
	all, ok := split(bytes.Clone(module))
	for range 1 + m.Choose(6) {
		for n, p := range all {
			if bodies, readable := functions(p.body); ok && readable && p.id == codeSection && len(bodies) > 0 {
				at := m.Choose(len(bodies))
				bodies[at] = m.twist(bodies[at])
				all[n].body = codeOf(bodies)
			}
		}
	}
	return join(all)
}

// twist changes one in four of the instructions that have others of their type.
func (m Mutator) twist(body []byte) []byte {
	where := instructions(body)
	if len(where) == 0 {
		return body
	}
	out := bytes.Clone(body[:where[0]])
	for n := range len(where) - 1 {
		b := body[where[n]:where[n+1]]
		_, same := classOf(b)
		if b[0] > 0x24 && (same || b[0] == 0x41) && m.Choose(4) == 0 {
			b = m.instruction(b)
		}
		out = append(out, b...)
	}
	return append(out, body[where[len(where)-1]:]...)
}

func codeOf(bodies [][]byte) []byte {
	b := binary.AppendUvarint(nil, uint64(len(bodies)))
	for _, f := range bodies {
		b = withSize(b, f)
	}
	return b
}

// Noise is n random bytes behind a valid header.
func (m Mutator) Noise(n int) []byte {
	b := []byte(header)
	for range n {
		b = append(b, byte(m.Choose(256)))
	}
	return b
}

// part is one section.
type part struct {
	id   byte
	body []byte
}

func split(b []byte) ([]part, bool) {
	if !bytes.HasPrefix(b, []byte(header)) {
		return nil, false
	}
	var all []part
	for b = b[len(header):]; len(b) > 0; {
		id := b[0]
		body, rest, ok := sized(b[1:])
		if !ok {
			return nil, false
		}
		all = append(all, part{id, body})
		b = rest
	}
	return all, true
}

// sized cuts off a length and as many bytes.
func sized(b []byte) (body, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w:][:n], b[w:][n:], true
}

func withSize(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

func join(all []part) []byte {
	b := []byte(header)
	for _, p := range all {
		b = withSize(append(b, p.id), p.body)
	}
	return b
}

var interesting = []byte{0, 1, 2, 0x40, 0x7f, 0x7b, 0x70, 0x80, 0xff, 0x0b, 0xfc, 0xfd}

// bytes changes a few bytes anywhere.
func (m Mutator) bytes(b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + m.Choose(3) {
		if len(b) == 0 {
			return b
		}
		at := m.Choose(len(b))
		switch m.Choose(6) {
		case 0:
			b[at] ^= 1 << m.Choose(8)
		case 1:
			b[at] = byte(m.Choose(256))
		case 2:
			b[at] = interesting[m.Choose(len(interesting))]
		case 3:
			b = slices.Insert(b, at, interesting[m.Choose(len(interesting))])
		case 4:
			b = slices.Delete(b, at, min(len(b), at+1+m.Choose(8)))
		case 5:
			copy(b[at:], b[m.Choose(len(b)):])
		}
	}
	return b
}

// sections moves, drops, doubles and exchanges whole sections, or changes bytes
// in one so that its length stays right.
func (m Mutator) sections(all []part) []part {
	if len(all) == 0 {
		return []part{{byte(m.Choose(14)), nil}}
	}
	at, other := m.Choose(len(all)), m.Choose(len(all))
	switch m.Choose(7) {
	case 0:
		return slices.Delete(all, at, at+1)
	case 1:
		return slices.Insert(all, other, all[at])
	case 2:
		all[at], all[other] = all[other], all[at]
	case 3:
		if len(m.Donors) == 0 {
			break
		}
		from, _ := split(m.Donors[m.Choose(len(m.Donors))])
		for _, p := range from {
			if p.id == all[at].id {
				all[at] = p
			}
		}
	case 4: // another number of entries than there are
		n, w := binary.Uvarint(all[at].body)
		if w > 0 {
			n += uint64(m.Choose(5)) - 2
			all[at].body = append(binary.AppendUvarint(nil, n&(1<<32-1)), all[at].body[w:]...)
		}
	case 5:
		for n, p := range all {
			if p.id == memorySection {
				b := binary.AppendUvarint([]byte{1, 1}, uint64(m.Choose(40)))
				all[n].body = binary.AppendUvarint(b, uint64(m.Choose(1200)))
			}
		}
	case 6:
		all[at].body = m.bytes(all[at].body)
	}
	return all
}

// code changes instructions of one function.
func (m Mutator) code(all []part) []part {
	for n, p := range all {
		if p.id != codeSection {
			continue
		}
		bodies, ok := functions(p.body)
		if !ok || len(bodies) == 0 {
			break
		}
		at := m.Choose(len(bodies))
		for range 1 + m.Choose(4) {
			bodies[at] = m.function(bodies[at])
		}
		all[n].body = codeOf(bodies)
	}
	return all
}

// functions are the bodies of a code section.
func functions(b []byte) ([][]byte, bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)) {
		return nil, false
	}
	b = b[w:]
	var bodies [][]byte
	for range n {
		body, rest, ok := sized(b)
		if !ok {
			return nil, false
		}
		bodies, b = append(bodies, body), rest
	}
	return bodies, true
}

func (m Mutator) function(body []byte) []byte {
	if len(m.Donors) > 0 && m.Choose(20) == 0 {
		from, _ := split(m.Donors[m.Choose(len(m.Donors))])
		for _, p := range from {
			if bodies, ok := functions(p.body); ok && p.id == codeSection && len(bodies) > 0 {
				return bytes.Clone(bodies[m.Choose(len(bodies))])
			}
		}
	}
	where := instructions(body)
	if len(where) < 3 {
		return m.bytes(body)
	}
	n := m.Choose(len(where) - 1)
	at, end := where[n], where[n+1]
	to := m.instruction(body[at:end])
	switch m.Choose(12) {
	case 0:
		to = nil
	case 1:
		to = slices.Concat(body[at:end], body[at:end])
	case 2:
		extra := [][]byte{{0x00}, {0x01}, {0x1a}, {0x0f}, {0x41, 0}, {0x41, 1, 0x40, 0, 0x1a}, {0x3f, 0, 0x1a}}
		to = slices.Concat(body[at:end], extra[m.Choose(len(extra))])
	case 3:
		k := m.Choose(len(where) - 1)
		to = body[where[k]:where[k+1]]
	}
	return slices.Concat(body[:at], to, body[end:])
}

// instruction is one in the place of another: of the same type if there is
// such a one, else with another immediate.
func (m Mutator) instruction(b []byte) []byte {
	b = bytes.Clone(b)
	op, w := opcode(b)
	if c, ok := classOf(b); ok && m.Choose(8) > 0 {
		to := c.pick(m.Choose(c.count()))
		if to >= 0x28 && to <= 0x3e || to >= 0xfd00 && to <= 0xfd0a || to == 0xfd5c || to == 0xfd5d {
			b[w] = 0 // the alignment may be more than that of the new one
		}
		if to < 0x100 {
			return append([]byte{byte(to)}, b[w:]...)
		}
		return append(binary.AppendUvarint([]byte{0xfd}, to&0xff), b[w:]...)
	}
	switch {
	case op == 0x41 || op == 0x42: // a constant of another size
		odd := []int64{0, 1, -1, 31, 64, 255, -128, 1<<31 - 1, -1 << 31, 65536}
		return appendSigned(b[:1], odd[m.Choose(len(odd))])
	case op >= 0x20 && op <= 0x24 || op == 0x0c || op == 0x0d || op == 0x10:
		return binary.AppendUvarint(b[:1], uint64(m.Choose(12)))
	case w < len(b): // bits of a float, a lane, an offset
		b[w+m.Choose(len(b)-w)] ^= 1 << m.Choose(7)
	}
	return b
}

// opcode is that of the instruction b and its width, see class.
func opcode(b []byte) (uint64, int) {
	if b[0] == 0xfd {
		sub, n := binary.Uvarint(b[1:])
		return 0xfd00 | sub, 1 + n
	}
	return uint64(b[0]), 1
}

// classOf are the instructions like b.
func classOf(b []byte) (class, bool) {
	op, _ := opcode(b)
	for _, c := range alike {
		if c.has(op) {
			return c, true
		}
	}
	return nil, false
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func appendSigned(b []byte, v int64) []byte {
	for v < -64 || v > 63 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v)&0x7f)
}
