package p2p_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"sonm/engine/blob"
	"sonm/engine/fog"
	"sonm/engine/p2p"
	"sonm/engine/wire"
)

const blobs = "blob/1.0.0"

func everybody(fog.PeerID, fog.Hash) bool { return true }

// stocked is a store with n bytes of content.
func stocked(tb testing.TB, n int) (*blob.Memory, blob.Manifest, []byte) {
	tb.Helper()
	content := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(content)
	store := blob.NewMemory()
	m, err := blob.Split(tb.Context(), bytes.NewReader(content), store)
	if err != nil {
		tb.Fatal(err)
	}
	return store, m, content
}

func TestBlobsTravelByHash(t *testing.T) {
	there, m, content := stocked(t, 48<<20) // several requests ahead of each other
	a := up(t, 1, p2p.Config{}, func(h *p2p.Host) { h.ServeBlobs(blob.NewShelf(there), everybody) })
	b := up(t, 2, p2p.Config{})
	here := blob.NewDir(t.TempDir())
	got, err := blob.Fetch(soon(t), b.BlobSource(a.ID(), a.Addrs()), m.Root(), uint64(len(content)), here)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := blob.ReadAll(here, got, m.Total); err != nil || !bytes.Equal(c, content) {
		t.Errorf("%d bytes arrived, %v, not the content", len(c), err)
	}
	if sent, _ := a.Traffic(); sent > m.Total+m.Total/100 {
		t.Errorf("%d bytes were sent for a content of %d", sent, m.Total)
	}
}

func TestOnlyTheAdmittedRead(t *testing.T) {
	there, m, _ := stocked(t, 1<<20)
	var friend fog.PeerID
	a := up(t, 1, p2p.Config{}, func(h *p2p.Host) {
		h.ServeBlobs(blob.NewShelf(there), func(p fog.PeerID, root fog.Hash) bool { return p == friend && root == m.Root() })
	})
	b, c := up(t, 2, p2p.Config{}), up(t, 3, p2p.Config{})
	friend = b.ID()
	if _, err := blob.Fetch(soon(t), c.BlobSource(a.ID(), a.Addrs()), m.Root(), m.Total, blob.NewMemory()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stranger's fetch = %v, want not exist", err)
	}
	if err := c.BlobSource(a.ID(), a.Addrs()).Chunks(soon(t), m.Root(), []fog.Hash{m.Chunks[0].Name},
		func(int, []byte) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stranger's chunk = %v, want not exist", err)
	}
	if _, err := blob.Fetch(soon(t), b.BlobSource(a.ID(), a.Addrs()), m.Root(), m.Total, blob.NewMemory()); err != nil {
		t.Errorf("a friend's fetch: %v", err)
	}
}

func TestFetchResumesAfterReset(t *testing.T) {
	there, m, content := stocked(t, 24<<20)
	shelf := blob.NewShelf(there)
	var streams, chunks atomic.Int32
	a := up(t, 1, p2p.Config{}, func(h *p2p.Host) {
		h.Handle(blobs, func(ctx context.Context, s *p2p.Stream) {
			streams.Add(1)
			left := 10
			for {
				r, err := s.Recv(ctx, wire.MaxControl)
				if err != nil {
					return
				}
				switch w := r.Body.(type) {
				case wire.WantManifest:
					b := m.Encode()
					s.Send(ctx, wire.New(wire.Manifest{Root: w.Root, Size: uint64(len(b)), Data: b}))
				case wire.WantChunks:
					shelf.Chunks(ctx, w.Root, w.Chunks, func(i int, data []byte) error {
						if left--; left < 0 {
							return s.Reset()
						}
						chunks.Add(1)
						return s.Send(ctx, wire.New(wire.Chunk{Name: w.Chunks[i], Data: data}))
					})
				}
				if left < 0 {
					return
				}
			}
		})
	})
	b := up(t, 2, p2p.Config{})
	here := blob.NewMemory()
	for { // a reset may catch every chunk of an attempt on the way; then the caller asks again
		if _, err := blob.Fetch(soon(t), b.BlobSource(a.ID(), a.Addrs()), m.Root(), m.Total, here); err == nil {
			break
		}
		if soon(t).Err() != nil || streams.Load() > 200 {
			t.Fatal("the fetch does not get ahead")
		}
	}
	if c, err := blob.ReadAll(here, m, m.Total); err != nil || !bytes.Equal(c, content) {
		t.Errorf("%d bytes arrived, %v, not the content", len(c), err)
	}
	t.Logf("%d chunks, %d sent on %d streams", len(m.Chunks), chunks.Load(), streams.Load())
}

