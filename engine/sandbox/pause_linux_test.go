package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sonm/engine/sandbox"
)

// processor is the processor time of this process's only sandbox child, in ticks.
func processor(t *testing.T) string {
	t.Helper()
	for _, pid := range childrenOf(os.Getpid()) {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || !strings.Contains(string(b), "(sonm") {
			continue
		}
		// utime and stime: proc(5)
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		return f[11] + "+" + f[12]
	}
	t.Fatal("no sandbox child")
	return ""
}

// TestSuspend: a suspended guest takes no processor time, its clock on the wall
// stands still, and it goes on as if nothing had been.
func TestSuspend(t *testing.T) {
	for _, e := range here(t) {
		const wall = 700 * time.Millisecond
		s := suite(e).Start(t, "all", sandbox.Limits{Wall: wall})
		if _, err := s.Open(t.Context(), []byte("in")); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		ended := make(chan error, 1)
		go func() {
			_, err := s.Task(t.Context(), []byte("l")) // without end
			ended <- err
		}()
		for first := processor(t); processor(t) == first; { // until it is in the loop
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // a state of another process
		}
		for range 2 {
			if err := s.Suspend(); err != nil {
				t.Fatal(err)
			}
		}
		var before string
		for now := processor(t); now != before; { // a stop takes a moment
			time.Sleep(50 * time.Millisecond) //nolint:forbidigo // a state of another process
			before, now = now, processor(t)
		}
		select {
		case err := <-ended:
			t.Fatalf("%s: the task ended while suspended: %v", e, err)
		case <-time.After(2 * wall):
		}
		if after := processor(t); after != before {
			t.Errorf("%s: used processor time while suspended: %s, before %s", e, after, before)
		}
		for range 2 {
			if err := s.Resume(); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-ended; kind(err) != sandbox.LimitWall {
			t.Errorf("%s: %v, want the limit of time", e, err)
		}
		if d := time.Since(began); d < 3*wall {
			t.Errorf("%s: ended after %v, want %v and the suspended %v", e, d, wall, 2*wall)
		}
		s.Close()
	}
}

// TestSuspendedCallsWait: a call made while suspended waits, for Resume, for its
// context or for Close.
func TestSuspendedCallsWait(t *testing.T) {
	s := suite(sandbox.Wazero).Start(t, "all", sandbox.Limits{})
	if _, err := s.Open(t.Context(), []byte("in")); err != nil {
		t.Fatal(err)
	}
	if err := s.Suspend(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Task(ctx, []byte("e")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Task while suspended = %v, want its deadline", err)
	}
	result := make(chan error, 1)
	go func() {
		r, err := s.Task(t.Context(), []byte("e"))
		if err == nil && string(r.Payload) != "ine" {
			err = fmt.Errorf("%q", r.Payload)
		}
		result <- err
	}()
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Errorf("Task after Resume = %v", err)
	}
	if err := s.Suspend(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := s.Task(t.Context(), []byte("e"))
		result <- err
	}()
	if err := s.Close(); err != nil { // a stopped child can be killed
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, sandbox.ErrClosed) {
		t.Errorf("Task across Close = %v, want %v", err, sandbox.ErrClosed)
	}
}
