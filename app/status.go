package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
)

// Status is what a running node tells about itself; its JSON is a contract.
type Status struct {
	Running bool           `json:"running"`
	Home    string         `json:"home"`
	Peer    fog.PeerID     `json:"peer,omitempty"`
	Account fog.Address    `json:"account"`
	Network string         `json:"network,omitempty"`
	Peers   int            `json:"peers"`  // computers connected
	Offers  int            `json:"offers"` // live asks heard
	Jobs    int            `json:"jobs"`   // being rendered for this node
	Selling *event.Selling `json:"selling,omitempty"`
}

// AskStatus asks the engine of a home, if one runs; it never becomes it.
func AskStatus(ctx context.Context, cfg Config) (Status, error) {
	if _, err := os.Stat(filepath.Join(cfg.Home, "lock")); errors.Is(err, fs.ErrNotExist) {
		return Status{Home: cfg.Home}, nil
	}
	h, err := openHome(cfg.Home)
	if err == nil {
		return Status{Home: h.dir}, h.Close()
	}
	if !isBusy(err) {
		return Status{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := newClient(cfg.Home, cfg.Version).Status(ctx)
	if errors.Is(err, errGone) || errors.Is(err, context.DeadlineExceeded) {
		return s, &event.Problem{Code: "status", What: fmt.Sprintf("The SONM that runs with the folder %s does not answer.", cfg.Home), Cause: err}
	}
	return s, err
}

func isBusy(err error) bool {
	p, ok := errors.AsType[*event.Problem](err)
	return ok && p.Code == "home_busy"
}
