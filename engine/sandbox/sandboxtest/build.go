// Package sandboxtest is the conformance suite of the sandbox: every engine
// has to pass the same cases, through a real child process.
package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Build builds the child program into dir and gives its path. The program
// finds the native engine's library where the build left it; packaging moves
// it beside the program (build/sandbox.sh).
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "sonm-sandbox")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "sonm/engine/sandbox/child")
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, nil
}
