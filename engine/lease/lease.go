// Package lease knows who works on which task of a job until when: it hands
// tasks out, takes them back from workers that fail or fall silent, and hedges
// the slow tail of a job with second copies.
//
// It is pure: the time is an argument, and nothing is sent from here. It has
// one owner, the buyer's job loop, and is not safe for concurrent use.
//
// # Why
//
// Every lease of a task has the next attempt number, so that a result can be
// told from one of a lease taken back earlier. Such a result is late, not
// wrong: tasks are deterministic, so the first valid result of any attempt
// counts and later ones are duplicates. A copy is handed out only when nothing
// else is left and the task has run for twice as long as finished ones suggest:
// copying at once would pay two sellers for the whole tail of every job.
//
// A heartbeat is a claim and costs nothing, so it extends only the leases it
// names and none for ever: past a hard end the worker loses the task for good.
package lease

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"sonm/engine/fog"
)

const (
	maxCopies   = 2  // of one task in flight
	hedgeFactor = 2  // times the expected duration before a copy goes out
	hardFactor  = 20 // times the expected duration before heartbeats do not help any more
)

// hardLeast is the least time to a lease's hard end: the longest task takes 20
// minutes, and a worker may have one waiting behind the one it runs.
const hardLeast = 2 * 20 * time.Minute

// Errors of a table.
var (
	ErrTask    = errors.New("no such task in this job")
	ErrAttempt = errors.New("no such attempt at this task")
)

// Lease is one task in one worker's hands.
type Lease struct {
	Task    fog.TaskID
	Index   int    // of the task in its job
	Attempt uint32 // 1 for the first; unique per task
	Worker  fog.PeerID
	Start   time.Time
	Until   time.Time // lost at this time, unless a heartbeat extends it
	Copy    bool      // a second copy of a task that is in flight
	Overrun bool      // it was lost at its hard end, heartbeats or not
}

// Outcome is what a result meant for its task.
type Outcome uint8

// Outcomes of Done.
const (
	First     Outcome = iota // the task is done by this result
	Duplicate                // the task was done already
)

type task struct {
	id      fog.TaskID
	planned uint64
	done    bool
	live    []Lease                      // in flight, at most maxCopies
	past    []fog.PeerID                 // worker of attempt i+1
	failed  map[fog.PeerID]bool          // workers that get it no more
	starts  []time.Time                  // of attempt i+1
	held    map[fog.PeerID]time.Duration // in leases that were lost
}

// Table is the leases of one job.
type Table struct {
	tasks  []task
	index  map[fog.TaskID]int
	free   int              // lowest index that may be free
	flight map[int]struct{} // tasks with a lease
	left   int              // not done
	spent  time.Duration    // by finished tasks
	units  uint64           // planned, of finished tasks
}

// New makes a table of tasks in the order to lease them; planned is the units
// of work of each, in the same order. Ids must differ.
func New(ids []fog.TaskID, planned []uint64) (*Table, error) {
	if len(ids) == 0 || len(ids) != len(planned) {
		return nil, fmt.Errorf("lease table of %d tasks and %d plans", len(ids), len(planned))
	}
	t := &Table{
		tasks: make([]task, len(ids)), index: make(map[fog.TaskID]int, len(ids)),
		flight: map[int]struct{}{}, left: len(ids),
	}
	for i, id := range ids {
		if _, ok := t.index[id]; ok {
			return nil, fmt.Errorf("lease table: task %v is there twice", id)
		}
		t.index[id] = i
		t.tasks[i] = task{id: id, planned: max(planned[i], 1)}
	}
	return t, nil
}

// Next leases a task to the worker until now + ttl: the first free one it has
// not failed, else a copy of the slowest in flight. False means there is
// nothing for it now; more may come until Finished.
func (t *Table) Next(worker fog.PeerID, now time.Time, ttl time.Duration) (Lease, bool) {
	for t.free < len(t.tasks) && !t.isFree(t.free) {
		t.free++
	}
	for i := t.free; i < len(t.tasks); i++ {
		if t.isFree(i) && !t.tasks[i].failed[worker] {
			return t.lease(i, worker, now, ttl), true
		}
	}
	if t.free < len(t.tasks) { // others may take what this one failed
		return Lease{}, false
	}
	if i, ok := t.slowest(worker, now, ttl); ok {
		return t.lease(i, worker, now, ttl), true
	}
	return Lease{}, false
}

