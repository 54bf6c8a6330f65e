// Package sandboxtest is the conformance suite of the sandbox: every engine
// has to pass the same cases, through a real child process. It has what tests of
// several packages need besides: the child programs, and modules gone wrong.
package sandboxtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// Build builds the child programs into dir and gives the path of sonm-sandbox.
// It finds the native engine's library where the build left it; packaging moves
// it beside the program (build/sandbox.sh).
func Build(ctx context.Context, dir string) (string, error) {
	ext := ""
	if runtime.GOOS == "windows" {
		ext = ".exe"
	}
	path := filepath.Join(dir, "sonm-sandbox")
	for to, from := range map[string]string{path: "child", path + "-wasmtime": "wasmtime/child"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", to+ext, "sonm/engine/sandbox/"+from)
		cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go build: %w: %s", err, out)
		}
	}
	return path + ext, nil
}
