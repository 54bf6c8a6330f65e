// Package proof decides whether work was done: which results are checked,
// whether a receipt fits its lease and output, what a re-run says about it, and
// how much of the claimed work is paid.
//
// It is pure: signatures are verified before a receipt comes here, and re-runs
// happen elsewhere. It keeps no record of sellers; that is trust.
//
// # Why
//
// Tasks are deterministic, bit for bit, on any engine and machine, so a re-run
// that differs is a fact and no threshold has to be chosen. Which results are
// re-run follows from a secret the buyer draws and commits to in the deal and
// from the receipt itself: the worker cannot predict it, and afterwards, when
// the secret is opened, can check that the buyer did not pick at will.
//
// A draw alone lets a seller that always lies through a small job: at 5 %, 50
// results go unchecked in one case of 13. So the first result of each seller in
// a job is always re-run, and nothing is promised to it before that verdict;
// see Checks. A reputation would do the same over jobs, and can be bought with
// a new identity; this cannot. What a seller passed at this buyer before only
// makes its later draws rarer, see Settled: a check costs the buyer what the
// task costs the seller, and most sellers are met again.
package proof

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"sonm/engine/fog"
)

// maxOverrun bounds the work a receipt may claim, times the plan. The pilot is
// within a factor of a few; past this the counter is a lie or a bug. What is
// paid is bounded far lower, see Paid.
const maxOverrun = 1024

// Faults of a receipt, found without a re-run.
var (
	ErrLease  = errors.New("the receipt is of another lease")
	ErrSpec   = errors.New("the receipt is of another task spec")
	ErrResult = errors.New("the output is not the one the receipt names")
	ErrWork   = errors.New("the work claimed is not credible")
)

// Commitment is what a deal's Secret field holds while the secret is hidden.
func Commitment(secret [32]byte) fog.Hash {
	return fog.HashOf([]byte("sonm check secret"), secret[:])
}

// ReceiptHash names a receipt by all it claims, the signature left out: a
// worker could otherwise sign again and again until it is not selected.
func ReceiptHash(r fog.Receipt) fog.Hash {
	n := binary.BigEndian.AppendUint32(nil, r.Attempt)
	n = binary.BigEndian.AppendUint64(n, r.Work)
	n = binary.BigEndian.AppendUint32(n, uint32(r.Level))
	return fog.HashOf([]byte("sonm receipt"), r.Deal[:], r.Task[:], r.Spec[:], r.Result[:], n)
}

// Selected reports whether the result named by a receipt is re-run, at a rate
// between 0 (none) and 1 (all). The same secret and receipt always give the
// same answer, and a higher rate selects all that a lower one does.
func Selected(secret [32]byte, receipt fog.Hash, rate float64) bool {
	if rate >= 1 {
		return true
	}
	if !(rate > 0) { // NaN too
		return false
	}
	h := fog.HashOf([]byte("sonm check draw"), secret[:], receipt[:])
	draw := binary.BigEndian.Uint64(h[:]) >> 11 // 53 bits are exact in float64
	return float64(draw) < rate*(1<<53)
}

// Checks is how much of a job is re-run.
type Checks struct {
	First bool    // the first result of each seller, and nothing is promised to it before
	Later float64 // rate at which the other results are drawn; see Selected
}

// PlanChecks shares a job's checks out: one for each seller wanted, and a draw
// over the other results at the rate that makes rate*tasks checks in all, but at
// no less than half of rate, so that in a small job, too, no seller knows that
// only its first result is looked at. With a rate of 0 nothing is checked, with 1
// everything. Like the record that Settled takes, it depends on what is fixed when
// a job begins, so that a resumed job is checked as before; only a seller that was
// found wrong since has its record no more.
func PlanChecks(rate float64, tasks, sellers int) Checks {
	switch {
	case !(rate > 0): // NaN too
		return Checks{}
	case rate >= 1:
		return Checks{First: true, Later: 1}
	}
	later := rate / 2
	if sellers < tasks {
		later = max(later, (rate*float64(tasks)-float64(sellers))/float64(tasks-sellers))
	}
	return Checks{First: true, Later: later}
}

