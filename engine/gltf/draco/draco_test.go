package draco_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sonm/engine/gltf/draco"
)

var limits = draco.Limits{Faces: 1 << 20, Bytes: 64 << 20}

// canonical is a mesh as bytes: counts, triangles, and for each attribute its
// id, kind, type, components and data.
func canonical(m draco.Mesh) []byte {
	var b []byte
	number := func(v int) { b = binary.LittleEndian.AppendUint32(b, uint32(v)) }
	number(m.Points)
	number(len(m.Faces) / 3)
	number(len(m.Attributes))
	for _, f := range m.Faces {
		number(int(f))
	}
	for _, a := range m.Attributes {
		number(int(a.ID))
		number(int(a.Kind))
		number(int(a.Type))
		number(a.Components)
		b = append(b, a.Data...)
	}
	return b
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestDecodesAsTheReferenceDoes holds every mesh against the hash of what
// Google's decoder makes of it. SONM_DRACO may name a folder of more of them,
// NAME.drc beside NAME.sha.
func TestDecodesAsTheReferenceDoes(t *testing.T) {
	lines := strings.Fields(string(read(t, "hashes.txt")))
	if len(lines) < 80 {
		t.Fatalf("only %d meshes", len(lines)/2)
	}
	for i := 0; i < len(lines); i += 2 {
		same(t, lines[i], read(t, lines[i]+".drc"), lines[i+1])
	}
	more, err := filepath.Glob(filepath.Join(os.Getenv("SONM_DRACO"), "*.drc"))
	if err != nil || os.Getenv("SONM_DRACO") == "" {
		return
	}
	for _, path := range more {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.TrimSuffix(path, ".drc") + ".sha")
		if err != nil {
			t.Fatal(err)
		}
		same(t, filepath.Base(path), data, string(want))
	}
	t.Logf("%d more meshes", len(more))
}

func same(t *testing.T, name string, data []byte, want string) {
	t.Helper()
	m, err := draco.Decode(data, limits)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if sum := sha256.Sum256(canonical(m)); hex.EncodeToString(sum[:]) != want {
		t.Errorf("%s: %d points, %d triangles, %d attributes are not what the reference has", name, m.Points, len(m.Faces)/3, len(m.Attributes))
	}
}

// sound fails for a mesh that breaks a promise.
func sound(tb testing.TB, m draco.Mesh) {
	tb.Helper()
	for _, p := range m.Faces {
		if int(p) >= m.Points {
			tb.Fatalf("a triangle has point %d of %d", p, m.Points)
		}
	}
	for _, a := range m.Attributes {
		if want := m.Points * a.Components * a.Type.Size(); len(a.Data) != want || a.Type.Size() == 0 {
			tb.Fatalf("attribute %d has %d bytes, want %d", a.ID, len(a.Data), want)
		}
	}
}

func TestCutAnywhereIsRefused(t *testing.T) {
	for _, name := range []string{"cube-nuvcfjbwtikx-q11-s0-1.drc", "cube-nu-q11-s10-0.drc", "metadata-1.drc", "option-cube-2.drc", "old-cube-nu-q11-s0-1.drc"} {
		whole := read(t, name)
		for n := range whole {
			_, err := draco.Decode(whole[:n], limits)
			if !errors.Is(err, draco.ErrDamaged) {
				t.Fatalf("%s cut to %d of %d bytes: %v, want ErrDamaged", name, n, len(whole), err)
			}
		}
	}
}

func TestChangedBytesDoNoHarm(t *testing.T) {
	seed := uint64(20)
	random := rand.New(rand.NewPCG(seed, 1))
	names, err := filepath.Glob("testdata/*.drc")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, path := range names {
		whole := read(t, filepath.Base(path))
		for range 60 {
			data := append([]byte(nil), whole...)
			for range 1 + random.IntN(3) {
				data[random.IntN(len(data))] = byte(random.Uint32())
			}
			m, err := draco.Decode(data, limits)
			if err != nil {
				refused++
				if !errors.Is(err, draco.ErrDamaged) && !errors.Is(err, draco.ErrUnsupported) {
					t.Errorf("seed %d, %s: %v", seed, path, err)
				}
				continue
			}
			sound(t, m)
		}
	}
	t.Logf("%d of %d refused", refused, 60*len(names))
}

// A few bytes claim billions: they must be refused before that is allocated.
func TestClaimsAreBounded(t *testing.T) {
	head := func(method byte, rest ...byte) []byte {
		return append([]byte{'D', 'R', 'A', 'C', 'O', 2, 2, 1, method, 0, 0}, rest...)
	}
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	for name, data := range map[string][]byte{
		"faces one by one": head(0, append(append([]byte(nil), huge...), append(huge, 0)...)...),
		"edgebreaker":      head(1, append(append([]byte{0}, huge...), append(huge, append([]byte{1}, append(huge, 0)...)...)...)...),
		"valence":          head(1, append(append([]byte{2}, huge...), append(huge, append([]byte{255}, append(huge, huge...)...)...)...)...),
		"metadata":         {'D', 'R', 'A', 'C', 'O', 2, 2, 1, 1, 0, 0x80, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"points alone":     head(0, 0, 0xff, 0xff, 0xff, 0x01, 1),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := draco.Decode(data, limits)
			runtime.ReadMemStats(&after)
			if err == nil && len(m.Attributes) > 0 {
				t.Error("it was decoded")
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
	if _, err := draco.Decode(read(t, "torus-nu-q11-s5-1.drc"), draco.Limits{Faces: 10, Bytes: 1 << 20}); !errors.Is(err, draco.ErrDamaged) {
		t.Errorf("more triangles than allowed: %v", err)
	}
	if _, err := draco.Decode(read(t, "torus-nu-q11-s5-1.drc"), draco.Limits{Faces: 1 << 20, Bytes: 10000}); !errors.Is(err, draco.ErrDamaged) {
		t.Errorf("more memory than allowed: %v", err)
	}
}

func TestOtherVersionsAndCloudsAreRefusedByName(t *testing.T) {
	for want, data := range map[string][]byte{
		"version 2.0":     []byte("DRACO\x02\x00\x01\x01\x00\x00"),
		"version 1.3":     []byte("DRACO\x01\x03\x01\x01\x00\x00"),
		"cloud of points": []byte("DRACO\x02\x02\x00\x01\x00\x00"),
	} {
		if _, err := draco.Decode(data, limits); !errors.Is(err, draco.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func FuzzDraco(f *testing.F) {
	names, err := filepath.Glob("testdata/*.drc")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range names {
		if data := read(f, filepath.Base(path)); len(data) < 1500 {
			f.Add(data)
		}
	}
	small := draco.Limits{Faces: 1 << 12, Bytes: 4 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := draco.Decode(data, small)
		if err == nil {
			sound(t, m)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	data := read(b, "patches-nu-q11-s0-1.drc")
	b.ReportAllocs()
	for range b.N {
		if _, err := draco.Decode(data, limits); err != nil {
			b.Fatal(err)
		}
	}
}
