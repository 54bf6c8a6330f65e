package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// expected is how much longer a guest takes in an engine than natively (gcc
// -O3): the geometric means of `make bench AREA=sandbox`. It only says what is
// worth trying; what is used is what was measured with the module itself.
var expected = map[Engine]float64{Wasmtime: 1.05, Wasmer: 1.15, Wazero: 1.65}

const (
	// choiceTime is how much of an engine's processor time with a module makes
	// a measurement.
	choiceTime = time.Second
	// choiceCrashes is how often a child may die of a module in an engine until
	// that is no longer tried: once may have been the system's fault.
	choiceCrashes = 2
	// choiceModules is how many modules are remembered.
	choiceModules = 1000
)

// choices remembers which engine is the fastest that works, by module, over
// all sessions and, in a file, over restarts.
type choices struct {
	path string // "" remembers in memory only

	mu    sync.Mutex
	read  bool                        // guarded by mu; the file was looked at
	known map[string]map[Engine]trial // guarded by mu; by choiceKey
	dirty bool                        // guarded by mu
}

// trial is what came of one module in one engine.
type trial struct {
	Version string        `json:"version"` // of the engine
	Work    uint64        `json:"work"`    // units
	CPU     time.Duration `json:"cpu"`     // they took, in ns
	Crashes int           `json:"crashes"`
	Not     bool          `json:"not"` // it cannot run the module
	Used    int64         `json:"used"`
}

func choiceKey(module [sha256.Size]byte) string { return hex.EncodeToString(module[:]) }

// order is engines with the best first: what cannot run the module last.
//
// An engine that was not measured goes before the fastest measured one if it
// is expected to be faster still.
func (c *choices) order(module [sha256.Size]byte, engines []Engine) []Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	known := c.known[choiceKey(module)]
	var best Engine
	for _, e := range engines {
		if known[e].speed() > known[best].speed() && !known[e].bad(e) {
			best = e
		}
	}
	out := slices.Clone(engines)
	if best == "" {
		slices.SortStableFunc(out, func(a, b Engine) int { return rank(known[a].bad(a)) - rank(known[b].bad(b)) })
		return out
	}
	// speed is what was measured, or what is to be expected beside the best.
	speed := func(e Engine) float64 {
		if t := known[e]; t.speed() > 0 && t.Version == engineVersions[e] {
			return t.speed()
		}
		return known[best].speed() * expected[best] / expected[e]
	}
	slices.SortStableFunc(out, func(a, b Engine) int {
		if x, y := known[a].bad(a), known[b].bad(b); x != y {
			return rank(x) - rank(y)
		}
		switch x, y := speed(a), speed(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	return out
}

func rank(bad bool) int {
	if bad {
		return 1
	}
	return 0
}

// speed is in units per second of processor time, 0 if that is not known yet.
func (t trial) speed() float64 {
	if t.CPU < choiceTime {
		return 0
	}
	return float64(t.Work) / t.CPU.Seconds()
}

func (t trial) bad(e Engine) bool {
	return t.Version == engineVersions[e] && (t.Not || t.Crashes >= choiceCrashes)
}

// worked notes a finished task.
func (c *choices) worked(module [sha256.Size]byte, e Engine, work uint64, took time.Duration) {
	if took <= 0 {
		return
	}
	c.change(module, e, func(t *trial) {
		if t.CPU > 64*choiceTime { // the computer may have become faster or slower
			t.CPU, t.Work = t.CPU/2, t.Work/2
		}
		t.Work += work
		t.CPU += took
	})
}

// failed notes that the module did not run: err is of kind Unsupported or Crashed.
func (c *choices) failed(module [sha256.Size]byte, e Engine, kind Kind) {
	c.change(module, e, func(t *trial) {
		if kind == Unsupported {
			t.Not = true
		} else {
			t.Crashes++
		}
	})
}

func (c *choices) change(module [sha256.Size]byte, e Engine, f func(*trial)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	k := choiceKey(module)
	if c.known[k] == nil {
		c.known[k] = map[Engine]trial{}
	}
	t := c.known[k][e]
	if t.Version != engineVersions[e] {
		t = trial{Version: engineVersions[e]}
	}
	f(&t)
	t.Used = time.Now().Unix()
	c.known[k][e] = t
	c.dirty = true
}

// load reads the file once; one that cannot be read is as good as none.
func (c *choices) load() {
	if c.read {
		return
	}
	c.read, c.known = true, map[string]map[Engine]trial{}
	if c.path == "" {
		return
	}
	b, err := os.ReadFile(c.path)
	if err != nil {
		return
	}
	var known map[string]map[Engine]trial
	if json.Unmarshal(b, &known) == nil && known != nil {
		c.known = known
	}
}

// save writes the file if there is news.
func (c *choices) save() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.dirty || c.path == "" {
		return nil
	}
	c.forget()
	b, err := json.Marshal(c.known)
	if err != nil {
		return err
	}
	if err := privateFolder(filepath.Dir(c.path)); err != nil {
		return err
	}
	c.dirty = false
	return replaceFile(c.path, b)
}

// forget drops the modules not used for longest when there are too many.
func (c *choices) forget() {
	if len(c.known) <= choiceModules {
		return
	}
	used := func(k string) int64 {
		var last int64
		for _, t := range c.known[k] {
			last = max(last, t.Used)
		}
		return last
	}
	keys := make([]string, 0, len(c.known))
	for k := range c.known {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return int(used(b) - used(a)) })
	for _, k := range keys[choiceModules:] {
		delete(c.known, k)
	}
}
