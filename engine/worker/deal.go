package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	size   uint64      // bytes of the input, as the buyer says
	device fog.Address // the buyer's device key
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
	defer func() { <-w.deals }()
	w.parts.Emit(fog.DealAccepted{Deal: d.id, Buyer: d.body.Buyer, Cap: d.body.Cap})
	err = d.run(ctx)
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
	d := &deal{w: w, s: s, body: p.Deal, id: p.Deal.ID(), device: device, size: p.Size}
	if err := w.admit(ctx, d, p, account); err != nil {
		return nil, w.refuse(ctx, s, d.id, err)
	}
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
	case w.resents(p.Deal.Buyer):
		return refusal{wire.RefuseDeal, "This buyer has not paid for the work done before."}
	case p.Deal.Price.Cmp(ask.Price) < 0:
		return refusal{wire.RefusePrice, fmt.Sprintf("The price is now %s SNM.", ask.Price)}
	case !now.Before(p.Deal.Expiry):
		return refusal{wire.RefuseDeal, "The deal has expired; is the clock right?"}
	case !known:
		return refusal{wire.RefuseModule, "This computer does not have that program."}
	case app.Memory > w.cfg.Memory:
		return refusal{wire.RefuseSize, "The program needs more memory than is offered."}
	case p.Size > app.Memory/2:
		return refusal{wire.RefuseSize, "The scene is too large for the memory offered."}
	}
	if err := w.parts.Verifier.VerifyDeal(p.Deal, p.Sig, d.device); err != nil {
		return refusal{wire.RefuseDeal, "The deal is not signed by the buyer."}
	}
	if err := w.parts.Ledger.Covers(ctx, p.Deal.Buyer, d.device, p.Deal.Cap); err != nil {
		return refusal{wire.RefuseDeal, err.Error()}
	}
	return nil
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

// SeedOf is the seed all randomness of a job comes from: it depends on the
// input only, so two honest workers of any two jobs agree.
func SeedOf(input fog.Hash) fog.Hash { return fog.HashOf([]byte("seed"), input[:]) }

// closing bounds how long the end of a deal may take.
const closing = 30 * time.Second
