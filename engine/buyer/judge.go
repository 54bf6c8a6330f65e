package buyer

import (
	"context"
	"errors"

	"sonm/engine/fog"
	"sonm/engine/lease"
	"sonm/engine/pay"
	"sonm/engine/proof"
	"sonm/engine/wire"
)

// judged is the outcome of a spot check; err means that it could not be made,
// which never counts against a seller.
type judged struct {
	res *result
	v   proof.Verdict
	err error
}

// arrive takes a signed result: journal, film, and then payment or a check.
func (r *run) arrive(ctx context.Context, s *seller, m wire.Result) error {
	rc := m.Receipt
	l, ok := r.sent[attempt{rc.Task, rc.Attempt}]
	if !ok || l.Deal != s.id || s.banned {
		return nil // not ours, or too late to matter
	}
	if err := proof.CheckReceipt(l, rc, m.Output); err != nil {
		return r.strike(ctx, s, rc, err.Error())
	}
	r.standing(s).over = 0
	delete(r.sent, attempt{rc.Task, rc.Attempt}) // answered: the same message again means nothing
	res := &result{s: s, lease: l, receipt: rc, engine: named(m.Engine)}
	if first := r.results[l.Index]; first != nil {
		return r.again(ctx, first, res, m.Output)
	}
	spec := r.Plan.Tasks[l.Index].Spec
	film, err := r.reel.Add(spec, m.Output)
	if err != nil {
		return r.strike(ctx, s, rc, err.Error())
	}
	if err := r.b.parts.Journal.PutArrived(ctx, r.ID, Arrival{Index: l.Index, Receipt: rc, Engine: res.engine}, m.Output); err != nil {
		return err
	}
	outcome, err := r.table.Done(rc.Task, rc.Attempt, r.b.parts.Now())
	if err != nil || outcome != lease.First {
		return err
	}
	r.results[l.Index] = res
	s.tasks++
	r.ended = r.b.parts.Now()
	drawn := r.due(res)
	r.b.parts.Emit(fog.TaskDone{
		Job: r.ID, Index: l.Index, Peer: s.ask.Peer, Work: rc.Work, Checked: drawn,
		Done: len(r.results), Total: r.table.Len(),
	})
	r.frameDone(spec.Frame, film)
	return r.weigh(ctx, res, drawn)
}

// again handles a second result of a task: the same bytes are honest work and
// paid, other bytes mean that one of the two lies. Its lease is over in any
// case, else the seller would hold it for ever.
func (r *run) again(ctx context.Context, first, res *result, output []byte) error {
	if _, err := r.table.Done(res.receipt.Task, res.receipt.Attempt, r.b.parts.Now()); err != nil {
		return err
	}
	if first.s.deal.Seller == res.s.deal.Seller {
		res.enough() // a lease it had lost and got again: one task, one pay, and no way around the first one's check
		return nil
	}
	if err := r.b.parts.Journal.PutArrived(ctx, r.ID, Arrival{Index: res.lease.Index, Receipt: res.receipt, Engine: res.engine}, output); err != nil {
		return err
	}
	return r.compare(ctx, first, res)
}

// compare weighs a second result of a task. Two newcomers that lie alike agree,
// so that the word of another is not enough for a first result.
func (r *run) compare(ctx context.Context, first, res *result) error {
	if first.receipt.Result == res.receipt.Result && first.receipt.Work == res.receipt.Work {
		return r.weigh(ctx, res, r.plan.First && r.newcomer(res.s))
	}
	r.queue(first)
	r.queue(res)
	return nil
}

// enough tells a seller that a result is not paid, since the task was.
func (res *result) enough() {
	res.reject("You delivered this task before.")
}

// reject tells a seller that a result is not paid, and why.
func (res *result) reject(why string) {
	res.s.now().say(wire.Verdict{Deal: res.s.id, Task: res.receipt.Task, Attempt: res.receipt.Attempt, Reason: why})
}

