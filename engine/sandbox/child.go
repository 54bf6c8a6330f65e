package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"sonm/engine/sandbox/frame"
)

// child is one process of the program sonm-sandbox.
type child struct {
	cmd  *command
	in   *os.File // its stdin
	out  *os.File // its stdout
	talk *head    // the start of its stderr, what a dying runtime says
	done chan struct{}

	mu      sync.Mutex
	reason  error         // why we killed it; guarded by mu
	stopped time.Time     // when it was suspended, zero while it is not; guarded by mu
	paused  time.Duration // how long it was suspended before; guarded by mu
}

// suspend stops the process, or lets it go on.
func (c *child) suspend(stop bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stop == !c.stopped.IsZero() {
		return nil
	}
	if err := c.halt(stop); err != nil && !errors.Is(err, os.ErrProcessDone) { // the next call finds out about a dead one
		return err
	}
	if stop {
		c.stopped = time.Now()
	} else {
		c.paused += time.Since(c.stopped)
		c.stopped = time.Time{}
	}
	return nil
}

// suspended is how long the process was suspended so far, in its life.
func (c *child) suspended() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped.IsZero() {
		return c.paused
	}
	return c.paused + time.Since(c.stopped)
}

// start runs the program with no argument, no environment and nothing open
// but the three pipes.
func start(cfg Config) (*child, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("sandbox pipe: %w", err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox pipe: %w", err), inR.Close(), inW.Close())
	}
	c := &child{in: inW, out: outR, talk: new(head), done: make(chan struct{})}
	c.cmd = newCommand(cfg, inR, outW, c.talk)
	began := make(chan error)
	go c.live(began)
	err = <-began
	inR.Close()
	outW.Close()
	if err != nil {
		<-c.done
		inW.Close()
		outR.Close()
		return nil, fmt.Errorf("sandbox child %s: %w", cfg.Child, err)
	}
	return c, nil
}

// live owns the process: stop waits for it. It keeps its thread, because
// Linux sends the parent-death signal when the thread that forked ends.
func (c *child) live(began chan<- error) {
	defer close(c.done)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	began <- err
	if err == nil {
		_ = c.cmd.Wait() // how it ended is read from ProcessState
	}
}

// kill ends the process; the first reason given is kept, nil gives none.
func (c *child) kill(reason error) {
	c.mu.Lock()
	if c.reason == nil {
		c.reason = reason
	}
	c.mu.Unlock()
	_ = c.cmd.Process.Kill() // fails only if it is already dead
}

// stop kills the process, reaps it and closes the pipes.
func (c *child) stop() {
	c.kill(ErrClosed)
	<-c.done
	c.in.Close()
	c.out.Close()
}

// answer is what one round trip gave.
type answer struct {
	payload []byte
	work    uint64
	memory  uint64
	level   uint32
	guest   string        // what the guest wrote to its standard output and error
	cpu     time.Duration // of this call
	life    time.Duration // of the process so far
	gone    bool          // the child is dead or not to be used again
}

// roundTrip sends one request and reads its answer while it watches the
// limits. Any fault of the child itself leaves it killed.
func (c *child) roundTrip(ctx context.Context, closed <-chan struct{}, k frame.Kind, payload []byte, lim Limits) (answer, error) {
	before := c.cpuTime()
	over := make(chan struct{})
	sent := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { c.watch(ctx, closed, over, before, lim) })
	wg.Go(func() { sent <- frame.Write(c.in, k, payload) })
	a, err := c.read(lim)
	_ = c.in.SetWriteDeadline(time.Now().Add(time.Second)) // it answered, so it has read the question
	if unsent := <-sent; err == nil {
		err = unsent
	}
	_ = c.in.SetWriteDeadline(time.Time{})
	var e *Error
	if a.gone = a.gone || err != nil && !errors.As(err, &e); a.gone {
		c.kill(nil)
	}
	close(over)
	wg.Wait()
	a.life = c.cpuTime()
	a.cpu = max(0, a.life-before)
	if a.gone {
		<-c.done
		return a, c.failed(err)
	}
	return a, err
}

// maxThreads is how many threads a child may have. The Go runtime and the
// engines' compilers make a few for each core; no limit of the system counts
// those of one process.
const maxThreads = 512

