package p2p_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"

	"sonm/engine/blob"
	"sonm/engine/fog"
	"sonm/engine/p2p"
	"sonm/engine/wire"
)

// adversary is a libp2p host without any of our manners.
func adversary(tb testing.TB) host.Host {
	tb.Helper()
	return bare(tb, loopback[0])
}

func bare(tb testing.TB, listen string) host.Host {
	tb.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings(listen), libp2p.Security(tls.ID, tls.New), libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { h.Close() })
	return h
}

func full(name string) protocol.ID { return protocol.ID("/sonm/" + netA.Short() + "/" + name) }

func raw(tb testing.TB, from host.Host, to *p2p.Host, name string) network.Stream {
	tb.Helper()
	info, err := peer.AddrInfoFromString(to.Addrs()[0])
	if err != nil {
		tb.Fatal(err)
	}
	if err := from.Connect(soon(tb), *info); err != nil {
		tb.Fatal(err)
	}
	s, err := from.NewStream(soon(tb), info.ID, full(name))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// within is what comes out of c, or the end of the test.
func within[T any](tb testing.TB, c <-chan T) (v T) {
	tb.Helper()
	select {
	case v = <-c:
	case <-soon(tb).Done():
		tb.Fatal("nothing came in 20 s")
	}
	return v
}

func TestHostileStreams(t *testing.T) {
	there, m, _ := stocked(t, 4<<20)
	a := up(t, 1, p2p.Config{}, serveEcho, func(h *p2p.Host) { h.ServeBlobs(blob.NewShelf(there), everybody) })
	bad := adversary(t)
	frame := func(b wire.Body) []byte {
		var f bytes.Buffer
		if err := wire.Write(&f, wire.New(b)); err != nil {
			t.Fatal(err)
		}
		return f.Bytes()
	}
	huge := binary.AppendUvarint(nil, wire.MaxControl+1)
	for name, bytesOf := range map[string][]byte{
		"oversized length":     append(huge, make([]byte, 1000)...),
		"endless varint":       bytes.Repeat([]byte{0xff}, 100),
		"garbage":              append([]byte{20}, bytes.Repeat([]byte{0xfe}, 20)...),
		"empty message":        {0},
		"half a message":       frame(wire.WantManifest{Root: m.Root()})[:10],
		"another conversation": frame(wire.Closed{Deal: fog.DealID{1}}),
		"offset past the end":  frame(wire.WantManifest{Root: m.Root(), Offset: 1 << 20}),
	} {
		s := raw(t, bad, a, blobs)
		_, err := s.Write(bytesOf)
		if err == nil {
			err = s.CloseWrite()
		}
		if err != nil && strings.Contains(err.Error(), "reset by remote") { // the multiplexer's own error, which is no network.ErrReset
			continue // the host did not even wait for the end
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(s); len(b) > 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: answered with %d bytes, %v, want a reset", name, len(b), err)
		}
		s.Reset()
	}
	if _, err := blob.Fetch(soon(t), up(t, 2, p2p.Config{}).BlobSource(a.ID(), a.Addrs()), m.Root(), m.Total, blob.NewMemory()); err != nil {
		t.Errorf("an honest fetch afterwards: %v", err)
	}
}

// A reader that closes its side is done; it must not see a reset.
func TestOrderlyEndIsNoReset(t *testing.T) {
	there, m, _ := stocked(t, 1<<20)
	a := up(t, 1, p2p.Config{}, func(h *p2p.Host) { h.ServeBlobs(blob.NewShelf(there), everybody) })
	s := raw(t, adversary(t), a, blobs)
	if err := wire.Write(s, wire.New(wire.WantManifest{Root: m.Root()})); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(s); err != nil || len(b) == 0 {
		t.Errorf("%d bytes, %v, want the manifest and the end", len(b), err)
	}
}

// A peer that claims a large result and sends none must not cost its memory.
func TestClaimedLengthIsNotBelieved(t *testing.T) {
	got := make(chan error, 1)
	a := up(t, 1, p2p.Config{}, func(h *p2p.Host) {
		h.Handle(echo, func(ctx context.Context, s *p2p.Stream) {
			_, err := s.Recv(ctx, wire.MaxResult)
			got <- err
		})
	})
	s := raw(t, adversary(t), a, echo)
	if _, err := s.Write(append(binary.AppendUvarint(nil, wire.MaxResult), 1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	s.CloseWrite()
	if err := within(t, got); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Recv = %v, want an unexpected end", err)
	}
}

func TestSendIsSafeForManyCallers(t *testing.T) {
	a := up(t, 1, p2p.Config{}, serveEcho)
	b := up(t, 2, p2p.Config{})
	s, err := b.Open(soon(t), a.ID(), a.Addrs(), echo)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				if err := s.Send(soon(t), wire.New(wire.Result{Receipt: fog.Receipt{Level: fog.Level(i)}, Output: make([]byte, 10_000*i)})); err != nil {
					t.Errorf("Send: %v", err)
					return
				}
			}
		})
	}
	for range 160 {
		m, err := s.Recv(soon(t), wire.MaxResult)
		if err != nil {
			t.Fatal(err)
		}
		if r := m.Body.(wire.Result); len(r.Output) != 10_000*int(r.Receipt.Level) {
			t.Errorf("%d bytes from sender %d", len(r.Output), r.Receipt.Level)
		}
	}
}

