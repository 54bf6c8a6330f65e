// Package wasitest runs the preview 1 cases of the public WebAssembly
// wasi-testsuite through package wasi on one engine. The cases are in testdata
// with their own license.
//
// # Why
//
// Every case runs in a process of its own, the test program started again: an
// engine that dies of a case has failed one and not all, and one engine can
// serve only one guest for each process. There is a package of tests for each
// engine because two native engines cannot be linked into one program.
package wasitest

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"sonm/engine/sandbox/gate"
	"sonm/engine/sandbox/wasi"
)

//go:embed all:testdata/tests
var suite embed.FS

// Engine is what a case needs of an adapter's engine.
type Engine interface {
	Instantiate(ctx context.Context) error
	Call(ctx context.Context, name string, args ...uint64) (uint64, error)
}

// Open compiles a gated module on an engine and binds a world to it.
type Open func(ctx context.Context, m *gate.Module, w *wasi.World) (Engine, error)

// variable names the case a process is to run.
const variable = "SONM_WASITEST_CASE"

// outcome is what such a process prints. Problem is empty if all was as the
// case says it should be.
type outcome struct{ Problem string }

// Serve runs the case this process was started for and reports whether it was
// started for one. It belongs into TestMain.
func Serve(ctx context.Context, open Open) bool {
	name := os.Getenv(variable)
	if name == "" {
		return false
	}
	var o outcome
	if err := try(ctx, name, open); err != nil {
		o.Problem = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(o); err != nil {
		panic(err) // the test that started us is gone
	}
	return true
}

// Run runs all cases. Those in known are expected to fail for the reason
// given, and it is a failure if they do not. Those in skipped do not run.
func Run(t *testing.T, engine string, known, skipped map[string]string) {
	t.Helper()
	const cases = 72 // in the suite
	names, err := fs.Glob(suite, "testdata/tests/*/testsuite/wasm32-wasip1/*.wasm")
	if err != nil || len(names) != cases {
		t.Fatalf("%d cases, %v, want %d", len(names), err, cases)
	}
	var passed, failed int
	for _, name := range names {
		short := strings.TrimSuffix(path.Base(name), ".wasm")
		t.Run(short, func(t *testing.T) {
			if why, ok := skipped[short]; ok {
				t.Skip(why)
			}
			problem := start(t, name)
			why, expected := known[short]
			if problem == "" {
				passed++
			} else {
				failed++
			}
			switch {
			case problem == "" && expected:
				t.Errorf("passed, though it was expected to fail: %s", why)
			case problem != "" && !expected:
				t.Error(problem)
			}
		})
	}
	t.Logf("wasi-testsuite on %s: %d passed, %d failed (%d of them known), %d skipped",
		engine, passed, failed, len(known), len(skipped))
}

// start runs a case in a process of its own and says what was wrong.
func start(t *testing.T, name string) string {
	t.Helper()
	const limit = time.Minute // the slowest takes a second
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), variable+"="+name)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	var o outcome
	if jsonErr := json.Unmarshal(out.Bytes(), &o); err != nil || jsonErr != nil {
		return fmt.Sprintf("the process ended with %v: %.1000s", err, log.String())
	}
	return o.Problem
}

// spec is a case's .json.
type spec struct {
	Args     []string          `json:"args"`
	Dirs     []string          `json:"dirs"`
	Env      map[string]string `json:"env"`
	ExitCode uint32            `json:"exit_code"`
	Stdout   string            `json:"stdout"`
}

// memory is what a case may have, in bytes; none names a maximum of its own.
const memory = 64 << 20

func try(ctx context.Context, name string, open Open) error {
	code, err := suite.ReadFile(name)
	if err != nil {
		return err
	}
	s, err := read(name)
	if err != nil {
		return err
	}
	var w wasi.World
	if err := w.Setup(wasi.Config{Args: append([]string{path.Base(name)}, s.Args...), Env: s.env(), Dirs: s.dirs(path.Dir(name))}); err != nil {
		return err
	}
	rules := gate.Rules{Module: 1 << 20, Memory: memory, Imports: map[string]gate.Signature{}, Command: true}
	for _, f := range w.Functions() {
		rules.Imports[wasi.Namespace+"."+f.Name] = gate.Signature{Params: f.Params, Results: f.Results}
	}
	m, err := gate.Check(ctx, code, rules)
	if err != nil {
		return err
	}
	e, err := open(ctx, m, &w)
	if err != nil {
		return err
	}
	if err := e.Instantiate(ctx); err != nil {
		return err
	}
	_, err = e.Call(ctx, "_start")
	exit, exited := w.Exit()
	switch {
	case err != nil && !exited:
		return fmt.Errorf("%w; it wrote %q", err, w.Written())
	case exit != s.ExitCode:
		return fmt.Errorf("exit code %d, want %d; it wrote %q", exit, s.ExitCode, w.Written())
	case s.Stdout != "" && s.Stdout != string(w.Stdout()):
		return fmt.Errorf("standard output %q, want %q", w.Stdout(), s.Stdout)
	}
	return nil
}

func read(name string) (spec, error) {
	var s spec
	b, err := suite.ReadFile(strings.TrimSuffix(name, ".wasm") + ".json")
	if os.IsNotExist(err) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// env is the case's environment. Those with folders are written in Rust and C;
// the former take from it that only the results of POSIX are right.
func (s spec) env() []string {
	var env []string
	if len(s.Dirs) > 0 {
		env = append(env, "ERRNO_MODE_UNIX=1")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		env = append(env, name+"="+s.Env[name])
	}
	return env
}

// dirs are the case's folders, known to it by their names.
func (s spec) dirs(base string) []wasi.Dir {
	var dirs []wasi.Dir
	for _, name := range s.Dirs {
		dirs = append(dirs, wasi.Dir{Name: name, Files: tree(path.Join(base, name))})
	}
	return dirs
}

func tree(root string) []wasi.File {
	var files []wasi.File
	err := fs.WalkDir(suite, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == root {
			return err
		}
		f := wasi.File{Path: strings.TrimPrefix(name, root+"/"), Kind: wasi.Directory}
		if !d.IsDir() {
			f.Kind = wasi.Regular
			f.Data, err = suite.ReadFile(name)
		}
		files = append(files, f)
		return err
	})
	if err != nil {
		panic(err) // it is embedded
	}
	return files
}
