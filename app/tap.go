package app

import (
	"context"
	"net/http"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/wire"
	"sonm/wallet"
)

// This file lets Config.Tap see what the buying side writes, signs and sends.

// tap tells of an event that came to pass, if anybody wants to know.
func (a *App) tap(err error, kind, what string) {
	if a.cfg.Tap != nil && err == nil {
		a.cfg.Tap(kind, what)
	}
}

func (a *App) tapHTTP(c *http.Client) *http.Client {
	t := *c
	t.Transport = tappedHTTP{c.Transport, a}
	return &t
}

type tappedJournal struct {
	buyer.Journal
	a *App
}

// PutJob implements buyer.Journal.
func (j tappedJournal) PutJob(ctx context.Context, r buyer.Record) error {
	err := j.Journal.PutJob(ctx, r)
	j.a.tap(err, "store", "job")
	return err
}

// JobSettled implements buyer.Journal.
func (j tappedJournal) JobSettled(ctx context.Context, c buyer.Cost) error {
	err := j.Journal.JobSettled(ctx, c)
	j.a.tap(err, "store", "settled")
	return err
}

// PutBuyerDeal implements buyer.Journal.
func (j tappedJournal) PutBuyerDeal(ctx context.Context, peer fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	err := j.Journal.PutBuyerDeal(ctx, peer, d, b, s)
	j.a.tap(err, "store", "deal")
	return err
}

// DealState implements buyer.Journal.
func (j tappedJournal) DealState(ctx context.Context, id fog.DealID, state string) error {
	err := j.Journal.DealState(ctx, id, state)
	j.a.tap(err, "store", "deal "+state)
	return err
}

// PutArrived implements buyer.Journal.
func (j tappedJournal) PutArrived(ctx context.Context, id fog.JobID, r buyer.Arrival, output []byte) error {
	err := j.Journal.PutArrived(ctx, id, r, output)
	j.a.tap(err, "store", "result")
	return err
}

// Judge implements buyer.Journal.
func (j tappedJournal) Judge(ctx context.Context, v buyer.Verdict) error {
	err := j.Journal.Judge(ctx, v)
	j.a.tap(err, "store", "verdict")
	return err
}

type tappedKeys struct {
	buyer.Keys
	a *App
}

// SignDeal implements buyer.Keys.
func (k tappedKeys) SignDeal(ctx context.Context, d fog.Deal) (fog.Signature, error) {
	sig, err := k.Keys.SignDeal(ctx, d)
	k.a.tap(err, "sign", "deal")
	return sig, err
}

// SignVoucher implements buyer.Keys.
func (k tappedKeys) SignVoucher(ctx context.Context, v fog.Voucher) (fog.Voucher, error) {
	v, err := k.Keys.SignVoucher(ctx, v)
	k.a.tap(err, "sign", "voucher")
	return v, err
}

type buyerNet = buyer.Network // which has a method called Network

type tappedNet struct {
	buyerNet
	a *App
}

// Open implements buyer.Network.
func (n tappedNet) Open(ctx context.Context, peer fog.PeerID, addrs []string, protocol string) (buyer.Stream, error) {
	s, err := n.buyerNet.Open(ctx, peer, addrs, protocol)
	if err != nil {
		return nil, err
	}
	return tappedStream{s, n.a}, nil
}

type tappedStream struct {
	buyer.Stream
	a *App
}

// Send implements buyer.Stream.
func (s tappedStream) Send(ctx context.Context, m *wire.Message) error {
	err := s.Stream.Send(ctx, m)
	s.a.tap(err, "wire", wire.NameOf(m.Body))
	return err
}

type tappedHTTP struct {
	next http.RoundTripper
	a    *App
}

// RoundTrip implements http.RoundTripper.
func (t tappedHTTP) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	t.a.tap(err, "wire", "chain")
	return resp, err
}

type tappedOutbox struct {
	wallet.Outbox
	a *App
}

// Save implements wallet.Outbox.
func (o tappedOutbox) Save(ctx context.Context, r wallet.Record) error {
	err := o.Outbox.Save(ctx, r)
	o.a.tap(err, "store", "transaction")
	return err
}

// Final implements wallet.Outbox.
func (o tappedOutbox) Final(ctx context.Context, id wallet.Hash) error {
	err := o.Outbox.Final(ctx, id)
	o.a.tap(err, "store", "transaction final")
	return err
}
