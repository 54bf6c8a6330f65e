package view

import (
	"fmt"
	"math/big"
	"strings"

	"sonm/app/event"
	"sonm/engine/fog"
)

// None stands where a number is not known.
const None = "–"

// Rounding is which way a sum may be off when it is shown with fewer digits.
type Rounding int

// The roundings.
const (
	Nearest Rounding = iota
	Down             // what is had or earned: never more than it is
	Up               // what it may cost: never less than it is
)

// Coins is a sum with its unit, to two decimals, or to three digits below 1.
func Coins(a fog.Amount, r Rounding) string { return sum(a, r) + " SNM" }

func sum(a fog.Amount, r Rounding) string {
	if a.IsZero() {
		return "0"
	}
	places := decimals(a)
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(fog.Decimals-places)), nil)
	v := a.Big()
	switch r {
	case Up:
		v.Add(v, new(big.Int).Sub(scale, big.NewInt(1)))
	case Nearest:
		v.Add(v, new(big.Int).Rsh(scale, 1))
	case Down:
	}
	digits := v.Quo(v, scale).String()
	if len(digits) <= places {
		digits = strings.Repeat("0", places-len(digits)+1) + digits
	}
	whole, part := digits[:len(digits)-places], digits[len(digits)-places:]
	for len(part) > 2 && part[len(part)-1] == '0' {
		part = part[:len(part)-1]
	}
	return grouped(whole) + "." + part
}

// decimals is how many places show three digits of a, at least 2.
func decimals(a fog.Amount) int {
	digits := len(a.Big().String()) // 19 digits are 1 SNM and more
	return min(max(2, fog.Decimals-digits+3), fog.Decimals)
}

// grouped parts thousands by a space that does not break.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u00a0" + digits[i:]
	}
	return digits
}

// count is n things, in words.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return grouped(fmt.Sprint(n)) + " " + many
}

// Trouble is a problem as a window says it.
type Trouble struct {
	What string // what happened
	Do   string // what the person can do; may be empty
}

// Say puts a problem into the words of the window: the engine's advice names
// options of the terminal where a window has buttons.
func Say(p *event.Problem) Trouble {
	if p == nil {
		return Trouble{}
	}
	t := Trouble{What: p.What, Do: p.Do}
	switch p.Code {
	case "no_sellers":
		t = Trouble{"No computer sells its time at the moment.", "Try again in a while, or have a second computer switch on selling."}
	case "price_cap":
		t = Trouble{"Every computer wants more than the highest price you allow.", "Try again in a while."}
	case "budget":
		t.Do = "Choose a smaller size or a lower quality."
	case "funds":
		t.Do = "Choose a smaller size or a lower quality, or add money first."
	case "internal":
		t.Do = "Try again. If it happens once more, please report the sentence above."
	}
	return t
}
