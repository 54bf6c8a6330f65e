package job_test

import (
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sonm/engine/fog"
	"sonm/engine/job"
)

// shot is an animation of small frames.
func shot(first, last, step int) job.Settings {
	return job.Settings{Scene: "a.glb", Width: 40, Height: 24, Samples: 11, Frames: &job.Frames{First: first, Last: last, Step: step}, FPS: 24}
}

func TestAnimationSettingsAreCanonical(t *testing.T) {
	for _, c := range []struct {
		s    job.Settings
		want string
	}{
		{shot(1, 48, 1), `"frames":{"first":1,"last":48,"step":1},"fps":24}`},
		{shot(1, 10, 4), `"frames":{"first":1,"last":9,"step":4},"fps":24}`},
		{shot(3, 5, 9), `"frames":{"first":3,"last":3,"step":1},"fps":24}`},
		{job.Settings{Scene: "a", Width: 1, Height: 1, Samples: 1, Frame: 7, FPS: 29.97}, `"frame":7,"camera":"","max_bounces":8,"fps":29.97}`},
	} {
		b, err := c.s.Encode()
		if err != nil || !strings.HasSuffix(string(b), c.want) {
			t.Errorf("settings = %s, %v; want %s", b, err, c.want)
		}
		back, err := job.DecodeSettings(b)
		if again, _ := back.Encode(); err != nil || string(again) != string(b) {
			t.Errorf("%s becomes %s, %v", b, again, err)
		}
	}
}

func TestAnimationSettingsRefuse(t *testing.T) {
	for _, c := range []struct {
		edit func(*job.Settings)
		want string
	}{
		{func(s *job.Settings) { s.Frames.First, s.Frames.Last = 48, 1 }, "backwards"},
		{func(s *job.Settings) { s.Frames.Last = 1_000_000_000 }, "1000000000 frames are too many"},
		{func(s *job.Settings) { s.Frames.First = -1 }, "frames -1"},
		{func(s *job.Settings) { s.Frames.Last = math.MaxInt32 + 1 }, "do not exist"},
		{func(s *job.Settings) { s.Frames.Step = 0 }, "step"},
		{func(s *job.Settings) { s.FPS = 0 }, "0 frames a second"},
		{func(s *job.Settings) { s.FPS = -24 }, "-24 frames a second"},
		{func(s *job.Settings) { s.FPS = math.NaN() }, "NaN frames a second"},
		{func(s *job.Settings) { s.FPS = 1001 }, "1001 frames a second"},
		{func(s *job.Settings) { s.Frame = 3 }, "not both"},
		{func(s *job.Settings) { s.Frames, s.FPS = nil, -1 }, "-1 frames a second"},
	} {
		s := shot(1, 48, 1)
		c.edit(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", s, err, c.want)
		}
	}
}

func TestPilotOfAnAnimationIsAFewFrames(t *testing.T) {
	for _, c := range []struct {
		s    job.Settings
		want []int
	}{
		{shot(1, 48, 1), []int{1, 12, 24, 36, 48}},
		{shot(0, 20, 10), []int{0, 10, 20}},
		{shot(5, 5, 1), []int{5}},
		{job.Settings{Scene: "a", Width: 8, Height: 8, Samples: 1, Frame: 9}, []int{9}},
	} {
		if got := job.PilotFrames(c.s); !slices.Equal(got, c.want) {
			t.Errorf("pilot of %+v: frames %v, want %v", c.s.Frames, got, c.want)
		}
		seen := map[uint32]uint64{}
		for _, sp := range job.PilotSpecs(c.s, 16) {
			if err := sp.Validate(c.s); err != nil {
				t.Fatal(err)
			}
			seen[sp.Frame] += sp.Pixels()
		}
		for _, n := range c.want {
			if small := uint64((c.s.Width + 7) / 8 * ((c.s.Height + 7) / 8)); seen[uint32(n)] != small {
				t.Errorf("frame %d: %d pixels of %d", n, seen[uint32(n)], small)
			}
		}
	}
}

