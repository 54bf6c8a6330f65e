package conform_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"sonm/engine/sandbox"
	"sonm/engine/sandbox/conform"
	"sonm/engine/sandbox/sandboxtest"
)

var (
	child  string // the program under test, built once by TestMain
	native string // folder of the native kernels, "" without gcc
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "conform")
	if err != nil {
		panic(err) // there is no test yet to fail
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	if child, err = sandboxtest.Build(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if _, err := exec.LookPath("gcc"); err == nil {
		native = filepath.Join(dir, "native")
		if err := conform.BuildNative(ctx, "kernels", native); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// seeds is how many inputs every guest is opened with.
func seeds() int {
	if testing.Short() {
		return 5
	}
	return 100
}

// said is what a guest answered: payload, then the work.
type said struct {
	payload []byte
	work    uint64
}

func (s said) equal(o said) bool { return s.work == o.work && bytes.Equal(s.payload, o.payload) }

func (s said) String() string {
	return fmt.Sprintf("%.64x of SHA-256 %.8x and %d units", s.payload, sha256.Sum256(s.payload), s.work)
}

// session starts module on e; nil means that the programs were built without e.
func session(t *testing.T, e sandbox.Engine, module []byte) *sandbox.Session {
	t.Helper()
	s, err := sandboxtest.Suite{Child: child, Engine: e}.TryStart(t, module, sandbox.Limits{})
	if f, ok := errors.AsType[*sandbox.Error](err); ok && f.Kind == sandbox.Unsupported && strings.Contains(f.Msg, "without") {
		t.Logf("without %s: %v", e, err)
		return nil
	}
	if err != nil {
		t.Fatalf("%s: Start = %v", e, err)
	}
	return s
}

// guest answers in whatever way.
type guest interface {
	open(ctx context.Context, input []byte) (said, error)
	task(ctx context.Context, spec []byte) (said, error)
}

type sandboxed struct{ s *sandbox.Session }

func (g sandboxed) open(ctx context.Context, input []byte) (said, error) {
	r, err := g.s.Open(ctx, input)
	return said{r.Payload, r.Work}, err
}

func (g sandboxed) task(ctx context.Context, spec []byte) (said, error) {
	r, err := g.s.Task(ctx, spec)
	return said{r.Payload, r.Work}, err
}

type unboxed struct{ n *conform.Native }

func callOf(b []byte) conform.Call {
	return conform.Call{Seed: binary.LittleEndian.Uint64(b), Size: binary.LittleEndian.Uint32(b[8:])}
}

func (g unboxed) open(_ context.Context, input []byte) (said, error) {
	return said{}, g.n.Open(callOf(input))
}

func (g unboxed) task(_ context.Context, spec []byte) (said, error) {
	a, err := g.n.Task(callOf(spec))
	return said{a.Payload, a.Work}, err
}

// job is an input and the tasks on it.
type job struct {
	input []byte
	tasks [][]byte
}

// do has g do all jobs, the tasks of the longest in the given order too, and
// fails if any answer depends on that.
func do(ctx context.Context, g guest, jobs []job, shuffle *rand.Rand) ([]said, error) {
	var all []said
	for n, j := range jobs {
		opened, err := g.open(ctx, j.input)
		if err != nil {
			return nil, fmt.Errorf("open of job %d: %w", n, err)
		}
		all = append(all, opened)
		first := len(all)
		for _, spec := range j.tasks {
			r, err := g.task(ctx, spec)
			if err != nil {
				return nil, fmt.Errorf("job %d, task %x: %w", n, spec, err)
			}
			all = append(all, r)
		}
		for _, k := range shuffle.Perm(len(j.tasks)) {
			r, err := g.task(ctx, j.tasks[k])
			if err != nil {
				return nil, fmt.Errorf("job %d, task %x: %w", n, j.tasks[k], err)
			}
			if !r.equal(all[first+k]) {
				return nil, fmt.Errorf("job %d, task %x gave %v, after other tasks %v", n, j.tasks[k], all[first+k], r)
			}
		}
	}
	return all, nil
}

// agree has all engines, and others by name, do the jobs with module.
func agree(t *testing.T, module []byte, others map[string]guest, jobs []job) {
	t.Helper()
	guests := maps.Clone(others)
	for _, e := range sandbox.Engines() {
		if s := session(t, e, module); s != nil {
			guests[string(e)] = sandboxed{s}
		}
	}
	if len(guests) < 2 {
		t.Skip("one engine and no compiler: nothing to compare")
	}
	seed := rand.Uint64()
	t.Logf("shuffled by seed %d", seed)
	names := make([]string, 0, len(guests))
	results := make([][]said, len(guests))
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(runtime.NumCPU())
	for name, g := range guests {
		n := len(names)
		names = append(names, name)
		group.Go(func() (err error) {
			if results[n], err = do(ctx, g, jobs, rand.New(rand.NewPCG(seed, 0))); err != nil {
				err = fmt.Errorf("%s: %w", name, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for n, name := range names[1:] {
		for k, want := range results[0] {
			if got := results[n+1][k]; !got.equal(want) {
				t.Fatalf("call %d gives %v with %s, %v with %s", k, want, names[0], got, name)
			}
		}
	}
}

// TestKernels: every kernel gives the same bytes and counts the same work on
// every engine and natively, whatever the order of its tasks.
func TestKernels(t *testing.T) {
	for _, k := range conform.Kernels() {
		t.Run(k.Name, func(t *testing.T) {
			others := map[string]guest{}
			switch {
			case native == "":
				t.Log("not compared with native code: there is no gcc")
			case runtime.GOARCH != "amd64":
				// Elsewhere a sign or a rounding may be the compiler's choice.
				t.Log("not compared with native code: that is promised for amd64 only")
			default:
				n, err := conform.StartNative(t.Context(), native, k)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { n.Close() })
				others["gcc"] = unboxed{n}
			}
			agree(t, k.Module(), others, kernelJobs(k))
		})
	}
}

// kernelJobs are one input and two tasks for each seed, of all sizes up to the
// kernel's small ones, and a job of many tasks.
func kernelJobs(k conform.Kernel) []job {
	var jobs []job
	call := func(seed uint64, most uint32) []byte {
		return conform.Call{Seed: seed, Size: 1 + uint32(seed*0x9e3779b97f4a7c15>>32)%most}.Bytes()
	}
	many := job{input: call(uint64(seeds()), k.Small.Open)}
	for n := range uint64(seeds()) {
		jobs = append(jobs, job{call(n, k.Small.Open), [][]byte{call(n, k.Small.Task), call(^n, k.Small.Task)}})
		many.tasks = append(many.tasks, call(n, k.Small.Task))
	}
	return append(jobs, many)
}

// TestSHA256 anchors the kernels in the world: this one's answer is known.
func TestSHA256(t *testing.T) {
	const blocks, seed = 5, 77
	state := uint64(seed)
	var message []byte
	for range blocks * 8 { // SplitMix64, as in kernels/kernel.h
		state += 0x9e3779b97f4a7c15
		z := (state ^ state>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		message = binary.BigEndian.AppendUint64(message, z^z>>31)
	}
	for _, k := range conform.Kernels() {
		if k.Name != "sha256" {
			continue
		}
		g := sandboxed{session(t, sandbox.Wazero, k.Module())}
		if _, err := g.open(t.Context(), conform.Call{Seed: seed, Size: blocks}.Bytes()); err != nil {
			t.Fatal(err)
		}
		got, err := g.task(t.Context(), conform.Call{Seed: 0, Size: 1}.Bytes())
		want := sha256.Sum256(message)
		if err != nil || !bytes.Equal(got.payload, want[:]) || got.work != blocks+1 {
			t.Errorf("Task = %v, %v, want %x", got, err, want)
		}
	}
}

// TestRefusals: an input that is none is refused with a sentence.
func TestRefusals(t *testing.T) {
	for _, k := range conform.Kernels() {
		s := session(t, sandbox.Wazero, k.Module())
		for _, b := range [][]byte{nil, make([]byte, 11), make([]byte, 12), make([]byte, 13)} {
			_, err := s.Open(t.Context(), b)
			if e, ok := errors.AsType[*sandbox.Error](err); !ok || e.Kind != sandbox.Refused {
				t.Errorf("%s: Open(%x) = %v, want a refusal", k.Name, b, err)
			}
		}
		s.Close()
	}
}

// TestModules: the committed modules are those that the sources make.
func TestModules(t *testing.T) {
	version, err := exec.Command("clang-16", "--version").Output()
	if err != nil {
		t.Skipf("clang-16 is not installed: %v", err)
	}
	if !bytes.Contains(version, []byte("16.0.6")) {
		t.Skipf("another clang than the one that is pinned: %s", version)
	}
	dir := t.TempDir()
	if out, err := exec.Command("kernels/build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, k := range conform.Kernels() {
		built, err := os.ReadFile(filepath.Join(dir, k.Name+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(built, k.Module()) {
			t.Errorf("%s.wasm is not what kernels/build.sh makes of the sources", k.Name)
		}
	}
}
