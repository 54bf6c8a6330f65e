package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sonm/engine/apps"
	"sonm/engine/fog"
	"sonm/engine/wire"
)

// refusal is a proposal turned down, with the reason the buyer is told.
type refusal struct {
	code   wire.Refusal
	reason string
}

func (r refusal) Error() string { return r.reason }

// deal is one conversation after both signatures.
type deal struct {
	w      *Worker
	s      Stream
	body   fog.Deal
	id     fog.DealID
	app    apps.App
	device fog.Address // the buyer's device key
	epoch  uint32      // of the buyer's escrow account
	stop   context.CancelFunc
	over   chan struct{} // closed when the deal's goroutines have ended
	since  fog.Amount    // voucher total of this buyer before the deal
}

// serve is the handler of the job protocol: one deal from hello to close.
func (w *Worker) serve(ctx context.Context, s Stream) {
	defer s.Close()
	d, err := w.negotiate(ctx, s)
	if no, ok := errors.AsType[refusal](err); ok {
		w.parts.Emit(fog.DealRefused{Buyer: s.Peer(), Reason: no.reason})
		return
	}
	if err != nil {
		w.parts.Log.Debug("no deal", "peer", s.Peer(), "err", err)
		_ = s.Reset() // the other side learns enough from the end
		return
	}
	inside, release := w.hold(ctx, d)
	defer release()
	w.parts.Emit(fog.DealAccepted{Deal: d.id, Buyer: d.body.Buyer, Cap: d.body.Cap})
	err = d.run(inside)
	state := "closed"
	if err != nil {
		state = "broken"
		if errors.Is(err, errUnpaid) {
			w.resent(d.body.Buyer)
		}
		w.parts.Log.Info("deal broken", "deal", d.id, "err", err)
		w.parts.Emit(fog.DealBroken{Deal: d.id, Reason: err.Error()})
		_ = s.Reset()
	}
	if err := w.parts.Journal.DealState(context.WithoutCancel(ctx), d.id, state); err != nil {
		w.parts.Log.Error("journal", "err", err)
	}
}

// negotiate greets the buyer and answers one proposal. With a nil error the
// caller holds a token of w.deals.
func (w *Worker) negotiate(ctx context.Context, s Stream) (*deal, error) {
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	device, account, err := w.greet(ctx, s)
	if err != nil {
		return nil, err
	}
	m, err := s.Recv(ctx, wire.MaxControl)
	if err != nil {
		return nil, err
	}
	p, ok := m.Body.(wire.Propose)
	if !ok {
		return nil, fmt.Errorf("got %s, want a proposal", wire.NameOf(m.Body))
	}
	d := &deal{w: w, s: s, body: p.Deal, id: p.Deal.ID(), device: device, over: make(chan struct{})}
	if err := w.admit(ctx, d, p, account); err != nil {
		return nil, w.refuse(ctx, s, d.id, err)
	}
	w.replace(ctx, d)
	select {
	case w.deals <- struct{}{}:
	default:
		return nil, w.refuse(ctx, s, d.id, refusal{wire.RefuseBusy, "All of this computer is sold at the moment."})
	}
	if err := w.sign(ctx, d, p.Sig); err != nil {
		<-w.deals
		return nil, err
	}
	return d, nil
}

// replace ends an open deal of the same buyer and job: the buyer has lost that
// conversation, whether or not the network has noticed here.
func (w *Worker) replace(ctx context.Context, d *deal) {
	w.mu.Lock()
	old := w.jobs[d.body.Job]
	w.mu.Unlock()
	if old == nil || old.body.Buyer != d.body.Buyer {
		return
	}
	old.stop()
	select {
	case <-old.over:
	case <-ctx.Done():
	}
}

// hold registers an open deal; the returned function ends it.
func (w *Worker) hold(ctx context.Context, d *deal) (context.Context, func()) {
	ctx, d.stop = context.WithCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs[d.body.Job] = d
	return ctx, func() {
		d.stop()
		w.mu.Lock()
		if w.jobs[d.body.Job] == d {
			delete(w.jobs, d.body.Job)
		}
		w.mu.Unlock()
		<-w.deals
		close(d.over)
	}
}

