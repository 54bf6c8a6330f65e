package fogtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/worker"
)

// Records a journal writes; each is the What of a Wrote step.
type (
	// WroteDeal is a deal with the signatures there were.
	WroteDeal struct {
		Peer          fog.PeerID
		Deal          fog.Deal
		Buyer, Seller fog.Signature
	}
	// WroteState moves a deal on.
	WroteState struct {
		Deal  fog.DealID
		State string
	}
	// WroteArrived is a result at the buyer.
	WroteArrived struct {
		Index   uint32
		Receipt fog.Receipt
	}
	// WroteResult is a result at the seller.
	WroteResult struct {
		Index   uint32
		Receipt fog.Receipt
	}
	// WroteTaken is a promise at the seller.
	WroteTaken struct{ Voucher fog.Voucher }
)

// Journal is a node's database in memory: what the roles ask of it, and a step
// in the trace for everything written. It serves both roles.
type Journal struct {
	trace *Trace
	peer  fog.PeerID

	mu     sync.Mutex
	jobs   map[fog.JobID]*file
	given  map[fog.Address]fog.Voucher
	taken  map[fog.Address]fog.Voucher // by buyer
	sold   map[fog.DealID]fog.Deal
	owed   map[fog.Address][]worker.Owed // by buyer
	writes int                           // until the crash; counts only with a crash set
	crash  func()                        // nil if none is to come
	dead   bool                          // crashed
}

// file is what a buyer's journal has of one job.
type file struct {
	buyer.Saved
	open    bool
	outputs map[fog.Hash][]byte
	passed  map[fog.DealID][]time.Time // draws that were right
}

// ErrCrashed is the answer of a journal whose program is dead.
var ErrCrashed = errors.New("the program is dead")

func newJournal(peer fog.PeerID, trace *Trace) *Journal {
	return &Journal{
		trace: trace, peer: peer, jobs: map[fog.JobID]*file{}, given: map[fog.Address]fog.Voucher{}, taken: map[fog.Address]fog.Voucher{},
		sold: map[fog.DealID]fog.Deal{}, owed: map[fog.Address][]worker.Owed{},
	}
}

// write runs do with the lock held and then notes the step: what others may
// see of the record comes after it is kept.
func (j *Journal) write(what any, do func()) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.dead {
		return ErrCrashed
	}
	do()
	j.trace.add(Step{Peer: j.peer, Kind: Wrote, What: what})
	if j.crash != nil {
		if j.writes--; j.writes <= 0 {
			j.dead = true
			j.crash()
		}
	}
	return nil
}

// CrashAfter has the program die when it has written n more records: kill is
// called, which must not wait, and nothing is written until Mend.
func (j *Journal) CrashAfter(n int, kill func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writes, j.crash = n, kill
}

// Mend is the next start of the program: the journal is as the crash left it,
// and takes records again. It reports whether there was a crash.
func (j *Journal) Mend() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	was := j.dead
	j.crash, j.dead = nil, false
	return was
}

// Saved is what an earlier run of the program left of a job, and whether the
// job is open.
func (j *Journal) Saved(id fog.JobID) (buyer.Saved, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f := j.jobs[id]
	if f == nil {
		return buyer.Saved{}, false
	}
	s := f.Saved
	s.Deals, s.Arrivals = slices.Clone(s.Deals), slices.Clone(s.Arrivals)
	return s, f.open
}

// file is the file of a job that was put; mu is held.
func (j *Journal) file(id fog.JobID) *file {
	f := j.jobs[id]
	if f == nil { // a job nobody put: a mistake of the buyer, which its tests see
		f = &file{outputs: map[fog.Hash][]byte{}, passed: map[fog.DealID][]time.Time{}}
		j.jobs[id] = f
	}
	return f
}

// PutJob implements buyer.Journal.
func (j *Journal) PutJob(_ context.Context, r buyer.Record) error {
	return j.write(r, func() {
		j.jobs[r.ID] = &file{Saved: buyer.Saved{Record: r}, open: true, outputs: map[fog.Hash][]byte{}, passed: map[fog.DealID][]time.Time{}}
	})
}

// JobSettled implements buyer.Journal.
func (j *Journal) JobSettled(_ context.Context, c buyer.Cost) error {
	return j.write(c, func() { j.file(c.Job).open = false })
}

// PutBuyerDeal implements buyer.Journal.
func (j *Journal) PutBuyerDeal(_ context.Context, p fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	return j.write(WroteDeal{p, d, b, s}, func() {
		f := j.file(d.Job)
		if !slices.ContainsFunc(f.Deals, func(x buyer.Struck) bool { return x.Deal.ID() == d.ID() }) {
			f.Deals = append(f.Deals, buyer.Struck{Deal: d, Peer: p})
		}
	})
}

