package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/wire"
)

// A buyer that hangs up instead of paying is the same buyer when it calls
// again: it gets what one that stays would get, and then a no.
func TestABuyerThatReconnectsInsteadOfPayingGetsLittle(t *testing.T) {
	for i := range 4 {
		slots, denies := 1+i%2, i >= 2
		synctest.Test(t, func(t *testing.T) {
			f, err := fogtest.New(t.Context(), fogtest.Config{Seed: 4})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Stop()
			w, err := f.Sell(fogtest.SellerConfig{Name: "seller", Slots: slots})
			if err != nil {
				t.Fatal(err)
			}
			b := f.Buy("runaway", snm("10"), fogtest.BuyerRole{Reconnects: true, Denies: denies})
			start := time.Now()
			_, err = b.Do(t.Context(), fogtest.Work{Samples: 16})
			if !errors.Is(err, buyer.ErrDeserted) {
				t.Errorf("err = %v, want %v", err, buyer.ErrDeserted)
			}
			// Results that were on their way when it hung up are lost and leased again.
			if n := results(f, w); n > 8*slots {
				t.Errorf("%d slots: it got %d results for nothing", slots, n)
			}
			deals := len(fogtest.Find[fog.DealAccepted](f.Trace, w.Peer, fogtest.Told))
			no := fogtest.Find[fog.DealRefused](f.Trace, w.Peer, fogtest.Told)
			if deals < 3 || len(no) == 0 || !strings.Contains(no[0].Reason, "has not paid") {
				t.Errorf("%d slots: %d deals in %v, then refused: %v", slots, deals, time.Since(start), no)
			}
		})
	}
}

func results(f *fogtest.Fog, w *fogtest.Seller) int {
	return len(fogtest.Find[fogtest.WroteResult](f.Trace, w.Peer, fogtest.Wrote))
}

// call strikes a deal, leases tasks, waits a minute, and hangs up; it returns
// the receipts that came.
func (s scene) call(t *testing.T, first *fog.Voucher, tasks ...uint32) []fog.Receipt {
	t.Helper()
	st, d, err := s.x.Strike(t.Context(), s.w)
	if err != nil {
		t.Fatal(err)
	}
	if first != nil {
		say(t, st, wire.Voucher{Voucher: *first})
	}
	for _, i := range tasks {
		say(t, st, wire.Lease{Lease: leaseOf(d, i, 1)})
	}
	ctx, cancel := contextWithin(t, time.Minute)
	defer cancel()
	var got []fog.Receipt
	for {
		m, err := st.Recv(ctx, wire.MaxResult)
		if err != nil {
			break
		}
		if r, ok := m.Body.(wire.Result); ok {
			got = append(got, r.Receipt)
		}
	}
	_ = st.Reset()
	synctest.Wait()
	return got
}

// promise is a voucher over the price of results, and rest more or less.
func (s scene) promise(t *testing.T, rs []fog.Receipt) *fog.Voucher {
	t.Helper()
	price := snm("1")
	v := fog.Voucher{Buyer: s.x.Keys.Account(), Seller: s.w.Keys.Account(), Epoch: fogtest.Epoch}
	for _, r := range rs {
		v.Total = v.Total.Add(price.Cost(r.Work))
	}
	signed := s.voucher(t, v).Voucher
	return &signed
}

// A debt outlives the conversation, and what pays it off is what was promised.
func TestADebtOutlivesTheConversation(t *testing.T) {
	for _, c := range []struct {
		name string
		pays func(s scene, t *testing.T, rs []fog.Receipt) *fog.Voucher
		then int // results of four new tasks
	}{
		{"nothing", func(scene, *testing.T, []fog.Receipt) *fog.Voucher { return nil }, 0},
		{"a pittance", func(s scene, t *testing.T, _ []fog.Receipt) *fog.Voucher {
			v := fog.Voucher{Buyer: s.x.Keys.Account(), Seller: s.w.Keys.Account(), Epoch: fogtest.Epoch, Total: fog.Wei(1)}
			signed := s.voucher(t, v).Voucher
			return &signed
		}, 0},
		{"one result", func(s scene, t *testing.T, rs []fog.Receipt) *fog.Voucher { return s.promise(t, rs[:1]) }, 1},
		{"three results", func(s scene, t *testing.T, rs []fog.Receipt) *fog.Voucher { return s.promise(t, rs[:3]) }, 3},
		{"everything", func(s scene, t *testing.T, rs []fog.Receipt) *fog.Voucher { return s.promise(t, rs) }, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			withSeller(t, func(t *testing.T, s scene) {
				rs := s.call(t, nil, 0, 1, 2, 3, 4, 5)
				if len(rs) != 4 {
					t.Fatalf("%d results before a voucher, want 4", len(rs))
				}
				v := c.pays(s, t, rs)
				if got := len(s.call(t, v, 10, 11, 12, 13)); got != c.then {
					t.Errorf("%d results afterwards, want %d", got, c.then)
				}
				if got := len(s.call(t, v, 20, 21, 22, 23)); got != 0 { // the same voucher again is no news
					t.Errorf("%d results for a voucher that was sent before", got)
				}
			})
		})
	}
}

