package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/sandboxtest"
)

// child is the program under test, built once by TestMain.
var child string

func TestMain(m *testing.M) {
	if os.Getenv("SANDBOX_ORPHAN") != "" {
		abandon()
		return
	}
	if os.Args[0] == childName {
		err := puppet()
		if !errors.Is(err, io.EOF) { // the broker is not done with us
			println(err.Error())
			os.Exit(1)
		}
		return
	}
	dir, err := os.MkdirTemp("", "sandbox")
	if err == nil {
		child, err = sandboxtest.Build(context.Background(), dir)
	}
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		println(err.Error())
		code = 1
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func suite(e sandbox.Engine) sandboxtest.Suite {
	return sandboxtest.Suite{Child: child, Guests: "testdata", Engine: e}
}

// TestEngines: every engine passes the conformance suite.
func TestEngines(t *testing.T) {
	for _, e := range here(t) {
		t.Run(string(e), suite(e).Run)
	}
}

// here are the engines that the programs were built with.
func here(t *testing.T) []sandbox.Engine {
	t.Helper()
	var all []sandbox.Engine
	for _, e := range sandbox.Engines() {
		s := suite(e)
		se, err := s.TryStart(t, s.Guest(t, "plain"), sandbox.Limits{})
		if kind(err) == sandbox.Unsupported {
			t.Logf("without %s: %v", e, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		se.Close()
		all = append(all, e)
	}
	return all
}

func kind(err error) sandbox.Kind {
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		return e.Kind
	}
	return 0
}

// TestEnginesAgree runs the deterministic cases on all engines and compares
// every byte.
func TestEnginesAgree(t *testing.T) {
	for _, guest := range []string{"all", "simd"} {
		results := map[sandbox.Engine][][]byte{}
		for _, e := range here(t) {
			s := suite(e)
			se := s.Start(t, guest, sandbox.Limits{})
			if _, err := se.Open(t.Context(), []byte("the same input")); err != nil {
				t.Fatal(err)
			}
			for _, spec := range []string{"e", "c", "g", "R", "C", "w", "W", "f"} {
				r, err := se.Task(t.Context(), []byte(spec))
				if err != nil {
					t.Fatalf("%s: Task(%q) = %v", e, spec, err)
				}
				results[e] = append(results[e], r.Payload)
			}
		}
		for e, got := range results {
			for n, b := range results[sandbox.Wazero] {
				if !bytes.Equal(b, got[n]) {
					t.Errorf("%s: result %d is %x on %s, %x on wazero", guest, n, got[n], e, b)
				}
			}
		}
	}
}

// TestFallsThrough: what the native engine cannot compile runs on the other.
func TestFallsThrough(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{Child: child, Engines: []sandbox.Engine{sandbox.Wasmer, sandbox.Wazero}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := box.Start(t.Context(), suite("").Guest(t, "popcnt"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Open(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	r, err := s.Task(t.Context(), []byte{0x7f})
	if err != nil || !bytes.Equal(r.Payload, bytes.Repeat([]byte{7}, 16)) {
		t.Errorf("Task = %x, %v, want sixteen times 7", r.Payload, err)
	}
	if r.Engine != sandbox.Wazero || s.Engine() != sandbox.Wazero {
		t.Errorf("engine %s, want %s", r.Engine, sandbox.Wazero)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]sandbox.Config{
		"no child":       {},
		"unknown engine": {Child: "x", Engines: []sandbox.Engine{"v8"}},
	} {
		if _, err := sandbox.New(c); err == nil {
			t.Errorf("New with %s = nil error", name)
		}
	}
	box, err := sandbox.New(sandbox.Config{Child: "/does/not/exist"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := box.Start(t.Context(), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Start of a missing program = %v, want %v", err, os.ErrNotExist)
	}
}
