package fogtest

import (
	"context"
	"fmt"
	"sync"

	"sonm/engine/fog"
	"sonm/engine/pay"
)

// Epoch is the one voucher epoch of a fog's chain.
const Epoch = 7

// Chain is the money of a fog: free escrow balances, what was paid between
// whom, and what sellers own. It keeps the contract's arithmetic and nothing
// of its form; every wei that enters is in exactly one place.
type Chain struct {
	ring *Ring
	fee  uint32 // basis points

	mu    sync.Mutex
	free  map[fog.Address]fog.Amount    // guarded by mu; escrow of buyers
	paid  map[[2]fog.Address]fog.Amount // guarded by mu; cumulative, by buyer and seller
	owned map[fog.Address]fog.Amount    // guarded by mu; what sellers got, net
	fees  fog.Amount                    // guarded by mu
	txs   uint64                        // guarded by mu
	down  bool                          // guarded by mu; answers nobody
}

func newChain(ring *Ring, feeBps uint32) *Chain {
	return &Chain{
		ring: ring, fee: feeBps, free: map[fog.Address]fog.Amount{}, paid: map[[2]fog.Address]fog.Amount{},
		owned: map[fog.Address]fog.Amount{},
	}
}

// Deposit puts money into the escrow of an account.
func (c *Chain) Deposit(account fog.Address, a fog.Amount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free[account] = c.free[account].Add(a)
}

// Free is what lies in the escrow of an account.
func (c *Chain) Free(account fog.Address) fog.Amount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.free[account]
}

// Owned is what an account got for work, after fees.
func (c *Chain) Owned(account fog.Address) fog.Amount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owned[account]
}

// Paid is what all accounts got for work, after fees.
func (c *Chain) Paid() (sum fog.Amount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.owned {
		sum = sum.Add(a)
	}
	return sum
}

// Fees is what all payments have cost in fees.
func (c *Chain) Fees() fog.Amount {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fees
}

// Down has the chain answer nobody until Up.
func (c *Chain) Down() { c.silence(true) }

// Up ends Down.
func (c *Chain) Up() { c.silence(false) }

func (c *Chain) silence(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = on
}

// asked is what every call of a role gets first.
func (c *Chain) asked() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return fmt.Errorf("no connection: %w", fog.ErrChain)
	}
	return nil
}

// Fee is the fee in basis points.
func (c *Chain) Fee() uint32 { return c.fee }

// Redeem is a seller submitting a buyer's voucher itself.
func (c *Chain) Redeem(v fog.Voucher, device fog.Address) (fog.Payment, error) {
	if err := c.asked(); err != nil {
		return fog.Payment{}, err
	}
	if err := c.ring.VerifyVoucher(v, device); err != nil {
		return fog.Payment{}, err
	}
	if v.Epoch != Epoch {
		return fog.Payment{}, fmt.Errorf("voucher of epoch %d, it is %d", v.Epoch, Epoch)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pay(v.Buyer, fog.Payee{Seller: v.Seller, Total: v.Total})
}

// pay raises what was paid to a total; mu is held.
func (c *Chain) pay(buyer fog.Address, to fog.Payee) (fog.Payment, error) {
	key := [2]fog.Address{buyer, to.Seller}
	due, err := to.Total.Sub(c.paid[key])
	if err != nil {
		due = fog.Amount{} // a stale voucher pays nothing
	}
	left, err := c.free[buyer].Sub(due)
	if err != nil {
		return fog.Payment{}, fmt.Errorf("pay %v: %s SNM are due and %s in the escrow", to.Seller, due, c.free[buyer])
	}
	net, fee, err := pay.Fee(due, c.fee)
	if err != nil {
		return fog.Payment{}, err
	}
	c.free[buyer], c.paid[key] = left, c.paid[key].Add(due)
	c.owned[to.Seller], c.fees = c.owned[to.Seller].Add(net), c.fees.Add(fee)
	return fog.Payment{Seller: to.Seller, Net: net, Fee: fee}, nil
}

// Ledger is the chain as one account's roles see it.
type Ledger struct {
	c       *Chain
	account fog.Address
	journal *Journal
}

// Lock implements buyer.Ledger.
func (l Ledger) Lock(_ context.Context, most fog.Amount) (uint32, error) {
	if err := l.c.asked(); err != nil {
		return 0, err
	}
	need := l.journal.Reserved().Add(most)
	if have := l.c.Free(l.account); have.Cmp(need) < 0 {
		return 0, fmt.Errorf("%v has %s SNM, %s needed", l.account, have, need)
	}
	return Epoch, nil
}

// Promised implements buyer.Ledger.
func (l Ledger) Promised(_ context.Context, seller fog.Address, _ uint32) (fog.Amount, error) {
	if err := l.c.asked(); err != nil {
		return fog.Amount{}, err
	}
	own := l.journal.Promised(seller)
	l.c.mu.Lock()
	defer l.c.mu.Unlock()
	if paid := l.c.paid[[2]fog.Address{l.account, seller}]; paid.Cmp(own) > 0 {
		return paid, nil
	}
	return own, nil
}

// Settle implements buyer.Ledger: all payees or none.
func (l Ledger) Settle(_ context.Context, payees []fog.Payee) (fog.Settlement, error) {
	if err := l.c.asked(); err != nil {
		return fog.Settlement{}, err
	}
	c := l.c
	c.mu.Lock()
	defer c.mu.Unlock()
	var due fog.Amount
	for _, p := range payees {
		if d, err := p.Total.Sub(c.paid[[2]fog.Address{l.account, p.Seller}]); err == nil {
			due = due.Add(d)
		}
	}
	if c.free[l.account].Cmp(due) < 0 {
		return fog.Settlement{}, fmt.Errorf("settle: %s SNM are due and %s in the escrow", due, c.free[l.account])
	}
	c.txs++
	out := fog.Settlement{Tx: fog.HashOf([]byte("fogtest tx"), l.account[:], fog.Wei(c.txs).Big().Bytes())}
	for _, p := range payees {
		x, err := c.pay(l.account, p)
		if err != nil {
			return out, err
		}
		out.Payments = append(out.Payments, x)
	}
	return out, nil
}

// Covers implements worker.Ledger.
func (l Ledger) Covers(_ context.Context, buyer, _ fog.Address, limit fog.Amount) (uint32, error) {
	if err := l.c.asked(); err != nil {
		return 0, err
	}
	if have := l.c.Free(buyer); have.Cmp(limit) < 0 {
		return 0, fmt.Errorf("the buyer's escrow holds %s SNM, the deal needs %s", have, limit)
	}
	return Epoch, nil
}
