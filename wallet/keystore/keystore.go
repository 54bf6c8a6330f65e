// Package keystore keeps keys and signs with them. No private key leaves it:
// callers hand in typed messages and transactions and get signatures.
//
// There are two kinds of key. The account owns the money; it is encrypted
// (keystore v3, the format every Ethereum wallet reads) together with its
// backup phrase. The device key signs orders, receipts and vouchers all day
// while the account is locked, within what the account delegated to it.
//
// Every key is bound to one chain when it is opened and signs nothing for
// another. A practice account, whose passphrase lies beside it so that a
// newcomer is never asked, can only be opened for a practice chain.
package keystore

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sonm/wallet/typed"
)

var (
	// ErrLocked says that the account must be unlocked with its passphrase.
	ErrLocked = errors.New("the account is locked")
	// ErrChain says that a signature for another chain was asked for.
	ErrChain = errors.New("the key does not sign for this chain")
	// ErrPurpose says that the key may not sign such a thing.
	ErrPurpose = errors.New("the key does not sign such things")
	// ErrPassphrase says that the passphrase is not the one.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrNoAccount says that the folder holds no account yet.
	ErrNoAccount = errors.New("no account yet")
	// ErrExists says that the folder holds an account already; none is ever
	// overwritten.
	ErrExists = errors.New("there is an account already")
	// ErrPublicKey says that everybody knows the key.
	ErrPublicKey = errors.New("this key is public knowledge: whoever sends money to it loses it")
)

// Signature is r || s || v, v in {27, 28}.
type Signature = [typed.SignatureLength]byte

// key signs for one chain, within purposes. The zero key signs nothing.
type key struct {
	address  common.Address
	chainID  uint64
	purposes typed.Purpose

	mu      sync.Mutex
	private *ecdsa.PrivateKey // nil while locked; guarded by mu
}

// Address of the key.
func (k *key) Address() common.Address { return k.address }

// Sign signs m in d, if it is of a purpose and a chain that the key serves.
func (k *key) Sign(ctx context.Context, d typed.Domain, m typed.Message) (Signature, error) {
	if err := ctx.Err(); err != nil {
		return Signature{}, err
	}
	if d.ChainID != k.chainID || k.chainID == 0 {
		return Signature{}, fmt.Errorf("%w: asked for %d, opened for %d", ErrChain, d.ChainID, k.chainID)
	}
	if p := m.Purpose(); p&k.purposes == 0 {
		return Signature{}, fmt.Errorf("%w: %T", ErrPurpose, m)
	}
	digest, err := typed.Digest(d, m)
	if err != nil {
		return Signature{}, err
	}
	return k.sign(digest)
}

func (k *key) sign(digest [32]byte) (Signature, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.private == nil {
		return Signature{}, ErrLocked
	}
	raw, err := crypto.Sign(digest[:], k.private)
	if err != nil {
		return Signature{}, fmt.Errorf("sign: %w", err)
	}
	raw[64] += 27
	return Signature(raw), nil
}

// Account is the key that owns money. It signs everything, transactions too.
type Account struct {
	key
	file     []byte // keystore v3
	practice bool
}

// SignTx signs a transaction for the chain the account was opened for.
func (a *Account) SignTx(ctx context.Context, tx *types.Transaction, chainID uint64) (*types.Transaction, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if chainID != a.chainID || !tx.ChainId().IsUint64() || tx.ChainId().Uint64() != chainID {
		return nil, fmt.Errorf("%w: asked for %d in a transaction of %v, opened for %d", ErrChain, chainID, tx.ChainId(), a.chainID)
	}
	signer := types.LatestSignerForChainID(new(big.Int).SetUint64(chainID))
	sig, err := a.sign(signer.Hash(tx))
	if err != nil {
		return nil, err
	}
	sig[64] -= 27
	return tx.WithSignature(signer, sig[:])
}

// Practice reports whether it is a practice account.
func (a *Account) Practice() bool { return a.practice }

// Locked reports whether the account needs its passphrase before it signs.
func (a *Account) Locked() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.private == nil
}

// Unlock lets the account sign until Lock. With standard scrypt it takes about
// a second, which is what makes guessing dear.
func (a *Account) Unlock(passphrase string) error {
	private, err := decrypt(a.file, passphrase)
	if err != nil {
		return err
	}
	if crypto.PubkeyToAddress(private.PublicKey) != a.address {
		return fmt.Errorf("the account's file is not of %v", a.address)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.private = private
	return nil
}

// Lock forgets the key until the next Unlock.
func (a *Account) Lock() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.private != nil {
		clear(a.private.D.Bits()) //nolint:staticcheck // SA1019: the key is not used again, and only through D can it be wiped
		a.private = nil
	}
}

// Export is the account as a keystore v3 file under its passphrase.
func (a *Account) Export() []byte { return bytes.Clone(a.file) }

// Device is the key of this machine. It signs orders, receipts and vouchers,
// and neither delegations nor transactions.
type Device struct{ key }
