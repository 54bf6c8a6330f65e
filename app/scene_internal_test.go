package app

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"sonm/assets"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/sandbox"
)

const testScenes = "../engine/guest/pathtracer/testdata"

// inspectorOf runs the committed renderer's inspect in this process.
func inspectorOf(t *testing.T) inspector {
	t.Helper()
	_, code, err := assets.App("pathtracer")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	runtime := wazero.NewRuntime(ctx)
	t.Cleanup(func() { _ = runtime.Close(ctx) })
	compiled, err := runtime.CompileModule(ctx, code)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, bundle []byte) ([]byte, error) {
		m, err := runtime.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
		if err != nil {
			return nil, err
		}
		defer m.Close(ctx)
		return inspectIn(ctx, m, bundle)
	}
}

func inspectIn(ctx context.Context, m api.Module, bundle []byte) ([]byte, error) {
	at, err := m.ExportedFunction("sonm_alloc").Call(ctx, uint64(len(bundle)))
	if err != nil || !m.Memory().Write(uint32(at[0]), bundle) {
		return nil, fmt.Errorf("alloc: %w", err)
	}
	packed, err := m.ExportedFunction("inspect").Call(ctx, at[0], uint64(len(bundle)))
	if err != nil {
		return nil, fmt.Errorf("the guest trapped: %w", err)
	}
	raw, ok := m.Memory().Read(uint32(packed[0]>>32), uint32(packed[0]))
	if !ok || len(raw) < 16 {
		return nil, errors.New("no reply")
	}
	if binary.LittleEndian.Uint32(raw) != 0 {
		return nil, &sandbox.Error{Kind: sandbox.Refused, Msg: string(raw[16:])}
	}
	return bytes.Clone(raw[16:]), nil
}

// packed takes a path through everything that is done with a scene before its
// price: found, read, unpacked, completed, inspected.
func packed(t *testing.T, inspect inspector, file string) ([]byte, inspection, error) {
	t.Helper()
	pool, err := bundledApps()
	if err != nil {
		t.Fatal(err)
	}
	s, err := openScene(pool, file)
	if err != nil {
		return nil, inspection{}, inWords(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	if err := s.unpack(); err != nil {
		return nil, inspection{}, inWords(err)
	}
	b, found, err := s.complete(t.Context(), job.Settings{Scene: s.main, Width: 64, Height: 64, Samples: 1}, inspect)
	return b, found, inWords(err)
}

func testFile(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{testScenes}, parts...)...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// place is a folder in which a case makes its files.
type place struct {
	t   *testing.T
	dir string
}

func (p place) file(name string, data []byte) string {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p place) link(name, to string) {
	p.t.Helper()
	if err := os.Symlink(to, filepath.Join(p.dir, name)); err != nil {
		p.t.Skipf("this account may not make links, as on Windows: %v", err)
	}
}

func (p place) pipe(name string) {
	p.t.Helper()
	if err := exec.Command("mkfifo", filepath.Join(p.dir, name)).Run(); err != nil {
		p.t.Skipf("this system has no pipes with names: %v", err)
	}
}

// entry is a file of an archive.
type entry struct {
	name string
	data []byte
	edit func(*zip.FileHeader)
}

func (p place) zip(name string, entries ...entry) string {
	p.t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.edit != nil {
			e.edit(h)
		}
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(e.data)
		}
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		p.t.Fatal(err)
	}
	return p.file(name, b.Bytes())
}

