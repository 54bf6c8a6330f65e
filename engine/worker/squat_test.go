package worker_test

import (
	"testing"
	"testing/synctest"
	"time"

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
		for i := range uint32(100) {
			l := leaseOf(d, i, 1)
			l.Spec = job.Spec{X1: 64, Y1: 64}.Encode()
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
