// Package buyer is the buying role: it measures a job, chooses sellers, leases
// tasks, judges what comes back, pays for it and joins the film.
//
// It composes the mechanisms of the engine and owns their goroutines. One
// goroutine, the job loop, owns the leases, the film and the promises of a job;
// everything else sends it events. Nothing a seller says is believed before it
// was checked, and what is promised is on disk before it is on the wire.
package buyer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"sonm/engine/apps"
	"sonm/engine/blob"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/market"
	"sonm/engine/sandbox"
	"sonm/engine/wire"
)

// Protocol is the stream protocol of a deal, spoken by buyer and worker.
const Protocol = "job/1.0.0"

// Times of the protocol.
const (
	handshake = 30 * time.Second       // for hello, proposal and answer
	leaseTime = 75 * time.Second       // five heartbeats of the worker
	dealLife  = 24 * time.Hour         // a deal is void after that
	askPoll   = 200 * time.Millisecond // how often the order book is looked at while waiting
	lonely    = 3 * time.Second        // offers are told every two seconds: then nobody is there
	settling  = 2 * time.Minute        // for the chain to answer once

	settlePause = time.Second      // before a chain that did not answer is asked again; it doubles
	settleMost  = 5 * time.Second  // and grows to that, so that sellers do not wait long once it is back
	chainAnswer = 3 * time.Second  // for a question that holds up the job loop: a fifth of a heartbeat
	chainRest   = 10 * time.Second // before such a question is asked again
)

// Stream is one conversation with a seller.
type Stream interface {
	Send(ctx context.Context, m *wire.Message) error
	Recv(ctx context.Context, maxBytes int) (*wire.Message, error)
	Peer() fog.PeerID
	Close() error
	Reset() error
}

// Network is what a buyer needs of the peer-to-peer host.
type Network interface {
	Network() fog.Hash
	Open(ctx context.Context, peer fog.PeerID, addrs []string, protocol string) (Stream, error)
	Asks(now time.Time) []fog.Ask
	Admit(root fog.Hash, peer fog.PeerID) // lets the peer fetch this content
}

// Runtime starts modules in locked children.
type Runtime interface {
	Start(ctx context.Context, module []byte) (Session, error)
}

// Session is one started module.
type Session interface {
	Inspect(ctx context.Context, bundle []byte) (sandbox.Reply, error)
	Open(ctx context.Context, input []byte) (sandbox.Reply, error)
	Task(ctx context.Context, spec []byte) (sandbox.Reply, error)
	Close() error
}

// Keys signs with this node's device key.
type Keys interface {
	Delegation() fog.Delegation
	SignDeal(ctx context.Context, d fog.Deal) (fog.Signature, error)
	SignVoucher(ctx context.Context, v fog.Voucher) (fog.Voucher, error)
}

// Verifier checks what a seller signed.
type Verifier interface {
	VerifyDelegation(d fog.Delegation, purpose fog.Purpose, now time.Time) error
	VerifyDeal(d fog.Deal, sig fog.Signature, device fog.Address) error
	VerifyReceipt(r fog.Receipt, device fog.Address) error
}

// Ledger is the money.
type Ledger interface {
	// Lock makes sure that max more than what is reserved already lies in the
	// escrow, and returns the epoch vouchers are written in.
	Lock(ctx context.Context, max fog.Amount) (epoch uint32, err error)
	// Promised is the highest total ever promised or paid to the seller.
	Promised(ctx context.Context, seller fog.Address, epoch uint32) (fog.Amount, error)
	// Settle has the chain pay the sellers up to their totals.
	Settle(ctx context.Context, payees []fog.Payee) (fog.Settlement, error)
}

// Record is a job as the journal keeps it from the moment it is locked.
type Record struct {
	ID       fog.JobID
	Module   fog.Hash
	Input    fog.Hash
	Settings job.Settings
	Secret   [32]byte
	Locked   fog.Amount
	Ceiling  fog.Amount // dearest price the lock covers
	Check    float64    // share of results that are re-run
	Sellers  int        // wanted at once
	Began    time.Time  // sellers' records are those of this moment
	Plan     job.Plan
}

