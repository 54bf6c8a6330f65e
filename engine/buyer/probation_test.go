package buyer_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

// A seller that always lies is out with its first result, at the usual rate of
// checks and in jobs too small for a draw to find it: it is promised nothing,
// and others render all it delivered.
func TestAnAlwaysLyingSellerIsOutWithItsFirstResult(t *testing.T) {
	for _, role := range []fogtest.Role{fogtest.Liar(1), fogtest.Lazy(), fogtest.Overclaims(1.5), {Name: "lying and rejoining", Lies: 1, Rejoin: true}} {
		t.Run(role.Name, func(t *testing.T) {
			most, seeds := 0, uint64(50)
			if role.Lies != 1 || role.Rejoin {
				seeds = 5 // they differ from the liar in what is wrong, not in when it shows
			}
			for seed := range seeds {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, role, fogtest.Honest(), fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{Width: 32, Height: 32})
					rightFilm(t, d)
					most = max(most, outWithItsFirst(t, f, b, sellers[0]))
					if !role.Rejoin { // that one hangs up before it has read why
						toldWhy(t, f, sellers[0])
					}
					if caught(f, b, sellers[1].Peer) || caught(f, b, sellers[2].Peer) {
						t.Errorf("seed %d: an honest seller was accused", seed)
					}
				})
			}
			t.Logf("seeds 0-%d: at most %d results were taken of it, none was promised", seeds-1, most)
		})
	}
}

// A seller that is honest only as long as it knows that it is looked at does not
// get through small jobs either, whose first results are more than the checks
// that the rate allows.
func TestASmallJobIsDrawnFromToo(t *testing.T) {
	const seeds = 40
	found := 0
	for seed := range uint64(seeds) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			late := fogtest.Liar(1)
			late.From = 1
			sellers := sell(t, f, late, fogtest.Honest(), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			d := buy(t, f, b, fogtest.Work{Width: 56, Height: 32})
			if n := len(d.Plan.Tasks); n < 50 || n > 60 { // of which the usual 5 % are three
				t.Fatalf("%d tasks", n)
			}
			if caught(f, b, sellers[0].Peer) {
				found++
			}
		})
	}
	t.Logf("seeds 0-%d: caught in %d jobs", seeds-1, found)
	if found < seeds/5 {
		t.Errorf("a seller that lies in all but its first result is caught in %d of %d small jobs", found, seeds)
	}
}

// outWithItsFirst checks that the one bad verdict of a liar is on the first
// result it delivered, that it holds no promise, and that nothing of it is in
// the film. It returns how many results it delivered.
func outWithItsFirst(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, liar *fogtest.Seller) int {
	t.Helper()
	deals, me := dealsOf(f, b), liar.Keys.Account()
	var its, left []uint32
	for _, x := range fogtest.Find[fogtest.WroteArrived](f.Trace, b.Peer, fogtest.Wrote) {
		if deals[x.Receipt.Deal] == me {
			its = append(its, x.Index)
		}
	}
	for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
		if deals[v.Deal] == me {
			left = append(left, v.Index)
		}
	}
	if len(its) == 0 || len(left) != 1 || left[0] != its[0] {
		t.Errorf("verdicts on tasks %v of the liar, which delivered %v", left, its)
	}
	if got := b.Journal.Promised(me); !got.IsZero() || !liar.Journal.Taken(b.Keys.Account()).Total.IsZero() {
		t.Errorf("the liar was promised %s", got)
	}
	return len(its)
}

// toldWhy checks that a seller knows what was wrong with its work: its computer
// may be broken.
func toldWhy(t *testing.T, f *fogtest.Fog, s *fogtest.Seller) {
	t.Helper()
	all := fogtest.Find[fog.DealBroken](f.Trace, s.Peer, fogtest.Told)
	if len(all) != 1 || !strings.Contains(all[0].Reason, "ended the deal over a result: ") || !strings.Contains(all[0].Reason, " differs: ") {
		t.Errorf("it was told %v", all)
	}
}

