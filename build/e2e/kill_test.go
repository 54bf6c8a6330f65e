package e2e_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sonm/app/store"
	"sonm/engine/fog"
	"sonm/engine/pay"
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

// points is how many points a test kills at: fewer than the named ones take
// minutes, unless SONM_KILLS says how many.
func points(t *testing.T, few int) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("SONM_KILLS")); err == nil && n > 0 {
		return n
	}
	return few
}

// killJob is a job of 48 tasks.
var killJob = []string{filepath.Join(testdata, "cornell_diffuse.glb"), "--width", "64", "--height", "64", "--samples", "16", "--tile", "16", "--sellers", "2"}

// A buyer that is killed at any record it writes, signature it makes or message
// it sends, and started again, finishes the job: the film is the same, nothing
// is paid twice, and no task is leased again that was not in flight.
func TestAKilledBuyerGoesOn(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	network(t, func(url string) {
		all := sellers(t, url)
		want := &life{t: t, url: url, home: t.TempDir()}
		want.run(0)
		if want.sum.Film == "" || want.events < 300 {
			t.Fatalf("a job without a kill ends as %+v after %d events", want.sum, want.events)
		}
		n, repeats := points(t, 10), 0
		for i := range n {
			// One from each n-th part of the job, so that all of it is tried.
			k := 1 + (i*want.events+rng.IntN(want.events))/n
			repeats += killedAt(t, url, k, want)
		}
		t.Logf("killed at %d points of %d: %d tasks that were in flight were leased again", n, want.events, repeats)
		for _, p := range all {
			if err := p.end(); err != nil {
				t.Errorf("seller: %v", err)
			}
		}
	})
}

// life is a buyer's home and what its runs said.
type life struct {
	t         *testing.T
	url, home string
	job       []string // killJob if nil
	out       string   // name of what is saved; x.exr if ""
	sum       summary
	events    int    // of the last run
	last      string // of the last run
}

// run renders the job; at the halt-th event, if it is not 0, it is killed.
func (l *life) run(halt int) {
	l.t.Helper()
	args := []string{"render", "--tied", "--json", "--trace", "--halt", strconv.Itoa(halt), "--home", l.home, "--network", l.url, "-o", l.path()}
	job := killJob
	if l.job != nil {
		job = l.job
	}
	p := start(l.t, slices.Concat(args, job)...)
	l.events = 0
	p.until(func(line string) bool {
		if strings.Contains(line, `"trace"`) {
			l.events++
			l.last = line
			return l.events == halt
		}
		return json.Unmarshal([]byte(line), &l.sum) == nil && l.sum.Film != ""
	})
	if halt > 0 {
		p.kill()
		return
	}
	if err := p.end(); err != nil || l.sum.Film == "" {
		l.t.Fatalf("job: %v", err)
	}
}

// path is where the job is saved.
func (l *life) path() string { return filepath.Join(l.home, cmp.Or(l.out, "x.exr")) }

// journal is what the home's database says of its one job.
type journal struct {
	state    string
	job      fog.JobID
	leased   []uint32 // facts, in order
	arrived  map[uint32]bool
	accepted map[string]int        // results paid for, by seller and task
	amounts  map[string]fog.Amount // for those, by the same
	owed     fog.Amount            // for those, in all
}

func (l *life) journal() (j journal) {
	l.t.Helper()
	must := func(err error) {
		l.t.Helper()
		if err != nil {
			l.t.Fatal(err)
		}
	}
	path := filepath.Join(l.home, "sonm.db")
	if _, err := os.Stat(path); err != nil {
		return j // killed before there was one
	}
	db, err := store.Open(l.t.Context(), path)
	must(err)
	defer db.Close()
	leased, err := db.Facts(l.t.Context(), fog.TaskLeased{})
	must(err)
	j.arrived, j.accepted, j.amounts = map[uint32]bool{}, map[string]int{}, map[string]fog.Amount{}
	for _, b := range leased {
		var f fog.TaskLeased
		must(json.Unmarshal(b, &f))
		j.leased, j.job = append(j.leased, f.Index), f.Job
	}
	if j.state, err = db.JobStateOf(l.t.Context(), j.job); err != nil {
		must(err)
	}
	deals, err := db.Deals(l.t.Context(), j.job)
	must(err)
	seller := map[fog.DealID]fog.Address{}
	for _, d := range deals {
		seller[d.Deal.ID()] = d.Deal.Seller
	}
	results, err := db.Results(l.t.Context(), j.job)
	must(err)
	for _, r := range results {
		j.arrived[r.Index] = true
		if r.State == "accepted" {
			key := fmt.Sprint(seller[r.Receipt.Deal], " ", r.Index)
			j.accepted[key]++
			j.amounts[key] = j.amounts[key].Add(r.Amount)
			j.owed = j.owed.Add(r.Amount)
		}
	}
	return j
}

