package buyer_test

import (
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"
	"time"

	"sonm/engine/fog"
	"sonm/engine/fogtest"
	"sonm/engine/job"
)

// shelf keeps frames as an order's folder does: the last one of a number stays.
type shelf map[int]fog.Hash

func (s shelf) keep(_ context.Context, frame int, film *job.Film) error {
	s[frame] = film.Hash()
	return nil
}

// animation is three frames in some 60 tasks.
func animation(s shelf) fogtest.Work {
	return fogtest.Work{Width: 32, Height: 16, Frames: &job.Frames{First: 2, Last: 6, Step: 2}, Keep: s.keep}
}

// Frames that are slow to keep hold sellers up, which is no reason to think that
// there are none, and do not pile up in memory meanwhile.
func TestFramesThatAreSlowToKeepEndNoJob(t *testing.T) {
	inFog(t, 1, func(t *testing.T, f *fogtest.Fog) {
		sell(t, f, fogtest.Honest(), fogtest.Honest())
		s := shelf{}
		w := animation(s)
		w.Width, w.Height, w.Samples, w.Layers, w.Patience = 16, 8, 4, true, 10*time.Second
		w.Frames = &job.Frames{First: 1, Last: 12, Step: 1}
		b, came := f.Buy("buyer", snm("10"), fogtest.BuyerRole{}), 0
		w.Keep = func(ctx context.Context, frame int, film *job.Film) error {
			<-time.NewTimer(2 * w.Patience).C // as denoising may take
			if len(s) == 0 {
				came = len(fogtest.Find[fog.TaskDone](f.Trace, b.Peer, fogtest.Told))
			}
			return s.keep(ctx, frame, film)
		}
		d := buy(t, f, b, w)
		rightFrames(t, d, s)
		if most := len(d.Plan.Tasks) * 8 / 12; came > most { // the first one, five that wait, and what was leased by then
			t.Errorf("%d results of %d came while the first frame was being kept, want at most %d", came, len(d.Plan.Tasks), most)
		}
	})
}

// rightFrames checks every frame that was kept, joins each again from the
// journal, and checks the name of the whole.
func rightFrames(t *testing.T, d fogtest.Done, s shelf) {
	t.Helper()
	whole := sha256.New()
	for _, n := range slices.Sorted(maps.Keys(d.Frames)) {
		want := d.Frames[n].Hash()
		whole.Write(want[:])
		if s[n] != want {
			t.Errorf("frame %d was kept as film %s, want %s", n, s[n].Short(), want.Short())
		}
		if again, err := d.Frame(t.Context(), n); err != nil || again.Hash() != want {
			t.Errorf("frame %d cannot be joined again: %v", n, err)
		}
	}
	if d.Hash != fog.Hash(whole.Sum(nil)) {
		t.Errorf("the animation is named %s, want the hash of its films' hashes", d.Hash.Short())
	}
}

func TestAnAnimationIsOneJob(t *testing.T) {
	for seed := range uint64(5) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Honest(), fogtest.Slow(3), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			s := shelf{}
			w := animation(s)
			w.Layers = seed%2 == 1
			d := buy(t, f, b, w)
			rightFrames(t, d, s)
			told := fogtest.Find[fog.FrameDone](f.Trace, b.Peer, fogtest.Told)
			if len(told) != 3 || told[2].Done != 3 || told[2].Total != 3 {
				t.Errorf("frames told: %+v", told)
			}
			first := fogtest.Find[fog.TaskLeased](f.Trace, b.Peer, fogtest.Told)[0]
			if sp := d.Plan.Tasks[first.Index].Spec; sp.Frame != 2 || sp.First != 0 {
				t.Errorf("the first task is %+v", sp)
			}
		})
	}
}

// What a liar delivered is rendered again, also in frames that were kept.
func TestAFrameALiarHadAPartInIsKeptAgain(t *testing.T) {
	again := 0
	for seed := range uint64(12) {
		inFog(t, seed, func(t *testing.T, f *fogtest.Fog) {
			sell(t, f, fogtest.Liar(0.15), fogtest.Honest())
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{CheckSpeed: 20_000})
			s := shelf{}
			w := animation(s)
			w.CheckRate = 1
			d := buy(t, f, b, w)
			rightFrames(t, d, s)
			noPayForLies(t, f, b)
			again += len(fogtest.Find[fog.FrameDone](f.Trace, b.Peer, fogtest.Told)) - 3
		})
	}
	t.Logf("seeds 0-11: %d frames were kept again", again)
	if again < 2 {
		t.Error("no frame was kept again: the test shows nothing")
	}
}

// The buyer's program dies after each of its records and is started again: the
// frames are right and no task on disk is rendered again.
func TestAnAnimationGoesOnAfterEveryRecord(t *testing.T) {
	k, resumed := 1, 0
	for more := true; more && !t.Failed(); k += 3 {
		inFog(t, uint64(k), func(t *testing.T, f *fogtest.Fog) {
			sellers := sell(t, f, fogtest.Honest(), fogtest.Slow(2))
			b := f.Buy("buyer", snm("10"), fogtest.BuyerRole{})
			s := shelf{}
			w := animation(s)
			w.Layers = k%2 == 0
			d, open := untilCrash(t, b, w, k)
			if more = d.ID != (fog.JobID{}); !more {
				return
			}
			if !open {
				return
			}
			resumed++
			at := len(f.Trace.Steps())
			d, err := b.Resume(t.Context(), d, w)
			if err != nil {
				t.Fatalf("resume after record %d: %v", k, err)
			}
			rightFrames(t, d, s)
			paidOnce(t, f, b)
			checkSums(t, f, b, d)
			afterCrash(t, f, b, at, sellers)
		})
	}
	t.Logf("seeds 1-%d: %d jobs resumed", k, resumed)
	if resumed < 25 {
		t.Error("the job is too small to show anything")
	}
}
