package fogtest

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// window is how many bytes may be on their way in one direction before the
// sender has to wait for the reader, as on a real connection.
const window = 1 << 20

// parcel is a message on its way.
type parcel struct {
	at   time.Time // when it arrives
	data []byte
}

// lane is one direction of a stream. Any goroutine may put, one may take.
type lane struct {
	mu    sync.Mutex
	wake  chan struct{} // closed and replaced at every change; guarded by mu
	queue []parcel      // guarded by mu
	bytes int           // in queue; guarded by mu
	held  bool          // a cut line: nothing arrives; guarded by mu
	end   error         // what the reader gets after the queue; guarded by mu
	shut  error         // what a writer gets at once; guarded by mu
}

func newLane() *lane { return &lane{wake: make(chan struct{})} }

// changed wakes everybody who waits; mu is held.
func (l *lane) changed() {
	close(l.wake)
	l.wake = make(chan struct{})
}

// put sends a message that takes delay to arrive, in order.
func (l *lane) put(ctx context.Context, data []byte, delay time.Duration) error {
	for {
		l.mu.Lock()
		if l.shut != nil {
			defer l.mu.Unlock()
			return l.shut
		}
		if l.bytes < window {
			at := time.Now().Add(delay)
			if n := len(l.queue); n > 0 && at.Before(l.queue[n-1].at) {
				at = l.queue[n-1].at
			}
			l.queue = append(l.queue, parcel{at, data})
			l.bytes += len(data)
			l.changed()
			l.mu.Unlock()
			return nil
		}
		wake := l.wake
		l.mu.Unlock()
		if err := wait(ctx, wake, -1); err != nil {
			return err
		}
	}
}

// take is the next message once it has arrived.
func (l *lane) take(ctx context.Context) ([]byte, error) {
	for {
		l.mu.Lock()
		left := time.Duration(-1) // nothing to wait for but a change
		switch {
		case len(l.queue) > 0 && !l.held:
			if left = time.Until(l.queue[0].at); left <= 0 {
				p := l.queue[0]
				l.queue, l.bytes = l.queue[1:], l.bytes-len(p.data)
				l.changed()
				l.mu.Unlock()
				return p.data, nil
			}
		case l.end != nil && !l.held:
			defer l.mu.Unlock()
			return nil, l.end
		}
		wake := l.wake
		l.mu.Unlock()
		if err := wait(ctx, wake, left); err != nil {
			return nil, err
		}
	}
}

// finish ends the lane: the writer fails at once, the reader after it has read
// what was sent, or at once if drop is set.
func (l *lane) finish(end error, drop bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.end, ErrLost) && errors.Is(end, ErrReset) {
		return // the dead reset nothing: what they sent still arrives
	}
	if drop {
		l.queue, l.bytes, l.held = nil, 0, false
	}
	if l.end == nil || drop && errors.Is(l.end, io.EOF) {
		l.end = end
	}
	if l.shut == nil {
		l.shut = io.ErrClosedPipe
	}
	l.changed()
}

// hold stops or resumes arrivals.
func (l *lane) hold(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = on
	l.changed()
}

// wait returns nil on a change or after left, unless that is negative.
func wait(ctx context.Context, change <-chan struct{}, left time.Duration) error {
	var due <-chan time.Time
	if left >= 0 {
		t := time.NewTimer(left)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-change:
		return nil
	case <-due:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
