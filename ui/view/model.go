// Package view holds what the screens show, as plain values without any
// toolkit: what the window knows, how an event changes it, and every word a
// person reads.
//
// # Why
//
// Pages change often and toolkits are slow to test. Here a change is a function
// of values, so that each state of each page is a line in a table. Words of the
// code (ask, lease, escrow) end here: what comes out is plain.
package view

import (
	"slices"

	"sonm/app/event"
	"sonm/engine/fog"
)

// maxJobs bounds the list of jobs the window keeps.
const maxJobs = 200

// Link is how the window stands with the engine.
type Link int

// The states of the link.
const (
	Starting Link = iota // nothing was told yet
	Linked               // facts arrive
	Lost                 // the engine is gone; what was told may be old
)

// Model is all the window knows, folded from events.
type Model struct {
	Link     Link
	Version  string
	Account  fog.Address
	Network  string
	Practice bool
	Peers    int
	Offers   int
	Offline  bool           // the chain does not answer
	Trouble  *event.Problem // why the link is lost, if that is known
	Money    event.Money
	Today    fog.Amount     // earned since midnight
	Selling  *event.Selling // nil while not selling
	Sold     *event.Selling // the last that was told of selling, kept after it stopped
	Jobs     []event.Job    // newest first
}

// Update is m after e; m is left as it was.
func Update(m Model, e event.Event) Model {
	switch {
	case e.Snapshot != nil:
		return restart(m, *e.Snapshot)
	case e.Job != nil:
		m.Jobs = put(m.Jobs, *e.Job)
	case e.Selling != nil:
		s := *e.Selling
		m.Selling, m.Sold, m.Today = &s, &s, s.Today
	case e.Stopped:
		m.Selling = nil
	case e.Money != nil:
		m.Money = *e.Money
	}
	return m
}

// restart takes everything from s but what a snapshot does not tell: what the
// last sale brought.
func restart(m Model, s event.Snapshot) Model {
	n := Model{
		Link: Linked, Version: s.Version, Account: s.Account, Network: s.Network, Practice: s.Practice,
		Peers: s.Peers, Offers: s.Offers, Offline: s.Offline, Money: s.Money, Today: s.Today, Sold: m.Sold, Jobs: slices.Clone(s.Jobs),
	}
	if s.Selling != nil {
		sold := *s.Selling
		n.Selling, n.Sold = &sold, &sold
	}
	return n
}

// Lose is m when the engine is gone; why may be nil.
func Lose(m Model, why *event.Problem) Model {
	m.Link, m.Trouble = Lost, why
	return m
}

// Job finds a job.
func (m Model) Job(id fog.JobID) (event.Job, bool) {
	i := slices.IndexFunc(m.Jobs, func(j event.Job) bool { return j.ID == id })
	if i < 0 {
		return event.Job{}, false
	}
	return m.Jobs[i], true
}

// put replaces the job with j's id, or puts j before the first that is not newer.
func put(jobs []event.Job, j event.Job) []event.Job {
	jobs = slices.Clone(jobs)
	if i := slices.IndexFunc(jobs, func(o event.Job) bool { return o.ID == j.ID }); i >= 0 {
		jobs[i] = j
		return jobs
	}
	at := slices.IndexFunc(jobs, func(o event.Job) bool { return !o.Created.After(j.Created) })
	if at < 0 {
		at = len(jobs)
	}
	jobs = slices.Insert(jobs, at, j)
	return jobs[:min(len(jobs), maxJobs)]
}
