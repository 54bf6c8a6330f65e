package buyer_test

import (
	"testing"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/fogtest"
)

// The buyer's program dies after each of the records its journal takes for a
// job, and is started again: the film is right, nothing is paid twice, no
// finished task is leased again but a liar's, and sellers that were talked to
// hold what they were promised.
func TestAJobGoesOnAfterEveryRecord(t *testing.T) {
	for _, c := range []struct {
		name  string
		roles []fogtest.Role
		work  fogtest.Work
		cheat bool // the first
	}{
		{"honest sellers", []fogtest.Role{fogtest.Honest(), fogtest.Slow(2)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.25}, false},
		{"copied tasks", []fogtest.Role{fogtest.Slow(10), fogtest.Slow(35), fogtest.Slow(130)}, fogtest.Work{Width: 32, Height: 16}, false},
		{"newcomers with slow checks", []fogtest.Role{fogtest.Honest(), fogtest.Slow(2)}, fogtest.Work{Width: 32, Height: 16}, false},
		{"feature layers", []fogtest.Role{fogtest.Honest(), fogtest.Slow(2)}, fogtest.Work{Width: 32, Height: 16, CheckRate: 0.25, Layers: true}, false},
		{"feature layers and a liar", []fogtest.Role{fogtest.Liar(0.3), fogtest.Honest()}, fogtest.Work{Width: 32, Height: 16, CheckRate: 1, Layers: true}, true},
		{"a newcomer that always lies", []fogtest.Role{fogtest.Liar(1), fogtest.Honest()}, fogtest.Work{Width: 32, Height: 32}, true},
		{"a liar", []fogtest.Role{fogtest.Liar(0.3), fogtest.Honest()}, fogtest.Work{Width: 32, Height: 16, CheckRate: 1}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, resumed := 1, 0
			for more := true; more && !t.Failed(); k++ {
				inFog(t, uint64(k), func(t *testing.T, f *fogtest.Fog) {
					sellers := sell(t, f, c.roles...)
					var role fogtest.BuyerRole
					if c.name == "newcomers with slow checks" {
						role.CheckSpeed = 4000
					}
					b := f.Buy("buyer", snm("10"), role)
					d, open := untilCrash(t, b, c.work, k)
					if more = d.ID != (fog.JobID{}); !more {
						return
					}
					at := len(f.Trace.Steps())
					if open {
						resumed++
						var err error
						if d, err = b.Resume(t.Context(), d, c.work); err != nil {
							t.Fatalf("resume after record %d: %v", k, err)
						}
					}
					rightFilm(t, d)
					paidOnce(t, f, b)
					checkOrder(t, f, b)
					checkSums(t, f, b, d)
					if c.cheat {
						noPayForLies(t, f, b)
						if got := b.Journal.Promised(sellers[0].Keys.Account()); c.roles[0].Lies == 1 && !got.IsZero() {
							t.Errorf("seed %d: the liar was promised %s", k, got)
						}
						return
					}
					afterCrash(t, f, b, at, sellers)
				})
			}
			t.Logf("seeds 1-%d: %d jobs resumed", k-1, resumed)
			if resumed < 25 {
				t.Error("the job is too small to show anything")
			}
		})
	}
}

// untilCrash does a job until its program dies at the k-th record, and reports
// whether the job is open then; without an ID there were fewer records.
func untilCrash(t *testing.T, b *fogtest.Buyer, w fogtest.Work, k int) (d fogtest.Done, open bool) {
	t.Helper()
	ctx, kill := contextWithin(t, 1<<62)
	defer kill()
	b.Journal.CrashAfter(k, kill)
	d, err := b.Do(ctx, w)
	if !b.Journal.Mend() {
		if err != nil {
			t.Fatalf("job: %v", err)
		}
		return fogtest.Done{}, false
	}
	_, open = b.Journal.Saved(d.ID)
	return d, open
}

// afterCrash checks that what was on disk at a step was not leased later, what
// was judged not judged again, and that the sellers talked to later hold what
// they were promised.
func afterCrash(t *testing.T, f *fogtest.Fog, b *fogtest.Buyer, at int, sellers []*fogtest.Seller) {
	t.Helper()
	type work struct {
		seller fog.Address
		index  uint32
	}
	deals, account := dealsOf(f, b), accounts(f, b)
	done, judged, talked := map[uint32]bool{}, map[work]bool{}, map[fog.PeerID]bool{}
	for i, s := range f.Trace.Steps() {
		switch x := s.What.(type) {
		case fogtest.WroteArrived:
			if i < at {
				done[x.Index] = true
			}
		case fog.TaskLeased:
			if i >= at && done[x.Index] {
				t.Errorf("step %d: task %d is leased again", i, x.Index)
			}
		case buyer.Verdict:
			if i < at {
				judged[work{deals[x.Deal], x.Index}] = true
			}
		case fog.TaskChecked:
			if i >= at && judged[work{account[x.Peer], x.Index}] {
				t.Errorf("step %d: task %d is checked again", i, x.Index)
			}
		case fog.DealOpened:
			talked[x.Peer] = talked[x.Peer] || i >= at
		}
	}
	for _, s := range sellers {
		if got, want := s.Journal.Taken(b.Keys.Account()).Total, b.Journal.Promised(s.Keys.Account()); talked[s.Peer] && got != want {
			t.Errorf("seller %s holds vouchers of %s, the buyer gave %s", s.Peer, got, want)
		}
	}
}

// A seller that passed before the program died is no newcomer after it: nothing
// of it is re-run for that, and nothing waits for a verdict.
func TestASellerThatPassedIsNoNewcomerAfterACrash(t *testing.T) {
	for _, k := range []int{15, 30, 45} {
		inFog(t, uint64(k), func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			w := fogtest.Work{CheckRate: 1e-9} // nothing but first results
			d, open := untilCrash(t, b, w, k)
			at := len(f.Trace.Steps())
			if before := len(fogtest.Find[buyer.Verdict](f.Trace, b.Peer, fogtest.Wrote)); !open || before == 0 {
				t.Fatalf("open: %v, %d verdicts", open, before)
			}
			d, err := b.Resume(t.Context(), d, w)
			if err != nil {
				t.Fatal(err)
			}
			rightFilm(t, d)
			checkSums(t, f, b, d)
			if d.Checked != 0 {
				t.Errorf("%d results were checked after the crash", d.Checked)
			}
			came, paid := 0, 0
			for _, s := range f.Trace.Steps()[at:] {
				switch s.What.(type) {
				case fogtest.WroteArrived:
					if s.Peer == b.Peer {
						came++
					}
				case buyer.Verdict:
					paid++
				}
				if came > paid+1 {
					t.Fatalf("%d results came, %d are paid", came, paid)
				}
			}
		})
	}
}
