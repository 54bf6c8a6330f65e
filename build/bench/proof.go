package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"sonm/app/store"
	"sonm/engine/fog"
	"sonm/engine/proof"
)

// How much is bought: jobs with a liar among the sellers, jobs with honest ones
// only, and buyers that are killed.
const (
	liarJobs   = 50
	honestJobs = 30
	honestFull = 150 // with -full
	killedJobs = 10

	lieShare   = 1.0 / 40
	checkShare = 0.55 // a buyer that finds no lie at all must fall out of the band; at the 5 % of the product that takes thousands of jobs
	proofSeed  = 7
)

// proofArea measures what the checks catch, whom they accuse, and what a crash
// costs, all with separate processes.
func proofArea() Area {
	return Area{
		Name:  "proof",
		Names: []string{"detect_in_band", "lies_arrived", "lies_found", "false_accusations", "repeat_tasks_over_inflight"},
		Run:   measureProof,
	}
}

func measureProof(ctx context.Context, b *Bench) error {
	dir, err := os.MkdirTemp("", "sonm-proof-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stand{dir: dir}
	defer s.close()
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.path("cheat"), "./build/e2e/cheat").CombinedOutput(); err != nil {
		return fmt.Errorf("build the cheat: %w: %s", err, out)
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	return errors.Join(s.detect(ctx, b), s.resume(ctx, b))
}

// stand is a practice network with two honest sellers.
type stand struct {
	dir, url string
	all      []*actor
}

func (s *stand) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stand) close() {
	for _, p := range s.all {
		p.end()
	}
}

func (s *stand) open(ctx context.Context) error {
	p, line, err := s.start(ctx, absolute(program), `"rpc"`, "network", "serve", "--tied", "--json", "--dir", s.path("net"))
	if err != nil {
		return err
	}
	s.all = append([]*actor{p}, s.all...)
	var n struct{ RPC string }
	if err := json.Unmarshal([]byte(line), &n); err != nil {
		return err
	}
	s.url = n.RPC
	for _, name := range []string{"honest1", "honest2"} {
		if _, _, err := s.start(ctx, absolute(program), "AskPublished", "sell", "--tied", "--json", "--home", s.path(name), "--network", s.url, "--slots", "1", "--price", "1"); err != nil {
			return err
		}
	}
	return nil
}

// actor is a process whose lines are read.
type actor struct {
	cmd  *exec.Cmd
	in   io.Closer
	over chan struct{} // closed at the end of its output
	lies map[fog.Hash]bool
}

// start starts a program and returns its first line that has the word in it.
func (s *stand) start(ctx context.Context, path, word string, args ...string) (*actor, string, error) {
	p := &actor{cmd: exec.CommandContext(ctx, path, args...), over: make(chan struct{}), lies: map[fog.Hash]bool{}}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, "", err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, "", err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, "", err
	}
	p.in = in
	s.all = append(s.all, p)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			first := lines.Text()
			go p.read(lines) // ended by end
			return p, first, nil
		}
	}
	close(p.over)
	return nil, "", fmt.Errorf("%s %v ended before it said %q", path, args, word)
}

// read keeps the lies that the program tells of.
func (p *actor) read(lines *bufio.Scanner) {
	defer close(p.over)
	for lines.Scan() {
		var x struct {
			Kind string
			Fact struct{ Result fog.Hash }
		}
		if json.Unmarshal(lines.Bytes(), &x) == nil && x.Kind == "Lie" {
			p.lies[x.Fact.Result] = true
		}
	}
}

// gone reports whether the program has ended by itself.
func (p *actor) gone() bool {
	select {
	case <-p.over:
		return true
	default:
		return false
	}
}

// end stops the program; its lies may be read afterwards.
func (p *actor) end() {
	p.in.Close()
	<-p.over
	_ = p.cmd.Wait() // it was told to end
}

