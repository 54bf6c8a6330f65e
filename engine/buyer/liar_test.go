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

// checks is what the spot checks of one job did, read off the trace.
type checks struct {
	arrived []fogtest.WroteArrived // results that counted when they came
	drawn   []bool                 // by arrived: re-run
	found   int                    // lies among arrived that were found out
	lies    int                    // lies among arrived
	atOnce  int                    // sellers found out by their first result
	rate    float64                // of the lot
}

// readChecks holds every check of a job to the rules: drawn by the committed
// secret from a receipt that is on disk, with a verdict before any promise.
func readChecks(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, rate float64, sellers []*fogtest.Seller) (c checks) {
	t.Helper()
	lies := map[fog.Hash]bool{}
	for _, s := range sellers {
		for _, l := range s.Lies() {
			lies[l.Result] = true
		}
	}
	rec := fogtest.Find[buyer.Record](f.Trace, b.Peer, fogtest.Wrote)[0]
	secret, drawnAt := rec.Secret, proof.Rate(rate, len(rec.Plan.Tasks), rec.Sellers)
	seller, tried := dealsOf(f, b), map[fog.Address]bool{}
	c.rate = drawnAt
	byTask := map[uint32]fog.Hash{}
	var last *fogtest.WroteArrived
	for i, s := range f.Trace.Steps() {
		if s.Peer != b.Peer {
			continue
		}
		switch x := s.What.(type) {
		case fogtest.WroteArrived:
			last = &x
		case fog.TaskDone:
			drawn := proof.Selected(secret, proof.ReceiptHash(last.Receipt), drawnAt)
			from := seller[last.Receipt.Deal]
			first := !tried[from]
			tried[from] = true
			if x.Index != last.Index || x.Checked != (drawn || first) {
				t.Fatalf("step %d: task %d is checked: %v; the receipt on disk and the secret say %v for task %d", i, x.Index, x.Checked, drawn, last.Index)
			}
			if first { // always checked: the lot has no say
				delete(byTask, x.Index)
				continue
			}
			c.drawn, c.arrived = append(c.drawn, x.Checked), append(c.arrived, *last)
			if lies[last.Receipt.Result] {
				c.lies++
			}
			byTask[x.Index] = last.Receipt.Result
		case fog.TaskChecked:
			switch result, drawn := byTask[x.Index]; {
			case x.OK:
			case drawn && lies[result]:
				c.found++
			default:
				c.atOnce++
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

// A seller lies on some tasks. Over the jobs its lies are found at the rate of
// the checks, and the checks are spread evenly over the tasks.
func TestLiesAreFoundAtTheRateOfTheChecks(t *testing.T) {
	for _, c := range []struct {
		rate, lies    float64
		jobs, samples int
	}{{0.05, 1.0 / 40, liarJobs, 32}, {0.05, 1.0 / 8, 16, 16}, {0.25, 1.0 / 20, 16, 16}} {
		t.Run(fmt.Sprintf("rate %v, 1 lie in %.0f", c.rate, 1/c.lies), func(t *testing.T) {
			const bins = 16
			var lies, found, right, atOnce int
			var drawn, came [bins]float64
			rate := 0.0
			for seed := range uint64(c.jobs) {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, fogtest.Liar(c.lies), fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{Samples: c.samples, CheckRate: c.rate})
					noPayForLies(t, f, b)
					secretKept(t, f, b)
					got := readChecks(t, f, b, c.rate, sellers)
					lies, found, atOnce, rate = lies+got.lies, found+got.found, atOnce+got.atOnce, got.rate
					for i, on := range got.drawn {
						bin := int(got.arrived[i].Index) * bins / len(d.Plan.Tasks)
						came[bin]++
						if on {
							drawn[bin]++
						}
					}
					if caught(f, b, sellers[0].Peer) != (got.found+got.atOnce > 0) || caught(f, b, sellers[1].Peer) {
						t.Errorf("seed %d: %d lies found; accused: liar %v, honest %v", seed, got.found, strikes(f, b, sellers[0].Peer), strikes(f, b, sellers[1].Peer))
					}
					if got.found+got.atOnce > 0 || got.lies == 0 {
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
			t.Logf("seeds 0-%d: %d of %d lies found, %.1f expected, chances of so few %.3f and so many %.3f; chi-square of the checked indices %.1f; %d sellers found by their first result; %d films right", c.jobs-1, found, lies, rate*float64(lies), low, high, chi, atOnce, right)
			if min(low, high) < 0.0005 {
				t.Errorf("%d of %d lies were found at a rate of %v: a chance below 1 in 1,000", found, lies, rate)
			}
			if chi > 39.3 { // 1 in 1,000 at 16 degrees
				t.Errorf("chi-square of the checked indices = %.1f, want at most 39.3", chi)
			}
		})
	}
}

// A seller that always lies is out by its first result, however small the job,
// and is promised nothing.
func TestWhoAlwaysLiesIsOutAtOnce(t *testing.T) {
	for _, role := range []fogtest.Role{fogtest.Liar(1), fogtest.Lazy(), fogtest.Overclaims(1.5)} {
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("%s, seed %d", role.Name, seed), func(t *testing.T) {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, role, fogtest.Honest(), fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{Width: 32, Height: 32})
					rightFilm(t, d)
					noPayForLies(t, f, b)
					if len(strikes(f, b, sellers[0].Peer)) != 1 {
						t.Errorf("it was caught %d times", len(strikes(f, b, sellers[0].Peer)))
					}
					if got := b.Journal.Promised(sellers[0].Keys.Account()); !got.IsZero() {
						t.Errorf("it was promised %s", got)
					}
					if most := 3 + len(d.Plan.Tasks)/20 + 6; d.Checked > most {
						t.Errorf("%d of %d results were checked, want at most %d", d.Checked, len(d.Plan.Tasks), most)
					}
				})
			})
		}
	}
}

