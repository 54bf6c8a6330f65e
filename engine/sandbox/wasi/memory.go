package wasi

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

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

// text is a guest's string that names something: at most maxPath bytes of
// UTF-8 without NUL.
func text(mem []byte, ptr, n uint64) (string, Errno) {
	b, ok := span(mem, ptr, n)
	switch {
	case !ok:
		return "", Fault
	case len(b) > maxPath:
		return "", Nametoolong
	case len(b) == 0:
		return "", Noent
	case !utf8.Valid(b):
		return "", Ilseq
	case bytes.IndexByte(b, 0) >= 0:
		return "", Inval
	}
	return string(b), Success
}

// maxVectors is IOV_MAX of Linux.
const maxVectors = 1024

// gather reads count iovecs at ptr. All are checked before any is used, and
// what is written through one cannot change the others. The result lives until
// the next call.
func (w *World) gather(mem []byte, ptr, count uint64) ([][]byte, Errno) {
	if count > maxVectors {
		return nil, Inval
	}
	vec, ok := span(mem, ptr, count*8)
	if !ok {
		return nil, Fault
	}
	w.vectors = w.vectors[:0]
	for ; len(vec) > 0; vec = vec[8:] {
		b, ok := span(mem, uint64(binary.LittleEndian.Uint32(vec)), uint64(binary.LittleEndian.Uint32(vec[4:])))
		if !ok {
			return nil, Fault
		}
		w.vectors = append(w.vectors, b)
	}
	return w.vectors, Success
}

// putStrings is args_get(pointers, bytes) and environ_get.
func putStrings(mem []byte, a []uint64, list []string) Errno {
	pointers, ok := span(mem, a[0], uint64(len(list))*4)
	if !ok {
		return Fault
	}
	at := a[1]
	for n, s := range list {
		b, ok := span(mem, at, uint64(len(s))+1)
		if !ok {
			return Fault
		}
		copy(b, s)
		b[len(s)] = 0
		binary.LittleEndian.PutUint32(pointers[n*4:], uint32(at))
		at += uint64(len(b))
	}
	return Success
}

// putSizes is args_sizes_get(count, bytes) and environ_sizes_get.
func putSizes(mem []byte, a []uint64, list []string) Errno {
	n := uint32(0)
	for _, s := range list {
		n += uint32(len(s)) + 1
	}
	return max(put32(mem, a[0], uint32(len(list))), put32(mem, a[1], n))
}

func (w *World) args(mem []byte, a []uint64) Errno     { return putStrings(mem, a, w.config.Args) }
func (w *World) argSizes(mem []byte, a []uint64) Errno { return putSizes(mem, a, w.config.Args) }
func (w *World) env(mem []byte, a []uint64) Errno      { return putStrings(mem, a, w.config.Env) }
func (w *World) envSizes(mem []byte, a []uint64) Errno { return putSizes(mem, a, w.config.Env) }
