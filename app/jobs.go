package app

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sonm/app/event"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/market"
)

// order is one job of the desk. What no comment claims is set before the job
// is accepted and does not change.
type order struct {
	job      event.Job // guarded by Desk.mu
	small    shot      // thumbnail; guarded by Desk.mu
	request  RenderRequest
	buyer    *buyer.Buyer
	prepared buyer.Prepared
	offer    market.Offer
	reel     *reel        // of an animation that is saved as it comes; nil else
	saved    *buyer.Saved // what an earlier run of the program left; nil for a new job
	started  usage

	peek chan func(*job.Film)
	call func() // calls the job off; may be used more than once
	quit chan struct{}
	done chan struct{} // closed when the job has ended

	// Set before done is closed.
	out  buyer.Outcome
	sum  Summary
	err  error    // in words for a person
	room darkroom // guarded by saving

	saving sync.Mutex

	mu        sync.Mutex
	followers []*follower // guarded by mu
}

// follower is somebody who is told a job's facts.
type follower struct{ tell func(fog.Fact) }

// follow has tell told of every fact from now on, until the returned function
// is called.
func (o *order) follow(tell func(fog.Fact)) (leave func()) {
	f := &follower{tell}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.followers = append(o.followers, f)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.followers = slices.DeleteFunc(o.followers, func(x *follower) bool { return x == f })
	}
}

func (o *order) tell(f fog.Fact) {
	o.mu.Lock()
	all := slices.Clone(o.followers)
	o.mu.Unlock()
	for _, x := range all {
		x.tell(f)
	}
}

// newOrder makes an order whose facts are recorded and shown.
func (d *Desk) newOrder(ctx context.Context, r RenderRequest) (*order, error) {
	o := &order{request: r, peek: make(chan func(*job.Film)), quit: make(chan struct{}), done: make(chan struct{}), started: d.a.usage()}
	o.call = sync.OnceFunc(func() { close(o.quit) })
	var err error
	o.buyer, err = d.a.newBuyer(d.a.recorded(ctx, func(f fog.Fact) {
		d.fold(o, f)
		o.tell(f)
	}), d.a.journal.of(r))
	return o, err
}

// Quote inspects a scene, measures it here and asks the sellers' prices.
func (d *Desk) Quote(ctx context.Context, r event.Order) (event.Quote, error) {
	if err := checkLook(r); err != nil {
		return event.Quote{}, err
	}
	o, err := d.newOrder(ctx, RenderRequest{Order: r})
	if err != nil {
		return event.Quote{}, inWords(err)
	}
	defer d.forget(o)
	found, err := d.prepare(ctx, o)
	if err != nil {
		return event.Quote{}, inWords(err)
	}
	q, err := d.price(ctx, o, found)
	return q, inWords(err)
}

// prepare reads, inspects and measures the order's scene here.
func (d *Desk) prepare(ctx context.Context, o *order) (found fog.Inspected, err error) {
	o.prepared, err = d.a.prepare(ctx, o.buyer, o.request.Order, func(f fog.Fact) {
		if i, ok := f.(fog.Inspected); ok {
			found = i
		}
		o.tell(f)
	}, func(id fog.JobID, small *job.Film) { d.show(o, id, small) })
	return found, err
}

// show puts a job that has no price yet on the desk, with its thumbnail.
func (d *Desk) show(o *order, id fog.JobID, small *job.Film) {
	p, r := shotOf(small), o.request
	d.mu.Lock()
	o.small = p
	d.mu.Unlock()
	d.put(o, event.Job{
		ID: id, Scene: filepath.Base(r.Scene), Width: r.Width, Height: r.Height, Samples: r.Samples, State: event.Quoting,
		Thumbnail: true, Created: time.Now(),
	})
	o.tell(fog.ThumbnailMade{Job: id, Width: p.w, Height: p.h})
}

// forget takes a job off the desk that got no price.
func (d *Desk) forget(o *order) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o.job.State != event.Quoting {
		return
	}
	d.jobs = slices.DeleteFunc(d.jobs, func(x *order) bool { return x == o })
	o.job.State = event.Cancelled
	c := o.job
	d.tell(event.Event{Job: &c})
}

