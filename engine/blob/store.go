package blob

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"sonm/engine/fog"
)

// Store keeps chunks and manifests under their SHA-256. Dir and Memory are the
// two; both may be used by many goroutines.
type Store interface {
	// Put stores data, which must hash to name (else ErrWrong). It is not
	// kept by reference. Putting the same thing again costs little.
	Put(name fog.Hash, data []byte) error
	// Get is what was put, checked against its name; an error that wraps
	// fs.ErrNotExist if it is not here or not what it was.
	Get(name fog.Hash) ([]byte, error)
}

// largest is the most bytes of a stored thing: a manifest of MaxChunks.
const largest = headBytes + entryBytes*MaxChunks

// Dir is a store in a directory: ab/abcdef... one file each. Several processes
// may share it. It has no quota yet.
//
// Files are written beside their place and renamed, and not synced: one that a
// power cut tore does not hash to its name any more, is found out on the next
// Get, and is fetched again.
type Dir struct{ path string }

// NewDir is a store in the directory path, which is made by the first Put.
func NewDir(path string) *Dir { return &Dir{path: path} }

// Put implements Store.
func (d *Dir) Put(name fog.Hash, data []byte) error {
	if err := check(name, data); err != nil {
		return err
	}
	file := d.file(name)
	if i, err := os.Stat(file); err == nil && i.Size() == int64(len(data)) {
		if old, err := os.ReadFile(file); err == nil && fog.ContentHash(old) == name {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("put %s: %w", name.Short(), err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".put-*")
	if err != nil {
		return fmt.Errorf("put %s: %w", name.Short(), err)
	}
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		os.Remove(tmp.Name())
		return fmt.Errorf("put %s: %w", name.Short(), err)
	}
	return nil
}

// Get implements Store. A file that does not hash to its name is removed.
func (d *Dir) Get(name fog.Hash) ([]byte, error) {
	f, err := os.Open(d.file(name))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name.Short(), err)
	}
	defer f.Close()
	i, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", name.Short(), err)
	}
	if i.Size() <= largest {
		data := make([]byte, i.Size())
		if _, err := io.ReadFull(f, data); err == nil && fog.ContentHash(data) == name {
			return data, nil
		}
	}
	os.Remove(d.file(name))
	return nil, fmt.Errorf("get %s: the file was damaged and is removed: %w", name.Short(), fs.ErrNotExist)
}

func (d *Dir) file(name fog.Hash) string {
	s := name.String()
	return filepath.Join(d.path, s[:2], s)
}

// Memory is a store that forgets.
type Memory struct {
	mu   sync.RWMutex
	data map[fog.Hash][]byte // guarded by mu
}

// NewMemory is an empty store in memory.
func NewMemory() *Memory { return &Memory{data: make(map[fog.Hash][]byte)} }

// Put implements Store.
func (m *Memory) Put(name fog.Hash, data []byte) error {
	if err := check(name, data); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, here := m.data[name]; !here {
		m.data[name] = slices.Clone(data)
	}
	return nil
}

// Get implements Store. What it gives must not be changed.
func (m *Memory) Get(name fog.Hash) ([]byte, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	data, here := m.data[name]
	if !here {
		return nil, fmt.Errorf("get %s: %w", name.Short(), fs.ErrNotExist)
	}
	return data, nil
}

func check(name fog.Hash, data []byte) error {
	if len(data) > largest {
		return fmt.Errorf("put %d bytes: %w", len(data), ErrTooLarge)
	}
	if got := fog.ContentHash(data); got != name {
		return fmt.Errorf("put %s as %s: %w", got.Short(), name.Short(), ErrWrong)
	}
	return nil
}
