package fog

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Decimals of SNM: 1 SNM = 10^18 of the smallest unit.
const Decimals = 18

// UnitsPerPrice is the amount of measured work a price is given for: an ask's
// price is SNM per 10^9 units of the guest's own deterministic counter.
const UnitsPerPrice = 1_000_000_000

// ErrNegative says that a subtraction would have gone below zero.
var ErrNegative = errors.New("amount below zero")

var unit = new(big.Int).Exp(big.NewInt(10), big.NewInt(Decimals), nil)

// Amount is a sum of SNM in its smallest unit, 0 <= a < 2^256, big-endian. It
// is comparable, and its bytes are what the database and the contracts store.
type Amount [32]byte

// AmountOf takes v, which must be in range.
func AmountOf(v *big.Int) (Amount, error) {
	var a Amount
	if v.Sign() < 0 {
		return a, ErrNegative
	}
	if v.BitLen() > 256 {
		return a, fmt.Errorf("amount of %d bits, 256 fit", v.BitLen())
	}
	v.FillBytes(a[:])
	return a, nil
}

// Wei is n of the smallest unit.
func Wei(n uint64) Amount {
	a, _ := AmountOf(new(big.Int).SetUint64(n)) // 64 bits always fit
	return a
}

// ParseAmount reads a decimal number of SNM such as "3.80"; more than 18
// decimals, signs and exponents are refused.
func ParseAmount(s string) (Amount, error) {
	whole, frac, _ := strings.Cut(s, ".")
	if whole == "" && frac == "" || len(frac) > Decimals || len(whole) > 60 {
		return Amount{}, fmt.Errorf("%q is not an amount of SNM", s)
	}
	digits := whole + frac + strings.Repeat("0", Decimals-len(frac))
	for _, c := range digits {
		if c < '0' || c > '9' {
			return Amount{}, fmt.Errorf("%q is not an amount of SNM", s)
		}
	}
	v, _ := new(big.Int).SetString(digits, 10)
	return AmountOf(v)
}

// Big returns the amount as a new integer.
func (a Amount) Big() *big.Int { return new(big.Int).SetBytes(a[:]) }

// IsZero reports whether a is nothing.
func (a Amount) IsZero() bool { return a == Amount{} }

// Cmp is -1, 0 or +1 as a is below, equal to or above b.
func (a Amount) Cmp(b Amount) int { return bytes.Compare(a[:], b[:]) }

// Add returns a + b; it panics past 2^256, which no supply of SNM reaches.
func (a Amount) Add(b Amount) Amount {
	s, err := AmountOf(new(big.Int).Add(a.Big(), b.Big()))
	if err != nil {
		panic("fog: amount overflow") // 4.44e26 is the whole supply
	}
	return s
}

// Sub returns a - b, or ErrNegative.
func (a Amount) Sub(b Amount) (Amount, error) {
	return AmountOf(new(big.Int).Sub(a.Big(), b.Big()))
}

// Cost is the price of units of work at a per UnitsPerPrice, rounded down.
func (a Amount) Cost(units uint64) Amount {
	v := new(big.Int).Mul(a.Big(), new(big.Int).SetUint64(units))
	c, err := AmountOf(v.Quo(v, big.NewInt(UnitsPerPrice)))
	if err != nil {
		panic("fog: amount overflow")
	}
	return c
}

// String is the exact decimal number of SNM without trailing zeros.
func (a Amount) String() string {
	q, r := new(big.Int).QuoRem(a.Big(), unit, new(big.Int))
	if r.Sign() == 0 {
		return q.String()
	}
	return q.String() + "." + strings.TrimRight(fmt.Sprintf("%018s", r.String()), "0")
}

// MarshalText writes the decimal form.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads the decimal form.
func (a *Amount) UnmarshalText(t []byte) error {
	v, err := ParseAmount(string(t))
	*a = v
	return err
}
