package e2e_test

import (
	"debug/elf"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheFolderCanBeCopied: the built folder runs from elsewhere, on a computer
// that has nothing of what it was built from: Go's module and build caches are
// hidden behind empty folders. Each native engine does all the work once.
func TestTheFolderCanBeCopied(t *testing.T) {
	if out, err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("mount namespaces cannot be made here: %v %s", err, out)
	}
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	hidden := strings.Fields(string(out))
	copied := filepath.Join(t.TempDir(), "a folder elsewhere")
	if err := os.CopyFS(copied, os.DirFS(bin)); err != nil {
		t.Fatal(err)
	}
	names := []string{"sonm", "sonm-sandbox", "sonm-sandbox-wasmtime"}
	if wasmerWorksHere {
		names = append(names, "libwasmer.so")
	}
	for _, name := range names {
		noForeignPaths(t, filepath.Join(copied, name))
	}
	const script = `set -e; n=$1; shift; for i in $(seq "$n"); do mount -t tmpfs none "$1"; test -z "$(ls -A "$1")"; shift; done; exec "$@"`
	for _, engine := range []string{"wasmer", "wasmtime"} {
		if engine == "wasmer" && !wasmerWorksHere {
			continue
		}
		args := slices.Concat([]string{"--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", "3"}, hidden,
			[]string{filepath.Join(copied, "sonm"), "demo", "--json", "--engine", engine, "-o", filepath.Join(t.TempDir(), "out.exr")}, small)
		cmd := exec.Command("unshare", args...)
		cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir(), "HOME="+t.TempDir())
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v: %s", engine, err, errs.String())
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		var s summary
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &s); err != nil {
			t.Fatalf("%s: %v: %s", engine, err, out)
		}
		if s.Engine[engine] != s.Tasks || s.Tasks == 0 {
			t.Errorf("%d tasks ran in %v, want all in %s", s.Tasks, s.Engine, engine)
		}
	}
}

// noForeignPaths checks that a program or library looks for others beside
// itself and in the system's places only.
func noForeignPaths(t *testing.T, path string) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		paths, err := f.DynString(tag)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if p != "$ORIGIN" {
				t.Errorf("%s looks for libraries in %q", filepath.Base(path), p)
			}
		}
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	for _, lib := range needed {
		if strings.Contains(lib, "/") {
			t.Errorf("%s needs %q, a path", filepath.Base(path), lib)
		}
	}
}
