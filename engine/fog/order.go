package fog

import (
	"encoding/binary"
	"errors"
	"time"
)

// ErrChain says that the chain did not answer, which is no party's fault.
var ErrChain = errors.New("the chain cannot be asked at the moment")

// Purpose is a set of things a device key may sign for its account.
type Purpose uint8

// The purposes of a device key; a Delegation holds their sum.
const (
	PurposeOrder   Purpose = 1 << iota // asks, bids and deals
	PurposeReceipt                     // receipts and verdicts
	PurposeVoucher                     // vouchers and settlement batches
)

// Delegation lets a device key sign for an account: one sentence, signed by
// the account, known to Escrow, so that a seller works all night and a buyer
// pays with the account locked.
type Delegation struct {
	Account  Address
	Device   Address
	Purposes Purpose
	Cap      Amount    // most the device may promise in vouchers, cumulative; < 2^128
	Expiry   time.Time // whole seconds
	Sig      Signature // by Account
}

// Ask is a seller's standing offer.
type Ask struct {
	Seller Address  // account that is paid
	Device Address  // key that signs this ask and the receipts
	Peer   PeerID   // libp2p host of the seller
	Addrs  []string // multiaddrs it can be dialled at
	Price  Amount   // SNM per UnitsPerPrice units of work; < 2^128
	Slots  uint32   // tasks worked on at once
	Memory uint64   // bytes of guest memory per slot
	Expiry time.Time
	Nonce  uint64 // grows with each new ask of the seller; the newest counts
	Sig    Signature
}

// ID names the ask by its content, signature and addresses not included.
func (a Ask) ID() OrderID {
	return OrderID(HashOf([]byte("ask"), a.Seller[:], a.Device[:], []byte(a.Peer), a.Price[:],
		binary.BigEndian.AppendUint64(nil, a.Nonce), []byte(a.Expiry.UTC().Format(time.RFC3339))))
}

// Deal is what buyer and seller both sign before any task is leased.
type Deal struct {
	Job    JobID
	Ask    OrderID
	Buyer  Address // account
	Seller Address // account
	Module Hash    // app module that runs
	Input  Hash    // root of the scene's chunks, fetched from the buyer
	Price  Amount  // per UnitsPerPrice units; < 2^128
	Cap    Amount  // most this deal can cost; < 2^128
	Secret Hash    // H(secret) the spot checks are drawn from, opened at the close
	Expiry time.Time
}

// ID names the deal by its content, signatures not included.
func (d Deal) ID() DealID {
	return DealID(HashOf([]byte("deal"), d.Job[:], d.Ask[:], d.Buyer[:], d.Seller[:], d.Module[:], d.Input[:],
		d.Price[:], d.Cap[:], d.Secret[:], []byte(d.Expiry.UTC().Format(time.RFC3339))))
}

// Lease hands one task to a worker for a time.
type Lease struct {
	Deal    DealID
	Task    TaskID
	Index   uint32 // of the task in its job
	Attempt uint32 // fences: a result of an older attempt is late, not wrong
	Spec    []byte // what the guest's task() is called with
	Planned uint64 // units of work the pilot foresaw; a task pays for at most twice that
}

// Receipt is a worker's signed claim of what a task gave.
type Receipt struct {
	Deal    DealID
	Task    TaskID
	Attempt uint32
	Spec    Hash   // ContentHash of the task's spec
	Result  Hash   // ContentHash of the output
	Work    uint64 // units, as counted by the guest
	Level   Level  // of the sandbox it ran in
	Sig     Signature
}

// Voucher is a buyer's cumulative promise to one seller: total of everything
// ever owed in this epoch, so a lost, repeated or stale one is harmless.
type Voucher struct {
	Buyer  Address
	Seller Address
	Epoch  uint32
	Total  Amount // < 2^96
	Sig    Signature
}

// Payee is one line of a settlement to be made.
type Payee struct {
	Seller Address
	Total  Amount // cumulative, as in the seller's voucher
}

// Payment is what the chain paid a seller in a settlement.
type Payment struct {
	Seller Address
	Net    Amount // arrived at the seller
	Fee    Amount
}

// Settlement is a transaction that paid sellers.
type Settlement struct {
	Tx       Hash
	Payments []Payment
}
