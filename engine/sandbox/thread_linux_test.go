package sandbox_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sonm/engine/sandbox"
)

// TestThreadBomb: a child that makes threads without end is stopped, long
// before the system has no room for more.
func TestThreadBomb(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "child")
	source := filepath.Join(dir, "main.go")
	const program = `package main

import (
	"os"
	"runtime"
	"time"
)

func main() {
	os.Stdout.Write(append([]byte{16, 0, 0, 0, 24, 0, 0, 0, 3}, make([]byte, 23)...))
	for range 3000 {
		go func() { runtime.LockOSThread(); time.Sleep(time.Hour) }()
	}
	time.Sleep(time.Hour)
}
`
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", path, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := suite(sandbox.Wazero)
	s.Child = path
	_, err := s.TryStart(t, s.Guest(t, "all"), sandbox.Limits{Wall: time.Minute})
	if kind(err) != sandbox.Violation {
		t.Errorf("Start = %v, want a violation", err)
	}
}
