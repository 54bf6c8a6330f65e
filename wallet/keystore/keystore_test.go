package keystore_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	geth "github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"sonm/wallet/chain"
	"sonm/wallet/keystore"
	"sonm/wallet/typed"
)

const hard = 1 << 31

// BIP-32's test vectors 1 to 4: https://github.com/bitcoin/bips, bip-0032. The
// private key and chain code are those inside the xprv strings.
func TestBIP32Vectors(t *testing.T) {
	seed1, seed2 := "000102030405060708090a0b0c0d0e0f",
		"fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a29f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542"
	seed3 := "4b381541583be4423346c643850da4b320e46a87ae3d2a4e6da11eba819cd4acba45d239319ac14f863b8d5ab5a0d0c64d2e8a1e7d1457df2e5a3c51c73235be"
	seed4 := "3ddd5602285899a946114506157c7997e5444528f3003f6134712147db19b678"
	cases := []struct {
		seed string
		path []uint32
		xprv string
	}{
		{seed1, nil, "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"},
		{seed1, []uint32{hard}, "xprv9uHRZZhk6KAJC1avXpDAp4MDc3sQKNxDiPvvkX8Br5ngLNv1TxvUxt4cV1rGL5hj6KCesnDYUhd7oWgT11eZG7XnxHrnYeSvkzY7d2bhkJ7"},
		{seed1, []uint32{hard, 1}, "xprv9wTYmMFdV23N2TdNG573QoEsfRrWKQgWeibmLntzniatZvR9BmLnvSxqu53Kw1UmYPxLgboyZQaXwTCg8MSY3H2EU4pWcQDnRnrVA1xe8fs"},
		{seed1, []uint32{hard, 1, hard | 2}, "xprv9z4pot5VBttmtdRTWfWQmoH1taj2axGVzFqSb8C9xaxKymcFzXBDptWmT7FwuEzG3ryjH4ktypQSAewRiNMjANTtpgP4mLTj34bhnZX7UiM"},
		{seed1, []uint32{hard, 1, hard | 2, 2, 1000000000}, "xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76"},
		{seed2, nil, "xprv9s21ZrQH143K31xYSDQpPDxsXRTUcvj2iNHm5NUtrGiGG5e2DtALGdso3pGz6ssrdK4PFmM8NSpSBHNqPqm55Qn3LqFtT2emdEXVYsCzC2U"},
		{seed2, []uint32{0, hard | 2147483647, 1, hard | 2147483646, 2}, "xprvA2nrNbFZABcdryreWet9Ea4LvTJcGsqrMzxHx98MMrotbir7yrKCEXw7nadnHM8Dq38EGfSh6dqA9QWTyefMLEcBYJUuekgW4BYPJcr9E7j"},
		{seed3, nil, "xprv9s21ZrQH143K25QhxbucbDDuQ4naNntJRi4KUfWT7xo4EKsHt2QJDu7KXp1A3u7Bi1j8ph3EGsZ9Xvz9dGuVrtHHs7pXeTzjuxBrCmmhgC6"},
		{seed3, []uint32{hard}, "xprv9uPDJpEQgRQfDcW7BkF7eTya6RPxXeJCqCJGHuCJ4GiRVLzkTXBAJMu2qaMWPrS7AANYqdq6vcBcBUdJCVVFceUvJFjaPdGZ2y9WACViL4L"},
		{seed4, []uint32{hard}, "xprv9vB7xEWwNp9kh1wQRfCCQMnZUEG21LpbR9NPCNN1dwhiZkjjeGRnaALmPXCX7SgjFTiCTT6bXes17boXtjq3xLpcDjzEuGLQBM5ohqkao9G"},
	}
	for _, c := range cases {
		seed, err := hex.DecodeString(c.seed)
		if err != nil {
			t.Fatal(err)
		}
		key, code, err := keystore.Derive(seed, c.path)
		if err != nil {
			t.Fatalf("%v: %v", c.path, err)
		}
		wantCode, wantKey := unbase58(t, c.xprv)
		if !bytes.Equal(key, wantKey) || !bytes.Equal(code, wantCode) {
			t.Errorf("seed %.8s path %v: key %x, want %x", c.seed, c.path, key, wantKey)
		}
	}
}

// unbase58 takes the chain code and the key out of an xprv string.
func unbase58(t *testing.T, s string) (code, key []byte) {
	t.Helper()
	const digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	n := new(big.Int)
	for _, c := range s {
		i := strings.IndexRune(digits, c)
		if i < 0 {
			t.Fatalf("%q is not base 58", c)
		}
		n.Mul(n, big.NewInt(58)).Add(n, big.NewInt(int64(i)))
	}
	raw := n.FillBytes(make([]byte, 82)) // version 4, depth 1, parent 4, index 4, code 32, 0, key 32, checksum 4
	return raw[13:45], raw[46:78]
}

