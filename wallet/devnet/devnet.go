// Package devnet is the practice chain: a real EVM with real contracts on
// disk, whose money is worth nothing. It is what a fresh machine begins with.
//
// It embeds go-ethereum, keeps every state (archive), mines a block as soon as
// a transaction comes in, and answers JSON-RPC over HTTP. Two methods are its
// own: sonm_network describes the network, sonm_fund gives an address its
// first money, once.
//
// # Why
//
// go-ethereum's development mode loses every block since the last clean stop
// when it is killed. Here nothing is answered before the head it may speak of
// is on disk: the answer waits for the sync. The forks are pinned to Osaka:
// the library's own development mix has rules that no network runs, under
// which storage costs five times as much.
package devnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"
	"golang.org/x/sync/errgroup"

	"sonm/wallet/chain"
)

// FeeBPS is what the practice Escrow keeps of each payment: 1 %.
const FeeBPS = 100

const (
	defaultListen = "127.0.0.1:0"
	defaultName   = "practice"
	shutdownTime  = 3 * time.Second  // answers under way at a stop
	readTime      = 30 * time.Second // one request; a slow client must not hold a connection
	bodyLimit     = 1 << 20          // bytes of a request; a transaction is at most 128 KiB
	batchItems    = 100
	batchBytes    = 16 << 20
)

// ErrBusy says that another process serves the chain of this folder.
var ErrBusy = errors.New("the practice chain of this folder is already running")

// Config is how to serve a practice chain.
type Config struct {
	Dir    string // where the chain lives; made if missing
	Listen string // host:port; "" is 127.0.0.1 and any free port
	Name   string // of the network; "" is "practice"
	// Bootstrap starts whatever peers begin with, once the chain knows who it
	// is, and returns the multiaddrs that sonm_network hands out; nil is none.
	Bootstrap func(chain.Network) ([]string, error)
	Log       *slog.Logger        // nil discards
	Ready     func(chain.Network) // called once, when the endpoint answers
}

// Serve runs the practice chain until ctx ends, then closes it cleanly and
// returns nil. At the first start it draws the chain id and deploys the
// contracts. It returns ErrBusy when another process has the folder.
func Serve(ctx context.Context, cfg Config) error {
	cfg = cfg.withDefaults()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("practice chain: %w", err)
	}
	defer ln.Close()
	n, err := open(cfg)
	if err != nil {
		return fmt.Errorf("practice chain in %s: %w", cfg.Dir, err)
	}
	network, err := n.prepare(ctx, cfg, ln.Addr())
	if err == nil {
		err = n.serve(ctx, cfg, ln, network)
	}
	return errors.Join(err, n.close())
}

func (cfg Config) withDefaults() Config {
	if cfg.Listen == "" {
		cfg.Listen = defaultListen
	}
	if cfg.Name == "" {
		cfg.Name = defaultName
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// prepare deploys what is missing and describes the network.
func (n *node) prepare(ctx context.Context, cfg Config, addr net.Addr) (chain.Network, error) {
	token, escrow, err := n.deploy(ctx)
	if err != nil {
		return chain.Network{}, fmt.Errorf("deploy: %w", err)
	}
	network := chain.Network{
		Name:      cfg.Name,
		ChainID:   n.chainID,
		Genesis:   n.eth.BlockChain().Genesis().Hash(),
		RPC:       "http://" + addr.String(),
		Token:     token,
		Escrow:    escrow,
		FeeBPS:    FeeBPS,
		Bootstrap: []string{},
		Practice:  true,
	}
	if cfg.Bootstrap != nil {
		network.Bootstrap, err = cfg.Bootstrap(network)
	}
	return network, err
}

// serve answers on ln until ctx ends.
func (n *node) serve(ctx context.Context, cfg Config, ln net.Listener, network chain.Network) error {
	srv, err := n.api(network)
	if err != nil {
		return err
	}
	defer srv.Stop()
	web := &http.Server{
		Handler:           n.durable(srv),
		ReadHeaderTimeout: readTime,
		ReadTimeout:       readTime,
		ErrorLog:          slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.mine(ctx) })
	g.Go(func() error {
		if err := web.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		<-ctx.Done()
		late, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer done()
		if web.Shutdown(late) != nil {
			return web.Close()
		}
		return nil
	})
	cfg.Log.Info("practice chain up", "chain_id", network.ChainID, "endpoint", network.RPC)
	if cfg.Ready != nil {
		cfg.Ready(network)
	}
	return g.Wait()
}

// api is what may be asked: reading, sending, and our own two methods. The
// library's debug, admin and miner methods stay inside.
func (n *node) api(network chain.Network) (*rpc.Server, error) {
	srv := rpc.NewServer()
	srv.SetHTTPBodyLimit(bodyLimit)
	srv.SetBatchLimits(batchItems, batchBytes)
	for _, a := range n.apis {
		if err := srv.RegisterName(a.Namespace, a.Service); err != nil {
			return nil, fmt.Errorf("register %s: %w", a.Namespace, err)
		}
	}
	err := srv.RegisterName("sonm", &service{node: n, network: network})
	return srv, err
}

// service is the sonm namespace.
type service struct {
	node    *node
	network chain.Network
	mu      sync.Mutex // one grant at a time, so that an address gets only one
}

// Network answers sonm_network.
func (s *service) Network() chain.Network { return s.network }

// Grant is the answer of sonm_fund, amounts in the smallest units.
type Grant struct {
	Coins   string `json:"coins"`   // for gas
	Tokens  string `json:"tokens"`  // SNM
	Already bool   `json:"already"` // the address had its grant before: nothing was sent now
}

// Fund answers sonm_fund: an address gets its first money once.
func (s *service) Fund(ctx context.Context, to common.Address) (Grant, error) {
	if (to == common.Address{}) || to == s.network.Token || to == s.network.Escrow || to == Faucet() {
		return Grant{}, fmt.Errorf("%v is not an account that can be funded", to)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.node.grant(ctx, s.network.Token, to)
}
