//go:build !unix && !windows

package wazero

import "github.com/tetratelabs/wazero/experimental"

// allocator is wazero's own: the maximum as a Go slice, which the system
// gives memory to as it is touched.
var allocator experimental.MemoryAllocator
