package market_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/market"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func ask(seller byte, price string, nonce uint64) fog.Ask {
	p, err := fog.ParseAmount(price)
	if err != nil {
		panic(err)
	}
	return fog.Ask{
		Seller: fog.Address{19: seller}, Peer: "peer", Price: p, Slots: 2, Memory: 1 << 30,
		Expiry: now.Add(time.Hour), Nonce: nonce, Sig: fog.Signature{seller, byte(nonce)},
	}
}

func sellers(asks []fog.Ask) string {
	s := ""
	for _, a := range asks {
		s += string('a' + rune(a.Seller[19]))
	}
	return s
}

func put(t *testing.T, b *market.Book, a fog.Ask) {
	t.Helper()
	if changed, err := b.Put(a, now); err != nil || !changed {
		t.Fatalf("put %v: changed %v, %v", a.Seller, changed, err)
	}
}

func TestBookKeepsTheNewestAskOfEachSeller(t *testing.T) {
	b := market.NewBook(0)
	put(t, b, ask(2, "2", 1))
	put(t, b, ask(1, "3", 5))
	put(t, b, ask(1, "1", 6))
	if changed, err := b.Put(ask(1, "1", 6), now); changed || err != nil {
		t.Errorf("heard again: %v, %v", changed, err)
	}
	forged := ask(1, "0.5", 6)
	forged.Sig[3] = 9
	for _, a := range []fog.Ask{ask(1, "9", 5), forged} {
		if _, err := b.Put(a, now); !errors.Is(err, market.ErrStale) {
			t.Errorf("nonce %d again: %v, want ErrStale", a.Nonce, err)
		}
	}
	if got := sellers(b.Asks(now)); got != "bc" {
		t.Errorf("asks %q, want cheapest first \"bc\"", got)
	}
	if got := b.Asks(now.Add(time.Hour)); len(got) != 0 {
		t.Errorf("%d expired asks", len(got))
	}
	if !b.Remove(fog.Address{19: 1}, fog.Address{}) || b.Remove(fog.Address{19: 1}, fog.Address{}) || b.Expire(now.Add(time.Hour)) != 1 || b.Len() != 0 {
		t.Errorf("%d asks left", b.Len())
	}
}

func TestFullBookKeepsTheCheaper(t *testing.T) {
	b := market.NewBook(2)
	put(t, b, ask(1, "1", 1))
	put(t, b, ask(3, "3", 1))
	if _, err := b.Put(ask(4, "3", 1), now); !errors.Is(err, market.ErrFull) {
		t.Errorf("as dear as the dearest: %v, want ErrFull", err)
	}
	put(t, b, ask(2, "2", 1))
	put(t, b, ask(2, "5", 2)) // a seller in the book may always renew
	if got := sellers(b.Asks(now)); got != "bc" {
		t.Errorf("asks %q", got)
	}
	late := ask(9, "9", 1)
	late.Expiry = now.Add(3 * time.Hour)
	if changed, err := b.Put(late, now.Add(2*time.Hour)); !changed || err != nil || b.Len() != 1 {
		t.Errorf("expired asks were not dropped for a new one: %v, %v, %d asks", changed, err, b.Len())
	}
}

func TestBookRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(a *fog.Ask)
		want   error
	}{
		"expired":   {func(a *fog.Ask) { a.Expiry = now }, market.ErrExpired},
		"for ever":  {func(a *fog.Ask) { a.Expiry = now.Add(25 * time.Hour) }, market.ErrAsk},
		"nobody":    {func(a *fog.Ask) { a.Seller = fog.Address{} }, market.ErrAsk},
		"price":     {func(a *fog.Ask) { a.Price[15] = 1 }, market.ErrAsk},
		"no slots":  {func(a *fog.Ask) { a.Slots = 0 }, market.ErrAsk},
		"slots":     {func(a *fog.Ask) { a.Slots = 1025 }, market.ErrAsk},
		"no peer":   {func(a *fog.Ask) { a.Peer = "" }, market.ErrAsk},
		"long peer": {func(a *fog.Ask) { a.Peer = fog.PeerID(strings.Repeat("p", 129)) }, market.ErrAsk},
		"addresses": {func(a *fog.Ask) { a.Addrs = make([]string, 17) }, market.ErrAsk},
		"address":   {func(a *fog.Ask) { a.Addrs = []string{strings.Repeat("/", 257)} }, market.ErrAsk},
	} {
		b, a := market.NewBook(0), ask(1, "1", 1)
		c.change(&a)
		if _, err := b.Put(a, now); !errors.Is(err, c.want) || b.Len() != 0 {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func amount(s string) *fog.Amount {
	a, err := fog.ParseAmount(s)
	if err != nil {
		panic(err)
	}
	return &a
}

func TestQuote(t *testing.T) {
	need := market.Need{Planned: 3_000_000_000, Memory: 1 << 28, Tasks: 100}
	small := ask(4, "0.1", 1)
	small.Memory = 1 << 20
	gone := ask(5, "0.1", 1)
	gone.Expiry = now
	asks := []fog.Ask{ask(3, "3", 1), ask(1, "1", 1), gone, ask(2, "2", 1), small}
	for _, c := range []struct {
		name               string
		terms              market.Terms
		tasks              int
		chosen, want, most string
	}{
		{"all", market.Terms{}, 100, "bcd", "6", "18"},
		{"price cap", market.Terms{MaxPrice: amount("2.5")}, 100, "bc", "4.5", "12"},
		{"price cap met", market.Terms{MaxPrice: amount("1")}, 100, "b", "3", "6"},
		{"budget", market.Terms{MaxTotal: amount("17.9")}, 100, "bc", "4.5", "12"},
		{"budget met", market.Terms{MaxTotal: amount("6")}, 100, "b", "3", "6"},
		{"two sellers", market.Terms{Sellers: 2}, 100, "bc", "4.5", "12"},
		{"nine sellers", market.Terms{Sellers: 9}, 100, "bcd", "6", "18"},
		{"few tasks", market.Terms{}, 3, "bc", "4.5", "12"},
		{"one task", market.Terms{}, 1, "b", "3", "6"},
	} {
		need.Tasks = c.tasks
		o, err := market.Quote(asks, need, c.terms, now)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if sellers(o.Asks) != c.chosen || o.Expected != *amount(c.want) || o.Max != *amount(c.most) {
			t.Errorf("%s: %q for %v, at most %v; want %q for %s, at most %s", c.name, sellers(o.Asks), o.Expected, o.Max, c.chosen, c.want, c.most)
		}
		if o.Cap(0) != *amount("6") || o.Cap(len(o.Asks)-1) != o.Max {
			t.Errorf("%s: caps %v to %v", c.name, o.Cap(0), o.Cap(len(o.Asks)-1))
		}
	}
	if sellers(asks) != "dbfce" {
		t.Error("quote changed the caller's asks")
	}
}

func TestQuoteSaysWhyNot(t *testing.T) {
	asks := []fog.Ask{ask(2, "2", 1), ask(1, "1", 1)}
	need := market.Need{Planned: 1_000_000_000, Tasks: 4}
	for _, c := range []struct {
		name  string
		asks  []fog.Ask
		need  market.Need
		terms market.Terms
		want  error
		says  string
	}{
		{"nobody", nil, need, market.Terms{}, market.ErrNoSellers, "nobody"},
		{"memory", asks, market.Need{Planned: 1, Tasks: 1, Memory: 1 << 40}, market.Terms{}, market.ErrNoSellers, "1048576 MiB"},
		{"price", asks, need, market.Terms{MaxPrice: amount("0.5")}, market.ErrPriceCap, "asks 1 SNM per 10^9 units of work, above your cap of 0.5"},
		{"budget", asks, need, market.Terms{MaxTotal: amount("1.999")}, market.ErrBudget, "up to 2 SNM, above your budget of 1.999"},
		{"no job", asks, market.Need{Tasks: 1}, market.Terms{}, nil, "no such job"},
		{"no tasks", asks, market.Need{Planned: 1}, market.Terms{}, nil, "no such job"},
		{"overflow", asks, market.Need{Planned: 1 << 63, Tasks: 1}, market.Terms{}, nil, "no such job"},
	} {
		_, err := market.Quote(c.asks, c.need, c.terms, now)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
}

// TestMaxBoundsEverySpend shares random tasks out among the chosen sellers in
// random ways; what they earn at twice the plan never exceeds Max.
func TestMaxBoundsEverySpend(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var asks []fog.Ask
		for i := range 1 + r.IntN(6) {
			a := ask(byte(i+1), "0", 1)
			a.Price = fog.Wei(r.Uint64())
			asks = append(asks, a)
		}
		tasks := make([]uint64, 1+r.IntN(50))
		need := market.Need{Tasks: len(tasks)}
		for i := range tasks {
			tasks[i] = 1 + r.Uint64N(1<<40)
			need.Planned += tasks[i]
		}
		o, err := market.Quote(asks, need, market.Terms{}, now)
		if err != nil {
			t.Fatal(err)
		}
		var spent fog.Amount
		for _, planned := range tasks {
			spent = spent.Add(o.Asks[r.IntN(len(o.Asks))].Price.Cost(2 * planned))
		}
		if spent.Cmp(o.Max) > 0 || o.Expected.Cmp(o.Max) > 0 {
			t.Fatalf("spent %v, expected %v, max %v", spent, o.Expected, o.Max)
		}
	}
}

func TestDealMoves(t *testing.T) {
	legal := map[string]string{
		"proposed": "accepted refused broken", "accepted": "open broken", "open": "closing broken",
		"closing": "settled", "broken": "closing", "settled": "", "refused": "",
	}
	for from := market.Proposed; from <= market.Broken; from++ {
		for to := market.Proposed; to <= market.Broken+1; to++ {
			want := to <= market.Broken && strings.Contains(legal[from.String()], to.String())
			got, err := from.To(to)
			var move market.MoveError
			if want && (got != to || err != nil) || !want && (got != from || !errors.As(err, &move)) {
				t.Errorf("%v to %v: %v, %v", from, to, got, err)
			}
		}
		if from.Over() != (legal[from.String()] == "") || from.Leasing() != (from == market.Open) {
			t.Errorf("%v: over %v, leasing %v", from, from.Over(), from.Leasing())
		}
		if back, err := market.ParseState(from.String()); back != from || err != nil {
			t.Errorf("%v: %v, %v", from, back, err)
		}
	}
	if _, err := market.State(99).To(market.Open); err == nil {
		t.Error("an unknown state moves")
	}
	if _, err := market.ParseState("gone"); err == nil {
		t.Error("an unknown name is a state")
	}
}
