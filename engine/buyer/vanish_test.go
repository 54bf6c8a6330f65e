package buyer_test

import (
	"fmt"
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
	for _, role := range []fogtest.Role{{Name: "freezing", Freeze: 1}, {Name: "freezing", Freeze: 7}, {Name: "dying", DieOnLease: true}, fogtest.Withholding()} {
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

// With nobody but a seller that keeps its results to itself, a job ends with a
// word in bounded time, and holds no money.
func TestALoneWithholderDoesNotHoldTheJobForEver(t *testing.T) {
	inFog(t, 9, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Withholding())
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		before, start := f.Chain.Free(b.Keys.Account()), time.Now()
		ctx, cancel := contextWithin(t, 24*time.Hour)
		defer cancel()
		_, err := b.Do(ctx, fogtest.Work{Width: 16, Height: 8})
		if !isDeserted(err) {
			t.Errorf("err = %v, want %v", err, buyer.ErrDeserted)
		}
		if took := time.Since(start); took > 12*time.Hour {
			t.Errorf("it took %v", took)
		}
		if got := f.Chain.Free(b.Keys.Account()); got != before || !b.Journal.Reserved().IsZero() {
			t.Errorf("%s left of %s, %s reserved", got, before, b.Journal.Reserved())
		}
	})
}

// The chain is silent for ten minutes. The job goes on with the sellers it has,
// and is settled when the chain is back.
func TestAJobOutlastsASilentChain(t *testing.T) {
	for name, c := range map[string]struct{ down, up time.Duration }{
		"from before the first result": {3 * time.Second, 10 * time.Minute},
		"in the middle":                {6 * time.Second, 8 * time.Second},
		"at the end":                   {9 * time.Second, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			inFog(t, 10, func(t *testing.T, f *fogtest.Fog) {
				sell(t, f, fogtest.Honest(), fogtest.Honest())
				b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
				start := time.Now()
				time.AfterFunc(c.down, f.Chain.Down)
				time.AfterFunc(c.down+time.Second, func() { // one that comes while nobody can ask about it
					if _, err := f.Sell(fogtest.SellerConfig{Name: "newcomer"}); err != nil {
						t.Error(err)
					}
				})
				time.AfterFunc(c.up, f.Chain.Up)
				d := buy(t, f, b, fogtest.Work{Sellers: 3})
				rightFilm(t, d)
				if took := time.Since(start); took > c.up+time.Minute {
					t.Errorf("it took %v, the chain was back after %v", took, c.up)
				}
				if c.up == 10*time.Minute {
					if took := time.Since(start) - c.up; took > 6*time.Second || took < 0 {
						t.Errorf("it ended %v after the chain was back", took)
					}
					if n := len(fogtest.Find[fog.Waited](f.Trace, b.Peer, fogtest.Told)); n != 1 {
						t.Errorf("it said %d times that it waits", n)
					}
				}
			})
		})
	}
}

// The program dies while it waits for a silent chain; started again, it settles.
func TestAJobThatWaitsForTheChainIsResumed(t *testing.T) {
	inFog(t, 11, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Honest(), fogtest.Honest())
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		time.AfterFunc(4*time.Second, f.Chain.Down)
		ctx, kill := contextWithin(t, time.Hour)
		defer kill()
		d, err := b.Do(ctx, fogtest.Work{})
		if err == nil {
			t.Fatal("it ended without the chain")
		}
		if _, open := b.Journal.Saved(d.ID); !open {
			t.Fatal("the job is not open any more")
		}
		f.Chain.Up()
		if d, err = b.Resume(t.Context(), d, fogtest.Work{}); err != nil {
			t.Fatal(err)
		}
		rightFilm(t, d)
		checkSums(t, f, b, d)
	})
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

// A seller whose process is started again goes on with the job.
func TestASellerThatComesBackGoesOn(t *testing.T) {
	inFog(t, 5, func(t *testing.T, f *fogtest.Fog) {
		sellers := sell(t, f, fogtest.Honest())
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		time.AfterFunc(8*time.Second, sellers[0].Die)
		time.AfterFunc(18*time.Second, func() {
			if err := sellers[0].Revive(); err != nil {
				t.Error(err)
			}
		})
		d := buy(t, f, b, fogtest.Work{})
		rightFilm(t, d)
	})
}
