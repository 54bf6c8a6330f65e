package sandbox_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/sandboxtest"
)

// mutants is how many modules TestMutatedModules runs: SONM_MUTANTS or few.
func mutants(t *testing.T) int {
	t.Helper()
	if s := os.Getenv("SONM_MUTANTS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return 50
	}
	return 300
}

// zoo is where mutants come from.
type zoo struct {
	guests   [][]byte // small modules that pass the gate or nearly do
	valid    [][]byte // those that pass and do the most
	renderer []byte
	donors   [][]byte // of any form
}

func newZoo(t *testing.T) zoo {
	t.Helper()
	var z zoo
	files, err := filepath.Glob("testdata/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		z.guests = append(z.guests, b)
		if name := filepath.Base(f); name == "all.wasm" || name == "simd.wasm" || name == "select.wasm" {
			z.valid = append(z.valid, b)
		}
	}
	if z.renderer, err = os.ReadFile("../../assets/apps/pathtracer/module.wasm"); err != nil {
		t.Log("without the renderer:", err)
	}
	z.donors = slices.Clone(z.guests)
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Log("without the modules of the specification:", err)
		return z
	}
	files, err = filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "internal/integration_test/spectest/v[12]/testdata/*.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && len(b) < 20<<10 {
			z.donors = append(z.donors, b)
		}
	}
	return z
}

// mutant is module n of a run.
func (z zoo) mutant(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	m := sandboxtest.Mutator{Choose: r.IntN, Donors: z.donors}
	switch way := r.IntN(1000); {
	case way >= 500:
		return m.Twist(z.valid[r.IntN(len(z.valid))])
	case way < 20:
		return m.Noise(r.IntN(2000))
	case way < 120:
		return m.Mutate(z.donors[r.IntN(len(z.donors))])
	case way < 123 && z.renderer != nil:
		return m.Mutate(z.renderer)
	}
	return m.Mutate(z.guests[r.IntN(len(z.guests))])
}

// said is what a session answered to one call.
type said struct {
	kind    sandbox.Kind // 0 for a reply
	msg     string
	payload []byte
	work    uint64
	memory  uint64
}

// questions are tasks that "all" and "simd" understand.
var questions = []string{"e", "c", "g", "R", "C", "W", "t", "N\x10\x00\x00\x00", "s", "b", "r", "x", "d"}

// costly ones take tens of milliseconds each.
var costly = []string{"f", "w", "m", "D", "l"}

// tasks are those that mutant n gets.
func tasks(seed uint64, n int) []string {
	r := rand.New(rand.NewPCG(seed, ^uint64(n)))
	var all []string
	for range 4 {
		all = append(all, questions[r.IntN(len(questions))])
	}
	if r.IntN(6) == 0 {
		all = append(all, costly[r.IntN(len(costly))])
	}
	return append(all, all[0])
}

// pass runs module in one engine and gives what came of Start and then of each
// call.
func pass(t *testing.T, box *sandbox.Sandbox, module []byte, tasks []string) []said {
	t.Helper()
	var all []said
	note := func(r sandbox.Reply, err error) {
		s := said{payload: r.Payload, work: r.Work, memory: r.Memory}
		if err != nil {
			e, ok := errors.AsType[*sandbox.Error](err)
			if !ok || !e.Kind.Valid() {
				t.Errorf("an error of no kind: %v", err)
				return
			}
			s = said{kind: e.Kind, msg: e.Msg}
		}
		all = append(all, s)
	}
	ctx, before := t.Context(), bytes.Clone(module)
	s, err := box.Start(ctx, module)
	note(sandbox.Reply{}, err)
	if err != nil {
		return all
	}
	defer s.Close()
	note(s.Inspect(ctx, []byte("scene")))
	_, err = s.Open(ctx, []byte("input"))
	note(sandbox.Reply{}, err)
	for _, spec := range tasks {
		if err != nil {
			break
		}
		r, err := s.Task(ctx, []byte(spec))
		note(r, err)
	}
	if !bytes.Equal(before, module) {
		t.Error("the module was changed")
	}
	return all
}

