package gate

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Every engine has a stack of its own size and frames of its own shape, so that
// a guest which calls itself would go deeper on one computer than on another,
// and where the stack ends some engines end with it. The gate therefore has the
// guest count: each function that can come back to itself gets, in front of it,
// a few instructions that take the weight of its frame off a global, stop the
// guest when nothing is left, and put it back afterwards. Functions that cannot
// come back to themselves, which are nearly all, are left alone; the weight of
// their longest chain is known beforehand and bounded.
const (
	// StackBudget is what calls may weigh at any time. Recursion on wasmtime,
	// whose stack is the smallest with 2 MiB, takes less than it weighs.
	StackBudget = 1 << 20
	// maxChain is what the longest chain of calls without recursion may weigh.
	maxChain = 512 << 10
	// maxPassed is how many parameters the functions with such instructions may
	// have in all: each takes 2 or 3 bytes.
	maxPassed = 4 << 20
)

// The weights of a frame in bytes: what the instructions in front of the
// function and the call take, and what a local and a value on the operand stack
// take at most.
const (
	frameWeight   = 160
	localWeight   = 8
	vectorWeight  = 16
	operandWeight = 16
)

const v128 = 0x7b

// funcType is a function's type, as in the type section.
type funcType struct{ params, results []byte }

func (t funcType) key() string { return string(t.params) + ">" + string(t.results) }

// function is one function of the module that is not imported.
type function struct {
	kind     uint32 // index of its type
	body     []byte // locals and instructions
	weight   uint32
	selects  [][2]int // where in body it selects between two vectors
	calls    []uint32 // indices of functions
	indirect []uint32 // types called through tables
}

// program is what the call graph is made from.
type program struct {
	types    []funcType
	imported []uint32 // types of the imported functions
	funcs    []function
	taken    map[uint32]bool // functions that may be in a table
	globals  uint32          // index of the one that counts
	vectors  []bool          // whether each global is a vector
}

// Rewrite gives a valid module the instructions that Check gives a guest, and
// nothing else: it is no guest, need keep to no rules and exports what it did.
// Package spectest shows with it that they change no result.
func Rewrite(code []byte) ([]byte, error) {
	if len(code) < 8 {
		return nil, errShort
	}
	w := &walker{}
	for r := (&reader{b: code[8:]}); len(r.b) > 0; {
		id := r.byte()
		body := r.bytes(int64(r.u32()))
		if r.err != nil {
			return nil, r.err
		}
		if id == secGlobal {
			entries := &reader{b: body}
			w.globals = entries.u32()
			w.globalEntries = entries.b
		}
		w.sections = append(w.sections, section{id, body})
	}
	return w.rewritten(func(body []byte, _ uint32) []byte { return body })
}

