package sandbox_test

import (
	"testing"

	"sonm/engine/sandbox"
)

// TestDeepRecursion: recursion on the engine's own stack ends the task, at
// worst the child, never the broker, and the session goes on.
func TestDeepRecursion(t *testing.T) {
	box, err := sandbox.New(sandbox.Config{Child: child})
	if err != nil {
		t.Fatal(err)
	}
	s, err := box.Start(t.Context(), suite("").Guest(t, "all"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	for _, spec := range []string{"D", "d", "D"} {
		want := sandbox.Trap // of the stack in its memory
		if spec == "D" {
			want = sandbox.LimitStack
		}
		if _, err := s.Task(t.Context(), []byte(spec)); kind(err) != want {
			t.Errorf("Task(%s) = %v, want %v", spec, err, want)
		}
		r, err := s.Task(t.Context(), []byte("e"))
		if err != nil || string(r.Payload) != "ine" {
			t.Errorf("Task after %s = %q, %v, want ine", spec, r.Payload, err)
		}
	}
}
