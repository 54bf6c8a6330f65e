package buyer_test

import (
	"fmt"
	"testing"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/wire"
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
		everythingAnswered(t, f, b)
	})
}

// everythingAnswered checks that each result got one verdict: a seller counts
// those that did not, and stops working.
func everythingAnswered(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer) {
	t.Helper()
	type attempt struct {
		with fog.PeerID
		task fog.TaskID
		n    uint32
	}
	came, twice := map[attempt]int{}, map[fog.TaskID]int{}
	for _, s := range f.Trace.Steps() {
		switch x := s.What.(type) {
		case wire.Result:
			if s.Kind == fogtest.Got && s.Peer == b.Peer {
				came[attempt{s.With, x.Receipt.Task, x.Receipt.Attempt}]++
				twice[x.Receipt.Task]++
			}
		case wire.Verdict:
			if s.Kind == fogtest.Sent && s.Peer == b.Peer {
				came[attempt{s.With, x.Task, x.Attempt}]--
			}
		}
	}
	for a, n := range came {
		if n != 0 {
			t.Errorf("attempt %d at a task: %d results more than verdicts", a.n, n)
		}
	}
	if len(twice) == len(came) {
		t.Error("no task came twice, the test shows nothing")
	}
}

// A second attempt is no way around the check of the first: with everything
// checked, nothing is promised without a good verdict on it.
func TestASecondAttemptDoesNotEvadeTheCheck(t *testing.T) {
	inFog(t, 8, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Role{Name: "slow and mute", Slow: 400, Mute: true})
		b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: 100})
		d := buy(t, f, b, fogtest.Work{Width: 32, Height: 8, Samples: 4, CheckRate: 1})
		rightFilm(t, d)
		passed := map[uint32]bool{}
		for i, s := range f.Trace.Steps() {
			switch x := s.What.(type) {
			case fog.TaskChecked:
				passed[x.Index] = x.OK
			case buyer.Verdict:
				if x.OK && !passed[x.Index] {
					t.Errorf("step %d: task %d is promised before its check", i, x.Index)
				}
			}
		}
	})
}

// A seller whose result came second goes on working: the copy it held is over.
// Else a job whose other sellers die would wait for ever.
func TestASellerThatCameSecondIsLeasedMore(t *testing.T) {
	for n := 1; n < 7; n++ {
		for m := 1; m < 4; m++ {
			t.Run(fmt.Sprintf("the others die before results %d and %d", n, m), func(t *testing.T) {
				inFog(t, uint64(n), func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, fogtest.Role{Name: "fast", Slow: 10, DieBefore: n},
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
					neverLeftWithoutWork(t, f, b, sellers[1])
				})
			})
		}
	}
}

// neverLeftWithoutWork checks that the last of three sellers, once it is alone, has a task in
// hand until the job is done.
func neverLeftWithoutWork(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, s *fogtest.Seller) {
	t.Helper()
	type attempt struct {
		index, n uint32
	}
	var alone, empty time.Time
	hand, lost := map[attempt]bool{}, map[fog.PeerID]bool{}
	for _, x := range f.Trace.Steps() {
		switch v := x.What.(type) {
		case fog.SellerLost:
			if lost[v.Peer] = true; len(lost) == 2 && alone.IsZero() {
				alone = x.At
			}
		case fog.TaskLeased:
			if v.Peer != s.Peer {
				continue
			}
			if since := later(alone, empty); len(hand) == 0 && !alone.IsZero() && x.At.Sub(since) > 5*time.Second {
				t.Errorf("the last seller had nothing to do for %v", x.At.Sub(since))
			}
			hand[attempt{v.Index, v.Attempt}] = true
		case wire.Result:
			if x.Kind == fogtest.Got && x.Peer == b.Peer && x.With == s.Peer {
				delete(hand, attempt{indexOf(f, b, v.Receipt.Task), v.Receipt.Attempt})
				empty = x.At
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func indexOf(f *fogtest.Fog, b *fogtest.Buyer, task fog.TaskID) uint32 {
	r := fogtest.Find[buyer.Record](f.Trace, b.Peer, fogtest.Wrote)[0]
	for i := range r.Plan.Tasks {
		if fog.TaskIDOf(r.ID, uint32(i)) == task {
			return uint32(i)
		}
	}
	return 1 << 31
}

// Copies of what a cheat delivered are paid, and count once the cheat is caught
// and its results are thrown away: who delivers such a task again hears that it
// was paid for it, and is not paid twice. A crash in between changes nothing.
func TestACopyThatWinsAfterAStrikeIsPaidOnce(t *testing.T) {
	again := 0
	for _, c := range []struct {
		name  string
		roles []fogtest.Role
		work  fogtest.Work
		speed float64 // of the checks
	}{
		{"lying later", []fogtest.Role{{Name: "lying later", Slow: 10, Lies: 1, From: 1}, fogtest.Slow(35), fogtest.Slow(130)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.001}, 0},
		{"lying later, slow checks", []fogtest.Role{{Name: "lying later", Slow: 10, Lies: 1, From: 7}, fogtest.Slow(35), fogtest.Slow(60)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.4}, 1500},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(50) {
				inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, c.roles...)
					b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: c.speed})
					d, err := b.Do(t.Context(), c.work)
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					checkSums(t, f, b, d)
					paidOnce(t, f, b)
					for _, s := range sellers[1:] {
						again += answered(t, f, b, s)
					}
				})
			}
		})
	}
	t.Logf("%d results came again", again)
	if again < 3 {
		t.Error("the test needs more of them")
	}
}

// answered checks that each result of an honest seller that came while the job
// was on got one verdict, and returns how many were of tasks it had delivered
// before.
func answered(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, s *fogtest.Seller) (again int) {
	t.Helper()
	type attempt struct {
		task fog.TaskID
		n    uint32
	}
	open, had := map[attempt]int{}, map[fog.TaskID]bool{}
	for _, x := range f.Trace.Steps() {
		if x.Peer != b.Peer || x.With != s.Peer {
			continue
		}
		switch v := x.What.(type) {
		case wire.Result:
			open[attempt{v.Receipt.Task, v.Receipt.Attempt}]++
			if had[v.Receipt.Task] {
				again++
			}
			had[v.Receipt.Task] = true
		case wire.Verdict:
			open[attempt{v.Task, v.Attempt}]--
		case wire.Close:
			for a, n := range open {
				if n != 0 {
					t.Errorf("attempt %d at a task: %d results more than verdicts", a.n, n)
				}
			}
			return again
		}
	}
	t.Errorf("%s was not told of the end", s.Role.Name)
	return again
}