// rewritten is the module with its recursion counted and its selects of vectors
// replaced. The module is valid. exports makes the new export section of the old
// one and the index of the global that counts.
func (w *walker) rewritten(exports func([]byte, uint32) []byte) ([]byte, error) {
	p, err := w.program()
	if err != nil {
		return nil, err
	}
	g := p.graph()
	recursive, chain := g.solve()
	if chain > maxChain {
		return nil, fmt.Errorf("its calls go %d KiB deep without recursion, %d KiB are allowed", chain>>10, maxChain>>10)
	}
	again, err := p.again(recursive)
	if err != nil {
		return nil, err
	}
	out := []byte("\x00asm\x01\x00\x00\x00")
	put := func(id byte, body []byte) {
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	global := func() {
		b := binary.AppendUvarint(nil, uint64(w.globals)+1)
		b = append(b, w.globalEntries...)
		b = append(b, i32, 1, 0x41) // mutable, i32.const
		b = appendSigned(b, StackBudget)
		put(secGlobal, append(b, 0x0b))
	}
	did := false
	for _, s := range w.sections {
		if !did && s.id != secCustom && order(s.id) > order(secGlobal) {
			did = true
			global()
		}
		switch s.id {
		case secGlobal:
			did = true
			global()
		case secFunc:
			b := binary.AppendUvarint(nil, uint64(len(p.funcs)+len(again)))
			for _, f := range p.funcs {
				b = binary.AppendUvarint(b, uint64(f.kind))
			}
			for _, n := range again {
				b = binary.AppendUvarint(b, uint64(p.funcs[n].kind))
			}
			put(s.id, b)
		case secCode:
			put(s.id, p.code(again))
		case secExport:
			put(s.id, exports(s.body, p.globals))
		default:
			put(s.id, s.body)
		}
	}
	return out, nil
}

// again are the functions to be guarded.
func (p *program) again(recursive []bool) ([]uint32, error) {
	var list []uint32
	passed := 0 // parameters, which the guards pass on
	for n, f := range p.funcs {
		if recursive[n] {
			list = append(list, uint32(n))
			passed += len(p.types[f.kind].params)
		}
	}
	if passed > maxPassed {
		return nil, fmt.Errorf("its recursive functions have %d parameters, %d are allowed", passed, maxPassed)
	}
	return list, nil
}

// order is where a section stands in a module: the count of data segments
// comes before the code.
func order(id byte) int {
	if id == secDataCount {
		return 2*secElement + 1
	}
	return 2 * int(id)
}

// code is the code section: guards at the indices of the functions in again,
// and those functions' own bodies behind all others.
func (p *program) code(again []uint32) []byte {
	b := binary.AppendUvarint(nil, uint64(len(p.funcs)+len(again)))
	place := map[uint32]uint32{}
	for n, f := range again {
		place[f] = uint32(len(p.imported) + len(p.funcs) + n)
	}
	for n, f := range p.funcs {
		body := f.plain()
		if to, ok := place[uint32(n)]; ok {
			body = p.guard(f, to)
		}
		b = binary.AppendUvarint(b, uint64(len(body)))
		b = append(b, body...)
	}
	for _, n := range again {
		body := p.funcs[n].plain()
		b = binary.AppendUvarint(b, uint64(len(body)))
		b = append(b, body...)
	}
	return b
}

// plainSelect does what select does with two vectors: wasmer's own copies only
// their lowest 32 bits when it chooses the first. The condition becomes a mask
// of all ones or zeros.
var plainSelect = []byte{
	0x45,             // i32.eqz
	0x41, 0x01, 0x6b, // i32.const 1, i32.sub
	0xfd, 0x11, 0xfd, 0x52, // i32x4.splat, v128.bitselect
}

// plain is the body with other instructions for those that an engine is known
// to get wrong.
func (f *function) plain() []byte {
	if len(f.selects) == 0 {
		return f.body
	}
	var b []byte
	from := 0
	for _, s := range f.selects {
		b = append(b, f.body[from:s[0]]...)
		b = append(b, plainSelect...)
		from = s[1]
	}
	return append(b, f.body[from:]...)
}

// guard is a body that calls the function at index to.
func (p *program) guard(f function, to uint32) []byte {
	global := func(b []byte, op byte) []byte { return binary.AppendUvarint(append(b, op), uint64(p.globals)) }
	change := func(b []byte, op byte) []byte {
		b = global(b, 0x23) // global.get
		b = appendSigned(append(b, 0x41), int64(f.weight))
		return global(append(b, op), 0x24) // global.set
	}
	b := []byte{0}                                                     // no locals
	b = change(b, 0x6b)                                                // i32.sub
	b = append(global(b, 0x23), 0x41, 0, 0x48, 0x04, 0x40, 0x00, 0x0b) // i32.const 0, i32.lt_s, if, unreachable, end
	for n := range p.types[f.kind].params {
		b = binary.AppendUvarint(append(b, 0x20), uint64(n)) // local.get
	}
	b = binary.AppendUvarint(append(b, 0x10), uint64(to)) // call
	b = change(b, 0x6a)                                   // i32.add
	return append(b, 0x0b)
}

// appendSigned appends a signed LEB128.
func appendSigned(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// program reads the sections that calls depend on.
func (w *walker) program() (*program, error) {
	p := &program{taken: map[uint32]bool{}, globals: w.globals}
	for _, s := range w.sections {
		r := &reader{b: s.body}
		var one func(*reader)
		switch s.id {
		case secType:
			one = func(r *reader) {
				r.byte()
				params := r.bytes(int64(r.u32()))
				p.types = append(p.types, funcType{params, r.bytes(int64(r.u32()))})
			}
		case secImport:
			one = func(r *reader) {
				r.bytes(int64(r.u32()))
				r.bytes(int64(r.u32()))
				p.oneImport(r)
			}
		case secFunc:
			one = func(r *reader) { p.funcs = append(p.funcs, function{kind: r.u32()}) }
		case secElement:
			one = p.element
		case secGlobal:
			one = func(r *reader) {
				p.vectors = append(p.vectors, r.byte() == v128)
				r.byte()
				p.constant(r)
			}
		default:
			continue
		}
		for n := r.u32(); n > 0 && r.err == nil; n-- {
			one(r)
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	for _, s := range w.sections {
		if s.id != secCode {
			continue
		}
		if err := p.bodies(&reader{b: s.body}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *program) bodies(r *reader) error {
	if n := r.u32(); int(n) != len(p.funcs) {
		return errors.New("functions and bodies differ in number")
	}
	for n := range p.funcs {
		p.funcs[n].body = r.bytes(int64(r.u32()))
		if r.err != nil {
			return r.err
		}
		if err := p.read(&p.funcs[n]); err != nil {
			return fmt.Errorf("function %d: %w", n, err)
		}
	}
	return nil
}

// oneImport reads what is imported; a guest imports functions only.
func (p *program) oneImport(r *reader) {
	switch r.byte() {
	case 0:
		p.imported = append(p.imported, r.u32())
	case 1:
		r.byte()
		r.limits()
	case 2:
		r.limits()
	case 3:
		p.vectors = append(p.vectors, r.byte() == v128)
		p.globals++
		r.byte()
	}
}

// element notes the functions of a segment, see walker.element.
func (p *program) element(r *reader) {
	flag := r.u32()
	if flag&1 == 0 {
		if flag&2 != 0 {
			r.u32()
		}
		r.constant()
	}
	if flag&3 != 0 {
		r.byte()
	}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		if flag&4 == 0 {
			p.taken[r.u32()] = true
			continue
		}
		p.constant(r)
	}
}

// constant passes an initializer and notes the function it names.
func (p *program) constant(r *reader) {
	if len(r.b) > 0 && r.b[0] == 0xd2 { // ref.func
		at := &reader{b: r.b[1:]}
		p.taken[at.u32()] = true
	}
	r.constant()
}

// kind is the type of the function with this index, imported or not.
func (p *program) kind(index uint32) (funcType, error) {
	var at uint32
	switch n := uint32(len(p.imported)); {
	case index < n:
		at = p.imported[index]
	case index-n < uint32(len(p.funcs)):
		at = p.funcs[index-n].kind
	default:
		return funcType{}, fmt.Errorf("there is no function %d", index)
	}
	if at >= uint32(len(p.types)) {
		return funcType{}, fmt.Errorf("there is no type %d", at)
	}
	return p.types[at], nil
}