func (t *Table) isFree(i int) bool { return !t.tasks[i].done && len(t.tasks[i].live) == 0 }

func (t *Table) lease(i int, worker fog.PeerID, now time.Time, ttl time.Duration) Lease {
	k := &t.tasks[i]
	k.past, k.starts = append(k.past, worker), append(k.starts, now)
	l := Lease{
		Task: k.id, Index: i, Attempt: uint32(len(k.past)), Worker: worker,
		Start: now, Until: now.Add(ttl), Copy: len(k.live) > 0,
	}
	k.live = append(k.live, l)
	t.flight[i] = struct{}{}
	return l
}

// slowest is the task in flight that has overrun most and this worker may copy.
func (t *Table) slowest(worker fog.PeerID, now time.Time, ttl time.Duration) (int, bool) {
	best, over := -1, time.Duration(0)
	for i := range t.flight {
		k := &t.tasks[i]
		if k.done || len(k.live) >= maxCopies || k.live[0].Worker == worker || k.failed[worker] {
			continue
		}
		late := now.Sub(k.live[0].Start) - t.patience(k.planned, ttl)
		if late >= 0 && (best < 0 || late > over || late == over && i < best) {
			best, over = i, late
		}
	}
	return best, best >= 0
}

// patience is how long a task may run before it is copied; half its lease as
// long as none has finished.
func (t *Table) patience(planned uint64, ttl time.Duration) time.Duration {
	if t.units == 0 {
		return ttl / 2
	}
	return time.Duration(hedgeFactor * t.expected(planned))
}

// Beat extends the worker's leases of the tasks to now + ttl, and to no later
// than their hard ends. It returns how many it extended.
func (t *Table) Beat(worker fog.PeerID, ids []fog.TaskID, now time.Time, ttl time.Duration) int {
	n := 0
	for _, id := range ids {
		i, ok := t.index[id]
		if !ok {
			continue
		}
		for j := range t.tasks[i].live {
			l := &t.tasks[i].live[j]
			if l.Worker != worker {
				continue
			}
			until := now.Add(ttl)
			if end := t.end(i, *l); until.After(end) {
				until = end
			}
			if until.After(l.Until) {
				l.Until = until
				n++
			}
		}
	}
	return n
}

// end is the hard end of a lease of task i. What the worker held it before
// counts: leaving and coming back does not start the time anew.
func (t *Table) end(i int, l Lease) time.Time {
	k := &t.tasks[i]
	return l.Start.Add(max(hardLeast, time.Duration(hardFactor*t.expected(k.planned))) - k.held[l.Worker])
}

// expected is how long finished tasks suggest that a task takes, in
// nanoseconds; 0 as long as none has finished.
func (t *Table) expected(planned uint64) float64 {
	if t.units == 0 {
		return 0
	}
	return float64(t.spent) / float64(t.units) * float64(planned)
}

// Holder is the worker an attempt was leased to, also after it was lost.
func (t *Table) Holder(id fog.TaskID, attempt uint32) (fog.PeerID, error) {
	i, err := t.find(id, attempt)
	if err != nil {
		return "", err
	}
	return t.tasks[i].past[attempt-1], nil
}

// Done takes a valid result of an attempt. The first one of a task counts,
// even if its lease was lost meanwhile; every other is a Duplicate. Check who
// sent it with Holder before.
func (t *Table) Done(id fog.TaskID, attempt uint32, now time.Time) (Outcome, error) {
	i, err := t.find(id, attempt)
	if err != nil {
		return Duplicate, err
	}
	k := &t.tasks[i]
	k.live = slices.DeleteFunc(k.live, func(l Lease) bool { return l.Attempt == attempt })
	if k.done {
		t.settle(i)
		return Duplicate, nil
	}
	k.done = true
	t.left--
	t.spent += max(0, now.Sub(k.starts[attempt-1]))
	t.units += k.planned
	t.settle(i)
	return First, nil
}

// Restore marks a task as done by a result of an earlier run of the program,
// whose leases nobody remembers. It reports whether the task is in the table
// and was not done.
func (t *Table) Restore(id fog.TaskID) bool {
	i, ok := t.index[id]
	if !ok || t.tasks[i].done {
		return false
	}
	t.tasks[i].done = true
	t.left--
	return true
}