// Arrival is a result as the journal keeps it.
type Arrival struct {
	Index   uint32
	Receipt fog.Receipt
	Engine  sandbox.Engine
	Judged  bool       // a verdict was reached
	OK      bool       // the verdict
	Amount  fog.Amount // owed for it, before the fee
}

// Struck is a deal as the journal keeps it.
type Struck struct {
	Deal   fog.Deal
	Peer   fog.PeerID
	Caught bool // the seller delivered something wrong
}

// States of a deal in the journal; it is open until one of them is written.
const (
	DealClosed = "closed"
	DealBroken = "broken"
	DealCaught = "caught" // the seller delivered something wrong: no more work, no more promises
)

// Saved is a job that an earlier run of the program left unfinished.
type Saved struct {
	Record   Record
	Deals    []Struck
	Arrivals []Arrival
	Settled  bool     // the chain has paid; only the film is to be made
	Tx       fog.Hash // if Settled
}

// Cost is what a settled job cost and the film it gave.
type Cost struct {
	Job   fog.JobID
	Spent fog.Amount // payments and fees
	Fee   fog.Amount
	Tx    fog.Hash
	Film  fog.Hash

	Failed bool // the film is not whole; what was done is paid all the same
}

// Verdict is what was decided about a result.
type Verdict struct {
	Job     fog.JobID
	Deal    fog.DealID
	Index   uint32
	Attempt uint32
	OK      bool
	Drawn   bool        // re-run here because it was drawn, not because everyone's first is
	Amount  fog.Amount  // owed for it, before the fee; zero if not OK
	Voucher fog.Voucher // that promises it, written in the same step; none if not OK
}

// Journal keeps what must survive a crash.
type Journal interface {
	PutJob(ctx context.Context, r Record) error
	JobSettled(ctx context.Context, c Cost) error
	PutBuyerDeal(ctx context.Context, peer fog.PeerID, d fog.Deal, buyer, seller fog.Signature) error
	DealState(ctx context.Context, id fog.DealID, state string) error
	PutArrived(ctx context.Context, id fog.JobID, a Arrival, output []byte) error
	Output(ctx context.Context, id fog.JobID, result fog.Hash) ([]byte, error)
	Judge(ctx context.Context, v Verdict) error
	// Passed is how many results of the seller were drawn and found right from
	// one moment to another, without it; none if one ever was wrong.
	Passed(ctx context.Context, seller fog.Address, from, to time.Time) (int, error)
}

// Parts are the mechanisms a buyer is composed of.
type Parts struct {
	Net      Network
	Runtime  Runtime // inspects and pilots
	Checkers map[sandbox.Engine]Runtime
	Blobs    blob.Store
	Keys     Keys
	Verifier Verifier
	Ledger   Ledger
	Journal  Journal
	Emit     func(fog.Fact)
	Now      func() time.Time
	Random   func(b []byte) // fills b with secret random bytes
	Version  string
	FeeBPS   uint32 // what the escrow keeps of each payment, in 1/10,000
	Log      *slog.Logger
}

// Buyer buys work.
type Buyer struct{ parts Parts }

// New makes a buyer.
func New(parts Parts) *Buyer { return &Buyer{parts} }

// Request is a job to be prepared.
type Request struct {
	ID       fog.JobID
	App      apps.App
	Bundle   []byte
	Settings job.Settings // as in the bundle
	Options  job.Options
}

// Prepared is a measured job, ready for a quote.
type Prepared struct {
	Request
	Input fog.Hash // root of the bundle's chunks
	Size  uint64   // bytes of the bundle
	Plan  job.Plan
}

// Probe is an app opened on this computer to look at a job before it is bought.
type Probe struct {
	b *Buyer
	s Session
}

// Probe starts the app; the caller closes the probe.
func (b *Buyer) Probe(ctx context.Context, app apps.App) (*Probe, error) {
	s, err := b.parts.Runtime.Start(ctx, app.Module)
	if err != nil {
		return nil, err
	}
	return &Probe{b, s}, nil
}