// greet exchanges hellos and returns the buyer's device key and account.
func (w *Worker) greet(ctx context.Context, s Stream) (device, account fog.Address, err error) {
	mine := wire.Hello{Version: w.cfg.Version, Network: w.parts.Net.Network(), Delegation: w.parts.Keys.Delegation()}
	if err := s.Send(ctx, wire.New(mine)); err != nil {
		return device, account, err
	}
	m, err := s.Recv(ctx, wire.MaxControl)
	if err != nil {
		return device, account, err
	}
	hello, ok := m.Body.(wire.Hello)
	if !ok {
		return device, account, fmt.Errorf("got %s, want hello", wire.NameOf(m.Body))
	}
	if hello.Network != w.parts.Net.Network() {
		return device, account, fmt.Errorf("buyer is on another network")
	}
	if err := w.parts.Verifier.VerifyDelegation(hello.Delegation, fog.PurposeOrder|fog.PurposeVoucher, w.parts.Now()); err != nil {
		return device, account, fmt.Errorf("buyer's delegation: %w", err)
	}
	return hello.Delegation.Device, hello.Delegation.Account, nil
}

// admit says whether a proposal is one this seller signs.
func (w *Worker) admit(ctx context.Context, d *deal, p wire.Propose, account fog.Address) error {
	ask, now := w.standing(), w.parts.Now()
	app, known := w.parts.Apps.ByHash(p.Deal.Module)
	d.app = app
	switch {
	case p.Deal.Seller != ask.Seller || p.Deal.Buyer != account:
		return refusal{wire.RefuseDeal, "The deal names other parties than the two that are talking."}
	case w.resents(p.Deal.Buyer, p.Deal.Job):
		return refusal{wire.RefuseDeal, "This buyer has not paid for the work done before."}
	case p.Deal.Price.Cmp(ask.Price) < 0:
		return refusal{wire.RefusePrice, fmt.Sprintf("The price is now %s SNM.", ask.Price)}
	case !now.Before(p.Deal.Expiry):
		return refusal{wire.RefuseDeal, "The deal has expired; is the clock right?"}
	case !known:
		return refusal{wire.RefuseModule, "This computer does not have that program."}
	case app.Memory > w.cfg.Memory:
		return refusal{wire.RefuseSize, "The program needs more memory than is offered."}
	case p.Deal.Cap.IsZero():
		return refusal{wire.RefuseDeal, "The deal can pay nothing."}
	case p.Size > app.Memory/2:
		return refusal{wire.RefuseSize, "The scene is too large for the memory offered."}
	}
	if err := w.parts.Verifier.VerifyDeal(p.Deal, p.Sig, d.device); err != nil {
		return refusal{wire.RefuseDeal, "The deal is not signed by the buyer."}
	}
	var err error
	if d.epoch, err = w.parts.Ledger.Covers(ctx, p.Deal.Buyer, d.device, p.Deal.Cap); err != nil {
		code := wire.RefuseDeal
		if errors.Is(err, fog.ErrChain) {
			code = wire.RefuseBusy
		}
		return refusal{code, plain(err.Error())}
	}
	return nil
}

// plain makes text fit for the wire: printable, in one line, and not too long.
func plain(text string) string {
	clean := strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, " "))
	for len(clean) > wire.MaxReason {
		_, n := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-n]
	}
	return clean
}

// sign countersigns: on disk first, then on the wire.
func (w *Worker) sign(ctx context.Context, d *deal, buyerSig fog.Signature) error {
	sig, err := w.parts.Keys.SignDeal(ctx, d.body)
	if err != nil {
		return fmt.Errorf("sign deal: %w", err)
	}
	if err := w.parts.Journal.PutSellerDeal(ctx, d.s.Peer(), d.body, buyerSig, sig); err != nil {
		return err
	}
	return d.s.Send(ctx, wire.New(wire.Accept{Deal: d.id, Sig: sig}))
}

// refuse tells the buyer why and returns the refusal.
func (w *Worker) refuse(ctx context.Context, s Stream, id fog.DealID, err error) error {
	var no refusal
	if !errors.As(err, &no) {
		return err
	}
	if err := s.Send(ctx, wire.New(wire.Refuse{Deal: id, Code: no.code, Reason: no.reason})); err != nil {
		return err
	}
	return no
}

// closing bounds how long the end of a deal may take.
const closing = 30 * time.Second
