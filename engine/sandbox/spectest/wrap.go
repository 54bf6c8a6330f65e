package spectest

import "slices"

// Exports that are added to a module are called after what they wrap.
const (
	callPrefix = "call:"
	getPrefix  = "get:"
)

// signature is a function's type.
type signature struct{ params, results []Type }

// shape is what of a module wrapping needs to know.
type shape struct {
	types   []signature
	funcs   []uint32 // index of the type
	globals []Type
	exports []export
}

type export struct {
	name  string
	kind  byte
	index uint32
}

// wrapper decides what cannot be passed as it is.
type wrapper struct {
	refs bool // references cannot
	keep bool // what is wrapped stays exported, for other modules to import
}

// wrapped are the exports to go around by wrappers, by the name of those.
type wrapped map[string]signature

func (w wrapper) odd(t Type) bool {
	return t == V128 || w.refs && (t == Funcref || t == Externref)
}

// wrap adds, for each exported function and global of a type that cannot be
// passed, a function that passes it in parts: a v128 as two i64 and, where
// there are no references, null for each argument and for each result an i32
// that says whether it is null. Code that cannot be read, and code that needs
// nothing, comes back as it was.
func (w wrapper) wrap(code []byte) ([]byte, wrapped) {
	all, err := split(code)
	if err != nil {
		return code, nil
	}
	sh, err := read(all)
	if err != nil {
		return code, nil
	}
	var types, funcs, exports, bodies [][]byte
	around := wrapped{}
	for _, e := range sh.exports {
		name, sig, inner := w.inner(sh, e)
		if inner == nil {
			exports = append(exports, e.bytes())
			continue
		}
		if w.keep || !slices.Contains(sig.all(), V128) {
			exports = append(exports, e.bytes())
		}
		flat := signature{w.flat(sig.params, true), w.flat(sig.results, false)}
		index := uint32(len(sh.funcs) + len(funcs))
		exports = append(exports, export{name, funcKind, index}.bytes())
		funcs = append(funcs, uleb(uint32(len(sh.types)+len(types))))
		types = append(types, flat.bytes())
		bodies = append(bodies, sized(w.body(sig, len(flat.params), inner)))
		around[name] = sig
	}
	if len(around) == 0 {
		return code, nil
	}
	all = more(all, typeSection, types)
	all = more(all, functionSection, funcs)
	all = replace(all, exportSection, vector(exports...))
	all = more(all, codeSection, bodies)
	return join(all), around
}

// inner is the name of the wrapper of an export, its type as if it could be
// passed, and the instruction that does the work; no instruction if the
// export is good as it is.
func (w wrapper) inner(sh shape, e export) (string, signature, []byte) {
	switch e.kind {
	case funcKind:
		sig := sh.types[sh.funcs[e.index]]
		if slices.ContainsFunc(sig.all(), w.odd) {
			return callPrefix + e.name, sig, append([]byte{0x10}, uleb(e.index)...)
		}
	case globalKind:
		if t := sh.globals[e.index]; w.odd(t) {
			return getPrefix + e.name, signature{results: []Type{t}}, append([]byte{0x23}, uleb(e.index)...)
		}
	}
	return "", signature{}, nil
}

// flat are the types that pass ts.
func (w wrapper) flat(ts []Type, params bool) []Type {
	var to []Type
	for _, t := range ts {
		switch {
		case !w.odd(t):
			to = append(to, t)
		case t == V128:
			to = append(to, I64, I64)
		case !params:
			to = append(to, I32)
		}
	}
	return to
}

// body puts the parts together, does the work and takes the results apart.
func (w wrapper) body(sig signature, params int, inner []byte) []byte {
	var locals [][]byte
	for _, t := range sig.results {
		locals = append(locals, []byte{1, byte(t)})
	}
	b := vector(locals...)
	at := 0
	get := func(n int) []byte { return append([]byte{0x20}, uleb(uint32(n))...) }
	for _, t := range sig.params {
		switch {
		case !w.odd(t):
			b = append(b, get(at)...)
			at++
		case t == V128:
			b = append(append(b, get(at)...), 0xfd, 0x12)      // i64x2.splat
			b = append(append(b, get(at+1)...), 0xfd, 0x1e, 1) // i64x2.replace_lane 1
			at += 2
		default:
			b = append(b, 0xd0, byte(t)) // ref.null
		}
	}
	b = append(b, inner...)
	for n := range slices.Backward(sig.results) {
		b = append(append(b, 0x21), uleb(uint32(params+n))...) // local.set
	}
	for n, t := range sig.results {
		b = append(b, get(params+n)...)
		switch {
		case !w.odd(t):
		case t == V128:
			b = append(b, 0xfd, 0x1d, 0) // i64x2.extract_lane 0
			b = append(append(b, get(params+n)...), 0xfd, 0x1d, 1)
		default:
			b = append(b, 0xd1) // ref.is_null
		}
	}
	return append(b, 0x0b)
}

func (s signature) all() []Type { return slices.Concat(s.params, s.results) }

func (s signature) bytes() []byte {
	return slices.Concat([]byte{0x60}, bytesOf(s.params), bytesOf(s.results))
}

func (e export) bytes() []byte {
	return slices.Concat(sized([]byte(e.name)), []byte{e.kind}, uleb(e.index))
}

// read finds the types of what a module exports.
func read(all []section) (shape, error) {
	var sh shape
	r := &reader{b: body(all, typeSection)}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		r.byte()
		sh.types = append(sh.types, signature{r.types(), r.types()})
	}
	if r.err != nil {
		return sh, r.err
	}
	if err := sh.imports(body(all, importSection)); err != nil {
		return sh, err
	}
	r = &reader{b: body(all, functionSection)}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		sh.funcs = append(sh.funcs, r.u32())
	}
	if r.err != nil {
		return sh, r.err
	}
	r = &reader{b: body(all, globalSection)}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		sh.globals = append(sh.globals, Type(r.byte()))
		r.byte()
		r.constant()
	}
	if r.err != nil {
		return sh, r.err
	}
	r = &reader{b: body(all, exportSection)}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		sh.exports = append(sh.exports, export{r.name(), r.byte(), r.u32()})
	}
	return sh, r.err
}

func (s *shape) imports(b []byte) error {
	r := &reader{b: b}
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		r.name()
		r.name()
		switch r.byte() {
		case funcKind:
			s.funcs = append(s.funcs, r.u32())
		case tableKind:
			r.byte()
			r.limits()
		case memoryKind:
			r.limits()
		case globalKind:
			s.globals = append(s.globals, Type(r.byte()))
			r.byte()
		}
	}
	return r.err
}