// Close ends the app.
func (p *Probe) Close() error { return p.s.Close() }

// Inspect asks the app what it makes of a bundle.
func (p *Probe) Inspect(ctx context.Context, bundle []byte) ([]byte, error) {
	reply, err := p.s.Inspect(ctx, bundle)
	return reply.Payload, err
}

// Prepare loads a job and plans it.
func (p *Probe) Prepare(ctx context.Context, r Request) (Prepared, error) {
	out, err := p.Load(ctx, r)
	if err != nil {
		return out, err
	}
	return p.Plan(ctx, out)
}

// Load stores the bundle for sellers to fetch and has the app open it.
func (p *Probe) Load(ctx context.Context, r Request) (Prepared, error) {
	out := Prepared{Request: r, Size: uint64(len(r.Bundle))}
	m, err := blob.Split(ctx, bytes.NewReader(r.Bundle), p.b.parts.Blobs)
	if err != nil {
		return out, fmt.Errorf("store scene: %w", err)
	}
	out.Input = m.Root()
	_, err = p.s.Open(ctx, GuestInput(out.Input, out.Bundle))
	return out, err
}

// Plan runs the pilot on a loaded job: one sample per pixel at 1/8 size, which
// tells the work of every tile.
func (p *Probe) Plan(ctx context.Context, what Prepared) (Prepared, error) {
	pilot, err := p.pilot(ctx, what)
	if err != nil {
		return what, err
	}
	if what.Plan, err = job.NewPlan(what.Settings, pilot, what.Options); err != nil {
		return what, fmt.Errorf("plan: %w", err)
	}
	p.b.parts.Emit(fog.Piloted{Job: what.ID, Tasks: len(what.Plan.Tasks), Work: what.Plan.Planned})
	return what, nil
}

func (p *Probe) pilot(ctx context.Context, what Prepared) ([]job.PilotResult, error) {
	var all []job.PilotResult
	for _, spec := range job.PilotSpecs(what.Settings, what.Options.Tile) {
		reply, err := p.s.Task(ctx, spec.Encode())
		if err != nil {
			return nil, err
		}
		all = append(all, job.PilotResult{Spec: spec, Work: reply.Work})
	}
	return all, nil
}

// GuestInput is what a guest's open is called with: the seed, then the bundle.
func GuestInput(root fog.Hash, bundle []byte) []byte {
	seed := fog.SeedOf(root)
	return append(append(make([]byte, 0, len(seed)+len(bundle)), seed[:]...), bundle...)
}

// Quote waits until sellers offer what the job needs, at most for wait, and
// then a moment longer for more of them.
func (b *Buyer) Quote(ctx context.Context, p Prepared, terms market.Terms, wait time.Duration) (market.Offer, error) {
	need := market.Need{Planned: p.Plan.Planned, Memory: p.App.Memory, Tasks: len(p.Plan.Tasks)}
	start, settled := b.parts.Now(), 0
	tick := time.NewTicker(askPoll)
	defer tick.Stop()
	for told := false; ; {
		now := b.parts.Now()
		offer, err := market.Quote(b.parts.Net.Asks(now), need, terms, now)
		switch {
		case err == nil && (len(offer.Asks) == terms.Sellers || settled >= 10): // two seconds without giving up on more
			b.parts.Emit(fog.Quoted{Job: p.ID, Sellers: len(offer.Asks), Expected: offer.Expected, Max: offer.Max})
			return offer, nil
		case err == nil:
			settled++
		case now.Sub(start) >= wait:
			return market.Offer{}, err
		case errors.Is(err, market.ErrNoSellers) && !told && now.Sub(start) > min(lonely, wait/2):
			told = true
			b.parts.Emit(fog.Waited{Job: p.ID, Reason: fmt.Sprintf("Nobody is selling at the moment; waiting up to %v for a seller.", wait)})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return market.Offer{}, ctx.Err()
		}
	}
}
