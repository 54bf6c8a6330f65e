package draco

import "fmt"

// plainSymbols are bits: one for C, three for the others.
type plainSymbols struct{ bits bitReader }

func (s *plainSymbols) next() int {
	v := s.bits.read(1)
	if v != symbolC {
		v |= s.bits.read(2) << 1
	}
	if s.bits.bad {
		return noSymbol
	}
	return int(v)
}

func (s *plainSymbols) reached(*corners, int, int32) {}
func (s *plainSymbols) merged(int32, int32)          {}

// plainBits are bits that are not coded.
type plainBits struct{ bits bitReader }

func (p *plainBits) next() bool { return p.bits.read(1) == 1 }

// valenceSymbols are coded apart for each valence that the next vertex has when
// they are read.
type valenceSymbols struct {
	valence  []uint32 // of each vertex so far
	contexts [mostValence - leastValence + 1][]uint32
	active   int
	first    *plainSymbols // of version 2.1; nil since
}

func (d *decoder) valenceSymbols(plain *plainSymbols, vertices, faces int) (*valenceSymbols, error) {
	s := &valenceSymbols{valence: make([]uint32, vertices), active: noContext}
	if d.r.old {
		s.first = plain
		d.r.varint() // splits, which are known
		if mode := d.r.u8(); mode != 0 {
			return nil, fmt.Errorf("%w: valences of mode %d", ErrUnsupported, mode)
		}
	}
	for i := range s.contexts {
		n := int(d.r.varint())
		if n > faces {
			return nil, errTopology
		}
		var err error
		if s.contexts[i], err = d.r.symbols(n, 1); err != nil {
			return nil, err
		}
	}
	return s, d.r.err
}

// next reads the contexts from their ends; the first symbol can only be E.
func (s *valenceSymbols) next() int {
	if s.active == noContext {
		if s.first != nil {
			return s.first.next()
		}
		return symbolE
	}
	all := s.contexts[s.active]
	if len(all) == 0 {
		return noSymbol
	}
	v := all[len(all)-1]
	s.contexts[s.active] = all[:len(all)-1]
	if v > 4 {
		return noSymbol
	}
	return [...]int{symbolC, symbolS, symbolL, symbolR, symbolE}[v]
}

func (s *valenceSymbols) reached(t *corners, symbol int, c int32) {
	tip, n, p := t.at(c), t.at(next(c)), t.at(prev(c))
	add := func(dTip, dNext, dPrev uint32) {
		s.valence[tip] += dTip
		s.valence[n] += dNext
		s.valence[p] += dPrev
	}
	switch symbol {
	case symbolC, symbolS:
		add(0, 1, 1)
	case symbolR:
		add(1, 1, 2)
	case symbolL:
		add(1, 2, 1)
	case symbolE:
		add(2, 2, 2)
	}
	s.active = int(min(max(s.valence[n], leastValence), mostValence)) - leastValence
}

func (s *valenceSymbols) merged(to, from int32) { s.valence[to] += s.valence[from] }
