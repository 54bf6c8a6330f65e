package wire

import (
	"encoding/binary"
	"io"

	"google.golang.org/protobuf/encoding/protowire"

	"sonm/engine/fog"
)

// Chunks are nearly all bytes the program moves, so they skip the general
// encoder, which would copy each twice. The bytes on the wire are the same.

const (
	nameField = 1
	dataField = 2
	chunkHead = 2*binary.MaxVarintLen32 + 3 + 2 + 32 + 1 + binary.MaxVarintLen32
)

// writeChunk writes c, which has been checked, as a framed message.
func writeChunk(w io.Writer, c Chunk) error {
	inner := protowire.SizeTag(nameField) + protowire.SizeBytes(len(c.Name)) +
		protowire.SizeTag(dataField) + protowire.SizeBytes(len(c.Data))
	frame := protowire.SizeTag(c.number()) + protowire.SizeBytes(inner)
	b := make([]byte, 0, chunkHead)
	b = protowire.AppendVarint(b, uint64(frame))
	b = protowire.AppendTag(b, c.number(), protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(inner))
	b = protowire.AppendTag(b, nameField, protowire.BytesType)
	b = protowire.AppendBytes(b, c.Name[:])
	b = protowire.AppendTag(b, dataField, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(c.Data)))
	if _, err := w.Write(b); err != nil {
		return err
	}
	_, err := w.Write(c.Data)
	return err
}

// readChunk recognises a frame that writeChunk would have written, and nothing
// else; the chunk shares memory with it.
func readChunk(frame []byte) (c Chunk, ok bool) {
	inner, rest, ok := field(frame, c.number())
	if !ok || len(rest) > 0 {
		return Chunk{}, false
	}
	name, rest, ok := field(inner, nameField)
	if !ok || len(name) != len(c.Name) {
		return Chunk{}, false
	}
	data, rest, ok := field(rest, dataField)
	if !ok || len(rest) > 0 || len(data) == 0 || len(data) > MaxChunk {
		return Chunk{}, false
	}
	return Chunk{Name: fog.Hash(name), Data: data}, true
}

// field takes the bytes field num off the front of b.
func field(b []byte, num protowire.Number) (value, rest []byte, ok bool) {
	got, typ, n := protowire.ConsumeTag(b)
	if n < 0 || got != num || typ != protowire.BytesType {
		return nil, nil, false
	}
	value, m := protowire.ConsumeBytes(b[n:])
	if m < 0 {
		return nil, nil, false
	}
	return value, b[n+m:], true
}
