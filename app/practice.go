package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/app/event"
	"sonm/app/settle"
	"sonm/engine"
	"sonm/engine/fog"
	"sonm/engine/p2p"
	"sonm/wallet/chain"
	"sonm/wallet/devnet"
)

// endpointFile names the file in which a practice network writes where it
// answers; it is removed when the network stops.
const endpointFile = "endpoint.json"

// practiceStart bounds how long a practice network may take to answer.
const practiceStart = 30 * time.Second

// NetworkRequest says how to serve a practice network.
type NetworkRequest struct {
	Dir    string        // of the chain
	Listen string        // host:port of the chain's RPC; "" is a free port on loopback
	Idle   time.Duration // without any peer, before it stops by itself; 0 = never
	Sell   bool          // the network's own computer sells there, so that a person alone gets a picture
	Log    *slog.Logger
	Ready  func(n NetworkInfo)

	Sandbox string // path of sonm-sandbox, if it sells; "" is beside this program
}

// networkIdle is how long a practice network started by the way outlives the
// last program that used it.
const networkIdle = 10 * time.Minute

// networkArgs start a practice network by the way: for whoever has nothing but
// this computer.
func networkArgs(dir string) []string {
	return []string{"network", "serve", "--dir", dir, "--idle", networkIdle.String(), "--sell"}
}

// NetworkInfo describes a network to people and programs.
type NetworkInfo = chain.Network

// ServeNetwork runs a practice network until ctx ends: the chain, a bootstrap
// peer and, if wanted, a seller, in this process.
func ServeNetwork(ctx context.Context, r NetworkRequest) error {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return &event.Problem{Code: "home", What: fmt.Sprintf("The folder %s cannot be used: %s.", r.Dir, reason(err)), Cause: err}
	}
	h, err := waitHome(ctx, r.Dir)
	if err != nil {
		return err
	}
	defer h.Close()
	endpoint := h.path(endpointFile)
	defer os.Remove(endpoint)
	last := readPorts(h.path(portsFile))
	r.Listen = last.rpc(ctx, r.Listen)
	b := &bootstrap{home: h, idle: r.Idle, log: r.Log, last: last}
	g, ctx := errgroup.WithContext(ctx)
	b.group, b.ctx = g, ctx
	ready := make(chan string, 1) // the chain's address
	if r.Sell {
		cfg := Config{Home: h.path("seller"), Sandbox: r.Sandbox, Version: Version, Log: r.Log}
		g.Go(func() error { return b.sell(ctx, cfg, ready) })
	}
	var announced sync.Once
	g.Go(func() error {
		err := devnet.Serve(ctx, devnet.Config{Dir: h.path("chain"), Listen: r.Listen, Bootstrap: b.start, Log: r.Log, Ready: func(n chain.Network) {
			announced.Do(func() {
				data, err := json.Marshal(n)
				if err == nil {
					err = errors.Join(writeAtomic(endpoint, data, 0o600), writePorts(h.path(portsFile), n))
				}
				if err != nil {
					r.Log.Error("endpoint file", "err", err)
				}
				if r.Ready != nil {
					r.Ready(n)
				}
				ready <- n.RPC
			})
		}})
		if errors.Is(err, devnet.ErrBusy) {
			return &event.Problem{Code: "home_busy", What: fmt.Sprintf("Another practice network is already running in %s.", r.Dir), Cause: err}
		}
		return err
	})
	if err := g.Wait(); !errors.Is(err, errIdle) {
		return err
	}
	return nil
}

// errIdle ends a practice network nobody uses.
var errIdle = errors.New("nobody uses the practice network")

// bootstrap is the peer of a practice network that everybody meets first.
type bootstrap struct {
	home  *home
	idle  time.Duration
	log   *slog.Logger
	last  ports
	own   atomic.Pointer[fog.PeerID] // of the seller in this process, if there is one
	group *errgroup.Group
	ctx   context.Context //nolint:containedctx // of the group: start is called back by the chain
}