// The phrases that Hardhat, Ganache and Trezor document, with the accounts that
// other wallets show for them.
func TestPhrasesGiveTheAccountsOfOtherWallets(t *testing.T) {
	for phrase, want := range map[string]string{
		"test test test test test test test test test test test junk":                                   "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
		"  TEST test test test test test test test\ttest test test junk\n":                              "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
		"myth like bonus scare over problem client lizard pioneer submit female collect":                "0x90F8bf6A479f320ead074411a4B0e7944Ea8c9C1",
		"abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about": "0x9858EfFD232B4033E47d90003D41EC34EcaEda94",
	} {
		a, err := keystore.Create(light(t), phrase, "pw", 5)
		if err != nil {
			t.Fatal(err)
		}
		if a.Address() != common.HexToAddress(want) {
			t.Errorf("%q gives %v, want %v", phrase, a.Address(), want)
		}
	}
}

func TestBadPhrases(t *testing.T) {
	for _, phrase := range []string{
		"", "test", "test test test test test test test test test test test test",
		"tset test test test test test test test test test test junk", strings.Repeat("test ", 1000),
	} {
		if _, err := keystore.Create(light(t), phrase, "pw", 5); !errors.Is(err, keystore.ErrPhrase) {
			t.Errorf("%.30q: %v, want ErrPhrase", phrase, err)
		}
	}
}

func light(t *testing.T) keystore.Config {
	t.Helper()
	return keystore.Config{Dir: t.TempDir(), Scrypt: keystore.LightScrypt()}
}

func TestAnAccountIsKeptLockedAndNeverReplaced(t *testing.T) {
	cfg := light(t)
	phrase, err := keystore.NewPhrase()
	if err != nil {
		t.Fatal(err)
	}
	made, err := keystore.Create(cfg, phrase, "secret", 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Create(cfg, phrase, "secret", 5); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("second Create = %v, want ErrExists", err)
	}
	a, err := keystore.Open(cfg, 5)
	if err != nil || a.Address() != made.Address() || !a.Locked() {
		t.Fatalf("Open = %v, %v", a, err)
	}
	d, m := typed.Domain{ChainID: 5}, typed.Delegation{Cap: big.NewInt(1)}
	if _, err := a.Sign(t.Context(), d, m); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("Sign while locked = %v", err)
	}
	if err := a.Unlock("Secret"); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("Unlock with a wrong passphrase = %v", err)
	}
	if err := a.Unlock("secret"); err != nil {
		t.Fatal(err)
	}
	sig, err := a.Sign(t.Context(), d, m)
	if err != nil {
		t.Fatal(err)
	}
	if who, err := typed.Recover(d, m, sig[:]); err != nil || who != a.Address() {
		t.Errorf("signed by %v, %v", who, err)
	}
	a.Lock()
	if _, err := a.Sign(t.Context(), d, m); !errors.Is(err, keystore.ErrLocked) {
		t.Errorf("Sign after Lock = %v", err)
	}
	if got, err := keystore.Phrase(cfg, "secret"); err != nil || got != phrase {
		t.Errorf("Phrase = %v", err)
	}
	if _, err := keystore.Phrase(cfg, "wrong"); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("Phrase with a wrong passphrase = %v", err)
	}
	noPlain(t, cfg.Dir, phrase)
}

// noPlain fails if a word of the phrase can be read in the folder.
func noPlain(t *testing.T, dir, phrase string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte(strings.Fields(phrase)[0]+" ")) {
			t.Errorf("%s holds the phrase in the clear", e.Name())
		}
		if info, _ := e.Info(); runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", e.Name(), info.Mode())
		}
	}
}

func TestFilesOfGoEthereumAndOursAreOneFormat(t *testing.T) {
	private, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	theirs := geth.NewKeyStore(t.TempDir(), geth.LightScryptN, geth.LightScryptP)
	account, err := theirs.ImportECDSA(private, "pw")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(account.URL.Path)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := keystore.Import(light(t), file, "pw", 5)
	if err != nil || ours.Address() != account.Address {
		t.Fatalf("Import = %v", err)
	}
	phrase, err := keystore.NewPhrase()
	if err != nil {
		t.Fatal(err)
	}
	made, err := keystore.Create(light(t), phrase, "pw2", 5)
	if err != nil {
		t.Fatal(err)
	}
	back, err := theirs.Import(made.Export(), "pw2", "pw3")
	if err != nil || back.Address != made.Address() {
		t.Errorf("go-ethereum read our file as %v, %v", back.Address, err)
	}
}

const practice = chain.PracticeMin + 7

