package sandbox_test

import (
	"bytes"
	"context"
	"errors"
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

func TestWasmer(t *testing.T) {
	s := suite(sandbox.Wasmer)
	if _, err := s.TryStart(t, s.Guest(t, "plain"), sandbox.Limits{}); kind(err) == sandbox.Unsupported {
		t.Skip("the child was built without wasmer: ", err)
	}
	s.Run(t)
}

func TestWazero(t *testing.T) { suite(sandbox.Wazero).Run(t) }

func kind(err error) sandbox.Kind {
	if e, ok := errors.AsType[*sandbox.Error](err); ok {
		return e.Kind
	}
	return 0
}

// TestEnginesAgree runs the deterministic cases on both engines and compares
// every byte.
func TestEnginesAgree(t *testing.T) {
	for _, guest := range []string{"all", "simd"} {
		results := map[sandbox.Engine][][]byte{}
		for _, e := range []sandbox.Engine{sandbox.Wasmer, sandbox.Wazero} {
			s := suite(e)
			se, err := s.TryStart(t, s.Guest(t, guest), sandbox.Limits{})
			if kind(err) == sandbox.Unsupported {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
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
		for n, b := range results[sandbox.Wasmer] {
			if !bytes.Equal(b, results[sandbox.Wazero][n]) {
				t.Errorf("%s: result %d is %x on wasmer, %x on wazero", guest, n, b, results[sandbox.Wazero][n])
			}
		}
	}
}

// TestFallsThrough: what the native engine cannot compile runs on the other.
func TestFallsThrough(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{Child: child})
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
