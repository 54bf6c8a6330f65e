package fogtest

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/sandbox"
	"sonm/engine/wire"
	"sonm/engine/worker"
)

// Player plays a role on one computer that sells, between a real worker and
// its sandbox and lines. It is what fogs in memory and the cheating program of
// the end-to-end tests have in common.
type Player struct {
	Role Role
	Draw func(what string, s job.Spec) float64 // in [0,1); below the role's share the task is answered wrongly
	Die  func()                                // ends the computer; it may return
	Keys worker.Keys                           // of the computer, for OtherDeal
	Lied func(Lie)                             // told of each lie; nil if nobody wants to know

	mu      sync.Mutex
	results int // guarded by mu; handed to the line
	tasks   int // guarded by mu; computed
}

// honest counts a task, and reports whether the role has not begun yet.
func (p *Player) honest() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tasks++
	return p.tasks <= p.Role.From
}

// Runtime is the sandbox of the computer.
func (p *Player) Runtime(honest worker.Runtime) worker.Runtime { return playedRuntime{honest, p} }

// Network is the network of the computer.
func (p *Player) Network(honest worker.Network) worker.Network { return playedNetwork{honest, p} }

// Line is one conversation of the computer.
func (p *Player) Line(honest Ends) Ends {
	if p.Role.Restless > 0 {
		time.AfterFunc(p.Role.Restless, func() { _ = honest.Reset() })
	}
	return &actor{Ends: honest, p: p}
}

// workerNetwork is worker.Network, which has a method called Network.
type workerNetwork = worker.Network

type playedNetwork struct {
	workerNetwork
	p *Player
}

// Handle implements worker.Network.
func (n playedNetwork) Handle(protocol string, serve func(context.Context, worker.Stream)) {
	n.workerNetwork.Handle(protocol, func(ctx context.Context, s worker.Stream) { serve(ctx, n.p.Line(s)) })
}

type playedRuntime struct {
	honest worker.Runtime
	p      *Player
}

// Start implements worker.Runtime.
func (r playedRuntime) Start(ctx context.Context, module []byte) (worker.Session, error) {
	s, err := r.honest.Start(ctx, module)
	if err != nil {
		return nil, err
	}
	return playedSession{s, r.p}, nil
}

type playedSession struct {
	worker.Session
	p *Player
}

// Task implements worker.Session: payloads are sums of samples, float32
// triples in little-endian order.
func (s playedSession) Task(ctx context.Context, spec []byte) (sandbox.Reply, error) {
	role, start := s.p.Role, time.Now()
	sp, err := job.DecodeSpec(spec)
	if err != nil {
		return s.Session.Task(ctx, spec)
	}
	if s.p.honest() {
		role = Role{Slow: role.Slow}
	}
	var reply sandbox.Reply
	wrong := false
	if sp.Log2 > 0 && s.p.Draw("lazy", sp) < role.Lazy {
		wrong = true
		reply, err = s.oneSample(ctx, sp)
	} else {
		reply, err = s.Session.Task(ctx, spec)
	}
	if err != nil {
		return reply, err
	}
	if s.p.Draw("lie", sp) < role.Lies && len(reply.Payload) >= 4 {
		wrong = true
		reply.Payload = slices.Clone(reply.Payload)
		scale(reply.Payload[:4], func(v float32) float32 { return v + 1 })
	}
	if role.Claim > 0 {
		reply.Work = uint64(float64(reply.Work) * role.Claim)
	}
	if role.Slow > 1 {
		if err := pause(ctx, time.Duration((role.Slow-1)*float64(time.Since(start)))); err != nil {
			return sandbox.Reply{}, err
		}
	}
	if wrong && s.p.Lied != nil {
		s.p.Lied(Lie{sp, fog.ContentHash(reply.Payload)})
	}
	return reply, nil
}