// buy buys a picture and returns its job.
func (s *stand) buy(ctx context.Context, out string, side int, sellers string) (fog.JobID, error) {
	c, err := Child(ctx, absolute(program), "render", absolute(diffuse), "--json", "--home", s.path("buyer"), "--network", s.url, "-o", out,
		"--width", strconv.Itoa(side), "--height", strconv.Itoa(side), "--samples", "16", "--tile", "16", "--sellers", sellers, "--check", fmt.Sprint(checkShare))
	if err != nil {
		return fog.JobID{}, err
	}
	var sum struct{ Job fog.JobID }
	return sum.Job, json.Unmarshal(c.Out, &sum)
}

// tally is what the journal of a buyer says of its jobs.
type tally struct {
	lies, found int // by lot; a seller's first result is always checked
	accused     int // honest results that were rejected
	p           float64
}

func (t *tally) add(ctx context.Context, db *store.Store, job fog.JobID, lies map[fog.Hash]bool, sellers int) error {
	deals, err := db.Deals(ctx, job)
	if err != nil {
		return err
	}
	seller, tried := map[fog.DealID]fog.Address{}, map[fog.Address]bool{}
	for _, d := range deals {
		seller[d.Deal.ID()] = d.Deal.Seller
	}
	results, err := db.Results(ctx, job)
	if err != nil {
		return err
	}
	tasks := map[uint32]bool{}
	for _, r := range results {
		tasks[r.Index] = true
		first := !tried[seller[r.Receipt.Deal]]
		tried[seller[r.Receipt.Deal]] = true
		rejected, lie := r.State == "rejected", lies[r.Receipt.Result]
		switch {
		case rejected && !lie:
			t.accused++
		case lie && !first:
			t.lies++
			if rejected {
				t.found++
			}
		}
	}
	t.p = proof.PlanChecks(checkShare, len(tasks), sellers).Later
	return nil
}

// jobs buys n pictures, one after the other.
func (s *stand) jobs(ctx context.Context, name string, n, side int, sellers string) ([]fog.JobID, error) {
	var all []fog.JobID
	for i := range n {
		id, err := s.buy(ctx, s.path(fmt.Sprintf("%s%d.exr", name, i)), side, sellers)
		if err != nil {
			return nil, fmt.Errorf("job %d %s a liar: %w", i+1, name, err)
		}
		all = append(all, id)
	}
	return all, nil
}

