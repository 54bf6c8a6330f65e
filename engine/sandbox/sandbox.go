// Package sandbox runs strangers' WebAssembly in locked-down child processes:
// it is the broker's side, which starts the children, talks to them over pipes
// and meters them, and in which no stranger's byte is ever executed or parsed.
//
// A guest is a wasm32 reactor of ABI version 1 (see package gate). A Session
// owns one child, and the child is one core's worth of work: for N cores, open
// N sessions. What a guest answers is a function of the module, the input of
// Open and the task alone.
//
// # Why
//
// The engines are child processes and not libraries of this one because the
// fastest of them can be made to crash, because killing a process is the only
// way to stop a guest that costs nothing while it runs, and because the child
// can be locked down to the point where a broken-out guest can do nothing but
// burn its own limits. The child is a program of its own (engine/sandbox/child,
// built as sonm-sandbox) so that no key, no network code and no window library
// shares its memory.
package sandbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"sonm/engine/fog"
)

// Engine names a WebAssembly engine a child can run.
type Engine string

// The engines of the child programs.
const (
	Wasmer   Engine = "wasmer"   // native code by Cranelift; where the child was built with it
	Wasmtime Engine = "wasmtime" // the same, newer and faster, in a child program of its own
	Wazero   Engine = "wazero"   // pure Go, everywhere
)

// Engines are all there are, in the order they are tried by default.
func Engines() []Engine { return []Engine{Wasmer, Wasmtime, Wazero} }

var engineCodes = map[Engine]uint8{Wasmer: 1, Wazero: 2, Wasmtime: 3}

// Valid reports whether e is one of Engines.
func (e Engine) Valid() bool { return engineCodes[e] != 0 }

// EngineOf is the engine a Hello's code stands for, or "".
func EngineOf(code uint8) Engine {
	for e, c := range engineCodes {
		if c == code {
			return e
		}
	}
	return ""
}

// Limits bound one call of a guest. Zero fields take the defaults.
type Limits struct {
	Memory uint64        // guest memory in bytes, at most 4 GiB; default 2 GiB, as guests are linked
	CPU    time.Duration // processor time of one call, compiling included; default 10 min
	Wall   time.Duration // time of one call on the clock; default 20 min
	Output int           // bytes of a reply's payload; default 64 MiB
	Input  int           // bytes of a bundle or task; default 1 GiB
}

// The defaults of Limits: twice a long task on a slow computer for the times,
// half the address space of wasm32 for the memory.
const (
	DefaultMemory = 2 << 30
	DefaultCPU    = 10 * time.Minute
	DefaultWall   = 20 * time.Minute
	DefaultOutput = 64 << 20
	DefaultInput  = 1 << 30

	// MaxModule is the largest module in bytes: the renderer has 1-2 MB, and
	// the time to compile grows with the size.
	MaxModule = 32 << 20
	// MaxArtifact is the largest compiled module in bytes. The engines make up
	// to about ten bytes of one.
	MaxArtifact = 12 * MaxModule
	// maxLife is the processor time after which a child is replaced; the
	// child's own rlimit is this much and one call more.
	maxLife = 24 * time.Hour
)

func (l Limits) withDefaults() Limits {
	if l.Memory == 0 {
		l.Memory = DefaultMemory
	}
	l.Memory = min(l.Memory, 1<<32)
	if l.CPU <= 0 {
		l.CPU = DefaultCPU
	}
	if l.Wall <= 0 {
		l.Wall = DefaultWall
	}
	if l.Output <= 0 {
		l.Output = DefaultOutput
	}
	if l.Input <= 0 {
		l.Input = DefaultInput
	}
	l.Output, l.Input = min(l.Output, 1<<31-1), min(l.Input, 1<<31-1)
	return l
}