// accept pays for a result: promise, disk, wire. A seller is paid for a task
// once; past the job's cap nothing is promised, whatever happened.
func (r *run) accept(ctx context.Context, res *result) error {
	if res.paid || res.s.caught { // nothing is promised after the strike
		return nil
	}
	if r.paid[res.earned()] { // it came second, and again when the first was thrown away
		res.paid = true
		res.enough()
		return nil
	}
	p, s := &r.b.parts, res.s
	amount := s.deal.Price.Cost(proof.Paid(res.receipt.Work, res.lease.Planned))
	v, err := r.book.Owe(r.ID, s.deal.Seller, amount)
	if errors.Is(err, pay.ErrCap) {
		res.reject("The job's budget is spent.")
		return nil
	}
	if err != nil {
		return err
	}
	if v, err = p.Keys.SignVoucher(ctx, v); err != nil {
		return err
	}
	done := Verdict{Job: r.ID, Deal: s.id, Index: res.lease.Index, Attempt: res.receipt.Attempt, OK: true, Drawn: res.checked && r.drawn(res), Amount: amount, Voucher: v}
	if err := p.Journal.Judge(ctx, done); err != nil {
		return err
	}
	res.paid, r.paid[res.earned()] = true, true
	s = s.now()
	s.say(wire.Verdict{Deal: res.s.id, Task: res.receipt.Task, Attempt: res.receipt.Attempt, Accepted: true})
	s.say(wire.Voucher{Voucher: v})
	p.Emit(fog.Paid{Job: r.ID, Index: res.lease.Index, Seller: s.deal.Seller, Amount: amount, Total: v.Total})
	return nil
}

// verdict acts on a spot check.
func (r *run) verdict(ctx context.Context, j judged) error {
	r.waiting--
	j.res.pending = false
	if j.err != nil {
		r.b.parts.Log.Info("result not checked", "task", j.res.lease.Index, "err", j.err)
		return r.trust(ctx, j.res)
	}
	r.checked++
	j.res.checked = j.v.OK
	r.b.parts.Emit(fog.TaskChecked{Job: r.ID, Index: j.res.lease.Index, Peer: j.res.s.ask.Peer, OK: j.v.OK, Why: j.v.Reason})
	if j.v.OK {
		return r.trust(ctx, j.res)
	}
	if !j.res.paid { // else a copy gave it away after it was promised: the journal keeps what was
		bad := Verdict{Job: r.ID, Deal: j.res.s.id, Index: j.res.lease.Index, Attempt: j.res.receipt.Attempt}
		if err := r.b.parts.Journal.Judge(ctx, bad); err != nil {
			return err
		}
	}
	return r.strike(ctx, j.res.s, j.res.receipt, j.v.Reason)
}

// strike ends the work with a seller whose receipt rc stands for something
// wrong, and says so: its owner may have a broken computer. Whatever it delivered that was not re-run here, in this conversation or one before, is
// done again by others.
func (r *run) strike(ctx context.Context, s *seller, rc fog.Receipt, why string) error {
	if s.caught {
		return nil
	}
	(&result{s: s, receipt: rc}).reject(why)
	for _, o := range r.sellers {
		if o.deal.Seller != s.deal.Seller {
			continue
		}
		if o.live {
			r.table.Drop(o.ask.Peer, r.b.parts.Now())
			o.part()
		} else {
			o.stop()
		}
		o.banned, o.caught, o.live = true, true, false
		if err := r.b.parts.Journal.DealState(ctx, o.id, DealCaught); err != nil {
			return err
		}
	}
	r.forget(s)
	r.b.parts.Emit(fog.SellerLost{Job: r.ID, Peer: s.ask.Peer, Reason: "It delivered a wrong result: " + why})
	touched := map[uint32]bool{}
	for i, res := range r.results {
		if res.s.deal.Seller != s.deal.Seller || res.checked {
			continue
		}
		delete(r.results, i)
		touched[r.Plan.Tasks[i].Spec.Frame] = true
		res.s.tasks--
		if err := r.table.Reopen(res.s.ask.Peer, res.receipt.Task); err != nil {
			return err
		}
	}
	return r.refilm(ctx, touched)
}
