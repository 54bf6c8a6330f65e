// Package app is the use cases and lifetime of a node: it opens a home, joins a
// network, buys and sells, and closes everything again.
//
// It decides nothing about work or money itself; wire.go joins the engine, the
// wallet and the store, and every error that reaches a person is put into words
// here.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sonm/app/dial"
	"sonm/app/event"
	"sonm/app/settle"
	"sonm/app/store"
	"sonm/engine"
	"sonm/engine/apps"
	"sonm/engine/blob"
	"sonm/engine/fog"
	"sonm/engine/p2p"
	"sonm/engine/sandbox"
	"sonm/wallet"
	"sonm/wallet/chain"
)

// Version of the program, shown to people and told to peers.
const Version = "0.1.0"

// DefaultHome is the home of this user where none is named.
func DefaultHome() string {
	if dir, err := os.UserConfigDir(); err == nil {
		return filepath.Join(dir, "sonm")
	}
	return ".sonm"
}

// DefaultPrice of an ask in SNM per fog.UnitsPerPrice units, until the
// benchmark exists.
const DefaultPrice = "1"

// DefaultCheckRate is the share of results a buyer re-runs: the most that a
// buyer's own checks may cost of a job (PROOF: never above 5 %), if it is not so
// small that first results take that up; see proof.PlanChecks.
const DefaultCheckRate = 0.05

// Config is a node to be opened.
type Config struct {
	Home    string // folder
	Network string // RPC address of the network; "" is this user's practice network
	Sandbox string // path of sonm-sandbox; "" is beside this program
	Version string // of the program
	Resume  bool   // whoever becomes the engine goes on with all jobs left unfinished, not only with one asked for
	Log     *slog.Logger

	// Tap, if given, is told of every record written, signature made and message
	// sent by the buying side, after it happened and before the next one: what a
	// test of crashes kills at.
	Tap func(kind, what string)
}

// App is an open node.
type App struct {
	cfg  Config
	net  chain.Network
	home *home
	box  struct {
		*sandbox.Sandbox
		once sync.Once
		err  error
	}
	db      *store.Store
	journal *journal
	wallet  *wallet.Wallet
	bridge  *settle.Bridge
	node    *engine.Node
	blobs   blob.Store
	apps    *apps.Pool
	cancel  context.CancelFunc
	group   *errgroup.Group
}

// PracticeDir is where the practice network of a home's user lives: beside the
// default home, so that several homes share it.
func PracticeDir(home string) string { return filepath.Join(home, "practice") }

// FindNetwork describes the network a configuration belongs to; the practice
// network is started if need be.
func FindNetwork(ctx context.Context, cfg Config) (NetworkInfo, error) {
	rpc := cfg.Network
	if rpc == "" {
		var err error
		if rpc, err = practice(ctx, userPracticeDir(cfg.Home), cfg.Log); err != nil {
			return NetworkInfo{}, err
		}
	}
	n, err := describe(ctx, rpc)
	if err != nil {
		return n, &event.Problem{
			Code: "network", What: fmt.Sprintf("The network at %s does not answer.", rpc),
			Do: "Is the address right, and is the network running?", Cause: err,
		}
	}
	n.RPC = rpc // as this computer reaches it
	return n, nil
}

// userPracticeDir is one per user, whatever the home, so that a buyer and a
// seller with homes of their own meet without being told anything.
func userPracticeDir(home string) string {
	if dir, err := os.UserConfigDir(); err == nil {
		return PracticeDir(filepath.Join(dir, "sonm"))
	}
	return PracticeDir(home)
}

// Open opens a home and joins the network. The caller closes the App.
func Open(ctx context.Context, cfg Config) (*App, error) {
	h, err := waitHome(ctx, cfg.Home)
	if err != nil {
		return nil, err
	}
	return openIn(ctx, cfg, h)
}

// openIn opens a home that this process holds, and takes it over.
func openIn(ctx context.Context, cfg Config, h *home) (_ *App, err error) {
	a := &App{cfg: cfg, home: h}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if a.net, err = FindNetwork(ctx, cfg); err != nil {
		return nil, err
	}
	if a.apps, err = bundledApps(); err != nil {
		return nil, err
	}
	if a.db, err = store.Open(ctx, a.home.path("sonm.db")); err != nil {
		return nil, err
	}
	if a.journal, err = newJournal(a.db, a.home.path("results")); err != nil {
		return nil, err
	}
	a.blobs = blob.NewDir(a.home.path("blobs"))
	if err := a.openWallet(ctx); err != nil {
		return nil, err
	}
	return a, a.join(ctx)
}