// oneSample renders one sample where many are paid, and scales it up.
func (s playedSession) oneSample(ctx context.Context, sp job.Spec) (sandbox.Reply, error) {
	one := sp
	one.Log2 = 0
	reply, err := s.Session.Task(ctx, one.Encode())
	if err != nil {
		return reply, err
	}
	reply.Payload = slices.Clone(reply.Payload)
	scale(reply.Payload, func(v float32) float32 { return v * float32(sp.Samples()) })
	reply.Work *= sp.Samples()
	return reply, nil
}

// scale changes each float of a payload.
func scale(payload []byte, by func(float32) float32) {
	for i := 0; i+4 <= len(payload); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(payload[i:]))
		binary.LittleEndian.PutUint32(payload[i:], math.Float32bits(by(v)))
	}
}

// actor is one conversation of a seller with a role.
type actor struct {
	Ends
	p *Player

	mu   sync.Mutex
	past []wire.Result // guarded by mu
	kept []fog.TaskID  // guarded by mu; leased, and claimed to be in hand for ever
}

// frozen reports whether the seller has fallen silent.
func (p *Player) frozen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Role.Freeze > 0 && p.results >= p.Role.Freeze
}

// Send plays the role on what the worker says.
func (a *actor) Send(ctx context.Context, m *wire.Message) error {
	if a.p.frozen() {
		<-ctx.Done()
		return ctx.Err()
	}
	switch b := m.Body.(type) {
	case wire.Accept:
		return a.answer(ctx, b)
	case wire.Result:
		return a.result(ctx, b)
	case wire.Heartbeat:
		if a.p.Role.Mute {
			return nil
		}
		if a.p.Role.Withhold {
			a.mu.Lock()
			b.Tasks = slices.Clone(a.kept)
			a.mu.Unlock()
			return a.Ends.Send(ctx, wire.New(b))
		}
	}
	return a.Ends.Send(ctx, m)
}

func (a *actor) answer(ctx context.Context, b wire.Accept) error {
	role := a.p.Role
	switch {
	case role.Refuse != "":
		return a.Ends.Send(ctx, wire.New(wire.Refuse{Deal: b.Deal, Code: wire.RefuseOther, Reason: role.Refuse}))
	case role.OtherDeal:
		sig, err := a.p.Keys.SignDeal(ctx, fog.Deal{Seller: a.p.Keys.Delegation().Account, Price: fog.Wei(1 << 40)})
		if err != nil {
			return err
		}
		b.Sig = sig
	}
	return a.Ends.Send(ctx, wire.New(b))
}

func (a *actor) result(ctx context.Context, b wire.Result) error {
	role := a.p.Role
	if role.Withhold {
		return nil
	}
	a.p.mu.Lock()
	a.p.results++
	n := a.p.results
	a.p.mu.Unlock()
	if role.Freeze > 0 && n >= role.Freeze {
		<-ctx.Done()
		return ctx.Err()
	}
	if n == role.DieBefore {
		a.p.Die()
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
		a.p.Die()
		return ErrLost
	}
	return nil
}

// again is what a replaying seller repeats after a result.
func (a *actor) again(b wire.Result) []wire.Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.past = append(a.past, b)
	return append([]wire.Result(nil), a.past[max(0, len(a.past)-a.p.Role.Replay):]...)
}

// Recv plays the role on what the buyer says.
func (a *actor) Recv(ctx context.Context, most int) (*wire.Message, error) {
	m, err := a.Ends.Recv(ctx, most)
	if err != nil {
		return nil, err
	}
	switch b := m.Body.(type) {
	case wire.Lease:
		if a.p.Role.DieOnLease {
			a.p.Die()
			return nil, ErrLost
		}
		a.mu.Lock()
		a.kept = append(a.kept, b.Lease.Task)
		a.mu.Unlock()
	case wire.Verdict:
		if a.p.Role.Rejoin && !b.Accepted {
			_ = a.Ends.Reset()
			return nil, ErrReset
		}
	}
	return m, nil
}
