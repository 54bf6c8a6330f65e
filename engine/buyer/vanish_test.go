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