// The pilot of a plan that leaves the tile open has a task for each tile of the
// plan, not one for each of its pixels: at full HD that was 32,400 calls of the
// guest before the person saw a price.
func TestPilotHasATaskPerTile(t *testing.T) {
	s := job.Settings{Scene: "a", Width: 1920, Height: 1080, Samples: 1}
	if n := len(job.PilotSpecs(s, 0)); n != 30*17 {
		t.Errorf("%d tasks, want one for each of the 510 tiles", n)
	}
}

// pilotRising answers the pilot with n units a sample in frame n.
func pilotRising(s job.Settings) (all []job.PilotResult) {
	for _, sp := range job.PilotSpecs(s, 64) {
		all = append(all, job.PilotResult{Spec: sp, Work: sp.Pixels() * uint64(sp.Frame)})
	}
	return all
}

// Every sample of every pixel of every frame is in one task, in order of the
// frames, and the work between piloted frames is interpolated.
func TestPlanOfAnAnimationCoversEverythingOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30 {
		s := shot(10, 10+rng.IntN(60), 1+rng.IntN(4))
		s.Width, s.Height, s.Samples = 1+rng.IntN(200), 1+rng.IntN(100), 1+rng.IntN(70)
		opt := job.Options{Tile: 8 << rng.IntN(4), TargetWork: 1 << (8 + rng.IntN(20)), MaxLog2: rng.IntN(4)}
		p, err := job.NewPlan(s, pilotRising(s), opt)
		if err != nil {
			t.Fatal(err)
		}
		checkCover(t, p)
		want := 0.0
		for i := range s.FrameCount() {
			want += float64(s.FrameAt(i) * s.Width * s.Height * s.Samples)
		}
		if math.Abs(float64(p.Planned)/want-1) > 0.01 {
			t.Errorf("planned %d units, want about %.0f", p.Planned, want)
		}
	}
}

// checkCover adds what each task covers to counters: a difference at the
// beginning and the end of its samples, per pixel and frame.
func checkCover(t *testing.T, p job.Plan) {
	t.Helper()
	s := p.Settings
	covered, last := map[uint32]uint64{}, uint32(0)
	blocks := map[[3]uint32][]job.Spec{} // by frame, x, y of each pixel
	for i, k := range p.Tasks {
		if err := k.Spec.Validate(s); err != nil || int(k.Index) != i {
			t.Fatalf("task %d: %+v: %v", i, k, err)
		}
		if k.Spec.Frame < last {
			t.Fatalf("task %d of frame %d comes after one of frame %d", i, k.Spec.Frame, last)
		}
		last = k.Spec.Frame
		covered[k.Spec.Frame] += k.Spec.Pixels() * k.Spec.Samples()
		for x := k.Spec.X0; x < k.Spec.X1; x += 7 { // every seventh pixel shows an overlap as well
			for y := k.Spec.Y0; y < k.Spec.Y1; y += 5 {
				at := [3]uint32{k.Spec.Frame, x, y}
				for _, o := range blocks[at] {
					if k.Spec.First < o.First+uint32(o.Samples()) && o.First < k.Spec.First+uint32(k.Spec.Samples()) {
						t.Fatalf("tasks %+v and %+v overlap", o, k.Spec)
					}
				}
				blocks[at] = append(blocks[at], k.Spec)
			}
		}
	}
	for i := range s.FrameCount() {
		if got, want := covered[uint32(s.FrameAt(i))], uint64(s.Width*s.Height*s.Samples); got != want {
			t.Errorf("frame %d: %d samples in tasks, want %d", s.FrameAt(i), got, want)
		}
	}
}

func TestAnAnimationBeginsWithAPreviewOfItsFirstFrame(t *testing.T) {
	s := shot(1, 48, 1)
	p, err := job.NewPlan(s, pilotRising(s), job.Options{TargetWork: 1000, Tile: 8})
	if err != nil {
		t.Fatal(err)
	}
	area := 0
	for _, k := range p.Tasks {
		if area < s.Width*s.Height && (k.Spec.Frame != 1 || k.Spec.First != 0 || k.Spec.Log2 != 2) {
			t.Fatalf("task %+v comes before the first pass is over", k)
		}
		area += int(k.Spec.Pixels())
	}
}

