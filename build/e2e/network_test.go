package e2e_test

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// network serves a practice network while f runs.
func network(t *testing.T, f func(url string)) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "sonm"), "network", "serve", "--tied", "--json", "--dir", t.TempDir())
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("network: %v", err)
		}
	}()
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var n struct{ RPC string }
	if err := json.Unmarshal(line, &n); err != nil {
		t.Fatal(err)
	}
	f(n.RPC)
}
