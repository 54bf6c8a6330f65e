// Package worker is the selling role: it offers this computer, signs deals,
// runs leased tasks in the sandbox, and collects vouchers.
//
// It composes the mechanisms of the engine and owns their goroutines. What it
// signs is on disk before it is on the wire; what a buyer sends is checked
// before it is believed; and nothing of a stranger runs outside the sandbox.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/apps"
	"sonm/engine/blob"
	"sonm/engine/fog"
	"sonm/engine/sandbox"
	"sonm/engine/wire"
)

// Protocol is the stream protocol of a deal, spoken by buyer and worker.
const Protocol = "job/1.0.0"

// Times of the protocol.
const (
	askEvery  = 2 * time.Second  // how often an ask is told again, for late joiners
	askLife   = time.Minute      // how long an ask is good for
	beatEvery = 15 * time.Second // heartbeat of a deal with tasks in hand
	handshake = 30 * time.Second // for hello, proposal and answer
	idle      = 10 * time.Minute // a deal may be silent for so long with nothing in hand
	patience  = 30 * time.Minute // a buyer may check its results for so long; the longest task takes 20
	grudge    = time.Hour        // for which a buyer that did not pay gets no other deal
	sending   = 5 * time.Minute  // for one message; a result of 12 MiB takes two at 1 Mbit/s
)

// Stream is one conversation with a buyer.
type Stream interface {
	Send(ctx context.Context, m *wire.Message) error
	Recv(ctx context.Context, maxBytes int) (*wire.Message, error)
	Peer() fog.PeerID
	Close() error
	Reset() error
}

// Network is what a worker needs of the peer-to-peer host.
type Network interface {
	ID() fog.PeerID
	Addrs() []string
	Network() fog.Hash
	Handle(protocol string, serve func(ctx context.Context, s Stream))
	Publish(ctx context.Context, ask []byte) error
	Source(peer fog.PeerID) blob.Source
}

// Runtime starts modules in locked children.
type Runtime interface {
	Start(ctx context.Context, module []byte) (Session, error)
}

// Session is one started module.
type Session interface {
	Open(ctx context.Context, input []byte) (sandbox.Reply, error)
	Task(ctx context.Context, spec []byte) (sandbox.Reply, error)
	Level() fog.Level
	Close() error
}

// Keys signs with this node's device key.
type Keys interface {
	Delegation() fog.Delegation
	SignAsk(ctx context.Context, a fog.Ask) (fog.Ask, error)
	SignDeal(ctx context.Context, d fog.Deal) (fog.Signature, error)
	SignReceipt(ctx context.Context, r fog.Receipt) (fog.Receipt, error)
}

// Verifier checks what a buyer signed.
type Verifier interface {
	VerifyDelegation(d fog.Delegation, purpose fog.Purpose, now time.Time) error
	VerifyDeal(d fog.Deal, sig fog.Signature, device fog.Address) error
	VerifyVoucher(v fog.Voucher, device fog.Address) error
}

// Ledger tells what the chain knows of a buyer.
type Ledger interface {
	// Covers checks that the buyer's free escrow balance is at least limit and
	// that its device key may promise that much, and returns the epoch its
	// vouchers must be of.
	Covers(ctx context.Context, buyer, device fog.Address, limit fog.Amount) (epoch uint32, err error)
}

// Journal keeps what must survive a crash.
type Journal interface {
	PutSellerDeal(ctx context.Context, peer fog.PeerID, d fog.Deal, buyer, seller fog.Signature) error
	DealState(ctx context.Context, id fog.DealID, state string) error
	PutResult(ctx context.Context, index uint32, r fog.Receipt, engine string, price fog.Amount) error
	// NotOwed notes that a task's results are not owed for any more.
	NotOwed(ctx context.Context, job fog.JobID, index uint32) error
	// Owed are the results kept since a moment that were not NotOwed, oldest
	// first, by buyer.
	Owed(ctx context.Context, since time.Time) (map[fog.Address][]Owed, error)
	PutSellerVoucher(ctx context.Context, v fog.Voucher) error
	SellerVoucherTotal(ctx context.Context, buyer fog.Address, epoch uint32) (fog.Amount, error)
}

// Config is the owner's offer.
type Config struct {
	Price   fog.Amount // per fog.UnitsPerPrice units
	Slots   int        // tasks at once
	Memory  uint64     // bytes of guest memory per slot
	Version string     // of the program, told to buyers
	Unpaid  int        // results a buyer may owe for each slot; 0 is four
}

