package sandbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"sonm/engine/fog"
	"sonm/engine/sandbox/frame"
)

// ErrClosed is returned by the calls of a closed Session.
var ErrClosed = errors.New("sandbox session is closed")

// ErrLevel says that a child could not be locked down as far as Config.Level
// asks. It has seen nothing of the module.
var ErrLevel = errors.New("this computer cannot lock strangers' code in as far as it has to be")

// Session is one guest in one child process. Its calls are serial: a second
// caller waits. When a limit, a cancelled context or a crash costs it the
// child, the next call starts another one and brings it to where it was.
type Session struct {
	cfg     Config
	cache   *cache
	choices *choices
	module  []byte
	hash    [sha256.Size]byte // of module
	closed  chan struct{}
	once    sync.Once

	engine atomic.Uint32 // by its code
	level  atomic.Uint32 // of the last child
	pause  pause

	mu     sync.Mutex // held for the length of a call; guards what follows
	child  *child     // nil while none runs
	input  []byte     // of the last successful Open
	opened bool       // input is set
	loaded bool       // child has seen input
	// compiled says that the present engine takes the module.
	compiled bool
	left     []Engine // to go on with, when the present one cannot do it
	blamed   bool     // no other engine did better when the guest trapped
	rivals   []Engine // being compared, none if that is done
	paces    map[Engine]pace
}

// Engine is the engine that answers now; it changes when a module turns out
// to need another one.
func (s *Session) Engine() Engine {
	return EngineOf(uint8(s.engine.Load()))
}

// Level is how far the child is locked down.
func (s *Session) Level() fog.Level { return fog.Level(s.level.Load()) }

// Comparing reports whether the session still finds out which engine is the
// fastest with its module: tasks are done in one engine after the other.
func (s *Session) Comparing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rivals) > 0
}

// Inspect asks the guest what it makes of bundle.
func (s *Session) Inspect(ctx context.Context, bundle []byte) (Reply, error) {
	return s.do(ctx, frame.Inspect, bundle)
}

// Open hands the guest the input all later tasks work on, which the caller
// must leave unchanged until the next Open or Close: it is not copied, and is
// sent again when a child has to be replaced.
func (s *Session) Open(ctx context.Context, input []byte) (Reply, error) {
	return s.do(ctx, frame.Open, input)
}

// Task has the guest work on spec, from the state it had right after Open.
func (s *Session) Task(ctx context.Context, spec []byte) (Reply, error) {
	return s.do(ctx, frame.Task, spec)
}

