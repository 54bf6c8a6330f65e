package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"sonm/engine/fog"
)

// Source is somewhere content can be read from: a peer, or a Shelf. Nothing it
// gives is believed.
type Source interface {
	// Manifest is the encoded manifest of root, of at most max bytes.
	Manifest(ctx context.Context, root fog.Hash, max int) ([]byte, error)
	// Chunks calls each with the chunks of root named in want, in that order,
	// until one is missing (an error that wraps fs.ErrNotExist) or each fails.
	// data is valid until each returns.
	Chunks(ctx context.Context, root fog.Hash, want []fog.Hash, each func(i int, data []byte) error) error
}

// Fetch brings the content of root from src into store and gives its manifest.
// Content of more than limit bytes is refused by its manifest (ErrTooLarge),
// before any of it is fetched. What store has is not fetched again, so a fetch
// that was cut is continued by calling Fetch again; Fetch itself asks again as
// long as every attempt brings something. A source that gives bytes of another
// name is dropped at once (ErrWrong).
func Fetch(ctx context.Context, src Source, root fog.Hash, limit uint64, store Store) (Manifest, error) {
	m, err := fetchManifest(ctx, src, root, limit, store)
	if err != nil {
		return Manifest{}, fmt.Errorf("fetch %s: %w", root.Short(), err)
	}
	f := &fetch{src: src, root: root, store: store}
	if err := f.plan(ctx, m); err != nil {
		return Manifest{}, fmt.Errorf("fetch %s: %w", root.Short(), err)
	}
	for len(f.missing) > 0 {
		before := len(f.missing)
		if err := f.attempt(ctx); err != nil &&
			(errors.Is(err, ErrWrong) || f.failed || ctx.Err() != nil || len(f.missing) == before) {
			return Manifest{}, fmt.Errorf("fetch %s, %d of %d chunks missing: %w", root.Short(), len(f.missing), len(m.Chunks), err)
		}
	}
	return m, nil
}

func fetchManifest(ctx context.Context, src Source, root fog.Hash, limit uint64, store Store) (Manifest, error) {
	b, err := store.Get(root)
	here := err == nil
	if !here {
		if b, err = src.Manifest(ctx, root, most(limit)); err != nil {
			return Manifest{}, err
		}
		if fog.ContentHash(b) != root {
			return Manifest{}, fmt.Errorf("manifest: %w", ErrWrong)
		}
	}
	m, err := DecodeManifest(b)
	if err != nil {
		return Manifest{}, err
	}
	if m.Total > limit {
		return Manifest{}, fmt.Errorf("%d bytes where %d are allowed: %w", m.Total, limit, ErrTooLarge)
	}
	if !here {
		err = store.Put(root, b)
	}
	return m, err
}

// fetch is one Fetch under way.
type fetch struct {
	src     Source
	root    fog.Hash
	store   Store
	missing []Ref
	failed  bool // the store refused: no source can help
}

// plan finds what is missing, each name once.
func (f *fetch) plan(ctx context.Context, m Manifest) error {
	planned := make(map[fog.Hash]uint32, len(m.Chunks))
	for _, c := range m.Chunks {
		if size, again := planned[c.Name]; again && size == c.Size {
			continue
		} else if again {
			return fmt.Errorf("chunk %s of %d and of %d bytes: %w", c.Name.Short(), size, c.Size, ErrWrong)
		}
		planned[c.Name] = c.Size
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := f.store.Get(c.Name)
		if err == nil && len(data) != int(c.Size) {
			return fmt.Errorf("chunk %s of %d bytes, the manifest says %d: %w", c.Name.Short(), len(data), c.Size, ErrWrong)
		}
		if errors.Is(err, fs.ErrNotExist) {
			f.missing = append(f.missing, c)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// attempt asks for all that is missing and drops from missing what came.
func (f *fetch) attempt(ctx context.Context) error {
	want := make([]fog.Hash, len(f.missing))
	for i, c := range f.missing {
		want[i] = c.Name
	}
	came := 0
	err := f.src.Chunks(ctx, f.root, want, func(i int, data []byte) error {
		if i != came || i >= len(want) {
			return fmt.Errorf("chunk %d where %d was due: %w", i, came, ErrWrong)
		}
		if c := f.missing[i]; len(data) != int(c.Size) {
			return fmt.Errorf("chunk %s of %d bytes, the manifest says %d: %w", c.Name.Short(), len(data), c.Size, ErrWrong)
		}
		if err := f.store.Put(want[i], data); err != nil {
			f.failed = true
			return err
		}
		came++
		return nil
	})
	f.missing = f.missing[came:]
	if err == nil && len(f.missing) > 0 {
		err = fmt.Errorf("the source stopped early: %w", fs.ErrNotExist)
	}
	return err
}

// Shelf makes a store a Source: only chunks that belong to the root asked for
// are given, so that letting somebody near one root shows nothing else.
type Shelf struct {
	store Store

	mu    sync.Mutex
	sets  map[fog.Hash]map[fog.Hash]bool // chunk names by root; guarded by mu
	names int                            // in all sets; guarded by mu
}

// NewShelf is a Source of what store holds.
func NewShelf(store Store) *Shelf {
	return &Shelf{store: store, sets: make(map[fog.Hash]map[fog.Hash]bool)}
}

// Manifest implements Source.
func (s *Shelf) Manifest(_ context.Context, root fog.Hash, max int) ([]byte, error) {
	b, err := s.store.Get(root)
	if err != nil {
		return nil, err
	}
	if len(b) > max {
		return nil, fmt.Errorf("manifest of %d bytes where %d are allowed: %w", len(b), max, ErrTooLarge)
	}
	if _, err := DecodeManifest(b); err != nil {
		return nil, fmt.Errorf("%s names a chunk, not a manifest: %w", root.Short(), fs.ErrNotExist)
	}
	return b, nil
}

// Chunks implements Source.
func (s *Shelf) Chunks(ctx context.Context, root fog.Hash, want []fog.Hash, each func(i int, data []byte) error) error {
	set, err := s.set(root)
	if err != nil {
		return err
	}
	for i, name := range want {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !set[name] {
			return fmt.Errorf("chunk %s is not of %s: %w", name.Short(), root.Short(), fs.ErrNotExist)
		}
		data, err := s.store.Get(name)
		if err != nil {
			return err
		}
		if err := each(i, data); err != nil {
			return err
		}
	}
	return nil
}

// set is the names of root's chunks, remembered for the next request.
func (s *Shelf) set(root fog.Hash) (map[fog.Hash]bool, error) {
	s.mu.Lock()
	set := s.sets[root]
	s.mu.Unlock()
	if set != nil {
		return set, nil
	}
	b, err := s.store.Get(root)
	if err != nil {
		return nil, err
	}
	m, err := DecodeManifest(b)
	if err != nil {
		return nil, fmt.Errorf("%s names a chunk, not a manifest: %w", root.Short(), fs.ErrNotExist)
	}
	set = make(map[fog.Hash]bool, len(m.Chunks))
	for _, c := range m.Chunks {
		set[c.Name] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names+len(set) > MaxChunks { // about 50 MB of names
		clear(s.sets)
		s.names = 0
	}
	if s.sets[root] == nil {
		s.sets[root] = set
		s.names += len(set)
	}
	return set, nil
}
