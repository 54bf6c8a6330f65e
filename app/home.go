package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"sonm/app/event"
)

// home is a node's directory, held by one process at a time.
//
//	lock         held by the engine of this home
//	sonm.db      journal
//	sonm.sock    local status
//	p2p.seed     identity of the libp2p host
//	wallet/      account and device key
//	blobs/       chunks of scenes and results
type home struct {
	dir  string
	lock *os.File
}

// dying is how long a process that was killed may take to let go of its home.
const dying = 2 * time.Second

// waitHome opens a home, giving a process that is just ending time to end.
func waitHome(ctx context.Context, dir string) (*home, error) {
	ctx, cancel := context.WithTimeout(ctx, dying)
	defer cancel()
	for {
		h, err := openHome(dir)
		if err == nil || !isBusy(err) {
			return h, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, err
		}
	}
}

func openHome(dir string) (*home, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &event.Problem{Code: "home", What: fmt.Sprintf("The folder %s cannot be used: %s.", dir, reason(err)), Cause: err}
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if errors.Is(err, errHeld) {
		return nil, &event.Problem{
			Code: "home_busy", What: fmt.Sprintf("Another SONM is already running with the folder %s.", dir),
			Do: "Stop it first, or choose another folder with --home.", Cause: err,
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return &home{dir, lock}, nil
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

func (h *home) Close() error { return h.lock.Close() }

// seed reads the 32 bytes the libp2p identity is made of, drawing them the
// first time.
func (h *home) seed() ([32]byte, error) {
	var seed [32]byte
	b, err := os.ReadFile(h.path("p2p.seed"))
	switch {
	case err == nil && len(b) == len(seed):
		return [32]byte(b), nil
	case err == nil:
		return seed, fmt.Errorf("%s holds %d bytes, want %d", h.path("p2p.seed"), len(b), len(seed))
	case !errors.Is(err, fs.ErrNotExist):
		return seed, err
	}
	if _, err := rand.Read(seed[:]); err != nil {
		return seed, err
	}
	return seed, writeAtomic(h.path("p2p.seed"), seed[:], 0o600)
}

// writeAtomic replaces path with data: after a crash the file is the old one
// or the new one.
func writeAtomic(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// reason is the plain part of a file system error, without the call and path.
func reason(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist"
	case errors.Is(err, fs.ErrPermission):
		return "permission denied"
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