// Fail takes the task back from a worker that could not do it or did it wrong,
// and never hands it to that worker again. It reports whether the worker held
// a lease of it.
func (t *Table) Fail(worker fog.PeerID, id fog.TaskID) bool {
	i, ok := t.index[id]
	if !ok {
		return false
	}
	t.bar(i, worker)
	return len(t.takeBack(i, func(l Lease) bool { return l.Worker == worker })) > 0
}

// bar keeps a task from a worker from now on.
func (t *Table) bar(i int, worker fog.PeerID) {
	k := &t.tasks[i]
	if k.failed == nil {
		k.failed = map[fog.PeerID]bool{}
	}
	k.failed[worker] = true
}

// Reopen takes back that a task is done, because its result was found wrong
// afterwards; the worker does not get it again.
func (t *Table) Reopen(worker fog.PeerID, id fog.TaskID) error {
	i, ok := t.index[id]
	if !ok {
		return fmt.Errorf("reopen %v: %w", id, ErrTask)
	}
	t.Fail(worker, id)
	if k := &t.tasks[i]; k.done {
		k.done = false
		t.left++
		t.settle(i)
	}
	return nil
}

// Drop takes back all leases of a worker that left at now, and returns them by
// index.
func (t *Table) Drop(worker fog.PeerID, now time.Time) []Lease {
	return t.takeAll(now, func(l Lease) bool { return l.Worker == worker })
}

// Expire takes back the leases that are over at now, and returns them by index.
func (t *Table) Expire(now time.Time) []Lease {
	return t.takeAll(now, func(l Lease) bool { return !l.Until.After(now) })
}

// Idle reports whether nothing is in any worker's hands.
func (t *Table) Idle() bool { return len(t.flight) == 0 }

// takeAll takes leases back. Those past their hard end are marked Overrun, and
// their workers do not get these tasks again.
func (t *Table) takeAll(now time.Time, gone func(Lease) bool) []Lease {
	var lost []Lease
	for i := range t.flight {
		lost = append(lost, t.takeBack(i, gone)...)
	}
	for i := range lost {
		l := &lost[i]
		if l.Overrun = !t.end(l.Index, *l).After(now); l.Overrun {
			t.bar(l.Index, l.Worker)
		}
		k := &t.tasks[l.Index]
		if k.held == nil {
			k.held = map[fog.PeerID]time.Duration{}
		}
		k.held[l.Worker] += now.Sub(l.Start)
	}
	slices.SortFunc(lost, func(a, b Lease) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Attempt, b.Attempt))
	})
	return lost
}

func (t *Table) takeBack(i int, gone func(Lease) bool) []Lease {
	k := &t.tasks[i]
	var lost, kept []Lease
	for _, l := range k.live {
		if gone(l) {
			lost = append(lost, l)
		} else {
			kept = append(kept, l)
		}
	}
	k.live = kept
	t.settle(i)
	return lost
}

// settle keeps flight and free true after the leases of a task changed.
func (t *Table) settle(i int) {
	if len(t.tasks[i].live) > 0 {
		t.flight[i] = struct{}{}
		return
	}
	delete(t.flight, i)
	if !t.tasks[i].done {
		t.free = min(t.free, i)
	}
}

func (t *Table) find(id fog.TaskID, attempt uint32) (int, error) {
	i, ok := t.index[id]
	if !ok {
		return 0, fmt.Errorf("task %v: %w", id, ErrTask)
	}
	if attempt == 0 || int64(attempt) > int64(len(t.tasks[i].past)) {
		return 0, fmt.Errorf("attempt %d at task %v: %w", attempt, id, ErrAttempt)
	}
	return i, nil
}

// Finished reports whether every task is done.
func (t *Table) Finished() bool { return t.left == 0 }

// Left is the number of tasks not done, in flight or not.
func (t *Table) Left() int { return t.left }

// Len is the number of tasks.
func (t *Table) Len() int { return len(t.tasks) }

// InFlight are the leases handed out and not over, by index and attempt. The
// other copy of a task that is done is among them until it ends.
func (t *Table) InFlight() []Lease {
	var all []Lease
	for i := range t.flight {
		all = append(all, t.tasks[i].live...)
	}
	slices.SortFunc(all, func(a, b Lease) int {
		return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Attempt, b.Attempt))
	})
	return all
}

// Failures is how many workers failed the task: the owner of the job decides
// when that is too many.
func (t *Table) Failures(id fog.TaskID) int {
	i, ok := t.index[id]
	if !ok {
		return 0
	}
	return len(t.tasks[i].failed)
}
