package settle

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"sonm/engine/fog"
	"sonm/wallet"
	"sonm/wallet/chain"
	"sonm/wallet/typed"
)

// NewVerifier checks signatures of a network.
func NewVerifier(n chain.Network) Verifier {
	return Verifier{Domain: typed.Domain{ChainID: n.ChainID, Contract: n.Escrow}}
}

// FundsError says that the account cannot set aside what a job needs.
type FundsError struct {
	Account    fog.Address
	Need, Have fog.Amount
}

// Error names the sums.
func (e *FundsError) Error() string {
	return fmt.Sprintf("%v has %s SNM, %s needed", e.Account, e.Have, e.Need)
}

// Promises is what the journal knows of money promised and not yet paid.
type Promises interface {
	// Reserved sums what open jobs hold of the escrow balance.
	Reserved(ctx context.Context) (fog.Amount, error)
	// Promised is the highest voucher a buyer of ours gave a seller.
	Promised(ctx context.Context, buyer, seller fog.Address, epoch uint32) (fog.Amount, error)
}

// Bridge is a wallet as the engine's roles see it.
type Bridge struct {
	Verifier
	wallet *wallet.Wallet
	ledger Promises
	del    fog.Delegation
}

// NewBridge joins an open wallet and the journal.
func NewBridge(ctx context.Context, w *wallet.Wallet, p Promises, n chain.Network) (*Bridge, error) {
	d, sig, err := w.Delegation(ctx)
	if err != nil {
		return nil, fmt.Errorf("delegation: %w", err)
	}
	limit, err := amount(d.Cap)
	if err != nil {
		return nil, err
	}
	del := fog.Delegation{
		Account: fog.Address(d.Account), Device: fog.Address(d.Device), Purposes: fog.Purpose(d.Purposes),
		Cap: limit, Expiry: time.Unix(int64(d.Expiry), 0).UTC(),
	}
	del.Sig = fog.Signature(sig)
	return &Bridge{Verifier: NewVerifier(n), wallet: w, ledger: p, del: del}, nil
}

// Account is the account that pays and is paid.
func (b *Bridge) Account() fog.Address { return b.del.Account }

// Delegation is what shows peers that the device speaks for the account.
func (b *Bridge) Delegation() fog.Delegation { return b.del }

// SignAsk signs an offer with the device key.
func (b *Bridge) SignAsk(ctx context.Context, a fog.Ask) (fog.Ask, error) {
	sig, err := b.wallet.SignAsk(ctx, typedAsk(a))
	a.Sig = fog.Signature(sig)
	return a, err
}

// SignDeal signs a deal with the device key.
func (b *Bridge) SignDeal(ctx context.Context, d fog.Deal) (fog.Signature, error) {
	sig, err := b.wallet.SignDeal(ctx, typedDeal(d))
	return fog.Signature(sig), err
}

// SignReceipt signs a result with the device key.
func (b *Bridge) SignReceipt(ctx context.Context, r fog.Receipt) (fog.Receipt, error) {
	sig, err := b.wallet.SignReceipt(ctx, typedReceipt(r))
	r.Sig = fog.Signature(sig)
	return r, err
}

// SignVoucher signs a promise with the device key.
func (b *Bridge) SignVoucher(ctx context.Context, v fog.Voucher) (fog.Voucher, error) {
	sig, err := b.wallet.SignVoucher(ctx, typedVoucher(v))
	v.Sig = fog.Signature(sig)
	return v, err
}

// unreached is err, as fog.ErrChain if the chain did not answer: then trying
// again is all there is to do.
func unreached(err error) error {
	if errors.Is(err, chain.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", fog.ErrChain, err)
	}
	return err
}

// Lock makes sure that max beside all that open jobs reserve lies in the free
// escrow balance, and that Escrow knows the device that will sign vouchers.
func (b *Bridge) Lock(ctx context.Context, limit fog.Amount) (uint32, error) {
	reserved, err := b.ledger.Reserved(ctx)
	if err != nil {
		return 0, err
	}
	need := reserved.Add(limit)
	err = b.wallet.EnsureDeposit(ctx, need.Big())
	if short, ok := errors.AsType[*wallet.FundsError](err); ok {
		return 0, b.short(short)
	}
	if err != nil {
		return 0, fmt.Errorf("deposit: %w", unreached(err))
	}
	if err := b.wallet.EnsureDelegated(ctx); err != nil {
		return 0, fmt.Errorf("register this device: %w", unreached(err))
	}
	acc, err := b.wallet.EscrowAccount(ctx, [20]byte(b.del.Account))
	return acc.Epoch, unreached(err)
}

// Promised is the highest total promised or paid to a seller.
func (b *Bridge) Promised(ctx context.Context, seller fog.Address, epoch uint32) (fog.Amount, error) {
	own, err := b.ledger.Promised(ctx, b.del.Account, seller, epoch)
	if err != nil {
		return own, err
	}
	v, err := b.wallet.PaidTo(ctx, [20]byte(b.del.Account), epoch, [20]byte(seller))
	if err != nil {
		return own, unreached(err)
	}
	paid, err := amount(v)
	if err != nil || paid.Cmp(own) <= 0 {
		return own, err
	}
	return paid, nil
}

