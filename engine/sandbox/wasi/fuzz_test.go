package wasi_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"sonm/engine/sandbox/wasi"
)

// words are what a fuzzed guest has at the beginning of its memory, each at a
// multiple of 16.
var words = []string{
	"a", "b", "d", "d/e", "d/e/f", "l", "../a", "d/../a", ".", "..", "d/", "/a", "loop", "a\x00", "\xff", "d/e/../../..",
}

const (
	vectorsAt = 256 // four iovecs
	subsAt    = 512 // four subscriptions
	memory    = 4096
)

func fuzzMemory() []byte {
	mem := make([]byte, memory)
	for n, s := range words {
		copy(mem[n*16:], s)
	}
	for n, v := range []uint32{1024, 64, 2048, 7, 0, 0, 0xfffffff0, 64} {
		binary.LittleEndian.PutUint32(mem[vectorsAt+n*4:], v)
	}
	for n, kind := range []byte{0, 1, 2, 3} {
		sub := mem[subsAt+n*48:]
		sub[0], sub[8], sub[16], sub[25] = byte(n), kind, byte(n), byte(n)
	}
	return mem
}

func fuzzWorld(tb testing.TB) *wasi.World {
	tb.Helper()
	w := &wasi.World{}
	err := w.Setup(wasi.Config{
		Args: []string{"guest", "arg"}, Env: []string{"A=1"}, Stdin: []byte("standard input"),
		Dirs: []wasi.Dir{
			{Name: "/", Files: []wasi.File{
				{Path: "a", Kind: wasi.Regular, Data: []byte("content")},
				{Path: "d/e/f", Kind: wasi.Regular, Data: []byte("deep")},
				{Path: "l", Kind: wasi.Symlink, Data: []byte("d/e")},
				{Path: "loop", Kind: wasi.Symlink, Data: []byte("loop")},
			}},
			{Name: "/in", ReadOnly: true, Files: []wasi.File{{Path: "a", Kind: wasi.Regular, Data: []byte("fixed")}}},
		},
		Limits: wasi.Limits{Stdout: 512, Bytes: 8 << 10, Nodes: 40, Files: 12},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// play has the World do what script says: a function, then an argument for
// each byte. The memory changes as the functions write to it.
func play(tb testing.TB, w *wasi.World, mem, script []byte) {
	tb.Helper()
	fs := w.Functions()
	odd := []uint64{1 << 13, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1 << 62, 1<<63 - 1, 1<<64 - 1}
	for len(script) > 0 {
		f := fs[int(script[0])%len(fs)]
		script = script[1:]
		args := make([]uint64, len(f.Params))
		for n := range args {
			var b byte
			if len(script) > 0 {
				b, script = script[0], script[1:]
			}
			switch {
			case b < 128:
				args[n] = uint64(b) // descriptors, lengths, flags
			case b < 160:
				args[n] = uint64(b-128) * 16 // words and vectors
			case b < 176:
				args[n] = 1<<(b-160)<<4 - 1 // sets of rights
			case b < 184:
				args[n] = subsAt + uint64(b-176)*48
			case b < 248:
				args[n] = uint64(b-184) * 64
			default:
				args[n] = odd[b-248]
			}
		}
		if _, err := f.Call(mem, args); err != nil && !errors.As(err, new(wasi.Exit)) {
			tb.Fatalf("%s(%x) = %v", f.Name, args, err)
		}
		if err := w.Audit(); err != nil {
			tb.Fatalf("after %s(%x): %v", f.Name, args, err)
		}
	}
}

// script is a seed: calls by name with the bytes of their arguments.
func script(tb testing.TB, calls ...any) []byte {
	tb.Helper()
	var w wasi.World
	number := map[string]byte{}
	for n, f := range w.Functions() {
		number[f.Name] = byte(n)
	}
	var b []byte
	for _, c := range calls {
		switch c := c.(type) {
		case string:
			n, ok := number[c]
			if !ok {
				tb.Fatalf("no function %s", c)
			}
			b = append(b, n)
		case int:
			b = append(b, byte(c))
		}
	}
	return b
}

// FuzzShim: whatever is called, nothing panics, the World keeps its limits and
// its books, and the same calls give the same bytes, in a new World and in one
// that was reset.
func FuzzShim(f *testing.F) {
	const all = 167 // rights
	f.Add(script(f, "path_open", 3, 1, 129, 1, 1, all, all, 0, 200, "fd_write", 5, 144, 2, 200, "fd_seek", 5, 0, 0, 200,
		"fd_read", 5, 144, 2, 200, "fd_filestat_get", 5, 210, "fd_close", 5, "path_unlink_file", 3, 129, 1))
	f.Add(script(f, "path_create_directory", 3, 129, 1, "path_rename", 3, 130, 1, 3, 129, 1, "path_symlink", 134, 4, 3, 130, 1,
		"path_open", 3, 1, 130, 1, 0, all, all, 0, 200, "path_link", 3, 0, 128, 1, 3, 133, 1, "fd_readdir", 3, 200, 120, 0, 210))
	f.Add(script(f, "poll_oneoff", 176, 210, 4, 200, "fd_renumber", 1, 3, "fd_fdstat_get", 3, 200, "sock_shutdown", 0, 0))
	f.Add(script(f, "path_open", 3, 0, 128, 1, 0, all, all, 1, 200, "fd_allocate", 5, 255, 1, "fd_pwrite", 5, 144, 1, 253, 200,
		"fd_filestat_set_size", 5, 248, "fd_filestat_set_times", 5, 1, 1, 5, "path_remove_directory", 3, 138, 2, "random_get", 200, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 4096 {
			return
		}
		w := fuzzWorld(t)
		w.Reset([32]byte{1})
		first := fuzzMemory()
		play(t, w, first, b)
		out, log := bytes.Clone(w.Stdout()), bytes.Clone(w.Written())
		for range 2 {
			w.Reset([32]byte{1})
			mem := fuzzMemory()
			play(t, w, mem, b)
			if !bytes.Equal(mem, first) || !bytes.Equal(out, w.Stdout()) || !bytes.Equal(log, w.Written()) {
				t.Fatal("the same calls gave other bytes")
			}
			w = fuzzWorld(t)
		}
	})
}
