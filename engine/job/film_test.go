package job_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/job"
)

// sample is the radiance of one sample: made up, of widely spread magnitudes,
// so that the order of addition shows in the bits.
func sample(x, y, ch, s uint32) float32 {
	h := uint64(x)*0x9e3779b97f4a7c15 ^ uint64(y)*0xc2b2ae3d27d4eb4f ^ uint64(ch)<<60 ^ uint64(s)*0x165667b19e3779f9
	h ^= h >> 31
	h *= 0xff51afd7ed558ccd
	h ^= h >> 29
	return float32(math.Exp2(float64(h>>40)/float64(1<<24)*24-12)) * (1 + float32(h&1023)/1024)
}

// guest renders a task as the ABI says: sums in the fixed binary tree.
func guest(s job.Spec) []byte {
	var tree func(x, y, ch, first, log2 uint32) float32
	tree = func(x, y, ch, first, log2 uint32) float32 {
		if log2 == 0 {
			return sample(x, y, ch, first)
		}
		return tree(x, y, ch, first, log2-1) + tree(x, y, ch, first+1<<(log2-1), log2-1)
	}
	return render(s, tree)
}

func render(s job.Spec, value func(x, y, ch, first, log2 uint32) float32) []byte {
	var b []byte
	for y := s.Y0; y < s.Y1; y++ {
		for x := s.X0; x < s.X1; x++ {
			for ch := range uint32(s.Layer.Values()) {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(value(x, y, ch, s.First, s.Log2)))
			}
		}
	}
	return b
}

