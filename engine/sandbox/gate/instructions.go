package gate

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// block is a construct that an end closes.
type block struct {
	height  int // of the operand stack below its parameters
	params  []byte
	results []byte
	dead    bool // it stands behind a branch itself
}

// reading is the state of read in a body.
type reading struct {
	p      *program
	f      *function
	r      *reader
	locals []bool // whether each is a vector, parameters first
	blocks []block
	stack  []bool // operands, whether each is a vector
	most   int    // operands at a time
	dead   bool   // behind a branch, until the block ends
}

// read finds the calls and the weight of a function, and its selects between
// vectors. It knows the length of every instruction of the profile and which
// operands it leaves; as the module is valid it checks neither types nor
// indices beyond its own safety.
func (p *program) read(f *function) error {
	if f.kind >= uint32(len(p.types)) {
		return fmt.Errorf("there is no type %d", f.kind)
	}
	t := p.types[f.kind]
	r := &reader{b: f.body}
	weight := uint64(frameWeight)
	x := &reading{p: p, f: f, r: r, blocks: []block{{results: t.results}}}
	for _, c := range t.params {
		weight += 2 * sizeOf(c) // they are passed on by the guard
		x.locals = append(x.locals, c == v128)
	}
	for groups := r.u32(); groups > 0 && r.err == nil; groups-- {
		n, c := r.u32(), r.byte()
		weight += uint64(n) * sizeOf(c)
		if n > maxLocals {
			return errors.New("too many locals")
		}
		x.locals = append(x.locals, slices.Repeat([]bool{c == v128}, int(n))...)
	}
	for len(x.blocks) > 0 {
		if err := x.instruction(); err != nil {
			return err
		}
		if r.err != nil {
			return r.err
		}
		x.most = max(x.most, len(x.stack))
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

// pop takes n operands off the stack.
func (x *reading) pop(n int) {
	if !x.dead {
		x.stack = x.stack[:max(0, len(x.stack)-n)]
	}
}

// push puts one on it.
func (x *reading) push(vector bool) {
	if !x.dead {
		x.stack = append(x.stack, vector)
	}
}

// pushAll pushes values of the given types.
func (x *reading) pushAll(types []byte) {
	for _, c := range types {
		x.push(c == v128)
	}
}

// to makes the stack as high as it was, with values of the given types on it.
func (x *reading) to(b block, types []byte) {
	if x.dead = b.dead; x.dead {
		return // nothing was pushed or popped since the branch
	}
	x.stack = x.stack[:min(b.height, len(x.stack))]
	x.pushAll(types)
}

// top reports whether the operand on top is a vector.
func (x *reading) top() bool { return len(x.stack) > 0 && x.stack[len(x.stack)-1] }

// at is the element of a list that an index names, false if there is none.
func at(list []bool, n uint32) bool { return n < uint32(len(list)) && list[n] }

func (x *reading) instruction() error {
	r := x.r
	op := r.byte()
	switch {
	case op <= 0x11:
		return x.control(op)
	case op >= 0x1a && op <= 0x26:
		return x.variable(op)
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.u32()
		r.u32()
		if op >= 0x36 {
			x.pop(2)
		}
	case op == 0x3f: // memory.size
		r.byte()
		x.push(false)
	case op == 0x40: // memory.grow
		r.byte()
	case op >= 0x41 && op <= 0x44:
		r.skipConstant(op)
		x.push(false)
	case op >= 0x45 && op <= 0xc4:
		if !unary(op) {
			x.pop(1)
		}
	case op == 0xd0: // ref.null
		r.byte()
		x.push(false)
	case op == 0xd1: // ref.is_null
	case op == 0xd2: // ref.func
		x.p.taken[r.u32()] = true
		x.push(false)
	case op == 0xfc:
		return x.bulk()
	case op == 0xfd:
		return x.vector()
	default:
		return fmt.Errorf("instruction %#x", op)
	}
	return nil
}

// variable reads what moves operands, variables and elements of tables.
func (x *reading) variable(op byte) error {
	r := x.r
	switch op {
	case 0x1a: // drop
		x.pop(1)
	case 0x1b: // select
		x.pop(2)
		if x.top() && !x.dead {
			x.selects(1)
		}
	case 0x1c: // select with types
		before := len(r.b)
		if types := r.bytes(int64(r.u32())); len(types) == 1 && types[0] == v128 {
			x.selects(1 + before - len(r.b))
		}
		x.pop(2)
	case 0x20: // local.get
		x.push(at(x.locals, r.u32()))
	case 0x23: // global.get
		x.push(at(x.p.vectors, r.u32()))
	case 0x21, 0x24: // local.set, global.set
		r.u32()
		x.pop(1)
	case 0x22, 0x25: // local.tee, table.get
		r.u32()
	case 0x26: // table.set
		r.u32()
		x.pop(2)
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
	case 0x01: // nop
	case 0x02, 0x03, 0x04: // block, loop, if
		if op == 0x04 {
			x.pop(1)
		}
		params, results, err := x.blockType()
		if err != nil {
			return err
		}
		x.blocks = append(x.blocks, block{max(0, len(x.stack)-len(params)), params, results, x.dead})
	case 0x05: // else
		b := x.blocks[len(x.blocks)-1]
		x.to(b, b.params)
	case 0x0b: // end
		b := x.blocks[len(x.blocks)-1]
		x.blocks = x.blocks[:len(x.blocks)-1]
		x.to(b, b.results)
	case 0x0c: // br
		r.u32()
		x.dead = true
	case 0x0d: // br_if
		r.u32()
		x.pop(1)
	case 0x0e: // br_table
		for n := uint64(r.u32()) + 1; n > 0 && r.err == nil; n-- {
			r.u32()
		}
		x.dead = true
	case 0x00, 0x0f: // unreachable, return
		x.dead = true
	case 0x10, 0x11:
		return x.call(op)
	default:
		return fmt.Errorf("instruction %#x", op)
	}
	return nil
}

// call reads a call, or one through a table.
func (x *reading) call(op byte) error {
	to := x.r.u32()
	if op == 0x10 {
		x.f.calls = append(x.f.calls, to)
		t, err := x.p.kind(to)
		x.pop(len(t.params))
		x.pushAll(t.results)
		return err
	}
	x.r.u32()
	if to >= uint32(len(x.p.types)) {
		return fmt.Errorf("there is no type %d", to)
	}
	x.f.indirect = append(x.f.indirect, to)
	t := x.p.types[to]
	x.pop(len(t.params) + 1)
	x.pushAll(t.results)
	return nil
}

// selects notes that the n bytes just read select between two vectors.
func (x *reading) selects(n int) {
	end := len(x.f.body) - len(x.r.b)
	x.f.selects = append(x.f.selects, [2]int{end - n, end})
}

// blockType reads the types of what a block takes and leaves.
func (x *reading) blockType() (params, results []byte, err error) {
	if len(x.r.b) == 0 {
		return nil, nil, errShort
	}
	switch c := x.r.b[0]; {
	case c == 0x40: // nothing
		x.r.byte()
		return nil, nil, nil
	case c&0xc0 == 0x40: // a value type, a negative number of one byte
		return nil, x.r.bytes(1), nil
	}
	n := x.r.u32()
	if n >= uint32(len(x.p.types)) {
		return nil, nil, fmt.Errorf("there is no type %d", n)
	}
	t := x.p.types[n]
	return t.params, t.results, nil
}

// bulk reads the instructions behind the prefix 0xfc.
func (x *reading) bulk() error {
	r := x.r
	switch op := r.u32(); op {
	case 0, 1, 2, 3, 4, 5, 6, 7: // trunc_sat
	case 8, 10, 12, 14: // memory.init, memory.copy, table.init, table.copy
		r.u32()
		r.u32()
		x.pop(3)
	case 9, 13: // data.drop, elem.drop
		r.u32()
	case 11, 17: // memory.fill, table.fill
		r.u32()
		x.pop(3)
	case 15: // table.grow
		r.u32()
		x.pop(1)
	case 16: // table.size
		r.u32()
		x.push(false)
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
	case op <= 10, op == 92, op == 93: // loads
		r.u32()
		r.u32()
		x.pop(1)
		x.push(true)
	case op == 11: // the store
		r.u32()
		r.u32()
		x.pop(2)
	case op == 12: // v128.const
		r.bytes(16)
		x.push(true)
	case op == 13: // i8x16.shuffle
		r.bytes(16)
		x.pop(1)
	case op >= 15 && op <= 20: // splat
		x.pop(1)
		x.push(true)
	case op >= 21 && op <= 34:
		r.byte()
		x.pop(1) // replace_lane leaves the vector below
		switch op {
		case 21, 22, 24, 25, 27, 29, 31, 33: // extract_lane
			x.push(false)
		}
	case op >= 84 && op <= 91: // load_lane, store_lane
		r.u32()
		r.u32()
		r.byte()
		x.pop(2)
		if op < 88 {
			x.push(true)
		}
	case op == 82: // bitselect
		x.pop(2)
	case op > 255:
		return errors.New("an instruction of relaxed SIMD")
	case op == 83, op == 99, op == 100, op == 131, op == 132, op == 163, op == 164, op == 195, op == 196: // any_true, all_true, bitmask
		x.pop(1)
		x.push(false)
	case !unaryVector(op):
		x.pop(1)
	}
	return nil
}

// unaryVector reports whether an instruction makes a vector of one vector.
func unaryVector(op uint32) bool {
	switch {
	case op == 77, op == 94, op == 95, // not, demote, promote
		op >= 96 && op <= 98, op >= 103 && op <= 106, op == 116, op == 117, op == 122,
		op >= 124 && op <= 129, op >= 135 && op <= 138, op == 148,
		op == 160, op == 161, op >= 167 && op <= 170,
		op == 192, op == 193, op >= 199 && op <= 202,
		op == 224, op == 225, op == 227, op == 236, op == 237, op == 239, op >= 248:
		return true
	}
	return false
}
