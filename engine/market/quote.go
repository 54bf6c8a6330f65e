package market

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"

	"sonm/engine/fog"
)

// Reasons there is no quote; errors.Is finds them in what Quote returns.
var (
	ErrNoSellers = errors.New("nobody is selling")
	ErrPriceCap  = errors.New("every ask is above the price cap")
	ErrBudget    = errors.New("the job costs more than the budget")
)

// maxPlanned keeps twice the plan, and a price of 128 bits times it, in range.
const maxPlanned = math.MaxUint64 / 4

// Need is what a job asks of the market.
type Need struct {
	Planned uint64 // units of work of all tasks
	Memory  uint64 // bytes of guest memory a task needs
	Tasks   int    // how many tasks; more slots than that are of no use
}

// Terms are what the buyer agrees to.
type Terms struct {
	MaxPrice *fog.Amount // SNM per fog.UnitsPerPrice units; nil = any
	MaxTotal *fog.Amount // most the whole job may cost; nil = any
	Sellers  int         // at most so many; 0 = as many as useful
}

// Offer is what the buyer is shown and accepts as a whole.
type Offer struct {
	Asks     []fog.Ask  // chosen, cheapest first
	Planned  uint64     // units, as in the Need
	Expected fog.Amount // cost of the planned work, shared out by slots
	Max      fog.Amount // hard bound: what is locked; spent never exceeds it
}

// Cap is the most the deal with the i-th ask can cost: all of the job's work,
// twice, at that seller's price. The deals' caps add up to more than Max; the
// buyer's book (package pay) holds their sum to Max.
func (o Offer) Cap(i int) fog.Amount { return o.Asks[i].Price.Cost(2 * o.Planned) }

// PriceCapError is an ErrPriceCap with its numbers.
type PriceCapError struct {
	Cheapest fog.Amount // lowest price seen, per fog.UnitsPerPrice units
	Cap      fog.Amount // what the buyer said
}

func (e PriceCapError) Error() string {
	return fmt.Sprintf("the cheapest seller asks %v SNM per 10^9 units of work, above your cap of %v", e.Cheapest, e.Cap)
}

// Unwrap makes it an ErrPriceCap.
func (e PriceCapError) Unwrap() error { return ErrPriceCap }

// BudgetError is an ErrBudget with its numbers.
type BudgetError struct {
	Max    fog.Amount // what the cheapest seller alone could cost
	Budget fog.Amount // what the buyer said
}

func (e BudgetError) Error() string {
	return fmt.Sprintf("this job may cost up to %v SNM, above your budget of %v", e.Max, e.Budget)
}

// Unwrap makes it an ErrBudget.
func (e BudgetError) Unwrap() error { return ErrBudget }

// Quote chooses sellers for a job, cheapest first, within the buyer's terms.
// Dear sellers are left out as long as the hard bound would pass MaxTotal.
func Quote(asks []fog.Ask, need Need, terms Terms, now time.Time) (Offer, error) {
	if need.Planned == 0 || need.Planned > maxPlanned || need.Tasks < 1 {
		return Offer{}, fmt.Errorf("quote %d units of work in %d tasks: there is no such job", need.Planned, need.Tasks)
	}
	live := slices.DeleteFunc(slices.Clone(asks), func(a fog.Ask) bool { return checkAsk(a, now) != nil })
	if len(live) == 0 {
		return Offer{}, ErrNoSellers
	}
	fit := slices.DeleteFunc(live, func(a fog.Ask) bool { return a.Memory < need.Memory })
	if len(fit) == 0 {
		return Offer{}, fmt.Errorf("%w with %d MiB of memory for a task, which this job needs", ErrNoSellers, (need.Memory+1<<20-1)>>20)
	}
	slices.SortStableFunc(fit, byPrice)
	fit = slices.CompactFunc(fit, func(a, b fog.Ask) bool { return a.Seller == b.Seller })
	cheapest := fit[0].Price
	if terms.MaxPrice != nil {
		fit = slices.DeleteFunc(fit, func(a fog.Ask) bool { return a.Price.Cmp(*terms.MaxPrice) > 0 })
		if len(fit) == 0 {
			return Offer{}, PriceCapError{Cheapest: cheapest, Cap: *terms.MaxPrice}
		}
	}
	fit = useful(fit, need.Tasks, terms.Sellers)
	if terms.MaxTotal != nil {
		least := fit[0].Price.Cost(2 * need.Planned)
		for len(fit) > 0 && fit[len(fit)-1].Price.Cost(2*need.Planned).Cmp(*terms.MaxTotal) > 0 {
			fit = fit[:len(fit)-1]
		}
		if len(fit) == 0 {
			return Offer{}, BudgetError{Max: least, Budget: *terms.MaxTotal}
		}
	}
	return Offer{
		Asks:     fit,
		Planned:  need.Planned,
		Expected: expected(fit, need.Planned),
		Max:      fit[len(fit)-1].Price.Cost(2 * need.Planned),
	}, nil
}

// useful is the cheapest sellers whose slots suffice for all tasks at once.
func useful(asks []fog.Ask, tasks, sellers int) []fog.Ask {
	slots := 0
	for i, a := range asks {
		if slots >= tasks || sellers > 0 && i >= sellers {
			return asks[:i]
		}
		slots += int(a.Slots)
	}
	return asks
}

// expected shares the work out by slots: the cost at the mean price.
func expected(asks []fog.Ask, planned uint64) fog.Amount {
	sum, slots := new(big.Int), new(big.Int)
	for _, a := range asks {
		n := big.NewInt(int64(a.Slots))
		sum.Add(sum, new(big.Int).Mul(a.Price.Big(), n))
		slots.Add(slots, n)
	}
	sum.Mul(sum, new(big.Int).SetUint64(planned))
	sum.Quo(sum, slots.Mul(slots, big.NewInt(fog.UnitsPerPrice)))
	a, err := fog.AmountOf(sum)
	if err != nil {
		panic("market: a mean above its largest part") // 128-bit price x 64-bit work
	}
	return a
}
