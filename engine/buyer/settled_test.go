package buyer_test

import (
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/proof"
)

// Sellers that passed many checks before are drawn less often, their first
// result is checked as ever, and one that begins to lie is caught all the same.
func TestSellersThatAreKnownAreCheckedLess(t *testing.T) {
	for seed := range uint64(3) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			liar := fogtest.Liar(1)
			liar.From = 64 + 300
			sellers := sell(t, f, fogtest.Honest(), liar)
			b := f.Buy("buyer", snm("100"), fogtest.BuyerRole{})
			if _, err := b.Do(t.Context(), fogtest.Work{Sellers: 2, CheckRate: 1}); err != nil {
				t.Fatal(err)
			}
			at := len(fogtest.Find[fog.TaskDone](f.Trace, b.Peer, fogtest.Told))
			d, err := b.Do(t.Context(), fogtest.Work{Sellers: 2, Width: 256, Height: 128, Samples: 64})
			if err != nil {
				t.Fatal(err)
			}
			rightFilm(t, d)
			done := fogtest.Find[fog.TaskDone](f.Trace, b.Peer, fogtest.Told)[at:]
			drawn, first := 0, map[fog.PeerID]bool{}
			for _, x := range done {
				if !first[x.Peer] && !x.Checked {
					t.Errorf("the first result of %s was not checked", x.Peer)
				}
				first[x.Peer] = true
				if x.Checked {
					drawn++
				}
			}
			if !caught(f, b, sellers[1].Peer) {
				t.Error("the liar was not caught")
			}
			if rate := float64(drawn) / float64(len(done)); len(done) < 1000 || rate > 0.035 {
				t.Errorf("%d of %d results were checked", drawn, len(done))
			}
			t.Logf("seed %d: %d of %d results checked", seed, drawn, len(done))
		})
	}
}

// passed is what a seller's record at b is now.
func passed(t *testing.T, b *fogtest.Buyer, s *fogtest.Seller) int {
	t.Helper()
	n, err := b.Journal.Passed(t.Context(), s.Keys.Account(), time.Now().Add(-proof.Memory), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A record is made of draws: the first result of a job, of which every seller
// knows that it is re-run, is none, in however many tiny jobs.
func TestFirstResultsMakeNoRecord(t *testing.T) {
	inFog(t, 1, func(t *testing.T, f *fogtest.Fog) {
		s := sell(t, f, fogtest.Honest())[0]
		b := f.Buy("buyer", snm("100"), fogtest.BuyerRole{})
		for range 25 {
			d, err := b.Do(t.Context(), fogtest.Work{Width: 16, Height: 8, CheckRate: 1e-9}) // nothing is drawn
			if err != nil || d.Checked == 0 {
				t.Fatalf("%d results were checked, %v", d.Checked, err)
			}
		}
		if n := passed(t, b, s); n != 0 {
			t.Errorf("25 tiny jobs made a record of %d", n)
		}
		d, err := b.Do(t.Context(), fogtest.Work{CheckRate: 1})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if n, want := passed(t, b, s), len(d.Plan.Tasks)-1; n != want {
			t.Errorf("a job of %d tasks that were all drawn made a record of %d, want %d", want+1, n, want)
		}
	})
}

// A job that is gone on with is drawn at the rate it began with, whatever its
// seller showed elsewhere in the meantime.
func TestAResumedJobIsDrawnAsBefore(t *testing.T) {
	inFog(t, 1, func(t *testing.T, f *fogtest.Fog) {
		s := sell(t, f, fogtest.Honest())[0]
		b := f.Buy("buyer", snm("100"), fogtest.BuyerRole{})
		if _, err := b.Do(t.Context(), fogtest.Work{Width: 32, Height: 16, CheckRate: 1}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		had := passed(t, b, s)
		big := fogtest.Work{Width: 256, Height: 128, Samples: 64, Sellers: 1}
		d, open := untilCrash(t, b, big, 100)
		saved, _ := b.Journal.Saved(d.ID)
		if _, err := b.Do(t.Context(), fogtest.Work{CheckRate: 1}); err != nil || !open {
			t.Fatalf("open: %v, %v", open, err)
		}
		<-time.After(time.Second)
		at := len(f.Trace.Steps())
		if _, err := b.Resume(t.Context(), d, big); err != nil {
			t.Fatal(err)
		}
		rec := saved.Record
		all := proof.PlanChecks(rec.Check, len(rec.Plan.Tasks), rec.Sellers)
		want, now := all.Settled(had, len(rec.Plan.Tasks), 1), all.Settled(passed(t, b, s), len(rec.Plan.Tasks), 1)
		if want.Later <= now.Later || want.Later >= all.Later {
			t.Fatalf("the rates are %v of newcomers, %v at first and %v later; the test wants them to fall", all.Later, want.Later, now.Later)
		}
		var last fogtest.WroteArrived
		n := 0
		for _, x := range f.Trace.Steps()[at:] {
			switch x := x.What.(type) {
			case fogtest.WroteArrived:
				last = x
			case fog.TaskDone:
				if x.Peer != s.Peer || x.Job != d.ID {
					continue
				}
				n++
				if due := want.Due(rec.Secret, proof.ReceiptHash(last.Receipt), false); x.Checked != due {
					t.Errorf("task %d is checked: %v, and was to be: %v", x.Index, x.Checked, due)
				}
			}
		}
		if n < 500 {
			t.Errorf("%d results came after the crash, the test wants more", n)
		}
	})
}

// A record that is not kept up is none after a while.
func TestARecordFades(t *testing.T) {
	inFog(t, 1, func(t *testing.T, f *fogtest.Fog) {
		s := sell(t, f, fogtest.Honest())[0]
		b := f.Buy("buyer", snm("100"), fogtest.BuyerRole{})
		if _, err := b.Do(t.Context(), fogtest.Work{CheckRate: 1}); err != nil {
			t.Fatal(err)
		}
		<-time.After(proof.Memory - time.Hour)
		if passed(t, b, s) == 0 {
			t.Error("the record is gone too early")
		}
		<-time.After(2 * time.Hour)
		if n := passed(t, b, s); n != 0 {
			t.Errorf("after %v the record is still %d", proof.Memory, n)
		}
	})
}
