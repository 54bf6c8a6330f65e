// Package engine is one node of the fog: the peer-to-peer host, the order book
// heard by gossip, and the content it serves. The roles, buyer and worker, get
// their view of the network from it.
//
// It decides nothing about work or money.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/engine/blob"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/market"
	"sonm/engine/p2p"
	"sonm/engine/wire"
	"sonm/engine/worker"
)

// ordersTopic is the gossip topic of asks.
const ordersTopic = "orders/1.0.0"

// AskVerifier checks that an ask is signed by the device it names.
type AskVerifier interface {
	VerifyAsk(a fog.Ask) error
}

// Config is what a node is made of.
type Config struct {
	Host   p2p.Config
	Blobs  blob.Store // served to the peers that were admitted; nil serves nothing
	Verify AskVerifier
	Now    func() time.Time
	Log    *slog.Logger
}

// Node is one node of the fog.
type Node struct {
	cfg  Config
	host *p2p.Host

	joined chan struct{} // closed when the node listens and hears orders
	topic  *p2p.Topic    // set before joined is closed

	mu    sync.Mutex
	book  *market.Book              // guarded by mu
	admit map[fog.Hash][]fog.PeerID // guarded by mu
}

// NewNode makes a node that does nothing until Run.
func NewNode(cfg Config) (*Node, error) {
	host, err := p2p.New(cfg.Host)
	if err != nil {
		return nil, err
	}
	return &Node{
		cfg: cfg, host: host, joined: make(chan struct{}), book: market.NewBook(0),
		admit: map[fog.Hash][]fog.PeerID{},
	}, nil
}

// Run keeps the node on the network until ctx ends.
func (n *Node) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.host.Run(ctx) })
	g.Go(func() error { return n.listen(ctx) })
	return g.Wait()
}

// Ready is closed when the node listens and hears orders.
func (n *Node) Ready() <-chan struct{} { return n.joined }

// Host is the node's libp2p host.
func (n *Node) Host() *p2p.Host { return n.host }

// listen fills the order book from gossip.
func (n *Node) listen(ctx context.Context) error {
	topic, err := n.host.Join(ctx, ordersTopic, n.hear)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("join orders: %w", err)
	}
	defer topic.Close()
	if n.cfg.Blobs != nil {
		n.host.ServeBlobs(blob.NewShelf(n.cfg.Blobs), n.admitted)
	}
	n.topic = topic
	close(n.joined)
	for {
		if _, _, err := topic.Next(ctx); err != nil { // hear has put it into the book already
			if ctx.Err() != nil || errors.Is(err, p2p.ErrStopped) {
				return nil
			}
			return fmt.Errorf("read orders: %w", err)
		}
	}
}

// hear judges a gossiped order and enters it into the book.
func (n *Node) hear(_ fog.PeerID, data []byte) p2p.Verdict {
	ask, err := wire.DecodeAsk(data)
	if err != nil {
		return p2p.Reject
	}
	if err := n.cfg.Verify.VerifyAsk(ask); err != nil {
		return p2p.Reject
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := n.book.Put(ask, n.cfg.Now()); err != nil {
		return p2p.Ignore
	}
	return p2p.Accept
}

// Publish tells an encoded ask to the network.
func (n *Node) Publish(ctx context.Context, ask []byte) error {
	select {
	case <-n.joined:
		return n.topic.Publish(ctx, ask)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Asks are the live offers, cheapest first.
func (n *Node) Asks(now time.Time) []fog.Ask {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.book.Expire(now)
	return n.book.Asks(now)
}

// Admit lets a peer fetch content; nobody else may.
func (n *Node) Admit(root fog.Hash, peer fog.PeerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.admit[root] = append(n.admit[root], peer)
}

func (n *Node) admitted(peer fog.PeerID, root fog.Hash) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.admit[root], peer)
}

// ID is the node's peer id.
func (n *Node) ID() fog.PeerID { return n.host.ID() }

// Addrs are where the node can be dialled.
func (n *Node) Addrs() []string { return n.host.Addrs() }

// Network is the id of the network the node belongs to.
func (n *Node) Network() fog.Hash { return n.cfg.Host.Network }

// Source fetches content from a peer that is connected.
func (n *Node) Source(peer fog.PeerID) blob.Source { return n.host.BlobSource(peer, nil) }

// ForWorker is the node as the selling role sees it.
func (n *Node) ForWorker() worker.Network { return workerNet{n} }

// ForBuyer is the node as the buying role sees it.
func (n *Node) ForBuyer() buyer.Network { return buyerNet{n} }

type workerNet struct{ *Node }

// Handle serves a protocol with the role's view of a stream.
func (w workerNet) Handle(protocol string, serve func(context.Context, worker.Stream)) {
	w.host.Handle(protocol, func(ctx context.Context, s *p2p.Stream) { serve(ctx, s) })
}

type buyerNet struct{ *Node }

// Open opens a stream and gives the role's view of it.
func (b buyerNet) Open(ctx context.Context, peer fog.PeerID, addrs []string, protocol string) (buyer.Stream, error) {
	s, err := b.host.Open(ctx, peer, addrs, protocol)
	if err != nil {
		return nil, err
	}
	return s, nil
}
