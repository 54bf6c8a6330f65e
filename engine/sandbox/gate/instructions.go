package gate

import (
	"errors"
	"fmt"
	"math"
)

// block is a construct that an end closes.
type block struct {
	height  int // of the operand stack below its parameters
	params  int
	results int
}

// reading is the state of read in a body.
type reading struct {
	p      *program
	f      *function
	r      *reader
	blocks []block
	height int // of the operand stack
	most   int
	dead   bool // behind a branch, until the block ends
}

// read finds the calls and the weight of a function. It knows the length of
// every instruction of the profile and how many operands it leaves; as the
// module is valid it checks neither types nor indices beyond its own safety.
func (p *program) read(f *function) error {
	if f.kind >= uint32(len(p.types)) {
		return fmt.Errorf("there is no type %d", f.kind)
	}
	t := p.types[f.kind]
	r := &reader{b: f.body}
	weight := uint64(frameWeight)
	for _, c := range t.params {
		weight += 2 * sizeOf(c) // they are passed on by the guard
	}
	for groups := r.u32(); groups > 0 && r.err == nil; groups-- {
		n := uint64(r.u32())
		weight += n * sizeOf(r.byte())
	}
	x := &reading{p: p, f: f, r: r, blocks: []block{{results: len(t.results)}}}
	for len(x.blocks) > 0 {
		if err := x.instruction(); err != nil {
			return err
		}
		if r.err != nil {
			return r.err
		}
		x.most = max(x.most, x.height)
	}
	weight += uint64(x.most) * operandWeight
	f.weight = uint32(min(weight, math.MaxInt32))
	return nil
}

func sizeOf(valueType byte) uint64 {
	if valueType == v128 {
		return vectorWeight
	}
	return localWeight
}

// take changes the height of the operand stack.
func (x *reading) take(n int) {
	if !x.dead {
		x.height = max(0, x.height+n)
	}
}

func (x *reading) instruction() error {
	r := x.r
	op := r.byte()
	switch {
	case op <= 0x1c:
		return x.control(op)
	case op == 0x20, op == 0x23, op == 0xd2: // local.get, global.get, ref.func
		at := r.u32()
		x.take(1)
		if op == 0xd2 {
			x.p.taken[at] = true
		}
	case op == 0x21, op == 0x24: // local.set, global.set
		r.u32()
		x.take(-1)
	case op == 0x22, op == 0x25: // local.tee, table.get
		r.u32()
	case op == 0x26: // table.set
		r.u32()
		x.take(-2)
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.u32()
		r.u32()
		if op >= 0x36 {
			x.take(-2)
		}
	case op == 0x3f, op == 0x40: // memory.size, memory.grow
		r.byte()
		if op == 0x3f {
			x.take(1)
		}
	case op >= 0x41 && op <= 0x44:
		r.skipConstant(op)
		x.take(1)
	case op >= 0x45 && op <= 0xc4:
		if !unary(op) {
			x.take(-1)
		}
	case op == 0xd0: // ref.null
		r.byte()
		x.take(1)
	case op == 0xd1: // ref.is_null
	case op == 0xfc:
		return x.bulk()
	case op == 0xfd:
		return x.vector()
	default:
		return fmt.Errorf("instruction %#x", op)
	}
	return nil
}

// skipConstant passes the value of a numeric constant.
func (r *reader) skipConstant(op byte) {
	switch op {
	case 0x41: // i32.const
		r.skip(5)
	case 0x42: // i64.const
		r.skip(10)
	case 0x43: // f32.const
		r.bytes(4)
	case 0x44: // f64.const
		r.bytes(8)
	}
}

// unary reports whether a numeric instruction takes one operand.
func unary(op byte) bool {
	switch {
	case op == 0x45, op == 0x50, // eqz
		op >= 0x67 && op <= 0x69, op >= 0x79 && op <= 0x7b, // clz, ctz, popcnt
		op >= 0x8b && op <= 0x91, op >= 0x99 && op <= 0x9f, // abs to sqrt
		op >= 0xa7: // conversions
		return true
	}
	return false
}

