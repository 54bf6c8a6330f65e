package fog_test

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sonm/engine/fog"
)

// top is the largest amount, 2^256 - 1.
func top(t *testing.T) fog.Amount {
	t.Helper()
	a, err := fog.AmountOf(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func parsed(t *testing.T, s string) fog.Amount {
	t.Helper()
	a, err := fog.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// drawn is a random amount of at most n bytes, each size equally likely.
func drawn(r *rand.Rand, n int) fog.Amount {
	var a fog.Amount
	for i := range r.IntN(n + 1) {
		a[len(a)-1-i] = byte(r.Uint32())
	}
	return a
}

func TestParseAmount(t *testing.T) {
	for _, c := range []struct{ in, wei, out string }{
		{"0", "0", "0"},
		{"1", "1000000000000000000", "1"},
		{"3.80", "3800000000000000000", "3.8"},
		{"007", "7000000000000000000", "7"},
		{".5", "500000000000000000", "0.5"},
		{"5.", "5000000000000000000", "5"},
		{"0.000000000000000001", "1", "0.000000000000000001"},
		{"10.000000000000000010", "10000000000000000010", "10.00000000000000001"},
		{"444000000", "444000000000000000000000000", "444000000"},
	} {
		a, err := fog.ParseAmount(c.in)
		if err != nil {
			t.Errorf("ParseAmount(%q): %v", c.in, err)
			continue
		}
		if a.Big().String() != c.wei || a.String() != c.out {
			t.Errorf("ParseAmount(%q) = %s wei, printed %s, want %s, %s", c.in, a.Big(), a, c.wei, c.out)
		}
	}
}

func TestParseAmountRefuses(t *testing.T) {
	for _, s := range []string{
		"", ".", "-1", "+1", " 1", "1 ", "1e18", "0x10", "1,5", "1.2.3", "1.-2", "1_000", "NaN", "1\x00", "١",
		"0.0000000000000000001", strings.Repeat("0", 61), strings.Repeat("9", 60),
	} {
		if a, err := fog.ParseAmount(s); err == nil {
			t.Errorf("ParseAmount(%q) = %s, want an error", s, a)
		}
	}
}

func TestLargestAmount(t *testing.T) {
	const s = "115792089237316195423570985008687907853269984665640564039457.584007913129639935" // 2^256 - 1
	if a := parsed(t, s); a != top(t) || a.String() != s {
		t.Errorf("2^256 - 1 wei is read as %s", a)
	}
	if a, err := fog.ParseAmount(strings.TrimSuffix(s, "5") + "6"); err == nil {
		t.Errorf("2^256 wei is read as %s", a)
	}
	if a, err := fog.AmountOf(new(big.Int).Lsh(big.NewInt(1), 256)); err == nil {
		t.Errorf("AmountOf(2^256) = %s", a)
	}
	if _, err := fog.AmountOf(big.NewInt(-1)); !errors.Is(err, fog.ErrNegative) {
		t.Errorf("AmountOf(-1) = %v, want ErrNegative", err)
	}
}

func TestAmountArithmetic(t *testing.T) {
	if got := parsed(t, "1.5").Add(parsed(t, "2.75")); got != parsed(t, "4.25") {
		t.Errorf("1.5 + 2.75 = %s", got)
	}
	if got, err := parsed(t, "4.25").Sub(parsed(t, "4.25")); err != nil || !got.IsZero() {
		t.Errorf("4.25 - 4.25 = %s, %v", got, err)
	}
	if _, err := fog.Wei(1).Sub(fog.Wei(2)); !errors.Is(err, fog.ErrNegative) {
		t.Errorf("1 - 2 wei = %v, want ErrNegative", err)
	}
	for _, c := range []struct {
		price string
		units uint64
		want  string
	}{
		{"3", 2 * fog.UnitsPerPrice, "6"},
		{"3", 0, "0"},
		{"0", 1 << 63, "0"},
		{"1", 1, "0.000000001"},
		{"0.000000000000000001", fog.UnitsPerPrice - 1, "0"}, // rounded down
		{"0.000000000000000001", fog.UnitsPerPrice, "0.000000000000000001"},
	} {
		if got := parsed(t, c.price).Cost(c.units); got.String() != c.want {
			t.Errorf("%d units at %s cost %s, want %s", c.units, c.price, got, c.want)
		}
	}
}

func TestAmountOverflowPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"Add":  func() { top(t).Add(fog.Wei(1)) },
		"Cost": func() { top(t).Cost(fog.UnitsPerPrice + 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s past 2^256 gave a sum", name)
				}
			}()
			f()
		}()
	}
	if got := top(t).Cost(fog.UnitsPerPrice); got != top(t) {
		t.Errorf("Cost of one price = %s", got)
	}
}

// Amounts behave as the integers they stand for.
func TestAmountsAreIntegers(t *testing.T) {
	r := seeded(t)
	for range 2000 {
		a, b, units := drawn(r, 23), drawn(r, 23), r.Uint64()>>r.IntN(64) // 2^184 * 2^64 < 2^256
		if back, err := fog.AmountOf(a.Big()); err != nil || back != a {
			t.Fatalf("%s through big.Int = %s, %v", a, back, err)
		}
		if back, err := fog.ParseAmount(a.String()); err != nil || back != a {
			t.Fatalf("%s through its text = %s, %v", a, back, err)
		}
		sum := a.Add(b)
		if sum != b.Add(a) || sum.Big().Cmp(new(big.Int).Add(a.Big(), b.Big())) != 0 {
			t.Fatalf("%s + %s = %s", a, b, sum)
		}
		if back, err := sum.Sub(b); err != nil || back != a {
			t.Fatalf("%s - %s = %s, %v, want %s", sum, b, back, err, a)
		}
		if a.Cmp(b) != a.Big().Cmp(b.Big()) || a.IsZero() != (a.Big().Sign() == 0) {
			t.Fatalf("%s compared with %s is %d", a, b, a.Cmp(b))
		}
		if _, err := a.Sub(b); (err != nil) != (a.Cmp(b) < 0) {
			t.Fatalf("%s - %s: %v", a, b, err)
		}
		price := new(big.Int).Mul(a.Big(), new(big.Int).SetUint64(units))
		if got := a.Cost(units).Big(); got.Cmp(price.Div(price, big.NewInt(fog.UnitsPerPrice))) != 0 {
			t.Fatalf("%d units at %s cost %s wei, want %s", units, a, got, price)
		}
	}
	if got := fog.Wei(1<<64 - 1).Big().String(); got != "18446744073709551615" {
		t.Errorf("Wei(2^64-1) = %s", got)
	}
}

// What is read prints as a text that reads as the same amount.
func FuzzParseAmount(f *testing.F) {
	for _, s := range []string{"", "0", "3.80", ".5", "5.", "-1", "1e9", "0.0000000000000000001", strings.Repeat("9", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var a, b fog.Amount
		if a.UnmarshalText([]byte(s)) != nil {
			return
		}
		text, err := a.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.UnmarshalText(text); err != nil || a != b {
			t.Errorf("%q is %s, which is read as %s, %v", s, a, b, err)
		}
	})
}
