package app

import (
	"context"
	"errors"
	"fmt"
	"image/color"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/app/event"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/market"
)

// Desk is the node as a window uses it: jobs that are quoted, accepted and
// saved one step at a time, a Sell switch, and everything that changes told to
// whoever watches. Its methods may be called from any goroutine.
type Desk struct {
	a      *App
	ctx    context.Context //nolint:containedctx // what jobs and selling run in; ended by Close
	cancel context.CancelFunc
	group  errgroup.Group

	mu       sync.Mutex
	jobs     []*order                  // guarded by mu; newest first
	watchers map[chan event.Event]bool // guarded by mu
	selling  *event.Selling            // guarded by mu; nil while not selling
	stop     context.CancelFunc        // guarded by mu; of the selling
	stopped  chan struct{}             // guarded by mu; closed when the selling has ended
}

// order is one job of the desk. Its fields but job belong to the goroutine that
// runs the step it is in.
type order struct {
	job      event.Job // guarded by Desk.mu
	request  RenderRequest
	buyer    *buyer.Buyer
	prepared buyer.Prepared
	offer    market.Offer
	cancel   context.CancelFunc
	peek     chan func(*job.Film)
	film     *job.Film // once done
}

// OpenDesk opens a home for a window.
func OpenDesk(ctx context.Context, cfg Config) (*Desk, error) {
	a, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &Desk{a: a, watchers: map[chan event.Event]bool{}}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return d, nil
}

// Close ends what runs and closes the home. A job under way stays open in the
// journal.
func (d *Desk) Close() error {
	d.cancel()
	return errors.Join(d.group.Wait(), d.a.Close())
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
			s, err := d.snapshot(ctx)
			if err != nil {
				return inWords(err)
			}
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
			return d.ctx.Err()
		}
	}
}

