// Package escrow is the Escrow contract seen from Go: one balance per buyer,
// sellers paid from it against cumulative signed promises.
//
// It reads and sends; what is signed is in wallet/typed, and who signs it is
// the caller's affair. Sums come from the Paid events of a receipt, never from
// what the caller hoped to pay.
package escrow

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"sonm/contracts/gen"
	"sonm/wallet/chain"
	"sonm/wallet/token"
	"sonm/wallet/typed"
)

// Escrow is the contract on one network, called by one account.
type Escrow struct {
	chain *chain.Client
	token *token.Token
	at    common.Address
	code  *gen.Escrow
}

// New is the Escrow of c's network.
func New(c *chain.Client) *Escrow {
	return &Escrow{chain: c, token: token.New(c), at: c.Network().Escrow, code: gen.NewEscrow()}
}

// Account is what a buyer has in Escrow.
type Account struct {
	Balance  *big.Int  // wei of SNM
	Epoch    uint32    // vouchers of another epoch are void
	UnlockAt time.Time // zero: the buyer stays; else when it can take the balance out
}

// Device is what Escrow knows of a device key.
type Device struct {
	Cap      *big.Int // most it may pay out in all
	Spent    *big.Int // paid out on its signatures so far
	Expiry   time.Time
	Purposes typed.Purpose
	Revoked  bool
}

// Payment is one Paid event.
type Payment struct {
	Buyer  common.Address
	Seller common.Address
	Epoch  uint32
	Net    *big.Int // what the seller received
	Fee    *big.Int // what stayed for the fee
}

// Settlement is what a transaction paid.
type Settlement struct {
	Tx       common.Hash
	Gas      uint64
	Payments []Payment // of this transaction, in the order they were made
	Short    []Payment // Net is what the buyer's balance, or the device's cap, did not cover
}

// Account of a buyer.
func (e *Escrow) Account(ctx context.Context, buyer common.Address) (Account, error) {
	out, err := e.chain.Call(ctx, e.at, e.code.PackAccounts(buyer), Explain)
	if err != nil {
		return Account{}, fmt.Errorf("escrow account of %v: %w", buyer, err)
	}
	a, err := e.code.UnpackAccounts(out)
	if err != nil {
		return Account{}, fmt.Errorf("escrow account of %v: %w: %w", buyer, chain.ErrAnswer, err)
	}
	return Account{Balance: a.Balance, Epoch: a.Epoch, UnlockAt: moment(a.UnlockAt)}, nil
}

// PaidTo is all that a seller has been paid by a buyer in an epoch, fee
// included: what a voucher's total is compared with.
func (e *Escrow) PaidTo(ctx context.Context, buyer common.Address, epoch uint32, seller common.Address) (*big.Int, error) {
	out, err := e.chain.Call(ctx, e.at, e.code.PackPaid(buyer, epoch, seller), Explain)
	if err != nil {
		return nil, fmt.Errorf("paid by %v to %v: %w", buyer, seller, err)
	}
	v, err := e.code.UnpackPaid(out)
	if err != nil {
		return nil, fmt.Errorf("paid by %v to %v: %w: %w", buyer, seller, chain.ErrAnswer, err)
	}
	return v, nil
}

// Device is what Escrow knows of an account's device; the zero Device, with
// Cap and Spent 0, if it was never told.
func (e *Escrow) Device(ctx context.Context, account, device common.Address) (Device, error) {
	out, err := e.chain.Call(ctx, e.at, e.code.PackDevices(account, device), Explain)
	if err != nil {
		return Device{}, fmt.Errorf("device %v of %v: %w", device, account, err)
	}
	d, err := e.code.UnpackDevices(out)
	if err != nil {
		return Device{}, fmt.Errorf("device %v of %v: %w: %w", device, account, chain.ErrAnswer, err)
	}
	return Device{Cap: d.Cap, Spent: d.Spent, Expiry: moment(d.Expiry), Purposes: typed.Purpose(d.Purposes), Revoked: d.Revoked}, nil
}

// DeviceSpent is what has been paid out on a device's signatures so far.
func (e *Escrow) DeviceSpent(ctx context.Context, account, device common.Address) (*big.Int, error) {
	d, err := e.Device(ctx, account, device)
	return d.Spent, err
}

// Deposit moves SNM from the client's account into its escrow balance,
// allowing Escrow exactly that amount first. It also cancels an unlock.
func (e *Escrow) Deposit(ctx context.Context, amount *big.Int) (*types.Receipt, error) {
	if err := fits(amount, 128); err != nil {
		return nil, err
	}
	me := e.chain.Address()
	have, err := e.token.Balance(ctx, me)
	if err != nil {
		return nil, err
	}
	if have.Cmp(amount) < 0 {
		return nil, fmt.Errorf("deposit %v wei: %w: %v has %v", amount, token.ErrFunds, me, have)
	}
	allowed, err := e.token.Allowance(ctx, me, e.at)
	if err != nil {
		return nil, err
	}
	if allowed.Cmp(amount) < 0 {
		if _, err := e.token.Approve(ctx, e.at, amount); err != nil {
			return nil, err
		}
	}
	return e.send(ctx, "deposit", e.code.PackDeposit(amount))
}

