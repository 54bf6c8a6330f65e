package buyer_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

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
	start := time.Now()
	var cheats, lost int
	for seed := range uint64(crowds) {
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
	t.Logf("seeds 0-%d: %d cheats caught, %d sellers lost, in %v", crowds-1, cheats, lost, time.Since(start).Round(time.Second))
	if n := int(crowds); cheats < 4*n || lost < cheats+2*n {
		t.Error("the fog was too quiet to show anything")
	}
}
