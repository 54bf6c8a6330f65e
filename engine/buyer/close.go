package buyer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sonm/engine/fog"
	"sonm/engine/pay"
	"sonm/engine/sandbox"
	"sonm/engine/wire"
)

// farewell bounds how long sellers are waited for when a job is over.
const farewell = 5 * time.Second

// settle has the chain pay every seller what it was promised, and adds up.
// failed says that the film will never be whole.
func (r *run) settle(ctx context.Context, failed bool) (Outcome, error) {
	out := Outcome{Film: r.reel.Newest(), Hash: r.reel.Hash(), Frame: r.joiner(), Locked: r.rec.Locked, Checked: r.checked, Engines: map[sandbox.Engine]int{}}
	if !r.began.IsZero() {
		out.Render = r.ended.Sub(r.began)
	}
	for _, res := range r.results {
		out.Engines[res.engine]++
	}
	payees := r.payees()
	paid := fog.Settlement{Tx: r.settledTx}
	if len(payees) > 0 && !r.settled {
		var err error
		if paid, err = r.outlast(ctx, payees); err != nil {
			return out, fmt.Errorf("settle: %w", err)
		}
	}
	net := map[fog.Address]fog.Amount{}
	for _, p := range payees {
		pmt, err := r.payment(p.Seller, paid.Payments)
		if err != nil {
			return out, err
		}
		net[p.Seller] = pmt.Net
		out.Spent = out.Spent.Add(pmt.Net).Add(pmt.Fee)
		out.Fee = out.Fee.Add(pmt.Fee)
	}
	out.Tx = paid.Tx
	out.Shares = r.shares(net)
	if err := r.b.parts.Journal.JobSettled(ctx, Cost{r.ID, out.Spent, out.Fee, out.Tx, out.Hash, failed}); err != nil {
		return out, err
	}
	r.b.parts.Emit(fog.Settled{Job: r.ID, Spent: out.Spent, Fee: out.Fee, Tx: out.Tx})
	return out, nil
}

// outlast has the chain pay, however long it does not answer; the end of ctx
// leaves the job open in the journal. Asking twice pays once: what payees are
// due is a total.
func (r *run) outlast(ctx context.Context, payees []fog.Payee) (fog.Settlement, error) {
	for pause := settlePause; ; pause = min(2*pause, settleMost) {
		paid, err := r.ask(ctx, payees)
		if !errors.Is(err, fog.ErrChain) || ctx.Err() != nil {
			return paid, err
		}
		if pause == settlePause {
			r.b.parts.Log.Info("chain does not answer", "job", r.ID, "err", err)
			r.b.parts.Emit(fog.Waited{Job: r.ID, Reason: "The network's chain does not answer; the sellers are paid as soon as it does."})
		}
		again := time.NewTimer(pause)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return paid, ctx.Err()
		}
	}
}

func (r *run) ask(ctx context.Context, payees []fog.Payee) (fog.Settlement, error) {
	once, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	paid, err := r.b.parts.Ledger.Settle(once, payees)
	if err != nil && ctx.Err() == nil && once.Err() != nil {
		err = fmt.Errorf("%w: %w", fog.ErrChain, err)
	}
	return paid, err
}

// payment is what a seller got for this job: what the chain says it paid now,
// or, if an earlier run or another job's settlement paid a part of it, what the
// contract's own rule makes of the amount promised.
func (r *run) payment(to fog.Address, now []fog.Payment) (fog.Payment, error) {
	var owed fog.Amount
	for _, t := range r.book.JobPaid(r.ID) {
		if t.Seller == to {
			owed = t.Amount
		}
	}
	for _, p := range now {
		if p.Seller == to && p.Net.Add(p.Fee) == owed {
			return p, nil
		}
	}
	net, fee, err := pay.Fee(owed, r.b.parts.FeeBPS)
	return fog.Payment{Seller: to, Net: net, Fee: fee}, err
}

// payees are the sellers this job owes something, in address order. One that
// was caught is among them for what it was promised before: it holds a voucher
// that the chain honours whenever it likes, so leaving it out would only make
// the sums wrong and the escrow short for the next job.
func (r *run) payees() []fog.Payee {
	var all []fog.Payee
	for _, t := range r.book.JobPaid(r.ID) {
		if !t.Amount.IsZero() {
			all = append(all, fog.Payee{Seller: t.Seller, Total: r.book.Voucher(t.Seller).Total})
		}
	}
	return all
}

// shares adds up each seller's part; a seller that came twice is one.
func (r *run) shares(net map[fog.Address]fog.Amount) []Share {
	var all []Share
	for _, s := range r.sellers {
		i := slices.IndexFunc(all, func(x Share) bool { return x.Seller == s.deal.Seller })
		if i < 0 {
			all = append(all, Share{Peer: s.ask.Peer, Seller: s.deal.Seller, Paid: net[s.deal.Seller]})
			i = len(all) - 1
		}
		all[i].Tasks += s.tasks
	}
	return all
}

// dismiss opens the secret, closes every deal and waits a moment for the
// sellers to confirm; one that does not has its vouchers all the same.
func (r *run) dismiss(ctx context.Context) {
	open := 0
	for _, s := range r.sellers {
		if s.caught {
			continue
		}
		if s.live && s.say(wire.Close{Deal: s.id, Secret: r.rec.Secret}) {
			open++
		}
		if err := r.b.parts.Journal.DealState(ctx, s.id, DealClosed); err != nil {
			r.b.parts.Log.Error("journal", "err", err)
		}
	}
	end := time.NewTimer(farewell)
	defer end.Stop()
	for open > 0 {
		select {
		case e := <-r.events:
			switch e := e.(type) {
			case closed:
				e.s.live = false
				open--
			case left:
				if e.s.live {
					e.s.live = false
					open--
				}
			}
		case <-end.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
