package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/app/event"
	"sonm/engine/fog"
)

// Desk is the engine of a home at work: jobs that are quoted, accepted and
// saved one step at a time, a Sell switch, and everything that changes told to
// whoever watches. Windows and terminals reach it through Link, from this
// process or from others. Its methods may be called from any goroutine.
type Desk struct {
	a      *App
	ctx    context.Context //nolint:containedctx // what jobs and selling run in; ended by Close
	cancel context.CancelFunc
	group  errgroup.Group

	mu       sync.Mutex
	jobs     []*order                  // guarded by mu; newest first
	watchers map[chan event.Event]bool // guarded by mu
	money    event.Money               // guarded by mu; what the chain said last
	till     *till                     // guarded by mu; nil while not selling
}

// openDesk makes a desk of a home that this process holds, and takes it over.
func openDesk(ctx context.Context, cfg Config, h *home) (*Desk, error) {
	a, err := openIn(ctx, cfg, h)
	if err != nil {
		return nil, err
	}
	if err := a.journal.sweep(ctx); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	d := &Desk{a: a, watchers: map[chan event.Event]bool{}}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if cfg.Resume {
		if err := d.resumeAll(ctx); err != nil {
			return nil, errors.Join(err, d.Close()) //nolint:contextcheck // what is swept up is swept whatever became of ctx
		}
	}
	return d, nil
}

// Close ends what runs and closes the home. A job under way stays open in the
// journal.
func (d *Desk) Close() error {
	d.cancel()
	return errors.Join(d.group.Wait(), d.a.journal.sweep(context.WithoutCancel(d.ctx)), d.a.Close())
}

// refresh is how often a watcher is told everything anew: how many computers
// are connected is in no event.
const refresh = 5 * time.Second

// backlog is how many events a watcher may be behind before it is told a fresh
// snapshot instead.
const backlog = 256

// Watch tells a snapshot and then every change, in order, until ctx ends.
func (d *Desk) Watch(ctx context.Context, tell func(event.Event)) error {
	events := make(chan event.Event, backlog)
	d.mu.Lock()
	d.watchers[events] = true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.watchers, events)
	}()
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for again := true; ; {
		if again {
			s := d.snapshot(ctx)
			tell(event.Event{Snapshot: &s})
			again = false
		}
		select {
		case e := <-events:
			tell(e)
		case <-tick.C:
			again = true
		case <-ctx.Done():
			return ctx.Err()
		case <-d.ctx.Done():
			return errGone
		}
	}
}

// snapshot is everything there is to see now. Where the chain does not answer,
// the money is what it said last.
func (d *Desk) snapshot(ctx context.Context) event.Snapshot {
	m, err := d.a.Money(ctx)
	today := d.earned(midnight(time.Now()))
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		d.money = event.Money{Balance: m.Balance, Escrow: m.Escrow, Reserved: m.Reserved}
	}
	s := event.Snapshot{
		Version: d.a.cfg.Version, Account: d.a.bridge.Account(), Network: d.a.net.Name, Practice: d.a.net.Practice,
		Peers: len(d.a.node.Host().Peers()), Offers: len(d.a.node.Asks(time.Now())),
		Offline: err != nil, Money: d.money, Today: today,
	}
	if d.till != nil {
		c := d.till.selling
		s.Selling = &c
	}
	for _, o := range d.jobs {
		s.Jobs = append(s.Jobs, o.job)
	}
	return s
}

// tell sends an event to every watcher. The caller holds mu. A watcher that is
// far behind loses events; the next change of the same job carries all of it.
func (d *Desk) tell(e event.Event) {
	for w := range d.watchers {
		select {
		case w <- e:
		default:
		}
	}
}

// tellMoney tells what the account has after money moved.
func (d *Desk) tellMoney() {
	m, err := d.a.Money(d.ctx)
	if err != nil {
		return // the next snapshot has it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.money = event.Money{Balance: m.Balance, Escrow: m.Escrow, Reserved: m.Reserved}
	c := d.money
	d.tell(event.Event{Money: &c})
}

// Status is the node's own view.
func (d *Desk) Status(context.Context) (Status, error) {
	s := Status{
		Running: true, Home: d.a.home.dir, Peer: d.a.node.ID(), Account: d.a.bridge.Account(), Network: d.a.net.Name,
		Peers: len(d.a.node.Host().Peers()), Offers: len(d.a.node.Asks(time.Now())),
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.till != nil {
		c := d.till.selling
		s.Selling = &c
	}
	for _, o := range d.jobs {
		if o.job.State == event.Running {
			s.Jobs++
		}
	}
	return s, nil
}

// Money is what the account has.
func (d *Desk) Money(ctx context.Context) (Money, error) { return d.a.Money(ctx) }

// Redeem has the chain pay every voucher this node holds.
func (d *Desk) Redeem(ctx context.Context) (fog.Amount, error) { return d.a.Redeem(ctx) }
