package fogtest

import (
	"context"
	"fmt"
	"sync"

	"sonm/engine/buyer"
	"sonm/engine/fog"
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
	// WroteGiven is a promise at the buyer.
	WroteGiven struct{ Voucher fog.Voucher }
	// WroteTaken is a promise at the seller.
	WroteTaken struct{ Voucher fog.Voucher }
	// WroteFailed ends a job that gave no film.
	WroteFailed struct{ Job fog.JobID }
)

// Journal is a node's database in memory: what the roles ask of it, and a step
// in the trace for everything written. It serves both roles.
type Journal struct {
	trace *Trace
	peer  fog.PeerID

	mu      sync.Mutex
	outputs map[fog.Hash][]byte
	locked  map[fog.JobID]fog.Amount // open jobs
	given   map[fog.Address]fog.Voucher
	taken   map[fog.Address]fog.Voucher // by buyer
}

func newJournal(peer fog.PeerID, trace *Trace) *Journal {
	return &Journal{
		trace: trace, peer: peer, outputs: map[fog.Hash][]byte{}, locked: map[fog.JobID]fog.Amount{},
		given: map[fog.Address]fog.Voucher{}, taken: map[fog.Address]fog.Voucher{},
	}
}

// write runs do with the lock held and then notes the step: what others may
// see of the record comes after it is kept.
func (j *Journal) write(what any, do func()) error {
	j.mu.Lock()
	do()
	j.mu.Unlock()
	j.trace.add(Step{Peer: j.peer, Kind: Wrote, What: what})
	return nil
}

// PutJob implements buyer.Journal.
func (j *Journal) PutJob(_ context.Context, r buyer.Record) error {
	return j.write(r, func() { j.locked[r.ID] = r.Locked })
}

// JobFailed implements buyer.Journal.
func (j *Journal) JobFailed(_ context.Context, id fog.JobID) error {
	return j.write(WroteFailed{id}, func() { delete(j.locked, id) })
}

// JobSettled implements buyer.Journal.
func (j *Journal) JobSettled(_ context.Context, c buyer.Cost) error {
	return j.write(c, func() { delete(j.locked, c.Job) })
}

// PutBuyerDeal implements buyer.Journal.
func (j *Journal) PutBuyerDeal(_ context.Context, p fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	return j.write(WroteDeal{p, d, b, s}, func() {})
}

// PutSellerDeal implements worker.Journal.
func (j *Journal) PutSellerDeal(_ context.Context, p fog.PeerID, d fog.Deal, b, s fog.Signature) error {
	return j.write(WroteDeal{p, d, b, s}, func() {})
}

// DealState implements both roles' Journal.
func (j *Journal) DealState(_ context.Context, id fog.DealID, state string) error {
	return j.write(WroteState{id, state}, func() {})
}

// PutArrived implements buyer.Journal.
func (j *Journal) PutArrived(_ context.Context, index uint32, r fog.Receipt, output []byte) error {
	return j.write(WroteArrived{index, r}, func() { j.outputs[r.Result] = append([]byte(nil), output...) })
}

// Output implements buyer.Journal.
func (j *Journal) Output(_ context.Context, result fog.Hash) ([]byte, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b, ok := j.outputs[result]
	if !ok {
		return nil, fmt.Errorf("no output %s", result.Short())
	}
	return b, nil
}

// Verdict implements buyer.Journal.
func (j *Journal) Verdict(_ context.Context, v buyer.Verdict) error { return j.write(v, func() {}) }

// PutBuyerVoucher implements buyer.Journal.
func (j *Journal) PutBuyerVoucher(_ context.Context, v fog.Voucher) error {
	return j.write(WroteGiven{v}, func() { keepBest(j.given, v.Seller, v) })
}

// PutResult implements worker.Journal.
func (j *Journal) PutResult(_ context.Context, index uint32, r fog.Receipt) error {
	return j.write(WroteResult{index, r}, func() {})
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
	for _, a := range j.locked {
		sum = sum.Add(a)
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