// Parts are the mechanisms a worker is composed of.
type Parts struct {
	Net      Network
	Runtime  Runtime
	Apps     *apps.Pool
	Blobs    blob.Store
	Keys     Keys
	Verifier Verifier
	Ledger   Ledger
	Journal  Journal
	Emit     func(fog.Fact)
	Now      func() time.Time
	Log      *slog.Logger
}

// Worker sells this computer's time.
type Worker struct {
	cfg   Config
	parts Parts
	slots chan struct{} // a token per task that may run
	deals chan struct{} // a token per deal that may be open
	debts *debts

	mu   sync.Mutex
	ask  fog.Ask                   // guarded by mu; the last one published
	jobs map[fog.JobID]*deal       // guarded by mu; open deals by the buyer's job
	owes map[fog.Address]time.Time // guarded by mu; buyers that did not pay, until when that is held against them
}

// maxOwing bounds the memory for buyers that did not pay; each has cost its
// owner a deposit.
const maxOwing = 4096

// New makes a worker; Run sells.
func New(cfg Config, parts Parts) (*Worker, error) {
	if cfg.Slots < 1 || cfg.Slots > 1024 {
		return nil, fmt.Errorf("%d slots, 1 to 1024 allowed", cfg.Slots)
	}
	if cfg.Price.IsZero() {
		return nil, fmt.Errorf("price is zero")
	}
	if cfg.Unpaid == 0 {
		cfg.Unpaid = unpaidPerSlot
	}
	return &Worker{
		cfg: cfg, parts: parts, slots: make(chan struct{}, cfg.Slots), deals: make(chan struct{}, cfg.Slots),
		debts: newDebts(cfg.Unpaid * cfg.Slots), jobs: map[fog.JobID]*deal{}, owes: map[fog.Address]time.Time{},
	}, nil
}

// Run offers the computer and serves deals until ctx ends. What buyers owed when
// it ended before they owe still.
func (w *Worker) Run(ctx context.Context) error {
	owed, err := w.parts.Journal.Owed(ctx, w.parts.Now().Add(-grudge))
	if err != nil {
		return fmt.Errorf("read what buyers owe: %w", err)
	}
	w.debts.restore(owed, w.parts.Now())
	g, ctx := errgroup.WithContext(ctx)
	w.parts.Net.Handle(Protocol, func(conversation context.Context, s Stream) {
		inside, cancel := context.WithCancel(conversation)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)() // the deal ends with the selling, too
		w.serve(inside, s)
	})
	g.Go(func() error { return w.advertise(ctx) })
	return g.Wait()
}

// advertise tells the ask to the network again and again.
func (w *Worker) advertise(ctx context.Context) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for told := false; ; {
		ask, err := w.newAsk(ctx)
		if err != nil {
			return fmt.Errorf("make ask: %w", err)
		}
		if err := w.tell(ctx, ask); err != nil {
			w.parts.Log.Debug("ask not told", "err", err)
		} else if !told {
			told = true
			w.parts.Emit(fog.AskPublished{Ask: ask.ID(), Price: ask.Price})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *Worker) newAsk(ctx context.Context) (fog.Ask, error) {
	now := w.parts.Now()
	del := w.parts.Keys.Delegation()
	ask, err := w.parts.Keys.SignAsk(ctx, fog.Ask{
		Seller: del.Account, Device: del.Device,
		Peer: w.parts.Net.ID(), Addrs: w.parts.Net.Addrs(),
		Price: w.cfg.Price, Slots: uint32(w.cfg.Slots), Memory: w.cfg.Memory,
		Expiry: now.Add(askLife).Truncate(time.Second), Nonce: uint64(now.UnixMilli()),
	})
	if err != nil {
		return ask, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ask = ask
	return ask, nil
}

func (w *Worker) tell(ctx context.Context, ask fog.Ask) error {
	data, err := wire.EncodeAsk(ask)
	if err != nil {
		return err
	}
	return w.parts.Net.Publish(ctx, data)
}

// standing is the ask a proposal is measured by.
func (w *Worker) standing() fog.Ask {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ask
}

// resent remembers a buyer that did not pay.
func (w *Worker) resent(buyer fog.Address) {
	now := w.parts.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.owes, func(_ fog.Address, until time.Time) bool { return !now.Before(until) })
	if len(w.owes) < maxOwing {
		w.owes[buyer] = now.Add(grudge)
	}
}

// resents reports whether a buyer did not pay lately, and a deal of this job
// would not make good for it.
func (w *Worker) resents(buyer fog.Address, job fog.JobID) bool {
	now, working := w.parts.Now(), map[fog.JobID]bool{}
	w.mu.Lock()
	until := w.owes[buyer]
	for id := range w.jobs {
		working[id] = true
	}
	w.mu.Unlock()
	return now.Before(until) || w.debts.full(buyer, job, working, now)
}
