package buyer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/fog"
	"sonm/engine/wire"
)

// seller is the buyer's end of one deal: a goroutine that talks, and a queue of
// what the job loop wants said.
type seller struct {
	run    *run
	ask    fog.Ask
	deal   fog.Deal
	id     fog.DealID
	out    chan *wire.Message // nil after the last word
	stop   context.CancelFunc // ends the conversation
	device fog.Address

	// The rest belongs to the job loop.
	live   bool // both signed, stream open
	banned bool // refused, or delivered something wrong: not asked again
	caught bool // delivered something wrong: nothing more is promised
	tasks  int  // results that count
}

// Events a seller's goroutine sends to the job loop.
type (
	opened struct{ s *seller }
	left   struct {
		s   *seller
		err error
		end bool // it will not come back
	}
	arrived struct {
		s *seller
		r wire.Result
	}
	gaveBack struct {
		s *seller
		c wire.Cancel
	}
	beat struct {
		s     *seller
		tasks []fog.TaskID
	}
	closed struct{ s *seller }
)

const (
	retries    = 5               // times a lost connection is made again
	retryPause = 2 * time.Second // before the first; it doubles
	useful     = time.Minute     // a conversation of that length starts the count anew
)

// talk keeps a conversation with the seller until the deal is closed, the
// seller refuses, or it cannot be reached any more.
func (s *seller) talk(ctx context.Context) error {
	pause := retryPause
	for try := 0; ; try++ {
		began := s.run.b.parts.Now()
		err := s.once(ctx)
		if s.run.b.parts.Now().Sub(began) > useful {
			try, pause = 0, retryPause
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the job is over; how the conversation ended does not matter
		}
		end := err == nil || isRefused(err) || try == retries
		if !s.run.send(ctx, left{s, err, end}) || end {
			return nil
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return nil
		}
	}
}

// refused is a seller's no, in its own words.
type refused struct {
	reason string
	later  bool // it may say yes at another time
}

func (r refused) Error() string { return r.reason }

func isRefused(err error) bool {
	_, ok := errors.AsType[refused](err)
	return ok
}

// isFinal reports whether a seller that said this need not be asked again.
func isFinal(err error) bool {
	no, ok := errors.AsType[refused](err)
	return ok && !no.later
}

// once opens a stream, strikes the deal and relays messages; nil means closed
// by both sides.
func (s *seller) once(ctx context.Context) error {
	stream, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	s.run.send(ctx, opened{s})
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.write(gctx, stream) })
	g.Go(func() error { return s.read(gctx, stream) })
	err = g.Wait()
	if errors.Is(err, errClosed) {
		return nil
	}
	_ = stream.Reset() // it is of no more use to either side
	return err
}

var errClosed = errors.New("deal closed")

// connect opens a stream, greets, proposes the deal and waits for the seller's
// signature. Proposing the same deal again is how a conversation is resumed.
func (s *seller) connect(ctx context.Context) (Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, handshake)
	defer cancel()
	p := &s.run.b.parts
	stream, err := p.Net.Open(ctx, s.ask.Peer, s.ask.Addrs, Protocol)
	if err != nil {
		return nil, err
	}
	if err := s.strike(ctx, stream); err != nil {
		_ = stream.Reset()
		return nil, err
	}
	return stream, nil
}