// Close kills the child, ends a call in progress and waits for both. It is
// safe to call it twice.
func (s *Session) Close() error {
	s.once.Do(func() { close(s.closed) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
	s.module, s.input = nil, nil
	if err := s.choices.save(); err != nil {
		s.cfg.Log.Warn("what was learnt of sandbox engines is not kept", "err", err)
	}
	return nil
}

func (s *Session) do(ctx context.Context, k frame.Kind, payload []byte) (Reply, error) {
	if len(payload) > s.cfg.Limits.Input {
		return Reply{}, Errorf(Invalid, "the input has %d bytes, %d are allowed", len(payload), s.cfg.Limits.Input)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.pause.wait(ctx, s.closed); err != nil {
		return Reply{}, err
	}
	if k == frame.Open { // forget the old input first: a failed Open leaves none
		s.input, s.opened, s.loaded = nil, false, false
	}
	if k == frame.Task && !s.opened {
		return Reply{}, Errorf(Invalid, "a task before its input was opened")
	}
	var r Reply
	err := s.trying(func() (err error) {
		r, err = s.attempt(ctx, k, payload)
		return err
	})
	if err == nil && k == frame.Open {
		s.input, s.opened, s.loaded = payload, true, true
	}
	if err == nil && k == frame.Task {
		s.compare(r)
	}
	return r, err
}

// attempt makes one call on the present engine.
func (s *Session) attempt(ctx context.Context, k frame.Kind, payload []byte) (Reply, error) {
	if err := s.ready(ctx); err != nil {
		return Reply{}, err
	}
	if k == frame.Task && !s.loaded {
		if _, err := s.call(ctx, frame.Open, s.input); err != nil {
			return Reply{}, err
		}
		s.loaded = true
	}
	return s.call(ctx, k, payload)
}

// trying runs f until an engine can do it. A trap of a native engine may be a
// fault of its compiler, so that another one runs f as well before the guest is
// blamed; as that doubles what a hostile guest costs, it is done until it was in
// vain once.
func (s *Session) trying(f func() error) error {
	err := s.inTurn(f)
	e, ours := errors.AsType[*Error](err)
	if !ours || e.Kind != Trap || s.blamed || s.Engine() == Wazero || len(s.left) == 0 {
		return err
	}
	return s.doubting(e, f)
}

// doubting runs f, in which the guest trapped, in the next engine.
func (s *Session) doubting(trap *Error, f func() error) error {
	from, left, compiled := s.Engine(), s.left, s.compiled
	s.next()
	err := s.inTurn(f)
	if err == nil {
		s.rivals = nil
		s.choices.failed(s.hash, from, Trap)
		s.changed(from, s.Engine(), trap)
		return nil
	}
	s.blamed = true
	e, ours := errors.AsType[*Error](err)
	if ours && e.Kind == Trap {
		return err
	}
	s.drop()
	s.engine.Store(uint32(engineCodes[from]))
	s.left, s.compiled = left, compiled
	if ours && (e.Kind == Unsupported || e.Kind == Crashed) {
		return trap
	}
	return err
}

// inTurn runs f on the present engine and, when that engine cannot do it, on
// the ones after it; the session stays with the last one tried.
func (s *Session) inTurn(f func() error) error {
	for {
		err := f()
		var e *Error
		if !errors.As(err, &e) || e.Kind != Unsupported && e.Kind != Crashed {
			return err
		}
		s.drop()
		from := s.Engine()
		if e.Kind != Unsupported || !s.compiled { // else it was the input's doing
			s.choices.failed(s.hash, from, e.Kind)
		}
		s.rivals = nil
		if len(s.left) == 0 {
			s.compiled = false
			return err
		}
		s.next()
		s.changed(from, s.Engine(), e)
	}
}

// next moves on to the next engine, which has seen nothing yet.
func (s *Session) next() {
	s.drop()
	s.engine.Store(uint32(engineCodes[s.left[0]]))
	s.left, s.compiled = s.left[1:], false
}

// changed tells that the session goes on in another engine.
func (s *Session) changed(from, to Engine, why *Error) {
	s.cfg.Log.Info("sandbox engine changed", "from", from, "to", to, "reason", why)
	if s.cfg.Changed != nil {
		s.cfg.Changed(from, to, why)
	}
}

// ready makes sure that a child with the module runs.
func (s *Session) ready(ctx context.Context) error {
	if s.child != nil {
		return nil
	}
	var key cacheKey
	if s.cache.dir != "" {
		key = s.cache.key(s.hash, s.Engine(), s.cfg.program(s.Engine()))
	}
	if kept := s.cache.load(key); kept != nil {
		if err := s.begin(ctx); err != nil {
			return err
		}
		_, err := s.call(ctx, frame.Load, kept)
		e, ours := errors.AsType[*Error](err)
		if err == nil || !ours || e.Kind != Unsupported && e.Kind != Crashed {
			return s.fit(err)
		}
		s.cfg.Log.Info("compiled module dropped", "engine", s.Engine(), "reason", err)
		s.cache.drop(key)
		s.drop()
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	r, err := s.call(ctx, frame.Module, s.module)
	if err == nil {
		if err := s.cache.store(key, r.Payload); err != nil {
			s.cfg.Log.Warn("compiled module not kept", "err", err)
		}
	}
	return s.fit(err)
}

// fit drops a child that has no module to go on with.
func (s *Session) fit(err error) error {
	if err != nil {
		s.drop()
	}
	s.compiled = s.compiled || err == nil && s.child != nil
	return err
}

// begin starts a child and waits until it is locked down, as far as it has to be.
func (s *Session) begin(ctx context.Context) error {
	engine := s.Engine()
	cfg := s.cfg
	cfg.Child = cfg.program(engine)
	c, err := start(cfg)
	if engine == Wasmtime && errors.Is(err, os.ErrNotExist) {
		return Errorf(Unsupported, "the sandbox came without %s", engine)
	}
	if err != nil {
		return err
	}
	s.child, s.loaded = c, false
	s.pause.running(c)
	hello := frame.Greeting{
		Parent: uint32(os.Getpid()), Engine: engineCodes[engine], Class: uint8(s.cfg.Class), Keep: s.cache.dir != "",
		Memory: s.cfg.Limits.Memory, Output: uint64(s.cfg.Limits.Output), Input: uint64(s.cfg.Limits.Input),
		Life: uint64((maxLife + s.cfg.Limits.CPU).Seconds()), Module: MaxModule,
	}
	if _, err := s.call(ctx, frame.Hello, hello.Bytes()); err != nil {
		s.drop()
		return err
	}
	if got := s.Level(); got < s.cfg.Level {
		s.drop()
		return fmt.Errorf("%w: %s of %s", ErrLevel, got, s.cfg.Level)
	}
	return nil
}

// call is one request and its answer; a child that is no longer fit to use
// is gone when it returns.
func (s *Session) call(ctx context.Context, k frame.Kind, payload []byte) (Reply, error) {
	limits := s.cfg.Limits
	if k == frame.Module { // the answer is the engine's and not the guest's
		limits.Output = MaxArtifact
	}
	a, err := s.child.roundTrip(ctx, s.closed, k, payload, limits)
	if a.guest != "" {
		s.cfg.Log.Debug("guest wrote", "text", a.guest)
	}
	if k == frame.Hello && err == nil { // later it might be the guest's word
		s.level.Store(a.level)
	}
	if a.gone || a.life > maxLife {
		s.drop()
	}
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Payload: a.payload, Work: a.work, Engine: s.Engine(), CPU: a.cpu, Memory: a.memory}
	return r, nil
}

func (s *Session) drop() {
	if s.child != nil {
		s.pause.running(nil)
		s.child.stop()
	}
	s.child, s.loaded = nil, false
}
