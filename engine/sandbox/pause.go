package sandbox

import (
	"context"
	"fmt"
	"sync"
)

// Suspend stops the guest where it is: its child gets no processor time until
// Resume, and the time does not count against Limits.Wall. Its memory stays
// taken. Calls made meanwhile wait. It may be called at any time, twice too.
// Where the system cannot stop a process it is an error and nothing changes.
func (s *Session) Suspend() error { return s.pause.set(true) }

// Resume goes on after Suspend.
func (s *Session) Resume() error { return s.pause.set(false) }

// pause is whether a session is suspended, and the child that is or is not.
type pause struct {
	mu    sync.Mutex
	child *child        // guarded by mu; nil while none runs
	over  chan struct{} // guarded by mu; closed by the next Resume; nil while not suspended
}

func (p *pause) set(suspended bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if suspended == (p.over != nil) {
		return nil
	}
	if p.child != nil {
		if err := p.child.suspend(suspended); err != nil {
			return fmt.Errorf("sandbox: %w", err)
		}
	}
	if suspended {
		p.over = make(chan struct{})
	} else {
		close(p.over)
		p.over = nil
	}
	return nil
}

// running tells of the child that runs now, which may have been started in the
// middle of a call that was suspended.
func (p *pause) running(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.child = c
	if c != nil && p.over != nil {
		_ = c.suspend(true) // else the next call waits
	}
}

// wait returns when the session is not suspended, with an error if ctx or the
// session ends before.
func (p *pause) wait(ctx context.Context, closed <-chan struct{}) error {
	for {
		select {
		case <-closed:
			return ErrClosed
		default:
		}
		p.mu.Lock()
		over := p.over
		p.mu.Unlock()
		if over == nil {
			return nil
		}
		select {
		case <-over:
		case <-closed:
		case <-ctx.Done():
			return fmt.Errorf("sandbox call: %w", context.Cause(ctx))
		}
	}
}
