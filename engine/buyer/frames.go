package buyer

import (
	"context"
	"fmt"

	"sonm/engine/fog"
	"sonm/engine/job"
)

// frame is a complete frame on its way to the keeper.
type frame struct {
	n    uint32
	film *job.Film
}

// kept says that the keeper is through with a frame; err means that it is only
// in the journal.
type kept struct {
	n   uint32
	err error
}

// keepQueue is how many complete frames may wait in memory to be kept before no
// more work is given out.
const keepQueue = 4

// frameDone hands a frame of an animation on; film is nil if it is not complete.
func (r *run) frameDone(n uint32, film *job.Film) {
	if film == nil || !r.Settings.Animated() {
		return
	}
	if r.keep == nil {
		r.tellFrame(n)
		return
	}
	r.finished = append(r.finished, frame{n, film})
	r.keeping++
}

func (r *run) tellFrame(n uint32) {
	r.ready[n] = true
	r.b.parts.Emit(fog.FrameDone{Job: r.ID, Frame: int(n), Done: len(r.ready), Total: r.Settings.FrameCount()})
}

// restoreFrame is frameDone before the loop runs, when nobody would take a
// frame: it is kept at once, so that all of them are not in memory together.
func (r *run) restoreFrame(ctx context.Context, n uint32, film *job.Film) {
	if film == nil || !r.Settings.Animated() {
		return
	}
	if r.keep == nil || r.put(ctx, frame{n, film}) == nil {
		r.tellFrame(n)
	}
}

// heldUp reports whether no more work is given out before frames are kept.
func (r *run) heldUp() bool { return len(r.finished) > keepQueue }

// nextFrame is where the next complete frame goes; nowhere if there is none.
func (r *run) nextFrame() (chan<- frame, frame) {
	if len(r.finished) == 0 {
		return nil, frame{}
	}
	return r.frames, r.finished[0]
}

// keeper is the goroutine that hands frames to whoever ordered them.
func (r *run) keeper(ctx context.Context) error {
	for {
		select {
		case f := <-r.frames:
			if !r.send(ctx, kept{f.n, r.put(ctx, f)}) {
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// put has a frame kept; one that cannot be is still in the journal.
func (r *run) put(ctx context.Context, f frame) error {
	err := r.keep(ctx, int(f.n), f.film)
	if err != nil {
		r.b.parts.Log.Info("frame not kept", "job", r.ID, "frame", f.n, "err", err)
	}
	return err
}

// refilm builds frames again from the results that still count.
func (r *run) refilm(ctx context.Context, touched map[uint32]bool) error {
	for n := range touched {
		if err := r.reel.Forget(n); err != nil {
			return err
		}
		delete(r.ready, n)
	}
	for i, res := range r.results {
		spec := r.Plan.Tasks[i].Spec
		if !touched[spec.Frame] {
			continue
		}
		out, err := r.b.parts.Journal.Output(ctx, r.ID, res.receipt.Result)
		if err != nil {
			return err
		}
		film, err := r.reel.Add(spec, out)
		if err != nil {
			return err
		}
		r.frameDone(spec.Frame, film)
	}
	return nil
}

// piece is one result of a frame.
type piece struct {
	spec   job.Spec
	result fog.Hash
}

// joiner makes frames from the results that count now.
func (r *run) joiner() func(ctx context.Context, frame int) (*job.Film, error) {
	pieces := map[int][]piece{}
	for i, res := range r.results {
		spec := r.Plan.Tasks[i].Spec
		pieces[int(spec.Frame)] = append(pieces[int(spec.Frame)], piece{spec, res.receipt.Result})
	}
	set, id, journal := r.Settings, r.ID, r.b.parts.Journal
	return func(ctx context.Context, frame int) (*job.Film, error) {
		film, err := job.FilmOf(set)
		if err != nil {
			return nil, err
		}
		for _, p := range pieces[frame] {
			out, err := journal.Output(ctx, id, p.result)
			if err != nil {
				return nil, err
			}
			if err := film.Add(p.spec, out); err != nil {
				return nil, err
			}
		}
		if !film.Complete() {
			return nil, fmt.Errorf("frame %d of job %s is not complete", frame, id.Short())
		}
		return film, nil
	}
}
