package buyer_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/proof"
	"sonm/engine/wire"
)

// checks is what the draw did in one job, read off the trace; the first result
// of each seller, which is always re-run, is left out.
type checks struct {
	rate    float64
	arrived []fogtest.WroteArrived // results that counted when they came
	drawn   []bool                 // by arrived: re-run
	found   int                    // lies that were drawn
	lies    int                    // lies among arrived
	first   bool                   // some seller's first result was a lie
}

// readChecks holds every check of a job to the rules: a seller's first result
// always, later ones drawn by the committed secret from a receipt that is on
// disk, with a verdict before any promise.
func readChecks(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, sellers []*fogtest.Seller) (c checks) {
	t.Helper()
	lies := map[fog.Hash]bool{}
	for _, s := range sellers {
		for _, l := range s.Lies() {
			lies[l.Result] = true
		}
	}
	rec := fogtest.Find[buyer.Record](f.Trace, b.Peer, fogtest.Wrote)[0]
	c.rate = proof.PlanChecks(rec.Check, len(rec.Plan.Tasks), rec.Sellers).Later
	seller, known := dealsOf(f, b), map[fog.Address]bool{}
	var last *fogtest.WroteArrived
	for i, s := range f.Trace.Steps() {
		if s.Peer != b.Peer {
			continue
		}
		switch x := s.What.(type) {
		case fogtest.WroteArrived:
			last = &x
		case fog.TaskDone:
			drawn, lie := proof.Selected(rec.Secret, proof.ReceiptHash(last.Receipt), c.rate), lies[last.Receipt.Result]
			first := !known[seller[last.Receipt.Deal]]
			known[seller[last.Receipt.Deal]] = true
			if x.Index != last.Index || x.Checked != (first || drawn) {
				t.Fatalf("step %d: task %d is checked: %v; the receipt on disk and the secret say %v for task %d (its seller's first: %v)", i, x.Index, x.Checked, drawn, last.Index, first)
			}
			if first {
				c.first = c.first || lie
				continue
			}
			c.drawn, c.arrived = append(c.drawn, drawn), append(c.arrived, *last)
			if lie {
				c.lies++
				if drawn {
					c.found++
				}
			}
		}
	}
	return c
}

// noPayForLies checks that a task found to be wrong was rendered by another
// seller and that no promise was made for it.
func noPayForLies(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer) {
	t.Helper()
	seller, by := dealsOf(f, b), map[uint32]map[fog.Address]bool{}
	for _, x := range fogtest.Find[fogtest.WroteArrived](f.Trace, b.Peer, fogtest.Wrote) {
		if by[x.Index] == nil {
			by[x.Index] = map[fog.Address]bool{}
		}
		by[x.Index][seller[x.Receipt.Deal]] = true
	}
	bad := map[[2]any]bool{}
	for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
		if !v.OK {
			bad[[2]any{v.Deal, v.Index}] = true
			if delete(by[v.Index], seller[v.Deal]); len(by[v.Index]) == 0 {
				t.Errorf("task %d was found wrong and not rendered by another", v.Index)
			}
		}
	}
	for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
		if v.OK && bad[[2]any{v.Deal, v.Index}] {
			t.Errorf("task %d was found wrong and paid", v.Index)
		}
	}
}

// secretKept checks that no seller could know the secret while it worked.
func secretKept(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer) {
	t.Helper()
	closed := false
	for i, s := range f.Trace.Steps() {
		switch s.What.(type) {
		case wire.Close:
			closed = closed || s.Peer == b.Peer
		case fogtest.WroteArrived, fog.TaskLeased:
			if closed {
				t.Fatalf("step %d: work goes on after the secret was told", i)
			}
		}
	}
}

