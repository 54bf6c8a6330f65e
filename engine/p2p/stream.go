package p2p

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"sonm/engine/fog"
	"sonm/engine/wire"
)

// Stream is a two-way line of messages to one peer, encrypted and
// authenticated. Any goroutine may Send, one at a time may Recv.
type Stream struct {
	s    network.Stream
	r    *bufio.Reader
	turn chan struct{} // holds a token while somebody sends
}

func newStream(s network.Stream) *Stream {
	return &Stream{s: s, r: bufio.NewReaderSize(s, 64<<10), turn: make(chan struct{}, 1)}
}

// Peer is who is at the other end, proven by its key.
func (s *Stream) Peer() fog.PeerID { return fog.PeerID(s.s.Conn().RemotePeer().String()) }

// Send writes one message. If that fails, or ctx ends while it is being
// written, the stream is reset: half a message cannot be followed by another.
// A message that cannot be encoded leaves the stream as it was.
func (s *Stream) Send(ctx context.Context, m *wire.Message) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("send %s: %w", wire.NameOf(m.Body), ctx.Err())
	}
	w := &toucher{w: s.s}
	err := until(ctx, s.s.SetWriteDeadline, func() error { return wire.Write(w, m) })
	if err == nil {
		return nil
	}
	if w.called {
		_ = s.s.Reset() // the error at hand is the one to tell
	}
	return fmt.Errorf("send %s: %w", wire.NameOf(m.Body), err)
}

// Recv takes the next message, of at most max bytes. io.EOF means that the
// peer closed its side in order. If ctx ends before a message has begun the
// stream stays usable; after any other error it is reset.
func (s *Stream) Recv(ctx context.Context, max int) (*wire.Message, error) {
	var none []byte
	return s.recv(ctx, max, &none)
}

// recv is Recv into a buffer; see wire.ReadInto.
func (s *Stream) recv(ctx context.Context, max int, buf *[]byte) (*wire.Message, error) {
	var m *wire.Message
	begun := false
	err := until(ctx, s.s.SetReadDeadline, func() error {
		if _, err := s.r.Peek(1); err != nil {
			return err
		}
		begun = true
		var err error
		m, err = wire.ReadInto(s.r, max, buf)
		return err
	})
	switch {
	case err == nil:
		return m, nil
	case orderly(err):
		return nil, io.EOF
	case begun || ctx.Err() == nil:
		_ = s.s.Reset() // the error at hand is the one to tell
	}
	return nil, fmt.Errorf("receive: %w", err)
}

// CloseSend says that no more will be sent; the peer's Recv gets io.EOF.
func (s *Stream) CloseSend() error { return s.s.CloseWrite() }

// Close ends the stream in order; what was sent still arrives.
func (s *Stream) Close() error { return s.s.Close() }

// Reset ends the stream at once, with an error for the peer.
func (s *Stream) Reset() error { return s.s.Reset() }

// until runs do, which blocks on one direction of a stream, and interrupts it
// by a deadline in the past when ctx ends.
func until(ctx context.Context, deadline func(time.Time) error, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		_ = deadline(time.Unix(1, 0)) // fails only on a stream that is over anyway
	})
	err := do()
	if stop() {
		return err
	}
	<-interrupted
	_ = deadline(time.Time{})
	if err != nil && !orderly(err) {
		return ctx.Err() // err only tells of the deadline in the past
	}
	return err
}

// orderly reports whether err says that the peer closed its side. An io.Reader
// says so with io.EOF itself; one that wraps it tells of a lost connection.
func orderly(err error) bool {
	return err == io.EOF //nolint:errorlint // see above: a wrapped one must not pass for an orderly end
}

// toucher knows whether a write was tried.
type toucher struct {
	w      io.Writer
	called bool
}

func (t *toucher) Write(b []byte) (int, error) {
	t.called = true
	return t.w.Write(b)
}

// dialer is a function in the shape libp2p wants.
type dialer struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DialContext opens a connection through the function.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d.dial(ctx, network, address)
}
