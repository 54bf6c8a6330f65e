package fogtest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"sonm/engine/blob"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/market"
	"sonm/engine/wire"
	"sonm/engine/worker"
)

// Times of the network.
const (
	latencyLeast = 5 * time.Millisecond  // one way, to a neighbour
	latencyMore  = 80 * time.Millisecond // one way, across an ocean, beside that
	jitter       = time.Millisecond      // of one message
	idleTimeout  = 30 * time.Second      // a cut line is given up after that, as QUIC does
)

// ErrUnreachable says that no stream to the peer can be opened.
var ErrUnreachable = errors.New("peer cannot be reached")

// Net joins the nodes of a fog: streams with latency, the gossiped order book,
// content. Links can be cut and peers lost. Delays are drawn from the seed, and
// no two links share one, so that events have an order in fake time.
type Net struct {
	id    fog.Hash
	seed  uint64
	ring  *Ring
	trace *Trace

	mu      sync.Mutex
	peers   map[fog.PeerID]*member    // guarded by mu
	cuts    map[[2]fog.PeerID]bool    // guarded by mu; both orders are entered
	book    *market.Book              // guarded by mu
	admit   map[fog.Hash][]fog.PeerID // guarded by mu
	streams map[*Stream]struct{}      // guarded by mu; one end of each
}

// member is a node on the network.
type member struct {
	ctx     context.Context //nolint:containedctx // the life of the node, for what others start in it
	wg      *sync.WaitGroup
	blobs   blob.Store
	down    bool
	handler map[string]func(context.Context, *Stream)
}

func newNet(seed uint64, ring *Ring, trace *Trace) *Net {
	return &Net{
		id: fog.HashOf([]byte("fogtest network")), seed: seed, ring: ring, trace: trace,
		peers: map[fog.PeerID]*member{}, cuts: map[[2]fog.PeerID]bool{}, book: market.NewBook(0),
		admit: map[fog.Hash][]fog.PeerID{}, streams: map[*Stream]struct{}{},
	}
}

func peerOf(name string) fog.PeerID {
	h := fog.HashOf([]byte("fogtest peer"), []byte(name))
	return fog.PeerID("peer" + h.Short())
}

// join enters a node, or brings a lost one back.
func (n *Net) join(ctx context.Context, id fog.PeerID, wg *sync.WaitGroup, blobs blob.Store) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.peers[id] = &member{ctx: ctx, wg: wg, blobs: blobs, handler: map[string]func(context.Context, *Stream){}}
}

// delay of the nth message of a stream.
func (n *Net) delay(from, to fog.PeerID, nth uint64) time.Duration {
	draw := func(b ...byte) uint64 {
		h := fog.HashOf(binary.BigEndian.AppendUint64(nil, n.seed), []byte(from), []byte(to), b)
		return binary.BigEndian.Uint64(h[:])
	}
	base := latencyLeast + time.Duration(draw()%uint64(latencyMore))
	return base + time.Duration(mix(draw()^nth)%uint64(jitter))
}

// open starts a stream and has the other node serve it.
func (n *Net) open(ctx context.Context, from, to fog.PeerID, protocol string) (*Stream, error) {
	if err := pause(ctx, 2*n.delay(from, to, 0)); err != nil {
		return nil, err
	}
	n.mu.Lock()
	there, known := n.peers[to]
	var serve func(context.Context, *Stream)
	if known && !there.down {
		serve = there.handler[protocol]
	}
	cut := n.cuts[[2]fog.PeerID{from, to}]
	if serve == nil || cut || n.peers[from] == nil || n.peers[from].down {
		n.mu.Unlock()
		if cut { // nobody says no: the attempt times out
			<-ctx.Done()
			return nil, fmt.Errorf("open %s to %s: %w", protocol, to, ctx.Err())
		}
		return nil, fmt.Errorf("open %s to %s: %w", protocol, to, ErrUnreachable)
	}
	a, b := newLane(), newLane()
	here := &Stream{net: n, here: from, peer: to, out: a, in: b, turn: make(chan struct{}, 1)}
	far := &Stream{net: n, here: to, peer: from, out: b, in: a, turn: make(chan struct{}, 1)}
	n.streams[here] = struct{}{}
	there.wg.Go(func() {
		serve(there.ctx, far)
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.streams, here)
	})
	n.mu.Unlock()
	return here, nil
}

// Cut silences the line between two peers: nothing arrives any more, and
// after half a minute both sides give the connection up. New streams time out.
func (n *Net) Cut(a, b fog.PeerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[[2]fog.PeerID{a, b}], n.cuts[[2]fog.PeerID{b, a}] = true, true
	for s := range n.streams {
		if !s.between(a, b) {
			continue
		}
		s.out.hold(true)
		s.in.hold(true)
		time.AfterFunc(idleTimeout, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.cuts[[2]fog.PeerID{a, b}] {
				s.snap(ErrLost, true)
			}
		})
	}
}

