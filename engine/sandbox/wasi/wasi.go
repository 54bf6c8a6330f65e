// Package wasi is a WASI preview 1 that gives a guest nothing: no files, no
// arguments, no environment, no sleep. Standard output and error go to a
// bounded buffer, the clock is virtual and the random numbers are a function
// of the call's key, so that the same call gives the same bytes everywhere.
//
// The functions work on a slice of guest memory and know no engine; the
// adapters bind them. No engine's own WASI is used, which also keeps its
// mistakes out.
package wasi

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/chacha20"
)

// Namespace is the import module of preview 1.
const Namespace = "wasi_snapshot_preview1"

// Value types in WebAssembly's own codes.
const (
	i32 = 0x7f
	i64 = 0x7e
)

// Errno is a result of preview 1; the values are the specification's.
type Errno = uint32

// The results in use.
const (
	Success Errno = 0
	Badf    Errno = 8
	Fault   Errno = 21
	Inval   Errno = 28
	Nosys   Errno = 52
	Spipe   Errno = 70
)

// Func is one host function. Call gets the guest's memory as it is now and
// one word per parameter; an error stops the guest.
type Func struct {
	Name    string
	Params  []byte
	Results []byte // one i32, the Errno, or nothing for proc_exit
	Call    func(mem []byte, args []uint64) (Errno, error)
}

// Exit is the error of proc_exit.
type Exit struct{ Code uint32 }

func (e Exit) Error() string { return fmt.Sprintf("the guest ended itself with exit code %d", e.Code) }

// maxWrite is how much of a guest's writing is kept per call, in bytes.
const maxWrite = 16 << 10

// World is what one guest can see of the outside. It belongs to one
// goroutine. The zero World is ready, with a key of zeros.
type World struct {
	written []byte
	now     uint64 // nanoseconds
	key     [chacha20.KeySize]byte
	random  *chacha20.Cipher
	drawn   uint64 // bytes
}

// Key is what the random numbers of a call are made from: the hash of the
// input opened before, and the bytes handed to the call. No worker's or job's
// name goes in, or two honest workers would differ.
func Key(input [32]byte, spec []byte) [32]byte {
	h := sha256.New()
	h.Write([]byte("sonm guest random 1\x00"))
	h.Write(input[:])
	h.Write(spec)
	return [32]byte(h.Sum(nil))
}

// Reset begins a call: clock and random numbers start anew, and what was
// written is forgotten.
func (w *World) Reset(key [32]byte) {
	*w = World{key: key, written: w.written[:0]}
}

// Written is what the guest wrote since Reset, cut at a limit.
func (w *World) Written() []byte { return w.written }

// maxRandom is how many random bytes a call gets; the cipher ends at 256 GiB.
const maxRandom = 64 << 30

// Forget drops what was written.
func (w *World) Forget() { w.written = w.written[:0] }

// The virtual clock starts at 2000-01-01 and moves 1 ms with every look, so
// that a loop that waits for time to pass ends.
const (
	clockStart = 946_684_800_000_000_000
	clockStep  = 1_000_000
)

// write is fd_write(fd, iovs, count, written).
func (w *World) write(mem []byte, a []uint64) (Errno, error) {
	if a[0] != 1 && a[0] != 2 {
		return Badf, nil
	}
	count := a[2]
	if count > 1024 { // IOV_MAX of Linux
		return Inval, nil
	}
	vec, ok := span(mem, a[1], count*8)
	if !ok {
		return Fault, nil
	}
	var total uint64
	for ; len(vec) > 0; vec = vec[8:] {
		b, ok := span(mem, uint64(binary.LittleEndian.Uint32(vec)), uint64(binary.LittleEndian.Uint32(vec[4:])))
		if !ok {
			return Fault, nil
		}
		total += uint64(len(b))
		w.written = append(w.written, b[:min(len(b), maxWrite-len(w.written))]...)
	}
	return put32(mem, a[3], uint32(min(total, 1<<32-1))), nil
}

// draw is random_get(buf, len).
func (w *World) draw(mem []byte, a []uint64) (Errno, error) {
	b, ok := span(mem, a[0], a[1])
	if !ok {
		return Fault, nil
	}
	if w.random == nil {
		c, err := chacha20.NewUnauthenticatedCipher(w.key[:], make([]byte, chacha20.NonceSize))
		if err != nil {
			return 0, fmt.Errorf("random numbers: %w", err)
		}
		w.random = c
	}
	if w.drawn += uint64(len(b)); w.drawn > maxRandom {
		return Inval, nil
	}
	clear(b)
	w.random.XORKeyStream(b, b)
	return Success, nil
}

// time is clock_time_get(id, precision, result).
func (w *World) time(mem []byte, a []uint64) (Errno, error) {
	if a[0] > 3 {
		return Inval, nil
	}
	w.now += clockStep
	return put64(mem, a[2], clockStart+w.now), nil
}

// stat is fd_fdstat_get(fd, result): three character devices.
func (w *World) stat(mem []byte, a []uint64) (Errno, error) {
	b, ok := span(mem, a[1], 24)
	if a[0] > 2 {
		return Badf, nil
	}
	if !ok {
		return Fault, nil
	}
	clear(b)
	b[0] = 2 // filetype character_device
	right := uint64(1 << 6)
	if a[0] == 0 {
		right = 1 << 1
	}
	binary.LittleEndian.PutUint64(b[8:], right) // fd_write, or fd_read
	return Success, nil
}

// read is fd_read(fd, iovs, count, read): standard input is at its end.
func (w *World) read(mem []byte, a []uint64) (Errno, error) {
	if a[0] != 0 {
		return Badf, nil
	}
	return put32(mem, a[3], 0), nil
}

// span is the part of mem a guest's pointer and length name.
func span(mem []byte, ptr, n uint64) ([]byte, bool) {
	ptr, n = ptr&0xffffffff, n&0xffffffffff
	if ptr+n > uint64(len(mem)) {
		return nil, false
	}
	return mem[ptr : ptr+n : ptr+n], true
}

func put32(mem []byte, ptr uint64, v uint32) Errno {
	b, ok := span(mem, ptr, 4)
	if !ok {
		return Fault
	}
	binary.LittleEndian.PutUint32(b, v)
	return Success
}

func put64(mem []byte, ptr, v uint64) Errno {
	b, ok := span(mem, ptr, 8)
	if !ok {
		return Fault
	}
	binary.LittleEndian.PutUint64(b, v)
	return Success
}
