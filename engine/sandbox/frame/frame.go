// Package frame is the pipe between the broker and a sandbox child: one
// request, one answer, each a typed, length-prefixed frame.
//
// Both ends take the other for hostile. The broker must survive a child whose
// engine was broken out of, so every length is checked against a cap that the
// reader chose before a byte is allocated for it, unknown kinds and non-zero
// reserved bytes are errors, and text is cleaned before a person sees it.
//
//	frame  = kind u8, three zero bytes, length u32 LE, payload
//	Hello  -> Reply | Fail          the child's limits; it answers when it is locked down
//	Module -> Reply | Fail          module bytes, gated, compiled; the reply may hold what to Load next time
//	Load -> Reply | Fail            what an earlier child answered to the same module
//	Inspect, Open, Task -> [Log] Reply | Fail
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Version of the protocol; both ends are built from one tree, so it only
// catches a child left over from another build.
const Version = 1

// Kind says what a frame is.
type Kind uint8

// The kinds: those below 16 go to the child, the others to the broker.
const (
	Hello   Kind = 1
	Module  Kind = 2
	Inspect Kind = 3
	Open    Kind = 4
	Task    Kind = 5
	Load    Kind = 6
	Reply   Kind = 16
	Fail    Kind = 17
	Log     Kind = 18
)

const (
	headSize = 8

	// ReplyHead is the size of the fixed part before a Reply's payload.
	ReplyHead = 24
	// MaxText is the longest sentence of a Fail in bytes.
	MaxText = 4 << 10
	// MaxLog is the most a guest's captured writing takes in a Log, in bytes.
	MaxLog = 64 << 10
	// HelloSize is the exact size of a Hello's payload.
	HelloSize = 56
)

// ErrTooLong says that a frame announced more than its reader allows.
var ErrTooLong = errors.New("frame too long")

// Head is the start of a frame.
type Head struct {
	Kind Kind
	Len  uint32 // bytes of payload
}

// WriteHead starts a frame of n bytes, which the caller writes next.
func WriteHead(w io.Writer, k Kind, n int) error {
	if n < 0 || uint64(n) > 1<<32-1 {
		return fmt.Errorf("%w: %d bytes", ErrTooLong, n)
	}
	var b [headSize]byte
	b[0] = byte(k)
	binary.LittleEndian.PutUint32(b[4:], uint32(n))
	_, err := w.Write(b[:])
	return err
}

// Write sends one frame made of the parts, without joining them in memory.
func Write(w io.Writer, k Kind, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if err := WriteHead(w, k, n); err != nil {
		return err
	}
	for _, p := range parts {
		if len(p) == 0 {
			continue
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// ReadHead reads the start of a frame. io.EOF means the other end is gone.
func ReadHead(r io.Reader) (Head, error) {
	var b [headSize]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return Head{}, err
	}
	if b[1]|b[2]|b[3] != 0 {
		return Head{}, errors.New("frame with reserved bytes set")
	}
	h := Head{Kind(b[0]), binary.LittleEndian.Uint32(b[4:])}
	switch h.Kind {
	case Hello, Module, Load, Inspect, Open, Task, Reply, Fail, Log:
		return h, nil
	}
	return Head{}, fmt.Errorf("frame of unknown kind %d", b[0])
}

// ReadPayload reads what h announced, at most that many bytes. Memory is taken as
// the bytes arrive, not as they are promised.
func ReadPayload(r io.Reader, h Head, most int) ([]byte, error) {
	if uint64(h.Len) > uint64(most) {
		return nil, fmt.Errorf("%w: %d bytes, %d allowed", ErrTooLong, h.Len, most)
	}
	const step = 1 << 20
	b := make([]byte, 0, min(int(h.Len), step))
	for len(b) < int(h.Len) {
		n := min(int(h.Len)-len(b), max(len(b), step))
		b = append(b, make([]byte, n)...)
		if _, err := io.ReadFull(r, b[len(b)-n:]); err != nil {
			return nil, noEOF(err)
		}
	}
	return b, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Text makes s fit to show to a person: valid UTF-8, one line, no control
// characters, at most 500 runes.
func Text(s string) string {
	const most = 500
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == most {
			return b.String() + "..."
		}
		switch {
		case r == utf8.RuneError, unicode.Is(unicode.Cf, r): // Cf turns text round or hides it
			r = '?'
		case r == '\n', r == '\t', r == '\r':
			r = ' '
		case !unicode.IsPrint(r):
			r = '?'
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
