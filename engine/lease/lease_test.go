package lease_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/lease"
)

const ttl = 30 * time.Second

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func table(t *testing.T, n int) (*lease.Table, []fog.TaskID) {
	t.Helper()
	var ids []fog.TaskID
	var planned []uint64
	for i := range n {
		ids, planned = append(ids, fog.TaskIDOf(fog.JobID{1}, uint32(i))), append(planned, 100)
	}
	tab, err := lease.New(ids, planned)
	if err != nil {
		t.Fatal(err)
	}
	return tab, ids
}

func next(t *testing.T, tab *lease.Table, w fog.PeerID, now time.Time, index int, attempt uint32) lease.Lease {
	t.Helper()
	l, ok := tab.Next(w, now, ttl)
	if !ok || l.Index != index || l.Attempt != attempt || l.Worker != w || !l.Until.Equal(now.Add(ttl)) {
		t.Fatalf("next for %s = %+v, %v; want task %d attempt %d", w, l, ok, index, attempt)
	}
	return l
}

func none(t *testing.T, tab *lease.Table, w fog.PeerID, now time.Time) {
	t.Helper()
	if l, ok := tab.Next(w, now, ttl); ok {
		t.Fatalf("next for %s = %+v, want none", w, l)
	}
}

func done(t *testing.T, tab *lease.Table, id fog.TaskID, attempt uint32, now time.Time, want lease.Outcome) {
	t.Helper()
	if got, err := tab.Done(id, attempt, now); got != want || err != nil {
		t.Fatalf("done attempt %d = %v, %v; want %v", attempt, got, err, want)
	}
}

func TestTasksGoOutInOrderAndComeBackOnce(t *testing.T) {
	tab, ids := table(t, 2)
	next(t, tab, "a", at(0), 0, 1)
	next(t, tab, "b", at(0), 1, 1)
	none(t, tab, "c", at(1))
	done(t, tab, ids[1], 1, at(2), lease.First)
	done(t, tab, ids[1], 1, at(2), lease.Duplicate)
	done(t, tab, ids[0], 1, at(2), lease.First)
	if !tab.Finished() || tab.Left() != 0 || len(tab.InFlight()) != 0 {
		t.Errorf("left %d, in flight %d", tab.Left(), len(tab.InFlight()))
	}
	none(t, tab, "a", at(100))
}

func TestSilentWorkerLosesItsLeaseButItsLateResultCounts(t *testing.T) {
	tab, ids := table(t, 3)
	next(t, tab, "a", at(0), 0, 1)
	next(t, tab, "b", at(0), 1, 1)
	if n := tab.Beat("b", ids, at(20), ttl); n != 1 {
		t.Errorf("heartbeat extended %d leases", n)
	}
	if lost := tab.Expire(at(29)); len(lost) != 0 {
		t.Errorf("lost too early: %+v", lost)
	}
	lost := tab.Expire(at(30))
	if len(lost) != 1 || lost[0].Worker != "a" || lost[0].Index != 0 {
		t.Fatalf("lost %+v", lost)
	}
	next(t, tab, "c", at(31), 0, 2)
	if w, err := tab.Holder(ids[0], 1); w != "a" || err != nil {
		t.Errorf("attempt 1 was %s's, %v", w, err)
	}
	done(t, tab, ids[0], 1, at(40), lease.First)
	if tab.Left() != 2 || len(tab.InFlight()) != 2 {
		t.Errorf("left %d, in flight %+v", tab.Left(), tab.InFlight())
	}
	done(t, tab, ids[0], 2, at(41), lease.Duplicate)
	next(t, tab, "a", at(42), 2, 1)
}

