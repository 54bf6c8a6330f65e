package gate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Value types, see "Value Types" in the binary format of the specification.
const (
	i32 = 0x7f
	i64 = 0x7e
	f32 = 0x7d
	f64 = 0x7c
)

// Section ids of the binary format.
const (
	secCustom    = 0
	secType      = 1
	secImport    = 2
	secFunc      = 3
	secTable     = 4
	secMemory    = 5
	secGlobal    = 6
	secExport    = 7
	secStart     = 8
	secElement   = 9
	secCode      = 10
	secData      = 11
	secDataCount = 12
)

// The bounds that neither the format nor the engines set.
const (
	maxLocals    = 4096    // per function; the native engine dies of big frames
	maxTables    = 16      // clang makes 1
	maxElements  = 1 << 20 // of all tables together; a browser allows 10^7 in each
	maxValues    = 1000    // parameters, and results, of a function; as browsers and wasmtime have it
	maxGlobals   = 10_000
	maxExports   = 10_000
	maxImports   = 1_000
	maxFunctions = 200_000
	maxTypes     = 10_000
	maxSegments  = 100_000
	maxName      = 1 << 10 // bytes of an export's name
	maxPages     = 1 << 16 // of 64 KiB: all of wasm32
)

// walker goes over a module's sections and keeps what Check needs.
type walker struct {
	sections           []section
	given              uint64 // maximum of a memory that names none, in pages; 0 refuses it
	minPages, maxPages uint64
	memories           int
	tables             []uint64 // elements each has at first
	elements           uint64   // that all tables may have
	tableEntries       []byte   // the table section's entries, with a maximum in each
	globals            uint32   // so far; imported ones are refused
	globalEntries      []byte   // body of the global section after its count
	mutable            []byte   // types of the mutable globals
	indices            []uint32 // and where they are
	exports            []byte   // body of the export section after its count
	exportCount        uint32
}

type section struct {
	id   byte
	body []byte
}

func (w *walker) walk(code []byte) error {
	if len(code) < 8 || string(code[:4]) != "\x00asm" {
		return errors.New("it does not begin as WebAssembly does")
	}
	if v := binary.LittleEndian.Uint32(code[4:]); v != 1 {
		return fmt.Errorf("binary version %d, want 1", v)
	}
	r := &reader{b: code[8:]}
	seen := map[byte]bool{}
	for len(r.b) > 0 {
		id := r.byte()
		body := r.bytes(int64(r.u32()))
		if r.err != nil {
			return r.err
		}
		if id == secCustom {
			continue
		}
		if seen[id] {
			return fmt.Errorf("section %d comes twice", id)
		}
		seen[id] = true
		if err := w.section(id, &reader{b: body}); err != nil {
			return err
		}
		switch id {
		case secMemory:
			body = w.bounded()
		case secTable:
			body = append(binary.AppendUvarint(nil, uint64(len(w.tables))), w.tableEntries...)
		}
		w.sections = append(w.sections, section{id, body})
	}
	if w.memories != 1 {
		return fmt.Errorf("%d memories, want one of its own", w.memories)
	}
	if !seen[secExport] {
		return errors.New("it exports nothing")
	}
	return nil
}

func (w *walker) section(id byte, r *reader) error {
	var f func(*reader) error
	var most uint32
	switch id {
	case secType:
		f, most = w.funcType, maxTypes
	case secElement:
		f, most = w.element, maxSegments
	case secData:
		f, most = w.data, maxSegments
	case secImport:
		f, most = w.oneImport, maxImports
	case secTable:
		f, most = w.table, maxTables
	case secMemory:
		f, most = w.memory, 1
	case secGlobal:
		f, most = w.global, maxGlobals
	case secExport:
		f, most = w.export, maxExports
	case secCode:
		f, most = w.code, maxFunctions
	case secStart:
		return errors.New("it has a start function, which belongs into _initialize")
	case secDataCount:
		return nil
	}
	all := len(r.b)
	n := r.u32()
	// An entry has at least one byte. The validator makes room for as many as
	// are announced, so this check comes before it.
	if r.err == nil && int64(n) > int64(all) {
		return fmt.Errorf("section %d announces %d entries in %d bytes", id, n, all)
	}
	if f == nil {
		return r.err // the validator reads the rest
	}
	if r.err == nil && n > most {
		return fmt.Errorf("section %d has %d entries, %d are allowed", id, n, most)
	}
	switch id {
	case secExport:
		w.exportCount, w.exports = n, r.b
	case secGlobal:
		w.globalEntries = r.b
	}
	for ; n > 0 && r.err == nil; n-- {
		if err := f(r); err != nil {
			return err
		}
	}
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("section %d is longer than its content", id)
	}
	return r.err
}

// funcType looks only at the lengths, for which the validator makes room.
func (w *walker) funcType(r *reader) error {
	r.byte()
	params := r.bytes(int64(r.u32()))
	results := r.bytes(int64(r.u32()))
	if r.err == nil && max(len(params), len(results)) > maxValues {
		return fmt.Errorf("a function has more than %d parameters or results", maxValues)
	}
	return r.err
}

