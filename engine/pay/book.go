// Package pay keeps what a buyer owes and what a seller is owed: cumulative
// vouchers, the cap of every job, and the fee of a settlement.
//
// It is pure: it makes vouchers without a signature and checks vouchers whose
// signature was verified. It moves no money and keeps nothing on disk; its
// state comes out as a snapshot and goes back in.
//
// # Why
//
// A voucher states the total of everything ever owed to a seller in an epoch,
// so one that is lost, repeated or stale does no harm and only the newest
// counts on chain. The job's cap is checked here, below everything that asks
// for a voucher: whatever fails above, a job cannot promise more than the buyer
// accepted.
package pay

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"sonm/engine/fog"
)

// maxTotalBits is the size of a voucher's total on chain.
const maxTotalBits = 96

// Errors of a book.
var (
	ErrCap    = errors.New("the job's cap would be passed")
	ErrJob    = errors.New("no such job is open")
	ErrRange  = errors.New("the total does not fit a voucher")
	ErrExists = errors.New("the job is open already")
)

// Total is a sum for one account.
type Total struct {
	Seller fog.Address
	Amount fog.Amount
}

// JobState is what one job may promise and has promised.
type JobState struct {
	Job  fog.JobID
	Cap  fog.Amount // what is locked for it
	Paid []Total    // by seller's address
}

// State is a book's whole content, in an order fixed by the ids: what the
// store keeps before a voucher is sent.
type State struct {
	Buyer  fog.Address
	Epoch  uint32
	Totals []Total // cumulative per seller, over all jobs of the epoch
	Jobs   []JobState
}

// Book is a buyer's promises in one epoch. It has one owner; it is not safe
// for use from several goroutines at once.
type Book struct {
	buyer  fog.Address
	epoch  uint32
	totals map[fog.Address]fog.Amount
	jobs   map[fog.JobID]*account
}

type account struct {
	cap, spent fog.Amount
	paid       map[fog.Address]fog.Amount
}

// NewBook makes the empty book of a buyer's epoch.
func NewBook(buyer fog.Address, epoch uint32) *Book {
	return &Book{buyer: buyer, epoch: epoch, totals: map[fog.Address]fog.Amount{}, jobs: map[fog.JobID]*account{}}
}

// Know raises what a seller was promised before this book was made, by earlier
// jobs of the epoch; a lower total than the one known changes nothing.
func (b *Book) Know(seller fog.Address, total fog.Amount) error {
	if bits(total) > maxTotalBits {
		return fmt.Errorf("%w: %s SNM", ErrRange, total)
	}
	if total.Cmp(b.totals[seller]) > 0 {
		b.totals[seller] = total
	}
	return nil
}

// Restore makes a book from a snapshot, which must be consistent: every job
// within its cap, and the totals at least what its jobs paid.
func Restore(s State) (*Book, error) {
	b := NewBook(s.Buyer, s.Epoch)
	for _, t := range s.Totals {
		if _, ok := b.totals[t.Seller]; ok || bits(t.Amount) > maxTotalBits {
			return nil, fmt.Errorf("restore vouchers: the total of %v is there twice or too large", t.Seller)
		}
		b.totals[t.Seller] = t.Amount
	}
	sums := map[fog.Address]fog.Amount{}
	for _, j := range s.Jobs {
		if err := b.Open(j.Job, j.Cap); err != nil {
			return nil, fmt.Errorf("restore vouchers: %w", err)
		}
		for _, t := range j.Paid {
			a := b.jobs[j.Job]
			if _, ok := a.paid[t.Seller]; ok || bits(t.Amount) > maxTotalBits {
				return nil, fmt.Errorf("restore vouchers: job %v pays %v twice or too much", j.Job, t.Seller)
			}
			a.paid[t.Seller] = t.Amount
			a.spent = a.spent.Add(t.Amount)
			sums[t.Seller] = sums[t.Seller].Add(t.Amount)
			if a.spent.Cmp(a.cap) > 0 {
				return nil, fmt.Errorf("restore vouchers: job %v has spent %v of %v: %w", j.Job, a.spent, a.cap, ErrCap)
			}
		}
	}
	for seller, sum := range sums {
		if b.totals[seller].Cmp(sum) < 0 {
			return nil, fmt.Errorf("restore vouchers: the total of %v is below what its jobs paid", seller)
		}
	}
	return b, nil
}

