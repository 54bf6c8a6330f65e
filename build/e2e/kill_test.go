package e2e_test

import (
	"bufio"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// process is a running sonm whose standard output is read line by line.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Closer
	out *bufio.Scanner

	drained chan struct{} // closed at the end of the output; nil if drain was not called
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.CommandContext(t.Context(), filepath.Join(bin, "sonm"), args...)}
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

// sellers starts n sellers on a network and waits for their offers.
func sellers(t *testing.T, url string, n int) []*process {
	t.Helper()
	var all []*process
	for range n {
		p := start(t, "sell", "--tied", "--json", "--home", t.TempDir(), "--network", url, "--slots", "1", "--price", "1")
		if !p.until(fact("AskPublished")) {
			t.Fatal("a seller did not start")
		}
		p.drain()
		all = append(all, p)
	}
	return all
}

// A buyer that is killed at any fact and started again finishes the job: the
// film is the same, nothing is paid twice, and no finished task is rendered
// again.
func TestAKilledBuyerGoesOn(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	args := []string{filepath.Join(testdata, "cornell_diffuse.glb"), "--width", "96", "--height", "96", "--samples", "16", "--tile", "16", "--sellers", "2"}
	network(t, func(url string) {
		all := sellers(t, url, 2)
		want, facts := wholeJob(t, url, args)
		points := []int{2 + rng.IntN(facts-2), 2 + rng.IntN(facts-2), facts - 2, facts - 1, facts}
		for _, k := range points {
			killedAt(t, url, args, k, want)
		}
		for _, p := range all {
			if err := p.end(); err != nil {
				t.Errorf("seller: %v", err)
			}
		}
	})
}

// wholeJob runs a job without a kill and counts its facts.
func wholeJob(t *testing.T, url string, args []string) (summary, int) {
	t.Helper()
	p := start(t, slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", t.TempDir(), "--network", url, "-o", filepath.Join(t.TempDir(), "x.exr")}, args)...)
	n, s := 0, summary{}
	p.until(func(line string) bool {
		if fact("")(line) || strings.Contains(line, `"kind"`) {
			n++
			return false
		}
		return json.Unmarshal([]byte(line), &s) == nil && s.Film != ""
	})
	if err := p.end(); err != nil || s.Film == "" {
		t.Fatalf("job: %v", err)
	}
	return s, n
}

// killedAt kills the buyer at its k-th fact, starts it again and checks what it
// ends with.
func killedAt(t *testing.T, url string, args []string, k int, want summary) {
	t.Helper()
	home, out := t.TempDir(), filepath.Join(t.TempDir(), "x.exr")
	run := slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", home, "--network", url, "-o", out}, args)
	p := start(t, run...)
	done, n := map[string]bool{}, 0
	p.until(func(line string) bool {
		if fact("TaskDone")(line) {
			done[index(t, line)] = true
		}
		n++
		return n == k
	})
	p.kill()
	again := start(t, run...)
	var s summary
	repeated := 0
	again.until(func(line string) bool {
		if fact("TaskLeased")(line) && done[index(t, line)] {
			repeated++
		}
		return !strings.Contains(line, `"kind"`) && json.Unmarshal([]byte(line), &s) == nil && s.Film != ""
	})
	if err := again.end(); err != nil || s.Film == "" {
		t.Fatalf("killed at fact %d, started again: %v", k, err)
	}
	t.Logf("killed at fact %d with %d tasks done: %d done again", k, len(done), repeated)
	saved := s.Job != want.Job && len(done) == want.Tasks && repeated > 0 // the kill came after the picture was saved: a new job
	if repeated > 0 && !saved {
		t.Errorf("killed at fact %d: %d finished tasks were leased again", k, repeated)
	}
	if s.Film != want.Film {
		t.Errorf("killed at fact %d: film %s, want %s", k, s.Film, want.Film)
	}
	if s.Buyer.Spent != want.Buyer.Spent && s.Buyer.Fee.IsZero() {
		t.Errorf("killed at fact %d: spent %s, without a kill %s", k, s.Buyer.Spent, want.Buyer.Spent)
	}
	sum := s.Buyer.Fee
	for _, x := range s.Sellers {
		sum = sum.Add(x.Paid)
	}
	if sum != s.Buyer.Spent || s.Buyer.Spent.Add(s.Buyer.Refunded) != s.Buyer.Locked {
		t.Errorf("killed at fact %d: sums are off: %+v %+v", k, s.Buyer, s.Sellers)
	}
}

// index is the task a fact is about.
func index(t *testing.T, line string) string {
	t.Helper()
	var f struct{ Fact struct{ Index json.Number } }
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		t.Fatalf("fact %q: %v", line, err)
	}
	return f.Fact.Index.String()
}
