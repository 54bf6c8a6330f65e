package gate

import (
	"encoding/binary"
	"errors"

	"sonm/engine/sandbox"
)

// Passed encodes what the gate found out about m, all but Code and Imports, so
// that the module need not be looked at again: it is kept beside the compiled
// module, and is as trustworthy as that.
func (m *Module) Passed() []byte {
	b := binary.LittleEndian.AppendUint64(nil, m.MemoryMin)
	b = binary.LittleEndian.AppendUint64(b, m.MemoryMax)
	initialize := byte(0)
	if m.Initialize {
		initialize = 1
	}
	b = append(b, initialize)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Globals)))
	return append(b, m.Globals...)
}

// Again decodes what Passed encoded and gives what follows it in b. The rules
// may be stricter than they were.
func Again(b []byte, r Rules) (*Module, []byte, error) {
	const fixed = 8 + 8 + 1 + 4
	if len(b) < fixed {
		return nil, nil, errors.New("the record of a module ends too early")
	}
	m := &Module{
		MemoryMin: binary.LittleEndian.Uint64(b), MemoryMax: binary.LittleEndian.Uint64(b[8:]), Initialize: b[16] == 1,
	}
	n := uint64(binary.LittleEndian.Uint32(b[17:]))
	if n > maxGlobals+1 || uint64(len(b)-fixed) < n {
		return nil, nil, errors.New("the record of a module ends too early")
	}
	m.Globals = b[fixed : fixed+n]
	if err := m.fits(r); err != nil {
		return nil, nil, err
	}
	return m, b[fixed+n:], nil
}

// fits checks the memory against the rules.
func (m *Module) fits(r Rules) error {
	if m.MemoryMax > r.Memory {
		return sandbox.Errorf(sandbox.LimitMemory, "the module asks for up to %d MiB of memory, %d MiB are allowed",
			m.MemoryMax>>20, r.Memory>>20)
	}
	return nil
}
