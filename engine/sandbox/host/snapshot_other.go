//go:build !linux

package host

import "fmt"

// snapshot keeps a copy of guest memory as it was after open.
type snapshot struct {
	copied []byte
	size   int // bytes; 0 before the first take
}

func newSnapshot(uint64) (*snapshot, error) { return &snapshot{}, nil }

// take stores mem.
func (s *snapshot) take(mem []byte) error {
	s.copied = append(s.copied[:0], mem...)
	s.size = len(mem)
	return nil
}

// restore makes mem what was taken; it must be exactly as long.
func (s *snapshot) restore(mem []byte) error {
	if len(mem) != s.size {
		return fmt.Errorf("memory of %d bytes for a snapshot of %d", len(mem), s.size)
	}
	copy(mem, s.copied)
	return nil
}
