package job_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sonm/engine/fog"
	"sonm/engine/job"
)

// layered is a small job that asks for the feature layers.
func layered(w, h, samples int) job.Settings {
	return job.Settings{Scene: "a.glb", Width: w, Height: h, Samples: samples, Layers: true}
}

func TestLayersAreInTheSettingsOnlyIfAskedFor(t *testing.T) {
	s := layered(8, 8, 4)
	on, err := s.Encode()
	if err != nil || !strings.HasSuffix(string(on), `,"layers":true}`) {
		t.Errorf("%s, %v", on, err)
	}
	s.Layers = false
	if off, _ := s.Encode(); bytes.Contains(off, []byte("layers")) {
		t.Errorf("a job without layers says %s", off)
	}
	if back, err := job.DecodeSettings(on); err != nil || !back.Layers {
		t.Errorf("read back as %+v, %v", back, err)
	}
}

// splitLayers is a random split of all layers of a job.
func splitLayers(r *rand.Rand, s job.Settings) []job.Spec {
	specs := split(r, s.Width, s.Height, s.Samples)
	for _, sp := range split(r, s.Width, s.Height, job.FeatureSamples(s.Samples)) {
		sp.Layer = job.Features
		specs = append(specs, sp)
	}
	r.Shuffle(len(specs), func(i, j int) { specs[i], specs[j] = specs[j], specs[i] })
	return specs
}

func fill(t *testing.T, s job.Settings, specs []job.Spec) *job.Film {
	t.Helper()
	f, err := job.FilmOf(s)
	if err != nil {
		t.Fatal(err)
	}
	for i, sp := range specs {
		if f.Complete() {
			t.Fatalf("complete after %d of %d blocks", i, len(specs))
		}
		if err := f.Add(sp, guest(sp)); err != nil {
			t.Fatal(err)
		}
	}
	if !f.Complete() {
		t.Fatal("not complete after all blocks")
	}
	return f
}

func TestLayersAreTheSameForEverySplit(t *testing.T) {
	r := seeded(t)
	for _, s := range []job.Settings{layered(1, 1, 1), layered(70, 66, 3), layered(65, 3, 16), layered(9, 9, 100)} {
		var want fog.Hash
		for n := range 4 {
			f := fill(t, s, splitLayers(r, s))
			if n == 0 {
				want = f.Hash()
			}
			if got := f.Hash(); got != want {
				t.Fatalf("%+v: split %d has hash %s, the first %s", s, n, got.Short(), want.Short())
			}
			samples, values := job.FeatureSamples(s.Samples), f.Features()
			for range 20 {
				i := r.IntN(len(values))
				p := i / job.FeatureValues
				sum, _ := reference(uint32(p%s.Width), uint32(p/s.Width), uint32(i%job.FeatureValues), 0, 4, samples)
				if want := sum / float32(samples); values[i] != want {
					t.Fatalf("%+v: feature value %d = %v, want %v", s, i, values[i], want)
				}
			}
		}
		plain := filled(t, s.Width, s.Height, s.Samples, split(r, s.Width, s.Height, s.Samples))
		if plain.Hash() == want || plain.Features() != nil {
			t.Errorf("%+v: the hash does not cover the layers, or a film without has some", s)
		}
	}
}

func TestHalvesDoNotDependOnTheSplit(t *testing.T) {
	r := seeded(t)
	s := layered(66, 5, 6)
	var want []float32
	for range 4 {
		f := fill(t, s, splitLayers(r, s)) // 6 samples: no block has all
		h, ok := f.Halves()
		if !ok || h.Samples != [2]int{4, 2} {
			t.Fatalf("halves of %v samples, %v", h.Samples, ok)
		}
		a, b := h.First, h.Rest
		for i, m := range f.Mean() {
			if got := (4*a[i] + 2*b[i]) / 6; math.Abs(float64(got/m-1)) > 1e-5 {
				t.Fatalf("value %d: the halves have mean %v, the film %v", i, got, m)
			}
		}
		if want == nil {
			want = a
		}
		for i := range a {
			if a[i] != want[i] {
				t.Fatalf("value %d of the first half is %v, before %v", i, a[i], want[i])
			}
		}
	}
	s.Samples = 8
	one := job.Spec{X1: 66, Y1: 5, Log2: 3}
	f := fill(t, s, []job.Spec{one, {X1: 66, Y1: 5, Log2: 3, Layer: job.Features}})
	if _, ok := f.Halves(); ok {
		t.Error("a film of whole blocks has halves")
	}
}