func TestAPracticeAccountStaysOnItsChain(t *testing.T) {
	cfg := keystore.Config{Dir: t.TempDir()}
	a, err := keystore.OpenPractice(cfg, practice)
	if err != nil || a.Locked() || !a.Practice() {
		t.Fatalf("OpenPractice = %v", err)
	}
	again, err := keystore.OpenPractice(cfg, practice)
	if err != nil || again.Address() != a.Address() {
		t.Errorf("opened again: %v, %v", again, err)
	}
	other, err := keystore.OpenPractice(cfg, practice+1)
	if err != nil || other.Address() == a.Address() {
		t.Errorf("two networks share an account: %v", err)
	}
	for _, id := range []uint64{0, 1, 1337, 11155111, chain.PracticeMax} {
		if _, err := keystore.OpenPractice(cfg, id); !errors.Is(err, keystore.ErrChain) {
			t.Errorf("OpenPractice(%d) = %v, want ErrChain", id, err)
		}
		if _, err := a.Sign(t.Context(), typed.Domain{ChainID: id}, typed.Receipt{}); !errors.Is(err, keystore.ErrChain) {
			t.Errorf("Sign for %d = %v, want ErrChain", id, err)
		}
		tx := types.NewTx(&types.DynamicFeeTx{ChainID: new(big.Int).SetUint64(id)})
		for _, claimed := range []uint64{id, practice} {
			if _, err := a.SignTx(t.Context(), tx, claimed); !errors.Is(err, keystore.ErrChain) {
				t.Errorf("SignTx for %d called %d = %v, want ErrChain", id, claimed, err)
			}
		}
	}
	legacy := types.NewTx(&types.LegacyTx{To: &common.Address{}}) // no chain id: good on every chain
	if _, err := a.SignTx(t.Context(), legacy, practice); !errors.Is(err, keystore.ErrChain) {
		t.Errorf("SignTx of a transaction without a chain = %v, want ErrChain", err)
	}
}

func TestADeviceSignsOnlyItsPurposes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "device.key")
	d, err := keystore.OpenDevice(path, 5)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keystore.OpenDevice(path, 5)
	if err != nil || again.Address() != d.Address() {
		t.Errorf("opened again: %v", err)
	}
	domain := typed.Domain{ChainID: 5}
	one := big.NewInt(1)
	for _, m := range []typed.Message{
		typed.Ask{Price: one},
		typed.Deal{Price: one, Cap: one},
		typed.Receipt{},
		typed.Voucher{Total: one},
		typed.Batch{Payees: make([]byte, 32)},
	} {
		if _, err := d.Sign(t.Context(), domain, m); err != nil {
			t.Errorf("%T: %v", m, err)
		}
	}
	if _, err := d.Sign(t.Context(), domain, typed.Delegation{Cap: one}); !errors.Is(err, keystore.ErrPurpose) {
		t.Errorf("a device delegated: %v", err)
	}
	if _, err := d.Sign(t.Context(), typed.Domain{ChainID: 6}, typed.Receipt{}); !errors.Is(err, keystore.ErrChain) {
		t.Errorf("another chain: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Sign(ended, domain, typed.Receipt{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestAKeyThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes there")
	}
	path := filepath.Join(t.TempDir(), "device.key")
	if _, err := keystore.OpenDevice(path, 5); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.OpenDevice(path, 5); err == nil || !strings.Contains(err.Error(), "can be read by others") {
		t.Errorf("OpenDevice = %v", err)
	}
}

func TestThePracticeFaucetIsNobodysAccount(t *testing.T) {
	private, err := crypto.ToECDSA(crypto.Keccak256([]byte("sonm practice faucet: worth nothing on any network")))
	if err != nil {
		t.Fatal(err)
	}
	file, err := geth.NewKeyStore(t.TempDir(), 2, 1).ImportECDSA(private, "pw")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file.URL.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.Import(light(t), raw, "pw", 1); !errors.Is(err, keystore.ErrPublicKey) {
		t.Errorf("Import = %v, want ErrPublicKey", err)
	}
}

// FuzzImport: a planted key file is refused with words, quickly.
func FuzzImport(f *testing.F) {
	private, err := crypto.GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	file, err := geth.NewKeyStore(f.TempDir(), 2, 1).ImportECDSA(private, "pw")
	if err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(file.URL.Path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, change := range [][2]string{
		{`"n":2`, `"n":1e9`},
		{`"n":2`, `"N":2,"n":1073741824`},
		{`"salt"`, `"sugar"`},
		{`"p":1`, `"p":"1"`},
		{`"scrypt"`, `"pbkdf2"`},
		{`"version":3`, `"version":1`},
		{`"iv":"`, `"iv":"00`},
		{`"dklen":32`, `"dklen":0`},
		{`"mac":"`, `"mac":"z`},
	} {
		f.Add(bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := keystore.Import(keystore.Config{Dir: t.TempDir(), Scrypt: keystore.Scrypt{N: 2, P: 1}}, file, "pw", 1)
		if err == nil && a.Address() != crypto.PubkeyToAddress(private.PublicKey) {
			t.Errorf("a changed file gave the account %v", a.Address())
		}
	})
}
