package keystore

import (
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	geth "github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/crypto"
)

const (
	fileLimit = 64 << 10 // bytes of a key file; ours are under 1 KiB
	// The most work a key file of a stranger may ask for: 4 times standard,
	// 1 GiB. More would hang the program on a planted file.
	scryptMost = 1 << 20
	roundsMost = 16
	iterMost   = 10_000_000 // of PBKDF2, the format's other choice
)

// Scrypt is how much work a guess at a passphrase costs; zero is standard.
type Scrypt struct{ N, P int }

func (s Scrypt) orStandard() Scrypt {
	if s.N == 0 {
		return Scrypt{N: geth.StandardScryptN, P: geth.StandardScryptP}
	}
	return s
}

// LightScrypt is for passphrases that nobody can guess, and for tests.
func LightScrypt() Scrypt { return Scrypt{N: geth.LightScryptN, P: geth.LightScryptP} }

// header is what is read of a key file before its passphrase is tried, by the
// very types that go-ethereum reads it with: two readers of one file that
// disagree about a repeated field are a way in.
type header struct {
	Address string          `json:"address"`
	Version int             `json:"version"`
	Crypto  geth.CryptoJSON `json:"crypto"`
}

// inspect refuses a key file that is no keystore v3, asks for endless work, or
// has a field missing that go-ethereum takes for granted.
func inspect(file []byte) (header, error) {
	var h header
	if len(file) > fileLimit {
		return h, fmt.Errorf("a key file of %d bytes, %d are the most", len(file), fileLimit)
	}
	if err := json.Unmarshal(file, &h); err != nil {
		return h, fmt.Errorf("not a key file: %w", err)
	}
	if h.Version != 3 {
		return h, fmt.Errorf("a key file of version %d, want 3", h.Version)
	}
	if !isHex(h.Crypto.CipherParams.IV, 16) || !isHex(h.Crypto.CipherText, 32) || !isHex(h.Crypto.MAC, 32) {
		return h, errors.New("a key file whose encrypted key is incomplete")
	}
	return h, inspectWork(h.Crypto)
}

// inspectWork bounds what deriving the key of a file may cost.
func inspectWork(c geth.CryptoJSON) error {
	number := func(name string) float64 {
		v, ok := c.KDFParams[name].(float64)
		if !ok || v != float64(int64(v)) {
			return -1
		}
		return v
	}
	if salt, ok := c.KDFParams["salt"].(string); !ok || len(salt) > 256 {
		return errors.New("a key file without its salt")
	}
	if number("dklen") != 32 {
		return fmt.Errorf("a key file with keys of %v bytes, want 32", c.KDFParams["dklen"])
	}
	switch c.KDF {
	case "scrypt":
		n, r, p := number("n"), number("r"), number("p")
		if n < 2 || n > scryptMost || r < 1 || r > 8 || p < 1 || p > roundsMost {
			return fmt.Errorf("a key file that asks for scrypt with n %v, r %v, p %v", n, r, p)
		}
	case "pbkdf2":
		if _, ok := c.KDFParams["prf"].(string); !ok || number("c") < 1 || number("c") > iterMost {
			return fmt.Errorf("a key file that asks for %v rounds", c.KDFParams["c"])
		}
	default:
		return fmt.Errorf("a key file with the unknown method %.40q", c.KDF)
	}
	return nil
}

// isHex reports whether s is n bytes in hex.
func isHex(s string, n int) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == n
}

func decrypt(file []byte, passphrase string) (*ecdsa.PrivateKey, error) {
	if _, err := inspect(file); err != nil {
		return nil, err
	}
	k, err := geth.DecryptKey(file, passphrase)
	if errors.Is(err, geth.ErrDecrypt) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("open the key file: %w", err)
	}
	return k.PrivateKey, nil
}

// create writes a file that must not exist, whole or not at all: 0600, on disk
// before it has its name, and the name on disk before create returns.
func create(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+"-*.tmp") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike a rename, never replaces
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // folders cannot be synced there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readSecret reads a small file that only its owner may read.
func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (%v): anybody may have the key", path, info.Mode().Perm())
	}
	if info.Size() > fileLimit {
		return nil, fmt.Errorf("%s has %d bytes, %d are the most", path, info.Size(), fileLimit)
	}
	return os.ReadFile(path)
}

// OpenDevice opens the device key at path for one chain, and makes it first if
// there is none.
func OpenDevice(path string, chainID uint64) (*Device, error) {
	raw, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := newDevice(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make the device key: %w", err)
		}
		raw, err = readSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	private, err := crypto.HexToECDSA(strings.TrimSpace(string(raw)))
	if err != nil {
		return nil, fmt.Errorf("device key: %s does not hold a key", path)
	}
	d := &Device{}
	d.address, d.chainID = crypto.PubkeyToAddress(private.PublicKey), chainID
	d.purposes, d.private = purposeDevice, private
	return d, nil
}

func newDevice(path string) error {
	private, err := crypto.GenerateKey()
	if err != nil {
		return err
	}
	return create(path, []byte(hex.EncodeToString(crypto.FromECDSA(private))+"\n"))
}
