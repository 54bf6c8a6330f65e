package spectest

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"sonm/engine/sandbox/gate"
)

// errText is the verdict on what no engine here is given.
var errText = errors.New("a text")

// player plays one script on one engine.
type player struct {
	engine     Engine
	wrap       wrapper
	script     *script
	shared     map[int]bool
	registered map[string]*piece
	named      map[string]*piece
	last       *piece
}

// piece is an instance of the script, or the reason why there is none.
type piece struct {
	Instance
	around wrapped
	broken error
}

func newPlayer(o Options, s *script) (*player, error) {
	e, err := o.Open()
	if err != nil {
		return nil, err
	}
	p := &player{
		engine: e, wrap: wrapper{refs: o.NoRefs}, script: s, shared: s.shared(),
		registered: map[string]*piece{}, named: map[string]*piece{}, last: &piece{broken: errors.New("no module yet")},
	}
	h := p.instantiate(host(), false)
	if h.broken != nil {
		return nil, fmt.Errorf("module spectest: %w", h.broken)
	}
	p.registered["spectest"] = h
	return p, nil
}

// play runs one command and says what is wrong with it; errText if it is not
// to be judged.
func (p *player) play(n int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	c := &p.script.Commands[n]
	switch c.Kind {
	case "module":
		return p.module(n)
	case "register":
		p.registered[c.As] = p.piece(c.Name)
		return nil
	case "action", "assert_return":
		got, err := p.do(c.Action)
		if err != nil || c.Kind == "action" {
			return err
		}
		return meets(got, c.Expected)
	case "assert_trap", "assert_exhaustion":
		_, err := p.do(c.Action)
		return stops(err, c.Text)
	case "assert_malformed", "assert_invalid":
		return p.refuses(c)
	case "assert_unlinkable", "assert_uninstantiable":
		return p.links(c)
	}
	return fmt.Errorf("unknown command %q", c.Kind)
}

func (p *player) module(n int) error {
	c := &p.script.Commands[n]
	code, err := p.script.read(c.File)
	if err != nil {
		return err
	}
	// Set first: a panic leaves no earlier module for what follows.
	p.last = &piece{broken: fmt.Errorf("no module of line %d", c.Line)}
	if c.Name != "" {
		p.named[c.Name] = p.last
	}
	made := p.instantiate(code, p.shared[n])
	p.last.Instance, p.last.around = made.Instance, made.around
	p.last.broken = nil
	if made.broken != nil {
		p.last.broken = fmt.Errorf("no module of line %d: %w", c.Line, made.broken)
	}
	return made.broken
}

func (p *player) instantiate(code []byte, shared bool) *piece {
	code, err := gate.Rewrite(code) // as a guest's is
	if err != nil {
		return &piece{broken: fmt.Errorf("is not rewritten: %w", err)}
	}
	w := p.wrap
	w.keep = shared
	code, around := w.wrap(code)
	m, err := p.engine.Compile(code)
	if err != nil {
		return &piece{broken: fmt.Errorf("does not compile: %w", err)}
	}
	in, err := m.Instantiate(p.lookup)
	if err != nil {
		err = fmt.Errorf("does not start: %w", err)
	}
	return &piece{in, around, err}
}

func (p *player) lookup(name string) Instance {
	if is := p.registered[name]; is != nil && is.broken == nil {
		return is.Instance
	}
	return nil
}

// piece is the module of that name, or the last.
func (p *player) piece(name string) *piece {
	switch is := p.named[name]; {
	case name == "":
		return p.last
	case is != nil:
		return is
	default:
		return &piece{broken: fmt.Errorf("no module %s", name)}
	}
}

func (p *player) do(a action) ([]Value, error) {
	on := p.piece(a.Module)
	if on.broken != nil {
		return nil, on.broken
	}
	args := make([]Value, len(a.Args))
	for n, o := range a.Args {
		var err error
		if args[n], err = o.value(); err != nil {
			return nil, err
		}
	}
	prefix := callPrefix
	if a.Kind == "get" {
		prefix = getPrefix
	}
	if sig, ok := on.around[prefix+a.Field]; ok {
		return p.around(on, prefix+a.Field, sig, args)
	}
	if a.Kind == "get" {
		v, err := on.Global(a.Field)
		return []Value{v}, err
	}
	return on.Call(a.Field, args)
}

// around calls a wrapper.
func (p *player) around(on *piece, export string, sig signature, args []Value) ([]Value, error) {
	var flat []Value
	for _, v := range args {
		switch {
		case !p.wrap.odd(v.Type):
			flat = append(flat, v)
		case v.Type == V128:
			flat = append(flat, Value{Type: I64, Lo: v.Lo}, Value{Type: I64, Lo: v.Hi})
		case !v.Null:
			return nil, errors.New("the library has no references")
		}
	}
	got, err := on.Call(export, flat)
	if err != nil {
		return nil, err
	}
	if want := p.wrap.flat(sig.results, false); len(got) != len(want) {
		return nil, fmt.Errorf("gave %d values, want %d", len(got), len(want))
	}
	results := make([]Value, len(sig.results))
	for n, t := range sig.results {
		results[n], got = got[0], got[1:]
		switch {
		case !p.wrap.odd(t):
		case t == V128:
			results[n] = Value{Type: V128, Lo: results[n].Lo, Hi: got[0].Lo}
			got = got[1:]
		default:
			results[n] = Value{Type: t, Null: results[n].Lo != 0}
		}
	}
	return results, nil
}

// refuses says what is wrong if the engine compiles what it should not.
func (p *player) refuses(c *command) error {
	code, err := p.script.read(c.File)
	if err != nil {
		return err
	}
	if c.ModuleType == "text" {
		var ok bool
		if code, ok = assemble(code); !ok {
			return errText
		}
	}
	if _, err := p.engine.Compile(code); err == nil {
		return fmt.Errorf("compiles, want %q", c.Text)
	}
	return nil
}

// links says what is wrong if a valid module starts that should not.
func (p *player) links(c *command) error {
	code, err := p.script.read(c.File)
	if err != nil {
		return err
	}
	m, err := p.engine.Compile(code)
	if err != nil {
		return fmt.Errorf("does not compile: %w", err)
	}
	_, err = m.Instantiate(p.lookup)
	trap, trapped := errors.AsType[*Trap](err)
	switch {
	case c.Kind == "assert_uninstantiable":
		return stops(err, c.Text)
	case err == nil:
		return fmt.Errorf("links, want %q", c.Text)
	case trapped:
		return fmt.Errorf("links and stops with %q, want %q", trap.Reason, c.Text)
	}
	return nil
}

// again plays the commands before from but those it is to leave out, in order
// to have their effects only. It says which one it is at.
func (p *player) again(from int, without []int, to io.Writer) error {
	for n := range from {
		switch p.script.Commands[n].Kind {
		case "assert_malformed", "assert_invalid":
			continue
		}
		if slices.Contains(without, n) {
			continue
		}
		if _, err := fmt.Fprintln(to, "again", n); err != nil {
			return err
		}
		_ = p.play(n) // judged when it was played first
	}
	return nil
}
