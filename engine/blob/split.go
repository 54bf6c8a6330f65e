package blob

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"sonm/engine/fog"
)

// gear is the table of the rolling hash: entry i is the first eight bytes,
// big-endian, of SHA-256 of the one byte i. It is part of the format: another
// table cuts elsewhere and nothing is found again. Never written to.
var gear = gearTable()

// A cut falls on one place in 2^19 before AvgChunk and on one in 2^16 after it,
// which gathers the sizes around AvgChunk (measured mean: 268 KiB). The top bits
// of the hash depend on the last 64 bytes.
const (
	hard = uint64(1<<19-1) << 45
	easy = uint64(1<<16-1) << 48
)

func gearTable() (t [256]uint64) {
	for i := range t {
		h := sha256.Sum256([]byte{byte(i)})
		t[i] = binary.BigEndian.Uint64(h[:8])
	}
	return t
}

// Split cuts what r has into chunks, puts them and the manifest into store, and
// gives the manifest. It fails with ErrTooLarge beyond MaxTotal.
func Split(ctx context.Context, r io.Reader, store Store) (Manifest, error) {
	var m Manifest
	buf := make([]byte, 0, 4*MaxChunk)
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return Manifest{}, fmt.Errorf("split after %d bytes: %w", m.Total, err)
		}
		rest := buf
		for len(rest) >= MaxChunk || last && len(rest) > 0 {
			if err := ctx.Err(); err != nil {
				return Manifest{}, fmt.Errorf("split after %d bytes: %w", m.Total, err)
			}
			size := cut(rest)
			if err := m.add(rest[:size], store); err != nil {
				return Manifest{}, err
			}
			rest = rest[size:]
		}
		if last {
			break
		}
		buf = buf[:copy(buf, rest)]
	}
	b := m.Encode()
	if err := store.Put(fog.ContentHash(b), b); err != nil {
		return Manifest{}, fmt.Errorf("store manifest: %w", err)
	}
	return m, nil
}

func (m *Manifest) add(chunk []byte, store Store) error {
	if len(m.Chunks) == MaxChunks || m.Total+uint64(len(chunk)) > MaxTotal {
		return fmt.Errorf("content of more than %d bytes: %w", m.Total, ErrTooLarge)
	}
	name := fog.ContentHash(chunk)
	if err := store.Put(name, chunk); err != nil {
		return fmt.Errorf("store chunk %d: %w", len(m.Chunks), err)
	}
	m.Chunks = append(m.Chunks, Ref{Name: name, Size: uint32(len(chunk))})
	m.Total += uint64(len(chunk))
	return nil
}

// cut is the size of the first chunk of b, which is the rest of the content or
// has at least MaxChunk bytes.
func cut(b []byte) int {
	end := min(len(b), MaxChunk)
	if end <= MinChunk {
		return end
	}
	var h uint64
	i := MinChunk
	for _, c := range b[MinChunk-64 : MinChunk] {
		h = h<<1 + gear[c]
	}
	for ; i < min(end, AvgChunk); i++ {
		h = h<<1 + gear[b[i]]
		if h&hard == 0 {
			return i + 1
		}
	}
	for ; i < end; i++ {
		h = h<<1 + gear[b[i]]
		if h&easy == 0 {
			return i + 1
		}
	}
	return end
}
