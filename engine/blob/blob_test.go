package blob_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"sonm/engine/blob"
	"sonm/engine/fog"
)

var update = flag.Bool("update", false, "write the golden files")

// noise is n bytes that depend on seed only.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func split(tb testing.TB, store blob.Store, content []byte) blob.Manifest {
	tb.Helper()
	m, err := blob.Split(tb.Context(), bytes.NewReader(content), store)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// Both stores keep the same promises.
func TestStores(t *testing.T) {
	for name, open := range map[string]func(dir string) blob.Store{
		"memory": func(string) blob.Store { return blob.NewMemory() },
		"dir":    func(dir string) blob.Store { return blob.NewDir(filepath.Join(dir, "made", "later")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t.TempDir())
			data := noise(1, 1000)
			id := fog.ContentHash(data)
			if _, err := s.Get(id); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Get before Put = %v, want not exist", err)
			}
			if err := s.Put(fog.Hash{1}, data); !errors.Is(err, blob.ErrWrong) {
				t.Errorf("Put under another name = %v, want ErrWrong", err)
			}
			if err := s.Put(fog.ContentHash(make([]byte, 48<<20)), make([]byte, 48<<20)); !errors.Is(err, blob.ErrTooLarge) {
				t.Errorf("Put of 48 MiB = %v, want ErrTooLarge", err)
			}
			for range 2 {
				if err := s.Put(id, data); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Get(id); err != nil || !bytes.Equal(got, data) {
				t.Errorf("Get = %d bytes, %v, want what was put", len(got), err)
			}
		})
	}
}

