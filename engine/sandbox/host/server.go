package host

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/frame"
	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/jail"
	"sonm/engine/sandbox/wasi"
)

// Engine is one compiled guest with at most one instance.
type Engine interface {
	Instantiate(ctx context.Context) error
	Call(ctx context.Context, name string, args ...uint64) (uint64, error)
	Memory() []byte // stale after the next Call or Grow
	Grow(pages uint32) bool
	Globals() ([]uint64, error)
	SetGlobals([]uint64) error
	Spent() bool // the process has to end after its next answer

	// Artifact is the compiled guest as bytes for Library.Load, nil if there
	// is no such thing.
	Artifact() ([]byte, error)
}

// Library makes engines of guests that passed the gate.
type Library struct {
	Compile func(context.Context, *gate.Module, *wasi.World) (Engine, error)

	// Load makes one of what Artifact gave, of which guest.Code is not needed;
	// nil if the library cannot. It is trusted: see package sandbox.
	Load func(artifact []byte, guest *gate.Module, w *wasi.World) (Engine, error)
}

// server answers the broker's frames, one after the other.
type server struct {
	in      io.Reader
	out     io.Writer
	engines map[sandbox.Engine]Library
	limits  frame.Greeting
	level   jail.Level

	world   wasi.World
	guest   *gate.Module
	engine  Engine
	snap    *snapshot
	globals []uint64 // after open
	input   [32]byte // hash of what open got
	opened  bool
	called  bool // there is an instance
}

// reply is what a call gave; payload is guest memory and lives until the next.
type reply struct {
	work    uint64
	payload []byte
}

func (s *server) serve(ctx context.Context) error {
	for {
		h, err := frame.ReadHead(s.in)
		if errors.Is(err, io.EOF) {
			return nil // the broker is done with us
		}
		if err != nil {
			return err
		}
		body := &io.LimitedReader{R: s.in, N: int64(h.Len)}
		r, callErr := s.handle(ctx, h, body)
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
		if err := s.answer(r, callErr); err != nil {
			return err
		}
		if s.engine != nil && s.engine.Spent() {
			os.Exit(0) // nothing may be freed any more, see package wasmer
		}
	}
}

func (s *server) handle(ctx context.Context, h frame.Head, body io.Reader) (reply, error) {
	switch begins := h.Kind == frame.Module || h.Kind == frame.Load; {
	case (s.engine == nil) != begins:
		return reply{}, fmt.Errorf("frame of kind %d out of turn", h.Kind)
	case h.Kind == frame.Module:
		return s.compile(ctx, h, body)
	case h.Kind == frame.Load:
		return reply{}, s.load(h, body)
	}
	if uint64(h.Len) > s.limits.Input {
		return reply{}, sandbox.Errorf(sandbox.Invalid, "the input has %d bytes, %d are allowed", h.Len, s.limits.Input)
	}
	// A collection would wait for the guest, which cannot be interrupted; the
	// heap limit ends a guest that makes host calls without end.
	defer s.collect(debug.SetGCPercent(-1))
	switch h.Kind {
	case frame.Inspect:
		return s.first(ctx, "inspect", h, body)
	case frame.Open:
		return s.open(ctx, h, body)
	case frame.Task:
		return s.task(ctx, h, body)
	default:
		return reply{}, fmt.Errorf("frame of kind %d", h.Kind)
	}
}

// collect lets the collector run again between calls.
func (s *server) collect(percent int) {
	if s.engine == nil || !s.engine.Spent() {
		debug.SetGCPercent(percent)
	}
}

// compile gates and compiles the module. The answer holds what load takes
// another time, if the broker wants it and there is such a thing.
func (s *server) compile(ctx context.Context, h frame.Head, body io.Reader) (reply, error) {
	code, err := frame.ReadPayload(body, h, int(min(s.limits.Module, sandbox.MaxModule)))
	if err != nil {
		return reply{}, err
	}
	if s.guest, err = gate.Check(ctx, code, s.rules()); err != nil {
		return reply{}, err
	}
	lib, err := s.library()
	if err != nil {
		return reply{}, err
	}
	e, err := lib.Compile(ctx, s.guest, &s.world)
	if err != nil {
		return reply{}, err
	}
	s.begin(e)
	debug.FreeOSMemory()
	if !s.limits.Keep || lib.Load == nil {
		return reply{}, nil
	}
	b, err := e.Artifact()
	b = append(s.guest.Passed(), b...)
	if err != nil || len(b) > sandbox.MaxArtifact {
		return reply{}, err
	}
	return reply{payload: b}, nil
}

// load takes what compile answered in another child for the same module.
func (s *server) load(h frame.Head, body io.Reader) error {
	b, err := frame.ReadPayload(body, h, sandbox.MaxArtifact)
	if err != nil {
		return err
	}
	var artifact []byte
	if s.guest, artifact, err = gate.Again(b, s.rules()); err != nil {
		return err
	}
	lib, err := s.library()
	if err != nil {
		return err
	}
	if lib.Load == nil {
		return sandbox.Errorf(sandbox.Unsupported, "this engine cannot load what was compiled before")
	}
	e, err := lib.Load(artifact, s.guest, &s.world)
	if err != nil {
		return err
	}
	s.begin(e)
	return nil
}