// Nothing is promised to a newcomer whose first result is being re-run, also if
// that takes longer than the seller works without pay; then all is paid, in the
// order in which it came.
func TestANewcomersResultsMatureInOrder(t *testing.T) {
	for seed := range uint64(5) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Honest(), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: 1000})
			d := buy(t, f, b, fogtest.Work{Width: 32, Height: 32})
			rightFilm(t, d)
			paidOnce(t, f, b)
			type work struct {
				deal  fog.DealID
				index uint32
			}
			came, matured, n := map[work]int{}, 0, 0
			for _, s := range f.Trace.Steps() {
				if s.Peer != b.Peer || s.Kind != fogtest.Wrote {
					continue
				}
				switch x := s.What.(type) {
				case fogtest.WroteArrived:
					n++
					came[work{x.Receipt.Deal, x.Index}] = n
				case buyer.Verdict:
					if n-came[work{x.Deal, x.Index}] > 1 {
						matured++
					}
				}
			}
			last := map[fog.DealID]int{}
			for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
				at := came[work{v.Deal, v.Index}]
				if at < last[v.Deal] && d.Checked == 2 {
					t.Errorf("seed %d: result %d of a seller is paid after result %d", seed, at, last[v.Deal])
				}
				last[v.Deal] = at
			}
			if matured < 4 {
				t.Errorf("seed %d: %d results matured, the test needs more", seed, matured)
			}
		})
	}
}

// A check that cannot be made is nobody's fault and holds nothing up.
func TestABuyerThatCannotCheckPaysAllTheSame(t *testing.T) {
	inFog(t, 1, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Honest(), fogtest.Honest())
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CannotCheck: true})
		d, err := b.Do(t.Context(), fogtest.Work{Width: 32, Height: 32})
		if err != nil {
			t.Fatal(err)
		}
		rightFilm(t, d)
		checkSums(t, f, b, d)
		if d.Checked != 0 {
			t.Errorf("%d results were checked", d.Checked)
		}
	})
}

// A person who wants nothing checked is obeyed, and so is one who wants all.
func TestTheRateOfTheChecksIsObeyedAtItsEnds(t *testing.T) {
	for _, c := range []struct {
		rate float64
		want func(d fogtest.Done) int
	}{{-1, func(fogtest.Done) int { return 0 }}, {1, func(d fogtest.Done) int { return len(d.Plan.Tasks) }}} {
		t.Run(fmt.Sprint(c.rate), func(t *testing.T) {
			inFog(t, 2, func(t *testing.T, f *fogtest.Fog) {
				sell(t, f, fogtest.Honest(), fogtest.Honest())
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				d := buy(t, f, b, fogtest.Work{Width: 32, Height: 32, CheckRate: c.rate})
				rightFilm(t, d)
				if d.Checked != c.want(d) {
					t.Errorf("%d results of %d were checked, want %d", d.Checked, len(d.Plan.Tasks), c.want(d))
				}
			})
		})
	}
}

// Two newcomers that lie alike confirm each other's copies; that is no verdict.
func TestTwoThatLieAlikeVouchForNobody(t *testing.T) {
	for seed := range uint64(10) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			liar := func(slow float64) fogtest.Role { return fogtest.Role{Name: "lying slowly", Lies: 1, Slow: slow} }
			sellers := sell(t, f, liar(10), liar(12), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			d := buy(t, f, b, fogtest.Work{Width: 16, Height: 16, Samples: 4})
			rightFilm(t, d)
			for _, s := range sellers[:2] {
				if got := b.Journal.Promised(s.Keys.Account()); !got.IsZero() {
					t.Errorf("seed %d: a liar was promised %s", seed, got)
				}
			}
		})
	}
}

// A liar that leaves with its results unjudged, and comes back, is one seller:
// the verdict on its first result ends all its conversations.
func TestAStrikeEndsEveryConversationOfTheSeller(t *testing.T) {
	for seed := range uint64(10) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sellers := sell(t, f, fogtest.Role{Name: "lying and restarting", Lies: 1, DieAfter: 2}, fogtest.Slow(3))
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: 100})
			time.AfterFunc(100*time.Second, func() {
				if err := sellers[0].Revive(); err != nil {
					t.Error(err)
				}
			})
			d := buy(t, f, b, fogtest.Work{Width: 32, Height: 32})
			rightFilm(t, d)
			if got := b.Journal.Promised(sellers[0].Keys.Account()); !got.IsZero() {
				t.Errorf("seed %d: the liar was promised %s", seed, got)
			}
			if n := len(strikes(f, b, sellers[0].Peer)); n != 1 {
				t.Errorf("seed %d: the liar was accused %d times", seed, n)
			}
			deals, out := 0, false
			for _, x := range f.Trace.Steps() {
				switch x := x.What.(type) {
				case fog.DealOpened:
					if x.Peer == sellers[0].Peer {
						deals++
					}
				case fog.SellerLost:
					out = out || len(strikes(f, b, x.Peer)) > 0 && strings.Contains(x.Reason, "wrong result")
				case fog.TaskLeased:
					if out && x.Peer == sellers[0].Peer {
						t.Errorf("seed %d: task %d is leased to the liar after the strike", seed, x.Index)
					}
				}
			}
			if deals != 2 {
				t.Errorf("seed %d: %d conversations with the liar, the test wants 2", seed, deals)
			}
		})
	}
}