// What waits for a verdict when its seller is caught is not paid, whatever the
// verdict.
func TestNothingIsPaidAfterTheStrike(t *testing.T) {
	for seed := range uint64(10) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			if _, err := f.Sell(fogtest.SellerConfig{Name: "wide liar", Role: fogtest.Liar(0.1), Slots: 16, Speed: 1e6}); err != nil {
				t.Fatal(err)
			}
			sell(t, f, fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			rightFilm(t, buy(t, f, b, fogtest.Work{CheckRate: 1})) // which looks
		})
	}
}

// The share of checks is that of all results: the first ones count.
func TestChecksStayNearTheirShare(t *testing.T) {
	checked, tasks := 0, 0
	for seed := range uint64(20) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Honest(), fogtest.Honest(), fogtest.Honest())
			d := buy(t, f, f.Buy("buyer", snm("10"), fogtest.BuyerRole{}), fogtest.Work{Samples: 16})
			checked, tasks = checked+d.Checked, tasks+len(d.Plan.Tasks)
		})
	}
	low, high := tail(tasks, checked, 0.05, false), tail(tasks, checked, 0.05, true)
	t.Logf("seeds 0-19: %d of %d results checked", checked, tasks)
	if min(low, high) < 0.0005 {
		t.Errorf("%d of %d results were checked at a share of 0.05", checked, tasks)
	}
}

// Until a seller's first result is found good, it is promised nothing; then it
// is paid for all it delivered meanwhile.
func TestPayWaitsForTheFirstVerdict(t *testing.T) {
	for seed := range uint64(10) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			if _, err := f.Sell(fogtest.SellerConfig{Name: "wide", Slots: 16, Speed: 1e6}); err != nil {
				t.Fatal(err)
			}
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			d := buy(t, f, b, fogtest.Work{})
			rightFilm(t, d)
			passed, peer := map[fog.PeerID]bool{}, map[fog.Address]fog.PeerID{}
			kept := 0
			for i, s := range f.Trace.Steps() {
				switch x := s.What.(type) {
				case fog.DealOpened:
					peer[x.Seller] = x.Peer
				case fog.TaskDone:
					if !passed[x.Peer] && !x.Checked {
						kept++
					}
				case fog.TaskChecked:
					passed[x.Peer] = true
				case fog.Paid:
					if !passed[peer[x.Seller]] {
						t.Fatalf("seed %d, step %d: a seller is paid before its first verdict", seed, i)
					}
				}
			}
			if kept == 0 {
				t.Errorf("seed %d: no result had to wait", seed)
			}
		})
	}
}

func TestHonestSellersAreNeverAccused(t *testing.T) {
	for seed := range uint64(honestJobs) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sellers := sell(t, f, fogtest.Honest(), fogtest.Slow(3), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			d := buy(t, f, b, fogtest.Work{Width: 32, Height: 32, CheckRate: 0.25})
			rightFilm(t, d)
			for _, s := range sellers {
				if why := strikes(f, b, s.Peer); why != nil {
					t.Errorf("seed %d: %s was accused: %v", seed, s.Role.Name, why)
				}
			}
			if d.Checked == 0 {
				t.Errorf("seed %d: nothing was checked", seed)
			}
		})
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
