package sandbox_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sonm/engine/sandbox"
)

// keeping is a sandbox that keeps what it compiled in dir.
func keeping(t *testing.T, dir string, engines ...sandbox.Engine) *sandbox.Sandbox {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{Child: child, Engines: engines, Keep: dir})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// compiled lists the compiled modules in dir.
func compiled(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.bin"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// serve has a session of box answer all kinds of tasks.
func serve(t *testing.T, box *sandbox.Sandbox, module []byte) [][]byte {
	t.Helper()
	s, err := box.Start(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, spec := range []string{"e", "c", "g", "R", "C", "w", "f", "c"} {
		r, err := s.Task(t.Context(), []byte(spec))
		if err != nil {
			t.Fatalf("Task(%s) = %v", spec, err)
		}
		all = append(all, r.Payload)
	}
	return all
}

// TestKeptModule: a module that was compiled before answers as one that was not,
// whatever became of the file in between.
func TestKeptModule(t *testing.T) {
	module := suite("").Guest(t, "all")
	for _, e := range here(t) {
		dir := filepath.Join(t.TempDir(), "kept")
		box := keeping(t, dir, e)
		want := serve(t, box, module)
		files := compiled(t, dir)
		if e == sandbox.Wazero {
			if len(files) != 0 {
				t.Errorf("wazero kept %v", files)
			}
			continue
		}
		if len(files) != 1 {
			t.Fatalf("%s: %d files kept, want 1", e, len(files))
		}
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: folder %v, %v, want it closed to others", e, st.Mode(), err)
		}
		good, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		same := func(what string) {
			t.Helper()
			got := serve(t, box, module)
			for n := range want {
				if !bytes.Equal(got[n], want[n]) {
					t.Errorf("%s: %s: answer %d is %x, want %x", e, what, n, got[n], want[n])
				}
			}
			b, err := os.ReadFile(files[0])
			if err != nil || len(b) < len(good)/2 {
				t.Errorf("%s: %s: %d bytes kept, %v", e, what, len(b), err)
			}
		}
		same("kept")
		for what, b := range map[string][]byte{
			"empty": {}, "cut": good[:len(good)-1], "head only": good[:80], "a bit changed": flipped(good, len(good)/2),
			"another key": flipped(good, 20), "another sum": flipped(good, 60), "garbage": bytes.Repeat([]byte("sonm compiled 1\n"), 999),
		} {
			if err := os.WriteFile(files[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
			same(what)
		}
	}
}

// flipped is b with a bit changed.
func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// TestKeptModuleIsOnesOwn: another module, or one of another engine, never gets
// what was kept for the first, even under its name.
func TestKeptModuleIsOnesOwn(t *testing.T) {
	e := here(t)[0]
	dir := t.TempDir()
	all, simd := suite("").Guest(t, "all"), suite("").Guest(t, "simd")
	serve(t, keeping(t, dir, e), all)
	first := compiled(t, dir)[0]
	want := serve(t, keeping(t, dir, e), simd)
	for _, f := range compiled(t, dir) {
		if f == first {
			continue
		}
		if err := os.Rename(first, f); err != nil {
			t.Fatal(err)
		}
	}
	for n, b := range serve(t, keeping(t, dir, e), simd) {
		if !bytes.Equal(b, want[n]) {
			t.Errorf("answer %d is %x, want %x", n, b, want[n])
		}
	}
	serve(t, keeping(t, dir, e), all)
	if n := len(compiled(t, dir)); n != 2 {
		t.Errorf("%d files, want one for each module", n)
	}
}

// TestKeepNowhere: a folder that cannot be made costs a warning, not the work.
func TestKeepNowhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, keeping(t, filepath.Join(file, "kept")), suite("").Guest(t, "all"))
}

// TestEngineIsRemembered: what an engine could not do is not tried again.
func TestEngineIsRemembered(t *testing.T) {
	if here(t)[0] != sandbox.Wasmer {
		t.Skip("wasmer is not here, which lacks the instruction")
	}
	dir := t.TempDir()
	var log bytes.Buffer
	for range 2 {
		box, err := sandbox.New(sandbox.Config{
			Child: child, Engines: []sandbox.Engine{sandbox.Wasmer, sandbox.Wazero}, Keep: dir,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := box.Start(t.Context(), suite("").Guest(t, "popcnt"))
		if err != nil {
			t.Fatal(err)
		}
		if s.Engine() != sandbox.Wazero {
			t.Errorf("engine %s, want wazero", s.Engine())
		}
		s.Close()
	}
	if n := strings.Count(log.String(), "sandbox engine changed"); n != 1 {
		t.Errorf("the engine was changed %d times over two sessions, want once: %s", n, &log)
	}
}

// TestEnginesAreCompared: a session measures the native engines on its own tasks,
// with the same answers all along, and the next one begins with the faster.
func TestEnginesAreCompared(t *testing.T) {
	engines := here(t)
	if len(engines) < 3 {
		t.Skip("there is nothing to compare with ", engines)
	}
	dir := t.TempDir()
	module := suite("").Guest(t, "all")
	s, err := keeping(t, dir).Start(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	took := map[sandbox.Engine]time.Duration{}
	var first []byte
	for s.Comparing() {
		r, err := s.Task(t.Context(), []byte("f"))
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r.Payload
		}
		if !bytes.Equal(r.Payload, first) {
			t.Errorf("%s gives %x, want %x", r.Engine, r.Payload, first)
		}
		took[r.Engine] += r.CPU
	}
	if took[sandbox.Wasmtime] < time.Second || took[sandbox.Wazero] > 0 {
		t.Errorf("compared over %v, want a second of each native engine", took)
	}
	best := s.Engine()
	s.Close()
	next, err := keeping(t, dir).Start(t.Context(), module)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if next.Engine() != best {
		t.Errorf("the next session begins with %s, want %s", next.Engine(), best)
	}
}