// A debt outlives the seller's program, too, and a buyer that has paid owes
// nothing after its next start.
func TestADebtOutlivesTheProgram(t *testing.T) {
	for _, c := range []struct {
		name string
		paid int // results of four, before the program dies
		no   bool
		then int // results of four new tasks
		hour bool
	}{{"nothing paid", 0, false, 0, false}, {"one paid", 1, false, 1, false}, {"all paid", 4, false, 4, false}, {"all denied", 0, true, 0, false}, {"an hour later", 0, false, 4, true}} {
		t.Run(c.name, func(t *testing.T) {
			withSeller(t, func(t *testing.T, s scene) {
				rs := s.call(t, nil, 0, 1, 2, 3)
				if len(rs) != 4 {
					t.Fatalf("%d results, want 4", len(rs))
				}
				st, d, err := s.x.Strike(t.Context(), s.w)
				if err != nil {
					t.Fatal(err)
				}
				if c.paid > 0 {
					say(t, st, wire.Voucher{Voucher: *s.promise(t, rs[:c.paid])})
				}
				for _, r := range rs {
					if c.no {
						say(t, st, wire.Verdict{Deal: d.ID(), Task: r.Task, Attempt: 1, Reason: "No."})
					}
				}
				pause := time.NewTimer(time.Second)
				<-pause.C
				_ = st.Close()
				s.w.Die()
				away := time.Second
				if c.hour {
					away = time.Hour
				}
				pause.Reset(away)
				<-pause.C
				if err := s.w.Revive(); err != nil {
					t.Fatal(err)
				}
				pause.Reset(time.Second)
				<-pause.C
				if got := len(s.call(t, nil, 10, 11, 12, 13)); got != c.then {
					t.Errorf("%d results afterwards, want %d", got, c.then)
				}
			})
		})
	}
}

// A buyer whose program died leases again what it lost, four times an hour for
// a slot; one that does nothing else is refused in the end, and forgiven later.
func TestLostResultsAreRenderedAgainAFewTimes(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		if got := len(s.call(t, nil, 0, 1, 2, 3)); got != 4 {
			t.Fatalf("%d results, want 4", got)
		}
		if got := len(s.call(t, nil, 0, 1)) + len(s.call(t, nil, 0, 3)); got != 4 {
			t.Errorf("%d results of tasks that were lost, want 4", got)
		}
		if got := len(s.call(t, nil, 2, 3)); got != 0 {
			t.Errorf("%d results more within the hour, want none", got)
		}
		var err error
		for range 40 { // each call keeps the seller waiting for a minute
			var st *fogtest.Stream
			var d fog.Deal
			if st, d, err = s.x.Strike(t.Context(), s.w); err != nil {
				st.Close()
				break
			}
			say(t, st, wire.Lease{Lease: leaseOf(d, 9, 1)})
			pause := time.NewTimer(time.Minute)
			<-pause.C
			_ = st.Reset()
			synctest.Wait()
		}
		if err == nil || !strings.Contains(err.Error(), "has not paid") || results(s.f, s.w) != 8 {
			t.Errorf("err = %v after %d results", err, results(s.f, s.w))
		}
		hour := time.NewTimer(61 * time.Minute)
		<-hour.C
		if got := len(s.call(t, nil, 9)); got != 1 {
			t.Errorf("%d results an hour later, want 1", got)
		}
	})
}

