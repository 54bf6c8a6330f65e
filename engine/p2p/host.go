package p2p

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/gologshim"
	ma "github.com/multiformats/go-multiaddr"

	"sonm/engine/fog"
)

// ErrStopped says that the host is not running any more.
var ErrStopped = errors.New("host stopped")

// Config is all a host needs to know; it is copied by New.
type Config struct {
	Seed      [32]byte // Ed25519 seed: the same seed is the same peer id
	Listen    []string // multiaddrs such as /ip4/127.0.0.1/tcp/0 and /ip4/127.0.0.1/udp/0/quic-v1
	Network   fog.Hash // genesis hash; nodes of other networks are strangers
	Bootstrap []string // full multiaddrs, /ip4/../tcp/../p2p/<id>

	// Dial, when given, opens every outgoing TCP connection (a proxy can stand
	// there). QUIC is then off, because its packets would go around it. Nil
	// means the system's own dialer, and QUIC.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	Log *slog.Logger // nil discards
}

// Host is one node. Build it with New and keep it alive with Run; the other
// methods may be called from any goroutine at any time and wait for Run to be
// ready where they need it.
type Host struct {
	cfg     Config
	log     *slog.Logger
	key     crypto.PrivKey
	id      peer.ID
	listen  []ma.Multiaddr
	boot    []peer.AddrInfo
	traffic traffic

	ready  chan struct{} // closed when the fields below it are set
	node   host.Host
	gossip *pubsub.PubSub

	over chan struct{} // closed when Run has begun to end

	mu       sync.Mutex
	started  bool                    // guarded by mu
	ended    bool                    // guarded by mu
	handlers map[protocol.ID]handler // guarded by mu
	serving  sync.WaitGroup          // handlers at work; Add only with mu held and not ended
	run      context.Context         //nolint:containedctx // guarded by mu; Run's, for handlers that come after it began
}

type handler func(context.Context, *Stream)

// LogTo sends what libp2p itself has to say to to, for the whole process; the
// standard error stream is its default. Call it before the first New.
func LogTo(to slog.Handler) { gologshim.SetDefaultHandler(to) }