func TestFilmRefusesLayersNobodyAskedFor(t *testing.T) {
	sp := job.Spec{X1: 4, Y1: 4, Layer: job.Features}
	if err := newFilm(t, 4, 4, 2).Add(sp, guest(sp)); err == nil {
		t.Error("a plain film takes features")
	}
	f, err := job.FilmOf(layered(4, 4, 64))
	if err != nil {
		t.Fatal(err)
	}
	for name, sp := range map[string]job.Spec{
		"samples": {X1: 4, Y1: 4, First: 16, Log2: 4, Layer: job.Features},
		"layer":   {X1: 4, Y1: 4, Layer: 2},
	} {
		if err := f.Add(sp, make([]byte, max(sp.PayloadSize(), 0))); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	short := job.Spec{X1: 4, Y1: 4, Layer: job.Features}
	if err := f.Add(short, make([]byte, 4*4*12)); err == nil {
		t.Error("a payload of the other layer is taken")
	}
	for range 2 {
		if err := f.Add(short, guest(short)); err != nil {
			t.Fatal(err)
		}
	}
	if over := (job.Spec{X0: 3, X1: 4, Y1: 1, Log2: 1, Layer: job.Features}); !errors.Is(f.Add(over, guest(over)), job.ErrOverlap) {
		t.Error("an overlap of features is taken")
	}
}

func TestPlanOfLayers(t *testing.T) {
	for _, c := range []struct {
		s   job.Settings
		opt job.Options
	}{
		{layered(640, 360, 100), job.Options{}},
		{layered(100, 75, 100), job.Options{Tile: 17}},
		{layered(64, 64, 1), job.Options{}},
		{layered(64, 64, 2), job.Options{}},
		{layered(64, 64, 4), job.Options{}},
		{layered(1500, 1200, 8), job.Options{Tile: 1024, MaxLog2: 2}},
	} {
		plain := c.s
		plain.Layers = false
		pilot := pilotOf(plain, 64)
		for _, r := range pilot { // a feature sample costs 2 units, whatever the light costs
			r.Spec.Layer = job.Features
			pilot = append(pilot, job.PilotResult{Spec: r.Spec, Work: 2 * r.Spec.Pixels()})
		}
		if got := job.PilotSpecs(c.s, 64); len(got) != len(pilot) {
			t.Fatalf("%+v: %d tasks of the pilot, want %d", c.s, len(got), len(pilot))
		}
		if _, err := job.NewPlan(c.s, pilot[:len(pilot)/2], c.opt); err == nil {
			t.Errorf("%+v: planned without a pilot of the features", c.s)
		}
		p, err := job.NewPlan(c.s, pilot, c.opt)
		if err != nil {
			t.Fatal(err)
		}
		checkLayers(t, c.s, p)
	}
}

// checkLayers holds a plan against what it promises of the layers.
func checkLayers(t *testing.T, s job.Settings, p job.Plan) {
	t.Helper()
	var units, area uint64
	first := 0 // pixels of the first pass
	for _, k := range p.Tasks {
		if err := k.Spec.Validate(s); err != nil {
			t.Fatal(err)
		}
		if k.Spec.Layer == job.Radiance {
			if k.Spec.First == 0 {
				first += int(k.Spec.Pixels())
			}
			if s.Samples > 1 && int(k.Spec.Samples()) > (s.Samples+1)/2 && s.Samples&(s.Samples-1) == 0 {
				t.Fatalf("%+v: a block of %d samples leaves no halves", s, k.Spec.Samples())
			}
			continue
		}
		if first != s.Width*s.Height {
			t.Fatalf("%+v: features come before the first preview", s)
		}
		units += k.Planned
		area += k.Spec.Pixels() * k.Spec.Samples()
	}
	want := uint64(s.Width * s.Height * job.FeatureSamples(s.Samples))
	if area != want {
		t.Errorf("%+v: features of %d samples, want %d", s, area, want)
	}
	if math.Abs(float64(units)/float64(2*want)-1) > 0.01 {
		t.Errorf("%+v: features cost %d units, want %d", s, units, 2*want)
	}
}

// Sums of what is taken are numbers, however large it is: two results that are
// each finite must not make a film that is not.
func TestNothingInAFilmIsInfinite(t *testing.T) {
	const most = 1 << 126 // of a block of 2^15 samples
	s := layered(1, 1, job.MaxSamples)
	payload := func(values int, v float32) []byte {
		var b []byte
		for range values {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		return b
	}
	f, err := job.FilmOf(s)
	if err != nil {
		t.Fatal(err)
	}
	half, other := job.Spec{X1: 1, Y1: 1, Log2: 15}, job.Spec{X1: 1, Y1: 1, Log2: 15, First: 1 << 15}
	first := job.Spec{X1: 1, Y1: 1, Log2: 4, Layer: job.Features}
	for _, v := range []float32{math.MaxFloat32, -math.MaxFloat32, math.Nextafter32(most, math.MaxFloat32)} {
		if f.Add(half, payload(3, v)) == nil || f.Add(first, payload(8, v)) == nil {
			t.Errorf("%v is taken", v)
		}
	}
	for _, err := range []error{f.Add(half, payload(3, most)), f.Add(other, payload(3, most)), f.Add(first, payload(8, 1<<115))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h, ok := f.Halves()
	if !ok {
		t.Fatal("there are no halves")
	}
	for _, values := range [][]float32{f.Mean(), f.Features(), h.First, h.Rest} {
		for i, v := range values {
			if v != 1<<111 {
				t.Errorf("value %d is %v, want 2^111", i, v)
			}
		}
	}
}
