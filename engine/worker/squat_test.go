package worker_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/job"
	"sonm/engine/wire"
)

// A buyer signs a deal and gives no work: the slot is not its to keep.
func TestABuyerThatGivesNoWorkLosesTheSlot(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		st, _, err := s.x.Strike(t.Context(), s.w)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Reset()
		drain(t, st)
		s.broken(t, "no work")
	})
}

// A buyer takes results and does not read them: the seller does not wait for
// ever to get rid of them.
func TestABuyerThatDoesNotReadLosesTheSlot(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		st, d, err := s.x.Strike(t.Context(), s.w)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Reset()
		for i := range uint32(10) {
			l := leaseOf(d, i, 1)
			l.Spec = job.Spec{X1: 256, Y1: 256}.Encode()
			say(t, st, wire.Lease{Lease: l})
		}
		end := time.NewTimer(time.Hour)
		defer end.Stop()
		<-end.C
		synctest.Wait()
		s.broken(t, "send")
	})
}

// broken checks that the one deal was broken, with a sentence.
func (s scene) broken(t *testing.T, want string) {
	t.Helper()
	all := fogtest.Find[fog.DealBroken](s.f.Trace, s.w.Peer, fogtest.Told)
	if len(all) != 1 {
		t.Fatalf("%d deals were broken, want 1", len(all))
	}
	sentence(t, all[0].Reason, want)
}

// An honest buyer whose job is in other hands for a while keeps its slot.
func TestABuyerThatPausesKeepsTheSlot(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		st, d, err := s.x.Strike(t.Context(), s.w)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Reset()
		for i := range uint32(3) {
			pause := time.NewTimer(2 * time.Minute)
			<-pause.C
			say(t, st, wire.Lease{Lease: leaseOf(d, i, 1)})
			for {
				m, err := st.Recv(t.Context(), wire.MaxResult)
				if err != nil {
					t.Fatalf("task %d: %v", i, err)
				}
				if _, ok := m.Body.(wire.Result); ok {
					break
				}
			}
		}
		say(t, st, wire.Close{Deal: d.ID()})
		drain(t, st)
	})
}

// A buyer that takes results and never sends a voucher gets a few, not a film,
// whether it is silent about them or says no to each.
func TestABuyerThatNeverPaysGetsLittle(t *testing.T) {
	for name, role := range map[string]fogtest.BuyerRole{"silent": {NeverPays: true}, "denying": {Denies: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, err := fogtest.New(t.Context(), fogtest.Config{Seed: 2})
				if err != nil {
					t.Fatal(err)
				}
				defer f.Stop()
				w, err := f.Sell(fogtest.SellerConfig{Name: "seller", Slots: 2})
				if err != nil {
					t.Fatal(err)
				}
				b := f.Buy("miser", snm("10"), role)
				_, err = b.Do(t.Context(), fogtest.Work{Samples: 16})
				if n := results(f, w); n > 8 { // four a slot
					t.Errorf("it got %d results for nothing (err = %v)", n, err)
				}
				if !errors.Is(err, buyer.ErrDeserted) {
					t.Errorf("err = %v, want %v", err, buyer.ErrDeserted)
				}
			})
		})
	}
}

// A voucher of an epoch that is over pays nothing and is not taken for money.
func TestAVoucherOfAnotherEpochIsRefused(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		st, d, err := s.x.Strike(t.Context(), s.w)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Reset()
		say(t, st, s.voucher(t, fog.Voucher{Buyer: d.Buyer, Seller: d.Seller, Epoch: fogtest.Epoch - 1, Total: fog.Wei(9)}))
		drain(t, st)
		if got := s.w.Journal.Taken(d.Buyer); !got.Total.IsZero() {
			t.Errorf("a voucher of epoch %d was kept, it is %d", got.Epoch, fogtest.Epoch)
		}
	})
}

// What a buyer takes back in time is not rendered, and not owed.
func TestATaskTakenBackIsNotRendered(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		for range 10 {
			st, d, err := s.x.Strike(t.Context(), s.w)
			if err != nil {
				t.Fatal(err)
			}
			for i := range uint32(3) {
				say(t, st, wire.Lease{Lease: leaseOf(d, i, 1)})
				say(t, st, wire.Cancel{Deal: d.ID(), Task: fog.TaskIDOf(d.Job, i), Attempt: 1})
			}
			say(t, st, wire.Close{Deal: d.ID(), Secret: [32]byte{1}})
			drain(t, st)
		}
		if n := len(fogtest.Find[fogtest.WroteResult](s.f.Trace, s.w.Peer, fogtest.Wrote)); n != 0 {
			t.Errorf("%d results were signed", n)
		}
	})
}
