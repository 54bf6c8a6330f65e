package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sonm/app/event"
	"sonm/app/store"
	"sonm/engine/apps"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/market"
)

// RenderRequest is a picture to be bought and saved.
type RenderRequest struct {
	event.Order
	Out string // path of the picture, .png or .exr; of an animation see outputsOf
}

// Render buys a picture and saves it. If the same picture is being made, or was
// and got interrupted, it is gone on with, and saved in the look that was asked
// for last. When ctx ends before that, the job goes on. tell is told the facts one
// at a time, from goroutines of the engine.
func (d *Desk) Render(ctx context.Context, r RenderRequest, tell func(fog.Fact)) (Summary, error) {
	o, leave, err := d.order(ctx, r, tell)
	if err != nil {
		return Summary{}, inWords(err)
	}
	defer leave()
	select {
	case <-o.done:
		return o.sum, o.err
	case <-ctx.Done():
		return Summary{}, ctx.Err()
	}
}

// order has a picture under way and tell told of it, until leave is called.
func (d *Desk) order(ctx context.Context, r RenderRequest, tell func(fog.Fact)) (_ *order, leave func(), err error) {
	if err := checkOrder(ctx, r); err != nil {
		return nil, nil, err
	}
	if err := checkLook(r.Order); err != nil {
		return nil, nil, err
	}
	o, err := d.newOrder(d.ctx, r) //nolint:contextcheck // the job outlives the call
	if err != nil {
		return nil, nil, err
	}
	stop := o.follow(tell)
	defer func() {
		d.forget(o)
		if err != nil {
			stop()
		}
	}()
	found, err := d.prepare(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	if running := d.same(o); running != nil {
		stop()
		stop = running.follow(tell)
		tell(fog.Waited{Job: running.prepared.ID, Reason: "This picture is being made already; following the job."})
		return d.join(o, running), stop, d.a.db.JobLook(ctx, running.prepared.ID, lookText(r.Look))
	}
	row, interrupted, err := d.a.interrupted(ctx, o.prepared.Input, r.Out)
	if err != nil {
		return nil, nil, err
	}
	if interrupted {
		tell(fog.Waited{Job: row.ID, Reason: "Going on with the job that was interrupted."})
		if err := d.a.db.JobLook(ctx, row.ID, lookText(r.Look)); err != nil {
			return nil, nil, err
		}
		return o, stop, d.goOn(ctx, o, row)
	}
	if _, err := d.price(ctx, o, found); err != nil {
		return nil, nil, err
	}
	return o, stop, d.Accept(ctx, o.prepared.ID)
}

// join makes an order of what a running job makes: a look does not change what
// is rendered, so that one of its own only has the picture saved once more.
func (d *Desk) join(o, running *order) *order {
	d.group.Go(func() error {
		defer close(o.done)
		<-running.done
		o.out, o.sum, o.err = running.out, running.sum, running.err
		if look := o.request.Look; o.err == nil && look != running.request.Look {
			o.err = inWords(d.save(running, o.request.Out, look))
			o.sum.Denoised = look.Denoise
		}
		return nil
	})
	return o
}

// same finds a running job of the same scene, settings and picture, in whatever
// look: what is rendered for a look is among the settings.
func (d *Desk) same(o *order) *order {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range d.jobs {
		if x.job.State == event.Running && x.prepared.Input == o.prepared.Input && x.request.Out == o.request.Out {
			return x
		}
	}
	return nil
}

func terms(o event.Order) market.Terms {
	return market.Terms{MaxPrice: o.MaxPrice, MaxTotal: o.MaxTotal, Sellers: o.Sellers}
}

// interrupted finds an unfinished job of the same scene, settings and picture,
// in whatever look.
func (a *App) interrupted(ctx context.Context, input fog.Hash, out string) (store.Job, bool, error) {
	rows, err := a.db.Unfinished(ctx)
	if err != nil {
		return store.Job{}, false, err
	}
	for _, row := range rows {
		if row.Input == input && row.Path == out && row.State != store.Stopping {
			return row, true, nil
		}
	}
	return store.Job{}, false, nil
}

// usage is what the program had used at a moment.
type usage struct {
	at   time.Time
	gas  uint64
	sent uint64 // bytes
}

func (a *App) usage() usage {
	sent, _ := a.node.Host().Traffic()
	return usage{time.Now(), a.gasUsed(), sent}
}

// checkOut refuses a picture that could not be saved, before any money moves.
func checkOut(path string) error {
	dir := filepath.Dir(path)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return &event.Problem{Code: "output", What: fmt.Sprintf("The picture cannot be saved as %s: that is not a file.", path)}
	}
	f, err := os.CreateTemp(dir, ".sonm-*")
	if err != nil {
		return &event.Problem{Code: "output", What: fmt.Sprintf("The picture cannot be saved in %s: %s.", dir, reason(err)), Cause: err}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// prepare gathers the scene, inspects it, shows it small and runs the pilot.
func (a *App) prepare(ctx context.Context, b *buyer.Buyer, r event.Order, tell func(fog.Fact), show func(fog.JobID, *job.Film)) (buyer.Prepared, error) {
	s, err := openScene(a.apps, r.Scene)
	if err != nil {
		return buyer.Prepared{}, err
	}
	defer s.Close()
	prog, err := appFor(a.apps, s.main)
	if err != nil {
		return buyer.Prepared{}, err
	}
	if err := s.unpack(); err != nil {
		return buyer.Prepared{}, err
	}
	set, err := settings(r, s)
	if err != nil {
		return buyer.Prepared{}, err
	}
	req := buyer.Request{App: prog, Settings: set}
	if req.Options, err = options(r); err != nil {
		return buyer.Prepared{}, err
	}
	if _, err := rand.Read(req.ID[:]); err != nil {
		return buyer.Prepared{}, err
	}
	probe, err := b.Probe(ctx, prog)
	if err != nil {
		return buyer.Prepared{}, err
	}
	defer probe.Close()
	bundle, found, err := s.complete(ctx, set, probe.Inspect)
	if err != nil {
		return buyer.Prepared{}, err
	}
	if set.Frames != nil && len(found.Animations) == 0 {
		found.Warnings = append(found.Warnings, "Nothing in the scene moves: all its frames will show the same.")
	}
	tell(fog.Inspected{Job: req.ID, Cameras: found.Cameras, Unique: found.Unique, Drawn: found.Triangles, Warnings: found.Warnings, Animations: found.Animations})
	req.Bundle = bundle
	loaded, err := probe.Load(ctx, req)
	if err != nil {
		return loaded, err
	}
	small, err := probe.Thumbnail(ctx, loaded)
	if err != nil {
		return loaded, err
	}
	show(req.ID, small)
	return probe.Plan(ctx, loaded)
}

// appFor is the app that opens a file.
func appFor(pool *apps.Pool, file string) (apps.App, error) {
	app, ok := pool.ForFile(file)
	if !ok {
		return app, &event.Problem{
			Code: "format", What: fmt.Sprintf("SONM cannot open %s.", filepath.Base(file)),
			Do: "It opens " + strings.Join(pool.Endings(), " and ") + " files, alone, in a folder or in a .zip archive; every 3D program can export these.",
		}
	}
	return app, nil
}

func settings(r event.Order, s *scene) (job.Settings, error) {
	set := job.Settings{Scene: s.main, Width: r.Width, Height: r.Height, Samples: r.Samples, Camera: r.Camera, Bounces: r.Bounces, Layers: r.Layers || r.Look.Denoise}
	times(r, &set)
	if r.Sky != "" {
		set.Sky = &job.Sky{Strength: r.SkyStrength, Rotation: r.SkyRotation}
		if color, ok := parseColor(r.Sky); ok {
			set.Sky.Color = &color
		} else {
			name, err := s.addSky(r.Sky)
			if err != nil {
				return set, err
			}
			set.Sky.File = name
		}
	}
	if err := set.Validate(); err != nil {
		return set, &event.Problem{Code: "settings", What: sentence(err), Cause: err}
	}
	return set, nil
}

// parseColor reads "r,g,b".
func parseColor(text string) (c [3]float64, ok bool) {
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return c, false
	}
	for i, p := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(p), 64)
		if err != nil {
			return c, false
		}
		c[i] = v
	}
	return c, true
}

