package denoise_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"sonm/engine/job/denoise"
	"sonm/engine/job/picture"
)

// world is a made-up scene: what a pixel shows is albedo x light.
type world struct {
	w, h   int
	albedo func(x, y int) [3]float64
	light  func(x, y int) float64
	normal func(x, y int) [3]float64
}

// still is a wall of one colour in even light.
func still(w, h int) world {
	return world{
		w, h,
		func(int, int) [3]float64 { return [3]float64{0.7, 0.5, 0.3} },
		func(int, int) float64 { return 1 },
		func(int, int) [3]float64 { return [3]float64{0, 0, 1} },
	}
}

// checkered is a wall with a chess board of 3 pixels a field, in light that
// falls off to the right.
func checkered(w, h int) world {
	s := still(w, h)
	s.albedo = func(x, y int) [3]float64 {
		if (x/3+y/3)%2 == 0 {
			return [3]float64{0.8, 0.8, 0.1}
		}
		return [3]float64{0.1, 0.3, 0.6}
	}
	s.light = func(x, _ int) float64 { return 1.2 - float64(x)/float64(w) }
	return s
}

// bent is a row of pillars: the light follows the normal.
func bent(w, h int) world {
	s := still(w, h)
	s.normal = func(x, _ int) [3]float64 {
		a := (float64(x%24)/24 - 0.5) * 2
		return [3]float64{math.Sin(a), 0, math.Cos(a)}
	}
	s.light = func(x, y int) float64 { n := s.normal(x, y); return max(0.1, 0.7*n[0]+0.7*n[2]) }
	return s
}

// shadowed has an edge of shadow that neither albedo nor normal knows.
func shadowed(w, h int) world {
	s := still(w, h)
	s.light = func(x, y int) float64 {
		if 2*x+y < w+h/2 {
			return 1
		}
		return 0.2
	}
	return s
}

// rough is light that differs from pixel to pixel for no reason.
func rough(w, h int) world {
	s := still(w, h)
	s.light = func(x, y int) float64 { return rand.New(rand.NewPCG(uint64(x), uint64(y))).Float64() }
	return s
}

// grainy is light that differs from pixel to pixel by little more than noise
// does, which looks like noise to a filter that only compares pixels.
func grainy(w, h int) world {
	s := rough(w, h)
	grain := s.light
	s.light = func(x, y int) float64 { return 0.6 + 0.24*(grain(x, y)-0.5) }
	return s
}

// shot is a picture of a world with noise: a sample's standard deviation is so
// many times its light.
func (s world) shot(r *rand.Rand, samples [2]int, spread float64) (in denoise.Input, mean, truth []float32) {
	in = denoise.Input{W: s.w, H: s.h, Samples: samples}
	n := float64(samples[0] + samples[1])
	for i := range s.w * s.h {
		x, y := i%s.w, i/s.w
		albedo, normal, light := s.albedo(x, y), s.normal(x, y), s.light(x, y)
		half := func(n int) float64 { return max(0, light*(1+spread/math.Sqrt(float64(n))*r.NormFloat64())) }
		a, b := half(samples[0]), half(samples[1])
		for _, c := range albedo {
			in.First, in.Rest = append(in.First, float32(c*a)), append(in.Rest, float32(c*b))
			mean = append(mean, float32(c*(a*float64(samples[0])+b*float64(samples[1]))/n))
			truth = append(truth, float32(c*light))
		}
		in.Features = append(in.Features, float32(albedo[0]), float32(albedo[1]), float32(albedo[2]),
			float32(normal[0]), float32(normal[1]), float32(normal[2]), 5, 1)
	}
	return in, mean, truth
}

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func run(t *testing.T, in denoise.Input) []float32 {
	t.Helper()
	out, err := denoise.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func psnr(t *testing.T, in denoise.Input, pix, truth []float32) float64 {
	t.Helper()
	m, err := picture.Compare(picture.Image{W: in.W, H: in.H, Pix: pix}, picture.Image{W: in.W, H: in.H, Pix: truth})
	if err != nil {
		t.Fatal(err)
	}
	return m.PSNR
}

// Where there is much noise most of it goes, and where there is hardly any
// nothing is spoilt, whatever is in the picture.
func TestNoiseGoesAndNothingElse(t *testing.T) {
	r := seeded(t)
	worlds := map[string]world{"still": still(48, 32), "checkered": checkered(48, 32), "bent": bent(48, 32), "shadowed": shadowed(48, 32), "rough": rough(48, 32), "grainy": grainy(48, 32)}
	for _, c := range []struct {
		name    string
		samples [2]int
		spread  float64
		least   float64 // dB gained
	}{
		{"still", [2]int{8, 8}, 2, 11},
		{"still", [2]int{64, 1}, 2, 5}, // halves as uneven as they get
		{"checkered", [2]int{8, 8}, 2, 10},
		{"bent", [2]int{8, 8}, 2, 10},
		{"shadowed", [2]int{8, 8}, 2, 5},
		{"shadowed", [2]int{512, 512}, 2, 4},
		{"rough", [2]int{512, 512}, 1, -0.1},
		{"rough", [2]int{8, 8}, 0.02, -0.1},
		{"grainy", [2]int{32, 32}, 0.5, -0.2}, // the fit is worse than what was rendered, by 0.7 dB
		{"checkered", [2]int{512, 512}, 0.1, -0.1},
	} {
		in, mean, truth := worlds[c.name].shot(r, c.samples, c.spread)
		before, after := psnr(t, in, mean, truth), psnr(t, in, run(t, in), truth)
		t.Logf("%s, %v samples of spread %v: %.2f to %.2f dB", c.name, c.samples, c.spread, before, after)
		if after-before < c.least {
			t.Errorf("%s, %v samples of spread %v: %.2f dB gained, want %v", c.name, c.samples, c.spread, after-before, c.least)
		}
	}
}

// The edge of a texture is as sharp as before: the step over it is the albedo's.
func TestTextureEdgesStaySharp(t *testing.T) {
	in, _, truth := checkered(45, 45).shot(seeded(t), [2]int{8, 8}, 0.7)
	out := run(t, in)
	var got, want float64
	for y := 8; y < 37; y++ {
		for x := 8; x < 37; x += 3 { // the last of a field and the first of the next
			i := 3 * (y*45 + x)
			got += math.Abs(float64(out[i+3] - out[i]))
			want += math.Abs(float64(truth[i+3] - truth[i]))
		}
	}
	if math.Abs(got/want-1) > 0.07 {
		t.Errorf("steps of %v times the true ones", got/want)
	}
}

func TestWithoutNoiseNothingChanges(t *testing.T) {
	for name, s := range map[string]world{"still": still(40, 33), "checkered": checkered(40, 33), "shadowed": shadowed(40, 33), "rough": rough(40, 33)} {
		in, mean, _ := s.shot(seeded(t), [2]int{4, 4}, 0)
		for i, v := range run(t, in) {
			if math.Abs(float64(v-mean[i])) > 1e-4 {
				t.Fatalf("%s: value %d = %v, was %v", name, i, v, mean[i])
			}
		}
	}
}

// The light as a whole stays: a picture does not get darker or brighter.
func TestTheMeanStays(t *testing.T) {
	in, mean, _ := bent(48, 48).shot(seeded(t), [2]int{16, 16}, 1)
	var before, after float64
	for i, v := range run(t, in) {
		before, after = before+float64(mean[i]), after+float64(v)
	}
	if math.Abs(after/before-1) > 0.01 {
		t.Errorf("the mean is %v times what it was", after/before)
	}
}

func TestTheBitsDependOnNeitherCoresNorBands(t *testing.T) {
	in, _, _ := checkered(12, 70).shot(seeded(t), [2]int{8, 5}, 2)
	want := run(t, in)
	check := func(what string, got []float32) {
		t.Helper()
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
				t.Fatalf("%s: value %d = %v, want %v", what, i, got[i], want[i])
			}
		}
	}
	for _, step := range []int{23} {
		got, err := denoise.InBands(t.Context(), in, step)
		if err != nil {
			t.Fatal(err)
		}
		check("bands", got)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	check("one core", run(t, in))
}

