package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/conform"
)

// Sources and guests of the sandbox's figures, seen from the root of the project.
const (
	kernelSources = "engine/sandbox/conform/kernels"
	endlessGuest  = "engine/sandbox/testdata/all.wasm"
)

// sandboxArea measures what the sandbox costs: kernels in each engine against
// native code, starting and killing children, their memory, two at once.
func sandboxArea() Area {
	return Area{
		Name: "sandbox",
		Names: []string{
			"wasmer_vs_gcc", "wasmtime_vs_gcc", "wazero_vs_gcc",
			"spawn_ms", "cached_start_ms", "kill_ms", "two_slots_speedup", "child_rss_mib",
		},
		Run: measureSandbox,
	}
}

func measureSandbox(ctx context.Context, b *Bench) error {
	dir, err := os.MkdirTemp("", "sonm-sandbox-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := conform.BuildNative(ctx, kernelSources, dir); err != nil {
		return err
	}
	steps := []func(context.Context, *Bench) error{
		measureStarts, measureKills, measureResident, measureSlots,
		func(ctx context.Context, b *Bench) error { return measureKernels(ctx, b, dir) },
	}
	for _, step := range steps {
		if err := step(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// boxOf is a sandbox with one engine. Its children have the priority of any
// program, like what they are compared with: the lock-down is the same.
func boxOf(e sandbox.Engine, keep string) (*sandbox.Sandbox, error) {
	return sandbox.New(sandbox.Config{Child: absolute(child), Engines: []sandbox.Engine{e}, Keep: keep, Class: sandbox.Waited})
}

// kernelOf is the kernel with this name.
func kernelOf(name string) (conform.Kernel, error) {
	for _, k := range conform.Kernels() {
		if k.Name == name {
			return k, nil
		}
	}
	return conform.Kernel{}, fmt.Errorf("no kernel %q", name)
}

// runner does the task that is timed once; the time is processor time.
type runner func(ctx context.Context) (time.Duration, error)

// kernelTurns is how often the kernels are run by turns for each run asked
// for: a turn takes a third of a second, in which a neighbour may wake up.
const kernelTurns = 3

// measureKernels takes the processor time of each kernel in each engine, lock-down
// included, over that of gcc -O3, and the geometric means.
func measureKernels(ctx context.Context, b *Bench, dir string) error {
	logs := map[sandbox.Engine]float64{}
	for _, k := range conform.Kernels() {
		ratios, err := compareKernel(ctx, k, dir, kernelTurns*b.Runs)
		if err != nil {
			return fmt.Errorf("kernel %s: %w", k.Name, err)
		}
		for _, e := range sandbox.Engines() {
			logs[e] += math.Log(median(ratios[e]))
			if err := b.Add(versus(string(e)+"_"+k.Name+"_vs_gcc", median(ratios[e]), len(ratios[e]))); err != nil {
				return err
			}
		}
	}
	for _, e := range sandbox.Engines() {
		mean := math.Exp(logs[e] / float64(len(conform.Kernels())))
		if err := b.Add(versus(string(e)+"_vs_gcc", mean, kernelTurns*b.Runs)); err != nil {
			return err
		}
	}
	return nil
}

func versus(name string, v float64, runs int) Figure {
	return Figure{Name: name, Value: v, Unit: "x CPU time", Better: Lower, Rival: "gcc -O3", Runs: runs}
}

// compareKernel runs one kernel natively and in all engines by turns and answers
// with the ratios of each turn.
func compareKernel(ctx context.Context, k conform.Kernel, dir string, turns int) (map[sandbox.Engine][]float64, error) {
	native, err := conform.StartNative(ctx, dir, k)
	if err != nil {
		return nil, err
	}
	defer native.Close()
	task := conform.Call{Seed: 2, Size: k.Large.Task}
	if err := native.Open(conform.Call{Seed: 1, Size: k.Large.Open}); err != nil {
		return nil, err
	}
	truth, err := native.Task(task)
	if err != nil {
		return nil, err
	}
	runners := []runner{func(context.Context) (time.Duration, error) {
		a, err := native.Task(task)
		return a.CPU, err
	}}
	for _, e := range sandbox.Engines() {
		s, err := startKernel(ctx, e, k)
		if err != nil {
			return nil, err
		}
		defer s.Close()
		runners = append(runners, func(ctx context.Context) (time.Duration, error) {
			r, err := s.Task(ctx, task.Bytes())
			if err == nil && (!bytes.Equal(r.Payload, truth.Payload) || r.Work != truth.Work) {
				err = fmt.Errorf("%s answers %x, gcc %x", e, r.Payload, truth.Payload)
			}
			return r.CPU, err
		})
	}
	ratios := map[sandbox.Engine][]float64{}
	for turn := range turns + 1 {
		took, err := oneTurn(ctx, runners, turn)
		if err != nil {
			return nil, err
		}
		for n, e := range sandbox.Engines() {
			if turn > 0 { // the first one warms up
				ratios[e] = append(ratios[e], float64(took[n+1])/float64(took[0]))
			}
		}
	}
	return ratios, nil
}

// oneTurn runs each of the runners once, another one first each time.
func oneTurn(ctx context.Context, runners []runner, turn int) ([]time.Duration, error) {
	took := make([]time.Duration, len(runners))
	for n := range runners {
		at := (n + turn) % len(runners)
		var err error
		if took[at], err = runners[at](ctx); err != nil {
			return nil, err
		}
		if took[at] <= 0 {
			return nil, errors.New("this system does not say what a process took")
		}
	}
	return took, nil
}

// startKernel opens a kernel with the data of its large tasks.
func startKernel(ctx context.Context, e sandbox.Engine, k conform.Kernel) (*sandbox.Session, error) {
	box, err := boxOf(e, "")
	if err != nil {
		return nil, err
	}
	s, err := box.Start(ctx, k.Module())
	if err != nil {
		return nil, err
	}
	if _, err := s.Open(ctx, conform.Call{Seed: 1, Size: k.Large.Open}.Bytes()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// perEngine is a figure that each engine has.
type perEngine struct {
	name, unit string
	runs       int // for each run asked for
	engines    []sandbox.Engine
	take       func(context.Context, sandbox.Engine) (float64, error)
}

// measure takes the engines by turns and adds the median of each, and under
// the figure's own name the worst of these.
func (p perEngine) measure(ctx context.Context, b *Bench) error {
	values := map[sandbox.Engine][]float64{}
	for range p.runs * b.Runs {
		for _, e := range p.engines {
			v, err := p.take(ctx, e)
			if err != nil {
				return fmt.Errorf("figure %s of %s: %w", p.name, e, err)
			}
			values[e] = append(values[e], v)
		}
	}
	most := 0.0
	for _, e := range p.engines {
		v := median(values[e])
		most = max(most, v)
		if err := b.Add(Figure{Name: string(e) + "_" + p.name, Value: v, Unit: p.unit, Better: Lower, Runs: len(values[e])}); err != nil {
			return err
		}
	}
	return b.Add(Figure{Name: p.name, Value: most, Unit: p.unit + ", worst engine", Better: Lower, Runs: p.runs * b.Runs})
}

// startRuns is how often a start of some milliseconds is measured for each run
// asked for.
const startRuns = 7

// measureStarts takes the time to start a session with a small module and have
// it answer its first call, when nothing and when the compiled module is kept.
func measureStarts(ctx context.Context, b *Bench) error {
	dir, err := os.MkdirTemp("", "sonm-kept-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	k, err := kernelOf("mandelbrot")
	if err != nil {
		return err
	}
	start := func(ctx context.Context, box *sandbox.Sandbox) (float64, error) {
		began := time.Now()
		s, err := box.Start(ctx, k.Module())
		if err != nil {
			return 0, err
		}
		_, err = s.Open(ctx, conform.Call{Seed: 1, Size: 1}.Bytes())
		took := time.Since(began)
		return milliseconds(took), errors.Join(err, s.Close())
	}
	fresh := perEngine{"spawn_ms", "ms", startRuns, sandbox.Engines(), func(ctx context.Context, e sandbox.Engine) (float64, error) {
		box, err := boxOf(e, "")
		if err != nil {
			return 0, err
		}
		return start(ctx, box)
	}}
	if err := fresh.measure(ctx, b); err != nil {
		return err
	}
	keeping := []sandbox.Engine{sandbox.Wasmer, sandbox.Wasmtime} // wazero keeps nothing
	boxes := map[sandbox.Engine]*sandbox.Sandbox{}                // one for the life of a process, as the program has
	for _, e := range keeping {
		if boxes[e], err = boxOf(e, filepath.Join(dir, string(e))); err != nil {
			return err
		}
		if _, err := start(ctx, boxes[e]); err != nil {
			return err
		}
	}
	kept := perEngine{"cached_start_ms", "ms", startRuns, keeping, func(ctx context.Context, e sandbox.Engine) (float64, error) {
		return start(ctx, boxes[e])
	}}
	return kept.measure(ctx, b)
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measureKills takes the time from giving up on an endless loop to the end of
// its process and of the call.
func measureKills(ctx context.Context, b *Bench) error {
	module, err := os.ReadFile(endlessGuest)
	if err != nil {
		return err
	}
	f := perEngine{"kill_ms", "ms", 3, sandbox.Engines(), func(ctx context.Context, e sandbox.Engine) (float64, error) {
		box, err := boxOf(e, "")
		if err != nil {
			return 0, err
		}
		s, err := box.Start(ctx, module)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		if _, err := s.Open(ctx, nil); err != nil {
			return 0, err
		}
		return killed(ctx, s)
	}}
	return f.measure(ctx, b)
}

// killed has s loop without end, gives up on it and waits for its end.
func killed(ctx context.Context, s *sandbox.Session) (float64, error) {
	p, err := onlyChild()
	if err != nil {
		return 0, err
	}
	call, give := context.WithCancel(ctx)
	defer give()
	ended := make(chan error, 1)
	go func() {
		_, err := s.Task(call, []byte("l"))
		ended <- err
	}()
	if err := p.busy(ctx, 30*time.Millisecond); err != nil { // it is in the loop
		return 0, err
	}
	began := time.Now()
	give()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		return 0, fmt.Errorf("the endless task ended with %w", err)
	}
	took := time.Since(began)
	if p.alive() { // Task returns when the process is reaped
		return 0, fmt.Errorf("process %d outlives its call", p)
	}
	return milliseconds(took), nil
}

// measureResident takes the resident memory of a child that serves a small
// module, shared pages of its program included.
func measureResident(ctx context.Context, b *Bench) error {
	k, err := kernelOf("mandelbrot")
	if err != nil {
		return err
	}
	f := perEngine{"child_rss_mib", "MiB", 1, sandbox.Engines(), func(ctx context.Context, e sandbox.Engine) (float64, error) {
		box, err := boxOf(e, "")
		if err != nil {
			return 0, err
		}
		s, err := box.Start(ctx, k.Module())
		if err != nil {
			return 0, err
		}
		defer s.Close()
		if _, err := s.Open(ctx, conform.Call{Seed: 1, Size: 1}.Bytes()); err != nil {
			return 0, err
		}
		p, err := onlyChild()
		if err != nil {
			return 0, err
		}
		return p.resident()
	}}
	return f.measure(ctx, b)
}

// slotTurns is how often the batch is done either way for each run asked for: it
// takes a second, in which a neighbour may wake up.
const slotTurns = 3

// measureSlots takes how much sooner a batch of tasks is done by two sessions.
func measureSlots(ctx context.Context, b *Bench) error {
	k, err := kernelOf("pathtracer")
	if err != nil {
		return err
	}
	var slots []*sandbox.Session
	for range 2 {
		s, err := startKernel(ctx, sandbox.Wasmer, k)
		if err != nil {
			return err
		}
		defer s.Close()
		slots = append(slots, s)
	}
	with := func(n int) Sample {
		return func(ctx context.Context) (float64, error) { return batch(ctx, slots[:n], k) }
	}
	if _, err := with(2)(ctx); err != nil { // warms up
		return err
	}
	var ratios []float64
	for turn := range slotTurns * b.Runs {
		took, err := pair(ctx, with(1), with(2), turn%2 == 1)
		if err != nil {
			return err
		}
		ratios = append(ratios, took[0]/took[1])
	}
	return b.Add(Figure{
		Name: "two_slots_speedup", Value: median(ratios), Unit: "x wall time", Better: Higher, Rival: "one session", Runs: len(ratios),
	})
}