func (x *reading) control(op byte) error {
	r := x.r
	switch op {
	case 0x00: // unreachable
		x.dead = true
	case 0x01: // nop
	case 0x02, 0x03, 0x04: // block, loop, if
		if op == 0x04 {
			x.take(-1)
		}
		params, results, err := x.blockType()
		if err != nil {
			return err
		}
		x.blocks = append(x.blocks, block{max(0, x.height-params), params, results})
	case 0x05: // else
		b := x.blocks[len(x.blocks)-1]
		x.height, x.dead = b.height+b.params, false
	case 0x0b: // end
		b := x.blocks[len(x.blocks)-1]
		x.blocks = x.blocks[:len(x.blocks)-1]
		x.height, x.dead = b.height+b.results, false
	case 0x0c: // br
		r.u32()
		x.dead = true
	case 0x0d: // br_if
		r.u32()
		x.take(-1)
	case 0x0e: // br_table
		for n := uint64(r.u32()) + 1; n > 0 && r.err == nil; n-- {
			r.u32()
		}
		x.dead = true
	case 0x0f: // return
		x.dead = true
	case 0x10: // call
		to := r.u32()
		x.f.calls = append(x.f.calls, to)
		t, err := x.p.kind(to)
		x.take(len(t.results) - len(t.params))
		return err
	case 0x11: // call_indirect
		kind := r.u32()
		r.u32()
		if kind >= uint32(len(x.p.types)) {
			return fmt.Errorf("there is no type %d", kind)
		}
		x.f.indirect = append(x.f.indirect, kind)
		t := x.p.types[kind]
		x.take(len(t.results) - len(t.params) - 1)
	case 0x1a: // drop
		x.take(-1)
	case 0x1b: // select
		x.take(-2)
	case 0x1c: // select with types
		r.bytes(int64(r.u32()))
		x.take(-2)
	default:
		return fmt.Errorf("instruction %#x", op)
	}
	return nil
}

// blockType reads how many operands a block takes and leaves.
func (x *reading) blockType() (params, results int, err error) {
	if len(x.r.b) == 0 {
		return 0, 0, errShort
	}
	switch c := x.r.b[0]; {
	case c == 0x40: // nothing
		x.r.byte()
		return 0, 0, nil
	case c&0xc0 == 0x40: // a value type, a negative number of one byte
		x.r.byte()
		return 0, 1, nil
	}
	at := x.r.u32()
	if at >= uint32(len(x.p.types)) {
		return 0, 0, fmt.Errorf("there is no type %d", at)
	}
	t := x.p.types[at]
	return len(t.params), len(t.results), nil
}

// bulk reads the instructions behind the prefix 0xfc.
func (x *reading) bulk() error {
	r := x.r
	switch op := r.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // trunc_sat
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		r.u32()
		r.u32()
		x.take(-3)
	case 9, 13: // data.drop, elem.drop
		r.u32()
	case 11, 17: // memory.fill, table.fill
		r.u32()
		x.take(-3)
	case 15: // table.grow
		r.u32()
		x.take(-1)
	case 16: // table.size
		r.u32()
		x.take(1)
	default:
		return fmt.Errorf("instruction 0xfc %d", op)
	}
	return nil
}

// vector reads the instructions behind the prefix 0xfd.
func (x *reading) vector() error {
	r := x.r
	op := r.u32()
	switch {
	case op <= 11, op == 92, op == 93: // loads and the store
		r.u32()
		r.u32()
		if op == 11 {
			x.take(-2)
		}
	case op == 12: // v128.const
		r.bytes(16)
		x.take(1)
	case op == 13: // i8x16.shuffle
		r.bytes(16)
		x.take(-1)
	case op >= 21 && op <= 34: // extract_lane, replace_lane
		r.byte()
		switch op {
		case 23, 26, 28, 30, 32, 34:
			x.take(-1)
		}
	case op >= 84 && op <= 91: // load_lane, store_lane
		r.u32()
		r.u32()
		r.byte()
		x.take(-1)
		if op >= 88 {
			x.take(-1)
		}
	case op == 82: // bitselect
		x.take(-2)
	case op > 255:
		return errors.New("an instruction of relaxed SIMD")
	case !unaryVector(op):
		x.take(-1)
	}
	return nil
}

// unaryVector reports whether an instruction on whole vectors takes one operand.
func unaryVector(op uint32) bool {
	switch {
	case op >= 15 && op <= 20, // splat
		op == 77, op == 83, op == 94, op == 95, // not, any_true, demote, promote
		op >= 96 && op <= 100, op >= 103 && op <= 106, op == 116, op == 117, op == 122,
		op >= 124 && op <= 129, op == 131, op == 132, op >= 135 && op <= 138, op == 148,
		op == 160, op == 161, op == 163, op == 164, op >= 167 && op <= 170,
		op == 192, op == 193, op == 195, op == 196, op >= 199 && op <= 202,
		op == 224, op == 225, op == 227, op == 236, op == 237, op == 239, op >= 248:
		return true
	}
	return false
}
