package e2e_test

import (
	"bufio"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// process is a running sonm whose standard output is read line by line.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Scanner

	home    string        // of a seller
	drained chan struct{} // closed at the end of the output; nil if drain was not called
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	return startProgram(t, "sonm", args...)
}

// startProgram starts a program that was built beside sonm.
func startProgram(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), filepath.Join(bin, name), args...)}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.out = in, bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// until reads lines until ok says so; false means that the output ended.
func (p *process) until(ok func(line string) bool) bool {
	for p.out.Scan() {
		if ok(p.out.Text()) {
			return true
		}
	}
	return false
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// drain reads on in the background, so that the process never waits for us.
func (p *process) drain() {
	p.drained = make(chan struct{})
	go func() {
		defer close(p.drained)
		p.until(func(string) bool { return false })
	}()
}

// end closes standard input and waits.
func (p *process) end() error {
	p.in.Close()
	if p.drained == nil {
		p.drain()
	}
	<-p.drained
	return p.cmd.Wait()
}

func fact(kind string) func(string) bool {
	return func(line string) bool { return strings.Contains(line, `"kind":"`+kind+`"`) }
}

// sellers starts two sellers on a network and waits for their offers.
func sellers(t *testing.T, url string) []*process {
	t.Helper()
	var all []*process
	for range 2 {
		home := t.TempDir()
		p := start(t, "sell", "--tied", "--json", "--home", home, "--network", url, "--slots", "1", "--price", "1")
		if !p.until(fact("AskPublished")) {
			t.Fatal("a seller did not start")
		}
		p.drain()
		p.home = home
		all = append(all, p)
	}
	return all
}

// endAll ends sellers, which must end well.
func endAll(t *testing.T, sellers []*process) {
	t.Helper()
	for _, p := range sellers {
		if err := p.end(); err != nil {
			t.Errorf("seller: %v", err)
		}
	}
}

// seeded is chance that can be had again: its seed is in the log.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// points is how many points a test kills at: fewer than the named ones take
// minutes, unless SONM_KILLS says how many.
func points(t *testing.T, few int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("SONM_KILLS")); err == nil && n > 0 {
		return n
	}
	return few
}
