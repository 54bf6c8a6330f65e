package buyer

import (
	"context"
	"fmt"

	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/pay"
	"sonm/engine/wire"
)

// Resume goes on with a job that an earlier run of the program left: results
// on disk are not rendered again, promises written down are not made again,
// and results not judged yet are judged by the secret of before. The offer and
// the check rate are those of before, whatever t says.
func (b *Buyer) Resume(ctx context.Context, saved Saved, p Prepared, t Terms) (Outcome, error) {
	r, err := b.newRun(p, saved.Record, t)
	if err != nil {
		return Outcome{}, err
	}
	r.settled, r.settledTx = saved.Settled, saved.Tx
	if r.epoch, err = b.parts.Ledger.Lock(ctx, fog.Amount{}); err != nil { // the job is among the open ones
		return Outcome{}, err
	}
	deals := r.restoreDeals(ctx, saved)
	if err := r.restoreBook(ctx, saved, deals); err != nil {
		return Outcome{}, err
	}
	if err := r.restoreResults(ctx, saved, deals); err != nil {
		return Outcome{}, err
	}
	b.parts.Emit(fog.Locked{Job: p.ID, Max: saved.Record.Locked})
	return r.finish(ctx, func(context.Context) {}) // the loop recruits
}

// restoreDeals remembers the sellers of before. None is talked to; one that
// delivered something wrong stays out.
func (r *run) restoreDeals(ctx context.Context, saved Saved) map[fog.DealID]*seller {
	deals := map[fog.DealID]*seller{}
	for _, d := range saved.Deals {
		s := &seller{run: r, deal: d.Deal, id: d.Deal.ID(), ask: fog.Ask{Seller: d.Deal.Seller, Peer: d.Peer, Price: d.Deal.Price}, stop: func() {}}
		s.banned, s.caught = d.Caught, d.Caught
		deals[s.id] = s
		r.sellers = append(r.sellers, s)
		r.remember(ctx, s)
	}
	for _, a := range saved.Arrivals {
		if s := deals[a.Receipt.Deal]; s != nil && a.Judged && !a.OK {
			s.banned, s.caught = true, true
		}
	}
	caught := map[fog.Address]bool{}
	for _, s := range r.sellers {
		caught[s.deal.Seller] = caught[s.deal.Seller] || s.caught
	}
	for _, s := range r.sellers { // in whichever conversation it was
		s.caught = caught[s.deal.Seller]
		s.banned = s.banned || s.caught
	}
	return deals
}

// restoreBook puts together what was promised, for this job and in all.
func (r *run) restoreBook(ctx context.Context, saved Saved, deals map[fog.DealID]*seller) error {
	paid := map[fog.Address]fog.Amount{}
	for _, a := range saved.Arrivals {
		if s := deals[a.Receipt.Deal]; s != nil && a.Judged && a.OK {
			r.paid[earned{s.deal.Seller, a.Receipt.Task}] = true
			r.standing(s).proved = true // else nothing had been promised
			paid[s.deal.Seller] = paid[s.deal.Seller].Add(a.Amount)
		}
	}
	state := pay.State{Buyer: r.b.parts.Keys.Delegation().Account, Epoch: r.epoch}
	account := pay.JobState{Job: r.ID, Cap: r.rec.Locked}
	seen := map[fog.Address]bool{}
	for _, s := range r.sellers {
		if seen[s.deal.Seller] {
			continue
		}
		seen[s.deal.Seller] = true
		total, err := r.b.parts.Ledger.Promised(ctx, s.deal.Seller, r.epoch)
		if err != nil {
			return err
		}
		state.Totals = append(state.Totals, pay.Total{Seller: s.deal.Seller, Amount: total})
		if a := paid[s.deal.Seller]; !a.IsZero() {
			account.Paid = append(account.Paid, pay.Total{Seller: s.deal.Seller, Amount: a})
		}
	}
	state.Jobs = []pay.JobState{account}
	var err error
	r.book, err = pay.Restore(state)
	return err
}

// restoreResults puts the results on disk into the film and judges those that
// were not. One whose output is damaged is rendered again.
func (r *run) restoreResults(ctx context.Context, saved Saved, deals map[fog.DealID]*seller) error {
	for _, a := range saved.Arrivals {
		s := deals[a.Receipt.Deal]
		if s == nil || s.caught || int(a.Index) >= len(r.Plan.Tasks) {
			continue
		}
		t := r.Plan.Tasks[a.Index]
		res := &result{
			s: s, receipt: a.Receipt, engine: a.Engine, paid: a.Judged,
			lease: fog.Lease{Deal: s.id, Task: a.Receipt.Task, Index: a.Index, Attempt: a.Receipt.Attempt, Spec: t.Spec.Encode(), Planned: t.Planned},
		}
		if first := r.results[a.Index]; first != nil {
			if err := r.restoreCopy(ctx, first, res); err != nil {
				return err
			}
			continue
		}
		out, err := r.b.parts.Journal.Output(ctx, r.ID, a.Receipt.Result)
		var film *job.Film
		if err == nil {
			film, err = r.reel.Add(t.Spec, out)
		}
		if err != nil {
			r.b.parts.Log.Info("result on disk is of no use", "task", a.Index, "err", err)
			continue
		}
		if !r.table.Restore(a.Receipt.Task) {
			return fmt.Errorf("journal of job %s: task %d is not of this job", r.ID.Short(), a.Index)
		}
		r.results[a.Index] = res
		s.tasks++
		r.restoreFrame(ctx, t.Spec.Frame, film)
		if err := r.rejudge(ctx, res); err != nil {
			return err
		}
	}
	if n := len(r.results); n > 0 {
		r.b.parts.Emit(fog.TaskDone{Job: r.ID, Done: n, Total: r.table.Len()})
	}
	return nil
}

// rejudge decides on a result that arrived before the program died.
func (r *run) rejudge(ctx context.Context, res *result) error {
	if res.paid {
		return nil
	}
	return r.weigh(ctx, res, r.due(res))
}

// restoreCopy decides on a second result of a task, which may have waited for
// its seller's first verdict.
func (r *run) restoreCopy(ctx context.Context, first, res *result) error {
	if res.paid || first.s.deal.Seller == res.s.deal.Seller {
		return nil
	}
	return r.compare(ctx, first, res)
}

// latest is the newest voucher for a seller, to be said again after a crash in
// which it may have been written down and not sent.
func (r *run) latest(ctx context.Context, s *seller) error {
	v := r.book.Voucher(s.deal.Seller)
	if v.Total.IsZero() || r.book.JobSpent(r.ID).IsZero() {
		return nil
	}
	v, err := r.b.parts.Keys.SignVoucher(ctx, v)
	if err != nil {
		return err
	}
	s.say(wire.Voucher{Voucher: v})
	return nil
}