func TestAHeartbeatExtendsWhatItNames(t *testing.T) {
	tab, ids := table(t, 3)
	next(t, tab, "a", at(0), 0, 1)
	next(t, tab, "a", at(0), 1, 1)
	next(t, tab, "b", at(0), 2, 1)
	if n := tab.Beat("a", []fog.TaskID{ids[1], ids[2], {9}}, at(20), ttl); n != 1 {
		t.Errorf("the heartbeat extended %d leases, want 1", n)
	}
	lost := tab.Expire(at(30))
	if len(lost) != 2 || lost[0].Index != 0 || lost[1].Index != 2 || lost[0].Overrun {
		t.Errorf("lost %+v, want tasks 0 and 2, not overrun", lost)
	}
	next(t, tab, "a", at(31), 0, 2) // it may have what it only fell silent on
}

// beats sends heartbeats for a task until its lease is lost, and returns when
// that is, in seconds.
func beats(t *testing.T, tab *lease.Table, w fog.PeerID, id fog.TaskID, from int) int {
	t.Helper()
	for s := from; s < 1_000_000; s += 15 {
		if lost := tab.Expire(at(s)); len(lost) > 0 {
			if len(lost) != 1 || lost[0].Worker != w || !lost[0].Overrun {
				t.Fatalf("lost %+v, want one of %s, overrun", lost, w)
			}
			return s
		}
		tab.Beat(w, []fog.TaskID{id}, at(s), ttl)
	}
	t.Fatal("the lease never ends")
	return 0
}

func TestHeartbeatsDoNotHelpForEver(t *testing.T) {
	tab, ids := table(t, 3)
	next(t, tab, "a", at(0), 0, 1)
	if got := beats(t, tab, "a", ids[0], 0); got != 40*60 {
		t.Errorf("a lease ends after %d s, want two tasks of 20 minutes", got)
	}
	next(t, tab, "a", at(2400), 1, 1) // not the one it kept
	next(t, tab, "b", at(2400), 0, 2)
	done(t, tab, ids[0], 2, at(2400+300), lease.First) // 300 s for 100 units
	if got := beats(t, tab, "a", ids[1], 2400); got != 2400+20*300 {
		t.Errorf("a lease of 300 s expected ends after %d s, want 20 times that", got-2400)
	}
	if tab.Failures(ids[1]) != 1 || !tab.Idle() {
		t.Errorf("%d workers failed the task, idle: %v", tab.Failures(ids[1]), tab.Idle())
	}
}

func TestComingBackDoesNotStartTheTimeAnew(t *testing.T) {
	tab, ids := table(t, 1)
	for i := range 4 { // eleven minutes each, a day between them
		start := at(i * 86_400)
		next(t, tab, "a", start, 0, uint32(i+1))
		for s := 0; s < 660; s += 15 {
			tab.Beat("a", ids, start.Add(time.Duration(s)*time.Second), ttl)
		}
		lost := tab.Drop("a", start.Add(11*time.Minute))
		if len(lost) != 1 || lost[0].Overrun != (i == 3) {
			t.Fatalf("round %d: dropped %+v, want it overrun in round 3", i, lost)
		}
	}
	none(t, tab, "a", at(5*86_400))
	next(t, tab, "b", at(5*86_400), 0, 5)
}

func TestFailedTaskGoesToSomebodyElse(t *testing.T) {
	tab, ids := table(t, 1)
	next(t, tab, "a", at(0), 0, 1)
	if !tab.Fail("a", ids[0]) || tab.Fail("a", ids[0]) || tab.Fail("a", fog.TaskID{9}) {
		t.Error("fail: want true for the held lease only")
	}
	none(t, tab, "a", at(1))
	next(t, tab, "b", at(1), 0, 2)
	if lost := tab.Drop("b", at(1)); len(lost) != 1 || tab.Failures(ids[0]) != 1 {
		t.Errorf("dropped %+v, failures %d", lost, tab.Failures(ids[0]))
	}
	next(t, tab, "b", at(2), 0, 3) // leaving is no failure
}

