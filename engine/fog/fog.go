// Package fog holds the nouns of the network: ids, amounts, orders, deals,
// tasks, receipts and vouchers, and the facts told about them.
//
// It imports the standard library only, has no behaviour beyond arithmetic and
// encoding, and every other package of the engine speaks in its terms. Hashing
// for signatures is not here: whatever a contract reads is EIP-712 and lives
// with the wallet.
package fog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-256 digest, the name of every content-addressed thing.
type Hash [32]byte

// The ids of the market are hashes of what they name.
type (
	// OrderID names an ask or a bid.
	OrderID Hash
	// DealID names an accepted bid x ask pair.
	DealID Hash
	// JobID names what a buyer dropped; drawn at random by the buyer.
	JobID Hash
	// TaskID names one leased unit: H(job, index).
	TaskID Hash
)

// Address is an Ethereum address: an account (money) or a device key (signs).
type Address [20]byte

// PeerID is a libp2p peer id in its text form.
type PeerID string

// Signature is a 65-byte secp256k1 signature r || s || v, v in {27, 28}.
type Signature [65]byte

// HashOf digests the parts, each prefixed with its length, so that no two
// different lists of parts share a digest.
func HashOf(parts ...[]byte) Hash {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}

// ContentHash is the plain SHA-256 of b, the name of a chunk, module or result.
func ContentHash(b []byte) Hash { return sha256.Sum256(b) }

// SeedOf is the seed all randomness of a job comes from. It depends on the
// input only, so two honest workers of any two jobs agree.
func SeedOf(input Hash) Hash { return HashOf([]byte("seed"), input[:]) }

// TaskIDOf names task index of job.
func TaskIDOf(job JobID, index uint32) TaskID {
	return TaskID(HashOf([]byte("task"), job[:], binary.BigEndian.AppendUint32(nil, index)))
}

func (h Hash) String() string      { return hex.EncodeToString(h[:]) }
func (id OrderID) String() string  { return hex.EncodeToString(id[:]) }
func (id DealID) String() string   { return hex.EncodeToString(id[:]) }
func (id JobID) String() string    { return hex.EncodeToString(id[:]) }
func (id TaskID) String() string   { return hex.EncodeToString(id[:]) }
func (a Address) String() string   { return "0x" + hex.EncodeToString(a[:]) }
func (s Signature) String() string { return "0x" + hex.EncodeToString(s[:]) }

// Short is the first eight hex digits, for logs and screens.
func (h Hash) Short() string { return hex.EncodeToString(h[:4]) }

// Short is the first eight hex digits, for logs and screens.
func (id JobID) Short() string { return Hash(id).Short() }

// MarshalText writes the hex form.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// MarshalText writes the hex form.
func (id JobID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalText writes the hex form.
func (id OrderID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalText writes the hex form.
func (id DealID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalText writes the hex form.
func (id TaskID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// MarshalText writes the 0x form, lower case.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the hex form.
func (h *Hash) UnmarshalText(t []byte) error { return unhex(h[:], string(t)) }

// UnmarshalText reads the hex form.
func (id *JobID) UnmarshalText(t []byte) error { return unhex(id[:], string(t)) }

// UnmarshalText reads the hex form.
func (id *OrderID) UnmarshalText(t []byte) error { return unhex(id[:], string(t)) }

// UnmarshalText reads the hex form.
func (id *DealID) UnmarshalText(t []byte) error { return unhex(id[:], string(t)) }

// UnmarshalText reads the hex form.
func (id *TaskID) UnmarshalText(t []byte) error { return unhex(id[:], string(t)) }

// UnmarshalText reads the hex form with or without 0x.
func (a *Address) UnmarshalText(t []byte) error { return unhex(a[:], string(t)) }

// ParseAddress reads "0x" followed by 40 hex digits.
func ParseAddress(s string) (Address, error) {
	var a Address
	err := unhex(a[:], s)
	return a, err
}

// ParseHash reads 64 hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	err := unhex(h[:], s)
	return h, err
}

func unhex(dst []byte, s string) error {
	if len(s) >= 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s = s[2:]
	}
	if len(s) != 2*len(dst) {
		return fmt.Errorf("want %d hex digits, got %d", 2*len(dst), len(s))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return fmt.Errorf("hex %q: %w", s, err)
	}
	return nil
}