// Delegate brings an account's signed delegation; anyone may.
func (e *Escrow) Delegate(ctx context.Context, d typed.Delegation, sig []byte) (*types.Receipt, error) {
	if err := fits(d.Cap, 128); err != nil {
		return nil, err
	}
	return e.send(ctx, "delegate", e.code.PackDelegateBySig(gen.EscrowDelegation{
		Account: d.Account, Device: d.Device, Purposes: uint8(d.Purposes), Cap: d.Cap, Expiry: d.Expiry,
	}, sig))
}

// Revoke ends a device of the client's account for ever.
func (e *Escrow) Revoke(ctx context.Context, device common.Address) (*types.Receipt, error) {
	return e.send(ctx, "revoke", e.code.PackRevoke(device))
}

// Settle brings a batch; sig may be empty if the client's account is its buyer.
func (e *Escrow) Settle(ctx context.Context, b typed.Batch, sig []byte) (Settlement, error) {
	r, err := e.send(ctx, "settle", e.code.PackSettle(b.Buyer, b.Epoch, b.Payees, sig))
	if err != nil {
		return Settlement{}, err
	}
	return e.Settlement(r)
}

// Redeem brings one voucher; anyone may.
func (e *Escrow) Redeem(ctx context.Context, v typed.Voucher, sig []byte) (Settlement, error) {
	if err := fits(v.Total, 128); err != nil {
		return Settlement{}, err
	}
	r, err := e.send(ctx, "redeem", e.code.PackRedeem(gen.EscrowVoucher{
		Buyer: v.Buyer, Seller: v.Seller, Epoch: v.Epoch, Total: v.Total,
	}, sig))
	if err != nil {
		return Settlement{}, err
	}
	return e.Settlement(r)
}

// RequestUnlock says that the client's account leaves; a day later WithdrawAll
// works.
func (e *Escrow) RequestUnlock(ctx context.Context) (*types.Receipt, error) {
	return e.send(ctx, "unlock", e.code.PackRequestUnlock())
}

// CancelUnlock takes RequestUnlock back.
func (e *Escrow) CancelUnlock(ctx context.Context) (*types.Receipt, error) {
	return e.send(ctx, "unlock", e.code.PackCancelUnlock())
}

// WithdrawAll sends the whole balance to an address and ends the epoch.
func (e *Escrow) WithdrawAll(ctx context.Context, to common.Address) (*types.Receipt, error) {
	return e.send(ctx, "withdraw", e.code.PackWithdrawAll(to))
}

// Fees are kept by Escrow until FlushFees.
func (e *Escrow) Fees(ctx context.Context) (*big.Int, error) {
	out, err := e.chain.Call(ctx, e.at, e.code.PackFees(), Explain)
	if err != nil {
		return nil, fmt.Errorf("fees: %w", err)
	}
	return e.code.UnpackFees(out)
}

// FlushFees sends the fees where they belong; anyone may.
func (e *Escrow) FlushFees(ctx context.Context) (*types.Receipt, error) {
	return e.send(ctx, "flush", e.code.PackFlushFees())
}

// Settlement reads what a transaction paid from its receipt.
func (e *Escrow) Settlement(r *types.Receipt) (Settlement, error) {
	s := Settlement{Tx: r.TxHash, Gas: r.GasUsed}
	for _, l := range r.Logs {
		if l.Address != e.at || l.Removed {
			continue
		}
		if p, err := e.code.UnpackPaidEvent(l); err == nil {
			s.Payments = append(s.Payments, Payment{Buyer: p.Buyer, Seller: p.Seller, Epoch: p.Epoch, Net: p.Amount, Fee: p.Fee})
			if p.Amount == nil || p.Fee == nil {
				return Settlement{}, fmt.Errorf("%w: a payment in %v without its sums", chain.ErrAnswer, r.TxHash)
			}
			continue
		}
		if p, err := e.code.UnpackShortfallEvent(l); err == nil && p.Owed != nil {
			s.Short = append(s.Short, Payment{Buyer: p.Buyer, Seller: p.Seller, Epoch: p.Epoch, Net: p.Owed, Fee: new(big.Int)})
		}
	}
	return s, nil
}

func (e *Escrow) send(ctx context.Context, purpose string, data []byte) (*types.Receipt, error) {
	return e.chain.Send(ctx, chain.Tx{Purpose: purpose, To: e.at, Data: data, Explain: Explain})
}

// moment is a time of the contract; 0 means none, and what no clock reaches
// is cut off.
func moment(unix uint64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(int64(min(unix, 1<<40)), 0)
}

func fits(v *big.Int, bits int) error {
	if v == nil || v.Sign() < 0 || v.BitLen() > bits {
		return fmt.Errorf("%v is not an amount of at most %d bits", v, bits)
	}
	return nil
}