func TestTailIsHedgedOnceAndNotTooEarly(t *testing.T) {
	tab, ids := table(t, 3)
	next(t, tab, "slow", at(0), 0, 1)
	next(t, tab, "slow", at(0), 1, 1)
	next(t, tab, "fast", at(0), 2, 1)
	none(t, tab, "fast", at(14)) // nothing has finished: half a lease of patience
	done(t, tab, ids[2], 1, at(4), lease.First)
	none(t, tab, "fast", at(7)) // twice 4 s are not over
	copied := next(t, tab, "fast", at(9), 0, 2)
	if !copied.Copy {
		t.Error("the copy is not marked as one")
	}
	none(t, tab, "slow", at(20)) // has both itself
	next(t, tab, "other", at(20), 1, 2)
	none(t, tab, "third", at(25)) // two copies are out of each
	done(t, tab, ids[0], 2, at(26), lease.First)
	none(t, tab, "third", at(29)) // the copy left over of a done task is not work
	done(t, tab, ids[0], 1, at(30), lease.Duplicate)
	done(t, tab, ids[1], 1, at(30), lease.First)
	if !tab.Finished() || len(tab.InFlight()) != 1 {
		t.Errorf("finished %v, in flight %+v", tab.Finished(), tab.InFlight())
	}
}

func TestReopen(t *testing.T) {
	tab, ids := table(t, 2)
	next(t, tab, "a", at(0), 0, 1)
	done(t, tab, ids[0], 1, at(1), lease.First)
	if err := tab.Reopen("a", ids[0]); err != nil || tab.Left() != 2 {
		t.Fatalf("left %d, %v", tab.Left(), err)
	}
	next(t, tab, "a", at(2), 1, 1)
	next(t, tab, "b", at(2), 0, 2)
	if err := tab.Reopen("a", fog.TaskID{9}); !errors.Is(err, lease.ErrTask) {
		t.Error(err)
	}
}

func TestForeignResultsAreRefused(t *testing.T) {
	tab, ids := table(t, 1)
	next(t, tab, "a", at(0), 0, 1)
	for _, c := range []struct {
		id      fog.TaskID
		attempt uint32
		want    error
	}{{fog.TaskID{9}, 1, lease.ErrTask}, {ids[0], 0, lease.ErrAttempt}, {ids[0], 2, lease.ErrAttempt}, {ids[0], 1 << 31, lease.ErrAttempt}} {
		if _, err := tab.Done(c.id, c.attempt, at(1)); !errors.Is(err, c.want) || tab.Left() != 1 {
			t.Errorf("attempt %d: %v, want %v", c.attempt, err, c.want)
		}
		if _, err := tab.Holder(c.id, c.attempt); !errors.Is(err, c.want) {
			t.Errorf("holder of attempt %d: %v, want %v", c.attempt, err, c.want)
		}
	}
	for _, ids := range [][]fog.TaskID{nil, {{1}, {1}}} {
		if _, err := lease.New(ids, make([]uint64, len(ids))); err == nil {
			t.Errorf("a table of %d bad ids", len(ids))
		}
	}
}

// model is the table as one would write it without caring for speed.
type model struct {
	done     []bool
	attempts []int
	live     []lease.Lease
	failed   map[string]bool
}

func (m *model) count(i int) (n int) {
	for _, l := range m.live {
		if l.Index == i {
			n++
		}
	}
	return n
}

func (m *model) remove(gone func(lease.Lease) bool) (lost int) {
	var kept []lease.Lease
	for _, l := range m.live {
		if gone(l) {
			lost++
		} else {
			kept = append(kept, l)
		}
	}
	m.live = kept
	return lost
}

// next checks a lease the table gave, or that it gave none.
func (m *model) next(l lease.Lease, ok bool, w fog.PeerID, now time.Time) error {
	free, mine := 0, -1
	for i := range m.done {
		if !m.done[i] && m.count(i) == 0 {
			free++
			if mine < 0 && !m.failed[fmt.Sprint(w, i)] {
				mine = i
			}
		}
	}
	switch {
	case mine >= 0 && (!ok || l.Index != mine || l.Copy):
		return fmt.Errorf("got %+v %v, want task %d", l, ok, mine)
	case mine < 0 && ok && (free > 0 || !l.Copy || m.done[l.Index] || m.count(l.Index) != 1 || m.failed[fmt.Sprint(w, l.Index)]):
		return fmt.Errorf("a copy of task %d with %d free", l.Index, free)
	case ok && (int(l.Attempt) != m.attempts[l.Index]+1 || l.Worker != w || !l.Until.Equal(now.Add(ttl))):
		return fmt.Errorf("got %+v after %d attempts", l, m.attempts[l.Index])
	}
	for _, o := range m.live {
		if ok && o.Index == l.Index && o.Worker == w {
			return fmt.Errorf("%s has two copies of task %d", w, l.Index)
		}
	}
	if ok {
		m.attempts[l.Index]++
		m.live = append(m.live, l)
	}
	return nil
}

func TestRandomStepsAgreeWithTheModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	copies := 0
	for range 100 {
		n := 1 + r.IntN(12)
		tab, ids := table(t, n)
		m := &model{done: make([]bool, n), attempts: make([]int, n), failed: map[string]bool{}}
		now := start
		for step := range 300 {
			now = now.Add(time.Duration(r.IntN(4000)) * time.Millisecond)
			w := fog.PeerID(string('a' + rune(r.IntN(5))))
			i := r.IntN(n)
			var err error
			switch op := r.IntN(20); {
			case op < 9:
				l, ok := tab.Next(w, now, ttl)
				if err = m.next(l, ok, w, now); ok && l.Copy {
					copies++
				}
			case op < 12 && m.attempts[i] > 0:
				attempt := uint32(1 + r.IntN(m.attempts[i]))
				got, derr := tab.Done(ids[i], attempt, now)
				if derr != nil {
					err = fmt.Errorf("done %d: %w", i, derr)
				} else if (got == lease.First) == m.done[i] {
					err = fmt.Errorf("done %d: %v; was done %v", i, got, m.done[i])
				}
				m.done[i] = true
				m.remove(func(l lease.Lease) bool { return l.Index == i && l.Attempt == attempt })
			case op < 13:
				m.failed[fmt.Sprint(w, i)] = true
				lost := m.remove(func(l lease.Lease) bool { return l.Worker == w && l.Index == i })
				if got := tab.Fail(w, ids[i]); got != (lost > 0) {
					err = fmt.Errorf("fail: %v, %d held", got, lost)
				}
			case op < 14:
				lost := m.remove(func(l lease.Lease) bool { return l.Worker == w })
				if got := tab.Drop(w, now); len(got) != lost {
					err = fmt.Errorf("drop: %d, want %d", len(got), lost)
				}
			case op < 16:
				lost := m.remove(func(l lease.Lease) bool { return !l.Until.After(now) })
				if got := tab.Expire(now); len(got) != lost {
					err = fmt.Errorf("expire: %d, want %d", len(got), lost)
				}
			case op < 18:
				held, named := 0, ids[:r.IntN(n+1)]
				for j := range m.live {
					if l := &m.live[j]; l.Worker == w && l.Index < len(named) && now.Add(ttl).After(l.Until) {
						l.Until = now.Add(ttl) // 300 steps of 4 s are over before any hard end
						held++
					}
				}
				if got := tab.Beat(w, named, now, ttl); got != held {
					err = fmt.Errorf("beat: %d, want %d", got, held)
				}
			case m.done[i]:
				m.failed[fmt.Sprint(w, i)] = true
				m.remove(func(l lease.Lease) bool { return l.Worker == w && l.Index == i })
				m.done[i] = false
				err = tab.Reopen(w, ids[i])
			}
			left := 0
			for _, d := range m.done {
				if !d {
					left++
				}
			}
			if err == nil && (tab.Idle() != (len(m.live) == 0) || tab.Left() != left || tab.Finished() != (left == 0) || len(tab.InFlight()) != len(m.live)) {
				err = fmt.Errorf("left %d in flight %d, want %d and %d", tab.Left(), len(tab.InFlight()), left, len(m.live))
			}
			if err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
		}
	}
	if copies == 0 {
		t.Error("no step ever handed out a copy")
	}
}
