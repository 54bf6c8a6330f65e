package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// cast is the processes of a demo. Each ends with its standard input, so
// nothing is left behind even if the demo itself is killed.
type cast struct {
	dir   string
	self  string
	stage stage
	all   []*process
}

// stage is where the processes run: all in the open, or each in namespaces of
// its own.
type stage interface {
	// host is the address a process listens on.
	host(index int) string
	// command makes the process with the given index and arguments.
	command(index int, args []string) *exec.Cmd
	close() error
}

// process is one member of the cast.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	out   io.ReadCloser
	errs  *tail
}

func newCast(dir string, isolate bool) (*cast, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &cast{dir: dir, self: self, stage: open{self}}
	if isolate {
		if c.stage, err = newIsolated(self, dir); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// open is the plain stage.
type open struct{ self string }

func (open) host(int) string { return "127.0.0.1" }

func (o open) command(_ int, args []string) *exec.Cmd {
	return exec.Command(o.self, args...) //nolint:noctx // stopped by the end of its standard input, then killed
}

func (open) close() error { return nil }

// start runs a process in the background; args gets the address it may listen
// on and its folder.
func (c *cast) start(ctx context.Context, name string, args func(host, home string) []string) (*process, error) {
	index := len(c.all)
	cmd := c.stage.command(index, args(c.stage.host(index), filepath.Join(c.dir, name)))
	p := &process{name: name, cmd: cmd, errs: &tail{}}
	cmd.Stderr = p.errs
	return p, c.launch(ctx, p)
}

// buyer runs the buyer, whose progress goes to progress.
func (c *cast) buyer(ctx context.Context, args []string, progress io.Writer) (*process, error) {
	args = append(args, "--home", filepath.Join(c.dir, "buyer"))
	cmd := c.stage.command(len(c.all), args)
	p := &process{name: "buyer", cmd: cmd, errs: &tail{}}
	cmd.Stderr = &buyerErrors{progress}
	return p, c.launch(ctx, p)
}

// buyerErrors passes the buyer's progress on, but not its last sentence: that
// one comes back as this command's own error.
type buyerErrors struct{ w io.Writer }

func (b *buyerErrors) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("sonm: ")) {
		return len(p), nil
	}
	return b.w.Write(p)
}

func (c *cast) launch(ctx context.Context, p *process) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return err
	}
	p.stdin = in
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	c.all = append(c.all, p)
	return nil
}

// wait waits for the end of a process that ends by itself.
func (p *process) wait() error { return p.cmd.Wait() }

// complaint is what a process said last on standard error.
func (p *process) complaint() error {
	if s := strings.TrimSpace(p.errs.String()); s != "" {
		return errors.New(s)
	}
	return nil
}

// stop ends every process: standard input first, SIGKILL for one that stays.
func (c *cast) stop() error {
	var wg sync.WaitGroup
	for _, p := range c.all {
		if p.cmd.ProcessState != nil {
			continue
		}
		p.stdin.Close()
		wg.Go(func() {
			kill := time.AfterFunc(stopTime, func() { _ = p.cmd.Process.Kill() })
			defer kill.Stop()
			_ = p.cmd.Wait() // how it ended does not matter any more
		})
	}
	wg.Wait()
	return c.stage.close()
}

// tail keeps the last few kilobytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte // guarded by mu
}

const tailSize = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailSize; over > 0 {
		t.buf = t.buf[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
