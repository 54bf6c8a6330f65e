package gltf

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

const (
	glbMagic  = "glTF"
	chunkJSON = 0x4E4F534A
	chunkBIN  = 0x004E4942
	glbHead   = 12
	chunkHead = 8
)

// container is a .glb or .gltf taken apart.
type container struct {
	glb    bool
	json   []byte
	binary []byte // nil if there is no such chunk
}

// split takes a file apart; false if it is cut or no glTF.
func split(file []byte) (container, bool) {
	if !bytes.HasPrefix(file, []byte(glbMagic)) {
		return container{json: bytes.TrimPrefix(file, []byte("\xEF\xBB\xBF"))}, true
	}
	c := container{glb: true}
	if len(file) < glbHead || binary.LittleEndian.Uint32(file[4:]) != 2 {
		return c, false
	}
	total := binary.LittleEndian.Uint32(file[8:])
	if uint64(total) > uint64(len(file)) || total < glbHead {
		return c, false
	}
	for rest := file[glbHead:total]; len(rest) >= chunkHead; {
		n, kind := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint32(rest[4:])
		rest = rest[chunkHead:]
		if uint64(n) > uint64(len(rest)) {
			return c, false
		}
		switch {
		case kind == chunkJSON && c.json == nil:
			c.json = rest[:n]
		case kind == chunkBIN && c.binary == nil:
			c.binary = rest[:n:n]
		}
		rest = rest[n:]
	}
	return c, c.json != nil
}

// join puts the file together around another text.
func (c container) join(text []byte) []byte {
	if !c.glb {
		return text
	}
	text = pad(text, ' ')
	size := glbHead + chunkHead + len(text)
	data := c.binary
	if data != nil {
		data = pad(data, 0)
		size += chunkHead + len(data)
	}
	out := make([]byte, 0, size)
	out = append(out, glbMagic...)
	out = binary.LittleEndian.AppendUint32(out, 2)
	out = binary.LittleEndian.AppendUint32(out, uint32(size))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	out = binary.LittleEndian.AppendUint32(out, chunkJSON)
	out = append(out, text...)
	if data == nil {
		return out
	}
	out = binary.LittleEndian.AppendUint32(out, uint32(len(data)))
	out = binary.LittleEndian.AppendUint32(out, chunkBIN)
	return append(out, data...)
}

func pad(b []byte, with byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, with)
	}
	return b
}

// buffer is the bytes of a buffer.
func (u *unpacker) buffer(i int) ([]byte, error) {
	if b, ok := u.buffers[i]; ok {
		return b, nil
	}
	all := u.doc.list("buffers")
	if i < 0 || i >= len(all) {
		return nil, fmt.Errorf("%w: it uses buffer %d, which does not exist", ErrDamaged, i)
	}
	b, err := u.load(i, object(all[i]))
	if err == nil {
		u.buffers[i] = b
	}
	return b, err
}

func (u *unpacker) load(i int, buffer map[string]any) ([]byte, error) {
	uri, named := buffer["uri"].(string)
	switch {
	case !named && i == 0 && u.binary != nil:
		return u.binary, nil
	case !named:
		return nil, fmt.Errorf("%w: its buffer %d has no data: neither a URI nor a binary chunk", ErrDamaged, i)
	case strings.HasPrefix(uri, "data:"):
		head, data, _ := strings.Cut(uri, ",")
		if !strings.Contains(head, ";base64") {
			return nil, fmt.Errorf("%w: its buffer %d is a data: URI that is not base64", ErrDamaged, i)
		}
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(data, "="))
		if err != nil {
			return nil, fmt.Errorf("%w: its buffer %d is a data: URI with broken base64", ErrDamaged, i)
		}
		return b, nil
	}
	b, err := u.open(unescape(uri))
	if err != nil {
		return nil, fmt.Errorf("open buffer %d: %w", i, err)
	}
	return b, nil
}

// slice is length bytes of a buffer.
func (u *unpacker) slice(buffer, offset, length int) ([]byte, error) {
	b, err := u.buffer(buffer)
	if err != nil {
		return nil, err
	}
	if offset < 0 || length < 0 || offset > len(b) || length > len(b)-offset {
		return nil, fmt.Errorf("%w: %d bytes from %d on are beyond its buffer %d, which has %d", ErrDamaged, length, offset, buffer, len(b))
	}
	return b[offset : offset+length], nil
}

// unescape undoes percent-encoding; a lone % means itself.
func unescape(uri string) string {
	var out []byte
	for i := 0; i < len(uri); i++ {
		if uri[i] == '%' && i+2 < len(uri) {
			if v, err := strconv.ParseUint(uri[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(v))
				i += 2
				continue
			}
		}
		out = append(out, uri[i])
	}
	return string(out)
}
