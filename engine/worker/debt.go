package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"sonm/engine/fog"
)

// unpaidPerSlot is how many results per slot a buyer may leave unanswered
// before the worker stops working for it: one that is running, one that waits
// for the next lease, and two that are being checked.
const unpaidPerSlot = 4

// errUnpaid ends a deal whose buyer takes and does not give.
var errUnpaid = errors.New("the buyer does not pay for its results")

// debts is what buyers owe: results delivered and not paid, by account and not
// by conversation, else hanging up would pay for everything. A buyer that says
// no to a result owes it all the same: else a no would.
//
// An honest buyer whose program died may have lost results on their way. It
// leases those tasks again, and that replaces the old debt, so many times an
// hour; what it gave to others instead is forgotten after an hour (grudge). A
// buyer that means no good gets so much every hour, and no more.
type debts struct {
	most int // results one buyer may owe, and re-leases an hour

	mu sync.Mutex
	of map[fog.Address]*debt // guarded by mu
}

// debt is one buyer's; it is guarded by mu of debts.
type debt struct {
	open    []Owed        // oldest first
	again   []time.Time   // re-leases that replaced a debt
	changed chan struct{} // closed and replaced at every answer
	waiting int           // slots that wait for an answer
	since   time.Time     // if waiting
	waited  time.Duration // before since, without an answer
	epoch   uint32        // of total
	total   fog.Amount    // highest voucher known
	credit  fog.Amount    // of it, too little for the next result
}

// Owed is a result that no voucher has paid.
type Owed struct {
	Job   fog.JobID
	Index uint32 // of the task in its job
	Price fog.Amount
	Sent  time.Time // zero while it is computed
}

func (o Owed) task() fog.TaskID { return fog.TaskIDOf(o.Job, o.Index) }

func newDebts(most int) *debts { return &debts{most: most, of: map[fog.Address]*debt{}} }

// restore takes in what was owed when the program ended.
func (x *debts) restore(owed map[fog.Address][]Owed, now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for buyer, all := range owed {
		d := x.debt(buyer, now)
		for _, o := range all {
			if d.find(o.task(), true) < 0 { // else it was delivered twice
				d.open = append(d.open, o)
			}
		}
	}
}

// trust waits until the buyer may have one more result. The time it left
// others waiting counts, in whichever conversation; after patience it is
// errUnpaid. Replaced says that the result stands for one delivered before.
func (x *debts) trust(ctx context.Context, buyer fog.Address, job fog.JobID, index uint32, now func() time.Time) (replaced bool, err error) {
	for {
		turn := x.take(buyer, job, index, now())
		if turn.changed == nil {
			return turn.replaced, nil
		}
		end := time.NewTimer(turn.left)
		select {
		case <-turn.changed:
		case <-end.C:
			err = errUnpaid
		case <-ctx.Done():
			err = ctx.Err()
		}
		end.Stop()
		x.leave(buyer, now())
		if err != nil {
			return false, err
		}
	}
}

// turn is what a slot may do: work if changed is nil, else wait.
type turn struct {
	replaced bool            // the result stands for one delivered before
	changed  <-chan struct{} // closed at the buyer's next answer
	left     time.Duration   // of the patience with the buyer
}

// take adds a result to be computed, or makes the caller one that waits.
func (x *debts) take(buyer fog.Address, job fog.JobID, index uint32, now time.Time) turn {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.debt(buyer, now)
	if len(d.again) < x.most && d.find(fog.TaskIDOf(job, index), true) >= 0 {
		d.again = append(d.again, now)
		return turn{replaced: true}
	}
	if len(d.open) < x.most {
		d.open = append(d.open, Owed{Job: job, Index: index})
		return turn{}
	}
	if d.waiting++; d.waiting == 1 {
		d.since = now
	}
	return turn{changed: d.changed, left: max(0, patience-d.waited-now.Sub(d.since))}
}

// full reports whether the buyer owes all it may, and all of it for jobs that
// are neither job nor among those at work: nothing that it does in a deal of job
// would change that.
func (x *debts) full(buyer fog.Address, job fog.JobID, working map[fog.JobID]bool, now time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.of[buyer]
	if d == nil {
		return false
	}
	d.forget(now)
	return len(d.open) >= x.most && !slices.ContainsFunc(d.open, func(o Owed) bool { return o.Job == job || working[o.Job] })
}

// debt is a buyer's, what is too old left out; mu is held.
func (x *debts) debt(buyer fog.Address, now time.Time) *debt {
	d := x.of[buyer]
	if d == nil {
		if len(x.of) >= maxOwing {
			x.shrink(now)
		}
		d = &debt{changed: make(chan struct{})}
		x.of[buyer] = d
	}
	d.forget(now)
	return d
}

