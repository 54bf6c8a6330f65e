package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
)

// core is what the engine of a home does for windows and terminals. *Desk does
// it in this process, *client has another process do it.
type core interface {
	Watch(ctx context.Context, tell func(event.Event)) error
	Quote(ctx context.Context, o event.Order) (event.Quote, error)
	Accept(ctx context.Context, id fog.JobID) error
	Cancel(ctx context.Context, id fog.JobID) error
	Preview(ctx context.Context, id fog.JobID, look event.Look) (event.Picture, error)
	Save(ctx context.Context, id fog.JobID, path string, look event.Look) error
	StartSelling(ctx context.Context, price fog.Amount, slots int) error
	StopSelling(ctx context.Context) error
	Render(ctx context.Context, r RenderRequest, tell func(fog.Fact)) (Summary, error)
	Sell(ctx context.Context, r SellRequest, tell func(fog.Fact)) error
	Status(ctx context.Context) (Status, error)
	Money(ctx context.Context) (Money, error)
	Redeem(ctx context.Context) (fog.Amount, error)
}

var (
	// errGone says that the engine ended while it was being asked.
	errGone = errors.New("the engine of this home has ended")
	// errUnreached says that the engine was gone before it was asked anything.
	errUnreached = fmt.Errorf("%w and was not asked", errGone)
)

// Link is a window's or terminal's way to the one engine of a home. If a
// process holds the home, that one is asked; if none does, this process becomes
// the engine, for others as well. When the engine ends, the next call finds or
// becomes another, and jobs go on from the journal. Its methods may be called
// from any goroutine.
//
// # Why
//
// Two writers of one journal, or of one account's nonces, lose money. So there
// is one engine for a home, whoever holds its lock, and it does not matter to
// anybody which process that is: closing a window, or killing it, hands the
// work to whoever is left.
type Link struct {
	cfg     Config
	turn    chan struct{} // holds one token: who has it looks for the engine
	closing sync.Once

	mu     sync.Mutex
	core   core    // guarded by mu; nil before the first call and when the engine is gone
	desk   *Desk   // guarded by mu; if this process is the engine
	server *server // guarded by mu; if this process is the engine
}

// NewLink makes a link that does nothing before it is used.
func NewLink(cfg Config) *Link {
	l := &Link{cfg: cfg, turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	return l
}

// Open finds the engine, or becomes it. Every other method does so by itself.
func (l *Link) Open(ctx context.Context) error {
	_, err := l.find(ctx)
	return err
}

// Engine reports whether this process is the engine.
func (l *Link) Engine() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.desk != nil
}

// Close ends the engine if this process is it; jobs under way stay in the
// journal. No other method may be called afterwards; Close may.
func (l *Link) Close() error {
	l.closing.Do(func() { <-l.turn }) // nobody looks for an engine any more
	l.mu.Lock()
	desk, srv := l.desk, l.server
	l.core, l.desk, l.server = nil, nil, nil
	l.mu.Unlock()
	if desk == nil {
		return nil
	}
	desk.cancel() // so that whoever is connected is told by the end of the line, and not by an answer
	return errors.Join(srv.Close(), desk.Close())
}