// start runs the peer once the chain knows who it is, and returns its
// addresses.
func (b *bootstrap) start(n chain.Network) ([]string, error) {
	seed, err := b.home.seed()
	if err != nil {
		return nil, err
	}
	node, err := engine.NewNode(engine.Config{
		Host:   p2p.Config{Seed: seed, Listen: b.last.peer(b.ctx, listenAddrs(n.RPC)), Network: [32]byte(n.Genesis), Log: b.log},
		Verify: settle.NewVerifier(n), Now: time.Now, Log: b.log,
	})
	if err != nil {
		return nil, err
	}
	b.group.Go(func() error { return node.Run(b.ctx) })
	if b.idle > 0 {
		b.group.Go(func() error { return b.watch(node) })
	}
	select {
	case <-node.Ready():
		return node.Addrs(), nil
	case <-b.ctx.Done():
		return nil, b.ctx.Err()
	}
}

// watch ends the network when no peer was there for the idle time.
func (b *bootstrap) watch(node *engine.Node) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for used := time.Now(); ; {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			return nil
		}
		if b.visited(node.Host().Peers()) {
			used = time.Now()
		}
		if time.Since(used) > b.idle {
			return errIdle
		}
	}
}

// visited reports whether one of the peers is somebody else than the network.
func (b *bootstrap) visited(peers []fog.PeerID) bool {
	own := b.own.Load()
	return slices.ContainsFunc(peers, func(p fog.PeerID) bool { return own == nil || p != *own })
}

// sell has this computer sell on its own network, as others would, from when the
// chain has an address until ctx ends. Where it cannot the network is there all
// the same.
func (b *bootstrap) sell(ctx context.Context, cfg Config, chain <-chan string) error {
	select {
	case cfg.Network = <-chain:
	case <-ctx.Done():
		return nil
	}
	if err := b.sellIn(ctx, cfg); err != nil && ctx.Err() == nil {
		b.log.Error("nobody sells on the practice network by itself", "err", err)
	}
	return nil
}

func (b *bootstrap) sellIn(ctx context.Context, cfg Config) error {
	price, err := fog.ParseAmount(DefaultPrice)
	if err != nil {
		return err
	}
	a, err := Open(ctx, cfg)
	if err != nil {
		return err
	}
	id := a.node.ID()
	b.own.Store(&id)
	return errors.Join(a.Sell(ctx, SellRequest{Price: price}, func(fog.Fact) {}), a.Close())
}

// listenAddrs are where a node of the practice network with this RPC address
// listens. TCP only: everybody is directly reachable there, TCP is the faster,
// and the end of a process that was killed is noticed at once, where QUIC takes
// half a minute. The address is loopback for a network of this computer, else
// the one this computer reaches it from.
func listenAddrs(rpc string) []string {
	host := "127.0.0.1"
	if u, err := url.Parse(rpc); err == nil {
		if ip := net.ParseIP(u.Hostname()); ip != nil && !ip.IsLoopback() {
			host = localTo(u.Host, host)
		}
	}
	return []string{"/ip4/" + host + "/tcp/0"}
}

// localTo is this computer's address on the way to remote. Nothing is sent:
// connecting a UDP socket only picks a route.
func localTo(remote, otherwise string) string {
	c, err := net.Dial("udp4", remote) //nolint:noctx // sends nothing and returns at once
	if err != nil {
		return otherwise
	}
	defer c.Close()
	a, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok || a.IP.IsUnspecified() {
		return otherwise
	}
	return a.IP.String()
}

// practice returns the address of this user's practice network, starting it in
// a process of its own if nobody has.
func practice(ctx context.Context, dir string, log *slog.Logger) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, practiceStart)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for started := false; ; {
		rpc, err := answering(ctx, filepath.Join(dir, endpointFile))
		if err == nil {
			return rpc, nil
		}
		if !started {
			log.Debug("starting the practice network", "dir", dir, "because", err)
			if err := spawnNetwork(dir); err != nil {
				return "", fmt.Errorf("start the practice network: %w", err)
			}
			started = true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", &event.Problem{
				Code: "network", What: "The practice network of this computer did not start.",
				Do: "Look at the file network.log in " + dir + ".", Cause: err,
			}
		}
	}
}

// answering reads an endpoint file and asks the network behind it.
func answering(ctx context.Context, file string) (string, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errors.New("no endpoint file")
	}
	if err != nil {
		return "", err
	}
	var n chain.Network
	if err := json.Unmarshal(data, &n); err != nil {
		return "", fmt.Errorf("endpoint file: %w", err)
	}
	_, err = describe(ctx, n.RPC)
	return n.RPC, err
}
