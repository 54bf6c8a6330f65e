package fogtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/market"
)

// Work is a job to be done in a fog. Zero fields have defaults: 64 x 64
// pixels, 8 samples, tiles of 8 pixels, which makes 128 tasks.
type Work struct {
	Width, Height, Samples, Tile int
	Layers                       bool          // asks for the feature layers, too
	CheckRate                    float64       // default 0.05, the product's; below 0 nothing is checked
	Patience                     time.Duration // default a minute
	Sellers                      int           // at most so many; 0 = as many as useful
	Wait                         time.Duration // for sellers; default 20 s
	Frames                       *job.Frames   // of an animation; nil = one picture
	MaxLog2                      int           // of a task's samples; default 2
	TargetWork                   uint64        // of a task; 0 leaves it to the plan

	Keep func(ctx context.Context, frame int, film *job.Film) error // see buyer.Terms
}

func (w Work) withDefaults() Work {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&w.Width, 64)
	or(&w.Height, 64)
	or(&w.Samples, 8)
	or(&w.Tile, 8)
	or(&w.MaxLog2, 2)
	if w.CheckRate == 0 {
		w.CheckRate = 0.05
	}
	if w.Patience == 0 {
		w.Patience = time.Minute
	}
	if w.Wait == 0 {
		w.Wait = 20 * time.Second
	}
	return w
}

// Done is a finished job and what it should have given.
type Done struct {
	buyer.Outcome
	ID     fog.JobID
	Plan   job.Plan
	Offer  market.Offer
	Truth  *job.Film         // of the first frame
	Frames map[int]*job.Film // what each frame has to be
	Before fog.Amount        // free escrow balance before the job

	prepared buyer.Prepared
}

// Do buys a job from the first look to the last payment.
func (b *Buyer) Do(ctx context.Context, w Work) (Done, error) {
	w = w.withDefaults()
	d, p, err := b.plan(ctx, w)
	if err != nil {
		return d, err
	}
	if d.Offer, err = b.Quote(ctx, p, market.Terms{Sellers: w.Sellers}, w.Wait); err != nil {
		return d, err
	}
	d.Before = b.fog.Chain.Free(b.Keys.Account())
	d.Outcome, err = b.Run(ctx, p, buyer.Terms{Offer: d.Offer, CheckRate: w.CheckRate, Patience: w.Patience, Keep: w.Keep})
	return d, err
}

// Resume goes on with an open job that Do began and a crash ended: d is what Do
// returned, the journal has the rest.
func (b *Buyer) Resume(ctx context.Context, d Done, w Work) (Done, error) {
	saved, open := b.Journal.Saved(d.ID)
	if !open {
		return d, fmt.Errorf("job %s is not open", d.ID.Short())
	}
	var err error
	d.Outcome, err = b.Buyer.Resume(ctx, saved, d.prepared, buyer.Terms{Patience: w.withDefaults().Patience, Keep: w.Keep})
	return d, err
}

// plan measures the job and computes what it has to give.
func (b *Buyer) plan(ctx context.Context, w Work) (Done, buyer.Prepared, error) {
	b.jobs++
	n := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, b.fog.cfg.Seed), b.jobs)
	d := Done{ID: fog.JobID(fog.HashOf([]byte("fogtest job"), []byte(b.Peer), n))}
	set := job.Settings{Scene: "toy.toy", Width: w.Width, Height: w.Height, Samples: w.Samples, Layers: w.Layers, Frames: w.Frames}
	if set.Animated() {
		set.FPS = job.DefaultFPS
	}
	bundle := append([]byte("a bundle of "), n...)
	probe, err := b.Probe(ctx, App())
	if err != nil {
		return d, buyer.Prepared{}, err
	}
	defer probe.Close()
	p, err := probe.Prepare(ctx, buyer.Request{
		ID: d.ID, App: App(), Bundle: bundle, Settings: set, Options: job.Options{Tile: w.Tile, MaxLog2: w.MaxLog2, TargetWork: w.TargetWork},
	})
	if err != nil {
		return d, p, err
	}
	d.Plan, d.prepared = p.Plan, p
	d.Frames = map[int]*job.Film{}
	for i := range set.FrameCount() {
		one := set
		one.Frame, one.Frames = set.FrameAt(i), nil
		if d.Frames[one.Frame], err = Truth(buyer.GuestInput(p.Input, bundle), one); err != nil {
			return d, p, err
		}
	}
	d.Truth = d.Frames[set.FrameAt(0)]
	return d, p, nil
}
