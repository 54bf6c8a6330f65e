// Package wasi is a complete WASI preview 1 over memory: a file system,
// arguments, an environment and streams that exist nowhere else, a virtual
// clock and random numbers that are a function of the call's key. The same
// module with the same Config and key gets the same answers everywhere, down
// to inode numbers, times and the order of directories; nothing of the
// computer is reached and nothing ever sleeps.
//
// A guest of ABI 1 runs in the zero World, which has no files, arguments or
// environment and an empty standard input. A World with a Config is for
// command modules.
//
// The functions work on a slice of guest memory and know no engine; the
// adapters bind them. No engine's own WASI is used, which also keeps its
// mistakes out.
//
// # What a guest may count on
//
// Directories are listed by name. A path cannot leave the directory whose
// descriptor it is used with, by ".." or by a symbolic link, and absolute
// targets are refused. Reading changes no access time. Sockets do not exist.
// Everything has a limit, and beyond it there is an Errno (Nospc, Mfile,
// Nametoolong, Loop), never a failure of the host.
package wasi

import (
	"crypto/sha256"
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

// World is what one guest can see of the outside. It belongs to one
// goroutine. The zero World is ready, with a key of zeros and nothing in it;
// Setup gives it more.
type World struct {
	config Config // of Setup, or zero
	setup  bool

	written []byte // the log: standard output and error, cut at maxWrite
	stdout  []byte // after Setup only
	exit    *Exit
	clock   clock
	key     [chacha20.KeySize]byte
	random  *chacha20.Cipher
	drawn   uint64 // bytes

	files   system
	fds     []*descriptor // by number; nil are free
	listed  []*descriptor // that hold a listing, the oldest first
	names   int           // in all listings
	read    int           // bytes of standard input
	vectors [][]byte      // of the present call
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

// Reset begins a call: files, descriptors, clock and random numbers are again
// what Setup made them, and what was written is forgotten. Nothing of an
// earlier call stays, not of `open` either: a guest of ABI 1 keeps its state
// in its memory.
func (w *World) Reset(key [32]byte) {
	*w = World{config: w.config, setup: w.setup, key: key, written: w.written[:0], vectors: w.vectors}
	w.begin()
}

// begin makes descriptors and files as the config says.
func (w *World) begin() {
	w.fds = []*descriptor{
		{kind: device, base: fdRead | ofStream},
		{kind: device, stream: 1, base: fdWrite | ofStream},
		{kind: device, stream: 2, base: fdWrite | ofStream},
	}
	w.preopen()
}

// maxWrite is how much of a guest's writing is kept as its log per call, in
// bytes.
const maxWrite = 16 << 10

// Written is what the guest wrote to standard output and error since Reset,
// cut at a limit.
func (w *World) Written() []byte { return w.written }

// Forget drops what was written to the log.
func (w *World) Forget() { w.written = w.written[:0] }

// Stdout is all that was written to standard output since Reset. It is nil in
// the zero World.
func (w *World) Stdout() []byte { return w.stdout }

// Exit is the guest's exit code, if it called proc_exit since Reset.
func (w *World) Exit() (code uint32, exited bool) {
	if w.exit == nil {
		return 0, false
	}
	return w.exit.Code, true
}

func (w *World) leave(_ []byte, a []uint64) (Errno, error) {
	w.exit = &Exit{uint32(a[0])}
	return Success, *w.exit
}

// maxRandom is how many random bytes a call gets; the cipher ends at 256 GiB.
const maxRandom = 64 << 30

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
