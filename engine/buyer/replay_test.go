package buyer_test

import (
	"fmt"
	"testing"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

// paidOnce checks that no result, and no task of one seller, was paid twice.
func paidOnce(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer) {
	t.Helper()
	type work struct {
		seller fog.Address
		index  uint32
	}
	seller, paid := dealsOf(f, b), map[work]int{}
	for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
		if v.OK {
			w := work{seller[v.Deal], v.Index}
			if paid[w]++; paid[w] == 2 {
				t.Errorf("task %d of %v is paid twice", v.Index, w.seller)
			}
		}
	}
}

// A seller sends every result again and again.
func TestARepeatedResultIsPaidOnce(t *testing.T) {
	for seed := range uint64(3) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Replaying(5), fogtest.Honest(), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			d := buy(t, f, b, fogtest.Work{})
			rightFilm(t, d)
			paidOnce(t, f, b)
		})
	}
}

// In a fog of slow computers tasks are copied, so that some results come
// second; those are honest work and paid, once, however often they are sent.
func TestARepeatedSecondResultIsPaidOnce(t *testing.T) {
	second := 0
	for seed := range uint64(30) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			slow := func(times float64) fogtest.Role {
				return fogtest.Role{Name: "slow and replaying", Slow: times, Replay: 5}
			}
			sell(t, f, slow(10), slow(35), slow(130))
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			d := buy(t, f, b, fogtest.Work{Width: 32, Height: 16, Samples: 8})
			rightFilm(t, d)
			paidOnce(t, f, b)
			for _, v := range fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote) {
				if v.OK {
					second++
				}
			}
			second -= len(d.Plan.Tasks)
		})
	}
	if second < 5 {
		t.Errorf("%d results came second in 30 jobs, the test needs more", second)
	}
}

// A seller so slow that its leases end while it works gets the task again, and
// delivers both attempts.
func TestBothAttemptsOfOneSellerArePaidOnce(t *testing.T) {
	inFog(t, 8, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Role{Name: "slow and mute", Slow: 400, Mute: true})
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		d := buy(t, f, b, fogtest.Work{Width: 24, Height: 8, Samples: 4})
		rightFilm(t, d)
		paidOnce(t, f, b)
	})
}

// A seller whose result came second goes on working: the copy it held is over.
// Else a job whose other sellers die would wait for ever.
func TestASellerThatCameSecondIsLeasedMore(t *testing.T) {
	for n := 1; n < 7; n++ {
		for m := 1; m < 4; m++ {
			t.Run(fmt.Sprintf("the others die before results %d and %d", n, m), func(t *testing.T) {
				inFog(t, uint64(n), func(t *testing.T, f *fogtest.Fog) {
					sell(t, f, fogtest.Role{Name: "fast", Slow: 10, DieBefore: n},
						fogtest.Role{Name: "slow", Slow: 30}, fogtest.Role{Name: "slower", Slow: 90, DieBefore: m})
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
					ctx, cancel := contextWithin(t, time.Hour)
					defer cancel()
					d, err := b.Do(ctx, fogtest.Work{Width: 32, Height: 16, Samples: 4})
					if err != nil {
						t.Fatalf("job: %v", err)
					}
					checkSums(t, f, b, d)
					rightFilm(t, d)
				})
			})
		}
	}
}
