// Package fogtest is whole fogs in memory: buyers and sellers that run the real
// roles over a network, a chain, journals and a guest made for tests, in the
// fake time of testing/synctest.
//
// It is for tests of the roles: what a fog does with liars, with computers that
// vanish at the worst moment, with lines that are cut. Nothing of it is in the
// product.
//
// # Why
//
// A job over real hosts, a real chain and the real renderer takes seconds and
// fails once in a hundred; the same job here takes milliseconds, so that a
// test can run hundreds of seeds and ask for exact sums. What is replaced is
// only what lies below the roles' own interfaces, and each part keeps the
// promises of the real one: messages are encoded and bounded, signatures can
// be forged by nobody, the guest is deterministic and takes time, a voucher
// pays what it says. Every delay is drawn from the seed and no two lines share
// one; hence the events of a fog have one order for a seed, as far as the roles
// do not race in no time at all.
//
// A Fog must be made inside a synctest bubble and be stopped before its end.
package fogtest

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"sonm/engine/apps"
	"sonm/engine/blob"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/sandbox"
	"sonm/engine/worker"
)

// Config is what a fog is made of; the zero value will do.
type Config struct {
	Seed   uint64
	FeeBps uint32 // of the chain; 0 is 100, a percent
	Log    *slog.Logger
}

// Fog is one network with its chain.
type Fog struct {
	cfg   Config
	ctx   context.Context //nolint:containedctx // the life of the fog
	stop  context.CancelFunc
	pool  *apps.Pool
	Ring  *Ring
	Net   *Net
	Chain *Chain
	Trace *Trace

	wg sync.WaitGroup
}

// New makes a fog that lives until Stop or the end of ctx.
func New(ctx context.Context, cfg Config) (*Fog, error) {
	if cfg.FeeBps == 0 {
		cfg.FeeBps = 100
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	pool, err := apps.NewPool(App())
	if err != nil {
		return nil, err
	}
	f := &Fog{cfg: cfg, pool: pool, Ring: newRing(), Trace: &Trace{}}
	f.ctx, f.stop = context.WithCancel(ctx)
	f.Net, f.Chain = newNet(cfg.Seed, f.Ring, f.Trace), newChain(f.Ring, cfg.FeeBps)
	return f, nil
}

// Stop ends every node and waits for all of it.
func (f *Fog) Stop() {
	f.stop()
	f.wg.Wait()
}

// node is what every node has.
type node struct {
	fog     *Fog
	Peer    fog.PeerID
	Keys    *Keys
	Journal *Journal
	Blobs   *blob.Memory
}

func (f *Fog) node(name string) node {
	n := node{fog: f, Peer: peerOf(name), Keys: newKeys(f.cfg.Seed, name, f.Ring, f.Trace), Blobs: blob.NewMemory()}
	n.Journal = newJournal(n.Peer, f.Trace)
	return n
}

func (n node) emit(x fog.Fact) { n.fog.Trace.add(Step{Peer: n.Peer, Kind: Told, What: x}) }

func (n node) ledger() Ledger { return Ledger{n.fog.Chain, n.Keys.Account(), n.Journal} }

// SellerConfig is one computer for sale; zero fields have defaults.
type SellerConfig struct {
	Name   string // unique in the fog
	Role   Role
	Price  fog.Amount     // default 1 SNM per 10^9 units
	Slots  int            // default 1
	Speed  float64        // units a second; default 100,000
	Engine sandbox.Engine // default Wasmer
}

// Seller is a node that sells.
type Seller struct {
	node
	Role   Role
	cfg    SellerConfig
	player *Player

	mu   sync.Mutex
	stop context.CancelFunc // guarded by mu; of the current life
	lies []Lie              // guarded by mu
}

// Sell adds a seller and starts it.
func (f *Fog) Sell(cfg SellerConfig) (*Seller, error) {
	if cfg.Price.IsZero() {
		cfg.Price, _ = fog.ParseAmount("1")
	}
	if cfg.Slots == 0 {
		cfg.Slots = 1
	}
	if cfg.Speed == 0 {
		cfg.Speed = 100_000
	}
	if cfg.Engine == "" {
		cfg.Engine = sandbox.Wasmer
	}
	s := &Seller{node: f.node(cfg.Name), Role: cfg.Role, cfg: cfg}
	s.player = &Player{Role: cfg.Role, Draw: s.draw, Die: s.Die, Keys: s.Keys, Lied: s.lied}
	return s, s.Revive()
}

// Revive starts the seller, again if it has died: same keys, same journal.
func (s *Seller) Revive() error {
	ctx, stop := context.WithCancel(s.fog.ctx)
	s.mu.Lock()
	s.stop = stop
	s.mu.Unlock()
	s.fog.Net.join(ctx, s.Peer, &s.fog.wg, s.Blobs)
	net := port{Net: s.fog.Net, id: s.Peer, sells: s.player.Line}
	run := Runtime{Engine: s.cfg.Engine, Speed: s.cfg.Speed}
	w, err := worker.New(worker.Config{Price: s.cfg.Price, Slots: s.cfg.Slots, Memory: 1 << 30, Version: "fogtest"}, worker.Parts{
		Net: net, Runtime: s.player.Runtime(workerRuntime{run}), Apps: s.fog.pool, Blobs: s.Blobs, Keys: s.Keys, Verifier: s.fog.Ring,
		Ledger: s.ledger(), Journal: s.Journal, Emit: s.emit, Now: time.Now, Log: s.fog.cfg.Log,
	})
	if err != nil {
		return err
	}
	s.fog.wg.Go(func() {
		if err := w.Run(ctx); err != nil && ctx.Err() == nil {
			s.fog.cfg.Log.Error("seller stopped", "peer", s.Peer, "err", err)
		}
	})
	return nil
}

// Die ends the seller as kill -9 ends a process. What it had sent arrives.
func (s *Seller) Die() {
	s.fog.Net.lose(s.Peer)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}

// draw is a number in [0,1) of this seller, this task and nothing else.
func (s *Seller) draw(what string, sp job.Spec) float64 {
	h := fog.HashOf(binary.BigEndian.AppendUint64(nil, s.fog.cfg.Seed), []byte(s.Peer), []byte(what), sp.Encode())
	return float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53)
}