// New checks cfg and makes a host that does nothing yet.
func New(cfg Config) (*Host, error) {
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(cfg.Seed[:]))
	if err != nil {
		return nil, fmt.Errorf("peer key: %w", err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("peer id: %w", err)
	}
	h := &Host{
		cfg: cfg, log: cfg.Log, key: key, id: id,
		ready: make(chan struct{}), over: make(chan struct{}), handlers: make(map[protocol.ID]handler),
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	for _, s := range cfg.Listen {
		a, err := ma.NewMultiaddr(s)
		if err != nil {
			return nil, fmt.Errorf("listen address %q: %w", s, err)
		}
		if !direct(a) {
			return nil, fmt.Errorf("listen address %q is neither TCP nor QUIC on an IP address", s)
		}
		h.listen = append(h.listen, a)
	}
	for _, s := range cfg.Bootstrap {
		info, err := peer.AddrInfoFromString(s)
		if err != nil {
			return nil, fmt.Errorf("bootstrap address %q: %w", s, err)
		}
		if info.ID != id {
			h.boot = append(h.boot, *info)
		}
	}
	return h, nil
}

// Run listens, keeps the bootstrap nodes connected and serves until ctx ends.
// It returns when all it started is over; nil if ctx was the reason. It can be
// called once.
func (h *Host) Run(ctx context.Context) error {
	if err := h.start(); err != nil {
		return err
	}
	defer h.end()
	node, err := h.build()
	if err != nil {
		return fmt.Errorf("libp2p host: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer h.stop(node, cancel)
	gossip, err := h.newGossip(ctx, node)
	if err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	h.publish(ctx, node, gossip)
	if len(h.listen) > 0 {
		if err := node.Network().Listen(h.listen...); err != nil {
			return fmt.Errorf("listen on %v: %w", h.listen, err)
		}
	}
	close(h.ready)
	h.log.Info("host ready", "peer", h.id.String(), "addresses", len(h.Addrs()))
	var wg sync.WaitGroup
	for _, b := range h.boot {
		wg.Go(func() { h.keep(ctx, b) })
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

// Ready is closed once the host listens and can be used.
func (h *Host) Ready() <-chan struct{} { return h.ready }

// ID is the peer id that belongs to the seed.
func (h *Host) ID() fog.PeerID { return fog.PeerID(h.id.String()) }

// Addrs are the full multiaddrs the host can be dialled at, with /p2p/<id>;
// none before it is ready.
func (h *Host) Addrs() []string {
	select {
	case <-h.ready:
	default:
		return nil
	}
	var out []string
	for _, a := range h.node.Addrs() {
		out = append(out, a.String()+"/p2p/"+h.id.String())
	}
	return out
}

// Peers are the peers connected now, in no order.
func (h *Host) Peers() []fog.PeerID {
	select {
	case <-h.ready:
	default:
		return nil
	}
	var out []fog.PeerID
	for _, p := range h.node.Network().Peers() {
		out = append(out, fog.PeerID(p.String()))
	}
	return out
}

// Keep exempts the connection to a peer from being closed when there are too
// many, until release is called: for peers a deal or a lease depends on. why
// tells users of the same peer apart.
func (h *Host) Keep(ctx context.Context, p fog.PeerID, why string) (release func(), err error) {
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	id, err := peer.Decode(string(p))
	if err != nil {
		return nil, fmt.Errorf("peer id %.80q: %w", p, err)
	}
	conns := h.node.ConnManager()
	conns.Protect(id, why)
	return func() { conns.Unprotect(id, why) }, nil
}

// Traffic is how many bytes the host's streams sent and received since it was
// made, without the overhead of encryption and packets.
func (h *Host) Traffic() (sent, received uint64) {
	return uint64(h.traffic.sent.Load()), uint64(h.traffic.received.Load())
}

// Handle serves a protocol such as "job/1.0.0" from now on. The stream is
// closed when serve returns; ctx ends with the host, which waits for serve.
func (h *Host) Handle(name string, serve func(ctx context.Context, s *Stream)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id := h.protocol(name)
	h.handlers[id] = serve
	if h.run != nil && !h.ended {
		h.node.SetStreamHandler(id, h.accept(id))
	}
}

// Open starts a stream to a peer, connecting to it at addrs (with or without
// /p2p/<id>) if that is not done yet. Addresses that are not TCP or QUIC on an
// IP address are ignored: they come from strangers and would have us resolve
// names. Without a deadline in ctx, openTimeout bounds the wait.
func (h *Host) Open(ctx context.Context, p fog.PeerID, addrs []string, name string) (*Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := h.wait(ctx); err != nil {
		return nil, err
	}
	id, err := peer.Decode(string(p))
	if err != nil {
		return nil, fmt.Errorf("peer id %.80q: %w", p, err)
	}
	if err := h.learn(id, addrs); err != nil {
		return nil, err
	}
	s, err := h.node.NewStream(ctx, id, h.protocol(name))
	if err != nil {
		return nil, fmt.Errorf("open %s to %v: %w", name, p, err)
	}
	return newStream(s), nil
}

// wait returns when the host can be used.
func (h *Host) wait(ctx context.Context) error {
	select {
	case <-h.over:
		return ErrStopped
	default:
	}
	select {
	case <-h.ready:
		return nil
	case <-h.over:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("host not ready: %w", ctx.Err())
	}
}

func (h *Host) start() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started {
		return errors.New("host was started before")
	}
	h.started = true
	return nil
}

// publish makes node usable and hangs the handlers known so far into it, before
// it listens.
func (h *Host) publish(ctx context.Context, node host.Host, gossip *pubsub.PubSub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.node, h.gossip, h.run = node, gossip, ctx
	for id := range h.handlers {
		node.SetStreamHandler(id, h.accept(id))
	}
}

// accept starts the handler of a protocol on libp2p's goroutine.
func (h *Host) accept(id protocol.ID) network.StreamHandler {
	return func(s network.Stream) {
		h.mu.Lock()
		serve, ctx, ended := h.handlers[id], h.run, h.ended
		if !ended {
			h.serving.Add(1)
		}
		h.mu.Unlock()
		if ended {
			_ = s.Reset() // nobody here serves it any more
			return
		}
		defer h.serving.Done()
		st := newStream(s)
		defer st.Close()
		serve(ctx, st)
	}
}

// end tells all who wait that the host is over.
func (h *Host) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.ended = true
		close(h.over)
	}
}

// stop ends streams and connections, then waits for the handlers.
func (h *Host) stop(node host.Host, cancel context.CancelFunc) {
	h.end()
	cancel()
	if err := node.Close(); err != nil {
		h.log.Warn("host closed badly", "error", err)
	}
	h.serving.Wait()
}

// protocol is the id of a protocol on this network. Eight hex digits are
// enough to keep networks apart; Hello carries the whole hash.
func (h *Host) protocol(name string) protocol.ID {
	return protocol.ID("/sonm/" + h.cfg.Network.Short() + "/" + name)
}

// openTimeout covers a dial over a bad line and the negotiation after it.
const openTimeout = 30 * time.Second
