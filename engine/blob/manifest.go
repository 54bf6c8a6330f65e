package blob

import (
	"encoding/binary"
	"errors"
	"fmt"

	"sonm/engine/fog"
)

// Limits of content.
const (
	MinChunk  = 64 << 10  // bytes of every chunk but the last, at least
	AvgChunk  = 256 << 10 // bytes where cutting becomes easier
	MaxChunk  = 1 << 20   // bytes of a chunk
	MaxChunks = 1 << 20   // chunks of a manifest
	MaxTotal  = 64 << 30  // bytes of content: MaxChunks chunks of MinChunk
)

// Errors that callers decide on.
var (
	ErrTooLarge = errors.New("content too large")
	ErrWrong    = errors.New("content does not match its name")
)

const (
	magic      = "SNMM"
	version    = 1
	headBytes  = 4 + 4 + 8 + 4 // magic, version, total, count
	entryBytes = 32 + 4        // name, size
)

// Ref is one chunk of a manifest.
type Ref struct {
	Name fog.Hash // SHA-256 of the chunk
	Size uint32   // bytes, 1 to MaxChunk
}

// Manifest lists the chunks of a content in order. Every chunk but the last has
// at least MinChunk bytes, which bounds the size of a manifest by the size of
// its content.
type Manifest struct {
	Total  uint64 // bytes of the content
	Chunks []Ref
}

// Encode is the one encoding of m: "SNMM", then little-endian u32 version, u64
// total, u32 count, and for each chunk its name and u32 size.
func (m Manifest) Encode() []byte {
	b := make([]byte, 0, headBytes+entryBytes*len(m.Chunks))
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint64(b, m.Total)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Chunks)))
	for _, c := range m.Chunks {
		b = append(b, c.Name[:]...)
		b = binary.LittleEndian.AppendUint32(b, c.Size)
	}
	return b
}

// Root is the name of the content: the SHA-256 of the encoded manifest.
func (m Manifest) Root() fog.Hash { return fog.ContentHash(m.Encode()) }

// DecodeManifest reads an encoded manifest and checks all of it.
func DecodeManifest(b []byte) (Manifest, error) {
	if len(b) < headBytes || string(b[:4]) != magic {
		return Manifest{}, fmt.Errorf("%d bytes that are not a manifest", len(b))
	}
	if v := binary.LittleEndian.Uint32(b[4:]); v != version {
		return Manifest{}, fmt.Errorf("manifest of version %d, want %d", v, version)
	}
	m := Manifest{Total: binary.LittleEndian.Uint64(b[8:])}
	count := uint64(binary.LittleEndian.Uint32(b[16:]))
	if count > MaxChunks || m.Total > MaxTotal {
		return Manifest{}, fmt.Errorf("manifest of %d chunks and %d bytes: %w", count, m.Total, ErrTooLarge)
	}
	if want := headBytes + entryBytes*count; uint64(len(b)) != want {
		return Manifest{}, fmt.Errorf("manifest of %d chunks in %d bytes, want %d", count, len(b), want)
	}
	var sum uint64
	m.Chunks = make([]Ref, count)
	for i := range m.Chunks {
		e := b[headBytes+entryBytes*i:]
		c := Ref{Name: fog.Hash(e[:32]), Size: binary.LittleEndian.Uint32(e[32:])}
		least := uint32(MinChunk)
		if uint64(i) == count-1 {
			least = 1
		}
		if c.Size < least || c.Size > MaxChunk {
			return Manifest{}, fmt.Errorf("chunk %d of %d has %d bytes, want %d to %d", i, count, c.Size, least, MaxChunk)
		}
		sum += uint64(c.Size)
		m.Chunks[i] = c
	}
	if sum != m.Total {
		return Manifest{}, fmt.Errorf("chunks of %d bytes in a manifest of %d", sum, m.Total)
	}
	return m, nil
}

// most is the largest encoded manifest of content of limit bytes.
func most(limit uint64) int {
	return headBytes + entryBytes*int(min(limit, MaxTotal)/MinChunk+1)
}