// tally counts what came of mutants.
type tally struct {
	mu      sync.Mutex
	started int                    // guarded by mu; in all engines
	kinds   map[string]int         // guarded by mu; by call and kind
	crashes map[string][]int       // guarded by mu; mutants by engine and last words
	differ  map[string][]int       // guarded by mu; mutants by what differs
	slow    map[sandbox.Engine]int // guarded by mu; calls over a limit of time
}

func (c *tally) note(e sandbox.Engine, n int, all []said) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at, s := range all {
		what := "ok"
		if s.kind != 0 {
			what = s.kind.String()
		}
		call := "task"
		if at < 3 {
			call = []string{"start", "inspect", "open"}[at]
		}
		c.kinds[call+": "+what]++
		switch s.kind {
		case sandbox.Crashed, sandbox.Violation, sandbox.Unsupported:
			key := fmt.Sprintf("%s %s: %v: %s", e, call, s.kind, s.msg)
			c.crashes[key] = append(c.crashes[key], n)
		case sandbox.LimitCPU, sandbox.LimitWall:
			c.slow[e]++
		default:
		}
	}
}

// compare looks for what two engines disagree on. What time or an engine's own
// shortcomings ended is left out, and so are the bits of NaNs.
func (c *tally) compare(n int, a, b []said, ea, eb sandbox.Engine) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for at := range min(len(a), len(b)) {
		x, y := a[at], b[at]
		if passing(x.kind) || passing(y.kind) {
			return // the rest may depend on it
		}
		what := ""
		switch {
		case x.kind != y.kind:
			what = fmt.Sprintf("%s: %v, %s: %v", ea, outcome(x), eb, outcome(y))
		case x.kind == sandbox.Refused && x.msg != y.msg:
			what = fmt.Sprintf("%s refuses: %q, %s: %q", ea, x.msg, eb, y.msg)
		case nans(x.payload, y.payload) && x.work == y.work && x.memory == y.memory:
			return // the specification leaves their bits open, and the rest may depend on them
		case !bytes.Equal(x.payload, y.payload) || x.work != y.work || x.memory != y.memory:
			what = fmt.Sprintf("%s and %s answer otherwise", ea, eb)
		}
		if what == "" {
			continue
		}
		what = fmt.Sprintf("call %d: %s", at, what)
		c.differ[what] = append(c.differ[what], n)
		return
	}
}

// nans reports whether a and b differ, but only where both have a NaN.
func nans(a, b []byte) bool {
	if len(a) != len(b) || bytes.Equal(a, b) {
		return false
	}
	for at := 0; at+4 <= len(a); at += 4 {
		x, y := a[at:at+4], b[at:at+4]
		if bytes.Equal(x, y) || nan32(x) && nan32(y) {
			continue
		}
		if at &^= 7; at+8 > len(a) || !nan64(a[at:]) || !nan64(b[at:]) {
			return false
		}
		at += 4
	}
	tail := len(a) &^ 3
	return bytes.Equal(a[tail:], b[tail:])
}

