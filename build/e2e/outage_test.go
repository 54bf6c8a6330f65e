package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sonm/engine/fog"
	"sonm/engine/pay"
)

// One of three sellers is killed when the buyer has its k-th result. The job is
// finished by the others, and the dead one is paid for what it delivered.
func TestAKilledSellerIsPaidForWhatItDelivered(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
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
		endAll(t, others)
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