// Open lets a job promise up to max, which must be locked for it.
func (b *Book) Open(job fog.JobID, max fog.Amount) error {
	if _, ok := b.jobs[job]; ok {
		return fmt.Errorf("job %s: %w", job.Short(), ErrExists)
	}
	b.jobs[job] = &account{cap: max, paid: map[fog.Address]fog.Amount{}}
	return nil
}

// Close ends a job; the cumulative totals stay.
func (b *Book) Close(job fog.JobID) error {
	if _, ok := b.jobs[job]; !ok {
		return fmt.Errorf("close job %s: %w", job.Short(), ErrJob)
	}
	delete(b.jobs, job)
	return nil
}

// Owe adds an amount a job owes a seller, and returns the voucher to sign: the
// seller's new total. Past the job's cap it is ErrCap and nothing changes.
func (b *Book) Owe(job fog.JobID, seller fog.Address, amount fog.Amount) (fog.Voucher, error) {
	a, ok := b.jobs[job]
	if !ok {
		return fog.Voucher{}, fmt.Errorf("owe %v to %v: job %s: %w", amount, seller, job.Short(), ErrJob)
	}
	if left, err := a.cap.Sub(a.spent); err != nil || amount.Cmp(left) > 0 {
		return fog.Voucher{}, fmt.Errorf("owe %v to %v: %v of %v are promised: %w", amount, seller, a.spent, a.cap, ErrCap)
	}
	if bits(amount) > maxTotalBits || bits(b.totals[seller].Add(amount)) > maxTotalBits {
		return fog.Voucher{}, fmt.Errorf("owe %v to %v: %w", amount, seller, ErrRange)
	}
	a.spent = a.spent.Add(amount)
	a.paid[seller] = a.paid[seller].Add(amount)
	b.totals[seller] = b.totals[seller].Add(amount)
	return b.Voucher(seller), nil
}

// Voucher is the newest voucher for a seller, without a signature.
func (b *Book) Voucher(seller fog.Address) fog.Voucher {
	return fog.Voucher{Buyer: b.buyer, Seller: seller, Epoch: b.epoch, Total: b.totals[seller]}
}

// Vouchers are the newest ones for all sellers ever owed in the epoch, by
// address, without signatures.
func (b *Book) Vouchers() []fog.Voucher {
	var vs []fog.Voucher
	for _, t := range sorted(b.totals) {
		vs = append(vs, b.Voucher(t.Seller))
	}
	return vs
}

// JobSpent is what a job has promised to all sellers; zero for an unknown one.
func (b *Book) JobSpent(job fog.JobID) fog.Amount {
	if a, ok := b.jobs[job]; ok {
		return a.spent
	}
	return fog.Amount{}
}

// JobLeft is what a job may still promise; zero for an unknown one.
func (b *Book) JobLeft(job fog.JobID) fog.Amount {
	a, ok := b.jobs[job]
	if !ok {
		return fog.Amount{}
	}
	left, err := a.cap.Sub(a.spent)
	if err != nil {
		panic("pay: a job above its cap") // Owe and Restore refuse it
	}
	return left
}

// JobPaid is what a job has promised to each seller, by address.
func (b *Book) JobPaid(job fog.JobID) []Total {
	if a, ok := b.jobs[job]; ok {
		return sorted(a.paid)
	}
	return nil
}

// Snapshot is the book's content, sharing nothing with it.
func (b *Book) Snapshot() State {
	s := State{Buyer: b.buyer, Epoch: b.epoch, Totals: sorted(b.totals)}
	for id, a := range b.jobs {
		s.Jobs = append(s.Jobs, JobState{Job: id, Cap: a.cap, Paid: sorted(a.paid)})
	}
	slices.SortFunc(s.Jobs, func(x, y JobState) int { return bytes.Compare(x.Job[:], y.Job[:]) })
	return s
}

func sorted(m map[fog.Address]fog.Amount) []Total {
	var ts []Total
	for _, s := range slices.SortedFunc(maps.Keys(m), func(x, y fog.Address) int { return bytes.Compare(x[:], y[:]) }) {
		ts = append(ts, Total{Seller: s, Amount: m[s]})
	}
	return ts
}

func bits(a fog.Amount) int { return a.Big().BitLen() }
