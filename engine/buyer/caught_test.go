package buyer_test

import (
	"fmt"
	"testing"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

// late are cheats that earn something first: one that lies from its ninth task
// on, and one whose claim shows without a re-run while good results of it are
// being checked.
func late() []fogtest.Role {
	return []fogtest.Role{{Name: "lying later", Lies: 1, From: 8}, {Name: "claiming later", Claim: 2000, From: 8}}
}

// What a cheat was promised before it was caught is money: it is settled and
// in the sums to the last digit, nothing is promised afterwards, and its
// voucher is worth nothing more.
func TestACaughtSellerIsSettledUpToItsVouchers(t *testing.T) {
	for _, role := range late() {
		for _, speed := range []float64{0, 60_000} {
			t.Run(fmt.Sprintf("%s, checked at %v", role.Name, speed), func(t *testing.T) {
				for seed := range uint64(5) {
					inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
						sellers := sell(t, f, role, fogtest.Honest())
						b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: speed})
						d := buy(t, f, b, fogtest.Work{CheckRate: 0.5})
						rightFilm(t, d)
						noPayForLies(t, f, b)
						nothingAfterTheStrike(t, f, b, sellers[0])
						share := shareOf(d, sellers[0])
						if !caught(f, b, sellers[0].Peer) || share.Paid.IsZero() {
							t.Fatalf("seed %d: caught: %v, paid %s; the test wants a cheat that earned something", seed, strikes(f, b, sellers[0].Peer), share.Paid)
						}
						free := f.Chain.Free(b.Keys.Account())
						for _, s := range sellers {
							if p, err := s.Redeem(b); err != nil || !p.Net.IsZero() || !p.Fee.IsZero() {
								t.Errorf("seed %d: %s redeems %s after the settlement, %v", seed, s.Role.Name, p.Net, err)
							}
						}
						if got := f.Chain.Free(b.Keys.Account()); got != free {
							t.Errorf("seed %d: %s left of %s", seed, got, free)
						}
					})
				}
			})
		}
	}
}

func shareOf(d fogtest.Done, s *fogtest.Seller) buyer.Share {
	for _, x := range d.Shares {
		if x.Seller == s.Keys.Account() {
			return x
		}
	}
	return buyer.Share{}
}

// nothingAfterTheStrike checks that no promise to a seller was written, and no
// voucher sent to it, after it was caught.
func nothingAfterTheStrike(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, s *fogtest.Seller) {
	t.Helper()
	deals, out := dealsOf(f, b), false
	for i, x := range f.Trace.Steps() {
		switch v := x.What.(type) {
		case fogtest.WroteState:
			out = out || x.Peer == b.Peer && v.State == buyer.DealCaught && deals[v.Deal] == s.Keys.Account()
		case buyer.Verdict:
			if out && v.OK && deals[v.Deal] == s.Keys.Account() {
				t.Errorf("step %d: task %d is promised to a seller that was caught", i, v.Index)
			}
		}
	}
}

// The money of a caught seller is exact over a crash at every record, also if
// what it was promised turned out wrong later.
func TestACaughtSellersMoneySurvivesACrash(t *testing.T) {
	for _, c := range []struct {
		name  string
		roles []fogtest.Role
		work  fogtest.Work
		speed float64 // of the checks
	}{
		{"lying later", []fogtest.Role{late()[0], fogtest.Honest()}, fogtest.Work{Width: 32, Height: 32, CheckRate: 0.5}, 0},
		{"given away by a copy", []fogtest.Role{{Name: "lying later", Slow: 10, Lies: 1, From: 1}, fogtest.Slow(35), fogtest.Slow(130)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.001}, 0},
		{"caught when copies of its good results are paid", []fogtest.Role{{Name: "lying later", Slow: 10, Lies: 1, From: 7}, fogtest.Slow(35), fogtest.Slow(60)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.4}, 1500},
		{"copied while its results wait for their checks", []fogtest.Role{{Name: "lying later", Slow: 10, Lies: 1, From: 5}, fogtest.Slow(20), fogtest.Slow(25)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.6}, 800},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, resumed := 0, 0
			for k, more := 1, true; more && !t.Failed(); k++ {
				inFog(t, uint64(k), func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, c.roles...)
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: c.speed})
					d, open := untilCrash(t, b, c.work, k)
					if more = d.ID != (fog.JobID{}); !more || !open {
						return
					}
					resumed++
					d, err := b.Resume(t.Context(), d, c.work)
					if err != nil {
						t.Fatalf("resume after record %d: %v", k, err)
					}
					checkSums(t, f, b, d)
					paidOnce(t, f, b)
					nothingAfterTheStrike(t, f, b, sellers[0])
					if caught(f, b, sellers[0].Peer) && !shareOf(d, sellers[0]).Paid.IsZero() {
						wrong++
					}
				})
			}
			t.Logf("%d jobs resumed, %d with a cheat that had earned something", resumed, wrong)
			if wrong < 5 {
				t.Error("the test needs more of them")
			}
		})
	}
}
