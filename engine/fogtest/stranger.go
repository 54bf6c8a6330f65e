package fogtest

import (
	"context"
	"fmt"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/proof"
	"sonm/engine/wire"
)

// Stranger is a peer without a role: it says to a seller whatever a test
// wants, signed with keys of its own.
type Stranger struct{ node }

// Stranger adds one with money in the escrow.
func (f *Fog) Stranger(name string, money fog.Amount) *Stranger {
	s := &Stranger{f.node(name)}
	f.Chain.Deposit(s.Keys.Account(), money)
	f.Net.join(f.ctx, s.Peer, &f.wg, s.Blobs)
	return s
}

// Dial opens a stream of the job protocol.
func (s *Stranger) Dial(ctx context.Context, to *Seller) (*Stream, error) {
	return s.fog.Net.open(ctx, s.Peer, to.Peer, buyer.Protocol)
}

// Hello is an honest one.
func (s *Stranger) Hello() wire.Hello {
	return wire.Hello{Version: "stranger", Network: s.fog.Net.id, Delegation: s.Keys.Delegation()}
}

// Greet exchanges hellos.
func (s *Stranger) Greet(ctx context.Context, st *Stream) error {
	if err := st.Send(ctx, wire.New(s.Hello())); err != nil {
		return err
	}
	m, err := st.Recv(ctx, wire.MaxControl)
	if err != nil {
		return err
	}
	if _, ok := m.Body.(wire.Hello); !ok {
		return fmt.Errorf("got %s, want hello", wire.NameOf(m.Body))
	}
	return nil
}

// Deal is one the seller would sign. Its input is stored and may be fetched.
func (s *Stranger) Deal(ctx context.Context, to *Seller) (fog.Deal, error) {
	b := &Buyer{node: s.node, Buyer: buyer.New(buyer.Parts{
		Runtime: buyerRuntime{Runtime{}}, Blobs: s.Blobs, Emit: s.emit, Now: time.Now,
	})}
	d, p, err := b.plan(ctx, Work{}.withDefaults())
	if err != nil {
		return fog.Deal{}, err
	}
	port{Net: s.fog.Net, id: s.Peer}.Admit(p.Input, to.Peer)
	return fog.Deal{
		Job: d.ID, Buyer: s.Keys.Account(), Seller: to.Keys.Account(), Module: App().Hash, Input: p.Input,
		Price: to.cfg.Price, Cap: to.cfg.Price.Cost(2 * p.Plan.Planned), Secret: proof.Commitment([32]byte{1}),
		Expiry: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
	}, nil
}

// Propose signs and proposes a deal and returns the seller's answer.
func (s *Stranger) Propose(ctx context.Context, st *Stream, d fog.Deal, size uint64) (wire.Body, error) {
	sig, err := s.Keys.SignDeal(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := st.Send(ctx, wire.New(wire.Propose{Deal: d, Sig: sig, Size: size, Settings: "a toy"})); err != nil {
		return nil, err
	}
	m, err := st.Recv(ctx, wire.MaxControl)
	if err != nil {
		return nil, err
	}
	return m.Body, nil
}

// Strike dials, greets and proposes an acceptable deal, which must be signed.
func (s *Stranger) Strike(ctx context.Context, to *Seller) (*Stream, fog.Deal, error) {
	st, err := s.Dial(ctx, to)
	if err != nil {
		return nil, fog.Deal{}, err
	}
	if err := s.Greet(ctx, st); err != nil {
		return st, fog.Deal{}, err
	}
	d, err := s.Deal(ctx, to)
	if err != nil {
		return st, d, err
	}
	answer, err := s.Propose(ctx, st, d, 1000)
	if err != nil {
		return st, d, err
	}
	if no, ok := answer.(wire.Refuse); ok {
		return st, d, fmt.Errorf("refused: %s", no.Reason)
	}
	return st, d, nil
}