func TestDirFindsDamage(t *testing.T) {
	path := t.TempDir()
	s := blob.NewDir(path)
	data := noise(1, 1000)
	id := fog.ContentHash(data)
	file := filepath.Join(path, id.String()[:2], id.String())
	for name, bad := range map[string][]byte{"torn": data[:500], "changed": noise(2, 1000), "empty": {}} {
		if err := s.Put(id, data); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: Get = %v, want not exist", name, err)
		}
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(id, data); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(id); err != nil {
			t.Errorf("%s: Get after another Put: %v", name, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(path, "*", ".put-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
}

func TestSplitAndRead(t *testing.T) {
	for _, n := range []int{0, 1, 100, blob.MinChunk, blob.MinChunk + 1, blob.MaxChunk, 5<<20 + 7} {
		content := noise(3, n)
		store := blob.NewMemory()
		m := split(t, store, content)
		again, err := blob.Split(t.Context(), iotest.OneByteReader(bytes.NewReader(content)), blob.NewMemory())
		if err != nil || again.Root() != m.Root() {
			t.Errorf("%d bytes in small reads: root %v, %v, want %v", n, again.Root(), err, m.Root())
		}
		if got, err := blob.ReadAll(store, m, uint64(n)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("ReadAll of %d bytes: %d bytes, %v", n, len(got), err)
		}
		if err := iotest.TestReader(blob.Open(store, m), content); n < 1<<20 && err != nil {
			t.Errorf("reader of %d bytes: %v", n, err)
		}
		if n > 0 {
			if _, err := blob.ReadAll(store, m, uint64(n-1)); !errors.Is(err, blob.ErrTooLarge) {
				t.Errorf("ReadAll above the limit = %v", err)
			}
		}
		d, err := blob.DecodeManifest(m.Encode())
		if err != nil || d.Root() != m.Root() || d.Total != uint64(n) {
			t.Errorf("DecodeManifest of %d bytes = %+v, %v", n, d, err)
		}
	}
}

func TestSplitStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := blob.Split(ctx, bytes.NewReader(noise(1, 100)), blob.NewMemory()); !errors.Is(err, context.Canceled) {
		t.Errorf("Split after the end = %v", err)
	}
	if _, err := blob.Split(t.Context(), iotest.ErrReader(io.ErrClosedPipe), blob.NewMemory()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Split of a bad reader = %v", err)
	}
}

// The places of the cuts are part of the format.
func TestGoldenCuts(t *testing.T) {
	var out strings.Builder
	for _, c := range []struct {
		name    string
		content []byte
	}{{"noise", noise(9, 6<<20)}, {"zeros", make([]byte, 3<<20)}, {"text", []byte(strings.Repeat("v 0.5 1.0 -0.25\n", 200_000))}} {
		m := split(t, blob.NewMemory(), c.content)
		fmt.Fprintf(&out, "%s %s", c.name, m.Root())
		for _, k := range m.Chunks {
			fmt.Fprintf(&out, " %d", k.Size)
		}
		out.WriteString("\n")
	}
	small := split(t, blob.NewMemory(), []byte("small"))
	fmt.Fprintf(&out, "manifest %s\n", hex.EncodeToString(small.Encode()))
	const golden = "testdata/cuts.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("cuts are\n%s\nwant\n%s", out.String(), want)
	}
}

func TestSizesAndEdits(t *testing.T) {
	content := noise(4, 64<<20)
	store := blob.NewMemory()
	m := split(t, store, content)
	if avg := m.Total / uint64(len(m.Chunks)); avg < 200<<10 || avg > 320<<10 {
		t.Errorf("average chunk of %d KiB, want about 256", avg>>10)
	}
	// 5 % of the content is edited in four places: bytes inserted, removed and changed.
	edited := bytes.Clone(content)
	for i := range 4 {
		at, n := i*15<<20, 800<<10
		edited = append(edited[:at:at], append(noise(byte(50+i), n+i*100), edited[at+n:]...)...)
	}
	known := map[fog.Hash]bool{}
	for _, c := range m.Chunks {
		known[c.Name] = true
	}
	var fresh uint64
	for _, c := range split(t, store, edited).Chunks {
		if !known[c.Name] {
			fresh += uint64(c.Size)
		}
	}
	share := float64(fresh) / float64(len(edited))
	t.Logf("5 %% edited in 4 places: %.1f %% is new, %d chunks", 100*share, len(m.Chunks))
	if share > 0.08 { // the goal of the peer-to-peer engine
		t.Errorf("%.1f %% of the chunks are new after editing 5 %%", 100*share)
	}
}

func TestDecodeManifestRefuses(t *testing.T) {
	m := split(t, blob.NewMemory(), noise(5, 3<<20))
	good := m.Encode()
	entry := func(i int) int { return 20 + 36*i + 32 }
	for _, c := range []struct {
		want   string
		change func(b []byte) []byte
	}{
		{"not a manifest", func(b []byte) []byte { return b[:10] }},
		{"not a manifest", func(b []byte) []byte { b[0] = 'X'; return b }},
		{"version 2", func(b []byte) []byte { b[4] = 2; return b }},
		{"too large", func(b []byte) []byte { b[15] = 1; return b }},
		{"too large", func(b []byte) []byte { b[19] = 1; return b }},
		{"want", func(b []byte) []byte { return append(b, 0) }},
		{"want", func(b []byte) []byte { return b[:len(b)-1] }},
		{"has 100 bytes", func(b []byte) []byte { binary.LittleEndian.PutUint32(b[entry(0):], 100); return b }},
		{"has 0 bytes", func(b []byte) []byte { binary.LittleEndian.PutUint32(b[entry(len(m.Chunks)-1):], 0); return b }},
		{"has 1048577 bytes", func(b []byte) []byte { binary.LittleEndian.PutUint32(b[entry(1):], 1<<20+1); return b }},
		{"in a manifest of", func(b []byte) []byte { b[8]++; return b }},
	} {
		if _, err := blob.DecodeManifest(c.change(bytes.Clone(good))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("DecodeManifest = %v, want %q", err, c.want)
		}
	}
}

// liar is a source whose answers can be bent.
type liar struct {
	blob.Source
	manifest func(b []byte) []byte
	chunk    func(i int, data []byte) []byte // nil cuts the line
	asked    int                             // chunks asked for, all calls together
	calls    int
}

var errCut = errors.New("line cut")

func (l *liar) Manifest(ctx context.Context, root fog.Hash, max int) ([]byte, error) {
	b, err := l.Source.Manifest(ctx, root, max)
	if err == nil && l.manifest != nil {
		b = l.manifest(b)
	}
	return b, err
}

func (l *liar) Chunks(ctx context.Context, root fog.Hash, want []fog.Hash, each func(int, []byte) error) error {
	l.asked += len(want)
	l.calls++
	return l.Source.Chunks(ctx, root, want, func(i int, data []byte) error {
		if l.chunk != nil {
			if data = l.chunk(i, data); data == nil {
				return errCut
			}
		}
		return each(i, data)
	})
}

func TestFetch(t *testing.T) {
	content := append(noise(6, 4<<20), noise(6, 4<<20)...) // the second half repeats the first
	there := blob.NewMemory()
	m := split(t, there, content)
	root := m.Root()
	src := &liar{Source: blob.NewShelf(there)}
	here := blob.NewDir(t.TempDir())
	got, err := blob.Fetch(t.Context(), src, root, uint64(len(content)), here)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := blob.ReadAll(here, got, uint64(len(content))); err != nil || !bytes.Equal(b, content) {
		t.Errorf("fetched %d bytes, %v, not the content", len(b), err)
	}
	if src.asked >= len(m.Chunks) {
		t.Errorf("%d chunks asked for, though half of %d repeat", src.asked, len(m.Chunks))
	}
	asked := src.asked
	if _, err := blob.Fetch(t.Context(), src, root, uint64(len(content)), here); err != nil || src.asked != asked {
		t.Errorf("a second fetch asked for %d chunks, %v", src.asked-asked, err)
	}
	if _, err := blob.Fetch(t.Context(), src, root, 1000, here); !errors.Is(err, blob.ErrTooLarge) {
		t.Errorf("a fetch above the limit of what is here = %v", err)
	}
}

func TestFetchResumes(t *testing.T) {
	content := noise(7, 8<<20)
	there := blob.NewMemory()
	m := split(t, there, content)
	cutAfter := 3
	src := &liar{Source: blob.NewShelf(there), chunk: func(i int, data []byte) []byte {
		if i >= cutAfter {
			return nil
		}
		return data
	}}
	here := blob.NewMemory()
	if _, err := blob.Fetch(t.Context(), src, m.Root(), blob.MaxTotal, here); err != nil {
		t.Fatalf("a line that breaks after every third chunk: %v", err)
	}
	if want := (len(m.Chunks) + 2) / 3; src.calls != want {
		t.Errorf("%d attempts, want %d", src.calls, want)
	}
	cutAfter, src.calls = 0, 0
	if _, err := blob.Fetch(t.Context(), src, m.Root(), blob.MaxTotal, blob.NewMemory()); !errors.Is(err, errCut) || src.calls != 1 {
		t.Errorf("a line that brings nothing: %v after %d attempts, want one", err, src.calls)
	}
}

func TestFetchRefusesLies(t *testing.T) {
	there := blob.NewMemory()
	m := split(t, there, noise(8, 4<<20))
	inner := m.Chunks[0].Name
	shelf := blob.NewShelf(there)
	for _, c := range []struct {
		name  string
		src   *liar
		root  fog.Hash
		limit uint64
		want  error
	}{
		{"manifest changed", &liar{Source: shelf, manifest: func(b []byte) []byte { b = bytes.Clone(b); b[30] ^= 1; return b }}, m.Root(), blob.MaxTotal, blob.ErrWrong},
		{"chunk changed", &liar{Source: shelf, chunk: func(_ int, d []byte) []byte { d = bytes.Clone(d); d[9] ^= 1; return d }}, m.Root(), blob.MaxTotal, blob.ErrWrong},
		{"chunk cut", &liar{Source: shelf, chunk: func(_ int, d []byte) []byte { return d[:9] }}, m.Root(), blob.MaxTotal, blob.ErrWrong},
		{"above the limit", &liar{Source: shelf}, m.Root(), 4<<20 - 1, blob.ErrTooLarge},
		{"manifest above the limit", &liar{Source: shelf}, m.Root(), 100, blob.ErrTooLarge},
		{"not there", &liar{Source: shelf}, fog.Hash{1}, blob.MaxTotal, fs.ErrNotExist},
		{"a chunk as root", &liar{Source: shelf}, inner, blob.MaxTotal, fs.ErrNotExist},
	} {
		_, err := blob.Fetch(t.Context(), c.src, c.root, c.limit, blob.NewMemory())
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Fetch = %v, want %v", c.name, err, c.want)
		}
		if errors.Is(c.want, blob.ErrTooLarge) && c.src.calls > 0 {
			t.Errorf("%s: chunks were asked for", c.name)
		}
	}
}