// find is the engine, wherever it runs.
func (l *Link) find(ctx context.Context) (core, error) {
	select {
	case <-l.turn:
		defer func() { l.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	c := l.core
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	return l.look(ctx)
}

// looking is how long the lock of a home may be held by a process that does
// not answer: one that is just beginning, or ending.
const looking = 30 * time.Second

// look tries by turns to become the engine and to reach the one there is. The
// caller has the turn.
func (l *Link) look(ctx context.Context) (core, error) {
	end := time.Now().Add(looking)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		h, err := openHome(l.cfg.Home)
		if err == nil {
			return l.become(ctx, h)
		}
		if !isBusy(err) {
			return nil, err
		}
		c := newClient(l.cfg.Home, l.cfg.Version)
		if found := c.greet(ctx); !errors.Is(found, errGone) {
			if found == nil {
				l.take(c, nil, nil)
			}
			return c, found
		}
		if time.Now().After(end) {
			return nil, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// become makes this process the engine of a home that it holds. The home
// answers from the first moment, so that who asks meanwhile waits for us.
func (l *Link) become(ctx context.Context, h *home) (core, error) {
	srv, err := serve(ctx, h, l.cfg)
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	d, err := openDesk(ctx, l.cfg, h)
	if err != nil {
		return nil, errors.Join(inWords(err), srv.Close())
	}
	srv.ready(d)
	l.take(d, d, srv)
	return d, nil
}

func (l *Link) take(c core, d *Desk, s *server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.core, l.desk, l.server = c, d, s
}

// lose forgets an engine that is gone.
func (l *Link) lose(c core) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.core == c && l.desk == nil {
		l.core = nil
	}
}

// with asks the engine. One that is gone before it was asked is replaced by
// another; what one that is gone while it was asked did is not known.
func (l *Link) with(ctx context.Context, do func(core) error) error {
	for {
		c, err := l.find(ctx)
		if err != nil {
			return err
		}
		err = do(c)
		if !errors.Is(err, errGone) || ctx.Err() != nil {
			return err
		}
		l.lose(c)
		if !errors.Is(err, errUnreached) {
			return err
		}
	}
}

// answer is with for what gives an answer; that the engine ended meanwhile is
// said in words.
func answer[T any](ctx context.Context, l *Link, do func(core) (T, error)) (v T, err error) {
	err = l.with(ctx, func(c core) (err error) {
		v, err = do(c)
		return err
	})
	if errors.Is(err, errGone) && ctx.Err() == nil {
		err = &event.Problem{Code: "engine", What: "The part of SONM that works in the background ended just now.", Do: "Try again.", Cause: err}
	}
	return v, err
}

func (l *Link) command(ctx context.Context, do func(core) error) error {
	_, err := answer(ctx, l, func(c core) (struct{}, error) { return struct{}{}, do(c) })
	return err
}

// Watch tells a snapshot and then every change, in order. It returns when ctx
// ends or the engine is gone; the next call finds another.
func (l *Link) Watch(ctx context.Context, tell func(event.Event)) error {
	return l.with(ctx, func(c core) error { return c.Watch(ctx, tell) })
}

// Quote inspects a scene, measures it and asks the sellers' prices.
func (l *Link) Quote(ctx context.Context, o event.Order) (event.Quote, error) {
	if err := whole(&o); err != nil {
		return event.Quote{}, err
	}
	return answer(ctx, l, func(c core) (event.Quote, error) { return c.Quote(ctx, o) })
}

// Accept starts a quoted job.
func (l *Link) Accept(ctx context.Context, id fog.JobID) error {
	return l.command(ctx, func(c core) error { return c.Accept(ctx, id) })
}

// Cancel calls a job off, or drops its quote.
func (l *Link) Cancel(ctx context.Context, id fog.JobID) error {
	return l.command(ctx, func(c core) error { return c.Cancel(ctx, id) })
}

// Preview is what there is of a job's picture.
func (l *Link) Preview(ctx context.Context, id fog.JobID, look event.Look) (event.Picture, error) {
	return answer(ctx, l, func(c core) (event.Picture, error) { return c.Preview(ctx, id, look) })
}

// Save writes the picture of a finished job.
func (l *Link) Save(ctx context.Context, id fog.JobID, path string, look event.Look) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	return l.command(ctx, func(c core) error { return c.Save(ctx, id, path, look) })
}

// StartSelling offers this computer.
func (l *Link) StartSelling(ctx context.Context, price fog.Amount, slots int) error {
	return l.command(ctx, func(c core) error { return c.StartSelling(ctx, price, slots) })
}

// StopSelling takes the offer back.
func (l *Link) StopSelling(ctx context.Context) error {
	return l.command(ctx, func(c core) error { return c.StopSelling(ctx) })
}

// Render buys a picture and saves it. When the engine ends meanwhile, another
// goes on with the job.
func (l *Link) Render(ctx context.Context, r RenderRequest, tell func(fog.Fact)) (sum Summary, err error) {
	if err := whole(&r.Order); err != nil {
		return sum, err
	}
	if r.Out, err = filepath.Abs(r.Out); err != nil {
		return sum, err
	}
	for {
		err = l.with(ctx, func(c core) (err error) {
			sum, err = c.Render(ctx, r, tell)
			return err
		})
		if !errors.Is(err, errGone) || ctx.Err() != nil {
			return sum, err
		}
		tell(fog.Waited{Reason: "The SONM that worked on the job has ended."})
	}
}

// Sell offers this computer until ctx ends or somebody switches selling off.
// When the engine ends meanwhile, another goes on selling.
func (l *Link) Sell(ctx context.Context, r SellRequest, tell func(fog.Fact)) error {
	for {
		err := l.with(ctx, func(c core) error { return c.Sell(ctx, r, tell) })
		if ctx.Err() != nil {
			return nil //nolint:nilerr // that is how selling ends
		}
		if !errors.Is(err, errGone) {
			return err
		}
	}
}

// Money is what the account has.
func (l *Link) Money(ctx context.Context) (Money, error) {
	return answer(ctx, l, func(c core) (Money, error) { return c.Money(ctx) })
}

// Redeem has the chain pay every voucher that this node holds.
func (l *Link) Redeem(ctx context.Context) (fog.Amount, error) {
	return answer(ctx, l, func(c core) (fog.Amount, error) { return c.Redeem(ctx) })
}

// whole makes an order's paths mean the same in every process, and refuses a
// scene that is none before an engine is looked for, which may start a network.
func whole(o *event.Order) (err error) {
	if o.Scene, err = filepath.Abs(o.Scene); err != nil {
		return err
	}
	pool, err := bundledApps()
	if err != nil {
		return err
	}
	if err := checkScene(pool, o.Scene); err != nil {
		return err
	}
	if _, color := parseColor(o.Sky); o.Sky != "" && !color {
		o.Sky, err = filepath.Abs(o.Sky)
	}
	return err
}