// Heal joins what Cut cut; streams that were not given up go on.
func (n *Net) Heal(a, b fog.PeerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cuts, [2]fog.PeerID{a, b})
	delete(n.cuts, [2]fog.PeerID{b, a})
	for s := range n.streams {
		if s.between(a, b) {
			s.out.hold(false)
			s.in.hold(false)
		}
	}
}

func (s *Stream) between(a, b fog.PeerID) bool {
	return s.here == a && s.peer == b || s.here == b && s.peer == a
}

// lose takes a node off the network as the death of its process does: what it
// sent still arrives, then its streams end, and nobody can open one.
func (n *Net) lose(id fog.PeerID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := n.peers[id]; m != nil {
		m.down = true
	}
	for s := range n.streams {
		if s.here == id || s.peer == id {
			s.snap(ErrLost, false)
		}
	}
}

// Asks are the live offers, cheapest first.
func (n *Net) Asks(now time.Time) []fog.Ask {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.book.Expire(now)
	return n.book.Asks(now)
}

func (n *Net) publish(from fog.PeerID, data []byte) error {
	ask, err := wire.DecodeAsk(data)
	if err == nil {
		err = n.ring.VerifyAsk(ask)
	}
	if err != nil {
		return fmt.Errorf("ask rejected: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := n.peers[from]; m == nil || m.down {
		return ErrUnreachable
	}
	_, err = n.book.Put(ask, time.Now())
	return err
}

// source reads content of one peer as another.
type source struct {
	n        *Net
	from, to fog.PeerID
}

func (s source) shelf(ctx context.Context, root fog.Hash) (*blob.Shelf, error) {
	if err := pause(ctx, 2*s.n.delay(s.to, s.from, 0)); err != nil {
		return nil, err
	}
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	m := s.n.peers[s.from]
	if m == nil || m.down || s.n.cuts[[2]fog.PeerID{s.from, s.to}] {
		return nil, ErrUnreachable
	}
	if !slices.Contains(s.n.admit[root], s.to) {
		return nil, fmt.Errorf("%s: %w", root.Short(), fs.ErrNotExist)
	}
	return blob.NewShelf(m.blobs), nil
}

// Manifest implements blob.Source.
func (s source) Manifest(ctx context.Context, root fog.Hash, most int) ([]byte, error) {
	shelf, err := s.shelf(ctx, root)
	if err != nil {
		return nil, err
	}
	return shelf.Manifest(ctx, root, most)
}

// Chunks implements blob.Source.
func (s source) Chunks(ctx context.Context, root fog.Hash, want []fog.Hash, each func(int, []byte) error) error {
	shelf, err := s.shelf(ctx, root)
	if err != nil {
		return err
	}
	return shelf.Chunks(ctx, root, want, each)
}

// port is the network as one node's roles see it.
type port struct {
	*Net
	id      fog.PeerID
	sells   func(Ends) Ends // how the streams it serves are tampered with; nil: not
	buysVia func(Ends) Ends // the same of those it opens
}

// Ends is a stream as a role uses it.
type Ends interface {
	Send(ctx context.Context, m *wire.Message) error
	Recv(ctx context.Context, most int) (*wire.Message, error)
	Peer() fog.PeerID
	Close() error
	Reset() error
}

// Network implements both roles' Network.
func (p port) Network() fog.Hash { return p.Net.id }

// ID implements worker.Network.
func (p port) ID() fog.PeerID { return p.id }

// Addrs implements worker.Network.
func (p port) Addrs() []string { return []string{"/memory/1"} }

// Publish implements worker.Network.
func (p port) Publish(_ context.Context, ask []byte) error { return p.publish(p.id, ask) }

// Source implements worker.Network.
func (p port) Source(from fog.PeerID) blob.Source { return source{p.Net, from, p.id} }

// Handle implements worker.Network.
func (p port) Handle(protocol string, serve func(context.Context, worker.Stream)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peers[p.id].handler[protocol] = func(ctx context.Context, s *Stream) {
		if p.sells == nil {
			serve(ctx, s)
			return
		}
		serve(ctx, p.sells(s))
	}
}

// Open implements buyer.Network.
func (p port) Open(ctx context.Context, to fog.PeerID, _ []string, protocol string) (buyer.Stream, error) {
	s, err := p.open(ctx, p.id, to, protocol)
	if err != nil {
		return nil, err
	}
	if p.buysVia == nil {
		return s, nil
	}
	return p.buysVia(s), nil
}

// Admit implements buyer.Network.
func (p port) Admit(root fog.Hash, to fog.PeerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.Net.admit[root] = append(p.Net.admit[root], to)
}