func TestShelfShowsOneRootOnly(t *testing.T) {
	store := blob.NewMemory()
	a, b := split(t, store, noise(10, 1<<20)), split(t, store, noise(11, 1<<20))
	err := blob.NewShelf(store).Chunks(t.Context(), a.Root(), []fog.Hash{b.Chunks[0].Name}, func(int, []byte) error {
		t.Error("a chunk of another root was given")
		return nil
	})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Chunks of another root = %v", err)
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add(split(f, blob.NewMemory(), noise(12, 1<<20)).Encode())
	f.Add(split(f, blob.NewMemory(), nil).Encode())
	f.Add([]byte("SNMM"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := blob.DecodeManifest(b)
		if err == nil && !bytes.Equal(m.Encode(), b) {
			t.Errorf("%x decodes to something else", b)
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("content"), uint8(1))
	f.Add(noise(13, 300), uint8(200))
	f.Fuzz(func(t *testing.T, b []byte, times uint8) {
		content := bytes.Repeat(b, 10*int(times))
		store := blob.NewMemory()
		m := split(t, store, content)
		if _, err := blob.DecodeManifest(m.Encode()); err != nil {
			t.Fatal(err)
		}
		if got, err := blob.ReadAll(store, m, m.Total); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("ReadAll = %d bytes, %v, want %d", len(got), err, len(content))
		}
	})
}

func BenchmarkSplit(b *testing.B) {
	content := noise(14, 32<<20)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		split(b, blob.NewMemory(), content)
	}
}