// element knows the eight forms of a segment: bit 0 not active, bit 1 a table
// of its own or declared only, bit 2 expressions instead of indices.
func (w *walker) element(r *reader) error {
	flag := r.u32()
	if flag > 7 {
		return fmt.Errorf("an element segment of kind %d", flag)
	}
	table, offset := uint32(0), uint64(0)
	if flag&1 == 0 {
		if flag&2 != 0 {
			table = r.u32()
		}
		offset = uint64(r.offset())
	}
	if flag&3 != 0 {
		r.byte()
	}
	n := r.u32()
	if r.err == nil && int64(n) > int64(len(r.b)) {
		return errShort
	}
	// Engines differ in what they do about one that does not fit.
	if r.err == nil && flag&1 == 0 && (table >= uint32(len(w.tables)) || offset+uint64(n) > w.tables[table]) {
		return errors.New("an element segment does not fit its table")
	}
	for ; n > 0 && r.err == nil; n-- {
		if flag&4 == 0 {
			r.u32()
		} else {
			r.constant()
		}
	}
	return r.err
}

func (w *walker) data(r *reader) error {
	switch flag := r.u32(); flag {
	case 0:
		r.constant()
	case 1: // passive
	case 2:
		r.u32()
		r.constant()
	default:
		r.fail(fmt.Errorf("a data segment of kind %d", flag))
	}
	r.bytes(int64(r.u32()))
	return r.err
}

func (w *walker) oneImport(r *reader) error {
	r.bytes(int64(r.u32()))
	r.bytes(int64(r.u32()))
	if kind := r.byte(); r.err == nil && kind != 0 {
		return errors.New("it imports something other than a function")
	}
	r.u32()
	return r.err
}

func (w *walker) table(r *reader) error {
	kind := r.byte()
	lo, hi, bounded := r.limits()
	if r.err != nil {
		return r.err
	}
	if !bounded {
		hi = max(lo, maxElements/maxTables) // what it may grow to
	}
	if w.elements += max(lo, hi); w.elements > maxElements {
		return fmt.Errorf("tables of %d elements, %d are allowed", w.elements, maxElements)
	}
	w.tables = append(w.tables, lo)
	w.tableEntries = append(w.tableEntries, kind, 1)
	w.tableEntries = binary.AppendUvarint(w.tableEntries, lo)
	w.tableEntries = binary.AppendUvarint(w.tableEntries, hi)
	return r.err
}

func (w *walker) memory(r *reader) error {
	lo, hi, bounded := r.limits()
	if r.err != nil {
		return r.err
	}
	if !bounded && w.given == 0 {
		return errors.New("its memory has no maximum (link with --max-memory)")
	}
	if !bounded {
		hi = max(lo, w.given) // more than is given is refused like any other maximum
	}
	if lo > hi || hi > maxPages {
		return fmt.Errorf("its memory has %d to %d pages", lo, hi)
	}
	w.memories++
	w.minPages, w.maxPages = lo, hi
	return nil
}

func (w *walker) global(r *reader) error {
	t, mutable := r.byte(), r.byte()
	r.constant()
	if r.err != nil {
		return r.err
	}
	if mutable == 1 {
		if t != i32 && t != i64 && t != f32 && t != f64 {
			return errors.New("a mutable global is not a number of at most 64 bits")
		}
		w.mutable = append(w.mutable, t)
		w.indices = append(w.indices, w.globals)
	}
	w.globals++
	return nil
}

func (w *walker) export(r *reader) error {
	n := r.u32()
	if r.err == nil && n > maxName {
		return fmt.Errorf("an export name of %d bytes", n)
	}
	name := r.bytes(int64(n))
	r.byte()
	r.u32()
	if r.err == nil && reserved(string(name)) {
		return fmt.Errorf("it exports %q, a name kept for the host", name)
	}
	return r.err
}

func (w *walker) code(r *reader) error {
	body := &reader{b: r.bytes(int64(r.u32()))}
	if r.err != nil {
		return r.err
	}
	var locals uint64
	for groups := body.u32(); groups > 0 && body.err == nil; groups-- {
		locals += uint64(body.u32())
		body.byte()
		if locals > maxLocals {
			return fmt.Errorf("a function has more than %d locals", maxLocals)
		}
	}
	return body.err
}

// bounded is the memory section with its maximum.
func (w *walker) bounded() []byte {
	b := binary.AppendUvarint([]byte{1, 1}, w.minPages)
	return binary.AppendUvarint(b, w.maxPages)
}

// stripped is the module without custom sections.
func (w *walker) stripped() []byte {
	out := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range w.sections {
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out
}

// moreExports is the export section with the mutable globals in it, the last
// of which is the one at index stack.
func (w *walker) moreExports(_ []byte, stack uint32) []byte {
	b := binary.AppendUvarint(nil, uint64(w.exportCount)+uint64(len(w.indices))+1)
	b = append(b, w.exports...)
	for n, at := range append(slices.Clip(w.indices), stack) {
		name := GlobalName(n)
		b = binary.AppendUvarint(b, uint64(len(name)))
		b = append(b, name...)
		b = append(b, 3) // a global
		b = binary.AppendUvarint(b, uint64(at))
	}
	return b
}
