//go:build unix

package wazero

import (
	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/unix"
)

// allocator maps guest memory outside the Go heap.
var allocator = experimental.MemoryAllocatorFunc(func(_, most uint64) experimental.LinearMemory {
	b, err := unix.Mmap(-1, 0, int(max(most, 1)), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|noReserve)
	if err != nil {
		return &mapping{} // Reallocate fails, and with it the instance
	}
	return &mapping{b}
})

type mapping struct{ b []byte }

// Reallocate never moves: all of the memory is mapped.
func (m *mapping) Reallocate(size uint64) []byte {
	if size > uint64(len(m.b)) {
		return nil
	}
	return m.b[:size]
}

func (m *mapping) Free() {
	if m.b != nil {
		_ = unix.Munmap(m.b) // fails only for an address that was never mapped
	}
	m.b = nil
}
