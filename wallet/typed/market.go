package typed

import (
	"crypto/sha256"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Never read by a contract: orders and receipts stay off the chain.
const (
	askType = "Ask(address seller,address device,bytes32 peer,bytes32 addrs,uint128 price,uint32 slots," +
		"uint64 memory,uint64 expiry,uint64 nonce)"
	dealType = "Deal(bytes32 job,bytes32 ask,address buyer,address seller,bytes32 module,bytes32 input," +
		"uint128 price,uint128 cap,bytes32 secret,uint64 expiry)"
	receiptType = "Receipt(bytes32 deal,bytes32 task,uint32 attempt,bytes32 spec,bytes32 result,uint64 work,uint32 level)"
)

// Ask is a seller's standing offer.
type Ask struct {
	Seller common.Address
	Device common.Address // signs this ask and the receipts
	Peer   [32]byte       // PeerHash of the seller's peer id
	Addrs  [32]byte       // AddrsHash of the addresses it is dialled at
	Price  *big.Int       // wei of SNM per 10^9 units of work; < 2^128
	Slots  uint32         // tasks worked on at once
	Memory uint64         // bytes of guest memory per slot
	Expiry uint64         // Unix time
	Nonce  uint64         // grows with each new ask of the seller
}

// Purpose is PurposeOrder.
func (Ask) Purpose() Purpose { return PurposeOrder }

func (a Ask) structHash() ([32]byte, error) {
	price, err := amountWord("ask price", a.Price, amountBits)
	if err != nil {
		return price, err
	}
	return hash(askType, addressWord(a.Seller), addressWord(a.Device), a.Peer, a.Addrs, price,
		uint64Word(uint64(a.Slots)), uint64Word(a.Memory), uint64Word(a.Expiry), uint64Word(a.Nonce)), nil
}

// PeerHash is how an ask names a peer: SHA-256 of the id's text.
func PeerHash(id string) [32]byte { return sha256.Sum256([]byte(id)) }

// AddrsHash is how an ask names addresses: SHA-256 of them joined by newlines.
func AddrsHash(addrs []string) [32]byte { return sha256.Sum256([]byte(strings.Join(addrs, "\n"))) }

// Deal is what buyer and seller both sign before any task is leased.
type Deal struct {
	Job    [32]byte
	Ask    [32]byte
	Buyer  common.Address
	Seller common.Address
	Module [32]byte // app module that runs
	Input  [32]byte // root of the scene's chunks
	Price  *big.Int // wei of SNM per 10^9 units of work; < 2^128
	Cap    *big.Int // most the deal can cost; < 2^128
	Secret [32]byte // hash of what the spot checks are drawn from
	Expiry uint64   // Unix time
}

// Purpose is PurposeOrder.
func (Deal) Purpose() Purpose { return PurposeOrder }

func (d Deal) structHash() ([32]byte, error) {
	price, err := amountWord("deal price", d.Price, amountBits)
	if err != nil {
		return price, err
	}
	limit, err := amountWord("deal cap", d.Cap, amountBits)
	if err != nil {
		return limit, err
	}
	return hash(dealType, d.Job, d.Ask, addressWord(d.Buyer), addressWord(d.Seller), d.Module,
		d.Input, price, limit, d.Secret, uint64Word(d.Expiry)), nil
}

// Receipt is a worker's claim of what a task gave.
type Receipt struct {
	Deal    [32]byte
	Task    [32]byte
	Attempt uint32
	Spec    [32]byte // hash of the task's spec
	Result  [32]byte // hash of the output
	Work    uint64   // units, as counted by the guest
	Level   uint32   // sandbox level reached
}

// Purpose is PurposeReceipt.
func (Receipt) Purpose() Purpose { return PurposeReceipt }

func (r Receipt) structHash() ([32]byte, error) { //nolint:unparam // Message wants the error: other kinds have sums that may not fit
	return hash(receiptType, r.Deal, r.Task, uint64Word(uint64(r.Attempt)), r.Spec,
		r.Result, uint64Word(r.Work), uint64Word(uint64(r.Level))), nil
}