// PutSellerDeal implements worker.Journal.
func (j *Journal) PutSellerDeal(_ context.Context, p fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	return j.write(WroteDeal{p, d, b, s}, func() { j.sold[d.ID()] = d })
}

// DealState implements both roles' Journal.
func (j *Journal) DealState(_ context.Context, id fog.DealID, state string) error {
	return j.write(WroteState{id, state}, func() {
		for _, f := range j.jobs {
			for i := range f.Deals {
				if f.Deals[i].Deal.ID() == id {
					f.Deals[i].Caught = state == buyer.DealCaught
				}
			}
		}
	})
}

// PutArrived implements buyer.Journal.
func (j *Journal) PutArrived(_ context.Context, id fog.JobID, a buyer.Arrival, output []byte) error {
	return j.write(WroteArrived{a.Index, a.Receipt}, func() {
		f := j.file(id)
		f.Arrivals = append(f.Arrivals, a)
		f.outputs[a.Receipt.Result] = slices.Clone(output)
	})
}

// Output implements buyer.Journal.
func (j *Journal) Output(_ context.Context, id fog.JobID, result fog.Hash) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, ok := j.file(id).outputs[result]
	if !ok {
		return nil, fmt.Errorf("no output %s", result.Short())
	}
	return b, nil
}

// Judge implements buyer.Journal: verdict and voucher in one step.
func (j *Journal) Judge(_ context.Context, v buyer.Verdict) error {
	return j.write(v, func() {
		if v.OK && v.Drawn {
			f := j.file(v.Job)
			f.passed[v.Deal] = append(f.passed[v.Deal], time.Now())
		}
		all := j.file(v.Job).Arrivals
		for i, a := range all {
			if a.Receipt.Deal == v.Deal && a.Index == v.Index && a.Receipt.Attempt == v.Attempt {
				all[i].Judged, all[i].OK, all[i].Amount = true, v.OK, v.Amount
			}
		}
		if v.OK {
			keepBest(j.given, v.Voucher.Seller, v.Voucher)
		}
	})
}

// Passed implements buyer.Journal.
func (j *Journal) Passed(_ context.Context, seller fog.Address, from, to time.Time) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, f := range j.jobs {
		for _, d := range f.Deals {
			if d.Deal.Seller != seller {
				continue
			}
			if d.Caught {
				return 0, nil
			}
			for _, at := range f.passed[d.Deal.ID()] {
				if !at.Before(from) && at.Before(to) {
					n++
				}
			}
		}
	}
	return n, nil
}

// PutResult implements worker.Journal.
func (j *Journal) PutResult(_ context.Context, index uint32, r fog.Receipt, _ string, price fog.Amount) error {
	return j.write(WroteResult{index, r}, func() {
		if d, ok := j.sold[r.Deal]; ok {
			j.owed[d.Buyer] = append(j.owed[d.Buyer], worker.Owed{Job: d.Job, Index: index, Price: price, Sent: time.Now()})
		}
	})
}

// NotOwed implements worker.Journal.
func (j *Journal) NotOwed(_ context.Context, job fog.JobID, index uint32) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	for b, all := range j.owed {
		j.owed[b] = slices.DeleteFunc(all, func(o worker.Owed) bool { return o.Job == job && o.Index == index })
	}
	return nil
}

// Owed implements worker.Journal.
func (j *Journal) Owed(_ context.Context, since time.Time) (map[fog.Address][]worker.Owed, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := map[fog.Address][]worker.Owed{}
	for b, owed := range j.owed {
		for _, o := range owed {
			if !o.Sent.Before(since) {
				all[b] = append(all[b], o)
			}
		}
	}
	return all, nil
}

// PutSellerVoucher implements worker.Journal.
func (j *Journal) PutSellerVoucher(_ context.Context, v fog.Voucher) error {
	return j.write(WroteTaken{v}, func() { keepBest(j.taken, v.Buyer, v) })
}

// SellerVoucherTotal implements worker.Journal.
func (j *Journal) SellerVoucherTotal(_ context.Context, b fog.Address, _ uint32) (fog.Amount, error) {
	return j.Taken(b).Total, nil
}

// Reserved is what open jobs hold of the escrow.
func (j *Journal) Reserved() (sum fog.Amount) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.jobs {
		if f.open {
			sum = sum.Add(f.Record.Locked)
		}
	}
	return sum
}

// Promised is the highest total given to a seller.
func (j *Journal) Promised(seller fog.Address) fog.Amount {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.given[seller].Total
}

// Taken is the best voucher held from a buyer; zero if there is none.
func (j *Journal) Taken(from fog.Address) fog.Voucher {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.taken[from]
}

func keepBest(m map[fog.Address]fog.Voucher, key fog.Address, v fog.Voucher) {
	if old, ok := m[key]; !ok || v.Total.Cmp(old.Total) > 0 {
		m[key] = v
	}
}
