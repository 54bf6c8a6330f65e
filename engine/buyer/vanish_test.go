package buyer_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/wire"
)

// A seller's process dies at its k-th finished task, just before or just after
// the result leaves. The job goes on without it and pays it exactly for what
// arrived.
func TestASellerThatVanishesIsPaidForWhatItDelivered(t *testing.T) {
	for k := 1; k <= 20; k++ {
		for name, role := range map[string]fogtest.Role{"before": {Name: "dying", DieBefore: k}, "after": {Name: "dying", DieAfter: k}} {
			t.Run(fmt.Sprintf("%s sending result %d", name, k), func(t *testing.T) {
				inFog(t, uint64(k), func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, role, fogtest.Honest(), fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{})
					rightFilm(t, d)
					want := k
					if name == "before" {
						want--
					}
					paidFor(t, f, b, sellers[0], want)
				})
			})
		}
	}
}

// paidFor checks that a seller delivered n results and holds, or could have
// held, a promise for exactly those.
func paidFor(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, s *fogtest.Seller, n int) {
	t.Helper()
	arrived := 0
	for _, x := range f.Trace.Steps() {
		if _, ok := x.What.(wire.Result); ok && x.Kind == fogtest.Got && x.With == s.Peer {
			arrived++
		}
	}
	if arrived != n {
		t.Errorf("%d results arrived, want %d", arrived, n)
	}
	accepted, owed := 0, fog.Amount{}
	for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
		if dealsOf(f, b)[v.Deal] == s.Keys.Account() && v.OK {
			accepted++
			owed = owed.Add(v.Amount)
		}
	}
	if accepted != n || b.Journal.Promised(s.Keys.Account()) != owed {
		t.Errorf("%d results were accepted of %d, for %s; promised is %s", accepted, n, owed, b.Journal.Promised(s.Keys.Account()))
	}
}

// A seller falls silent and its line stays up: the tasks it holds are taken
// back when their leases end.
func TestASellerThatFreezesDoesNotHoldTheJobUp(t *testing.T) {
	for _, role := range []fogtest.Role{{Name: "freezing", Freeze: 1}, {Name: "freezing", Freeze: 7}, {Name: "dying", DieOnLease: true}, fogtest.Withholding(), fogtest.Stalling()} {
		t.Run(role.Name, func(t *testing.T) {
			inFog(t, 3, func(t *testing.T, f *fogtest.Fog) {
				sell(t, f, role, fogtest.Honest())
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				start := time.Now()
				d := buy(t, f, b, fogtest.Work{})
				rightFilm(t, d)
				if took := time.Since(start); took > 5*time.Minute {
					t.Errorf("the job took %v", took)
				}
			})
		})
	}
}

// With nobody but a seller that beats and never delivers, a job ends and the
// money comes back.
func TestAJobWithOnlyAWithholderGivesUp(t *testing.T) {
	for _, role := range []fogtest.Role{fogtest.Withholding(), fogtest.Stalling()} {
		for _, slots := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d slots", role.Name, slots), func(t *testing.T) {
				inFog(t, 9, func(t *testing.T, f *fogtest.Fog) {
					if _, err := f.Sell(fogtest.SellerConfig{Name: role.Name, Role: role, Slots: slots}); err != nil {
						t.Fatal(err)
					}
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					before, start := f.Chain.Free(b.Keys.Account()), time.Now()
					ctx, cancel := contextWithin(t, 24*time.Hour)
					defer cancel()
					_, err := b.Do(ctx, fogtest.Work{})
					if took := time.Since(start); !isDeserted(err) || took > 45*time.Minute {
						t.Errorf("%v after %v, want %v", err, took, buyer.ErrDeserted)
					}
					if got := f.Chain.Free(b.Keys.Account()); got != before || !b.Journal.Reserved().IsZero() {
						t.Errorf("%s left of %s, %s reserved", got, before, b.Journal.Reserved())
					}
				})
			})
		}
	}
}

// The time a seller keeps tasks adds up over its conversations, and over leases
// it falls silent on: one that comes back is no better off than one that stays.
func TestAWithholderThatComesBackGainsNothing(t *testing.T) {
	for _, role := range []fogtest.Role{
		{Name: "stalling and hanging up", Slow: 1e9, Restless: 20 * time.Second},
		{Name: "stalling and hanging up", Slow: 1e9, Restless: 70 * time.Second},
		{Name: "stalling and hanging up", Slow: 1e9, Restless: 15 * time.Minute},
		{Name: "withholding and hanging up", Withhold: true, Restless: 70 * time.Second},
		{Name: "stalling in silence", Slow: 1e9, Mute: true},
		{Name: "stalling in silence and hanging up", Slow: 1e9, Mute: true, Restless: 70 * time.Second},
	} {
		for _, slots := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s after %v, %d slots", role.Name, role.Restless, slots), func(t *testing.T) {
				inFog(t, 12, func(t *testing.T, f *fogtest.Fog) {
					w, err := f.Sell(fogtest.SellerConfig{Name: role.Name, Role: role, Slots: slots})
					if err != nil {
						t.Fatal(err)
					}
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					start := time.Now()
					ctx, cancel := contextWithin(t, 24*time.Hour)
					defer cancel()
					if _, err = b.Do(ctx, fogtest.Work{}); !isDeserted(err) {
						t.Errorf("%v after %v, want %v", err, time.Since(start), buyer.ErrDeserted)
					}
					if took := time.Since(start); took > 70*time.Minute { // 40 in its hands, and the pauses before it is called again
						t.Errorf("it kept the job for %v", took)
					}
					n := 0
					for _, x := range fogtest.Find[fog.TaskLeased](f.Trace, b.Peer, fogtest.Told) {
						if x.Peer == w.Peer && int(x.Index) >= 2*slots {
							n++
						}
					}
					if n > 0 {
						t.Errorf("%d leases of other tasks than it kept", n)
					}
				})
			})
		}
	}
}