func (d *Desk) snapshot(ctx context.Context) (event.Snapshot, error) {
	m, err := d.a.Money(ctx)
	if err != nil {
		return event.Snapshot{}, err
	}
	st := d.a.Status()
	s := event.Snapshot{
		Version: d.a.cfg.Version, Account: st.Account, Network: st.Network, Practice: m.Practice, Peers: st.Peers, Offers: st.Offers,
		Money: event.Money{Balance: m.Balance, Escrow: m.Escrow, Reserved: m.Reserved},
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.selling != nil {
		c := *d.selling
		s.Selling = &c
	}
	for _, o := range d.jobs {
		s.Jobs = append(s.Jobs, o.job)
	}
	return s, nil
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

// change edits a job and tells it.
func (d *Desk) change(o *order, edit func(*event.Job)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	edit(&o.job)
	c := o.job
	d.tell(event.Event{Job: &c})
}

// tellMoney tells what the account has after money moved.
func (d *Desk) tellMoney() {
	m, err := d.a.Money(d.ctx)
	if err != nil {
		return // the next snapshot has it
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tell(event.Event{Money: &event.Money{Balance: m.Balance, Escrow: m.Escrow, Reserved: m.Reserved}})
}

// Quote inspects a scene, measures it here and asks the sellers' prices.
func (d *Desk) Quote(ctx context.Context, r event.Order) (event.Quote, error) {
	o := &order{request: RenderRequest{Order: r}, peek: make(chan func(*job.Film))}
	var found fog.Inspected
	emit := d.a.recorded(ctx, func(f fog.Fact) { d.fold(o, f) })
	var err error
	if o.buyer, err = d.a.newBuyer(emit, d.a.journal.of(o.request)); err != nil {
		return event.Quote{}, inWords(err)
	}
	o.prepared, err = d.a.prepare(ctx, o.buyer, r, func(f fog.Fact) {
		if i, ok := f.(fog.Inspected); ok {
			found = i
		}
	})
	if err != nil {
		return event.Quote{}, inWords(err)
	}
	if o.offer, err = o.buyer.Quote(ctx, o.prepared, terms(r), r.Wait); err != nil {
		return event.Quote{}, inWords(err)
	}
	q := event.Quote{
		Job: o.prepared.ID, Sellers: len(o.offer.Asks), Expected: o.offer.Expected, Max: o.offer.Max, Tasks: len(o.prepared.Plan.Tasks),
		Cameras: found.Cameras, Drawn: found.Drawn, Warnings: found.Warnings,
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o.job = event.Job{
		ID: q.Job, Scene: filepath.Base(r.Scene), Width: r.Width, Height: r.Height, Samples: r.Samples, State: event.Quoted,
		Quote: &q, Total: q.Tasks, Created: time.Now(),
	}
	d.jobs = append([]*order{o}, d.jobs...)
	c := o.job
	d.tell(event.Event{Job: &c})
	return q, nil
}

// find returns a job that is in one of the states.
func (d *Desk) find(id fog.JobID, states ...event.State) (*order, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.jobs {
		if o.job.ID == id && slices.Contains(states, o.job.State) {
			return o, nil
		}
	}
	return nil, &event.Problem{Code: "job", What: "That job is not there any more."}
}

// Accept locks the money and has a quoted job rendered.
func (d *Desk) Accept(_ context.Context, id fog.JobID) error { //nolint:contextcheck // the job outlives the call
	o, err := d.find(id, event.Quoted)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(d.ctx)
	o.cancel = cancel
	d.change(o, func(j *event.Job) { j.State = event.Running })
	d.group.Go(func() error {
		defer cancel()
		d.run(ctx, o)
		return nil
	})
	return nil
}

func (d *Desk) run(ctx context.Context, o *order) {
	r := o.request
	out, err := o.buyer.Run(ctx, o.prepared, buyer.Terms{
		Offer: o.offer, CheckRate: r.CheckRate, Patience: max(r.Wait, leastPatience), Peek: o.peek,
	})
	d.change(o, func(j *event.Job) {
		switch {
		case err == nil:
			o.film = out.Film
			j.State, j.Done, j.Spent, j.Checked = event.Done, j.Total, out.Spent, out.Checked
			j.Refund, _ = out.Locked.Sub(out.Spent) // settle has seen to it that it is not below zero
		case ctx.Err() != nil:
			j.State = event.Cancelled
		default:
			j.State, j.Problem = event.Failed, event.AsProblem(inWords(err))
		}
	})
	d.tellMoney()
}

// Cancel stops a job, or drops its quote. What was done is paid.
func (d *Desk) Cancel(ctx context.Context, id fog.JobID) error {
	o, err := d.find(id, event.Quoted, event.Running)
	if err != nil {
		return err
	}
	if o.cancel != nil {
		o.cancel()
		return nil
	}
	d.change(o, func(j *event.Job) { j.State = event.Cancelled })
	return ctx.Err()
}

// Preview is what there is of a job's film, for the screen.
func (d *Desk) Preview(ctx context.Context, id fog.JobID) (event.Picture, error) {
	o, err := d.find(id, event.Running, event.Done)
	if err != nil {
		return event.Picture{}, err
	}
	pictures := make(chan event.Picture, 1)
	look := func(f *job.Film) { pictures <- develop(f) }
	for {
		d.mu.Lock()
		film := o.film
		d.mu.Unlock()
		if film != nil {
			return develop(film), nil
		}
		select {
		case o.peek <- look:
			return <-pictures, nil
		case <-time.After(time.Second): // the job may have ended meanwhile
		case <-ctx.Done():
			return event.Picture{}, ctx.Err()
		}
	}
}

// develop turns a film into 8-bit sRGB; what has no sample yet is transparent.
func develop(f *job.Film) event.Picture {
	w, h := f.Size()
	rgb, valid := f.Preview()
	p := event.Picture{Width: w, Height: h, RGBA: make([]byte, 4*w*h)}
	for i, ok := range valid {
		if ok {
			c := color.RGBA{srgb(rgb[3*i]), srgb(rgb[3*i+1]), srgb(rgb[3*i+2]), 255}
			p.RGBA[4*i], p.RGBA[4*i+1], p.RGBA[4*i+2], p.RGBA[4*i+3] = c.R, c.G, c.B, c.A
		}
	}
	return p
}

// srgb is the transfer curve of IEC 61966-2-1, clamped and rounded to 8 bits.
func srgb(v float32) uint8 {
	x := min(max(float64(v), 0), 1)
	if x <= 0.0031308 {
		return uint8(math.Round(x * 12.92 * 255))
	}
	return uint8(math.Round((1.055*math.Pow(x, 1/2.4) - 0.055) * 255))
}

// Save writes the picture of a finished job.
func (d *Desk) Save(ctx context.Context, id fog.JobID, path string) error {
	o, err := d.find(id, event.Done)
	if err != nil {
		return err
	}
	if ext := strings.ToLower(filepath.Ext(path)); ext != ".png" && ext != ".exr" {
		return &event.Problem{Code: "output", What: fmt.Sprintf("The picture's name %q must end in .png or .exr.", filepath.Base(path))}
	}
	if err := checkOut(path); err != nil {
		return err
	}
	d.mu.Lock()
	film := o.film
	d.mu.Unlock()
	if err := d.a.save(ctx, id, path, film); err != nil {
		return err
	}
	d.change(o, func(j *event.Job) { j.Saved = path })
	return nil
}

// fold takes a fact of a running job into what the window shows.
func (d *Desk) fold(o *order, f fog.Fact) {
	var edit func(*event.Job)
	switch f := f.(type) {
	case fog.Locked:
		edit = func(j *event.Job) { j.Locked = f.Max }
	case fog.DealOpened:
		edit = func(j *event.Job) { j.Sellers++ }
	case fog.SellerLost:
		edit = func(j *event.Job) { j.Sellers = max(0, j.Sellers-1) }
	case fog.TaskDone:
		edit = func(j *event.Job) { j.Done, j.Total = f.Done, f.Total }
	case fog.TaskChecked:
		edit = func(j *event.Job) { j.Checked++ }
	case fog.Paid:
		edit = func(j *event.Job) { j.Spent = j.Spent.Add(f.Amount) }
	default:
		return
	}
	d.change(o, edit)
	if _, ok := f.(fog.Locked); ok {
		d.group.Go(func() error { d.tellMoney(); return nil })
	}
}

// StartSelling offers this computer.
func (d *Desk) StartSelling(_ context.Context, price fog.Amount, slots int) error { //nolint:contextcheck // selling outlives the call
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.selling != nil {
		return &event.Problem{Code: "selling", What: "This computer is selling already."}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	d.selling, d.stop, d.stopped = &event.Selling{Price: price, Slots: slots}, cancel, make(chan struct{})
	c := *d.selling
	d.tell(event.Event{Selling: &c})
	ended := d.stopped
	d.group.Go(func() error {
		defer close(ended)
		err := d.a.Sell(ctx, SellRequest{Price: price, Slots: slots}, d.foldSale)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.selling = nil
		d.tell(event.Event{Stopped: true})
		if err != nil && ctx.Err() == nil {
			d.a.cfg.Log.Error("selling ended", "err", err)
		}
		return nil
	})
	return nil
}

// StopSelling takes the offer back and waits until no task runs any more.
func (d *Desk) StopSelling(ctx context.Context) error {
	d.mu.Lock()
	stop, ended := d.stop, d.stopped
	d.mu.Unlock()
	if stop == nil {
		return nil
	}
	stop()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// foldSale takes a seller's fact into what the window shows.
func (d *Desk) foldSale(f fog.Fact) {
	d.mu.Lock()
	s := d.selling
	if s == nil {
		d.mu.Unlock()
		return
	}
	settled := false
	switch f := f.(type) {
	case fog.DealAccepted:
		s.Deals++
	case fog.DealBroken:
		s.Deals--
	case fog.DealClosed:
		s.Deals--
		s.Earned, s.Today = s.Earned.Add(f.Paid), s.Today.Add(f.Paid)
		settled = true
	case fog.TaskFinished:
		s.Tasks++
	case fog.TaskFailed:
		s.Failed++
	}
	c := *s
	d.tell(event.Event{Selling: &c})
	d.mu.Unlock()
	if settled {
		d.tellMoney()
	}
}
