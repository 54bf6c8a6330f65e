// Package wallet is the money side of one home on one network: its account,
// its device key, and what it has and owes in Escrow.
//
// It knows nothing of rendering, peers or deals: it signs typed messages, moves
// SNM and says what was paid, to the last wei. Private keys stay inside
// wallet/keystore; the chain is a stranger whose answers are checked.
package wallet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"sonm/wallet/chain"
	"sonm/wallet/escrow"
	"sonm/wallet/keystore"
	"sonm/wallet/token"
	"sonm/wallet/typed"
)

// The names that callers use: what they stand for is told where they are made.
type (
	// Address is an account, a device or a contract on the chain; a
	// caller that must not import go-ethereum converts it from and to [20]byte.
	Address = common.Address
	// Hash is 32 bytes of Keccak-256: the name of a transaction or a block.
	Hash = common.Hash
	// Signature is what a key makes of a message: r || s || v, v in {27, 28}.
	Signature = keystore.Signature
	// Network is all that a program needs to join one chain.
	Network = chain.Network
	// Outbox is where transactions wait until nothing can undo them.
	Outbox = chain.Outbox
	// Record is a signed transaction as the outbox keeps it.
	Record = chain.Record
	// Purpose is a set of things a key may sign.
	Purpose = typed.Purpose
	// Delegation is what lets a device key sign for its account.
	Delegation = typed.Delegation
	// Ask is a seller's standing offer.
	Ask = typed.Ask
	// Deal is what buyer and seller both sign before any task is leased.
	Deal = typed.Deal
	// Receipt is a worker's claim of what a task gave.
	Receipt = typed.Receipt
	// Voucher is a buyer's cumulative promise to one seller.
	Voucher = typed.Voucher
	// Batch is a settlement with many sellers under one signature.
	Batch = typed.Batch
	// Payee is one seller of a batch and all it has earned in the epoch.
	Payee = typed.Payee
	// Message is anything that can be signed.
	Message = typed.Message
	// Account is what a buyer has in Escrow.
	Account = escrow.Account
	// Device is what Escrow knows of a device key.
	Device = escrow.Device
	// Payment is one payment that Escrow made.
	Payment = escrow.Payment
	// Settlement is what a transaction paid.
	Settlement = escrow.Settlement
)

// The purposes of a device.
const (
	PurposeOrder   = typed.PurposeOrder
	PurposeReceipt = typed.PurposeReceipt
	PurposeVoucher = typed.PurposeVoucher
)

var (
	// ErrFunds says that the account has too little SNM; see FundsError.
	ErrFunds = token.ErrFunds
	// ErrLocked says that the account must be unlocked first.
	ErrLocked = keystore.ErrLocked
	// ErrNoAccount says that the home has no account on this network.
	ErrNoAccount = keystore.ErrNoAccount
	// ErrUnreachable says that the chain does not answer.
	ErrUnreachable = chain.ErrUnreachable
	// ErrSignature says that a signature is not of whom it should be.
	ErrSignature = errors.New("the signature is not of whom it should be")
	// ErrDelegation says that a delegation does not hold.
	ErrDelegation = errors.New("the delegation does not hold")
	// ErrCap says that a device would promise more than the account let it.
	ErrCap = errors.New("more than the account lets its device promise")
)

// What a delegation grants unless Config says otherwise.
const delegationLife = 90 * 24 * time.Hour

// delegationCap is 10,000 SNM: ten times what a practice account begins with.
var delegationCap, _ = new(big.Int).SetString("10000000000000000000000", 10)

// FundsError says how much SNM is missing. It is ErrFunds.
type FundsError struct {
	Have, Need *big.Int // wei of SNM
}

func (e *FundsError) Error() string {
	return fmt.Sprintf("%v: %v wei needed, %v there", ErrFunds, e.Need, e.Have)
}

// Unwrap makes it ErrFunds.
func (e *FundsError) Unwrap() error { return ErrFunds }

// Missing is how much more is needed.
func (e *FundsError) Missing() *big.Int { return new(big.Int).Sub(e.Need, e.Have) }

