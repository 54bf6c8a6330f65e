package host

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox/gate"
)

// snapshot keeps guest memory as it was after open, once: the bytes are in an
// anonymous file that is mapped privately over the memory of each instance.
// Tasks share its pages and own only those they write to, so that a scene of
// hundreds of megabytes is neither held nor copied twice.
type snapshot struct {
	fd   int
	most int
	size int // bytes; 0 before the first take
}

// newSnapshot has to run before the lock-down, which forbids what it does.
func newSnapshot(most uint64) (*snapshot, error) {
	fd, err := unix.MemfdCreate("guest", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("file for the guest's memory: %w", err)
	}
	if err := unix.Ftruncate(fd, int64(most)); err != nil {
		return nil, fmt.Errorf("file for %d MiB of guest memory: %w", most>>20, err)
	}
	const seals = unix.F_SEAL_GROW | unix.F_SEAL_SHRINK | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return nil, fmt.Errorf("seal the file for the guest's memory: %w", err)
	}
	return &snapshot{fd: fd, most: int(most)}, nil
}

// chunk is how much of the memory is held twice while it is taken.
const chunk = 4 << 20

// take stores mem and maps the stored bytes in its place.
func (s *snapshot) take(mem []byte) error {
	if len(mem) > s.most {
		return fmt.Errorf("snapshot of %d bytes, %d fit", len(mem), s.most)
	}
	for at := 0; at < len(mem); at += chunk {
		part := mem[at:min(at+chunk, len(mem))]
		if err := s.store(part, int64(at)); err != nil {
			return fmt.Errorf("snapshot of %d bytes at %d: %w", len(mem), at, err)
		}
		if err := s.cover(part, int64(at)); err != nil {
			return err
		}
	}
	s.size = len(mem)
	return nil
}

// store writes part to the file, leaving out pages of zeros.
func (s *snapshot) store(part []byte, at int64) error {
	to, err := unix.Mmap(s.fd, at, len(part), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	if s.size > 0 { // an earlier take left something
		err = unix.Madvise(to, unix.MADV_REMOVE)
	}
	for p := 0; p < len(part) && err == nil; p += gate.PageSize {
		if page := part[p : p+gate.PageSize]; !zero(page) {
			copy(to[p:], page)
		}
	}
	if e := unix.Munmap(to); err == nil {
		err = e
	}
	return err
}

// restore makes mem what was taken; it must be exactly as long.
func (s *snapshot) restore(mem []byte) error {
	if len(mem) != s.size {
		return fmt.Errorf("memory of %d bytes for a snapshot of %d", len(mem), s.size)
	}
	return s.cover(mem, 0)
}

// cover maps the file's bytes from at on over mem, copied where written to.
func (s *snapshot) cover(mem []byte, at int64) error {
	if len(mem) == 0 {
		return nil
	}
	start := unsafe.Pointer(&mem[0]) //nolint:gosec // audited: the mapping covers mem and nothing beside it
	_, err := unix.MmapPtr(s.fd, at, start, uintptr(len(mem)),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED)
	if err != nil {
		return fmt.Errorf("map %d bytes of the snapshot: %w", len(mem), err)
	}
	return nil
}

func zero(b []byte) bool {
	words := unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8) //nolint:gosec // audited: b is a page, aligned and a multiple of 8
	for _, w := range words {
		if w != 0 {
			return false
		}
	}
	return true
}
