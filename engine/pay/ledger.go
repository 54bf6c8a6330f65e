package pay

import (
	"errors"
	"fmt"
	"math/big"

	"sonm/engine/fog"
)

// MaxFeeBps is the largest fee, in hundredths of a percent: the contract's
// 2 %.
const MaxFeeBps = 200

// feeBase is the whole in basis points.
const feeBase = 10_000

// Fee splits what a voucher makes due into fee and what the seller gets, as
// the contract does for each payee: fee = due * bps / 10000 rounded down, net =
// due - fee. More than MaxFeeBps is refused.
func Fee(due fog.Amount, bps uint32) (net, fee fog.Amount, err error) {
	if bps > MaxFeeBps {
		return net, fee, fmt.Errorf("a fee of %d basis points, at most %d are taken", bps, MaxFeeBps)
	}
	v := new(big.Int).Mul(due.Big(), big.NewInt(int64(bps)))
	if fee, err = fog.AmountOf(v.Quo(v, big.NewInt(feeBase))); err != nil {
		return net, fee, err
	}
	net, err = due.Sub(fee)
	return net, fee, err
}

// Errors of a ledger.
var (
	ErrForeign = errors.New("the voucher is not of this buyer, seller and epoch")
	ErrStale   = errors.New("a voucher with a higher total is known")
)

// Ledger is the seller's side: what it delivered to one buyer in one epoch,
// and the best voucher it holds for that. It has one owner; it is not safe for
// use from several goroutines at once.
type Ledger struct {
	best      fog.Voucher
	base      fog.Amount // total of the first voucher's predecessor: known before the deliveries counted here
	delivered fog.Amount
}

// NewLedger starts from the best voucher held so far, whose Total may be zero
// and whose Buyer, Seller and Epoch every later one must have.
func NewLedger(best fog.Voucher) *Ledger { return &Ledger{best: best, base: best.Total} }

// Deliver counts work handed over, at its price.
func (l *Ledger) Deliver(amount fog.Amount) { l.delivered = l.delivered.Add(amount) }

// Take keeps a voucher whose signature the caller has verified, and returns
// what it adds. One that repeats the best total adds nothing; one below it is
// ErrStale, harmless, and not kept.
func (l *Ledger) Take(v fog.Voucher) (added fog.Amount, err error) {
	if v.Buyer != l.best.Buyer || v.Seller != l.best.Seller || v.Epoch != l.best.Epoch {
		return added, fmt.Errorf("voucher of %v to %v, epoch %d: %w", v.Buyer, v.Seller, v.Epoch, ErrForeign)
	}
	if bits(v.Total) > maxTotalBits {
		return added, fmt.Errorf("voucher of %v: %w", v.Buyer, ErrRange)
	}
	if added, err = v.Total.Sub(l.best.Total); err != nil {
		return fog.Amount{}, fmt.Errorf("voucher over %v after %v: %w", v.Total, l.best.Total, ErrStale)
	}
	if !added.IsZero() || l.best.Sig == (fog.Signature{}) {
		l.best = v
	}
	return added, nil
}

// Best is the voucher to redeem.
func (l *Ledger) Best() fog.Voucher { return l.best }

// Earned is what the vouchers taken here add up to.
func (l *Ledger) Earned() fog.Amount {
	sum, err := l.best.Total.Sub(l.base)
	if err != nil {
		panic("pay: a voucher below its predecessor") // Take refuses it
	}
	return sum
}

// Delivered is the price of all work handed over.
func (l *Ledger) Delivered() fog.Amount { return l.delivered }

// Exposure is what was delivered and not yet promised: the seller stops when
// it passes what it is ready to lose. A buyer may also promise ahead; then it
// is zero.
func (l *Ledger) Exposure() fog.Amount {
	open, err := l.delivered.Sub(l.Earned())
	if err != nil {
		return fog.Amount{}
	}
	return open
}
