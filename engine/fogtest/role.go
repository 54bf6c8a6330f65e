package fogtest

import (
	"context"
	"encoding/binary"
	"math"
	"sync"

	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/sandbox"
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

// Withholding takes leases and keeps the results to itself.
func Withholding() Role { return Role{Name: "withholding", Withhold: true} }

// Refusing signs nothing.
func Refusing(reason string) Role { return Role{Name: "refusing", Refuse: reason} }

// BuyerRole is how a buyer departs from honesty.
type BuyerRole struct {
	NeverPays bool // drops every voucher it should send
}

// Lie is a task answered wrongly.
type Lie struct {
	Spec   job.Spec
	Result fog.Hash // of the wrong output
}

// tamper is what the role's computer does to a reply.
func (s *Seller) tamper(sp job.Spec, input fog.Hash, r *sandbox.Reply) {
	role := s.Role
	if role.Claim > 0 {
		r.Work = uint64(float64(r.Work) * role.Claim)
	}
	wrong := false
	switch {
	case s.draw("lie", sp) < role.Lies:
		v := math.Float32frombits(binary.LittleEndian.Uint32(r.Payload))
		binary.LittleEndian.PutUint32(r.Payload, math.Float32bits(v+1))
		wrong = true
	case s.draw("lazy", sp) < role.Lazy && sp.Log2 > 0:
		one := sp
		one.Log2 = 0
		few := guest{input}.render(one)
		for i := 0; i < len(few); i += 4 {
			v := math.Float32frombits(binary.LittleEndian.Uint32(few[i:])) * float32(sp.Samples())
			binary.LittleEndian.PutUint32(r.Payload[i:], math.Float32bits(v))
		}
		wrong = true
	}
	if wrong {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lies = append(s.lies, Lie{sp, fog.ContentHash(r.Payload)})
	}
}

// draw is a number in [0,1) of this seller, this task and nothing else.
func (s *Seller) draw(what string, sp job.Spec) float64 {
	h := fog.HashOf(binary.BigEndian.AppendUint64(nil, s.fog.cfg.Seed), []byte(s.Peer), []byte(what), sp.Encode())
	return float64(binary.BigEndian.Uint64(h[:])>>11) / (1 << 53)
}

// Lies is what the seller answered wrongly so far.
func (s *Seller) Lies() []Lie {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Lie(nil), s.lies...)
}

// actor is one conversation of a seller with a role.
type actor struct {
	Ends
	s *Seller

	mu   sync.Mutex
	past []wire.Result // guarded by mu
}

// frozen reports whether the seller has fallen silent.
func (s *Seller) frozen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Role.Freeze > 0 && s.results >= s.Role.Freeze
}

// Send plays the role on what the worker says.
func (a *actor) Send(ctx context.Context, m *wire.Message) error {
	if a.s.frozen() {
		<-ctx.Done()
		return ctx.Err()
	}
	switch b := m.Body.(type) {
	case wire.Accept:
		return a.answer(ctx, b)
	case wire.Result:
		return a.result(ctx, b)
	case wire.Heartbeat:
		if a.s.Role.Mute {
			return nil
		}
	}
	return a.Ends.Send(ctx, m)
}

func (a *actor) answer(ctx context.Context, b wire.Accept) error {
	role := a.s.Role
	switch {
	case role.Refuse != "":
		return a.Ends.Send(ctx, wire.New(wire.Refuse{Deal: b.Deal, Code: wire.RefuseOther, Reason: role.Refuse}))
	case role.OtherDeal:
		sig, err := a.s.Keys.SignDeal(ctx, fog.Deal{Seller: a.s.Keys.Account(), Price: fog.Wei(1 << 40)})
		if err != nil {
			return err
		}
		b.Sig = sig
	}
	return a.Ends.Send(ctx, wire.New(b))
}

func (a *actor) result(ctx context.Context, b wire.Result) error {
	role := a.s.Role
	if role.Withhold {
		return nil
	}
	a.s.mu.Lock()
	a.s.results++
	n := a.s.results
	a.s.mu.Unlock()
	if role.Freeze > 0 && n >= role.Freeze {
		<-ctx.Done()
		return ctx.Err()
	}
	if n == role.DieBefore {
		a.s.Die()
		return ErrLost
	}
	if role.Forge {
		b.Receipt.Sig[5] ^= 1
	}
	if err := a.Ends.Send(ctx, wire.New(b)); err != nil {
		return err
	}
	for _, old := range a.again(b) {
		if err := a.Ends.Send(ctx, wire.New(old)); err != nil {
			return err
		}
	}
	if n == role.DieAfter {
		a.s.Die()
		return ErrLost
	}
	return nil
}

// again is what a replaying seller repeats after a result.
func (a *actor) again(b wire.Result) []wire.Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.past = append(a.past, b)
	return append([]wire.Result(nil), a.past[max(0, len(a.past)-a.s.Role.Replay):]...)
}

// Recv plays the role on what the buyer says.
func (a *actor) Recv(ctx context.Context, most int) (*wire.Message, error) {
	m, err := a.Ends.Recv(ctx, most)
	if err != nil {
		return nil, err
	}
	switch b := m.Body.(type) {
	case wire.Lease:
		if a.s.Role.DieOnLease {
			a.s.Die()
			return nil, ErrLost
		}
	case wire.Verdict:
		if a.s.Role.Rejoin && !b.Accepted {
			_ = a.Ends.Reset()
			return nil, ErrReset
		}
	}
	return m, nil
}

// miser is the line of a buyer that never pays.
type miser struct{ Ends }

// Send drops vouchers.
func (m miser) Send(ctx context.Context, msg *wire.Message) error {
	if _, pays := msg.Body.(wire.Voucher); pays {
		return nil
	}
	return m.Ends.Send(ctx, msg)
}