func (s *server) rules() gate.Rules {
	allowed := map[string]gate.Signature{}
	for _, f := range s.world.Functions() {
		allowed[wasi.Namespace+"."+f.Name] = gate.Signature{Params: f.Params, Results: f.Results}
	}
	return gate.Rules{Module: sandbox.MaxModule, Memory: s.limits.Memory, Imports: allowed}
}

func (s *server) library() (Library, error) {
	name := sandbox.EngineOf(s.limits.Engine)
	lib, ok := s.engines[name]
	if !ok {
		return Library{}, sandbox.Errorf(sandbox.Unsupported, "this sandbox was built without %s", name)
	}
	return lib, nil
}

// begin is ready for calls of the guest in e.
func (s *server) begin(e Engine) {
	s.engine, s.guest.Code = e, nil
	debug.SetMemoryLimit(512 << 20)
}

// first makes one call of a fresh, initialized instance.
func (s *server) first(ctx context.Context, name string, h frame.Head, body io.Reader) (reply, error) {
	if err := s.engine.Instantiate(ctx); err != nil {
		return reply{}, err
	}
	s.called = true
	s.world.Reset(wasi.Key([32]byte{}, []byte("_initialize")))
	if s.guest.Initialize {
		if _, err := s.call(ctx, "_initialize"); err != nil {
			return reply{}, err
		}
	}
	v, err := s.call(ctx, "sonm_abi")
	if err != nil {
		return reply{}, err
	}
	if v != 1 {
		return reply{}, sandbox.Errorf(sandbox.Invalid, "the guest speaks version %d of the guest ABI, want 1", uint32(v))
	}
	ptr, sum, err := s.place(ctx, h, body)
	if err != nil {
		return reply{}, err
	}
	s.input = sum
	s.world.Reset(wasi.Key(sum, []byte(name)))
	return s.ask(ctx, name, ptr, h.Len)
}

// open keeps the state the guest is in afterwards.
func (s *server) open(ctx context.Context, h frame.Head, body io.Reader) (reply, error) {
	s.opened = false
	r, err := s.first(ctx, "open", h, body)
	if err != nil {
		return reply{}, err
	}
	if s.globals, err = s.engine.Globals(); err != nil {
		return reply{}, err
	}
	r.payload = append([]byte(nil), r.payload...) // the snapshot remaps what it points to
	if err := s.snap.take(s.engine.Memory()); err != nil {
		return reply{}, err
	}
	s.opened = true
	return r, nil
}

// task runs in a fresh instance put into the state after open.
func (s *server) task(ctx context.Context, h frame.Head, body io.Reader) (reply, error) {
	if !s.opened {
		return reply{}, errors.New("task before open")
	}
	if err := s.restore(ctx); err != nil {
		return reply{}, err
	}
	const most = 1 << 20 // task specs are tens of bytes
	spec, err := frame.ReadPayload(body, h, most)
	if err != nil {
		return reply{}, sandbox.Errorf(sandbox.Invalid, "the task has %d bytes, %d are allowed", h.Len, most)
	}
	s.world.Reset(wasi.Key(s.input, spec))
	ptr, err := s.room(ctx, uint32(len(spec)))
	if err != nil {
		return reply{}, err
	}
	copy(s.engine.Memory()[ptr:], spec)
	return s.ask(ctx, "task", ptr, uint32(len(spec)))
}

func (s *server) restore(ctx context.Context) error {
	if err := s.engine.Instantiate(ctx); err != nil {
		return err
	}
	missing := s.snap.size - len(s.engine.Memory())
	if missing < 0 || missing > 0 && !s.engine.Grow(uint32(missing/gate.PageSize)) {
		return sandbox.Errorf(sandbox.LimitMemory, "no room for %d MiB of guest memory", s.snap.size>>20)
	}
	if err := s.snap.restore(s.engine.Memory()); err != nil {
		return err
	}
	return s.engine.SetGlobals(s.globals)
}

// room has the guest make room for n bytes and checks what it says.
func (s *server) room(ctx context.Context, n uint32) (uint32, error) {
	if n > math.MaxInt32 {
		return 0, sandbox.Errorf(sandbox.Invalid, "the input has %d bytes, more than a guest can address", n)
	}
	v, err := s.call(ctx, "sonm_alloc", uint64(max(n, 1)))
	if err != nil {
		return 0, err
	}
	ptr := uint32(v)
	if ptr == 0 {
		return 0, sandbox.Errorf(sandbox.LimitMemory, "the guest has no memory for an input of %d bytes", n)
	}
	if uint64(ptr)+uint64(n) > uint64(len(s.engine.Memory())) {
		return 0, sandbox.Errorf(sandbox.Invalid, "the guest gave a place for its input that is outside its memory")
	}
	return ptr, nil
}

// place moves the input from the pipe straight into guest memory and hashes
// it on the way.
func (s *server) place(ctx context.Context, h frame.Head, body io.Reader) (uint32, [32]byte, error) {
	ptr, err := s.room(ctx, h.Len)
	if err != nil {
		return 0, [32]byte{}, err
	}
	to := s.engine.Memory()[ptr:][:h.Len]
	sum := sha256.New()
	for len(to) > 0 {
		n := min(len(to), 256<<10)
		if _, err := io.ReadFull(body, to[:n]); err != nil {
			return 0, [32]byte{}, err
		}
		sum.Write(to[:n])
		to = to[n:]
	}
	return ptr, [32]byte(sum.Sum(nil)), nil
}