// price asks what the order costs and puts it on the desk.
func (d *Desk) price(ctx context.Context, o *order, found fog.Inspected) (q event.Quote, err error) {
	r := o.request
	if o.offer, err = o.buyer.Quote(ctx, o.prepared, terms(r.Order), r.Wait); err != nil {
		return q, err
	}
	q = event.Quote{
		Job: o.prepared.ID, Sellers: len(o.offer.Asks), Expected: o.offer.Expected, Max: o.offer.Max, Tasks: len(o.prepared.Plan.Tasks),
		Cameras: found.Cameras, Drawn: found.Drawn, Warnings: found.Warnings,
		Animations: found.Animations,
	}
	d.put(o, event.Job{
		ID: q.Job, Scene: filepath.Base(r.Scene), Width: r.Width, Height: r.Height, Samples: r.Samples, Frames: frameCount(o), State: event.Quoted,
		Layers: o.prepared.Settings.Layers, Look: r.Look,
		Quote: &q, Total: q.Tasks, Thumbnail: true, Created: time.Now(),
	})
	return q, nil
}

// put shows a job, a new one first.
func (d *Desk) put(o *order, j event.Job) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o.job = j
	if !slices.Contains(d.jobs, o) {
		d.jobs = append([]*order{o}, d.jobs...)
	}
	d.tell(event.Event{Job: &j})
}

// change edits a job and tells it.
func (d *Desk) change(o *order, edit func(*event.Job)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	edit(&o.job)
	c := o.job
	d.tell(event.Event{Job: &c})
}

// find returns a job that is in one of the states.
func (d *Desk) find(id fog.JobID, states ...event.State) (*order, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.held(id, states...)
}

// held is find for a caller that holds mu.
func (d *Desk) held(id fog.JobID, states ...event.State) (*order, error) {
	for _, o := range d.jobs {
		if o.job.ID == id && slices.Contains(states, o.job.State) {
			return o, nil
		}
	}
	return nil, &event.Problem{Code: "job", What: "That job is not there any more."}
}

// Accept locks the money and has a quoted job rendered.
func (d *Desk) Accept(_ context.Context, id fog.JobID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.held(id, event.Quoted)
	if err != nil {
		return err
	}
	d.start(o)
	return nil
}

// start runs an order. The caller holds mu.
func (d *Desk) start(o *order) {
	o.job.State = event.Running
	c := o.job
	d.tell(event.Event{Job: &c})
	d.group.Go(func() error {
		defer close(o.done)
		d.run(o)
		return nil
	})
}

// Patience of a job without any seller.
const (
	leastPatience = 10 * time.Second // that a person waits for in a terminal
	longPatience  = 24 * time.Hour   // that a window shows and can call off, or that was interrupted
)

// patience is how long a running job waits for sellers.
func (o *order) patience() time.Duration {
	switch {
	case o.request.Out == "":
		return longPatience
	case o.saved != nil:
		return max(o.request.Wait, time.Minute)
	}
	return max(o.request.Wait, leastPatience)
}

// run works on a job to its end: the picture saved, if the order says where.
func (d *Desk) run(o *order) {
	t := buyer.Terms{Offer: o.offer, CheckRate: o.request.CheckRate, Patience: o.patience(), Peek: o.peek, Quit: o.quit}
	d.keepFrames(o, &t)
	if o.saved != nil {
		o.out, o.err = o.buyer.Resume(d.ctx, *o.saved, o.prepared, t)
	} else {
		o.out, o.err = o.buyer.Run(d.ctx, o.prepared, t)
	}
	rendered := o.err == nil
	if rendered {
		o.err = d.finish(o)
	}
	d.change(o, func(j *event.Job) {
		o.prepared.Bundle = nil                              // the scene, which may be large; the film is kept until the engine ends
		switch refund, _ := o.out.Locked.Sub(o.out.Spent); { // the vouchers are within what was locked
		case rendered:
			j.State, j.Done, j.Spent, j.Refund, j.Checked = event.Done, j.Total, o.out.Spent, refund, o.out.Checked
			if o.err != nil {
				j.Problem = event.AsProblem(o.err)
			}
		case errors.Is(o.err, buyer.ErrCalledOff):
			j.State, j.Spent, j.Refund = event.Cancelled, o.out.Spent, refund
		case d.ctx.Err() == nil: // else the engine ends, and the journal has the rest
			j.State, j.Problem = event.Failed, event.AsProblem(inWords(o.err))
		}
	})
	o.err = inWords(o.err)
	d.tellMoney()
}

// finish saves the picture where the order says, and adds up.
func (d *Desk) finish(o *order) (err error) {
	if o.sum, err = d.a.summary(o); err != nil || o.request.Out == "" {
		return err
	}
	return d.save(o, o.request.Out, o.request.Look)
}