// A withholder that was hired does not keep an honest seller out, nor what it
// held from it.
func TestASellerThatComesLateTakesOverFromAWithholder(t *testing.T) {
	inFog(t, 10, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Stalling())
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		time.AfterFunc(30*time.Minute, func() {
			if _, err := f.Sell(fogtest.SellerConfig{Name: "late"}); err != nil {
				t.Error(err)
			}
		})
		start := time.Now()
		d := buy(t, f, b, fogtest.Work{})
		rightFilm(t, d)
		if took := time.Since(start); took > 42*time.Minute {
			t.Errorf("the job took %v", took)
		}
	})
}

// A seller so slow that its leases end for good goes on when it delivers.
func TestASlowSellerGoesOnAfterItsLeaseEnded(t *testing.T) {
	inFog(t, 11, func(t *testing.T, f *fogtest.Fog) {
		sellers := sell(t, f, fogtest.Slow(12_000)) // about 50 minutes a task
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		d := buy(t, f, b, fogtest.Work{Width: 16, Height: 16, Samples: 4, Patience: time.Hour})
		rightFilm(t, d)
		if got := b.Journal.Promised(sellers[0].Keys.Account()); got != d.Spent {
			t.Errorf("it was promised %s of %s", got, d.Spent)
		}
	})
}

// An honest seller that needs all the time there is for a task loses none of its
// leases at their hard ends: not those that wait behind others, nor those that
// wait while it works for somebody else.
func TestASlowSellerWithAQueueKeepsItsLeases(t *testing.T) {
	for _, c := range []struct {
		slots, buyers int
		times         float64
		each          time.Duration // a task takes that long, about
	}{{1, 1, 4000, 19 * time.Minute}, {3, 1, 4000, 19 * time.Minute}, {2, 2, 4000, 19 * time.Minute}, {4, 4, 2000, 9 * time.Minute}} {
		t.Run(fmt.Sprintf("%d slots, %d buyers", c.slots, c.buyers), func(t *testing.T) {
			inFog(t, 13, func(t *testing.T, f *fogtest.Fog) {
				if _, err := f.Sell(fogtest.SellerConfig{Name: "slow", Slots: c.slots, Role: fogtest.Slow(c.times)}); err != nil {
					t.Fatal(err)
				}
				var all sync.WaitGroup
				for i := range c.buyers {
					b := f.Buy(fmt.Sprintf("buyer %d", i), snm("10"), fogtest.BuyerRole{})
					all.Go(func() {
						start := time.Now()
						d, err := b.Do(t.Context(), fogtest.Work{Width: 40, Height: 40, Samples: 4})
						if err != nil {
							t.Errorf("buyer %d: %v after %v", i, err, time.Since(start))
							return
						}
						rightFilm(t, d)
						rounds := (len(d.Plan.Tasks) + c.slots - 1) / c.slots * c.buyers
						if each := d.Render / time.Duration(rounds); each < c.each*9/10 || each > c.each*11/10 {
							t.Errorf("a task took %v, the test wants about %v", each, c.each)
						}
						if n := len(fogtest.Find[fog.TaskLeased](f.Trace, b.Peer, fogtest.Told)); n != len(d.Plan.Tasks) {
							t.Errorf("%d leases of %d tasks", n, len(d.Plan.Tasks))
						}
					})
				}
				all.Wait()
			})
		})
	}
}

// A line that is silent for a while is not a failure: the job goes on over the
// same deal.
func TestACutLineIsJoinedAgain(t *testing.T) {
	for _, cut := range []time.Duration{5 * time.Second, 29 * time.Second, 31 * time.Second, 50 * time.Second} {
		t.Run(cut.String(), func(t *testing.T) {
			inFog(t, 4, func(t *testing.T, f *fogtest.Fog) {
				sellers := sell(t, f, fogtest.Honest())
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				time.AfterFunc(8*time.Second, func() { f.Net.Cut(b.Peer, sellers[0].Peer) })
				time.AfterFunc(8*time.Second+cut, func() { f.Net.Heal(b.Peer, sellers[0].Peer) })
				d := buy(t, f, b, fogtest.Work{})
				rightFilm(t, d)
			})
		})
	}
}

// A seller whose process is started again goes on with the job, and gets what
// was promised to it in between.
func TestASellerThatComesBackGoesOn(t *testing.T) {
	for _, speed := range []float64{0, 1000} { // checks last longer than it is away
		for _, others := range []int{0, 1} {
			t.Run(fmt.Sprintf("checks at %v, %d others", speed, others), func(t *testing.T) {
				inFog(t, 5, func(t *testing.T, f *fogtest.Fog) {
					roles := append([]fogtest.Role{fogtest.Honest()}, make([]fogtest.Role, others)...)
					sellers := sell(t, f, roles...)
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: speed})
					time.AfterFunc(8*time.Second, sellers[0].Die)
					time.AfterFunc(18*time.Second, func() {
						if err := sellers[0].Revive(); err != nil {
							t.Error(err)
						}
					})
					d := buy(t, f, b, fogtest.Work{})
					rightFilm(t, d)
					for _, s := range sellers {
						if got, want := s.Journal.Taken(b.Keys.Account()).Total, b.Journal.Promised(s.Keys.Account()); got != want || got.IsZero() {
							t.Errorf("seller %s holds vouchers of %s, the buyer gave %s", s.Peer, got, want)
						}
					}
				})
			})
		}
	}
}