// Config is what a wallet needs.
type Config struct {
	Dir     string // keys and delegations of the home
	Network Network
	HTTP    *http.Client // carries every request to the chain; or give Dial
	Dial    chain.Dial
	Outbox  Outbox       // nil: one that a crash empties
	Log     *slog.Logger // nil discards

	Scrypt        keystore.Scrypt  // zero: standard
	Now           func() time.Time // nil: time.Now
	DelegationCap *big.Int         // what the device may pay out before it is renewed; nil: 10,000 SNM
}

// Wallet is one home's money on one network. It is safe for concurrent use.
type Wallet struct {
	dir     string
	network Network
	domain  typed.Domain
	now     func() time.Time
	limit   *big.Int

	account *keystore.Account
	device  *keystore.Device
	chain   *chain.Client
	token   *token.Token
	escrow  *escrow.Escrow

	depositing chan struct{} // holds one token: a deposit is not made twice

	mu       sync.Mutex
	granted  Delegation // guarded by mu
	grantSig Signature  // guarded by mu; zero: none yet
}

// Open opens the keys in cfg.Dir; it does not touch the network. On a practice
// network a missing account is made and needs no passphrase. On any other it
// returns ErrNoAccount, or an account that is locked until Unlock.
func Open(cfg Config) (*Wallet, error) {
	if err := cfg.Network.Check(); err != nil {
		return nil, err
	}
	account, err := openAccount(cfg)
	if err != nil {
		return nil, err
	}
	device, err := keystore.OpenDevice(filepath.Join(cfg.Dir, "device.key"), cfg.Network.ChainID)
	if err != nil {
		return nil, err
	}
	client, err := chain.New(chain.Config{
		Network: cfg.Network, HTTP: cfg.HTTP, Dial: cfg.Dial, Signer: account,
		Outbox: cfg.Outbox, Log: cfg.Log,
	})
	if err != nil {
		return nil, err
	}
	w := &Wallet{
		dir: cfg.Dir, network: cfg.Network,
		domain:  typed.Domain{ChainID: cfg.Network.ChainID, Contract: cfg.Network.Escrow},
		now:     cfg.Now,
		limit:   cfg.DelegationCap,
		account: account, device: device, chain: client,
		token: token.New(client), escrow: escrow.New(client),
		depositing: make(chan struct{}, 1),
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.limit == nil {
		w.limit = delegationCap
	}
	return w, nil
}

func openAccount(cfg Config) (*keystore.Account, error) {
	keys := keystore.Config{Dir: cfg.Dir, Scrypt: cfg.Scrypt}
	if cfg.Network.Practice {
		return keystore.OpenPractice(keys, cfg.Network.ChainID)
	}
	return keystore.Open(keys, cfg.Network.ChainID)
}

// Close ends the wallet's connections and locks the account.
func (w *Wallet) Close() {
	w.chain.Close()
	w.account.Lock()
}

// Start sends again what an earlier run left unfinished.
func (w *Wallet) Start(ctx context.Context) error { return w.chain.Start(ctx) }

// Network the wallet is on.
func (w *Wallet) Network() Network { return w.network }

// Account is the address that owns the money.
func (w *Wallet) Account() Address { return w.account.Address() }

// Device is the address of this home's device key.
func (w *Wallet) Device() Address { return w.device.Address() }

// Unlock lets the account sign until Lock.
func (w *Wallet) Unlock(passphrase string) error { return w.account.Unlock(passphrase) }

// Lock makes the account unable to sign.
func (w *Wallet) Lock() { w.account.Lock() }

// Locked reports whether the account needs its passphrase.
func (w *Wallet) Locked() bool { return w.account.Locked() }

// Balance is the account's SNM outside Escrow, in wei.
func (w *Wallet) Balance(ctx context.Context) (*big.Int, error) {
	return w.token.Balance(ctx, w.account.Address())
}

// BalanceOf is the SNM of any address, in wei.
func (w *Wallet) BalanceOf(ctx context.Context, a Address) (*big.Int, error) {
	return w.token.Balance(ctx, a)
}

// Coins is what the account has to pay gas with, in wei.
func (w *Wallet) Coins(ctx context.Context) (*big.Int, error) {
	return w.chain.Coins(ctx, w.account.Address())
}

// EscrowBalance is what a buyer has in Escrow, in wei.
func (w *Wallet) EscrowBalance(ctx context.Context, buyer Address) (*big.Int, error) {
	a, err := w.escrow.Account(ctx, buyer)
	return a.Balance, err
}

// EscrowAccount is what a buyer has in Escrow, its epoch, and whether it is
// leaving: a seller deals with nobody whose UnlockAt is set.
func (w *Wallet) EscrowAccount(ctx context.Context, buyer Address) (Account, error) {
	return w.escrow.Account(ctx, buyer)
}

// EscrowDevice is what Escrow knows of an account's device: a seller takes
// vouchers of a device only within Cap - Spent.
func (w *Wallet) EscrowDevice(ctx context.Context, account, device Address) (Device, error) {
	return w.escrow.Device(ctx, account, device)
}

// PaidTo is all that a seller has been paid by a buyer in an epoch, fee
// included.
func (w *Wallet) PaidTo(ctx context.Context, buyer Address, epoch uint32, seller Address) (*big.Int, error) {
	return w.escrow.PaidTo(ctx, buyer, epoch, seller)
}

// GasUsed is the gas of all transactions of this run, by purpose.
func (w *Wallet) GasUsed() map[string]uint64 { return w.chain.GasUsed() }

// EnsureFunded asks a practice chain for the account's first money, once. On
// any other network it does nothing.
func (w *Wallet) EnsureFunded(ctx context.Context) error {
	if !w.network.Practice {
		return nil
	}
	return w.chain.Fund(ctx, w.account.Address())
}

// EnsureDeposit tops the account's escrow balance up so that it is at least
// amount. It returns a *FundsError if the account has too little SNM for that.
func (w *Wallet) EnsureDeposit(ctx context.Context, amount *big.Int) error {
	if amount == nil || amount.Sign() < 0 || amount.BitLen() > 128 {
		return fmt.Errorf("%v is not an amount to deposit", amount)
	}
	select {
	case w.depositing <- struct{}{}:
		defer func() { <-w.depositing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	in, err := w.EscrowBalance(ctx, w.Account())
	if err != nil || in.Cmp(amount) >= 0 {
		return err
	}
	missing := new(big.Int).Sub(amount, in)
	have, err := w.Balance(ctx)
	if err != nil {
		return err
	}
	if have.Cmp(missing) < 0 {
		return &FundsError{Have: new(big.Int).Add(have, in), Need: amount}
	}
	_, err = w.escrow.Deposit(ctx, missing)
	return err
}

// Settle pays sellers from the account's escrow balance: all of them in one
// transaction, signed by the account. The result is what Escrow says it paid;
// Short names who got less than promised.
func (w *Wallet) Settle(ctx context.Context, payees []Payee) (Settlement, error) {
	packed, err := typed.PackPayees(payees)
	if err != nil {
		return Settlement{}, err
	}
	a, err := w.escrow.Account(ctx, w.Account())
	if err != nil {
		return Settlement{}, err
	}
	return w.escrow.Settle(ctx, Batch{Buyer: w.Account(), Epoch: a.Epoch, Payees: packed}, nil)
}

// SettleBatch brings a batch that its buyer, or the buyer's device, signed.
func (w *Wallet) SettleBatch(ctx context.Context, b Batch, sig Signature) (Settlement, error) {
	return w.escrow.Settle(ctx, b, sig[:])
}

// Redeem brings a voucher that its buyer, or the buyer's device, signed.
func (w *Wallet) Redeem(ctx context.Context, v Voucher, sig Signature) (Settlement, error) {
	return w.escrow.Redeem(ctx, v, sig[:])
}

// Transfer sends SNM from the account, and waits for its block.
func (w *Wallet) Transfer(ctx context.Context, to Address, amount *big.Int) error {
	_, err := w.token.Transfer(ctx, to, amount)
	return err
}
