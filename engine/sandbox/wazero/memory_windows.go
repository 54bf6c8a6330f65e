package wazero

import (
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
	"golang.org/x/sys/windows"
)

// allocator reserves the addresses of the maximum and takes memory as the
// guest grows: the job object counts all that was taken, touched or not.
var allocator = experimental.MemoryAllocatorFunc(func(_, most uint64) experimental.LinearMemory {
	base, err := windows.VirtualAlloc(0, uintptr(max(most, 1)), windows.MEM_RESERVE, windows.PAGE_READWRITE)
	if err != nil {
		return &reservation{} // Reallocate fails, and with it the instance
	}
	return &reservation{base: base, most: most}
})

type reservation struct {
	base uintptr
	most uint64 // bytes
}

// Reallocate never moves: all of the addresses are reserved.
func (r *reservation) Reallocate(size uint64) []byte {
	if r.base == 0 || size > r.most {
		return nil
	}
	if size > 0 {
		if _, err := windows.VirtualAlloc(r.base, uintptr(size), windows.MEM_COMMIT, windows.PAGE_READWRITE); err != nil {
			return nil
		}
	}
	at := *(*unsafe.Pointer)(unsafe.Pointer(&r.base)) //nolint:gosec // audited: the reservation is not the collector's
	return unsafe.Slice((*byte)(at), r.most)[:size]   //nolint:gosec // audited: as long as the reservation
}

func (r *reservation) Free() {
	if r.base != 0 {
		_ = windows.VirtualFree(r.base, 0, windows.MEM_RELEASE) // fails only for an address that was never reserved
	}
	r.base = 0
}
