package fogtest

import (
	"context"
	"time"

	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/wire"
)

// Role is how a seller departs from honesty; the zero value is an honest one.
// Every role runs the real worker over a tampered computer or a tampered line,
// so that all it does not fake is as in the product.
type Role struct {
	Name string

	// The computer.
	Lies  float64 // share of tasks answered with a wrong output, rightly signed
	Lazy  float64 // share of tasks rendered with one sample and scaled up
	Slow  float64 // takes that many times as long; 0 is 1
	Claim float64 // claims that many times the work; 0 is 1
	From  int     // the computer is honest for that many tasks first

	// The line.
	DieBefore  int    // dies instead of sending its n-th result
	DieAfter   int    // dies when its n-th result has left
	DieOnLease bool   // dies when it is given a task
	Freeze     int    // says nothing from its n-th result on, the line stays up
	Withhold   bool   // takes leases, sends heartbeats and never a result
	Mute       bool   // sends no heartbeats
	Replay     int    // sends its last results again, so many of them, after each
	Forge      bool   // sends receipts that it did not sign
	OtherDeal  bool   // signs another deal than was proposed
	Refuse     string // says no with this sentence
	Rejoin     bool   // resets its stream when it is told of a bad verdict

	Restless time.Duration // resets each of its streams so long after it began; 0 is never
}

// Unpaid is worker.Config.Unpaid of a seller with this role: one that cheats at
// its work expects not to be paid, and goes on cheating whoever it cheated.
func (r Role) Unpaid() int {
	if r.Lies == 0 && r.Lazy == 0 && r.Claim == 0 {
		return 0
	}
	return 1 << 20
}

// Honest is a seller as it should be.
func Honest() Role { return Role{Name: "honest"} }

// Liar answers a share of the tasks wrongly.
func Liar(rate float64) Role { return Role{Name: "liar", Lies: rate} }

// Lazy renders one sample where many are paid.
func Lazy() Role { return Role{Name: "lazy", Lazy: 1} }

// Slow takes that many times as long.
func Slow(times float64) Role { return Role{Name: "slow", Slow: times} }

// Replaying sends its last n results again after each.
func Replaying(n int) Role { return Role{Name: "replaying", Replay: n} }

// Overclaims claims f times the work.
func Overclaims(f float64) Role { return Role{Name: "overclaiming", Claim: f} }

// Stalling takes leases, sends heartbeats that name them, and never finishes.
func Stalling() Role { return Role{Name: "stalling", Slow: 1e9} }

// Withholding takes leases and keeps the results to itself.
func Withholding() Role { return Role{Name: "withholding", Withhold: true} }

// Refusing signs nothing.
func Refusing(reason string) Role { return Role{Name: "refusing", Refuse: reason} }

// BuyerRole is how a buyer departs from honesty.
type BuyerRole struct {
	NeverPays   bool    // drops every voucher it should send
	Denies      bool    // does so too, and says of every result that it is not paid
	Reconnects  bool    // does so too, and hangs up after four results or five minutes without one
	CannotCheck bool    // its own sandboxes do not start; not dishonest
	CheckSpeed  float64 // of its own computer, units a second; 0 is 2,000,000
	OddWazero   bool    // its wazero differs from the other engines; not dishonest
}

// Lie is a task answered wrongly.
type Lie struct {
	Spec   job.Spec
	Result fog.Hash // of the wrong output
}

// line is how a buyer's role plays on what it says to a seller; nil: not at all.
func (r BuyerRole) line() func(Ends) Ends {
	switch {
	case r.Reconnects:
		return func(e Ends) Ends { return newRunaway(miser{e, r.Denies}) }
	case r.NeverPays || r.Denies:
		return func(e Ends) Ends { return miser{e, r.Denies} }
	}
	return nil
}

// runaway is the line of a buyer that hangs up when it should pay.
type runaway struct {
	miser
	got int         // results; the reader's
	due *time.Timer // hangs up
}

// boredom is how long a runaway waits for another result.
const boredom = 5 * time.Minute

func newRunaway(m miser) *runaway {
	return &runaway{miser: m, due: time.AfterFunc(boredom, func() { _ = m.Reset() })}
}

// Recv hangs up after four results.
func (r *runaway) Recv(ctx context.Context, most int) (*wire.Message, error) {
	if r.got == 4 {
		_ = r.Reset()
		return nil, ErrReset
	}
	m, err := r.miser.Recv(ctx, most)
	if err != nil {
		r.due.Stop()
		return nil, err
	}
	if _, ok := m.Body.(wire.Result); ok {
		r.got++
		r.due.Reset(boredom)
	}
	return m, nil
}

// miser is the line of a buyer that never pays.
type miser struct {
	Ends
	denies bool // and says so
}

// Send drops vouchers, and turns good verdicts into bad ones.
func (m miser) Send(ctx context.Context, msg *wire.Message) error {
	switch b := msg.Body.(type) {
	case wire.Voucher:
		return nil
	case wire.Verdict:
		if m.denies && b.Accepted {
			b.Accepted, b.Reason = false, "It is not what was asked for."
			return m.Ends.Send(ctx, wire.New(b))
		}
	}
	return m.Ends.Send(ctx, msg)
}