// Settled sellers: what they passed before counts. It has a price. A sleeper, who
// is honest until it is settled and then lies in all but the first result of each
// job, gets in 49 lies on average before one is drawn at 2 %, where it is 19 at
// 5 %; one sleeper in 100 gets in 227 or more, where it is 89. It keeps the pay
// for those that were promised, and those in jobs that are over stay in the
// pictures. Being caught costs it the record, at this buyer for good.
const (
	// Memory is how long a drawn check that was passed counts: a record has to be
	// kept up, so that an account cannot earn one, rest, and be sold.
	Memory = 30 * 24 * time.Hour
	// settledShare is the least part of the draw that is left for a seller who
	// passed many checks: 2 % where newcomers have 5 %.
	settledShare = 0.4
	// settledChecks over the number of draws passed bounds the draw: 2 % after
	// 25 of them, which take 500 honest tasks at 5 %. Below it the chance that a
	// seller of that record lies at all is too large (rule of three: n good ones
	// say little of shares under 3/n).
	settledChecks = 0.5
	// settledCatch is the checks a seller's part of a job has at least, if it is as
	// large as that of the others: one that lies in all of it goes through with a
	// chance of e^-4.6, 1 %. One that joins late and does a tenth of that is not met
	// with a chance of 63 %, in a part that is that much smaller.
	settledCatch = 4.6
)

// Settled is the checks of a seller who passed so many draws in the Memory before
// the job began, in a job of so many tasks and sellers. Only draws count, which no
// seller sees coming: first results would make a record of 25 tiny jobs. Its
// first result is re-run like anybody's, and so is everything where everything
// is to be; other draws become rarer with its record, as far as a seller that
// always lies is still caught in this job.
func (c Checks) Settled(passed, tasks, sellers int) Checks {
	if passed < 1 || tasks < 1 || c.Later >= 1 {
		return c
	}
	least := max(settledShare*c.Later, settledChecks/float64(passed), settledCatch*float64(sellers)/float64(tasks))
	c.Later = min(c.Later, least)
	return c
}

// Due reports whether the result named by a receipt is re-run; first says that
// it is the first of its seller in the job.
func (c Checks) Due(secret [32]byte, receipt fog.Hash, first bool) bool {
	return first && c.First || Selected(secret, receipt, c.Later)
}

// CheckReceipt says in one sentence why a receipt does not stand for this
// output under this lease, or returns nil. The deal binds module and input, so
// a receipt of the lease's deal is of those. Its signature is the caller's to
// verify. For a result that is late, pass the lease of its own attempt.
func CheckReceipt(l fog.Lease, r fog.Receipt, output []byte) error {
	if r.Deal != l.Deal || r.Task != l.Task || r.Attempt != l.Attempt {
		return fmt.Errorf("%w: task %v attempt %d, leased was %v attempt %d", ErrLease, r.Task, r.Attempt, l.Task, l.Attempt)
	}
	if want := fog.ContentHash(l.Spec); r.Spec != want {
		return fmt.Errorf("%w: %s, leased was %s", ErrSpec, r.Spec.Short(), want.Short())
	}
	if got := fog.ContentHash(output); r.Result != got {
		return fmt.Errorf("%w: the output's hash is %s, the receipt says %s", ErrResult, got.Short(), r.Result.Short())
	}
	if r.Work == 0 || r.Work/maxOverrun > max(l.Planned, 1) {
		return fmt.Errorf("%w: %d units where %d were planned", ErrWork, r.Work, l.Planned)
	}
	return nil
}

// Rerun is what a checker got from the same module, input and spec.
type Rerun struct {
	Result fog.Hash // ContentHash of the output
	Work   uint64   // units, as counted by the guest
}

// Verdict is what a re-run says about a receipt.
type Verdict struct {
	Task    fog.TaskID
	Attempt uint32
	Receipt fog.Hash // ReceiptHash of what was judged
	OK      bool
	Reason  string // a sentence; empty if OK
}

// Judge compares a receipt with a re-run. Both the output and the counter are
// functions of the task alone, so any difference in either is a fault.
func Judge(r fog.Receipt, again Rerun) Verdict {
	v := Verdict{Task: r.Task, Attempt: r.Attempt, Receipt: ReceiptHash(r), OK: true}
	switch {
	case r.Result != again.Result:
		v.OK, v.Reason = false, fmt.Sprintf("the output differs: %s was delivered, a re-run gives %s", r.Result.Short(), again.Result.Short())
	case r.Work != again.Work:
		v.OK, v.Reason = false, fmt.Sprintf("the work differs: %d units were claimed, a re-run counts %d", r.Work, again.Work)
	}
	return v
}

// Paid is the units of work a task pays for: what was counted, and at most
// twice what was planned.
func Paid(counted, planned uint64) uint64 {
	if planned > math.MaxUint64/2 {
		return counted
	}
	return min(counted, 2*planned)
}
