package worker_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/job"
	"sonm/engine/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scene is one honest seller with one slot, and a buyer that means no good.
type scene struct {
	f *fogtest.Fog
	w *fogtest.Seller
	x *fogtest.Stranger
}

// withSeller runs do in fake time; afterwards the seller must still have its
// slot for an honest buyer, and nothing may be left running.
func withSeller(t *testing.T, do func(t *testing.T, s scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		const seed = 1
		f, err := fogtest.New(t.Context(), fogtest.Config{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		w, err := f.Sell(fogtest.SellerConfig{Name: "seller"})
		if err != nil {
			t.Fatal(err)
		}
		x := f.Stranger("stranger", snm("10"))
		synctest.Wait() // the first ask is out
		do(t, scene{f, w, x})
		b := f.Buy("honest buyer", snm("10"), fogtest.BuyerRole{})
		d, err := b.Do(t.Context(), fogtest.Work{Width: 16, Height: 16, Samples: 4})
		if err != nil {
			t.Fatalf("seed %d: an honest buyer afterwards: %v", seed, err)
		}
		if d.Film.Hash() != d.Truth.Hash() {
			t.Error("the film is wrong")
		}
	})
}

func snm(s string) fog.Amount {
	a, err := fog.ParseAmount(s)
	if err != nil {
		panic(err)
	}
	return a
}

// sentence checks that a person could read it.
func sentence(t *testing.T, s, want string) {
	t.Helper()
	if !strings.Contains(s, want) || strings.ContainsAny(s, "\n{}") || strings.Contains(s, "%!") {
		t.Errorf("said %q, want a sentence with %q", s, want)
	}
}

func TestProposalsThatAreRefusedWithASentence(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s scene, d *fog.Deal)
		size   uint64
		want   string
	}{
		{"price below the ask", func(_ scene, d *fog.Deal) { d.Price = fog.Wei(1) }, 1000, "price is now 1 SNM"},
		{"expired", func(_ scene, d *fog.Deal) { d.Expiry = time.Now().Add(-time.Second).UTC().Truncate(time.Second) }, 1000, "expired"},
		{"unknown module", func(_ scene, d *fog.Deal) { d.Module[3] ^= 1 }, 1000, "does not have that program"},
		{"too large", func(scene, *fog.Deal) {}, 1 << 35, "too large"},
		{"for another seller", func(_ scene, d *fog.Deal) { d.Seller[0] ^= 1 }, 1000, "other parties"},
		{"of another buyer", func(_ scene, d *fog.Deal) { d.Buyer[0] ^= 1 }, 1000, "other parties"},
		{"more than the escrow holds", func(_ scene, d *fog.Deal) { d.Cap = snm("11") }, 1000, "10 SNM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			withSeller(t, func(t *testing.T, s scene) {
				st := s.greeted(t)
				defer st.Close()
				d := s.deal(t)
				c.change(s, &d)
				answer, err := s.x.Propose(t.Context(), st, d, c.size)
				if err != nil {
					t.Fatal(err)
				}
				no, ok := answer.(wire.Refuse)
				if !ok {
					t.Fatalf("answer %s, want refuse", wire.NameOf(answer))
				}
				sentence(t, no.Reason, c.want)
			})
		})
	}
}

func TestAForgedProposalIsRefused(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		st := s.greeted(t)
		defer st.Close()
		if err := st.Send(t.Context(), wire.New(wire.Propose{Deal: s.deal(t), Sig: fog.Signature{64: 27}, Size: 1000})); err != nil {
			t.Fatal(err)
		}
		m, err := st.Recv(t.Context(), wire.MaxControl)
		if err != nil {
			t.Fatal(err)
		}
		no, ok := m.Body.(wire.Refuse)
		if !ok {
			t.Fatalf("answer %s, want refuse", wire.NameOf(m.Body))
		}
		sentence(t, no.Reason, "not signed by the buyer")
	})
}

// With its one slot sold, a seller says so to the next buyer.
func TestASecondDealIsRefusedWhileTheSlotIsSold(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		st, _, err := s.x.Strike(t.Context(), s.w)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Reset()
		y := s.f.Stranger("second stranger", snm("10"))
		st2, _, err := y.Strike(t.Context(), s.w)
		if err == nil {
			t.Fatal("the slot was sold twice")
		}
		defer st2.Close()
		sentence(t, err.Error(), "is sold at the moment")
	})
}