func nan32(b []byte) bool {
	return math.IsNaN(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
}

func nan64(b []byte) bool { return math.IsNaN(math.Float64frombits(binary.LittleEndian.Uint64(b))) }

func outcome(s said) string {
	if s.kind == 0 {
		return "ok"
	}
	return s.kind.String()
}

// passing are the kinds that may differ between two honest computers.
func passing(k sandbox.Kind) bool {
	switch k {
	case sandbox.LimitCPU, sandbox.LimitWall, sandbox.Crashed, sandbox.Unsupported:
		return true
	default:
		return false
	}
}

// TestMutatedModules runs modules that were tampered with on all engines. The
// broker outlives them, tells what became of each, and nothing is left over:
// no process, no descriptor, no file. SONM_MUTANTS says how many, SONM_SEED
// which ones, SONM_MUTANT only one of them.
func TestMutatedModules(t *testing.T) {
	z := newZoo(t)
	seed := rand.Uint64()
	if s := os.Getenv("SONM_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	count, first := mutants(t), 0
	if s := os.Getenv("SONM_MUTANT"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		first, count = n, n+1
	}
	t.Logf("seed %d, %d modules to take parts of", seed, len(z.donors))
	engines := here(t)
	temp, keep := t.TempDir(), filepath.Join(t.TempDir(), "kept")
	t.Setenv("TMPDIR", temp)
	boxes := map[sandbox.Engine][2]*sandbox.Sandbox{}
	limits := sandbox.Limits{
		Memory: 64 << 20, CPU: 300 * time.Millisecond, Wall: 5 * time.Second, Output: 256 << 10, Input: 64 << 10,
	}
	for _, e := range engines {
		var pair [2]*sandbox.Sandbox
		for n, dir := range []string{"", keep} {
			box, err := sandbox.New(sandbox.Config{Child: child, Engines: []sandbox.Engine{e}, Keep: dir, Limits: limits, Class: sandbox.Waited})
			if err != nil {
				t.Fatal(err)
			}
			pair[n] = box
		}
		boxes[e] = pair
	}
	open, before := descriptors(t), folder(t, ".")
	c := &tally{kinds: map[string]int{}, crashes: map[string][]int{}, differ: map[string][]int{}, slow: map[sandbox.Engine]int{}}
	next := make(chan int)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for n := range next {
				c.run(t, z.mutant(seed, n), tasks(seed, n), n, engines, boxes)
			}
		})
	}
	for n := first; n < count; n++ {
		next <- n
	}
	close(next)
	wg.Wait()
	if now := descriptors(t); now > open {
		t.Errorf("%d descriptors open, %d before", now, open)
	}
	for _, pid := range childrenOf(os.Getpid()) {
		if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.HasPrefix(string(name), "sonm") {
			t.Errorf("process %d (%s) is left over", pid, name)
		}
	}
	if files := folder(t, temp); len(files) > 0 {
		t.Errorf("left in the folder for temporary files: %v", files)
	}
	if files := folder(t, "."); !slices.Equal(files, before) {
		t.Errorf("files in the working folder: %v, before: %v", files, before)
	}
	for _, f := range folder(t, keep) {
		if f != "engines.json" && !strings.HasSuffix(f, ".bin") {
			t.Errorf("left in the folder of compiled modules: %s", f)
		}
	}
	c.report(t, seed, count-first)
}

// run has one engine, by turns, look at a module, and all of them if it passes.
func (c *tally) run(t *testing.T, module []byte, tasks []string, n int, engines []sandbox.Engine, boxes map[sandbox.Engine][2]*sandbox.Sandbox) {
	t.Helper()
	e := engines[n%len(engines)]
	box := boxes[e][n/len(engines)%2]
	got := pass(t, box, module, tasks)
	c.note(e, n, got)
	if len(got) < 2 && got[0].kind != sandbox.Unsupported && got[0].kind != sandbox.Crashed {
		return
	}
	c.mu.Lock()
	c.started++
	c.mu.Unlock()
	for _, other := range engines {
		if other == e {
			continue
		}
		also := pass(t, boxes[other][0], module, tasks)
		c.note(other, n, also)
		c.compare(n, got, also, e, other)
	}
	if n/len(engines)%2 == 1 { // kept by now
		again := pass(t, box, module, tasks)
		c.compare(n, got, again, e, e+" again")
	}
}

func (c *tally) report(t *testing.T, seed uint64, count int) {
	t.Helper()
	t.Logf("%d modules, %d past the gate", count, c.started)
	for _, k := range slices.Sorted(maps.Keys(c.kinds)) {
		t.Logf("%7d %s", c.kinds[k], k)
	}
	t.Logf("over a limit of time: %v", c.slow)
	for _, k := range slices.SortedFunc(maps.Keys(c.crashes), func(a, b string) int { return cmp.Compare(len(c.crashes[b]), len(c.crashes[a])) }) {
		t.Logf("%5d times %s, as %d", len(c.crashes[k]), k, c.crashes[k][0])
		if strings.Contains(k, sandbox.Violation.String()) {
			t.Errorf("seed %d: mutant %v: %s", seed, c.crashes[k], k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.differ)) {
		t.Errorf("seed %d: %d modules, %v: %s", seed, len(c.differ[k]), c.differ[k][:min(10, len(c.differ[k]))], k)
	}
}

// folder lists what is in dir.
func folder(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
