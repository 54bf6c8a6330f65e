package keystore

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	geth "github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"

	"sonm/wallet/chain"
	"sonm/wallet/typed"
)

const (
	purposeDevice  = typed.PurposeDevice
	purposeAccount = typed.PurposeDevice | typed.PurposeAccount
)

const (
	accountFile    = "account.json" // keystore v3
	phraseFile     = "phrase.json"  // the phrase, encrypted like the key
	passphraseFile = "passphrase"   // practice only
	practiceDir    = "practice"     // one folder per practice chain below it
	passphraseSize = 32             // bytes: nobody guesses it, so light scrypt does
)

// faucetAddress owns the money of every practice chain under a key that is
// written in the source (wallet/devnet, whose tests compare).
const faucetAddress = "0x408EaF44A1d0C8A2fb4b032fEe012Df77ea395b4"

// Config says where keys lie and what a guess costs.
type Config struct {
	Dir    string
	Scrypt Scrypt // zero: standard
}

// Create makes the account of a backup phrase and keeps both, encrypted. The
// account is returned unlocked. It returns ErrExists rather than replace one.
func Create(cfg Config, phrase, passphrase string, chainID uint64) (*Account, error) {
	if passphrase == "" {
		return nil, errors.New("an account needs a passphrase")
	}
	private, err := keyOf(phrase)
	if err != nil {
		return nil, err
	}
	return save(cfg, private, phrase, passphrase, chainID)
}

// Import takes an account out of another wallet's keystore v3 file; it then
// has no phrase. It refuses a key that everybody knows.
func Import(cfg Config, file []byte, passphrase string, chainID uint64) (*Account, error) {
	private, err := decrypt(file, passphrase)
	if err != nil {
		return nil, err
	}
	return save(cfg, private, "", passphrase, chainID)
}

// Open reads the account in cfg.Dir, locked. It returns ErrNoAccount if there
// is none.
func Open(cfg Config, chainID uint64) (*Account, error) {
	file, err := readSecret(filepath.Join(cfg.Dir, accountFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoAccount
	}
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	h, err := inspect(file)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	raw, err := hex.DecodeString(strings.TrimPrefix(h.Address, "0x"))
	if err != nil || len(raw) != common.AddressLength {
		return nil, fmt.Errorf("account: %.60q is not an address", h.Address)
	}
	return newAccount(common.BytesToAddress(raw), file, chainID), nil
}

// OpenPractice opens the account of one practice chain, unlocked, and makes it
// first if there is none. It refuses every other chain with ErrChain: its
// passphrase lies beside it, which is no place for money.
func OpenPractice(cfg Config, chainID uint64) (*Account, error) {
	if !chain.PracticeChain(chainID) {
		return nil, fmt.Errorf("%w: %d is not a practice chain", ErrChain, chainID)
	}
	cfg.Dir = filepath.Join(cfg.Dir, practiceDir, strconv.FormatUint(chainID, 10))
	cfg.Scrypt = LightScrypt()
	passphrase, err := practicePassphrase(filepath.Join(cfg.Dir, passphraseFile))
	if err != nil {
		return nil, fmt.Errorf("practice account: %w", err)
	}
	a, err := Open(cfg, chainID)
	if errors.Is(err, ErrNoAccount) {
		return newPractice(cfg, passphrase, chainID)
	}
	if err != nil {
		return nil, fmt.Errorf("practice account: %w", err)
	}
	a.practice = true
	return a, a.Unlock(passphrase)
}

// Phrase is the backup phrase of the account in cfg.Dir; ErrPhrase if it came
// without one.
func Phrase(cfg Config, passphrase string) (string, error) {
	raw, err := readSecret(filepath.Join(cfg.Dir, phraseFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: the account was imported without one", ErrPhrase)
	}
	if err != nil {
		return "", err
	}
	var box geth.CryptoJSON
	if err := json.Unmarshal(raw, &box); err != nil {
		return "", fmt.Errorf("phrase: %w", err)
	}
	phrase, err := geth.DecryptDataV3(box, passphrase)
	if errors.Is(err, geth.ErrDecrypt) {
		return "", ErrPassphrase
	}
	return string(phrase), err
}

func keyOf(phrase string) (*ecdsa.PrivateKey, error) {
	seed, err := seedOf(phrase)
	if err != nil {
		return nil, err
	}
	raw, _, err := derive(seed, ethereumPath)
	if err != nil {
		return nil, err
	}
	return crypto.ToECDSA(raw)
}

func newPractice(cfg Config, passphrase string, chainID uint64) (*Account, error) {
	phrase, err := NewPhrase()
	if err != nil {
		return nil, err
	}
	private, err := keyOf(phrase)
	if err != nil {
		return nil, err
	}
	a, err := save(cfg, private, phrase, passphrase, chainID)
	if err != nil {
		return nil, err
	}
	a.practice = true
	return a, nil
}

// practicePassphrase reads the passphrase, drawing it at first.
func practicePassphrase(path string) (string, error) {
	raw, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		drawn := make([]byte, passphraseSize)
		if _, err := rand.Read(drawn); err != nil {
			return "", err
		}
		if err := create(path, []byte(hex.EncodeToString(drawn)+"\n")); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		raw, err = readSecret(path)
	}
	return strings.TrimSpace(string(raw)), err
}

// save writes the phrase first: an account without its phrase is worse than a
// phrase whose account was never made, which the next Create replaces.
func save(cfg Config, private *ecdsa.PrivateKey, phrase, passphrase string, chainID uint64) (*Account, error) {
	address := crypto.PubkeyToAddress(private.PublicKey)
	if address == common.HexToAddress(faucetAddress) {
		return nil, ErrPublicKey
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, accountFile)); err == nil {
		return nil, ErrExists
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	cost := cfg.Scrypt.orStandard()
	file, err := geth.EncryptKey(&geth.Key{Id: id, Address: address, PrivateKey: private}, passphrase, cost.N, cost.P)
	if err != nil {
		return nil, fmt.Errorf("encrypt the account: %w", err)
	}
	if phrase != "" {
		if err := savePhrase(cfg, phrase, passphrase, cost); err != nil {
			return nil, fmt.Errorf("keep the phrase: %w", err)
		}
	}
	if err := create(filepath.Join(cfg.Dir, accountFile), file); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, ErrExists
		}
		return nil, fmt.Errorf("keep the account: %w", err)
	}
	a := newAccount(address, file, chainID)
	a.private = private
	return a, nil
}

func savePhrase(cfg Config, phrase, passphrase string, cost Scrypt) error {
	box, err := geth.EncryptDataV3([]byte(phrase), []byte(passphrase), cost.N, cost.P)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(box)
	if err != nil {
		return err
	}
	path := filepath.Join(cfg.Dir, phraseFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return create(path, raw)
}

func newAccount(address common.Address, file []byte, chainID uint64) *Account {
	a := &Account{file: file}
	a.address, a.chainID, a.purposes = address, chainID, purposeAccount
	return a
}