// What a buyer may not say in a deal ends the deal with one sentence, and
// frees the slot.
func TestWhatABuyerMayNotSayBreaksTheDeal(t *testing.T) {
	for _, c := range []struct {
		name string
		say  func(t *testing.T, s scene, st *fogtest.Stream, d fog.Deal)
		want string
	}{
		{"a flood of leases", func(t *testing.T, _ scene, st *fogtest.Stream, d fog.Deal) {
			for i := range uint32(3000) {
				if st.Send(t.Context(), wire.New(wire.Lease{Lease: leaseOf(d, i, 1)})) != nil {
					return
				}
			}
		}, "leases waiting"},
		{"a lease of another deal", func(t *testing.T, _ scene, st *fogtest.Stream, d fog.Deal) {
			other := d
			other.Cap = fog.Wei(1)
			say(t, st, wire.Lease{Lease: leaseOf(other, 0, 1)})
		}, "belongs to another deal"},
		{"a lease of another job's task", func(t *testing.T, _ scene, st *fogtest.Stream, d fog.Deal) {
			l := leaseOf(d, 0, 1)
			l.Task[0] ^= 1
			say(t, st, wire.Lease{Lease: l})
		}, "belongs to another deal"},
		{"a voucher for another seller", func(t *testing.T, s scene, st *fogtest.Stream, d fog.Deal) {
			say(t, st, s.voucher(t, fog.Voucher{Buyer: d.Buyer, Seller: d.Buyer, Epoch: fogtest.Epoch, Total: fog.Wei(9)}))
		}, "between other parties"},
		{"a voucher of another buyer", func(t *testing.T, s scene, st *fogtest.Stream, d fog.Deal) {
			say(t, st, s.voucher(t, fog.Voucher{Buyer: d.Seller, Seller: d.Seller, Epoch: fogtest.Epoch, Total: fog.Wei(9)}))
		}, "between other parties"},
		{"a forged voucher", func(t *testing.T, s scene, st *fogtest.Stream, d fog.Deal) {
			v := s.voucher(t, fog.Voucher{Buyer: d.Buyer, Seller: d.Seller, Epoch: fogtest.Epoch, Total: fog.Wei(9)})
			v.Voucher.Total = fog.Wei(10)
			say(t, st, v)
		}, "signed by another key"},
		{"a proposal again", func(t *testing.T, _ scene, st *fogtest.Stream, d fog.Deal) {
			say(t, st, wire.Propose{Deal: d, Size: 1})
		}, "unexpected propose"},
		{"a result", func(t *testing.T, _ scene, st *fogtest.Stream, d fog.Deal) {
			say(t, st, wire.Result{Receipt: fog.Receipt{Deal: d.ID(), Attempt: 1, Work: 1}, Output: []byte{1}, Engine: "wasmer"})
		}, "unexpected result"},
		{"a close of another deal", func(t *testing.T, _ scene, st *fogtest.Stream, _ fog.Deal) {
			say(t, st, wire.Close{Deal: fog.DealID{1}})
		}, "close of another deal"},
		{"no message at all", func(t *testing.T, _ scene, st *fogtest.Stream, _ fog.Deal) {
			if err := st.Raw(t.Context(), []byte("\xff\xff\xff\xffgarbage")); err != nil {
				t.Fatal(err)
			}
		}, "receive"},
		{"a message of a megabyte", func(t *testing.T, _ scene, st *fogtest.Stream, _ fog.Deal) {
			if err := st.Raw(t.Context(), make([]byte, 1<<20)); err != nil {
				t.Fatal(err)
			}
		}, "are allowed"},
		{"the end of the stream", func(_ *testing.T, _ scene, st *fogtest.Stream, _ fog.Deal) { st.Close() }, "receive"},
	} {
		t.Run(c.name, func(t *testing.T) {
			withSeller(t, func(t *testing.T, s scene) {
				st, d, err := s.x.Strike(t.Context(), s.w)
				if err != nil {
					t.Fatal(err)
				}
				defer st.Reset()
				c.say(t, s, st, d)
				drain(t, st)
				broken := fogtest.Find[fog.DealBroken](s.f.Trace, s.w.Peer, fogtest.Told)
				if len(broken) != 1 {
					t.Fatalf("%d deals were broken, want 1", len(broken))
				}
				sentence(t, broken[0].Reason, c.want)
				if got := s.w.Journal.Taken(d.Buyer).Total; !got.IsZero() {
					t.Errorf("a voucher of %s was kept", got)
				}
			})
		})
	}
}

// Openings that never become a deal cost the seller nothing.
func TestWhatIsNoOpeningEndsTheStream(t *testing.T) {
	for _, c := range []struct {
		name string
		open []wire.Body
	}{
		{"a lease first", []wire.Body{wire.Lease{Lease: fog.Lease{Spec: []byte{1}, Attempt: 1}}}},
		{"hello twice", []wire.Body{nil, nil}},
		{"a close after hello", []wire.Body{nil, wire.Close{}}},
		{"nothing", nil},
		{"hello and nothing", []wire.Body{nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			withSeller(t, func(t *testing.T, s scene) {
				st, err := s.x.Dial(t.Context(), s.w)
				if err != nil {
					t.Fatal(err)
				}
				defer st.Reset()
				for _, b := range c.open {
					if b == nil {
						b = s.x.Hello()
					}
					say(t, st, b)
				}
				start := time.Now()
				drain(t, st)
				if took := time.Since(start); took > time.Minute {
					t.Errorf("it was listened to for %v", took)
				}
			})
		})
	}
}

func (s scene) greeted(t *testing.T) *fogtest.Stream {
	t.Helper()
	st, err := s.x.Dial(t.Context(), s.w)
	if err == nil {
		err = s.x.Greet(t.Context(), st)
	}
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (s scene) deal(t *testing.T) fog.Deal {
	t.Helper()
	d, err := s.x.Deal(t.Context(), s.w)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (s scene) voucher(t *testing.T, v fog.Voucher) wire.Voucher {
	t.Helper()
	v, err := s.x.Keys.SignVoucher(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Voucher{Voucher: v}
}

func leaseOf(d fog.Deal, index, attempt uint32) fog.Lease {
	sp := job.Spec{X1: 8, Y1: 8, Log2: 2}
	return fog.Lease{Deal: d.ID(), Task: fog.TaskIDOf(d.Job, index), Index: index, Attempt: attempt, Spec: sp.Encode(), Planned: 25_000}
}

func say(t *testing.T, st *fogtest.Stream, b wire.Body) {
	t.Helper()
	if err := st.Send(t.Context(), wire.New(b)); err != nil {
		t.Fatal(err)
	}
}

// drain reads until the seller ends the stream.
func drain(t *testing.T, st *fogtest.Stream) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	for {
		_, err := st.Recv(ctx, wire.MaxResult)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("the seller did not end the stream in 20 minutes")
		}
		if err != nil {
			synctest.Wait()
			return
		}
	}
}