// A send that is cut in the middle ends the stream for both sides.
func TestCutSendResets(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	got := make(chan error, 1)
	a := up(t, 1, p2p.Config{}, func(h *p2p.Host) {
		h.Handle(echo, func(ctx context.Context, s *p2p.Stream) {
			close(begun)
			<-release
			_, err := s.Recv(ctx, wire.MaxResult)
			got <- err
		})
	})
	b := up(t, 2, p2p.Config{})
	s, err := b.Open(soon(t), a.ID(), a.Addrs(), echo)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-begun:
		case <-ctx.Done():
		}
		cancel()
	})
	err = s.Send(ctx, wire.New(wire.Result{Output: make([]byte, 8<<20)})) // more than the window of a stream nobody reads
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Send to a peer that does not read = %v, want it cancelled", err)
	}
	wg.Wait()
	close(release)
	if err := within(t, got); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the other side's Recv = %v, want an error", err)
	}
	if err := s.Send(soon(t), wire.New(heartbeat(1))); err == nil {
		t.Error("a stream with half a message on it was used again")
	}
}

// Run comes back only after the handlers, which its end unblocks.
func TestRunWaitsForHandlers(t *testing.T) {
	var returned atomic.Bool
	begun := make(chan struct{})
	a, stop := upUntil(t, 1, p2p.Config{}, func(h *p2p.Host) {
		h.Handle(echo, func(ctx context.Context, s *p2p.Stream) {
			close(begun)
			<-ctx.Done()
			returned.Store(true)
		})
	})
	b := up(t, 2, p2p.Config{})
	s, err := b.Open(soon(t), a.ID(), a.Addrs(), echo)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(soon(t), wire.New(heartbeat(1))); err != nil {
		t.Fatal(err)
	}
	within(t, begun)
	stop()
	if !returned.Load() {
		t.Error("Run returned before its handler")
	}
	if _, err := a.Open(soon(t), b.ID(), b.Addrs(), echo); !errors.Is(err, p2p.ErrStopped) {
		t.Errorf("Open of a stopped host = %v, want ErrStopped", err)
	}
	if _, err := a.Join(soon(t), orders, anything); !errors.Is(err, p2p.ErrStopped) {
		t.Errorf("Join of a stopped host = %v, want ErrStopped", err)
	}
	if err := a.Run(soon(t)); err == nil {
		t.Error("a host ran twice")
	}
}