// openWallet opens the keys; on a practice network a new home gets its first
// money by itself.
func (a *App) openWallet(ctx context.Context) error {
	var err error
	cfg := wallet.Config{Dir: a.home.path("wallet"), Network: a.net, HTTP: a.tapHTTP(dial.Dialer{}.HTTP()), Outbox: tappedOutbox{outbox{a.db}, a}, Log: a.cfg.Log}
	a.wallet, err = wallet.Open(cfg) //nolint:contextcheck // it does not touch the network
	if err != nil {
		return fmt.Errorf("open wallet: %w", err)
	}
	if err := a.wallet.Start(ctx); err != nil {
		return fmt.Errorf("send again what an earlier run left: %w", err)
	}
	if err := a.wallet.EnsureFunded(ctx); err != nil {
		return fmt.Errorf("practice money: %w", err)
	}
	a.bridge, err = settle.NewBridge(ctx, a.wallet, a.journal, a.net)
	return err
}

// Money is what the node's account has.
type Money struct {
	Address  fog.Address `json:"address"`
	Balance  fog.Amount  `json:"balance"`  // SNM at hand
	Escrow   fog.Amount  `json:"escrow"`   // SNM in the escrow
	Reserved fog.Amount  `json:"reserved"` // part of Escrow that open jobs hold
	Coins    fog.Amount  `json:"coins"`    // for network fees
	Practice bool        `json:"practice"`
}

// Money asks the chain what the account has.
func (a *App) Money(ctx context.Context) (Money, error) {
	p, err := a.bridge.Purse(ctx)
	return Money{Address: a.bridge.Account(), Balance: p.Balance, Escrow: p.Escrow, Reserved: p.Reserved, Coins: p.Coins, Practice: a.net.Practice}, err
}

// gasUsed is the gas of all transactions of this run.
func (a *App) gasUsed() uint64 {
	var sum uint64
	for _, n := range a.wallet.GasUsed() {
		sum += n
	}
	return sum
}

// join starts the node and waits until it is on the network.
func (a *App) join(ctx context.Context) error {
	seed, err := a.home.seed()
	if err != nil {
		return err
	}
	a.node, err = engine.NewNode(engine.Config{
		Host:  p2p.Config{Seed: seed, Listen: listenAddrs(a.net.RPC), Network: fog.Hash(a.net.Genesis), Bootstrap: a.net.Bootstrap, Log: a.cfg.Log},
		Blobs: a.blobs, Verify: settle.NewVerifier(a.net), Now: time.Now, Log: a.cfg.Log,
	})
	if err != nil {
		return fmt.Errorf("join the network: %w", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx)) // ended by Close, after the roles
	a.cancel = cancel
	a.group, run = errgroup.WithContext(run)
	a.group.Go(func() error { return a.node.Run(run) })
	select {
	case <-a.node.Ready():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close leaves the network and closes the home. It is safe on an App that is
// half open.
func (a *App) Close() error {
	var errs []error
	if a.cancel != nil {
		a.cancel()
		errs = append(errs, a.group.Wait())
	}
	if a.wallet != nil {
		a.wallet.Close()
	}
	if a.db != nil {
		errs = append(errs, a.db.Close())
	}
	if a.home != nil {
		errs = append(errs, a.home.Close())
	}
	return errors.Join(errs...)
}

// sandbox gives a sandbox that differs from a plain one in what change says.
func (a *App) sandbox(change func(*sandbox.Config)) (*sandbox.Sandbox, error) {
	child, err := a.childPath()
	if err != nil {
		return nil, err
	}
	a.box.once.Do(func() {
		a.box.Sandbox, a.box.err = sandbox.New(sandbox.Config{Child: child, Keep: a.home.path("sandbox"), Log: a.cfg.Log})
	})
	if a.box.err != nil {
		return nil, a.box.err
	}
	return a.box.As(change)
}

// childPath finds the sandbox program: beside this one.
func (a *App) childPath() (string, error) {
	path := a.cfg.Sandbox
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		path = filepath.Join(filepath.Dir(self), "sonm-sandbox")
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
	}
	if _, err := os.Stat(path); err != nil {
		return "", &event.Problem{
			Code: "sandbox", What: fmt.Sprintf("The program %s is missing; jobs cannot be run without it.", path),
			Do: "Install SONM again.", Cause: err,
		}
	}
	return path, nil
}
