package buyer_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

// wanted marks a test of a promise that the buyer's present policy cannot keep.
// It is skipped, with the reason, unless SONM_WANTED is set; the change that
// keeps the promise removes the mark.
func wanted(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("SONM_WANTED") == "" {
		t.Skip("WANTED: " + why)
	}
}

// crowd is 30 sellers, every fifth of them a cheat.
func crowd(t *testing.T, f *fogtest.Fog) []*fogtest.Seller {
	t.Helper()
	cheats := []fogtest.Role{
		fogtest.Liar(1), fogtest.Liar(0.3), fogtest.Lazy(), fogtest.Overclaims(1.8),
		{Name: "lying and rejoining", Lies: 0.5, Rejoin: true},
		{Name: "lying and replaying", Lies: 0.5, Replay: 3},
	}
	var roles []fogtest.Role
	for i := range 30 {
		switch {
		case i%5 == 2:
			roles = append(roles, cheats[i/5])
		case i%7 == 3:
			roles = append(roles, fogtest.Slow(1+float64(i)))
		default:
			roles = append(roles, fogtest.Honest())
		}
	}
	return sell(t, f, roles...)
}

// churn has a third of the sellers die and half of those come back, at times
// drawn from the seed.
func churn(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, seed uint64, sellers []*fogtest.Seller) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 30))
	for _, s := range sellers {
		at := time.Duration(2500+r.IntN(6000)) * time.Millisecond
		switch r.IntN(6) {
		case 0:
			time.AfterFunc(at, s.Die)
		case 1:
			time.AfterFunc(at, s.Die)
			time.AfterFunc(at+time.Duration(100+r.IntN(9000))*time.Millisecond, func() {
				if err := s.Revive(); err != nil {
					t.Error(err)
				}
			})
		case 2:
			time.AfterFunc(at, func() { f.Net.Cut(b.Peer, s.Peer) })
			time.AfterFunc(at+time.Duration(r.IntN(60000))*time.Millisecond, func() { f.Net.Heal(b.Peer, s.Peer) })
		}
	}
}

// Thirty nodes, a fifth of them cheats, others dying, coming back and cut off:
// with every result checked the film is right and the money exact.
func TestACrowdWithCheatsAndChurn(t *testing.T) {
	var cheats, lost int
	for seed := range uint64(100) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sellers := crowd(t, f)
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			churn(t, f, b, seed, sellers)
			d := buy(t, f, b, fogtest.Work{Samples: 16, CheckRate: 1})
			rightFilm(t, d)
			noPayForLies(t, f, b)
			paidOnce(t, f, b)
			for i, s := range sellers {
				if caught(f, b, s.Peer) {
					cheats++
					if i%5 != 2 {
						t.Errorf("seed %d: %s was accused: %v", seed, s.Role.Name, strikes(f, b, s.Peer))
					}
				}
			}
			lost += len(fogtest.Find[fog.SellerLost](f.Trace, b.Peer, fogtest.Told))
		})
	}
	t.Logf("seeds 0-99: %d cheats caught, %d sellers lost", cheats, lost)
	if cheats < 400 || lost < cheats+200 {
		t.Error("the fog was too quiet to show anything")
	}
}

// The same crowd at the share of checks a buyer may afford.
func TestACrowdWithCheatsAtTheAffordableRate(t *testing.T) {
	wanted(t, "at 5 % of checks a cheat with four tasks of a job is found in one job of five; it takes probation of newcomers by copies at settled sellers")
	for seed := range uint64(100) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sellers := crowd(t, f)
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			churn(t, f, b, seed, sellers)
			rightFilm(t, buy(t, f, b, fogtest.Work{}))
		})
	}
}

// A seller that always lies, or is always lazy, is out before it has delivered
// a batch of 50 tasks, in every job and at the share of checks a buyer may
// afford.
func TestASellerThatAlwaysLiesIsOutInOneBatch(t *testing.T) {
	wanted(t, "at 5 % of checks 50 wrong results pass with a chance of 8 %; it takes a check of each seller's first results in a job")
	const batch = 50
	for _, role := range []fogtest.Role{fogtest.Liar(1), fogtest.Lazy()} {
		for seed := range uint64(50) {
			t.Run(fmt.Sprintf("%s, seed %d", role.Name, seed), func(t *testing.T) {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, role, fogtest.Honest())
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					d := buy(t, f, b, fogtest.Work{Samples: 16})
					rightFilm(t, d)
					delivered := 0
					for _, x := range fogtest.Find[fog.TaskDone](f.Trace, b.Peer, fogtest.Told) {
						if x.Peer == sellers[0].Peer {
							delivered++
						}
					}
					if !caught(f, b, sellers[0].Peer) || delivered > batch {
						t.Errorf("it delivered %d results and was caught: %v", delivered, caught(f, b, sellers[0].Peer))
					}
					n := float64(len(d.Plan.Tasks))
					if most := 0.05*n + 4*math.Sqrt(0.05*n); float64(d.Checked) > most {
						t.Errorf("%d checks of %.0f tasks, 5 %% are affordable and %.1f likely", d.Checked, n, most)
					}
				})
			})
		}
	}
}