// forget drops what is too old to be held against the buyer.
func (d *debt) forget(now time.Time) {
	d.open = slices.DeleteFunc(d.open, func(o Owed) bool { return !o.Sent.IsZero() && now.Sub(o.Sent) >= grudge })
	d.again = slices.DeleteFunc(d.again, func(at time.Time) bool { return now.Sub(at) >= grudge })
}

// shrink makes room for one buyer: it drops what is over, and else any debt in
// which nothing is computed; mu is held.
func (x *debts) shrink(now time.Time) {
	maps.DeleteFunc(x.of, func(_ fog.Address, d *debt) bool { d.forget(now); return d.over() })
	for b, d := range x.of {
		if len(x.of) < maxOwing {
			return
		}
		if d.waiting == 0 && !slices.ContainsFunc(d.open, func(o Owed) bool { return o.Sent.IsZero() }) {
			delete(x.of, b)
		}
	}
}

func (d *debt) over() bool { return len(d.open) == 0 && d.waiting == 0 }

// leave ends a wait.
func (x *debts) leave(buyer fog.Address, now time.Time) {
	x.change(buyer, func(d *debt) bool {
		if d.waiting--; d.waiting == 0 {
			d.waited += now.Sub(d.since)
		}
		return false
	})
}

// find is the position of a task's result that was delivered, or is not yet; -1
// if there is none.
func (d *debt) find(task fog.TaskID, sent bool) int {
	return slices.IndexFunc(d.open, func(o Owed) bool { return o.task() == task && o.Sent.IsZero() != sent })
}

// sent says that a result is on its way.
func (x *debts) sent(buyer fog.Address, task fog.TaskID, price fog.Amount, now time.Time) {
	x.change(buyer, func(d *debt) bool {
		i := d.find(task, false)
		if i < 0 {
			i = d.find(task, true)
		}
		if i >= 0 {
			d.open[i].Price, d.open[i].Sent = price, now
		}
		return false
	})
}

// unsent says that a result was not delivered.
func (x *debts) unsent(buyer fog.Address, task fog.TaskID) {
	x.change(buyer, func(d *debt) bool { return d.answer(d.find(task, false)) })
}

// void takes a result off that nobody has to pay.
func (x *debts) void(buyer fog.Address, task fog.TaskID, now time.Time) (off []Owed) {
	x.change(buyer, func(d *debt) bool {
		if i := d.find(task, true); i >= 0 {
			off = append(off, d.open[i])
			d.answered(i, now)
		}
		return len(off) > 0
	})
	return off
}

// paid takes a voucher after one over before, and returns what it pays for: the
// task its verdict named and then the oldest, as many as it covers. What is over
// counts with the next voucher; one that promises nothing new pays for nothing.
func (x *debts) paid(v fog.Voucher, task fog.TaskID, before fog.Amount, now time.Time) (off []Owed) {
	x.change(v.Buyer, func(d *debt) bool {
		if d.epoch != v.Epoch {
			d.epoch, d.total, d.credit = v.Epoch, before, fog.Amount{}
		}
		if before.Cmp(d.total) > 0 {
			d.total = before
		}
		added, err := v.Total.Sub(d.total)
		if err != nil || added.IsZero() {
			return false
		}
		d.total, d.credit = v.Total, d.credit.Add(added)
		i := d.find(task, true)
		if i < 0 {
			i = d.oldest()
		}
		for ; i >= 0; i = d.oldest() {
			rest, err := d.credit.Sub(d.open[i].Price)
			if err != nil {
				break
			}
			off = append(off, d.open[i])
			d.credit = rest
			d.answered(i, now)
		}
		return len(off) > 0
	})
	return off
}

// oldest is the position of the oldest result that was delivered, or -1.
func (d *debt) oldest() int {
	return slices.IndexFunc(d.open, func(o Owed) bool { return !o.Sent.IsZero() })
}

// answered takes a result off, which shows that the buyer answers.
func (d *debt) answered(i int, now time.Time) {
	d.waited, d.since = 0, now
	d.answer(i)
}

func (d *debt) answer(i int) bool {
	if i < 0 {
		return false
	}
	d.open = slices.Delete(d.open, i, i+1)
	return true
}

// change changes a buyer's debt, tells those who wait if do says so, and drops
// it when nothing is owed.
func (x *debts) change(buyer fog.Address, do func(d *debt) bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.of[buyer]
	if d == nil {
		return
	}
	if do(d) {
		close(d.changed)
		d.changed = make(chan struct{})
	}
	if d.over() {
		delete(x.of, buyer)
	}
}