func options(r event.Order) (job.Options, error) {
	opt := job.Options{Tile: r.Tile}
	if r.Block == 0 {
		return opt, nil
	}
	if r.Block < 2 || r.Block > job.MaxSamples || r.Block&(r.Block-1) != 0 {
		return opt, &event.Problem{Code: "flags", What: fmt.Sprintf("--block: %d is not a power of two between 2 and %d.", r.Block, job.MaxSamples)}
	}
	for 1<<opt.MaxLog2 < r.Block {
		opt.MaxLog2++
	}
	return opt, nil
}

// summary adds up; what was locked must be what was spent and what came back.
// Gas and bytes are the whole program's since the order came in.
func (a *App) summary(o *order) (Summary, error) {
	out, now := o.out, a.usage()
	refunded, err := out.Locked.Sub(out.Spent)
	if err != nil {
		return Summary{}, fmt.Errorf("spent %s of %s locked: %w", out.Spent, out.Locked, err)
	}
	s := Summary{
		Job: o.prepared.ID, Film: out.Hash, Out: o.request.Out, Width: o.request.Width, Height: o.request.Height, Samples: o.request.Samples,
		Tasks: len(o.prepared.Plan.Tasks), Checked: out.Checked, Render: out.Render.Seconds(),
		Buyer:  BuyerSummary{Address: a.bridge.Account(), Locked: out.Locked, Spent: out.Spent, Fee: out.Fee, Refunded: refunded},
		Engine: out.Engines, Denoised: o.request.Look.Denoise,
		Wall: now.at.Sub(o.started.at).Seconds(), Gas: now.gas - o.started.gas, Uploaded: now.sent - o.started.sent,
	}
	if set := o.prepared.Settings; set.Animated() {
		s.Frames = set.FrameCount()
	}
	if o.reel != nil {
		s.Out = o.reel.result()
	}
	for _, x := range out.Shares {
		s.Sellers = append(s.Sellers, SellerSummary{Peer: x.Peer, Address: x.Seller, Tasks: x.Tasks, Paid: x.Paid})
	}
	return s, nil
}
