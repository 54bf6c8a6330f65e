package buyer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

// waits counts how often the person was told that the chain is waited for.
func waits(f *fogtest.Fog, b *fogtest.Buyer) (n int) {
	for _, w := range fogtest.Find[fog.Waited](f.Trace, b.Peer, fogtest.Told) {
		if strings.Contains(w.Reason, "chain does not answer") {
			n++
		}
	}
	return n
}

// The chain goes away before the last task and comes back ten minutes later:
// the sellers are let go, and the job ends as soon as the chain answers.
func TestTheChainIsGoneAtTheEndOfAJob(t *testing.T) {
	for seed := range uint64(5) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sellers := sell(t, f, fogtest.Honest(), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			var up time.Time
			time.AfterFunc(10*time.Second, f.Chain.Down)
			time.AfterFunc(10*time.Minute, func() {
				for _, s := range sellers {
					if n := len(fogtest.Find[fog.DealClosed](f.Trace, s.Peer, fogtest.Told)); n != 1 {
						t.Errorf("seed %d: a seller is held for a chain that does not answer", seed)
					}
				}
				up = time.Now()
				f.Chain.Up()
			})
			d := buy(t, f, b, fogtest.Work{})
			rightFilm(t, d)
			if up.IsZero() || time.Since(up) > 6*time.Second {
				t.Errorf("seed %d: the job ended %v after the chain was back at %v", seed, time.Since(up), up)
			}
			if n := waits(f, b); n != 1 {
				t.Errorf("seed %d: the person was told %d times", seed, n)
			}
		})
	}
}

// While a job is rendered nobody needs the chain.
func TestTheChainIsGoneInTheMiddleOfAJob(t *testing.T) {
	for seed := range uint64(5) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Honest(), fogtest.Role{Name: "dying", DieAfter: 9}, fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			time.AfterFunc(3500*time.Millisecond, f.Chain.Down)
			time.AfterFunc(9*time.Second, f.Chain.Up)
			d := buy(t, f, b, fogtest.Work{})
			rightFilm(t, d)
			if n := waits(f, b); n != 0 || d.Render < 6*time.Second {
				t.Errorf("seed %d: the person was told %d times; it rendered for %v", seed, n, d.Render)
			}
		})
	}
}

// A newcomer is not hired while the chain cannot say what it was promised; the
// job goes on with the seller it has.
func TestTheChainIsGoneWhileASellerIsLookedFor(t *testing.T) {
	inFog(t, 1, func(t *testing.T, f *fogtest.Fog) {
		sellers := sell(t, f, fogtest.Slow(10), fogtest.Slow(10))
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
		var up time.Time
		var fresh *fogtest.Seller
		time.AfterFunc(6*time.Second, func() {
			sellers[1].Die()
			f.Chain.Down()
			var err error
			if fresh, err = f.Sell(fogtest.SellerConfig{Name: "newcomer"}); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(2*time.Minute, func() {
			up = time.Now()
			f.Chain.Up()
		})
		d := buy(t, f, b, fogtest.Work{})
		rightFilm(t, d)
		hired, while := false, 0
		for _, s := range f.Trace.Steps() {
			switch x := s.What.(type) {
			case fog.DealOpened:
				if x.Peer == fresh.Peer {
					hired = true
					if s.At.Before(up) || s.At.Sub(up) > 15*time.Second {
						t.Errorf("the newcomer is hired %v after the chain is back", s.At.Sub(up))
					}
				}
			case fog.TaskDone:
				if s.At.After(up.Add(-time.Minute)) && s.At.Before(up) {
					while++
				}
			}
		}
		if !hired || while < 20 {
			t.Errorf("the newcomer was hired: %v; %d tasks were done in a minute without a chain", hired, while)
		}
	})
}

// The buyer's program ends while it waits for the chain: the job stays open,
// and the next start settles it.
func TestAJobThatCouldNotSettleIsSettledByTheNextStart(t *testing.T) {
	for seed := range uint64(5) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Honest(), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			time.AfterFunc(10*time.Second, f.Chain.Down)
			ctx, kill := contextWithin(t, 3*time.Minute)
			defer kill()
			d, err := b.Do(ctx, fogtest.Work{})
			if !errors.Is(err, context.DeadlineExceeded) || waits(f, b) != 1 {
				t.Fatalf("seed %d: %v, told %d times", seed, err, waits(f, b))
			}
			if _, open := b.Journal.Saved(d.ID); !open {
				t.Fatalf("seed %d: the job is not open", seed)
			}
			if _, err := b.Resume(t.Context(), d, fogtest.Work{}); !errors.Is(err, fog.ErrChain) {
				t.Errorf("seed %d: resume without a chain: %v", seed, err)
			}
			f.Chain.Up()
			leased := len(fogtest.Find[fog.TaskLeased](f.Trace, b.Peer, fogtest.Told))
			if d, err = b.Resume(t.Context(), d, fogtest.Work{}); err != nil {
				t.Fatalf("seed %d: resume: %v", seed, err)
			}
			rightFilm(t, d)
			checkSums(t, f, b, d)
			checkOrder(t, f, b)
			if n := len(fogtest.Find[fog.TaskLeased](f.Trace, b.Peer, fogtest.Told)); n != leased {
				t.Errorf("seed %d: %d tasks were leased again", seed, n-leased)
			}
		})
	}
}
