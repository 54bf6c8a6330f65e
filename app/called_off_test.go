package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sonm/app/event"
	"sonm/app/store"
)

// A job called off pays for what was done, gives the rest back, and does not
// come back.
func TestAJobCalledOffHoldsNoMoney(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	a := m.link(t, home)
	q, err := a.Quote(t.Context(), m.order())
	if err != nil {
		t.Fatal(err)
	}
	some, end := until(t, a, q.Job, func(j event.Job) bool { return j.Done >= 3 && !j.Spent.IsZero() }), watch(t, a, q.Job)
	if err := a.Accept(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	<-some
	if err := a.Cancel(t.Context(), q.Job); err != nil {
		t.Fatal(err)
	}
	j := <-end
	if j.State != event.Cancelled || j.Spent.IsZero() || j.Spent.Add(j.Refund) != j.Locked {
		t.Errorf("called off: %+v", j)
	}
	money, err := a.Money(t.Context())
	if err != nil || !money.Reserved.IsZero() {
		t.Errorf("%s SNM are still reserved: %v", money.Reserved, err)
	}
	closeLink(t, a)
	for _, j := range (<-snapshots(t, m.link(t, home))).Jobs {
		t.Errorf("there is a job again: %+v", j)
	}
}

// A program that dies when a job was called off and is not settled yet settles
// it at the next start, and does not render it to the end.
func TestAJobCalledOffBeforeACrashIsSettled(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	a := m.link(t, home)
	job := halfway(t, m, a).ID
	closeLink(t, a)
	db, err := store.Open(t.Context(), filepath.Join(home, "sonm.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.JobStopping(t.Context(), job), db.Close()); err != nil {
		t.Fatal(err)
	}
	b := m.link(t, home)
	j := <-until(t, b, job, func(j event.Job) bool { return j.State != event.Running })
	if j.State != event.Cancelled || j.Spent.IsZero() || j.Spent.Add(j.Refund) != j.Locked || j.Done == j.Total {
		t.Errorf("it ended as %+v: %v", j, j.Problem)
	}
	if money, err := b.Money(t.Context()); err != nil || !money.Reserved.IsZero() {
		t.Errorf("%s SNM are still reserved: %v", money.Reserved, err)
	}
}

// A job whose stored scene is damaged cannot be gone on with: what it promised
// is paid, the rest is free again, and a sentence says why.
func TestAJobThatCannotGoOnHoldsNoMoney(t *testing.T) {
	m, home := newMarket(t), t.TempDir()
	a := m.link(t, home)
	first, err := a.Money(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	spent := halfway(t, m, a).Spent
	closeLink(t, a)
	if err := os.RemoveAll(filepath.Join(home, "blobs")); err != nil {
		t.Fatal(err)
	}
	b := m.link(t, home)
	s := <-snapshots(t, b)
	if len(s.Jobs) != 1 || s.Jobs[0].State != event.Failed || s.Jobs[0].Problem == nil || !strings.Contains(s.Jobs[0].Problem.What, "scene.glb are damaged") {
		t.Fatalf("jobs %+v", s.Jobs)
	}
	money, err := b.Money(t.Context())
	left, short := first.Balance.Sub(spent)
	if err != nil || short != nil || !money.Reserved.IsZero() || money.Balance.Add(money.Escrow).Cmp(left) > 0 {
		t.Errorf("%s at hand and %s in the escrow, %s reserved, of %s at first and %s promised: %v", money.Balance, money.Escrow, money.Reserved, first.Balance, spent, err)
	}
	closeLink(t, b)
	if s := <-snapshots(t, m.link(t, home)); len(s.Jobs) != 0 {
		t.Errorf("it is there again: %+v", s.Jobs)
	}
}
