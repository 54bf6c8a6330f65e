package buyer

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/lease"
	"sonm/engine/market"
	"sonm/engine/pay"
	"sonm/engine/proof"
	"sonm/engine/sandbox"
	"sonm/engine/wire"
)

// Terms are what the person accepted, and how hard to check.
type Terms struct {
	Offer     market.Offer
	CheckRate float64       // share of results that are re-run here
	Patience  time.Duration // without any seller, before the job gives up

	// Peek, if given, is asked to look at the film while it grows; what comes
	// through it runs on the job's own goroutine and must be quick.
	Peek <-chan func(*job.Film)

	// Keep, if given, is handed each frame of an animation that is complete, to
	// be put where it is not lost, from one goroutine; a frame comes again if a
	// part of it was found wrong and rendered anew. What it cannot keep can be
	// had from Outcome.Frame.
	Keep func(ctx context.Context, frame int, film *job.Film) error

	// Quit, if given, is closed when the person calls the job off.
	Quit <-chan struct{}
}

// Share is one seller's part of a finished job.
type Share struct {
	Peer   fog.PeerID
	Seller fog.Address
	Tasks  int
	Paid   fog.Amount // net, as the chain says
}

// Outcome is a finished, paid job.
type Outcome struct {
	Film    *job.Film // of an animation the newest
	Hash    fog.Hash  // see job.Reel
	Locked  fog.Amount
	Spent   fog.Amount // payments and fees
	Fee     fog.Amount
	Shares  []Share
	Checked int
	Engines map[sandbox.Engine]int
	Render  time.Duration // first lease to last result
	Tx      fog.Hash

	// Frame joins a frame again from the results in the journal.
	Frame func(ctx context.Context, frame int) (*job.Film, error)
}

// Why a job ends without a film.
var (
	// ErrDeserted says that every seller left and no other came in time.
	ErrDeserted = errors.New("every seller left the job and no other came")
	// ErrCalledOff says that the person called the job off.
	ErrCalledOff = errors.New("the job was called off")
)

// result is one arrived output and how far it is judged.
type result struct {
	s       *seller
	lease   fog.Lease
	receipt fog.Receipt
	engine  sandbox.Engine
	pending bool // waits for a verdict
	first   bool // its verdict decides about its seller
	checked bool // the verdict was good
	paid    bool
}

type attempt struct {
	task fog.TaskID
	n    uint32
}

// earned names what is paid once, whatever attempts of it a seller had.
type earned struct {
	seller fog.Address
	task   fog.TaskID
}

func (res *result) earned() earned { return earned{res.s.deal.Seller, res.receipt.Task} }

// run is one job under way; the job loop owns it all but b, rec, Prepared,
// events and checks, which do not change.
type run struct {
	Prepared
	b        *Buyer
	rec      Record
	patience time.Duration
	peek     <-chan func(*job.Film)
	quit     <-chan struct{}
	events   chan any
	checks   chan *result // to the checker
	plan     proof.Checks

	group     *errgroup.Group // sellers' goroutines and the checker
	table     *lease.Table
	reel      *job.Reel
	keep      func(ctx context.Context, frame int, film *job.Film) error
	frames    chan frame      // to the keeper
	finished  []frame         // for the keeper, in order
	keeping   int             // frames that are not kept yet
	ready     map[uint32]bool // frames that were told of
	book      *pay.Book
	epoch     uint32
	sellers   []*seller
	sent      map[attempt]fog.Lease
	results   map[uint32]*result // the one that counts, by task index
	paid      map[earned]bool
	standings map[fog.Address]*standing
	backlog   []*result // to be re-run, in order
	waiting   int       // verdicts outstanding
	checked   int
	settled   bool      // by an earlier run
	settledTx fog.Hash  // if settled
	alone     time.Time // since when there is work and nobody who takes it; zero if there is
	mute      time.Time // until when the chain, which did not answer, is left alone
	began     time.Time
	ended     time.Time
}

