package wasi_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"sonm/engine/sandbox/wasi"
)

// call calls a function of w by name.
func call(t *testing.T, w *wasi.World, mem []byte, name string, args ...uint64) wasi.Errno {
	t.Helper()
	for _, f := range w.Functions() {
		if f.Name == name {
			if len(args) != len(f.Params) {
				t.Fatalf("%s takes %d arguments", name, len(f.Params))
			}
			e, err := f.Call(mem, args)
			if err != nil {
				t.Fatalf("%s = %v", name, err)
			}
			return e
		}
	}
	t.Fatalf("no function %s", name)
	return 0
}

func TestRandomIsAFunctionOfTheKey(t *testing.T) {
	draw := func(key [32]byte, sizes ...uint64) []byte {
		var w wasi.World
		w.Reset(key)
		mem := make([]byte, 100)
		at := uint64(0)
		for _, n := range sizes {
			if e := call(t, &w, mem, "random_get", at, n); e != wasi.Success {
				t.Fatalf("random_get = %d", e)
			}
			at += n
		}
		return mem
	}
	key := wasi.Key([32]byte{1}, []byte("task"))
	whole := draw(key, 100)
	if !bytes.Equal(whole, draw(key, 1, 63, 36)) {
		t.Error("random bytes depend on how they are drawn")
	}
	for name, other := range map[string][32]byte{
		"input": wasi.Key([32]byte{2}, []byte("task")), "task": wasi.Key([32]byte{1}, []byte("tasK")),
	} {
		if bytes.Equal(whole, draw(other, 100)) {
			t.Errorf("random bytes do not depend on the %s", name)
		}
	}
}

func TestWriteIsBounded(t *testing.T) {
	var w wasi.World
	mem := make([]byte, 4096)
	binary.LittleEndian.PutUint32(mem[8:], 64)
	binary.LittleEndian.PutUint32(mem[12:], 4000)
	for range 100 {
		if e := call(t, &w, mem, "fd_write", 2, 8, 1, 0); e != wasi.Success {
			t.Fatalf("fd_write = %d", e)
		}
		if n := binary.LittleEndian.Uint32(mem); n != 4000 {
			t.Fatalf("fd_write wrote %d, want 4000", n)
		}
	}
	if n := len(w.Written()); n == 0 || n > 64<<10 {
		t.Errorf("%d bytes kept of 400000", n)
	}
}

// TestForeignPointers: no argument makes a function leave the memory.
func TestForeignPointers(t *testing.T) {
	var w wasi.World
	odd := []uint64{0, 1, 2, 3, 63, 64, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 63, 1<<64 - 1}
	for _, f := range w.Functions() {
		args := make([]uint64, len(f.Params))
		for _, a := range odd {
			for _, b := range odd {
				for n := range args {
					args[n] = a
					if n%2 == 1 {
						args[n] = b
					}
				}
				_, err := f.Call(make([]byte, 64), args) // must not panic
				if err != nil && !errors.As(err, new(wasi.Exit)) {
					t.Errorf("%s(%x) = %v", f.Name, args, err)
				}
			}
		}
	}
}
