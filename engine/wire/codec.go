package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"sonm/engine/fog"
	"sonm/engine/wire/pb"
)

// ErrTooLarge says that a message is above the limit of its reader or kind.
var ErrTooLarge = errors.New("message too large")

// grow is how much memory a claimed length is trusted for before its bytes
// have come; beyond it the buffer grows with what arrives.
const grow = MaxChunk + MaxControl

// Write sends m to w: the length as a varint, then the envelope. Nothing is
// written of a message that Read would refuse.
func Write(w io.Writer, m *Message) error {
	if c, ok := m.Body.(Chunk); ok && m.raw == nil && len(c.Data) > 0 && len(c.Data) <= MaxChunk {
		return writeChunk(w, c)
	}
	frame, err := appendMessage(make([]byte, binary.MaxVarintLen32), m)
	if err != nil {
		return err
	}
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(len(frame)-binary.MaxVarintLen32))
	start := binary.MaxVarintLen32 - n
	copy(frame[start:], head[:n])
	_, err = w.Write(frame[start:])
	return err
}

// Read takes the next message from r. max is the most bytes its envelope may
// have (MaxControl, MaxResult or what the caller expects); the rest of a longer
// one is left unread, so the stream is of no use after an error. io.EOF means
// that the stream ended between two messages.
func Read(r *bufio.Reader, max int) (*Message, error) {
	var none []byte
	return ReadInto(r, max, &none)
}

// ReadInto is Read with a buffer for the next message, which grows as needed. A
// Chunk shares memory with the buffer, so it is valid until the next ReadInto
// of the same buffer; other bodies are the caller's to keep.
func ReadInto(r *bufio.Reader, max int, buf *[]byte) (*Message, error) {
	n, err := length(r)
	if err != nil {
		return nil, err
	}
	if n > uint64(max) {
		return nil, fmt.Errorf("%d bytes where %d are allowed: %w", n, max, ErrTooLarge)
	}
	frame, err := payload(r, int(n), buf)
	if err != nil {
		return nil, err
	}
	if c, ok := readChunk(frame); ok {
		return New(c), nil
	}
	return Decode(frame)
}

// Encode is the envelope of m without a length. The bytes are the same for the
// same message and version of this package.
func Encode(m *Message) ([]byte, error) { return appendMessage(nil, m) }

// Decode reads one whole envelope. The message may share memory with nothing
// but itself: frame can be reused.
func Decode(frame []byte) (*Message, error) {
	if err := outline(frame); err != nil {
		return nil, err
	}
	raw := &pb.Message{}
	if err := proto.Unmarshal(frame, raw); err != nil {
		return nil, fmt.Errorf("message of %d bytes: %w", len(frame), err)
	}
	body, err := bodyOf(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", NameOf(body), err)
	}
	return &Message{Body: body, raw: raw}, nil
}

// EncodeAsk is an ask as it travels by gossip, at most MaxAsk bytes.
func EncodeAsk(a fog.Ask) ([]byte, error) {
	b, err := Encode(New(Ask{a}))
	if err == nil && len(b) > MaxAsk {
		return nil, fmt.Errorf("ask of %d bytes where %d are allowed: %w", len(b), MaxAsk, ErrTooLarge)
	}
	return b, err
}

// DecodeAsk reads an ask that came by gossip. Its signature is not checked.
func DecodeAsk(data []byte) (fog.Ask, error) {
	if len(data) > MaxAsk {
		return fog.Ask{}, fmt.Errorf("ask of %d bytes where %d are allowed: %w", len(data), MaxAsk, ErrTooLarge)
	}
	m, err := Decode(data)
	if err != nil {
		return fog.Ask{}, err
	}
	a, ok := m.Body.(Ask)
	if !ok {
		return fog.Ask{}, fmt.Errorf("%s where an ask belongs", NameOf(m.Body))
	}
	return a.Ask, nil
}

// NameOf is the kind of a body in lower case, for errors and logs.
func NameOf(b Body) string {
	if b == nil || b.number() == 0 {
		return "unknown message"
	}
	fields := (&pb.Message{}).ProtoReflect().Descriptor().Fields()
	return string(fields.ByNumber(b.number()).Name())
}

func appendMessage(dst []byte, m *Message) ([]byte, error) {
	raw := m.raw
	if raw == nil {
		var err error
		if raw, err = envelope(m.Body); err != nil {
			return nil, err
		}
		if _, err = bodyOf(raw); err != nil {
			return nil, fmt.Errorf("%s: %w", NameOf(m.Body), err)
		}
	}
	start := len(dst)
	out := make([]byte, start, start+proto.Size(raw))
	copy(out, dst)
	out, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(out, raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", NameOf(m.Body), err)
	}
	return out, outline(out[start:])
}

// length reads the varint before a message and refuses one that is longer than
// it has to be.
func length(r *bufio.Reader) (uint64, error) {
	var v uint64
	for i := range 5 { // 35 bits, more than any limit
		b, err := r.ReadByte()
		if err != nil {
			if err == io.EOF && i > 0 {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if b == 0 && i > 0 {
				return 0, errors.New("length of a message with leading zeros")
			}
			return v, nil
		}
	}
	return 0, fmt.Errorf("length of more than 35 bits: %w", ErrTooLarge)
}

// payload reads n bytes, into buf where they are few.
func payload(r io.Reader, n int, buf *[]byte) ([]byte, error) {
	if n > grow {
		var b bytes.Buffer
		b.Grow(grow)
		if _, err := io.CopyN(&b, r, int64(n)); err != nil {
			return nil, unexpected(err)
		}
		return b.Bytes(), nil
	}
	if cap(*buf) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, unexpected(err)
	}
	return b, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// outline walks the top level of an envelope before anything is built from it:
// one body, and nothing above MaxControl but the body of a bulk message.
func outline(frame []byte) error {
	bodies, control := 0, 0
	for rest := frame; len(rest) > 0; {
		num, _, n := protowire.ConsumeField(rest)
		if n < 0 {
			return fmt.Errorf("message of %d bytes: %w", len(frame), protowire.ParseError(n))
		}
		if num <= maxBodyNumber {
			bodies++
		}
		if !bulk(num) {
			control += n
		}
		rest = rest[n:]
	}
	if bodies != 1 {
		return fmt.Errorf("message with %d bodies, want one", bodies)
	}
	if control > MaxControl {
		return fmt.Errorf("%d bytes of control where %d are allowed: %w", control, MaxControl, ErrTooLarge)
	}
	return nil
}

// bulk names the bodies without repeated fields, whose size in memory is their
// size on the wire.
func bulk(num protowire.Number) bool {
	return num == (Result{}).number() || num == (Manifest{}).number() || num == (Chunk{}).number()
}