// Run locks the money, has the job rendered, pays, and returns the film. If
// the job cannot be finished, or is called off, what sellers earned until then
// is settled. If ctx ends, the job stays open in the journal and Resume goes on
// with it.
func (b *Buyer) Run(ctx context.Context, p Prepared, t Terms) (Outcome, error) {
	r, err := b.open(ctx, p, t)
	if err != nil {
		return Outcome{}, err
	}
	return r.finish(ctx, func(inside context.Context) {
		for i, ask := range t.Offer.Asks {
			r.hire(inside, ask, t.Offer.Cap(i))
		}
	})
}

// finish works until the film is complete and everybody is paid.
func (r *run) finish(ctx context.Context, start func(inside context.Context)) (Outcome, error) {
	work, stop := context.WithCancel(ctx)
	defer stop()
	g, inside := errgroup.WithContext(work)
	r.group = g
	g.Go(func() error { return r.check(inside) })
	g.Go(func() error { return r.keeper(inside) })
	start(inside)
	err := r.loop(inside)
	if err == nil || errors.Is(err, ErrCalledOff) {
		r.recall()
		r.dismiss(work)
	}
	stop() // the chain may be waited for; nobody's computer is held for that
	if gerr := g.Wait(); err == nil && !errors.Is(gerr, context.Canceled) {
		err = gerr
	}
	var out Outcome
	var settleErr error
	if ctx.Err() == nil {
		out, settleErr = r.settle(ctx, err != nil)
	}
	if ctx.Err() != nil {
		return out, ctx.Err() // the journal knows the rest
	}
	return out, errors.Join(err, settleErr)
}

// recall tells sellers that what they still hold is not wanted any more: copies
// of tasks that are done, or all there is if the job was called off.
func (r *run) recall() {
	for _, l := range r.table.InFlight() {
		for _, s := range r.sellers {
			if s.live && s.ask.Peer == l.Worker {
				s.say(wire.Cancel{Deal: s.id, Task: l.Task, Attempt: l.Attempt, Reason: "The job is over."})
			}
		}
	}
}

// open reserves the money and writes the job down.
func (b *Buyer) open(ctx context.Context, p Prepared, t Terms) (*run, error) {
	rec := Record{
		ID: p.ID, Module: p.App.Hash, Input: p.Input, Settings: p.Settings, Locked: t.Offer.Max,
		Check: t.CheckRate, Sellers: len(t.Offer.Asks), Began: b.parts.Now(), Plan: p.Plan,
	}
	b.parts.Random(rec.Secret[:])
	for _, a := range t.Offer.Asks {
		if a.Price.Cmp(rec.Ceiling) > 0 {
			rec.Ceiling = a.Price
		}
	}
	r, err := b.newRun(p, rec, t)
	if err != nil {
		return nil, err
	}
	if r.epoch, err = b.parts.Ledger.Lock(ctx, rec.Locked); err != nil {
		return nil, err
	}
	state := pay.State{Buyer: b.parts.Keys.Delegation().Account, Epoch: r.epoch, Jobs: []pay.JobState{{Job: p.ID, Cap: rec.Locked}}}
	for _, a := range t.Offer.Asks {
		total, err := b.parts.Ledger.Promised(ctx, a.Seller, r.epoch)
		if err != nil {
			return nil, err
		}
		state.Totals = append(state.Totals, pay.Total{Seller: a.Seller, Amount: total})
	}
	if r.book, err = pay.Restore(state); err != nil {
		return nil, err
	}
	if err := b.parts.Journal.PutJob(ctx, rec); err != nil {
		return nil, err
	}
	b.parts.Emit(fog.Locked{Job: p.ID, Max: rec.Locked})
	return r, nil
}

// newRun makes a run at its very beginning, without money.
func (b *Buyer) newRun(p Prepared, rec Record, t Terms) (*run, error) {
	r := &run{
		Prepared: p, b: b, rec: rec, patience: t.Patience, peek: t.Peek, quit: t.Quit, keep: t.Keep, frames: make(chan frame), ready: map[uint32]bool{},
		events: make(chan any, 256), checks: make(chan *result), plan: proof.PlanChecks(rec.Check, len(p.Plan.Tasks), rec.Sellers),
		sent: map[attempt]fog.Lease{}, results: map[uint32]*result{}, paid: map[earned]bool{}, standings: map[fog.Address]*standing{},
	}
	ids, planned := make([]fog.TaskID, len(p.Plan.Tasks)), make([]uint64, len(p.Plan.Tasks))
	for i, task := range p.Plan.Tasks {
		ids[i], planned[i] = fog.TaskIDOf(p.ID, uint32(i)), task.Planned
	}
	var err error
	if r.table, err = lease.New(ids, planned); err != nil {
		return nil, err
	}
	r.reel, err = job.NewReel(p.Settings)
	return r, err
}