// A buyer that owes all it may for a job that is over is refused for another,
// rather than left to wait for work that will not come; to the same job it may
// come back.
func TestABuyerThatOwesForAnotherJobIsRefusedAtOnce(t *testing.T) {
	withSeller(t, func(t *testing.T, s scene) {
		if got := len(s.call(t, nil, 0, 1, 2, 3)); got != 4 {
			t.Fatalf("%d results, want 4", got)
		}
		propose := func(other byte) wire.Body {
			st := s.greeted(t)
			defer st.Close()
			d := s.deal(t)
			d.Job[0] ^= other
			answer, err := s.x.Propose(t.Context(), st, d, 1000)
			if err != nil {
				t.Fatal(err)
			}
			return answer
		}
		no, ok := propose(1).(wire.Refuse)
		if !ok {
			t.Fatalf("answer %s, want refuse", wire.NameOf(propose(1)))
		}
		sentence(t, no.Reason, "has not paid")
		if a := propose(0); wire.NameOf(a) != wire.NameOf(wire.Accept{}) {
			t.Errorf("the same job: answer %s, want accept", wire.NameOf(a))
		}
		hour := time.NewTimer(61 * time.Minute)
		<-hour.C
		if a := propose(1); wire.NameOf(a) != wire.NameOf(wire.Accept{}) {
			t.Errorf("an hour later: answer %s, want accept", wire.NameOf(a))
		}
	})
}

// What is being worked on is no debt yet: a buyer with two jobs at once is not
// refused the second.
func TestABuyerMayHaveTwoJobsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := fogtest.New(t.Context(), fogtest.Config{Seed: 6})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Stop()
		w, err := f.Sell(fogtest.SellerConfig{Name: "seller", Slots: 2})
		if err != nil {
			t.Fatal(err)
		}
		s := scene{f, w, f.Stranger("stranger", snm("10"))}
		synctest.Wait()
		st, d, err := s.x.Strike(t.Context(), w)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Reset()
		for i := range uint32(8) {
			say(t, st, wire.Lease{Lease: leaseOf(d, i, 1)})
		}
		for n := 0; n < 8; {
			m, err := st.Recv(t.Context(), wire.MaxResult)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := m.Body.(wire.Result); ok {
				n++
			}
		}
		st2 := s.greeted(t)
		defer st2.Reset()
		d2 := s.deal(t)
		d2.Job[0] ^= 1
		answer, err := s.x.Propose(t.Context(), st2, d2, 1000)
		if err != nil || wire.NameOf(answer) != wire.NameOf(wire.Accept{}) {
			t.Errorf("the second job: %s, %v", wire.NameOf(answer), err)
		}
	})
}

// A verdict of no is no pay: what it names stays owed. Only a result that came
// twice, since the buyer leased its task again, is answered by a no to the
// second, and once.
func TestANoIsNoPay(t *testing.T) {
	for _, paid := range []bool{false, true} {
		t.Run(fmt.Sprintf("paid before: %v", paid), func(t *testing.T) {
			withSeller(t, func(t *testing.T, s scene) {
				st, d, err := s.x.Strike(t.Context(), s.w)
				if err != nil {
					t.Fatal(err)
				}
				lease := func(index, attempt uint32) *fog.Receipt {
					t.Helper()
					say(t, st, wire.Lease{Lease: leaseOf(d, index, attempt)})
					ctx, cancel := contextWithin(t, time.Minute)
					defer cancel()
					for {
						m, err := st.Recv(ctx, wire.MaxResult)
						if err != nil {
							return nil
						}
						if r, ok := m.Body.(wire.Result); ok {
							return &r.Receipt
						}
					}
				}
				first := lease(0, 1)
				if first == nil {
					t.Fatal("no result")
				}
				want := 4 + 3 // re-leases an hour, and what may be owed with the first
				if paid {
					say(t, st, wire.Verdict{Deal: d.ID(), Task: first.Task, Attempt: 1, Accepted: true})
					say(t, st, wire.Voucher{Voucher: *s.promise(t, []fog.Receipt{*first})})
					want = 1 + 4 + 4 // for the one that was paid
				}
				got := 0
				for n := uint32(2); n < 20 && lease(0, n) != nil; n++ { // a task that was paid for, again and again
					say(t, st, wire.Verdict{Deal: d.ID(), Task: first.Task, Attempt: n, Reason: "You delivered this task before."})
					got++
				}
				if got != want {
					t.Errorf("%d results of a task over again, want %d", got, want)
				}
				_ = st.Close()
			})
		})
	}
}

func contextWithin(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}
