package p2p_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/p2p"
	"sonm/engine/wire"
)

const orders = "orders/1.0.0"

func anything(fog.PeerID, []byte) p2p.Verdict { return p2p.Accept }

func join(t *testing.T, h *p2p.Host, validate func(fog.PeerID, []byte) p2p.Verdict) *p2p.Topic {
	t.Helper()
	topic, err := h.Join(soon(t), orders, validate)
	if err != nil {
		t.Fatal(err)
	}
	return topic
}

// republish sends what data gives every 50 ms until stop is called.
func republish(t *testing.T, topic *p2p.Topic, data func(n uint64) []byte) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(soon(t))
	over := make(chan struct{})
	go func() {
		defer close(over)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for n := uint64(1); ; n++ {
			if err := topic.Publish(ctx, data(n)); err != nil && ctx.Err() == nil {
				t.Errorf("Publish: %v", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	stop = func() { cancel(); <-over }
	t.Cleanup(stop)
	return stop
}

func numbered(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Two peers that know only a bootstrap node hear each other through it, learn
// each other's addresses from an ask, and then talk directly.
func TestAsksTravelThroughABootstrapNode(t *testing.T) {
	boot := up(t, 1, p2p.Config{})
	join(t, boot, anything)
	seller := up(t, 2, p2p.Config{Bootstrap: boot.Addrs()[:1]}, serveEcho)
	buyer := up(t, 3, p2p.Config{Bootstrap: boot.Addrs()[1:]})
	heard := join(t, buyer, func(_ fog.PeerID, data []byte) p2p.Verdict {
		if _, err := wire.DecodeAsk(data); err != nil {
			return p2p.Reject
		}
		return p2p.Accept
	})
	stop := republish(t, join(t, seller, anything), func(n uint64) []byte {
		data, err := wire.EncodeAsk(fog.Ask{Peer: seller.ID(), Addrs: seller.Addrs(), Slots: 1, Expiry: time.Unix(2e9, 0), Nonce: n})
		if err != nil {
			t.Error(err)
		}
		return data
	})
	data, from, err := heard.Next(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if from != boot.ID() {
		t.Errorf("the ask came from %v, want the bootstrap node %v", from, boot.ID())
	}
	ask, err := wire.DecodeAsk(data)
	if err != nil {
		t.Fatal(err)
	}
	s, err := buyer.Open(soon(t), ask.Peer, ask.Addrs, echo)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(soon(t), wire.New(heartbeat(1))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Recv(soon(t), wire.MaxControl); err != nil {
		t.Fatal(err)
	}
	if n := len(buyer.Peers()); n != 2 {
		t.Errorf("the buyer has %d peers, want the bootstrap node and the seller", n)
	}
}

func TestLateJoinersHearWhatIsPublishedAgain(t *testing.T) {
	boot := up(t, 1, p2p.Config{})
	join(t, boot, anything)
	seller := up(t, 2, p2p.Config{Bootstrap: boot.Addrs()})
	mine := join(t, seller, anything)
	early := up(t, 3, p2p.Config{Bootstrap: boot.Addrs()})
	republish(t, mine, numbered)
	if _, _, err := join(t, early, anything).Next(soon(t)); err != nil {
		t.Fatal(err)
	}
	late := up(t, 4, p2p.Config{Bootstrap: boot.Addrs()})
	if _, _, err := join(t, late, anything).Next(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func TestGossipStaysInItsNetwork(t *testing.T) {
	boot := up(t, 1, p2p.Config{})
	heard := join(t, boot, anything)
	stranger := up(t, 2, p2p.Config{Network: netB, Bootstrap: boot.Addrs()})
	friend := up(t, 3, p2p.Config{Bootstrap: boot.Addrs()})
	republish(t, join(t, stranger, anything), func(n uint64) []byte { return append([]byte("stranger"), numbered(n)...) })
	republish(t, join(t, friend, anything), func(n uint64) []byte { return append([]byte("friend"), numbered(n)...) })
	for range 20 { // a second of both
		data, from, err := heard.Next(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if from != friend.ID() || bytes.HasPrefix(data, []byte("stranger")) {
			t.Fatalf("%q from %v crossed the networks", data, from)
		}
	}
	if len(stranger.Peers()) != 1 {
		t.Error("the stranger was never connected, so the test shows nothing")
	}
}

// What the validator rejects is not passed on, and whoever keeps sending it is
// not listened to any more.
func TestRejectedGossipSilencesItsSender(t *testing.T) {
	var judged atomic.Int32
	boot := up(t, 1, p2p.Config{})
	join(t, boot, func(_ fog.PeerID, data []byte) p2p.Verdict {
		if len(data) != 8 {
			judged.Add(1)
			return p2p.Reject
		}
		return p2p.Accept
	})
	honest := up(t, 2, p2p.Config{Bootstrap: boot.Addrs()})
	heard := join(t, honest, anything)
	liar := up(t, 3, p2p.Config{Bootstrap: boot.Addrs()})
	republish(t, join(t, liar, anything), func(n uint64) []byte { return append([]byte("lie"), numbered(n)...) })
	friend := up(t, 4, p2p.Config{Bootstrap: boot.Addrs()})
	republish(t, join(t, friend, anything), numbered)
	for range 30 {
		data, _, err := heard.Next(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if len(data) != 8 {
			t.Fatalf("%q was passed on", data)
		}
	}
	if n := judged.Load(); n == 0 || n > 20 {
		t.Errorf("%d lies were judged, want a few and then none", n)
	}
}

func TestTooLongIsNotPublished(t *testing.T) {
	h := up(t, 1, p2p.Config{})
	topic := join(t, h, anything)
	if err := topic.Publish(soon(t), make([]byte, p2p.MaxGossip+1)); err == nil {
		t.Error("9 KiB were published")
	}
	if err := topic.Close(); err != nil {
		t.Fatal(err)
	}
	if err := join(t, h, anything).Publish(soon(t), make([]byte, p2p.MaxGossip)); err != nil {
		t.Errorf("8 KiB after joining again: %v", err)
	}
}

func TestABootstrapNodeThatComesLaterIsFound(t *testing.T) {
	boot, stop := upUntil(t, 1, p2p.Config{Listen: loopback[:1]})
	addrs := boot.Addrs()
	stop()
	b := up(t, 2, p2p.Config{Bootstrap: addrs})
	heard := join(t, b, anything)
	again := up(t, 1, p2p.Config{Listen: []string{addrs[0][:bytes.Index([]byte(addrs[0]), []byte("/p2p/"))]}})
	republish(t, join(t, again, anything), numbered)
	if _, from, err := heard.Next(soon(t)); err != nil || from != boot.ID() {
		t.Errorf("Next = %v, %v, want news from the bootstrap node", from, err)
	}
}