// watch kills the child when a limit is reached or nobody wants the answer.
func (c *child) watch(ctx context.Context, closed, over <-chan struct{}, before time.Duration, lim Limits) {
	const (
		often  = 10 * time.Millisecond  // the overrun we accept at the end
		seldom = 250 * time.Millisecond // what a child may do to the system meanwhile is to be borne
	)
	began, idle := time.Now(), c.suspended()
	wall := time.NewTimer(lim.Wall)
	defer wall.Stop()
	cpu := time.NewTimer(min(max(often, lim.CPU/8), seldom))
	defer cpu.Stop()
	for {
		select {
		case <-over:
			return
		case <-ctx.Done():
			c.kill(fmt.Errorf("sandbox call: %w", context.Cause(ctx)))
			return
		case <-closed:
			c.kill(ErrClosed)
			return
		case <-wall.C:
			if left := lim.Wall - (time.Since(began) - (c.suspended() - idle)); left > 0 {
				wall.Reset(max(often, left))
				continue
			}
			c.kill(Errorf(LimitWall, "the guest took more than %v", lim.Wall))
			return
		case <-cpu.C:
			left := lim.CPU - (c.cpuTime() - before)
			if left <= 0 {
				c.kill(Errorf(LimitCPU, "the guest used more than %v of processor time", lim.CPU))
				return
			}
			if n := c.threads(); n > maxThreads {
				c.kill(Errorf(Violation, "the sandbox child made %d threads", n))
				return
			}
			cpu.Reset(min(max(often, left/8), seldom)) // a compiler may use several cores
		}
	}
}

// read takes frames until one ends the call.
func (c *child) read(lim Limits) (answer, error) {
	var a answer
	for {
		h, err := frame.ReadHead(c.out)
		if err != nil {
			return a, err
		}
		switch h.Kind {
		case frame.Log:
			b, err := frame.ReadPayload(c.out, h, frame.MaxLog)
			if err != nil {
				return a, err
			}
			if a.guest != "" {
				return a, errors.New("two log frames in one call")
			}
			a.guest = " " + frame.Text(string(b))
		case frame.Reply:
			b, err := frame.ReadPayload(c.out, h, lim.Output+frame.ReplyHead)
			if err != nil {
				return a, err
			}
			return a, a.take(b, lim)
		case frame.Fail:
			b, err := frame.ReadPayload(c.out, h, frame.MaxText+2)
			if err != nil {
				return a, err
			}
			return a, a.fail(b)
		default:
			return a, fmt.Errorf("frame of kind %d from the child", h.Kind)
		}
	}
}

func (a *answer) take(b []byte, lim Limits) error {
	fixed, payload, err := frame.ParseAnswer(b)
	if err != nil {
		return err
	}
	if fixed.Memory > lim.Memory {
		return fmt.Errorf("child claims %d bytes of guest memory, %d are allowed", fixed.Memory, lim.Memory)
	}
	a.payload, a.work, a.memory, a.level = payload, fixed.Work, fixed.Memory, fixed.Level
	return nil
}

// fail reads a Fail: kind u8, last u8 (the child ends after it), text.
func (a *answer) fail(b []byte) error {
	if len(b) < 2 || !Kind(b[0]).Valid() || b[1] > 1 {
		return errors.New("malformed failure from the child")
	}
	a.gone = b[1] == 1
	return &Error{Kind(b[0]), frame.Text(string(b[2:]))}
}

// failed says why the child is gone: our own reason before the system's, that
// before what was read from the pipe.
func (c *child) failed(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e // a last word before it left by itself
	}
	c.kill(nil)
	<-c.done
	c.mu.Lock()
	reason := c.reason
	c.mu.Unlock()
	if reason != nil {
		return reason
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(*os.PathError)) {
		return diagnosis(c.cmd.ProcessState, c.talk.String())
	}
	return Errorf(Violation, "the sandbox child broke the protocol: %v", err)
}

// finalTime is the processor time of a process that has ended.
func finalTime(st *os.ProcessState) time.Duration {
	if st == nil {
		return 0
	}
	return st.UserTime() + st.SystemTime()
}

// diagnosis tells from its end what became of a child that we did not kill.
func diagnosis(st *os.ProcessState, talk string) *Error {
	if forbidden(st) {
		return Errorf(Violation, "the sandbox child was stopped at a forbidden system call")
	}
	first, _, _ := strings.Cut(strings.TrimSpace(talk), "\n")
	if first == "" {
		return Errorf(Crashed, "the sandbox child died (%v)", st)
	}
	return Errorf(Crashed, "the sandbox child died (%v): %s", st, frame.Text(first))
}

// head keeps the first bytes written to it and drops the rest.
type head struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const headMost = 2 << 10

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.buf = append(h.buf, p[:min(len(p), headMost-len(h.buf))]...)
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return string(h.buf)
}