// send hands an event to the job loop; false means that the job is over.
func (r *run) send(ctx context.Context, e any) bool {
	select {
	case r.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// loop leases, judges and pays until every task is done and judged.
func (r *run) loop(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for !r.table.Finished() || r.waiting > 0 || r.keeping > 0 {
		r.assign()
		r.look()
		checks, next := r.nextCheck()
		frames, done := r.nextFrame()
		select {
		case checks <- next:
			r.backlog = r.backlog[1:]
		case frames <- done:
			r.finished = r.finished[1:]
		case e := <-r.events:
			if err := r.handle(ctx, e); err != nil {
				return err
			}
		case look := <-r.peek:
			look(r.reel.Newest())
		case <-r.quit:
			return ErrCalledOff
		case <-tick.C:
			if err := r.tick(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// look notes since when nobody works on the job: no seller is there, or those
// that are may not have what is left. While none is given out that means nothing.
func (r *run) look() {
	switch {
	case r.table.Finished() || !r.table.Idle() || r.heldUp():
		r.alone = time.Time{}
	case r.alone.IsZero():
		r.alone = r.b.parts.Now()
	}
}

func (r *run) handle(ctx context.Context, e any) error {
	switch e := e.(type) {
	case opened:
		if e.s.banned {
			return nil
		}
		e.s.live = true
		r.b.parts.Emit(fog.DealOpened{Job: r.ID, Deal: e.s.id, Seller: e.s.deal.Seller, Peer: e.s.ask.Peer, Price: e.s.deal.Price})
		return r.latest(ctx, e.s)
	case left:
		r.lost(e)
	case beat:
		r.table.Beat(e.s.ask.Peer, e.tasks, r.b.parts.Now(), leaseTime)
	case arrived:
		return r.arrive(ctx, e.s, e.r)
	case gaveBack:
		return r.returned(e.s, e.c)
	case judged:
		return r.verdict(ctx, e)
	case kept:
		r.keeping--
		if e.err == nil {
			r.tellFrame(e.n)
		}
	}
	return nil
}

// lost takes back the tasks of a seller whose connection is gone.
func (r *run) lost(e left) {
	was := e.s.live
	if was { // else its peer id is only a claim, and may be that of an honest seller
		r.overrun(r.table.Drop(e.s.ask.Peer, r.b.parts.Now()))
	}
	e.s.live = false
	if e.err != nil && (was || e.end) {
		r.b.parts.Emit(fog.SellerLost{Job: r.ID, Peer: e.s.ask.Peer, Reason: e.err.Error()})
	}
	if e.end {
		e.s.banned = e.s.banned || isFinal(e.err)
		e.s.out = nil
	}
}

// live counts the sellers that are at work.
func (r *run) live() int {
	n := 0
	for _, s := range r.sellers {
		if s.live {
			n++
		}
	}
	return n
}

// tick takes back leases that ran out and looks for more sellers.
func (r *run) tick(ctx context.Context) error {
	now := r.b.parts.Now()
	r.overrun(r.table.Expire(now))
	if err := r.recruit(ctx, now); err != nil {
		return err
	}
	if !r.alone.IsZero() && now.Sub(r.alone) > r.patience {
		return ErrDeserted
	}
	return nil
}

// overrun counts what sellers kept until the hard end. One that has kept as
// many tasks as it has slots gets no more before it delivers: else it would hold
// a job for the hard end of every task, one after the other.
func (r *run) overrun(lost []lease.Lease) {
	for _, l := range lost {
		if !l.Overrun {
			continue
		}
		for _, s := range r.sellers {
			if s.live && s.ask.Peer == l.Worker {
				r.standing(s).over++
			}
		}
	}
}
