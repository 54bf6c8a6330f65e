package meshopt

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	group      = 16   // elements whose deltas are packed together
	blockBytes = 8192 // of elements in a block, at most
	mostBlock  = 256  // elements in a block
)

// stream is attributes on their way.
type stream struct {
	data     []byte // not read yet, without the tail
	version  byte
	stride   int
	last     []byte // the element before
	channels []byte // mode of each four bytes; nil in version 0
}

// attributes decodes count elements of stride bytes, coded byte for byte as
// differences to the element before.
func attributes(data []byte, count, stride int) ([]byte, error) {
	s, err := open(data, stride)
	if err != nil {
		return nil, err
	}
	most := min(blockBytes/stride&^(group-1), mostBlock)
	// A group of one byte position takes a quarter of a byte at least; in version
	// 1 a block takes two bits for each position.
	if blocks := (count + most - 1) / most; len(s.data) < blocks*stride/4 {
		return nil, errShort
	}
	out := make([]byte, count*stride)
	planes := make([]byte, stride*mostBlock)
	for at := 0; at < count; at += most {
		n := min(most, count-at)
		if err := s.block(planes, n, out[at*stride:(at+n)*stride]); err != nil {
			return nil, err
		}
	}
	if len(s.data) != 0 {
		return nil, fmt.Errorf("%w: %d bytes are left over", ErrDamaged, len(s.data))
	}
	return out, nil
}

// open splits the tail off, which has the element before the first.
func open(data []byte, stride int) (*stream, error) {
	if len(data) < 1 {
		return nil, errShort
	}
	s := &stream{version: data[0] & 0x0f, stride: stride}
	if data[0]&0xf0 != 0xa0 || s.version > 1 {
		return nil, fmt.Errorf("%w: they begin with %#x, which no attributes do", ErrDamaged, data[0])
	}
	tail, padded := stride, max(stride, 32)
	if s.version == 1 {
		tail = stride + stride/4
		padded = max(tail, 24)
	}
	if len(data)-1 < padded {
		return nil, errShort
	}
	s.data = data[1 : len(data)-padded]
	end := data[len(data)-tail:]
	s.last = append([]byte(nil), end[:stride]...)
	if s.version == 1 {
		s.channels = end[stride:]
	}
	for _, c := range s.channels {
		if c&15 > 2 || c&15 < 2 && c>>4 != 0 {
			return nil, fmt.Errorf("%w: there is no channel mode %#x", ErrDamaged, c)
		}
	}
	return s, nil
}

func (s *stream) take(n int) ([]byte, error) {
	if n > len(s.data) {
		return nil, errShort
	}
	b := s.data[:n]
	s.data = s.data[n:]
	return b, nil
}

// block decodes n elements.
func (s *stream) block(planes []byte, n int, out []byte) error {
	var control []byte
	if s.version == 1 {
		var err error
		if control, err = s.take(s.stride / 4); err != nil {
			return err
		}
	}
	for k := range s.stride {
		mode := byte(4) // version 0
		if control != nil {
			mode = control[k/4] >> (k % 4 * 2) & 3
		}
		if err := s.plane(planes[k*mostBlock:][:mostBlock], n, mode); err != nil {
			return err
		}
	}
	for c := range s.stride / 4 {
		mode := byte(0)
		if s.channels != nil {
			mode = s.channels[c]
		}
		s.channel(planes[4*c*mostBlock:], n, mode, out[4*c:], s.last[4*c:4*c+4])
	}
	return nil
}

// Widths of packed deltas, in bits, by control mode and header.
var widths = [5][4]int{0: {0, 1, 2, 4}, 1: {1, 2, 4, 8}, 4: {0, 2, 4, 8}}

// plane decodes the deltas of one byte position.
func (s *stream) plane(out []byte, n int, mode byte) error {
	switch mode {
	case 2:
		clear(out[:n])
		return nil
	case 3:
		b, err := s.take(n)
		copy(out, b)
		return err
	}
	groups := (n + group - 1) / group
	header, err := s.take((groups + 3) / 4)
	if err != nil {
		return err
	}
	for g := range groups {
		width := widths[mode][header[g/4]>>(g%4*2)&3]
		if err := s.group(out[g*group:][:group], width); err != nil {
			return err
		}
	}
	return nil
}

// group decodes 16 deltas of width bits. One with all bits set is a byte behind
// the group.
func (s *stream) group(out []byte, width int) error {
	packed, err := s.take(2 * width)
	if err != nil {
		return err
	}
	if width == 0 || width == 8 {
		clear(out)
		copy(out, packed)
		return nil
	}
	mask := byte(1)<<width - 1
	per := 8 / width
	for i := range out {
		shift := (per - 1 - i%per) * width
		if width == 1 {
			shift = i % 8
		}
		v := packed[i/per] >> shift & mask
		if v == mask {
			b, err := s.take(1)
			if err != nil {
				return err
			}
			v = b[0]
		}
		out[i] = v
	}
	return nil
}

// channel adds the deltas of four byte positions up. out begins at the channel
// in the first element, last is the element before and then the last one.
func (s *stream) channel(planes []byte, n int, mode byte, out, last []byte) {
	for i := range n {
		var d [4]byte
		for k := range d {
			d[k] = planes[k*mostBlock+i]
		}
		switch mode & 15 {
		case 0:
			for k := range d {
				last[k] += d[k]>>1 ^ -(d[k] & 1)
			}
		case 1:
			for k := 0; k < 4; k += 2 {
				v := binary.LittleEndian.Uint16(d[k:])
				v = v>>1 ^ -(v & 1)
				binary.LittleEndian.PutUint16(last[k:], binary.LittleEndian.Uint16(last[k:])+v)
			}
		default:
			v := bits.RotateLeft32(binary.LittleEndian.Uint32(d[:]), -int(mode>>4)) // it was turned left
			binary.LittleEndian.PutUint32(last, binary.LittleEndian.Uint32(last)^v)
		}
		copy(out[i*s.stride:], last[:4])
	}
}