func (s *Seller) lied(l Lie) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = append(s.lies, l)
}

// Lies is what the seller answered wrongly so far.
func (s *Seller) Lies() []Lie {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Lie(nil), s.lies...)
}

// Redeem has the chain pay the seller's best voucher of a buyer.
func (s *Seller) Redeem(b *Buyer) (fog.Payment, error) {
	return s.fog.Chain.Redeem(s.Journal.Taken(b.Keys.Account()), b.Keys.Delegation().Device)
}

type workerRuntime struct{ Runtime }

// Start implements worker.Runtime.
func (r workerRuntime) Start(ctx context.Context, module []byte) (worker.Session, error) {
	return r.Runtime.Start(ctx, module)
}

type buyerRuntime struct{ Runtime }

// Start implements buyer.Runtime.
func (r buyerRuntime) Start(ctx context.Context, module []byte) (buyer.Session, error) {
	return r.Runtime.Start(ctx, module)
}

// broken is a sandbox that does not start.
type broken struct{}

// Start implements buyer.Runtime.
func (broken) Start(context.Context, []byte) (buyer.Session, error) {
	return nil, errors.New("the sandbox does not start")
}

// checkers are the sandboxes a buyer re-runs results in.
func checkers(role BuyerRole) map[sandbox.Engine]buyer.Runtime {
	if role.CannotCheck {
		return map[sandbox.Engine]buyer.Runtime{sandbox.Wasmer: broken{}, sandbox.Wazero: broken{}}
	}
	speed := role.CheckSpeed
	if speed == 0 {
		speed = checkSpeed
	}
	return map[sandbox.Engine]buyer.Runtime{
		sandbox.Wasmer: buyerRuntime{Runtime{Engine: sandbox.Wasmer, Speed: speed}},
		sandbox.Wazero: buyerRuntime{Runtime{Engine: sandbox.Wazero, Speed: speed, Odd: role.OddWazero}},
	}
}

// checkSpeed is how fast a buyer's own computer is, units a second.
const checkSpeed = 2_000_000

// Buyer is a node that buys.
type Buyer struct {
	node
	*buyer.Buyer
	jobs uint64
}

// Buy adds a buyer with money in the escrow.
func (f *Fog) Buy(name string, money fog.Amount, role BuyerRole) *Buyer {
	b := &Buyer{node: f.node(name)}
	f.Chain.Deposit(b.Keys.Account(), money)
	f.Net.join(f.ctx, b.Peer, &f.wg, b.Blobs)
	net := port{Net: f.Net, id: b.Peer, buysVia: role.line()}
	seed := fog.HashOf(binary.BigEndian.AppendUint64(nil, f.cfg.Seed), []byte(name))
	random := rand.NewChaCha8(seed)
	b.Buyer = buyer.New(buyer.Parts{
		Net: net, Runtime: buyerRuntime{Runtime{Engine: sandbox.Wazero}},
		Checkers: checkers(role),
		Blobs:    b.Blobs, Keys: b.Keys, Verifier: f.Ring, Ledger: b.ledger(), Journal: b.Journal, Emit: b.emit,
		Now: time.Now, Random: func(p []byte) { _, _ = random.Read(p) }, Version: "fogtest", FeeBPS: f.cfg.FeeBps,
		Log: f.cfg.Log,
	})
	return b
}