// tail is the chance that of n results at most k are drawn (or at least k, for
// upper), each with chance p.
func tail(n, k int, p float64, upper bool) (sum float64) {
	fact := func(n int) float64 { v, _ := math.Lgamma(float64(n) + 1); return v }
	from, to := 0, k
	if upper {
		from, to = k, n
	}
	for i := from; i <= to; i++ {
		sum += math.Exp(fact(n) - fact(i) - fact(n-i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

// A seller lies on some tasks. Over the jobs its lies are drawn at the rate of
// the checks, which are spread evenly over the tasks; a lie that is drawn ends
// the seller and is rendered by another.
func TestLiesAreFoundAtTheRateOfTheChecks(t *testing.T) {
	for _, c := range []struct {
		rate, lies float64
		jobs       uint64
	}{{0.05, 1.0 / 40, liarJobs}, {0.25, 1.0 / 20, 12}} {
		t.Run(fmt.Sprintf("rate %v", c.rate), func(t *testing.T) {
			const bins = 16
			var lies, found, caughtIn, right int
			var drawn, came [bins]float64
			var rate float64
			for seed := range c.jobs {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, fogtest.Liar(c.lies), fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{Width: 128, Samples: 16, CheckRate: c.rate})
					noPayForLies(t, f, b)
					secretKept(t, f, b)
					got := readChecks(t, f, b, sellers)
					rate = got.rate
					lies, found = lies+got.lies, found+got.found
					for i, on := range got.drawn {
						bin := int(got.arrived[i].Index) * bins / len(d.Plan.Tasks)
						came[bin]++
						if on {
							drawn[bin]++
						}
					}
					out := got.found > 0 || got.first
					if caught(f, b, sellers[0].Peer) != out || caught(f, b, sellers[1].Peer) {
						t.Errorf("seed %d: %d lies drawn; accused: liar %v, honest %v", seed, got.found, strikes(f, b, sellers[0].Peer), strikes(f, b, sellers[1].Peer))
					}
					if out {
						caughtIn++
					}
					if out || got.lies == 0 {
						rightFilm(t, d)
						right++
					} else if d.Film.Hash() == d.Truth.Hash() {
						t.Errorf("seed %d: the film is right with %d lies in it", seed, got.lies)
					}
				})
			}
			low, high := tail(lies, found, rate, false), tail(lies, found, rate, true)
			chi := 0.0
			for i := range bins {
				e := came[i] * rate
				chi += (drawn[i] - e) * (drawn[i] - e) / (e * (1 - rate))
			}
			t.Logf("seeds 0-%d: %d of %d lies drawn at a rate of %.4f, %.1f expected, chances of so few %.3f and so many %.3f; chi-square of the drawn indices %.1f; the liar caught in %d jobs, %d films right",
				c.jobs-1, found, lies, rate, rate*float64(lies), low, high, chi, caughtIn, right)
			if min(low, high) < 0.0005 {
				t.Errorf("%d of %d lies were drawn at a rate of %v: a chance below 1 in 1,000", found, lies, rate)
			}
			if chi > 39.3 { // 1 in 1,000 at 16 degrees
				t.Errorf("chi-square of the drawn indices = %.1f, want at most 39.3", chi)
			}
		})
	}
}

// Honest sellers are never accused, and the checks of many jobs add up to what
// was asked for: the rate of all tasks, or one for each seller and half the rate
// of the rest.
func TestHonestSellersAreNeverAccused(t *testing.T) {
	for _, c := range []struct {
		jobs uint64
		work fogtest.Work
	}{
		{honestJobs - 40, fogtest.Work{Width: 32, Height: 32, Samples: 4, CheckRate: 0.25}}, // 16 tasks, 4.6 checks
		{40, fogtest.Work{Samples: 4}}, // 64 tasks, 4.5 checks
	} {
		var want, deviation float64
		checked := 0
		for seed := range c.jobs {
			inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
				sellers := sell(t, f, fogtest.Honest(), fogtest.Slow(3), fogtest.Honest())
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				d := buy(t, f, b, c.work)
				rightFilm(t, d)
				for _, s := range sellers {
					if why := strikes(f, b, s.Peer); why != nil {
						t.Errorf("seed %d: %s was accused: %v", seed, s.Role.Name, why)
					}
				}
				rec := fogtest.Find[buyer.Record](f.Trace, b.Peer, fogtest.Wrote)[0]
				n, q := len(rec.Plan.Tasks), proof.PlanChecks(rec.Check, len(rec.Plan.Tasks), rec.Sellers).Later
				checked += d.Checked
				want += max(rec.Check*float64(n), 3+rec.Check/2*float64(n-3))
				deviation += float64(n-3) * q * (1 - q)
			})
		}
		deviation = math.Sqrt(deviation)
		t.Logf("seeds 0-%d: %d checks, %.1f +- %.1f expected", c.jobs-1, checked, want, deviation)
		if off := float64(checked) - want; math.Abs(off) > 3.3*deviation { // 1 in 1,000
			t.Errorf("%d checks in %d jobs, want %.1f +- %.1f", checked, c.jobs, want, deviation)
		}
	}
}