// framed renders a task of an animation: each frame is another picture.
func framed(s job.Spec) []byte {
	return render(s, func(x, y, ch, first, log2 uint32) float32 {
		sum := float32(0)
		for i := first; i < first+1<<log2; i++ {
			sum += float32((x*3+y*5+ch*7+i*11+s.Frame*13)%17) / 16 // sums are exact
		}
		return sum
	})
}

func TestReel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := shot(2, 8, 3)
	p, err := job.NewPlan(s, pilotRising(s), job.Options{Tile: 8, TargetWork: 2000})
	if err != nil {
		t.Fatal(err)
	}
	whole := sha256.New()
	films := map[uint32]fog.Hash{}
	for _, n := range []uint32{2, 5, 8} {
		f, _ := job.NewFilm(s.Width, s.Height, s.Samples)
		for i := range s.Samples {
			if err := f.Add(job.Spec{Frame: n, X1: 40, Y1: 24, First: uint32(i)}, framed(job.Spec{Frame: n, X1: 40, Y1: 24, First: uint32(i)})); err != nil {
				t.Fatal(err)
			}
		}
		films[n] = f.Hash()
		h := f.Hash()
		whole.Write(h[:])
	}
	for round := range 3 {
		r, err := job.NewReel(s)
		if err != nil {
			t.Fatal(err)
		}
		add := func(tasks []job.Task) (complete int) {
			for _, i := range rng.Perm(len(tasks)) {
				f, err := r.Add(tasks[i].Spec, framed(tasks[i].Spec))
				if err != nil {
					t.Fatal(err)
				}
				if f != nil {
					if n := tasks[i].Spec.Frame; f.Hash() != films[n] || f != r.Newest() {
						t.Errorf("frame %d is another film", n)
					}
					complete++
				}
			}
			return complete
		}
		if n := add(p.Tasks); n != 3 || !r.Complete() || r.Done() != 3 {
			t.Fatalf("%d frames came out complete, %d are", n, r.Done())
		}
		if round == 1 { // a result was wrong
			if err := r.Forget(5); err != nil || r.Complete() || r.Hash() == fog.Hash(whole.Sum(nil)) {
				t.Fatalf("complete without frame 5: %v", err)
			}
			if n := add(p.Tasks); n != 1 {
				t.Errorf("%d frames came out again, want one", n)
			}
		}
		if r.Hash() != fog.Hash(whole.Sum(nil)) {
			t.Errorf("round %d: hash %s, want that of the films' hashes in order", round, r.Hash().Short())
		}
		if _, err := r.Add(job.Spec{Frame: 3, X1: 8, Y1: 8}, make([]byte, 8*8*12)); err == nil {
			t.Error("a frame that is not of the job was added")
		}
	}
}

func TestReelOfAPictureIsNamedByItsFilm(t *testing.T) {
	s := job.Settings{Scene: "a", Width: 8, Height: 8, Samples: 1, Frame: 4}
	r, err := job.NewReel(s)
	if err != nil {
		t.Fatal(err)
	}
	sp := job.Spec{Frame: 4, X1: 8, Y1: 8}
	f, err := r.Add(sp, framed(sp))
	if err != nil || f == nil || r.Hash() != f.Hash() || !r.Complete() {
		t.Errorf("film %v, %v", f, err)
	}
}

// No task but one that cannot be cut is more than a 32nd of the work from it to
// the end of the job, down to tasks that nobody waits for.
func TestPlanTapersOff(t *testing.T) {
	still := job.Settings{Scene: "a", Width: 160, Height: 96, Samples: 200}
	for _, s := range []job.Settings{still, shot(1, 24, 1), shot(1, 1, 1)} {
		const target = 100_000
		p, err := job.NewPlan(s, pilotOf(s, 64), job.Options{Tile: 32, TargetWork: target})
		if err != nil {
			t.Fatal(err)
		}
		rest := p.Planned
		for i, k := range p.Tasks {
			first := k.Spec.First == 0 && k.Spec.Frame == uint32(s.FrameAt(0))
			if !first && k.Spec.Log2 > 0 && k.Planned > target/32 && k.Planned > rest/32+uint64(s.Width*s.Height) {
				t.Fatalf("frames %+v: task %d of %d units, %d are left to the end", s.Frames, i, k.Planned, rest)
			}
			rest -= k.Planned
		}
		last := p.Tasks[len(p.Tasks)-1]
		if last.Planned > target/32 && last.Spec.Log2 > 0 {
			t.Errorf("frames %+v: the last task has %d units", s.Frames, last.Planned)
		}
	}
}

