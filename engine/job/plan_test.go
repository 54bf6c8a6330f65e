package job_test

import (
	"math"
	"strings"
	"testing"

	"sonm/engine/job"
)

// pilotOf answers the pilot as a guest would whose left half costs 10 units a
// sample and whose right half costs 50.
func pilotOf(s job.Settings, tile int) []job.PilotResult {
	var out []job.PilotResult
	for _, sp := range job.PilotSpecs(s, tile) {
		work := sp.Pixels() * 10
		if int(sp.X0)*8*2 >= s.Width {
			work *= 5
		}
		out = append(out, job.PilotResult{Spec: sp, Work: work})
	}
	return out
}

func planOf(t *testing.T, s job.Settings, opt job.Options) job.Plan {
	t.Helper()
	p, err := job.NewPlan(s, pilotOf(s, 64), opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPilotCoversTheSmallFrameOnce(t *testing.T) {
	for _, c := range []struct{ w, h, tile int }{{256, 256, 64}, {1, 1, 64}, {100, 75, 8}, {1920, 1080, 64}, {77, 13, 17}, {50, 50, 3}} {
		s := job.Settings{Scene: "a", Width: c.w, Height: c.h, Samples: 1}
		w, h := (c.w+7)/8, (c.h+7)/8
		seen := make([]int, w*h)
		for _, sp := range job.PilotSpecs(s, c.tile) {
			if err := sp.Validate(s); err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			for y := sp.Y0; y < sp.Y1; y++ {
				for x := sp.X0; x < sp.X1; x++ {
					seen[int(y)*w+int(x)]++
				}
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("%+v: pixel %d is covered %d times", c, i, n)
			}
		}
	}
}

func TestPlan(t *testing.T) {
	s := job.Settings{Scene: "a.glb", Width: 1920, Height: 1080, Samples: 100}
	p := planOf(t, s, job.Options{})
	sum, area := uint64(0), uint64(0)
	for i, k := range p.Tasks {
		if int(k.Index) != i || k.Planned < k.Spec.Pixels()*k.Spec.Samples() {
			t.Fatalf("task %d: %+v", i, k)
		}
		if err := k.Spec.Validate(p.Settings); err != nil {
			t.Fatal(err)
		}
		sum += k.Planned
		if k.Spec.First == 0 {
			area += k.Spec.Pixels()
			if k.Spec.Log2 != 2 {
				t.Fatalf("first pass with 2^%d samples", k.Spec.Log2)
			}
			if area != 1920*1080 && p.Tasks[i+1].Spec.First != 0 {
				t.Fatalf("task %d comes before the first pass is over", i+1)
			}
		} else if before := p.Tasks[i-1]; before.Spec.First > 0 && before.Planned < k.Planned {
			t.Fatalf("task %d of %d units after one of %d", i, k.Planned, before.Planned)
		}
		if k.Spec.Log2 > 0 && k.Planned > job.DefaultTargetWork+100 {
			t.Fatalf("task %d of %d units", i, k.Planned)
		}
	}
	want := 1920 * 1080 * 100.0 * 30
	if sum != p.Planned || math.Abs(float64(sum)/want-1) > 0.03 {
		t.Errorf("planned %d (tasks %d), want about %.0f", p.Planned, sum, want)
	}
	t.Logf("%d tasks, mean %d units", len(p.Tasks), p.Planned/uint64(len(p.Tasks)))
}

func TestPlanSmallAndHuge(t *testing.T) {
	for _, c := range []struct {
		s        job.Settings
		opt      job.Options
		min, max int
	}{
		{job.Settings{Scene: "a", Width: 1, Height: 1, Samples: 1}, job.Options{}, 1, 1},
		{job.Settings{Scene: "a", Width: 64, Height: 64, Samples: 3}, job.Options{}, 2, 2},
		{job.Settings{Scene: "a", Width: 256, Height: 256, Samples: 256}, job.Options{}, 100, 200},
		{job.Settings{Scene: "a", Width: 64, Height: 64, Samples: 64}, job.Options{MaxLog2: 1}, 32, 32},
		{job.Settings{Scene: "a", Width: 4096, Height: 4096, Samples: 65536}, job.Options{}, 100_000, job.MaxTasks},
	} {
		p := planOf(t, c.s, c.opt)
		if n := len(p.Tasks); n < c.min || n > c.max {
			t.Errorf("%+v: %d tasks, want %d to %d", c.s, n, c.min, c.max)
		}
	}
}

func TestPlanWithoutAnyWorkStillPlansARayPerSample(t *testing.T) {
	s := job.Settings{Scene: "a", Width: 100, Height: 100, Samples: 10}
	var pilot []job.PilotResult
	for _, sp := range job.PilotSpecs(s, 64) {
		pilot = append(pilot, job.PilotResult{Spec: sp})
	}
	p, err := job.NewPlan(s, pilot, job.Options{})
	if err != nil || p.Planned != 100*100*10 {
		t.Errorf("planned %d, %v", p.Planned, err)
	}
}

func TestPlanRefuses(t *testing.T) {
	s := job.Settings{Scene: "a", Width: 100, Height: 100, Samples: 10}
	pilot := pilotOf(s, 64)
	full := job.PilotResult{Spec: job.Spec{X1: 100, Y1: 100}, Work: 1}
	for _, c := range []struct {
		name  string
		s     job.Settings
		pilot []job.PilotResult
		opt   job.Options
		want  string
	}{
		{"bad settings", job.Settings{}, pilot, job.Options{}, "scene"},
		{"no pilot", s, nil, job.Options{}, "does not cover"},
		{"a hole", s, pilot[1:], job.Options{}, "does not cover"},
		{"full size pilot", s, []job.PilotResult{full}, job.Options{}, "pilot"},
		{"tile", s, pilot, job.Options{Tile: 7}, "tiles of 7"},
		{"tile", s, pilot, job.Options{Tile: 2000}, "tiles of 2000"},
		{"block", s, pilot, job.Options{MaxLog2: 17}, "2^17"},
		{"block", s, pilot, job.Options{MaxLog2: -1}, "2^-1"},
	} {
		if _, err := job.NewPlan(c.s, c.pilot, c.opt); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	big := job.Settings{Scene: "a", Width: 16384, Height: 16384, Samples: 65536}
	if _, err := job.NewPlan(big, pilotOf(big, 1024), job.Options{MaxLog2: 1}); err == nil {
		t.Error("8 million tasks were planned")
	}
}