// Roles whose fault shows in the first checked result, or in the signature.
func TestEveryCheatIsCaughtWhenAllIsChecked(t *testing.T) {
	for _, role := range []fogtest.Role{fogtest.Liar(1), fogtest.Liar(0.1), fogtest.Lazy(), fogtest.Overclaims(1.5), {Name: "lying and rejoining", Lies: 1, Rejoin: true}} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s, seed %d", role.Name, seed), func(t *testing.T) {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, role, fogtest.Honest(), fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{CheckRate: 1})
					rightFilm(t, d)
					noPayForLies(t, f, b)
					if !caught(f, b, sellers[0].Peer) || caught(f, b, sellers[1].Peer) || caught(f, b, sellers[2].Peer) {
						t.Error("the wrong ones were caught")
					}
				})
			})
		}
	}
}

// Where engines differ nobody lied: the seller's own engine has the last word,
// which still catches who does lie.
func TestEnginesThatDifferAccuseNobody(t *testing.T) {
	inFog(t, 7, func(t *testing.T, f *fogtest.Fog) {
		sellers := sell(t, f, fogtest.Liar(1), fogtest.Honest(), fogtest.Honest())
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{OddWazero: true})
		d := buy(t, f, b, fogtest.Work{CheckRate: 1})
		rightFilm(t, d)
		if !caught(f, b, sellers[0].Peer) || caught(f, b, sellers[1].Peer) || caught(f, b, sellers[2].Peer) {
			t.Error("the wrong ones were caught")
		}
	})
}

// Roles that break the protocol get no work, or none that counts.
func TestBreakersOfTheProtocolGetNothing(t *testing.T) {
	for _, role := range []fogtest.Role{{Name: "forging", Forge: true}, {Name: "signing another deal", OtherDeal: true}, fogtest.Refusing("Not today.")} {
		t.Run(role.Name, func(t *testing.T) {
			inFog(t, 6, func(t *testing.T, f *fogtest.Fog) {
				sellers := sell(t, f, role, fogtest.Honest())
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				d := buy(t, f, b, fogtest.Work{})
				rightFilm(t, d)
				if got := b.Journal.Promised(sellers[0].Keys.Account()); !got.IsZero() {
					t.Errorf("it was promised %s", got)
				}
			})
		})
	}
}

// With nobody but a cheat, a job ends with a word and does not hang, also when
// the cheat comes back again and again.
func TestAJobWithOnlyACheatGivesUp(t *testing.T) {
	for _, role := range []fogtest.Role{fogtest.Liar(1), {Name: "lying and rejoining", Lies: 1, Rejoin: true}, {Name: "forging", Forge: true}} {
		t.Run(role.Name, func(t *testing.T) {
			inFog(t, 7, func(t *testing.T, f *fogtest.Fog) {
				sell(t, f, role)
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				before := f.Chain.Free(b.Keys.Account())
				ctx, cancel := contextWithin(t, time.Hour)
				defer cancel()
				_, err := b.Do(ctx, fogtest.Work{CheckRate: 1})
				if !isDeserted(err) {
					t.Errorf("err = %v, want %v", err, buyer.ErrDeserted)
				}
				if got := f.Chain.Free(b.Keys.Account()); got != before {
					t.Errorf("%s left of %s", got, before)
				}
			})
		})
	}
}