// Settle has the chain pay the sellers.
func (b *Bridge) Settle(ctx context.Context, payees []fog.Payee) (fog.Settlement, error) {
	list := make([]typed.Payee, len(payees))
	for i, p := range payees {
		list[i] = typed.Payee{Seller: [20]byte(p.Seller), Total: p.Total.Big()}
	}
	s, err := b.wallet.Settle(ctx, list)
	if err != nil {
		return fog.Settlement{}, unreached(err)
	}
	if len(s.Short) > 0 {
		return fog.Settlement{}, fmt.Errorf("the escrow could not pay %d of %d sellers in full", len(s.Short), len(payees))
	}
	out := fog.Settlement{Tx: fog.Hash(s.Tx)}
	for _, p := range s.Payments {
		net, err := amount(p.Net)
		if err != nil {
			return out, err
		}
		fee, err := amount(p.Fee)
		if err != nil {
			return out, err
		}
		out.Payments = append(out.Payments, fog.Payment{Seller: fog.Address(p.Seller), Net: net, Fee: fee})
	}
	return out, nil
}

// Redeem has the chain pay a voucher this account holds, unless all of it was
// paid already, and returns what arrived.
func (b *Bridge) Redeem(ctx context.Context, v fog.Voucher) (fog.Amount, error) {
	acc, err := b.wallet.EscrowAccount(ctx, [20]byte(v.Buyer))
	if err != nil || acc.Epoch != v.Epoch {
		return fog.Amount{}, unreached(err) // of another epoch it is void
	}
	had, err := b.wallet.PaidTo(ctx, [20]byte(v.Buyer), v.Epoch, [20]byte(v.Seller))
	if err != nil || v.Total.Big().Cmp(had) <= 0 {
		return fog.Amount{}, unreached(err)
	}
	s, err := b.wallet.Redeem(ctx, typedVoucher(v), wallet.Signature(v.Sig))
	if err != nil {
		return fog.Amount{}, unreached(err)
	}
	var sum fog.Amount
	for _, p := range s.Payments {
		net, err := amount(p.Net)
		if err != nil {
			return sum, err
		}
		sum = sum.Add(net)
	}
	return sum, nil
}

// Covers checks a buyer before work is done for it: its free balance, that it
// is not leaving, and that its device may promise that much.
func (b *Bridge) Covers(ctx context.Context, from, device fog.Address, limit fog.Amount) (epoch uint32, err error) {
	acc, err := b.wallet.EscrowAccount(ctx, [20]byte(from))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", fog.ErrChain, err)
	}
	balance, err := amount(acc.Balance)
	switch {
	case err != nil:
		return 0, err
	case !acc.UnlockAt.IsZero():
		return 0, errors.New("the buyer is taking its money out of the escrow")
	case balance.Cmp(limit) < 0:
		return 0, fmt.Errorf("the buyer's escrow holds %s SNM, the deal needs %s", balance, limit)
	}
	dev, err := b.wallet.EscrowDevice(ctx, [20]byte(from), [20]byte(device))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", fog.ErrChain, err)
	}
	rest, err := left(dev.Cap, dev.Spent)
	switch {
	case err != nil:
		return 0, err
	case dev.Revoked || dev.Purposes&typed.PurposeVoucher == 0 || !time.Now().Before(dev.Expiry):
		return 0, errors.New("the buyer's device may not sign payments")
	case rest.Cmp(limit) < 0:
		return 0, fmt.Errorf("the buyer's device may promise %s SNM more, the deal needs %s", rest, limit)
	}
	return acc.Epoch, nil
}

// short says in the engine's terms what is missing.
func (b *Bridge) short(f *wallet.FundsError) error {
	have, err := amount(f.Have)
	if err != nil {
		return err
	}
	need, err := amount(f.Need)
	if err != nil {
		return err
	}
	return &FundsError{Account: b.del.Account, Need: need, Have: have}
}

// Purse is what an account has.
type Purse struct {
	Balance  fog.Amount // SNM outside the escrow
	Escrow   fog.Amount // SNM in the escrow
	Reserved fog.Amount // part of Escrow that open jobs hold
	Coins    fog.Amount // what gas is paid with; 18 decimals like SNM
}

// Purse reads what the account has from the chain.
func (b *Bridge) Purse(ctx context.Context) (p Purse, err error) {
	if p.Reserved, err = b.ledger.Reserved(ctx); err != nil {
		return p, err
	}
	escrowed := func(ctx context.Context) (*big.Int, error) { return b.wallet.EscrowBalance(ctx, b.wallet.Account()) }
	for _, x := range []struct {
		read func(context.Context) (*big.Int, error)
		into *fog.Amount
	}{{b.wallet.Balance, &p.Balance}, {escrowed, &p.Escrow}, {b.wallet.Coins, &p.Coins}} {
		v, err := x.read(ctx)
		if err != nil {
			return p, err
		}
		if *x.into, err = amount(v); err != nil {
			return p, err
		}
	}
	return p, nil
}

// left is what remains of a cap, nothing if more was spent.
func left(limit, spent *big.Int) (fog.Amount, error) {
	l, err := amount(limit)
	if err != nil {
		return l, err
	}
	s, err := amount(spent)
	if err != nil {
		return s, err
	}
	if rest, err := l.Sub(s); err == nil {
		return rest, nil
	}
	return fog.Amount{}, nil
}
