//go:build linux

package host

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/frame"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
)

// puppet is an engine whose guest answers what a script says.
type puppet struct {
	memory []byte
	script *bytes.Reader
	kinds  int // mutable globals
}

var errScript = sandbox.Errorf(sandbox.Trap, "the script says so")

func (p *puppet) Instantiate(context.Context) error {
	p.memory = p.memory[:gate.PageSize]
	return nil
}

// Call answers with places and sizes around the ends of the memory, and writes
// something there.
func (p *puppet) Call(_ context.Context, name string, _ ...uint64) (uint64, error) {
	c, _ := p.script.ReadByte() // 0 at the end
	switch {
	case name == "sonm_abi":
		return 1, nil
	case c == 255:
		return 0, errScript
	case c == 254:
		p.Grow(1)
	}
	word := func() uint64 {
		var b [2]byte
		_, _ = p.script.Read(b[:])
		v := uint64(binary.LittleEndian.Uint16(b[:]))
		switch c & 3 {
		case 1:
			return uint64(len(p.memory)) - v
		case 2:
			return 1<<32 - 1 - v
		}
		return v
	}
	v := word()
	if name == "sonm_alloc" {
		return v, nil
	}
	if v < uint64(len(p.memory)) {
		_, _ = p.script.Read(p.memory[v:min(v+24, uint64(len(p.memory)))])
	}
	return v<<32 | word()&0xffffffff, nil
}

func (p *puppet) Memory() []byte { return p.memory }

func (p *puppet) Grow(pages uint32) bool {
	n := len(p.memory) + int(pages)*gate.PageSize
	if n > cap(p.memory) {
		return false
	}
	p.memory = p.memory[:n]
	return true
}

func (p *puppet) Globals() ([]uint64, error) { return make([]uint64, p.kinds), nil }
func (p *puppet) SetGlobals([]uint64) error  { return nil }
func (p *puppet) Spent() bool                { return false }
func (p *puppet) Artifact() ([]byte, error)  { return []byte("artifact"), nil }

// FuzzServe: neither a broker that sends nonsense nor a guest that answers it
// makes the child panic, and every answer keeps to the limits.
func FuzzServe(f *testing.F) {
	module, err := os.ReadFile(filepath.Join("..", "testdata", "plain.wasm"))
	if err != nil {
		f.Fatal(err)
	}
	asks := func(frames ...any) []byte {
		var b bytes.Buffer
		var k frame.Kind
		for _, f := range frames {
			switch f := f.(type) {
			case frame.Kind:
				k = f
			case string:
				_ = frame.Write(&b, k, []byte(f))
			}
		}
		return b.Bytes()
	}
	reply := []byte("\x00\x00\x10\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00rest")
	f.Add(asks(frame.Module, string(module), frame.Open, "in", frame.Task, "t", frame.Task, "u"), bytes.Repeat(reply, 4))
	f.Add(asks(frame.Module, string(module), frame.Inspect, "scene", frame.Inspect, ""), []byte("\x00\x00\x01\x00\x00\xff\x01\x10\x00"))
	f.Add(asks(frame.Inspect, "x"), []byte{})
	f.Add(asks(frame.Module, string(module), frame.Module, string(module)), []byte{})
	f.Add(asks(frame.Load, "record"), []byte{})
	f.Add(asks(frame.Module, string(module), frame.Hello, "x"), []byte{})
	limits := frame.Greeting{Engine: 2, Keep: true, Memory: 64 << 20, Output: 1000, Input: 2000, Module: 1 << 20}
	memory, err := unix.Mmap(-1, 0, 4*gate.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, asked, script []byte) {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1)) // which serving changes
		snap, err := newSnapshot(uint64(cap(memory)))
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(snap.fd)
		made := func(m *gate.Module) Engine { return &puppet{memory[:0], bytes.NewReader(script), len(m.Globals)} }
		var out bytes.Buffer
		s := &server{
			in: bytes.NewReader(asked), out: &out, limits: limits, level: 3, snap: snap,
			engines: map[sandbox.Engine]Library{sandbox.Wazero: {
				Compile: func(_ context.Context, m *gate.Module, _ *wasi.World) (Engine, error) { return made(m), nil },
				Load:    func(_ []byte, m *gate.Module, _ *wasi.World) (Engine, error) { return made(m), nil },
			}},
		}
		_ = s.serve(t.Context()) // nonsense from the broker is an error
		for {
			h, err := frame.ReadHead(&out)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || h.Kind != frame.Reply && h.Kind != frame.Fail {
				t.Fatalf("the child answers with %+v, %v", h, err)
			}
			if _, err := frame.ReadPayload(&out, h, frame.ReplyHead+max(int(limits.Output), frame.MaxText)); err != nil {
				t.Fatal(err)
			}
		}
	})
}
