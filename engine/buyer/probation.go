package buyer

import (
	"context"
	"slices"

	"sonm/engine/proof"
)

// standing is what an account has shown in this job, whatever conversations it
// had. Until a first verdict is good nothing is promised to it: its other
// results mature, and are paid in their order afterwards.
type standing struct {
	first    *result // the one whose verdict decides; nil if none is on its way
	proved   bool    // the first verdict was good, or could not be reached
	maturing []*result
	checks   proof.Checks
	over     int // leases that ran into their hard end since it last delivered
}

func (r *run) standing(s *seller) *standing {
	st := r.standings[s.deal.Seller]
	if st == nil {
		st = &standing{checks: r.plan}
		r.standings[s.deal.Seller] = st
	}
	return st
}

// remember has what a seller passed before this job began count in it, the same
// whenever it is asked. A record that cannot be read is none.
func (r *run) remember(ctx context.Context, s *seller) {
	passed, err := r.b.parts.Journal.Passed(ctx, s.deal.Seller, r.rec.Began.Add(-proof.Memory), r.rec.Began)
	if err != nil {
		r.b.parts.Log.Error("journal", "err", err)
		return
	}
	r.standing(s).checks = r.plan.Settled(passed, r.table.Len(), r.rec.Sellers)
}

// due reports whether a result that arrived is re-run.
func (r *run) due(res *result) bool {
	return r.standing(res.s).checks.Due(r.rec.Secret, proof.ReceiptHash(res.receipt), r.newcomer(res.s))
}

// drawn reports whether a result counts towards its seller's record when it is
// right: its seller could not know that it would be re-run. Everyone knows of
// the first, and a copy is re-run when an accomplice contradicts it.
func (r *run) drawn(res *result) bool {
	return !res.first && r.standing(res.s).checks.Due(r.rec.Secret, proof.ReceiptHash(res.receipt), false)
}

// newcomer reports whether a result of the seller would be its first.
func (r *run) newcomer(s *seller) bool {
	st := r.standing(s)
	return !st.proved && st.first == nil
}

// weigh has a result re-run, lets it mature, or pays for it.
func (r *run) weigh(ctx context.Context, res *result, drawn bool) error {
	st := r.standing(res.s)
	switch {
	case drawn:
		r.queue(res)
		return nil
	case r.plan.First && !st.proved:
		st.maturing = append(st.maturing, res)
		return nil
	}
	return r.accept(ctx, res)
}

// queue has a result re-run.
func (r *run) queue(res *result) {
	if res.pending || res.checked {
		return
	}
	if r.newcomer(res.s) {
		r.standing(res.s).first = res
		res.first = true
	}
	res.pending = true
	r.backlog = append(r.backlog, res)
	r.waiting++
}

// nextCheck is where the next result to be re-run goes; nowhere if there is none.
func (r *run) nextCheck() (chan<- *result, *result) {
	if len(r.backlog) == 0 {
		return nil, nil
	}
	return r.checks, r.backlog[0]
}

// trust pays for a result that passed, and then for what matured by it. One
// with a verdict of its own to come is paid by that.
func (r *run) trust(ctx context.Context, res *result) error {
	if err := r.accept(ctx, res); err != nil {
		return err
	}
	st := r.standing(res.s)
	st.proved = true
	for _, m := range st.maturing {
		if m.pending {
			continue
		}
		if err := r.accept(ctx, m); err != nil {
			return err
		}
	}
	st.maturing = nil
	return nil
}

// forget drops what waits for a verdict or matures of a seller that was
// caught: neither would change anything.
func (r *run) forget(s *seller) {
	r.standing(s).maturing = nil
	r.backlog = slices.DeleteFunc(r.backlog, func(res *result) bool {
		if res.s.deal.Seller != s.deal.Seller {
			return false
		}
		res.pending = false
		r.waiting--
		return true
	})
}
