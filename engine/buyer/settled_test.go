package buyer_test

import (
	"testing"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
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