// detect buys with a liar among the sellers, and then without.
func (s *stand) detect(ctx context.Context, b *Bench) error {
	liar, _, err := s.start(ctx, s.path("cheat"), "AskPublished", "-home", s.path("liar"), "-network", s.url, "-sandbox", absolute(child),
		"-role", fmt.Sprintf("liar:%v", lieShare), "-seed", strconv.Itoa(proofSeed))
	if err != nil {
		return err
	}
	honest := honestJobs
	if b.Runs == fullRuns {
		honest = honestFull
	}
	with, err := s.jobs(ctx, "with", liarJobs, 64, "3")
	if err != nil {
		return err
	}
	if liar.gone() {
		return errors.New("the cheat ended before the jobs did")
	}
	liar.end()
	s.all = s.all[:len(s.all)-1]
	without, err := s.jobs(ctx, "without", honest, 32, "2")
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, filepath.Join(s.path("buyer"), "sonm.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	var t tally
	for _, id := range without {
		if err := t.add(ctx, db, id, liar.lies, 2); err != nil {
			return err
		}
	}
	for _, id := range with {
		if err := t.add(ctx, db, id, liar.lies, 3); err != nil {
			return err
		}
	}
	in := 0.0
	if t.lies == 0 { // one in forty of hundreds: that is the cheat's fault, not the draw's
		return errors.New("no lie of the cheat arrived: it was not at work")
	}
	if low, high := band(t.lies, t.p); t.found >= low && t.found <= high {
		in = 1
	}
	return errors.Join(
		b.Add(Figure{Name: "detect_in_band", Value: in, Unit: fmt.Sprintf("two-sided 99.9 %% at p = %.3f", t.p), Better: Higher, Runs: liarJobs}),
		b.Add(Figure{Name: "lies_arrived", Value: float64(t.lies), Unit: "1 in 40, 50 jobs", Better: Higher, Runs: liarJobs}),
		b.Add(Figure{Name: "lies_found", Value: float64(t.found), Unit: "by lot", Better: Higher, Runs: liarJobs}),
		b.Add(Figure{Name: "false_accusations", Value: float64(t.accused), Unit: fmt.Sprintf("in %d jobs", liarJobs+honest), Better: Lower, Runs: liarJobs + honest}))
}

// band is the smallest range around the middle of a binomial distribution that
// leaves at most 0.05 % on each side.
func band(n int, p float64) (low, high int) {
	const side = 0.0005
	chance := func(k int) float64 {
		a, _ := math.Lgamma(float64(n) + 1)
		b, _ := math.Lgamma(float64(k) + 1)
		c, _ := math.Lgamma(float64(n-k) + 1)
		return math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	}
	for sum := chance(0); sum < side; sum += chance(low) {
		low++
	}
	high = n
	for sum := chance(n); sum < side; sum += chance(high) {
		high--
	}
	return low, high
}

// resume kills buyers at events drawn from a seed and starts them again.
func (s *stand) resume(ctx context.Context, b *Bench) error {
	r := rand.New(rand.NewPCG(proofSeed, 0)) //nolint:gosec // the same kills in every run
	over := 0
	for i := range killedJobs {
		home := s.path(fmt.Sprintf("killed%d", i))
		at := 60 + r.IntN(400)
		args := []string{
			"render", absolute(diffuse), "--json", "--home", home, "--network", s.url, "-o", s.path("k.exr"),
			"--width", "64", "--height", "64", "--samples", "16", "--tile", "16", "--sellers", "2",
		}
		p, _, err := s.start(ctx, absolute(program), fmt.Sprintf(`"trace":%d,`, at), append(args, "--tied", "--trace", "--halt", strconv.Itoa(at))...)
		if err != nil {
			return fmt.Errorf("buyer to be killed at event %d: %w", at, err)
		}
		s.all = s.all[:len(s.all)-1]
		if err := p.cmd.Process.Kill(); err != nil {
			return err
		}
		p.end()
		before, err := leases(ctx, home)
		if err != nil {
			return err
		}
		if _, err := Child(ctx, absolute(program), args...); err != nil {
			return fmt.Errorf("buyer killed at event %d and started again: %w", at, err)
		}
		after, err := leases(ctx, home)
		if err != nil {
			return err
		}
		for _, index := range after.leased[len(before.leased):] {
			if before.arrived[index] {
				over++
			}
		}
	}
	return b.Add(Figure{Name: "repeat_tasks_over_inflight", Value: float64(over), Unit: fmt.Sprintf("tasks, %d kills", killedJobs), Better: Lower, Runs: killedJobs})
}

// leasing is what a journal says was leased, and what of it has arrived.
type leasing struct {
	leased  []uint32
	arrived map[uint32]bool
}

func leases(ctx context.Context, home string) (l leasing, err error) {
	db, err := store.Open(ctx, filepath.Join(home, "sonm.db"))
	if err != nil {
		return l, err
	}
	defer db.Close()
	facts, err := db.Facts(ctx, fog.TaskLeased{})
	if err != nil {
		return l, err
	}
	var job fog.JobID
	for _, data := range facts {
		var f fog.TaskLeased
		if err := json.Unmarshal(data, &f); err != nil {
			return l, err
		}
		l.leased, job = append(l.leased, f.Index), f.Job
	}
	results, err := db.Results(ctx, job)
	l.arrived = map[uint32]bool{}
	for _, r := range results {
		l.arrived[r.Index] = true
	}
	return l, err
}