// A server that does not keep to the protocol is refused, whatever it does.
func TestHostileBlobServers(t *testing.T) {
	_, m, _ := stocked(t, 4<<20)
	root, encoded := m.Root(), m.Encode()
	size := uint64(len(encoded))
	whole := wire.Manifest{Root: root, Size: size, Data: encoded}
	for _, c := range []struct {
		name   string
		answer func(n int, want wire.Body) wire.Body
		want   string
	}{
		{"manifest that trickles", func(n int, _ wire.Body) wire.Body {
			return wire.Manifest{Root: root, Size: size, Offset: uint64(n), Data: encoded[n : n+1]}
		}, "part of 1 bytes"},
		{"manifest that never ends", func(n int, _ wire.Body) wire.Body {
			at := uint64(n) * 4096
			return wire.Manifest{Root: root, Size: at + 8192, Offset: at, Data: make([]byte, 4096)}
		}, "where it was 8192 before"},
		{"empty parts", func(int, wire.Body) wire.Body { return wire.Manifest{Root: root, Size: size} }, "part of 0 bytes"},
		{"part from elsewhere", func(int, wire.Body) wire.Body {
			return wire.Manifest{Root: root, Size: size, Offset: 5, Data: encoded[5:]}
		}, "at 5 where the rest from 0"},
		{"other root", func(int, wire.Body) wire.Body { return wire.Manifest{Size: size, Data: encoded} }, "part of"},
		{"huge manifest", func(int, wire.Body) wire.Body {
			return wire.Manifest{Root: root, Size: wire.MaxManifest, Data: encoded}
		}, "too large"},
		{"other manifest", func(int, wire.Body) wire.Body {
			return wire.Manifest{Root: root, Size: 9, Data: make([]byte, 9)}
		}, "does not match its name"},
		{"other message", func(int, wire.Body) wire.Body { return wire.Closed{} }, "closed in answer"},
		{"wrong chunk", func(_ int, w wire.Body) wire.Body {
			if k, ok := w.(wire.WantChunks); ok {
				return wire.Chunk{Name: k.Chunks[0], Data: make([]byte, m.Chunks[0].Size)}
			}
			return whole
		}, "does not match its name"},
		{"chunk nobody asked for", func(_ int, w wire.Body) wire.Body {
			if _, ok := w.(wire.WantChunks); ok {
				return wire.Chunk{Name: fog.Hash{1}, Data: make([]byte, m.Chunks[0].Size)}
			}
			return whole
		}, "was asked for"},
		{"chunk missing", func(_ int, w wire.Body) wire.Body {
			if k, ok := w.(wire.WantChunks); ok {
				return wire.NotFound{Name: k.Chunks[0]}
			}
			return whole
		}, "not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := up(t, 1, p2p.Config{Listen: loopback[:1]}, func(h *p2p.Host) {
				h.Handle(blobs, func(ctx context.Context, s *p2p.Stream) {
					for n := 0; ; n++ {
						r, err := s.Recv(ctx, wire.MaxControl)
						if err != nil || s.Send(ctx, wire.New(c.answer(n, r.Body))) != nil {
							return
						}
					}
				})
			})
			b := up(t, 2, p2p.Config{Listen: loopback[:1]})
			src := b.BlobSource(a.ID(), a.Addrs())
			_, err := blob.Fetch(soon(t), src, root, blob.MaxTotal, blob.NewMemory())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Fetch = %v, want %q", err, c.want)
			}
		})
	}
}
