package p2p

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
)

// The limits of a home computer: measured idle use is 27 MB.
const (
	connLow, connHigh = 32, 64
	connGrace         = 20 * time.Second // a new connection is not trimmed before it could say something
	memoryLimit       = 128 << 20
	descriptors       = 512
)

const (
	retryFirst   = 250 * time.Millisecond
	retryMost    = 30 * time.Second
	retryTimeout = 10 * time.Second
	watchEvery   = time.Second // how soon a lost bootstrap node is noticed
	mostAddrs    = 16          // addresses of one peer that are tried
)

// build makes the libp2p host; it does not listen yet.
func (h *Host) build() (host.Host, error) {
	conns, err := connmgr.NewConnManager(connLow, connHigh, connmgr.WithGracePeriod(connGrace))
	if err != nil {
		return nil, err
	}
	limits := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&limits)
	resources, err := rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(limits.Scale(memoryLimit, descriptors)), rcmgr.WithMetricsDisabled())
	if err != nil {
		conns.Close()
		return nil, err
	}
	options := []libp2p.Option{
		libp2p.Identity(h.key), libp2p.NoListenAddrs,
		libp2p.Security(tls.ID, tls.New), libp2p.Security(noise.ID, noise.New), libp2p.DefaultMuxers,
		libp2p.ConnectionManager(conns), libp2p.ResourceManager(resources), libp2p.BandwidthReporter(&h.traffic),
		libp2p.DisableRelay(), libp2p.DisableMetrics(), libp2p.Ping(true),
		libp2p.ProtocolVersion(string(h.protocol("1"))), libp2p.UserAgent("sonm"),
	}
	if h.cfg.Dial == nil {
		options = append(options, libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(quic.NewTransport))
	} else {
		through := func(ma.Multiaddr) (tcp.ContextDialer, error) { return dialer{h.cfg.Dial}, nil }
		options = append(options, libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport(), tcp.WithDialerForAddr(through)))
	}
	node, err := libp2p.New(options...)
	if err != nil {
		conns.Close()
		resources.Close()
	}
	return node, err
}

// keep connects to a bootstrap node again and again until ctx ends: soon after
// a loss, then ever more slowly.
func (h *Host) keep(ctx context.Context, b peer.AddrInfo) {
	h.node.ConnManager().Protect(b.ID, "bootstrap")
	wait := retryFirst
	for ctx.Err() == nil {
		if h.node.Network().Connectedness(b.ID) == network.Connected {
			wait = retryFirst
			pause(ctx, watchEvery)
			continue
		}
		if err := h.connect(ctx, b); err != nil {
			h.log.Debug("bootstrap node not reached", "peer", b.ID.String(), "error", err, "again_in", wait)
			pause(ctx, wait/2+rand.N(wait)) //nolint:gosec // G404: spreads the retries of many nodes, guards nothing
			wait = min(2*wait, retryMost)
			continue
		}
		h.log.Info("bootstrap node connected", "peer", b.ID.String())
	}
}

func (h *Host) connect(ctx context.Context, b peer.AddrInfo) error {
	ctx, cancel := context.WithTimeout(ctx, retryTimeout)
	defer cancel()
	h.forgive(b.ID)
	return h.node.Connect(ctx, b)
}

// learn takes the addresses of a peer for a dial that follows at once.
func (h *Host) learn(id peer.ID, addrs []string) error {
	if id == h.id {
		return fmt.Errorf("peer %v is this host", id)
	}
	var good []ma.Multiaddr
	for _, s := range addrs {
		a, err := ma.NewMultiaddr(s)
		if err != nil || len(good) == mostAddrs {
			continue
		}
		a, named := peer.SplitAddr(a)
		if a == nil || named != "" && named != id || !direct(a) {
			continue
		}
		good = append(good, a)
	}
	if len(good) == 0 && len(addrs) > 0 && h.node.Network().Connectedness(id) != network.Connected {
		return fmt.Errorf("none of %d addresses of peer %v can be dialled", len(addrs), id)
	}
	h.node.Peerstore().AddAddrs(id, good, peerstore.TempAddrTTL)
	h.forgive(id)
	return nil
}

// forgive forgets failed dials to a peer: whoever calls Open or connect has its
// own patience.
func (h *Host) forgive(id peer.ID) {
	if s, ok := h.node.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(id)
	}
}

// direct reports whether a is TCP or QUIC on an IP address, and nothing more.
func direct(a ma.Multiaddr) bool {
	var kinds []int
	for _, c := range a {
		kinds = append(kinds, c.Protocol().Code)
	}
	if len(kinds) < 2 || kinds[0] != ma.P_IP4 && kinds[0] != ma.P_IP6 {
		return false
	}
	return len(kinds) == 2 && kinds[1] == ma.P_TCP ||
		len(kinds) == 3 && kinds[1] == ma.P_UDP && kinds[2] == ma.P_QUIC_V1
}

// pause waits for d or for the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
