package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// expected is how much longer a guest takes in an engine than natively (gcc
// -O3): the geometric means of `make bench AREA=sandbox`. It only says which
// engines are worth comparing; what is used is what was measured with the module.
var expected = map[Engine]float64{Wasmtime: 1.05, Wasmer: 1.15, Wazero: 1.65}

const (
	// choiceTime is how much of an engine's processor time with a module makes
	// a measurement.
	choiceTime = time.Second
	// choiceRange is how much slower than the fastest an engine may be expected
	// to be, to be compared with it.
	choiceRange = 1.3
	// choiceCrashes is how often in choiceMemory a child may die of a module in
	// an engine until that is no longer tried: once may have been the system's
	// fault, and an input that brings it down says little of the next.
	choiceCrashes = 2
	choiceMemory  = 24 * time.Hour
	// choiceModules is how many modules are remembered.
	choiceModules = 1000
)

// choices remembers which engine is the fastest that works, by module, over
// all sessions and, in a file, over restarts.
//
// # Why
//
// Engines are compared within one session, on tasks of the same input one
// after the other: how long a unit of work takes depends on the input more
// than on the engine.
type choices struct {
	path string // "" remembers in memory only

	mu    sync.Mutex
	read  bool                        // guarded by mu; the file was looked at
	known map[string]map[Engine]trial // guarded by mu; by choiceKey
	dirty bool                        // guarded by mu
}

// trial is what came of one module in one engine.
type trial struct {
	Version string  `json:"version"` // of the engine
	Speed   float64 `json:"speed"`   // units per second of processor time, 0 before it was compared
	Crashes int     `json:"crashes"`
	Crashed int64   `json:"crashed"` // the last time, in seconds of Unix
	Not     bool    `json:"not"`     // it cannot run the module
	Used    int64   `json:"used"`
}

func choiceKey(module [sha256.Size]byte) string { return hex.EncodeToString(module[:]) }

// now is the trial if it is of the engine's present version.
func (t trial) now(e Engine) trial {
	if t.Version != engineVersions[e] {
		return trial{}
	}
	if time.Since(time.Unix(t.Crashed, 0)) > choiceMemory {
		t.Crashes = 0
	}
	return t
}

func (t trial) bad() bool { return t.Not || t.Crashes >= choiceCrashes }

// order is engines with the best first: the fastest of those measured, those
// not measured as they come, then what cannot run the module. rivals are those
// that are worth comparing, none if that is done.
func (c *choices) order(module [sha256.Size]byte, engines []Engine) (order, rivals []Engine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.load()
	known := c.known[choiceKey(module)]
	of := func(e Engine) trial { return known[e].now(e) }
	order = slices.Clone(engines)
	slices.SortStableFunc(order, func(a, b Engine) int {
		x, y := of(a), of(b)
		if x.bad() != y.bad() {
			if x.bad() {
				return 1
			}
			return -1
		}
		return cmp.Compare(y.Speed, x.Speed)
	})
	least := math.Inf(1)
	for _, e := range order {
		if !of(e).bad() {
			least = min(least, expected[e])
		}
	}
	done := true
	for _, e := range order {
		if !of(e).bad() && expected[e] <= choiceRange*least {
			rivals = append(rivals, e)
			done = done && of(e).Speed > 0
		}
	}
	if done || len(rivals) < 2 {
		rivals = nil
	}
	return order, rivals
}

// compared notes the speeds that engines had side by side.
func (c *choices) compared(module [sha256.Size]byte, speeds map[Engine]float64) {
	for e, speed := range speeds {
		c.change(module, e, func(t *trial) { t.Speed = speed })
	}
}

// failed notes that the module did not run: it is Unsupported, or Crashed the
// child; a Trap that no other engine has counts like that.
func (c *choices) failed(module [sha256.Size]byte, e Engine, kind Kind) {
	c.change(module, e, func(t *trial) {
		if kind == Unsupported {
			t.Not = true
		} else {
			t.Crashes++
			t.Crashed = time.Now().Unix()
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
	t := c.known[k][e].now(e)
	t.Version = engineVersions[e]
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

// pace is what a session has measured of an engine.
type pace struct {
	work uint64
	cpu  time.Duration
}

// compare counts a finished task and, while the session's engines are being
// compared, moves on to the one whose turn it is.
func (s *Session) compare(r Reply) {
	if len(s.rivals) == 0 {
		return
	}
	p := s.paces[r.Engine]
	p.work += r.Work
	p.cpu += r.CPU
	s.paces[r.Engine] = p
	if p.cpu < choiceTime {
		return
	}
	speeds := map[Engine]float64{}
	best := s.rivals[0]
	for _, e := range s.rivals {
		p := s.paces[e]
		if p.cpu < choiceTime {
			s.use(e)
			return
		}
		speeds[e] = float64(p.work) / p.cpu.Seconds()
		if speeds[e] > speeds[best] {
			best = e
		}
	}
	s.choices.compared(s.hash, speeds)
	s.rivals = nil
	s.use(best)
}

// use goes on with another engine; what it has not seen it is given at the
// next call.
func (s *Session) use(e Engine) {
	if e == s.Engine() {
		return
	}
	s.cfg.Log.Debug("sandbox engines compared", "now", e)
	s.drop()
	order, _ := s.choices.order(s.hash, s.cfg.Engines)
	s.left = slices.DeleteFunc(order, func(x Engine) bool { return x == e })
	s.engine.Store(uint32(engineCodes[e]))
}