// Config says which child to run and how.
type Config struct {
	Child   string    // path of the program sonm-sandbox; sonm-sandbox-wasmtime is looked for beside it
	Engines []Engine  // that may be used, the preferred first; default Engines()
	Keep    string    // folder for compiled modules and for what engine suits them; "" keeps nothing
	Level   fog.Level // children that are locked down less are not used, see ErrLevel
	Limits  Limits
	Class   Class        // how the children share the processor
	Log     *slog.Logger // default: none

	// Changed, if given, is told when a session goes on in another engine, as
	// the one it had cannot do it. The caller may be in any call of a session,
	// and must not call one.
	Changed func(from, to Engine, why *Error)
}

// Class is how children share the processor with what else the computer does.
type Class uint8

// The classes; the codes are those of package jail.
const (
	Background Class = 0 // the lowest priority: strangers' work, and what nobody waits for
	Idle       Class = 1 // only when nobody else wants the processor
	Waited     Class = 2 // like any program: the owner waits for the answer
)

// program is the path of the child program with e in it.
func (c Config) program(e Engine) string {
	if e != Wasmtime {
		return c.Child
	}
	ext := filepath.Ext(c.Child)
	if ext != ".exe" {
		ext = ""
	}
	return strings.TrimSuffix(c.Child, ext) + "-wasmtime" + ext
}

// Sandbox starts sessions. It needs no closing.
type Sandbox struct {
	cfg     Config
	cache   *cache
	choices *choices
}

// New checks c. It starts nothing and does not look for the child program.
func New(c Config) (*Sandbox, error) {
	if c.Child == "" {
		return nil, errors.New("sandbox: no path of the child program")
	}
	if len(c.Engines) == 0 {
		c.Engines = Engines()
	}
	for _, e := range c.Engines {
		if !e.Valid() {
			return nil, fmt.Errorf("sandbox: engine %q is unknown, want one of %q", e, Engines())
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	b := &Sandbox{c, &cache{dir: c.Keep, most: cacheSize}, &choices{}}
	if c.Keep != "" {
		b.choices.path = filepath.Join(c.Keep, "engines.json")
	}
	return b, nil
}

// Level starts a child and says how far it is locked down.
func (b *Sandbox) Level(ctx context.Context) (fog.Level, error) {
	s := b.session(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.drop()
	err := s.trying(func() error { return s.begin(ctx) })
	return s.Level(), err
}

// As is b with another configuration. The two share what they keep and learn,
// wherever that is.
func (b *Sandbox) As(change func(*Config)) (*Sandbox, error) {
	c := b.cfg
	change(&c)
	other, err := New(c)
	if err != nil {
		return nil, err
	}
	other.cache, other.choices = b.cache, b.choices
	return other, nil
}

// Limits are the limits in force, defaults filled in.
func (b *Sandbox) Limits() Limits { return b.cfg.Limits }

// Reply is a guest's answer to one call.
type Reply struct {
	Payload []byte
	Work    uint64        // units the guest counted; deterministic, so that it can be sold
	Engine  Engine        // that gave the answer
	CPU     time.Duration // processor time of the child for this call as the system counts it; 0 where unknown
	Memory  uint64        // guest memory after the call, bytes
}

func (b *Sandbox) session(module []byte) *Session {
	s := &Session{
		cfg: b.cfg, cache: b.cache, choices: b.choices, module: module, hash: sha256.Sum256(module),
		closed: make(chan struct{}), paces: map[Engine]pace{},
	}
	order, rivals := b.choices.order(s.hash, b.cfg.Engines)
	s.engine.Store(uint32(engineCodes[order[0]]))
	s.left, s.rivals = order[1:], rivals
	return s
}

// Start begins a session with module, which the caller must leave unchanged
// until Close. It starts a child, which checks and compiles the module; the
// error is an *Error, or wraps ctx's or one of the system.
func (b *Sandbox) Start(ctx context.Context, module []byte) (*Session, error) {
	if len(module) > MaxModule {
		return nil, Errorf(Invalid, "the module has %d bytes, %d are allowed", len(module), MaxModule)
	}
	s := b.session(module)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.trying(func() error { return s.ready(ctx) }); err != nil {
		s.drop()
		return nil, err
	}
	return s, nil
}
