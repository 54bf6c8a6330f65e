package buyer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sonm/engine/fog"
	"sonm/engine/lease"
	"sonm/engine/proof"
	"sonm/engine/wire"
)

// hire starts talking to a seller.
func (r *run) hire(ctx context.Context, ask fog.Ask, limit fog.Amount) {
	d := fog.Deal{
		Job: r.ID, Ask: ask.ID(), Buyer: r.b.parts.Keys.Delegation().Account, Seller: ask.Seller, Module: r.App.Hash, Input: r.Input,
		Price: ask.Price, Cap: limit, Secret: proof.Commitment(r.rec.Secret), Expiry: r.b.parts.Now().Add(dealLife).UTC().Truncate(time.Second),
	}
	ctx, stop := context.WithCancel(ctx)
	s := &seller{run: r, ask: ask, deal: d, id: d.ID(), out: make(chan *wire.Message, 1024), stop: stop}
	r.sellers = append(r.sellers, s)
	r.remember(ctx, s)
	r.b.parts.Net.Admit(r.Input, ask.Peer)
	r.group.Go(func() error {
		defer stop()
		return s.talk(ctx)
	})
}

// stuck reports whether the seller has kept what it was given and gets no more.
func (r *run) stuck(s *seller) bool {
	over := r.standing(s).over
	return over > 0 && over >= int(s.ask.Slots)
}

// recruit hires sellers that came later, or came back, while fewer than wanted
// are there and the lock covers their price.
func (r *run) recruit(ctx context.Context, now time.Time) error {
	talking := 0
	for _, s := range r.sellers {
		if s.out != nil && !s.banned && !r.stuck(s) {
			talking++
		}
	}
	for _, ask := range r.b.parts.Net.Asks(now) {
		if talking >= r.rec.Sellers {
			return nil
		}
		if ask.Price.Cmp(r.rec.Ceiling) > 0 || r.known(ask) {
			continue
		}
		if now.Before(r.mute) {
			return nil
		}
		total, err := r.promised(ctx, ask.Seller)
		if errors.Is(err, fog.ErrChain) { // without it no newcomer, but the job goes on with those it has
			r.mute = r.b.parts.Now().Add(chainRest)
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.book.Know(ask.Seller, total); err != nil {
			return err
		}
		r.hire(ctx, ask, r.rec.Locked)
		talking++
	}
	return nil
}

// promised asks the chain for a seller's total; the job loop stands still
// meanwhile, so it is not asked for long.
func (r *run) promised(ctx context.Context, seller fog.Address) (fog.Amount, error) {
	ask, cancel := context.WithTimeout(ctx, chainAnswer)
	defer cancel()
	total, err := r.b.parts.Ledger.Promised(ask, seller, r.epoch)
	if err != nil && ctx.Err() == nil && ask.Err() != nil {
		err = fmt.Errorf("%w: %w", fog.ErrChain, err)
	}
	return total, err
}

// known reports whether the seller is being talked to, or must not be.
func (r *run) known(ask fog.Ask) bool {
	for _, s := range r.sellers {
		if s.ask.Seller == ask.Seller && (s.out != nil || s.banned) {
			return true
		}
	}
	return false
}

// assign leases tasks to every seller with a free slot; one more than it has
// slots while there is plenty, so that it never waits for the network.
func (r *run) assign() {
	if r.heldUp() {
		return
	}
	held := map[fog.PeerID]int{}
	for _, l := range r.table.InFlight() {
		held[l.Worker]++
	}
	now := r.b.parts.Now()
	for _, s := range r.sellers {
		if !s.live || s.banned || r.stuck(s) {
			continue
		}
		for held[s.ask.Peer] < r.appetite(s) {
			l, ok := r.table.Next(s.ask.Peer, now, leaseTime)
			if !ok {
				break
			}
			held[s.ask.Peer]++
			r.give(s, l)
		}
	}
}

// appetite is how many tasks a seller may hold now.
func (r *run) appetite(s *seller) int {
	slots := 0
	for _, o := range r.sellers {
		if o.live {
			slots += int(o.ask.Slots)
		}
	}
	if r.table.Left() > 4*slots {
		return 2 * int(s.ask.Slots)
	}
	return int(s.ask.Slots)
}

func (r *run) give(s *seller, l lease.Lease) {
	t := r.Plan.Tasks[l.Index]
	fl := fog.Lease{Deal: s.id, Task: l.Task, Index: uint32(l.Index), Attempt: l.Attempt, Spec: t.Spec.Encode(), Planned: t.Planned}
	r.sent[attempt{l.Task, l.Attempt}] = fl
	if r.began.IsZero() {
		r.began = r.b.parts.Now()
	}
	if !s.say(wire.Lease{Lease: fl}) { // it does not read what it is told
		r.table.Fail(s.ask.Peer, l.Task)
		return
	}
	r.b.parts.Emit(fog.TaskLeased{Job: r.ID, Index: fl.Index, Attempt: l.Attempt, Peer: s.ask.Peer, Until: l.Until})
}

// returned handles a task a seller could not do. What several sellers cannot
// do, nobody can: the guest's own words end the job.
func (r *run) returned(s *seller, c wire.Cancel) error {
	if _, ok := r.sent[attempt{c.Task, c.Attempt}]; !ok || c.Deal != s.id {
		return nil
	}
	r.table.Fail(s.ask.Peer, c.Task)
	if n := r.table.Failures(c.Task); n >= 3 || n >= r.live() {
		return fmt.Errorf("no seller can do a task of this job: %s", c.Reason)
	}
	return nil
}
