package spectest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Options say what is tested and what is known of it.
type Options struct {
	Open    func() (Engine, error)
	NoRefs  bool    // the library cannot pass references
	Classes []Class // what fails, the first that fits counts
}

// Class is one reason why commands fail. A failure reads
// "file.json:line command export: what went wrong".
type Class struct {
	Name   string
	Says   []string // one of these is part of what a failure reads
	Reason string
}

var update = flag.Bool("update", false, "write testdata/known.txt anew")

// brief are the scripts of a short run.
var brief = []string{"i32.json", "call_indirect.json", "linking.json", "elem.json", "simd_f32x4.json", "simd_lane.json", "simd_linking.json"}

// Test plays the suite and compares what failed with testdata/known.txt, in
// the directory of the test: more failures are as wrong as fewer.
func Test(t *testing.T, o Options) {
	t.Helper()
	dir := scripts(t)
	files := list(t, dir)
	found := playAll(t, dir, files)
	known := ledger{}
	for _, suite := range []string{"core", "simd"} {
		var passed, failed, skipped int
		for n, file := range files {
			if strings.HasPrefix(file, "simd_") != (suite == "simd") {
				continue
			}
			tally := found[n].tally(t, o.Classes, file, known)
			passed, failed, skipped = passed+tally.passed, failed+tally.failed, skipped+tally.skipped
		}
		t.Logf("%s: %d passed, %d failed, %d skipped", suite, passed, failed, skipped)
	}
	known.compare(t, o.Classes, files)
}

// scripts is where wazero's sources keep the scripts of WebAssembly 2.0.
func scripts(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("sources of wazero: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "internal/integration_test/spectest/v2/testdata")
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	if testing.Short() {
		return brief
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	files := make([]string, len(paths))
	for n, p := range paths {
		files[n] = filepath.Base(p)
	}
	return files
}

// outcome is what became of one script.
type outcome struct {
	script   *script
	verdicts []verdict
	err      error
}

func playAll(t *testing.T, dir string, files []string) []outcome {
	t.Helper()
	found := make([]outcome, len(files))
	next := make(chan int)
	var wait sync.WaitGroup
	for range runtime.NumCPU() {
		wait.Go(func() {
			for n := range next {
				found[n] = perform(t.Context(), dir, files[n])
			}
		})
	}
	for n := range files {
		next <- n
	}
	close(next)
	wait.Wait()
	return found
}

func perform(ctx context.Context, dir, file string) outcome {
	s, err := load(dir, file)
	if err != nil {
		return outcome{err: err}
	}
	all, err := play(ctx, dir, file, len(s.Commands))
	return outcome{s, all, err}
}

type tally struct{ passed, failed, skipped int }

// tally counts a script's verdicts and enters its failures.
func (o outcome) tally(t *testing.T, classes []Class, file string, to ledger) tally {
	t.Helper()
	var sum tally
	if o.err != nil {
		t.Errorf("%s: %v", file, o.err)
		return sum
	}
	at := 0 // among those that count
	for _, v := range o.verdicts {
		c := &o.script.Commands[v.Command]
		if !c.counts() {
			continue
		}
		at++
		switch {
		case v.Skipped:
			sum.skipped++
		case v.Fault == "":
			sum.passed++
		default:
			sum.failed++
			failure := fmt.Sprintf("%s:%d %s %s: %s", file, c.Line, c.Kind, c.Action.Field, v.Fault)
			name := class(classes, failure)
			if name == "" {
				t.Error(failure)
				continue
			}
			to.enter(file, name, at, c.Line)
		}
	}
	return sum
}

func class(classes []Class, failure string) string {
	for _, c := range classes {
		for _, says := range c.Says {
			if strings.Contains(failure, says) {
				return c.Name
			}
		}
	}
	return ""
}