// Every way that a scene may come gives the same picture: the bundle is the same
// where its files are, and holds nothing that is compressed.
func TestWaysToBringAScene(t *testing.T) {
	inspect := inspectorOf(t)
	glb := testFile(t, "cornell_diffuse.glb")
	draco := testFile(t, "cornell_draco.glb")
	gltf, bin := testFile(t, "cornell_parts", "scene.gltf"), testFile(t, "cornell_parts", "scene.bin")
	for name, c := range map[string]struct {
		make func(p place) string
		main string
	}{
		"file":            {func(p place) string { return p.file("a.glb", glb) }, "a.glb"},
		"file of a crowd": {func(p place) string { p.file("b.glb", glb); return p.file("a.glb", glb) }, "a.glb"},
		"folder": {func(p place) string {
			p.file("f/a.GLB", glb)
			p.file("f/notes.txt", nil)
			return filepath.Join(p.dir, "f")
		}, "a.GLB"},
		"top first": {func(p place) string {
			p.file("f/a.glb", glb)
			p.file("f/old/b.glb", glb)
			return filepath.Join(p.dir, "f")
		}, "a.glb"},
		"below": {func(p place) string {
			p.file("f/x/y/a.glb", glb)
			p.file("f/.trash/b.glb", glb)
			return filepath.Join(p.dir, "f")
		}, "x/y/a.glb"},
		"zip": {func(p place) string { return p.zip("s.zip", entry{"a.glb", glb, nil}) }, "a.glb"},
		"zip below": {func(p place) string {
			return p.zip("s.ZIP", entry{"top/", nil, nil}, entry{"top/a.glb", glb, nil}, entry{"__MACOSX/top/._a.glb", []byte("x"), nil})
		}, "top/a.glb"},
		"zip of Windows": {func(p place) string { return p.zip("s.zip", entry{`top\a.glb`, glb, nil}) }, "top/a.glb"},
		"stored zip": {func(p place) string {
			return p.zip("s.zip", entry{"a.glb", glb, func(h *zip.FileHeader) { h.Method = zip.Store }})
		}, "a.glb"},
		"Draco":               {func(p place) string { return p.file("a.glb", draco) }, "a.glb"},
		"meshopt in parts":    {func(p place) string { p.file("scene.bin", bin); return p.file("scene.gltf", gltf) }, "scene.gltf"},
		"meshopt in a folder": {func(p place) string { p.file("f/x/scene.bin", bin); p.file("f/x/scene.gltf", gltf); return p.dir }, "f/x/scene.gltf"},
		"meshopt in a zip": {func(p place) string {
			return p.zip("s.zip", entry{"x/scene.bin", bin, nil}, entry{"x/scene.gltf", gltf, nil})
		}, "x/scene.gltf"},
	} {
		t.Run(name, func(t *testing.T) {
			p := place{t, t.TempDir()}
			path := c.make(p)
			b, found, err := packed(t, inspect, path)
			if err != nil {
				t.Fatal(err)
			}
			again, _, err := packed(t, inspect, path)
			if err != nil || !bytes.Equal(b, again) {
				t.Errorf("a second time the job is another one, %v", err)
			}
			if found.Triangles == 0 {
				t.Errorf("inspect found %+v", found)
			}
			files, err := job.Unpack(b)
			if err != nil {
				t.Fatal(err)
			}
			seen := false
			for _, f := range files {
				seen = seen || f.Path == c.main
				if strings.HasSuffix(f.Path, "scene.bin") {
					t.Errorf("%s is in the job", f.Path)
				}
			}
			if !seen {
				t.Errorf("%s is not in the job", c.main)
			}
		})
	}
}

// A scene of the largest size is not read beyond that, wherever it comes from.
func TestNoMoreIsReadThanFits(t *testing.T) {
	s := &scene{files: map[string][]byte{}, size: maxScene - 10}
	err := s.take("a", io.LimitReader(zeros{}, 1<<40))
	says(t, err, "MB of files")
	if fog.ContentHash(s.files["a"]) != fog.ContentHash(nil) {
		t.Error("it was kept")
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// Compressed files are held until they are unpacked: together they have the
// bounds of one scene, though it names the same one again and again.
func TestNoMoreIsHeldThanFits(t *testing.T) {
	s := &scene{src: sixty{}, files: map[string][]byte{}, size: maxScene - 100}
	if _, err := s.peek("a.bin"); err != nil {
		t.Fatal(err)
	}
	_, err := s.peek("a.bin")
	says(t, err, "MB of files")
}

// sixty is a folder in which every file has 60 bytes.
type sixty struct{ source }

func (sixty) open(string) (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeros{}, 60)), nil
}