// save writes a finished job's picture.
func (d *Desk) save(o *order, path string, look event.Look) error {
	o.saving.Lock()
	defer o.saving.Unlock()
	if o.prepared.Settings.Animated() {
		return d.saveAnimation(o, path, look)
	}
	if look.Denoise && o.room.clean == nil {
		o.tell(fog.Waited{Job: o.prepared.ID, Reason: "Denoising the picture."})
	}
	o.room.film, o.room.software = o.out.Film, d.software()
	if err := o.room.write(d.ctx, path, look); err != nil {
		return err
	}
	d.a.tap(nil, "store", "picture")
	if err := d.a.journal.saveDone(d.ctx, o.prepared.ID); err != nil {
		return err
	}
	d.change(o, func(j *event.Job) { j.Saved, j.Problem = path, nil })
	o.tell(fog.JobSaved{Job: o.prepared.ID, Path: path, Film: o.out.Hash})
	return nil
}

// software is what a saved picture says it was made with.
func (d *Desk) software() string { return "SONM " + d.a.cfg.Version }

// Cancel calls a job off, or drops its quote. What was done is paid.
func (d *Desk) Cancel(ctx context.Context, id fog.JobID) error {
	o, err := d.find(id, event.Quoted, event.Running)
	if err != nil {
		return err
	}
	// On disk first: a program that dies now settles the job and does not go on
	// with it. Of a job that is not locked yet there is nothing on disk.
	if err := d.a.db.JobStopping(ctx, id); err != nil {
		return err
	}
	o.call()
	d.mu.Lock()
	defer d.mu.Unlock()
	if o.job.State == event.Quoted {
		o.job.State, o.prepared.Bundle = event.Cancelled, nil
		c := o.job
		d.tell(event.Event{Job: &c})
	}
	return nil
}

// Preview is what there is of a job's film, for the screen: before it runs, its
// thumbnail. It is not denoised, whatever the look says: that takes too long
// while tiles arrive.
func (d *Desk) Preview(ctx context.Context, id fog.JobID, shown event.Look) (event.Picture, error) {
	l, err := lookOf(shown)
	if err != nil {
		return event.Picture{}, err
	}
	if small, ok := d.thumbnail(id); ok {
		return small.develop(l), nil
	}
	o, err := d.find(id, event.Running, event.Done)
	if err != nil {
		return event.Picture{}, err
	}
	shots := make(chan shot, 1)
	look := func(f *job.Film) { shots <- shotOf(f) }
	select {
	case o.peek <- look:
		return (<-shots).develop(l), nil
	case <-o.done:
	case <-ctx.Done():
		return event.Picture{}, ctx.Err()
	}
	if o.out.Film == nil {
		return event.Picture{}, &event.Problem{Code: "job", What: "There is no picture of that job."}
	}
	return shotOf(o.out.Film).develop(l), nil
}

// thumbnail is the small picture of a job that does not run yet.
func (d *Desk) thumbnail(id fog.JobID) (shot, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, err := d.held(id, event.Quoting, event.Quoted)
	if err != nil || !o.job.Thumbnail {
		return shot{}, false
	}
	return o.small, true
}

// Save writes the picture of a finished job in a look, of an animation every
// frame.
func (d *Desk) Save(ctx context.Context, id fog.JobID, path string, look event.Look) error {
	o, err := d.find(id, event.Done)
	if err != nil {
		return err
	}
	set := o.prepared.Settings
	out, err := outputsOf(path, set.Animated())
	if err == nil {
		err = out.check(ctx, set.FrameAt(0))
	}
	if err != nil {
		return err
	}
	<-o.done // it is being closed
	return inWords(d.save(o, path, look))
}

// fold takes a fact of a running job into what is shown.
func (d *Desk) fold(o *order, f fog.Fact) {
	var edit func(*event.Job)
	switch f := f.(type) {
	case fog.Locked:
		edit = func(j *event.Job) { j.Locked = f.Max }
	case fog.DealOpened:
		edit = func(j *event.Job) { j.Sellers++ }
	case fog.SellerLost:
		edit = func(j *event.Job) { j.Sellers = max(0, j.Sellers-1) }
	case fog.TaskDone:
		edit = func(j *event.Job) { j.Done, j.Total = f.Done, f.Total }
	case fog.TaskChecked:
		edit = func(j *event.Job) { j.Checked++ }
	case fog.FrameDone:
		edit = func(j *event.Job) { j.Ready, j.Frames = f.Done, f.Total }
	case fog.Paid:
		edit = func(j *event.Job) { j.Spent = j.Spent.Add(f.Amount) }
	default:
		return
	}
	d.change(o, edit)
	if _, ok := f.(fog.Locked); ok {
		d.group.Go(func() error { d.tellMoney(); return nil })
	}
}
