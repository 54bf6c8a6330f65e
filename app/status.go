package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
)

// Status is what a running node tells about itself.
type Status struct {
	Running bool        `json:"running"`
	Home    string      `json:"home"`
	Peer    fog.PeerID  `json:"peer,omitempty"`
	Account fog.Address `json:"account"`
	Network string      `json:"network,omitempty"`
	Peers   int         `json:"peers"`  // computers connected
	Offers  int         `json:"offers"` // live asks heard
	Selling *Selling    `json:"selling,omitempty"`
}

// Selling is what a seller has done since it was started.
type Selling struct {
	Price  fog.Amount `json:"price"`
	Slots  int        `json:"slots"`
	Deals  int        `json:"deals"` // open now
	Tasks  int        `json:"tasks"` // finished
	Failed int        `json:"failed"`
	Earned fog.Amount `json:"earned"` // promised for closed deals, before the fee
}

// statusServer answers on the home's socket.
type statusServer struct {
	mu   sync.Mutex
	sell *Selling // guarded by mu
}

// selling folds a seller's facts into the status and passes them on.
func (s *statusServer) selling(r SellRequest, tell func(fog.Fact)) func(fog.Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sell = &Selling{Price: r.Price, Slots: r.Slots}
	return func(f fog.Fact) {
		s.fold(f)
		tell(f)
	}
}

func (s *statusServer) fold(f fog.Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch f := f.(type) {
	case fog.DealAccepted:
		s.sell.Deals++
	case fog.DealClosed:
		s.sell.Deals--
		s.sell.Earned = s.sell.Earned.Add(f.Paid)
	case fog.DealBroken:
		s.sell.Deals--
	case fog.TaskFinished:
		s.sell.Tasks++
	case fog.TaskFailed:
		s.sell.Failed++
	}
}

func (s *statusServer) snapshot() *Selling {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sell == nil {
		return nil
	}
	c := *s.sell
	return &c
}

// serveStatus answers status requests on a socket only this user can open.
func (a *App) serveStatus(ctx context.Context) error {
	path := a.home.path("sonm.sock")
	_ = os.Remove(path) // left by a process that was killed; we hold the home's lock
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		a.cfg.Log.Info("no status socket", "err", err) // the path may be too long; the node works without
		return nil
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(err, ln.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(a.Status()) // the asker may have left
	})
	mux.HandleFunc("GET /money", func(w http.ResponseWriter, r *http.Request) {
		m, err := a.Money(r.Context())
		if err != nil {
			a.cfg.Log.Info("money", "err", err)
			http.Error(w, "the chain does not answer", http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(m) // the asker may have left
	})
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	stop := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer stop()
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Status is the node's own view.
func (a *App) Status() Status {
	return Status{
		Running: true, Home: a.home.dir, Peer: a.node.ID(), Account: a.bridge.Account(), Network: a.net.Name,
		Peers: len(a.node.Host().Peers()), Offers: len(a.node.Asks(time.Now())), Selling: a.status.snapshot(),
	}
}

// AskStatus asks the node that runs with a home, if one does.
func AskStatus(ctx context.Context, homeDir string) (Status, error) {
	if _, err := os.Stat(filepath.Join(homeDir, "lock")); errors.Is(err, fs.ErrNotExist) {
		return Status{Home: homeDir}, nil
	}
	h, err := openHome(homeDir)
	if err == nil {
		return Status{Home: h.dir}, h.Close()
	}
	if !isBusy(err) {
		return Status{}, err
	}
	var s Status
	return s, ask(ctx, homeDir, "status", &s)
}

// AskMoney asks the node that runs with a home; busy is false if none does.
func AskMoney(ctx context.Context, homeDir string) (m Money, busy bool, err error) {
	if _, err := os.Stat(filepath.Join(homeDir, "lock")); err != nil {
		return m, false, nil //nolint:nilerr // no home, nobody runs
	}
	h, err := openHome(homeDir)
	if err == nil {
		return m, false, h.Close()
	}
	if !isBusy(err) {
		return m, false, err
	}
	return m, true, ask(ctx, homeDir, "money", &m)
}

func isBusy(err error) bool {
	p, ok := errors.AsType[*event.Problem](err)
	return ok && p.Code == "home_busy"
}

// ask puts a question to the node that holds a home.
func ask(ctx context.Context, homeDir, what string, answer any) error {
	h := &home{dir: homeDir}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.path("sonm.sock"))
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: 5 * time.Second}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sonm/"+what, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return &event.Problem{Code: "status", What: fmt.Sprintf("The SONM that runs with the folder %s does not answer.", homeDir), Cause: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &event.Problem{Code: "status", What: fmt.Sprintf("The SONM that runs with the folder %s cannot say.", homeDir)}
	}
	return json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(answer)
}
