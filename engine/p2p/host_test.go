package p2p_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sonm/engine/fog"
	"sonm/engine/p2p"
	"sonm/engine/wire"
)

func TestMain(m *testing.M) {
	p2p.LogTo(slog.DiscardHandler)
	goleak.VerifyTestMain(m)
}

var (
	netA     = fog.ContentHash([]byte("network a"))
	netB     = fog.ContentHash([]byte("network b"))
	loopback = []string{"/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"}
)

const echo = "echo/1.0.0"

func soon(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 20*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

// up runs a host until the test ends, and fails the test if it ends badly.
func up(tb testing.TB, seed byte, cfg p2p.Config, setup ...func(*p2p.Host)) *p2p.Host {
	tb.Helper()
	h, _ := upUntil(tb, seed, cfg, setup...)
	return h
}

func upUntil(tb testing.TB, seed byte, cfg p2p.Config, setup ...func(*p2p.Host)) (*p2p.Host, context.CancelFunc) {
	tb.Helper()
	cfg.Seed[0] = seed
	if cfg.Network == (fog.Hash{}) {
		cfg.Network = netA
	}
	if cfg.Listen == nil {
		cfg.Listen = loopback
	}
	h, err := p2p.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range setup {
		f(h)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	over := make(chan error, 1)
	go func() { over <- h.Run(ctx) }()
	stop := func() {
		cancel()
		if err, ok := <-over; ok {
			close(over)
			if err != nil {
				tb.Errorf("Run: %v", err)
			}
		}
	}
	tb.Cleanup(stop)
	select {
	case <-h.Ready():
	case <-soon(tb).Done():
		tb.Fatal("the host is not ready after 20 s")
	}
	return h, stop
}

func serveEcho(h *p2p.Host) {
	h.Handle(echo, func(ctx context.Context, s *p2p.Stream) {
		for {
			m, err := s.Recv(ctx, wire.MaxResult)
			if err != nil {
				return
			}
			if err := s.Send(ctx, m); err != nil {
				return
			}
		}
	})
}

func heartbeat(i byte) wire.Heartbeat {
	return wire.Heartbeat{Deal: fog.DealID{i}, Tasks: []fog.TaskID{{i}}}
}

func TestStreamsCarryMessagesOverTCPAndQUIC(t *testing.T) {
	a := up(t, 1, p2p.Config{}, serveEcho)
	for i, listen := range loopback {
		only := a.Addrs()[i : i+1]
		b := up(t, byte(10+i), p2p.Config{Listen: []string{listen}})
		s, err := b.Open(soon(t), a.ID(), only, echo)
		if err != nil {
			t.Fatalf("Open over %s: %v", only[0], err)
		}
		if s.Peer() != a.ID() {
			t.Errorf("Peer = %v, want %v", s.Peer(), a.ID())
		}
		out := bytes.Repeat([]byte{7}, 5<<20)
		for _, body := range []wire.Body{heartbeat(1), wire.Result{Output: out}, heartbeat(2)} {
			if err := s.Send(soon(t), wire.New(body)); err != nil {
				t.Fatal(err)
			}
			m, err := s.Recv(soon(t), wire.MaxResult)
			if err != nil {
				t.Fatal(err)
			}
			if wire.NameOf(m.Body) != wire.NameOf(body) {
				t.Errorf("echo of %s is %s", wire.NameOf(body), wire.NameOf(m.Body))
			}
			if r, ok := m.Body.(wire.Result); ok && !bytes.Equal(r.Output, out) {
				t.Error("5 MiB came back changed")
			}
		}
		if err := s.CloseSend(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Recv(soon(t), wire.MaxControl); !errors.Is(err, io.EOF) {
			t.Errorf("Recv after the end = %v, want EOF", err)
		}
		if sent, received := b.Traffic(); sent < 5<<20 || received < 5<<20 {
			t.Errorf("Traffic = %d, %d after 5 MiB both ways", sent, received)
		}
	}
}

func TestOtherNetworksAreStrangers(t *testing.T) {
	a := up(t, 1, p2p.Config{}, serveEcho)
	b := up(t, 2, p2p.Config{Network: netB}, serveEcho)
	if s, err := b.Open(soon(t), a.ID(), a.Addrs(), echo); err == nil {
		t.Errorf("a stream to another network opened: %v", s.Peer())
	}
}

func TestRecvSurvivesItsDeadline(t *testing.T) {
	a := up(t, 1, p2p.Config{}, serveEcho)
	b := up(t, 2, p2p.Config{})
	s, err := b.Open(soon(t), a.ID(), a.Addrs(), echo)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Recv(ctx, wire.MaxControl); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Recv of nothing = %v, want a deadline", err)
	}
	if err := s.Send(soon(t), wire.New(heartbeat(3))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(soon(t), wire.MaxControl); err != nil {
		t.Errorf("Recv after a deadline: %v", err)
	}
}

func TestKeepChecksThePeer(t *testing.T) {
	a := up(t, 1, p2p.Config{})
	release, err := a.Keep(soon(t), up(t, 2, p2p.Config{}).ID(), "deal")
	if err != nil {
		t.Fatal(err)
	}
	release()
	if _, err := a.Keep(soon(t), "nobody", "deal"); err == nil {
		t.Error("Keep of a bad peer id passed")
	}
}