// split cuts a frame at random: a guillotine of tiles, each with its own
// random aligned blocks, and all of it shuffled.
func split(r *rand.Rand, w, h, samples int) []job.Spec {
	var specs []job.Spec
	var blocks func(t job.Spec, first, log2 uint32)
	blocks = func(t job.Spec, first, log2 uint32) {
		if int(first) >= samples {
			return
		}
		if int(first)+1<<log2 > samples || log2 > 0 && r.IntN(3) == 0 {
			blocks(t, first, log2-1)
			blocks(t, first+1<<(log2-1), log2-1)
			return
		}
		t.First, t.Log2 = first, log2
		specs = append(specs, t)
	}
	var tiles func(x0, y0, x1, y1 int)
	tiles = func(x0, y0, x1, y1 int) {
		switch {
		case x1-x0 > 1 && r.IntN(3) > 0:
			m := x0 + 1 + r.IntN(x1-x0-1)
			tiles(x0, y0, m, y1)
			tiles(m, y0, x1, y1)
		case y1-y0 > 1 && r.IntN(3) > 0:
			m := y0 + 1 + r.IntN(y1-y0-1)
			tiles(x0, y0, x1, m)
			tiles(x0, m, x1, y1)
		default:
			blocks(job.Spec{X0: uint32(x0), Y0: uint32(y0), X1: uint32(x1), Y1: uint32(y1)}, 0, 16)
		}
	}
	tiles(0, 0, w, h)
	r.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
	return specs
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func newFilm(t *testing.T, w, h, samples int) *job.Film {
	t.Helper()
	f, err := job.NewFilm(w, h, samples)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func filled(t *testing.T, w, h, samples int, specs []job.Spec) *job.Film {
	t.Helper()
	f := newFilm(t, w, h, samples)
	for i, s := range specs {
		if f.Complete() {
			t.Fatalf("complete after %d of %d blocks", i, len(specs))
		}
		if err := f.Add(s, guest(s)); err != nil {
			t.Fatal(err)
		}
	}
	if !f.Complete() || f.Progress() != 1 {
		t.Fatalf("not complete after all %d blocks: progress %v", len(specs), f.Progress())
	}
	return f
}

// reference is the film's definition, written down independently: the tree
// over all samples, absent subtrees skipped.
func reference(x, y, ch uint32, first, log2 uint32, samples int) (float32, bool) {
	if int(first) >= samples {
		return 0, false
	}
	if log2 == 0 {
		return sample(x, y, ch, first), true
	}
	a, _ := reference(x, y, ch, first, log2-1, samples)
	b, ok := reference(x, y, ch, first+1<<(log2-1), log2-1, samples)
	if !ok {
		return a, true
	}
	return a + b, true
}

func TestFilmIsTheSameForEverySplit(t *testing.T) {
	r := seeded(t)
	cases := []struct{ w, h, samples int }{
		{1, 1, 1}, {7, 5, 2}, {70, 66, 3}, {65, 3, 16}, {130, 20, 5}, {9, 9, 100}, {3, 3, 257}, {64, 64, 4},
	}
	for _, c := range cases {
		var want fog.Hash
		for n := range 6 {
			f := filled(t, c.w, c.h, c.samples, split(r, c.w, c.h, c.samples))
			if n == 0 {
				want = f.Hash()
			}
			if got := f.Hash(); got != want {
				t.Fatalf("%dx%d, %d samples: split %d has hash %s, the first %s", c.w, c.h, c.samples, n, got.Short(), want.Short())
			}
			mean := f.Mean()
			for range 20 {
				i := r.IntN(len(mean))
				sum, _ := reference(uint32(i/3%c.w), uint32(i/3/c.w), uint32(i%3), 0, 16, c.samples)
				if got, want := mean[i], sum/float32(c.samples); got != want {
					t.Fatalf("%dx%d, %d samples: value %d = %v, want %v", c.w, c.h, c.samples, i, got, want)
				}
			}
		}
	}
}

// TestSplitTestSeesArrivalOrder plants the bug the film exists to avoid: sums
// added in order of arrival. The property above must be able to fail.
func TestSplitTestSeesArrivalOrder(t *testing.T) {
	r := seeded(t)
	naive := func(specs []job.Spec) (sum [9 * 9 * 3]float32) {
		for _, s := range specs {
			b := guest(s)
			i := 0
			for y := s.Y0; y < s.Y1; y++ {
				for x := s.X0; x < s.X1; x++ {
					for ch := range uint32(3) {
						sum[(y*9+x)*3+ch] += math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
						i += 4
					}
				}
			}
		}
		return sum
	}
	if naive(split(r, 9, 9, 64)) == naive(split(r, 9, 9, 64)) {
		t.Fatal("adding in order of arrival gave the same film twice: the samples hide the bug")
	}
}

func TestPlanFillsTheFilmWhateverItsTilesAndBlocks(t *testing.T) {
	s := job.Settings{Scene: "a.glb", Width: 100, Height: 75, Samples: 100}
	var want fog.Hash
	for _, opt := range []job.Options{{}, {Tile: 8}, {Tile: 17, MaxLog2: 1}, {Tile: 128, TargetWork: 5000}, {MaxLog2: 3}, {TargetWork: 1}} {
		plan := planOf(t, s, opt)
		if want := planOf(t, s, job.Options{}).Planned; math.Abs(float64(plan.Planned)/float64(want)-1) > 0.002 {
			t.Errorf("%+v: planned %d, other tiles and blocks %d", opt, plan.Planned, want)
		}
		f := newFilm(t, s.Width, s.Height, s.Samples)
		for _, k := range plan.Tasks {
			if err := f.Add(k.Spec, guest(k.Spec)); err != nil {
				t.Fatal(err)
			}
		}
		if !f.Complete() {
			t.Fatalf("%+v: the plan leaves holes: %v", opt, f.Progress())
		}
		if want == (fog.Hash{}) {
			want = f.Hash()
		}
		if f.Hash() != want {
			t.Errorf("%+v: hash %s, want %s", opt, f.Hash().Short(), want.Short())
		}
	}
}

func TestFilmIgnoresRepeatsAndRefusesOverlap(t *testing.T) {
	f := newFilm(t, 64, 32, 8)
	a := job.Spec{X1: 40, Y1: 32, First: 4, Log2: 1}
	for range 2 {
		if err := f.Add(a, guest(a)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := f.Progress(), 40*32*2.0/(64*32*8); got != want {
		t.Errorf("progress %v, want %v", got, want)
	}
	for _, s := range []job.Spec{
		{X1: 64, Y1: 32, First: 4, Log2: 1},
		{X0: 39, X1: 64, Y1: 1, First: 0, Log2: 3},
		{X0: 5, Y0: 5, X1: 6, Y1: 6, First: 5},
	} {
		if err := f.Add(s, guest(s)); !errors.Is(err, job.ErrOverlap) {
			t.Errorf("%+v: %v, want ErrOverlap", s, err)
		}
	}
	rest := []job.Spec{
		{X0: 40, X1: 64, Y1: 32, Log2: 3}, {X1: 40, Y1: 32, Log2: 2}, {X1: 40, Y1: 32, First: 6, Log2: 1},
	}
	for _, s := range rest {
		if err := f.Add(s, guest(s)); err != nil {
			t.Fatal(err)
		}
	}
	late := job.Spec{X1: 10, Y1: 10, Log2: 3}
	if err := f.Add(late, guest(late)); !f.Complete() || !errors.Is(err, job.ErrOverlap) {
		t.Errorf("complete %v, late block: %v", f.Complete(), err)
	}
}

func TestFilmRefusesBadResults(t *testing.T) {
	good := job.Spec{X1: 4, Y1: 4, Log2: 1}
	cases := []struct {
		name    string
		spec    job.Spec
		payload func(b []byte) []byte
	}{
		{"short", good, func(b []byte) []byte { return b[1:] }},
		{"long", good, func(b []byte) []byte { return append(b, 0) }},
		{"NaN", good, func(b []byte) []byte { binary.LittleEndian.PutUint32(b[8:], 0x7fc00000); return b }},
		{"infinity", good, func(b []byte) []byte { binary.LittleEndian.PutUint32(b[8:], 0xff800000); return b }},
		{"outside", job.Spec{X0: 6, X1: 9, Y1: 4}, nil},
		{"samples outside", job.Spec{X1: 4, Y1: 4, First: 4, Log2: 2}, nil},
		{"not aligned", job.Spec{X1: 4, Y1: 4, First: 1, Log2: 1}, nil},
		{"pilot", job.Spec{X1: 1, Y1: 1, Shift: 3}, nil},
		{"empty", job.Spec{X0: 4, X1: 4, Y1: 4}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFilm(t, 8, 8, 6)
			b := make([]byte, max(0, c.spec.PayloadSize()))
			if c.payload != nil {
				b = c.payload(b)
			}
			if err := f.Add(c.spec, b); err == nil || f.Progress() != 0 {
				t.Errorf("error %v, progress %v", err, f.Progress())
			}
		})
	}
}

func TestPreviewShowsWhatIsThere(t *testing.T) {
	f := newFilm(t, 4, 1, 3)
	flat := func(s job.Spec, v float32) {
		t.Helper()
		b := render(s, func(_, _, _, _, log2 uint32) float32 { return v * float32(int(1)<<log2) })
		if err := f.Add(s, b); err != nil {
			t.Fatal(err)
		}
	}
	flat(job.Spec{X1: 2, Y1: 1, Log2: 1}, 3)
	flat(job.Spec{X0: 1, X1: 3, Y1: 1, First: 2}, 6)
	rgb, valid := f.Preview()
	for x, want := range []struct {
		v  float32
		ok bool
	}{{3, true}, {4, true}, {6, true}, {0, false}} {
		if rgb[3*x] != want.v || valid[x] != want.ok {
			t.Errorf("pixel %d = %v %v, want %v %v", x, rgb[3*x], valid[x], want.v, want.ok)
		}
	}
}