// killedAt kills a buyer at its k-th event, starts it again, checks what it
// ends with, and returns how many tasks were leased again.
func killedAt(t *testing.T, url string, k int, want *life) (repeats int) {
	t.Helper()
	l := &life{t: t, url: url, home: t.TempDir(), job: want.job, out: want.out}
	l.run(k)
	where := fmt.Sprintf("killed at event %d, %s", k, strings.TrimSpace(l.last))
	before := l.journal()
	if before.state == "saved" { // all was over: the same command would buy another picture
		if _, err := os.Stat(l.path()); err != nil && want.out == "" {
			t.Errorf("%s: %v", where, err)
		}
		sameFrames(t, l, want, where)
		return 0
	}
	l.run(0)
	after := l.journal()
	if before.job != after.job && before.state != "" {
		t.Errorf("%s: job %s was left open for %s", where, before.job.Short(), after.job.Short())
	}
	var flying []uint32
	for _, i := range before.leased {
		if !before.arrived[i] && !slices.Contains(flying, i) {
			flying = append(flying, i)
		}
	}
	for _, i := range slices.Compact(slices.Sorted(slices.Values(after.leased[len(before.leased):]))) {
		if before.arrived[i] {
			t.Errorf("%s: task %d was on disk and is leased again", where, i)
		}
		if slices.Contains(before.leased, i) {
			repeats++
		}
	}
	if repeats > len(flying) {
		t.Errorf("%s: %d tasks repeated, %d were in flight", where, repeats, len(flying))
	}
	if cost := want.journal().once(); l.sum.Film != want.sum.Film || after.once() != cost {
		t.Errorf("%s: film %s for %s, want %s for %s", where, l.sum.Film, after.once(), want.sum.Film, cost)
	}
	for task, n := range after.accepted {
		if n > 1 {
			t.Errorf("%s: %s was paid %d times", where, task, n)
		}
	}
	checkMoney(t, l, after, where)
	sameFrames(t, l, want, where)
	return repeats
}

// checkMoney holds the last digit of a finished job against journal and chain.
func checkMoney(t *testing.T, l *life, j journal, where string) {
	t.Helper()
	sum := l.sum.Buyer.Fee
	for _, x := range l.sum.Sellers {
		sum = sum.Add(x.Paid)
	}
	if sum != l.sum.Buyer.Spent || j.owed != sum || l.sum.Buyer.Spent.Add(l.sum.Buyer.Refunded) != l.sum.Buyer.Locked {
		t.Errorf("%s: paid %s by the chain, %s by the journal, spent %+v", where, sum, j.owed, l.sum.Buyer)
	}
	var m struct{ Balance, Escrow, Reserved fog.Amount }
	out, _, err := sonm(t, "wallet", "--json", "--home", l.home, "--network", l.url)
	if err != nil || json.Unmarshal([]byte(out), &m) != nil {
		t.Fatalf("%s: wallet: %v %s", where, err, out)
	}
	if have := m.Balance.Add(m.Escrow).Add(sum); have != grant(t) || !m.Reserved.IsZero() {
		t.Errorf("%s: %s at hand, %s in the escrow of which %s is reserved, %s spent; they make %s, %s was there at first", where, m.Balance, m.Escrow, m.Reserved, sum, have, grant(t))
	}
}

