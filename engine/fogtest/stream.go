package fogtest

import (
	"context"
	"errors"
	"fmt"
	"io"

	"sonm/engine/fog"
	"sonm/engine/wire"
)

// Errors of streams.
var (
	ErrReset = errors.New("stream reset")
	ErrLost  = errors.New("no recent network activity")
)

// Stream is one end of a line of messages between two nodes. What is sent is
// encoded and decoded as on a real one, with the same limits; it satisfies both
// roles' Stream.
type Stream struct {
	net        *Net
	here, peer fog.PeerID
	out, in    *lane

	turn chan struct{} // holds a token while somebody sends; a mutex would stop fake time
	sent uint64        // messages, for the jitter; the sender's
}

// Peer is who is at the other end.
func (s *Stream) Peer() fog.PeerID { return s.peer }

// Send hands a message to the network.
func (s *Stream) Send(ctx context.Context, m *wire.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	data, err := wire.Encode(m)
	if err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s.sent++
	s.net.trace.add(Step{Peer: s.here, Kind: Sent, With: s.peer, What: m.Body})
	if err := s.out.put(ctx, data, s.net.delay(s.here, s.peer, s.sent)); err != nil {
		return fmt.Errorf("send %s to %s: %w", wire.NameOf(m.Body), s.peer, err)
	}
	return nil
}

// Recv takes the next message, of at most most bytes; a longer or malformed
// one resets the stream.
func (s *Stream) Recv(ctx context.Context, most int) (*wire.Message, error) {
	data, err := s.in.take(ctx)
	if err != nil {
		return nil, err
	}
	if len(data) > most {
		_ = s.Reset()
		return nil, fmt.Errorf("%d bytes where %d are allowed: %w", len(data), most, wire.ErrTooLarge)
	}
	m, err := wire.Decode(data)
	if err != nil {
		_ = s.Reset()
		return nil, err
	}
	s.net.trace.add(Step{Peer: s.here, Kind: Got, With: s.peer, What: m.Body})
	return m, nil
}

// Raw puts bytes on the wire that need not be a message.
func (s *Stream) Raw(ctx context.Context, data []byte) error {
	return s.out.put(ctx, data, s.net.delay(s.here, s.peer, 0))
}

// Close ends the stream in order: what was sent still arrives.
func (s *Stream) Close() error {
	s.out.finish(io.EOF, false)
	return nil
}

// Reset ends the stream at once; what is on its way is lost.
func (s *Stream) Reset() error {
	s.out.finish(ErrReset, true)
	s.in.finish(ErrReset, true)
	return nil
}

// snap ends both directions as the loss of a connection does: what has left
// still arrives, both sides learn of the end.
func (s *Stream) snap(err error, drop bool) {
	s.out.finish(err, drop)
	s.in.finish(err, drop)
}
