package desktop_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"sonm/ui/desktop"
)

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("sonm", "x", 0o755)
	write("sonm-sandbox", "x", 0o644) // there, but may not be run
	write("libwasmer.so", "", 0o644)  // there, but empty
	s, err := desktop.Local{Folder: dir, Version: "1"}.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Version != "1" || s.Cores != runtime.NumCPU() {
		t.Errorf("version %q and %d cores, want 1 and %d", s.Version, s.Cores, runtime.NumCPU())
	}
	want := map[string]bool{"sonm": true, "sonm-sandbox": false, "libwasmer.so": false}
	if len(s.Parts) != len(want) {
		t.Errorf("%d parts, want %d", len(s.Parts), len(want))
	}
	for _, p := range s.Parts {
		if p.Found != want[p.File] {
			t.Errorf("%s found: %t, want %t", p.File, p.Found, want[p.File])
		}
	}
}

func TestLocalWithoutFolder(t *testing.T) {
	if _, err := (desktop.Local{Folder: filepath.Join(t.TempDir(), "gone")}).Status(t.Context()); err == nil {
		t.Error("a folder that is not there has a status")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (desktop.Local{Folder: t.TempDir()}).Status(ctx); err == nil {
		t.Error("a cancelled look has a status")
	}
}