// grant is what a practice network gives a new account.
func grant(t *testing.T) fog.Amount {
	t.Helper()
	a, err := fog.ParseAmount("1000")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// One of three sellers is killed when the buyer has its k-th result. The job is
// finished by the others, and the dead one is paid for what it delivered.
func TestAKilledSellerIsPaidForWhatItDelivered(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	network(t, func(url string) {
		others := sellers(t, url)
		want := &life{t: t, url: url, home: t.TempDir()}
		want.run(0)
		delivered := 0
		for _, k := range rng.Perm(want.sum.Tasks - 1)[:min(points(t, 5), 20)] {
			delivered += sellerKilledAt(t, url, k+1, want)
		}
		t.Logf("%d results of sellers that were killed", delivered)
		if delivered == 0 {
			t.Error("no seller that was killed had delivered anything")
		}
		for _, p := range others {
			if err := p.end(); err != nil {
				t.Errorf("seller: %v", err)
			}
		}
	})
}

func sellerKilledAt(t *testing.T, url string, k int, want *life) (delivered int) {
	t.Helper()
	victimHome := t.TempDir()
	victim := start(t, "sell", "--tied", "--json", "--home", victimHome, "--network", url, "--slots", "1", "--price", "1")
	if !victim.until(fact("AskPublished")) {
		t.Fatal("the seller did not start")
	}
	victim.drain()
	l := &life{t: t, url: url, home: t.TempDir()}
	args := slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", l.home, "--network", url, "-o", filepath.Join(l.home, "x.exr")}, killJob, []string{"--sellers", "3"})
	p := start(t, args...)
	done := 0
	p.until(func(line string) bool {
		if fact("TaskDone")(line) {
			if done++; done == k {
				victim.kill()
			}
		}
		return !strings.Contains(line, `"kind"`) && json.Unmarshal([]byte(line), &l.sum) == nil && l.sum.Film != ""
	})
	if err := p.end(); err != nil {
		t.Fatalf("seller killed at result %d: %v", k, err)
	}
	where := fmt.Sprintf("seller killed at result %d", k)
	if l.sum.Film != want.sum.Film {
		t.Errorf("%s: film %s, want %s", where, l.sum.Film, want.sum.Film)
	}
	checkMoney(t, l, l.journal(), where)
	var m struct {
		Address fog.Address
		Balance fog.Amount
	}
	out, _, err := sonm(t, "wallet", "--json", "--home", victimHome, "--network", url)
	if err != nil || json.Unmarshal([]byte(out), &m) != nil {
		t.Fatalf("%s: wallet: %v %s", where, err, out)
	}
	due := l.journal().of(m.Address)
	net, _, err := pay.Fee(due, 100)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Balance; got != grant(t).Add(net) {
		t.Errorf("%s: it has %s SNM, of which %s was there at first; it delivered work for %s, that is %s after the fee", where, got, grant(t), due, net)
	}
	for _, x := range l.sum.Sellers {
		if x.Address == m.Address.String() {
			delivered = x.Tasks
			if x.Paid != net {
				t.Errorf("%s: it was paid %s, want %s", where, x.Paid, net)
			}
		}
	}
	if (delivered > 0) == net.IsZero() {
		t.Errorf("%s: it delivered %d results and was paid %s", where, delivered, net)
	}
	return delivered
}

// The chain is killed in the middle of a job, which is rendered to the end, and
// ends when the chain is back.
func TestAJobEndsWhenTheKilledChainIsBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	net, url := chain(t, dir)
	all := sellers(t, url)
	want := &life{t: t, url: url, home: t.TempDir()}
	want.run(0)
	l := &life{t: t, url: url, home: t.TempDir()}
	args := slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", l.home, "--network", url, "-o", filepath.Join(l.home, "x.exr")}, killJob)
	p := start(t, args...)
	done, waited, again := 0, false, ""
	p.until(func(line string) bool {
		switch {
		case fact("TaskDone")(line):
			if done++; done == 10 {
				net.kill()
			}
		case fact("Waited")(line):
			waited = true
			if done != want.sum.Tasks {
				t.Errorf("it waits after %d of %d tasks", done, want.sum.Tasks)
			}
			net, again = chain(t, dir)
		}
		return !strings.Contains(line, `"kind"`) && json.Unmarshal([]byte(line), &l.sum) == nil && l.sum.Film != ""
	})
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	if !waited || again != url {
		t.Errorf("waited for the chain: %v; it is back at %q, it was at %q", waited, again, url)
	}
	after := l.journal()
	if cost := want.journal().once(); l.sum.Film != want.sum.Film || after.once() != cost {
		t.Errorf("film %s for %s, want %s for %s", l.sum.Film, after.once(), want.sum.Film, cost)
	}
	checkMoney(t, l, after, "chain killed")
	next := &life{t: t, url: url, home: l.home} // the sellers, who were there all the time, are still found
	next.run(0)
	if next.sum.Film != want.sum.Film {
		t.Errorf("the next job gives film %s, want %s", next.sum.Film, want.sum.Film)
	}
	for _, p := range append(all, net) {
		if err := p.end(); err != nil {
			t.Errorf("end: %v", err)
		}
	}
}

// chain starts a network in a folder.
func chain(t *testing.T, dir string) (p *process, url string) {
	t.Helper()
	p = start(t, "network", "serve", "--tied", "--json", "--dir", dir)
	var n struct{ RPC string }
	if !p.until(func(line string) bool { return json.Unmarshal([]byte(line), &n) == nil && n.RPC != "" }) {
		t.Fatal("the network did not start")
	}
	return p, n.RPC
}

// once is what the job cost without the copies that a second seller made of
// slow tasks: the same in every run.
func (j journal) once() (sum fog.Amount) {
	seen := map[string]bool{}
	for key, a := range j.amounts {
		_, task, _ := strings.Cut(key, " ")
		if !seen[task] {
			sum = sum.Add(a)
		}
		seen[task] = true
	}
	return sum
}

// of is what a seller is owed.
func (j journal) of(seller fog.Address) (sum fog.Amount) {
	for key, a := range j.amounts {
		if strings.HasPrefix(key, seller.String()) {
			sum = sum.Add(a)
		}
	}
	return sum
}