func (s *seller) strike(ctx context.Context, stream Stream) error {
	p := &s.run.b.parts
	if err := s.greet(ctx, stream); err != nil {
		return err
	}
	sig, err := p.Keys.SignDeal(ctx, s.deal)
	if err != nil {
		return fmt.Errorf("sign deal: %w", err)
	}
	if err := p.Journal.PutBuyerDeal(ctx, s.ask.Peer, s.deal, sig, fog.Signature{}); err != nil {
		return err
	}
	set, frames := s.run.Settings, ""
	if n := set.FrameCount(); n > 1 {
		frames = fmt.Sprintf(", %d frames", n)
	}
	propose := wire.Propose{
		Deal: s.deal, Sig: sig, Size: s.run.Size,
		Settings: fmt.Sprintf("%s, %dx%d, %d samples per pixel%s", s.run.App.Title, set.Width, set.Height, set.Samples, frames),
	}
	if err := stream.Send(ctx, wire.New(propose)); err != nil {
		return err
	}
	m, err := stream.Recv(ctx, wire.MaxControl)
	if err != nil {
		return err
	}
	switch b := m.Body.(type) {
	case wire.Refuse:
		return refused{b.Reason, b.Code == wire.RefuseBusy || b.Code == wire.RefuseStopped}
	case wire.Accept:
		if err := p.Verifier.VerifyDeal(s.deal, b.Sig, s.device); err != nil || b.Deal != s.id {
			return refused{reason: "It signed another deal than was proposed."}
		}
		return p.Journal.PutBuyerDeal(ctx, s.ask.Peer, s.deal, sig, b.Sig)
	}
	return fmt.Errorf("got %s, want an answer to the proposal", wire.NameOf(m.Body))
}

// greet exchanges hellos; the seller's delegation must be that of its ask.
func (s *seller) greet(ctx context.Context, stream Stream) error {
	p := &s.run.b.parts
	mine := wire.Hello{Version: p.Version, Network: p.Net.Network(), Delegation: p.Keys.Delegation()}
	if err := stream.Send(ctx, wire.New(mine)); err != nil {
		return err
	}
	m, err := stream.Recv(ctx, wire.MaxControl)
	if err != nil {
		return err
	}
	hello, ok := m.Body.(wire.Hello)
	if !ok {
		return fmt.Errorf("got %s, want hello", wire.NameOf(m.Body))
	}
	d := hello.Delegation
	if err := p.Verifier.VerifyDelegation(d, fog.PurposeOrder|fog.PurposeReceipt, p.Now()); err != nil {
		return refused{reason: fmt.Sprintf("Its keys are not in order: %v.", err)}
	}
	if d.Account != s.ask.Seller || d.Device != s.ask.Device || hello.Network != p.Net.Network() {
		return refused{reason: "It is not who its offer says."}
	}
	s.device = d.Device
	return nil
}

// part ends the conversation once all that was said has left; one that does not
// read is not waited for.
func (s *seller) part() {
	select {
	case s.out <- nil:
		time.AfterFunc(farewell, s.stop)
	default:
		s.stop()
	}
}

// write says what the job loop queued.
func (s *seller) write(ctx context.Context, stream Stream) error {
	for {
		select {
		case m := <-s.out:
			if m == nil {
				return errClosed
			}
			if err := stream.Send(ctx, m); err != nil {
				return fmt.Errorf("send %s: %w", wire.NameOf(m.Body), err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read is the stream's only reader. Signatures are checked here, in parallel
// with the job loop.
func (s *seller) read(ctx context.Context, stream Stream) error {
	p := &s.run.b.parts
	for {
		m, err := stream.Recv(ctx, wire.MaxResult)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		var e any
		switch b := m.Body.(type) {
		case wire.Result:
			if err := p.Verifier.VerifyReceipt(b.Receipt, s.device); err != nil {
				return refused{reason: "It sent a result that it did not sign."}
			}
			e = arrived{s, b}
		case wire.Cancel:
			e = gaveBack{s, b}
		case wire.Heartbeat:
			e = beat{s, b.Tasks}
		case wire.Closed:
			s.run.send(ctx, closed{s})
			return errClosed
		case wire.VoucherAck, wire.Progress, wire.Unknown:
			continue
		default:
			return fmt.Errorf("unexpected %s", wire.NameOf(m.Body))
		}
		if !s.run.send(ctx, e) {
			return ctx.Err()
		}
	}
}

// now is the conversation in which the seller can be reached: a later one than
// s if it left and came back, or the buyer's program was started again.
func (s *seller) now() *seller {
	for _, o := range s.run.sellers {
		if o.live && o.deal.Seller == s.deal.Seller {
			return o
		}
	}
	return s
}

// say queues a message; a seller that does not read loses the conversation
// rather than stopping the job loop.
func (s *seller) say(body wire.Body) bool {
	select {
	case s.out <- wire.New(body):
		return true
	default:
		return false
	}
}
