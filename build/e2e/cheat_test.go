package e2e_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"sonm/app/store"
	"sonm/engine/fog"
)

// buildCheat makes the cheating seller beside sonm, once.
var buildCheat = sync.OnceValues(func() ([]byte, error) {
	return exec.Command("go", "build", "-o", filepath.Join(bin, "cheat"), "./cheat").CombinedOutput()
})

// cheat is a running seller with a role and what it lied about.
type cheat struct {
	*process
	home string

	mu   sync.Mutex
	lies map[fog.Hash]bool // guarded by mu
}

// newCheat starts a cheat that has the compiled apps of another seller, so that
// it does not come too late to do harm.
func newCheat(t *testing.T, url, role string, seed uint64, other *process) *cheat {
	t.Helper()
	if out, err := buildCheat(); err != nil {
		t.Fatalf("cheat: %v\n%s", err, out)
	}
	c := &cheat{home: t.TempDir(), lies: map[fog.Hash]bool{}}
	if err := os.CopyFS(filepath.Join(c.home, "sandbox"), os.DirFS(filepath.Join(other.home, "sandbox"))); err != nil {
		t.Fatal(err)
	}
	c.process = startProgram(t, "cheat", "-home", c.home, "-network", url, "-sandbox", filepath.Join(bin, "sonm-sandbox"), "-role", role, "-seed", strconv.FormatUint(seed, 10))
	if !c.until(fact("AskPublished")) {
		t.Fatalf("a seller that is to be %s did not start", role)
	}
	c.drained = make(chan struct{})
	go func() {
		defer close(c.drained)
		c.until(func(line string) bool {
			var lie struct{ Fact struct{ Result fog.Hash } }
			if fact("Lie")(line) && json.Unmarshal([]byte(line), &lie) == nil {
				c.mu.Lock()
				c.lies[lie.Fact.Result] = true
				c.mu.Unlock()
			}
			return false
		})
	}()
	return c
}

func (c *cheat) lied() map[fog.Hash]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[fog.Hash]bool{}
	for h := range c.lies {
		all[h] = true
	}
	return all
}

// cheatJob makes the job long enough for three sellers to have a part in it.
var cheatJob = []string{"--sellers", "3", "--width", "128", "--height", "128", "--tile", "32", "--samples", "64"}

// bought is a job and the facts of it.
type bought struct {
	life
	accused map[string]int // bad verdicts, by peer
	checked int
}

func buyFacts(t *testing.T, url string, more ...string) *bought {
	t.Helper()
	b := &bought{life: life{t: t, url: url, home: t.TempDir()}, accused: map[string]int{}}
	args := slices.Concat([]string{"render", "--tied", "--json", "--facts", "--home", b.home, "--network", url, "-o", filepath.Join(b.home, "x.exr")}, killJob, cheatJob, more)
	p := start(t, args...)
	p.until(func(line string) bool {
		if fact("TaskChecked")(line) {
			var f struct{ Fact fog.TaskChecked }
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Errorf("%s: %v", line, err)
			}
			b.checked++
			if !f.Fact.OK {
				b.accused[string(f.Fact.Peer)]++
			}
		}
		return !strings.Contains(line, `"kind"`) && json.Unmarshal([]byte(line), &b.sum) == nil && b.sum.Film != ""
	})
	if err := p.end(); err != nil || b.sum.Film == "" {
		t.Fatalf("job: %v", err)
	}
	return b
}

// Every way to cheat, in real processes: the job is finished with the right
// film, what was wrong is not paid, and nobody honest is accused.
func TestCheatsInRealProcesses(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	network(t, func(url string) {
		honest := sellers(t, url)
		want := buyFacts(t, url, "--sellers", "2")
		for _, c := range []struct {
			role   string
			checks string // share
			caught bool   // for certain
			lies   bool
		}{
			{"liar:1", "0.05", true, true}, // by its first result, at the product's own share
			{"lazy", "0.05", true, true},
			{"overclaim:1.8", "0.05", true, false},
			{"turncoat:2", "1", true, true}, // by its third, or a later one if the third came too late
			{"slow:4", "0.05", false, false},
			{"replay:3", "0.05", false, false},
			{"vanish:5", "0.05", false, false},
			{"withhold", "0.05", false, false},
		} {
			t.Run(c.role, func(t *testing.T) {
				x := newCheat(t, url, c.role, seed, honest[0])
				b := buyFacts(t, url, "--check", c.checks)
				if err := x.end(); err != nil && c.role != "vanish:5" {
					t.Errorf("the seller: %v", err)
				}
				if b.sum.Film != want.sum.Film {
					t.Errorf("film %s, want %s", b.sum.Film, want.sum.Film)
				}
				j := b.journal()
				checkMoney(t, &b.life, j, c.role)
				wrongUnpaid(t, b, x.lied())
				if (len(x.lied()) > 0) != c.lies {
					t.Errorf("it lied %d times", len(x.lied()))
				}
				if got := len(b.accused); got > 1 || (got == 1) != c.caught {
					t.Errorf("accused: %v, want the cheat: %v", b.accused, c.caught)
				}
				paid, tasks := fog.Amount{}, 0
				cheatAddress := addressOf(t, x.home, url)
				for _, s := range b.sum.Sellers {
					if s.Address == cheatAddress {
						paid, tasks = s.Paid, s.Tasks
						if b.accused[s.Peer] == 0 && c.caught {
							t.Errorf("accused is %v and not the cheat", b.accused)
						}
					}
				}
				if c.caught && c.checks == "0.05" && !paid.IsZero() {
					t.Errorf("it was paid %s", paid)
				}
				t.Logf("%d tasks of %d, paid %s; %d lies, %d checks, accused %d", tasks, b.sum.Tasks, paid, len(x.lied()), b.checked, len(b.accused))
			})
		}
		endAll(t, honest)
	})
}

// wrongUnpaid checks that no wrong result was accepted, and that each that
// arrived was rendered by another.
func wrongUnpaid(t *testing.T, b *bought, lies map[fog.Hash]bool) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(b.home, "sonm.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	results, err := db.Results(t.Context(), b.journal().job)
	if err != nil {
		t.Fatal(err)
	}
	good := map[uint32]bool{}
	for _, r := range results {
		if r.State == "accepted" {
			good[r.Index] = true
			if lies[r.Receipt.Result] {
				t.Errorf("the wrong result of task %d was paid", r.Index)
			}
		}
	}
	for _, r := range results {
		if lies[r.Receipt.Result] && !good[r.Index] {
			t.Errorf("task %d was answered wrongly and by nobody else", r.Index)
		}
	}
}

// addressOf is the payment address of a home.
func addressOf(t *testing.T, home, url string) string {
	t.Helper()
	out, _, err := sonm(t, "wallet", "--json", "--home", home, "--network", url)
	var m struct{ Address string }
	if err != nil || json.Unmarshal([]byte(out), &m) != nil {
		t.Fatalf("wallet of %s: %v", home, err)
	}
	return m.Address
}