func TestBadAddresses(t *testing.T) {
	for _, cfg := range []p2p.Config{
		{Listen: []string{"127.0.0.1:4001"}},
		{Listen: []string{"/dns4/example.org/tcp/1"}},
		{Listen: []string{"/ip4/127.0.0.1/udp/1"}},
		{Listen: []string{"/ip4/127.0.0.1/tcp/1/ws"}},
		{Bootstrap: []string{"/ip4/127.0.0.1/tcp/1"}},
		{Bootstrap: []string{"nonsense"}},
	} {
		if _, err := p2p.New(cfg); err == nil {
			t.Errorf("New(%v, %v) passed", cfg.Listen, cfg.Bootstrap)
		}
	}
	a, b := up(t, 1, p2p.Config{}), up(t, 2, p2p.Config{})
	for _, addrs := range [][]string{
		{"/dns4/localhost/tcp/1"}, {"nonsense"}, {"/ip4/127.0.0.1/tcp/1/p2p/" + string(b.ID())},
	} {
		if _, err := b.Open(soon(t), a.ID(), addrs, echo); err == nil || !strings.Contains(err.Error(), "can be dialled") {
			t.Errorf("Open at %v = %v, want none that can be dialled", addrs, err)
		}
	}
	for _, id := range []fog.PeerID{"", "x", b.ID()} {
		if _, err := b.Open(soon(t), id, a.Addrs(), echo); err == nil {
			t.Errorf("Open of peer %q passed", id)
		}
	}
	if _, err := a.Open(soon(t), b.ID(), nil, echo); err == nil {
		t.Error("a peer without addresses was opened")
	}
}

// Every outgoing connection goes through the dialer that was handed in.
func TestDialerIsTheOnlyWayOut(t *testing.T) {
	a := up(t, 1, p2p.Config{}, serveEcho)
	var dials atomic.Int32
	var d net.Dialer
	b := up(t, 2, p2p.Config{Listen: loopback[:1], Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return d.DialContext(ctx, network, address)
	}})
	if _, err := b.Open(soon(t), a.ID(), a.Addrs()[1:], echo); err == nil || dials.Load() > 0 {
		t.Errorf("QUIC went around the dialer: %v", err)
	}
	s, err := b.Open(soon(t), a.ID(), a.Addrs(), echo)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(soon(t), wire.New(heartbeat(1))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(soon(t), wire.MaxControl); err != nil || dials.Load() != 1 {
		t.Errorf("%d dials through the dialer, %v, want 1", dials.Load(), err)
	}
}

// The two halves of one line: a fetch of chunks and a bare libp2p stream of the
// same bytes, for the ratio between them.
func BenchmarkTransfer(b *testing.B) {
	there, m, content := stocked(b, 64<<20)
	for i, name := range []string{"tcp", "quic"} {
		a := up(b, 1, p2p.Config{}, func(h *p2p.Host) { h.ServeBlobs(blob.NewShelf(there), everybody) })
		c := up(b, 2, p2p.Config{})
		src := c.BlobSource(a.ID(), a.Addrs()[i:i+1])
		b.Run(name+"/blobs", func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := blob.Fetch(soon(b), src, m.Root(), m.Total, blob.NewMemory()); err != nil {
					b.Fatal(err)
				}
			}
		})
		from, to := bare(b, loopback[i]), bare(b, loopback[i])
		to.SetStreamHandler("/bare", func(s network.Stream) {
			defer s.Close()
			if _, err := bufio.NewReader(s).ReadByte(); err == nil {
				s.Write(content)
			}
		})
		b.Run(name+"/bare", func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			if err := from.Connect(soon(b), peer.AddrInfo{ID: to.ID(), Addrs: to.Addrs()}); err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 1<<20)
			for b.Loop() {
				s, err := from.NewStream(soon(b), to.ID(), "/bare")
				if err != nil {
					b.Fatal(err)
				}
				s.Write([]byte{1})
				n := 0
				for {
					k, err := s.Read(buf)
					n += k
					if err != nil {
						break
					}
				}
				if n != len(content) {
					b.Fatalf("%d bytes came", n)
				}
				s.Close()
			}
		})
	}
}