// An animation with layers: the features are piloted where the light is, every
// frame has its own, and its film has halves, however the job was cut.
func TestAnAnimationWithLayers(t *testing.T) {
	r := seeded(t)
	s := shot(4, 6, 2)
	s.Layers = true
	piloted := map[job.Layer][]uint32{}
	for _, sp := range job.PilotSpecs(s, 64) {
		piloted[sp.Layer] = append(piloted[sp.Layer], sp.Frame)
	}
	if want := []uint32{4, 6}; !slices.Equal(piloted[job.Radiance], want) || !slices.Equal(piloted[job.Features], want) {
		t.Errorf("piloted frames by layer: %v, want %v in both", piloted, want)
	}
	films, whole := map[uint32]*job.Film{}, sha256.New()
	for _, n := range []uint32{4, 6} {
		specs := splitLayers(r, s)
		for i := range specs {
			specs[i].Frame = n
		}
		films[n] = joined(t, s, specs)
		h := films[n].Hash()
		whole.Write(h[:])
	}
	if films[4].Hash() == films[6].Hash() || slices.Equal(films[4].Features(), films[6].Features()) {
		t.Error("the frames are the same")
	}
	for _, opt := range []job.Options{{Tile: 8, TargetWork: 2000}, {}, {Tile: 16, MaxLog2: 1}} {
		p, err := job.NewPlan(s, pilotRising(s), opt)
		if err != nil {
			t.Fatal(err)
		}
		r.Shuffle(len(p.Tasks), func(i, j int) { p.Tasks[i], p.Tasks[j] = p.Tasks[j], p.Tasks[i] })
		reel, err := job.NewReel(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range p.Tasks {
			f, err := reel.Add(k.Spec, framed(k.Spec))
			if err != nil {
				t.Fatal(err)
			}
			if f != nil {
				sameLayers(t, f, films[k.Spec.Frame])
			}
		}
		if !reel.Complete() || reel.Hash() != fog.Hash(whole.Sum(nil)) {
			t.Errorf("%+v: %d of 2 frames, hash %s", opt, reel.Done(), reel.Hash().Short())
		}
	}
}

// joined is the film that blocks of one frame make.
func joined(t *testing.T, s job.Settings, specs []job.Spec) *job.Film {
	t.Helper()
	f, err := job.FilmOf(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, sp := range specs {
		if err := f.Add(sp, framed(sp)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// sameLayers compares a film of a plan, which has halves, with one of any split.
func sameLayers(t *testing.T, got, want *job.Film) {
	t.Helper()
	if got.Hash() != want.Hash() || !slices.Equal(got.Features(), want.Features()) {
		t.Errorf("film %s, want %s", got.Hash().Short(), want.Hash().Short())
	}
	h, ok := got.Halves()
	if !ok || h.Samples != [2]int{8, 3} {
		t.Fatalf("halves of %v samples, %v", h.Samples, ok)
	}
	for i, m := range want.Mean() {
		if mean := (8*h.First[i] + 3*h.Rest[i]) / 11; math.Abs(float64(mean-m)) > 1e-5 {
			t.Fatalf("value %d: the halves have mean %v, the film %v", i, mean, m)
		}
	}
}

// A thumbnail is of a picture that is ordered: an animation may begin anywhere.
func TestAThumbnailIsOfTheFirstFrame(t *testing.T) {
	for want, s := range map[uint32]job.Settings{
		7:  {Width: 640, Height: 480, Samples: 4, Frame: 7},
		48: {Width: 640, Height: 480, Samples: 4, FPS: 24, Layers: true, Frames: &job.Frames{First: 48, Last: 96, Step: 8}},
	} {
		spec := job.ThumbnailSpec(s)
		if spec.Frame != want || spec.X1 != 160 || spec.Y1 != 120 {
			t.Errorf("the thumbnail is %d x %d pixels of frame %d, want frame %d", spec.X1, spec.Y1, spec.Frame, want)
		}
	}
}
