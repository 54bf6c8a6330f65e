package e2e_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sonm/app/store"
	"sonm/engine/fog"
)

// killJob is a job of 48 tasks.
var killJob = []string{filepath.Join(testdata, "cornell_diffuse.glb"), "--width", "64", "--height", "64", "--samples", "16", "--tile", "16", "--sellers", "2"}

// A buyer that is killed at any record it writes, signature it makes or message
// it sends, and started again, finishes the job: the film is the same, nothing
// is paid twice, and no task is leased again that was not in flight.
func TestAKilledBuyerGoesOn(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
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
		endAll(t, all)
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
