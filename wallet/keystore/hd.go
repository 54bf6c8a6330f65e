package keystore

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/tyler-smith/go-bip39"
)

// ErrPhrase says that words are not a backup phrase: a word outside the list,
// a wrong number of them, or a checksum that does not fit.
var ErrPhrase = errors.New("not a backup phrase")

const (
	hardened    = 1 << 31
	entropySize = 16   // bytes: twelve words
	phraseLimit = 1024 // bytes; 24 words are under 240
	seedLeast   = 16   // bytes, BIP-32
	seedMost    = 64
)

// ethereumPath is m/44'/60'/0'/0/0 (BIP-44): the account that other wallets
// show first for the same phrase.
var ethereumPath = []uint32{44 | hardened, 60 | hardened, 0 | hardened, 0, 0}

// NewPhrase draws a backup phrase of twelve words (BIP-39, 128 bits).
func NewPhrase() (string, error) {
	entropy := make([]byte, entropySize)
	if _, err := rand.Read(entropy); err != nil {
		return "", err
	}
	return bip39.NewMnemonic(entropy)
}

// seedOf is BIP-39's seed of a phrase; case and spacing do not matter.
func seedOf(phrase string) ([]byte, error) {
	if len(phrase) > phraseLimit {
		return nil, fmt.Errorf("%w: %d bytes", ErrPhrase, len(phrase))
	}
	clean := strings.Join(strings.Fields(strings.ToLower(phrase)), " ")
	seed, err := bip39.NewSeedWithErrorChecking(clean, "")
	if err != nil {
		return nil, ErrPhrase // the library's words could name one of the phrase's
	}
	return seed, nil
}

// derive is BIP-32's private derivation: the key and chain code at path.
func derive(seed []byte, path []uint32) (key, code []byte, err error) {
	if len(seed) < seedLeast || len(seed) > seedMost {
		return nil, nil, fmt.Errorf("a seed of %d bytes, want %d to %d", len(seed), seedLeast, seedMost)
	}
	key, code = split([]byte("Bitcoin seed"), seed)
	if _, err := crypto.ToECDSA(key); err != nil {
		return nil, nil, fmt.Errorf("master key: %w", err)
	}
	for _, index := range path {
		if key, code, err = child(key, code, index); err != nil {
			return nil, nil, err
		}
	}
	return key, code, nil
}

// child is BIP-32's CKDpriv.
func child(key, code []byte, index uint32) ([]byte, []byte, error) {
	parent, err := crypto.ToECDSA(key)
	if err != nil {
		return nil, nil, err
	}
	data := append([]byte{0}, key...)
	if index < hardened {
		data = crypto.CompressPubkey(&parent.PublicKey)
	}
	left, right := split(code, binary.BigEndian.AppendUint32(data, index))
	n := crypto.S256().Params().N
	k := new(big.Int).SetBytes(left)
	if k.Cmp(n) >= 0 {
		return nil, nil, fmt.Errorf("child %d has no key", index) // one in 2^127
	}
	k.Add(k, new(big.Int).SetBytes(key)).Mod(k, n)
	if k.Sign() == 0 {
		return nil, nil, fmt.Errorf("child %d has no key", index)
	}
	return k.FillBytes(make([]byte, 32)), right, nil
}

func split(key, data []byte) (left, right []byte) {
	m := hmac.New(sha512.New, key)
	m.Write(data) // a hash takes everything
	sum := m.Sum(nil)
	return sum[:32], sum[32:]
}