func TestOddPictures(t *testing.T) {
	r := seeded(t)
	for _, c := range []struct{ w, h int }{{1, 1}, {1, 40}, {40, 1}, {3, 2}} {
		in, _, _ := still(c.w, c.h).shot(r, [2]int{1, 1}, 3)
		for i := range in.First { // lamps, holes and the sky
			switch r.IntN(4) {
			case 0:
				in.First[i] = math.MaxFloat32
			case 1:
				in.First[i], in.Rest[i] = 0, math.SmallestNonzeroFloat32
			}
		}
		for i := 0; i < len(in.Features); i += 8 {
			if r.IntN(3) == 0 {
				clear(in.Features[i : i+8])
			}
		}
		for i, v := range run(t, in) {
			if !(v >= 0 && v <= math.MaxFloat32) {
				t.Fatalf("%d x %d: value %d = %v", c.w, c.h, i, v)
			}
		}
	}
}

// Features that a seller has made up for one pixel spoil no other, and light
// leaves numbers everywhere.
func TestAPixelThatLiesSpoilsNoOther(t *testing.T) {
	const at = 20*40 + 20
	r := seeded(t)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	lies := []float32{math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, -0.04, inf, -inf, nan}
	for i := range 8 + 2 { // the features, and both halves
		for _, lie := range lies {
			in, mean, _ := still(40, 40).shot(r, [2]int{8, 8}, 0.1)
			switch i {
			case 8:
				in.First[3*at] = lie
			case 9:
				in.Rest[3*at] = lie
			default:
				in.Features[8*at+i] = lie
			}
			for k, v := range run(t, in) {
				if !(v >= 0 && v <= math.MaxFloat32) || i < 8 && k/3 != at && math.Abs(float64(v-mean[k])) > 0.5 {
					t.Fatalf("value %d of the pixel is %v: value %d becomes %v, was %v", i, lie, k, v, mean[k])
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	good, _, _ := still(8, 8).shot(seeded(t), [2]int{1, 1}, 1)
	for name, change := range map[string]func(*denoise.Input){
		"empty":    func(in *denoise.Input) { in.W = 0 },
		"negative": func(in *denoise.Input) { in.W, in.H = -8, -8 },
		"first":    func(in *denoise.Input) { in.First = in.First[1:] },
		"rest":     func(in *denoise.Input) { in.Rest = nil },
		"features": func(in *denoise.Input) { in.Features = in.Features[:64] },
		"samples":  func(in *denoise.Input) { in.Samples[1] = 0 },
	} {
		in := good
		change(&in)
		if _, err := denoise.Run(t.Context(), in); !errors.Is(err, denoise.ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := denoise.Run(ctx, good); !errors.Is(err, context.Canceled) {
		t.Errorf("called off: %v", err)
	}
}

func BenchmarkRun(b *testing.B) {
	in, _, _ := checkered(256, 144).shot(rand.New(rand.NewPCG(1, 2)), [2]int{8, 8}, 1)
	for b.Loop() {
		if _, err := denoise.Run(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
}
