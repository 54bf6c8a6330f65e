package job_test

import (
	"testing"

	"sonm/engine/job"
)

// BenchmarkFilm joins a 1920x1080 picture of 100 samples from its plan.
func BenchmarkFilm(b *testing.B) {
	s := job.Settings{Scene: "a", Width: 1920, Height: 1080, Samples: 100}
	plan, err := job.NewPlan(s, pilotOf(s, 64), job.Options{})
	if err != nil {
		b.Fatal(err)
	}
	payload := make([]byte, 12*job.MaxTilePixels)
	for b.Loop() {
		f, err := job.NewFilm(s.Width, s.Height, s.Samples)
		if err != nil {
			b.Fatal(err)
		}
		for _, k := range plan.Tasks {
			if err := f.Add(k.Spec, payload[:k.Spec.PayloadSize()]); err != nil {
				b.Fatal(err)
			}
		}
		if !f.Complete() {
			b.Fatal("not complete")
		}
	}
	b.ReportMetric(float64(len(plan.Tasks)), "tasks")
}
