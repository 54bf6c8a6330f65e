package blob

import (
	"fmt"
	"io"
	"sort"

	"sonm/engine/fog"
)

// Reader reads content out of a store, checked chunk by chunk. It is an
// io.ReadSeeker for one goroutine.
type Reader struct {
	store  Store
	chunks []Ref
	starts []uint64 // of each chunk, and the total at the end
	at     uint64

	name fog.Hash // of data
	data []byte   // the chunk read last; nil before the first
}

// Open reads the content of m, whose chunks must be in store.
func Open(store Store, m Manifest) *Reader {
	r := &Reader{store: store, chunks: m.Chunks, starts: make([]uint64, len(m.Chunks)+1)}
	for i, c := range m.Chunks {
		r.starts[i+1] = r.starts[i] + uint64(c.Size)
	}
	return r
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	total := r.starts[len(r.chunks)]
	if r.at >= total {
		return 0, io.EOF
	}
	i := sort.Search(len(r.chunks), func(i int) bool { return r.starts[i+1] > r.at })
	c := r.chunks[i]
	if r.data == nil || r.name != c.Name {
		data, err := r.store.Get(c.Name)
		if err != nil {
			return 0, fmt.Errorf("read at %d: %w", r.at, err)
		}
		r.name, r.data = c.Name, data
	}
	if len(r.data) != int(c.Size) {
		return 0, fmt.Errorf("read at %d: chunk of %d bytes, the manifest says %d: %w", r.at, len(r.data), c.Size, ErrWrong)
	}
	n := copy(p, r.data[r.at-r.starts[i]:])
	r.at += uint64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	base := int64(0)
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		base = int64(r.at)
	case io.SeekEnd:
		base = int64(r.starts[len(r.chunks)])
	default:
		return 0, fmt.Errorf("seek from %d", whence)
	}
	if offset < -base || offset > 0 && base+offset < base {
		return 0, fmt.Errorf("seek to %d from %d: out of range", offset, base)
	}
	r.at = uint64(base + offset)
	return base + offset, nil
}

// ReadAll is the whole content of m, which may have at most limit bytes.
func ReadAll(store Store, m Manifest, limit uint64) ([]byte, error) {
	if m.Total > limit {
		return nil, fmt.Errorf("%d bytes where %d are allowed: %w", m.Total, limit, ErrTooLarge)
	}
	b := make([]byte, m.Total)
	if _, err := io.ReadFull(Open(store, m), b); err != nil {
		return nil, err
	}
	return b, nil
}
