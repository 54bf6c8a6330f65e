// Package typed is the EIP-712 form of everything that is signed in the
// network: delegations, orders, deals, receipts, vouchers and batches. Escrow
// reads three of them, peers read the others; all are bound to one contract on
// one chain, so that no signature means anything elsewhere.
//
// Every message has fields of fixed length only (a batch's payees are hashed
// first). The first SONM compared arrays of flags of any length and matched
// what it should not.
//
// # Why
//
// The hashing is done here rather than with go-ethereum's apitypes, which
// takes maps of strings: a missing or misspelt field is found by the compiler
// here. Vectors shared with Solidity and a test against apitypes hold it true.
package typed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// The name and version of the domain; Escrow's constructor says the same.
const (
	DomainName    = "SONM Escrow"
	DomainVersion = "1"
)

// SignatureLength is r || s || v in bytes.
const SignatureLength = 65

// ErrSignature says that a signature is malformed: of the wrong length, with v
// other than 27 or 28, or with a high s.
var ErrSignature = errors.New("malformed signature")

// Purpose is a set of things a key may sign.
type Purpose uint8

// The purposes of a device; Escrow and engine/fog use the same bits.
const (
	PurposeOrder   Purpose = 1 << iota // asks, bids and deals
	PurposeReceipt                     // receipts and verdicts
	PurposeVoucher                     // vouchers and batches

	// PurposeAccount is never delegated: delegations themselves.
	PurposeAccount Purpose = 1 << 7

	// PurposeDevice is all that can be delegated.
	PurposeDevice = PurposeOrder | PurposeReceipt | PurposeVoucher
)

// Domain is the contract and the chain that a signature is good for.
type Domain struct {
	ChainID  uint64
	Contract common.Address // Escrow
}

// Message is a thing that can be signed. Only this package makes new kinds.
type Message interface {
	// Purpose is what a key needs to be allowed to sign it.
	Purpose() Purpose
	// structHash is EIP-712's hashStruct, or an error for a number that does
	// not fit its field.
	structHash() ([32]byte, error)
}

// Separator is EIP-712's domain separator.
func (d Domain) Separator() [32]byte {
	return hash(domainType, keccak([]byte(DomainName)), keccak([]byte(DomainVersion)),
		uint64Word(d.ChainID), addressWord(d.Contract))
}

// Digest is what a key signs for m in d.
func Digest(d Domain, m Message) ([32]byte, error) {
	h, err := m.structHash()
	if err != nil {
		return [32]byte{}, err
	}
	s := d.Separator()
	return keccak([]byte{0x19, 0x01}, s[:], h[:]), nil
}

// StructHash is EIP-712's hashStruct of m: the same in every domain. It names
// orders and deals.
func StructHash(m Message) ([32]byte, error) { return m.structHash() }

// Recover returns the address whose key signed m in d. Any well-formed
// signature recovers to some address: compare it.
func Recover(d Domain, m Message, sig []byte) (common.Address, error) {
	digest, err := Digest(d, m)
	if err != nil {
		return common.Address{}, err
	}
	if len(sig) != SignatureLength {
		return common.Address{}, fmt.Errorf("%w: %d bytes, want %d", ErrSignature, len(sig), SignatureLength)
	}
	v := sig[64]
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:64])
	if v != 27 && v != 28 || !crypto.ValidateSignatureValues(v-27, r, s, true) {
		return common.Address{}, ErrSignature
	}
	raw := append([]byte(nil), sig...)
	raw[64] -= 27
	pub, err := crypto.SigToPub(digest[:], raw)
	if err != nil {
		return common.Address{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return crypto.PubkeyToAddress(*pub), nil
}

func keccak(parts ...[]byte) [32]byte { return crypto.Keccak256Hash(parts...) }

// typeHash is the hash of a struct's type, the first word of its encoding.
func typeHash(signature string) [32]byte { return keccak([]byte(signature)) }

func hash(typ string, words ...[32]byte) [32]byte {
	t := typeHash(typ)
	b := make([]byte, 0, 32*(len(words)+1))
	b = append(b, t[:]...)
	for _, w := range words {
		b = append(b, w[:]...)
	}
	return keccak(b)
}

func addressWord(a common.Address) (w [32]byte) {
	copy(w[12:], a[:])
	return w
}

func uint64Word(n uint64) (w [32]byte) {
	binary.BigEndian.PutUint64(w[24:], n)
	return w
}

// amountWord encodes a sum of at most bits bits; nil is refused, so that a
// forgotten field never means zero.
func amountWord(field string, v *big.Int, bits int) (w [32]byte, err error) {
	if v == nil {
		return w, fmt.Errorf("%s is missing", field)
	}
	if v.Sign() < 0 || v.BitLen() > bits {
		return w, fmt.Errorf("%s %v does not fit %d bits", field, v, bits)
	}
	v.FillBytes(w[:])
	return w, nil
}
