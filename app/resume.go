package app

import (
	"context"
	"fmt"
	"path/filepath"

	"sonm/app/event"
	"sonm/app/store"
	"sonm/engine/blob"
	"sonm/engine/buyer"
	"sonm/engine/fog"
)

// resumeAll goes on with every job that an earlier run of the program left.
func (d *Desk) resumeAll(ctx context.Context) error {
	rows, err := d.a.db.Unfinished(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := d.resume(ctx, row); err != nil {
			if err := d.giveUp(ctx, row, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// resume goes on with a job from what is on disk alone.
func (d *Desk) resume(ctx context.Context, row store.Job) error {
	app, known := d.a.apps.ByHash(row.Module)
	if !known {
		return &event.Problem{Code: "job", What: "The program that this job was made for is not part of this SONM any more."}
	}
	o, err := d.newOrder(d.ctx, RenderRequest{Out: row.Path, Order: event.Order{Scene: row.Scene, Wait: longPatience}}) //nolint:contextcheck // the job outlives the start
	if err != nil {
		return err
	}
	bundle, err := d.bundle(row.Input, app.Memory)
	if err != nil {
		return &event.Problem{Code: "job", What: fmt.Sprintf("The stored files of the scene %s are damaged.", filepath.Base(row.Scene)), Cause: err}
	}
	o.prepared = buyer.Prepared{Request: buyer.Request{App: app, Bundle: bundle}, Input: row.Input, Size: uint64(len(bundle))}
	return d.goOn(ctx, o, row)
}

// bundle is a job's input, out of the chunks on disk.
func (d *Desk) bundle(root fog.Hash, limit uint64) ([]byte, error) {
	data, err := d.a.blobs.Get(root)
	if err != nil {
		return nil, err
	}
	m, err := blob.DecodeManifest(data)
	if err != nil {
		return nil, err
	}
	return blob.ReadAll(d.a.blobs, m, limit)
}

// goOn fills an order, whose app and input are there, from the journal and
// starts it.
func (d *Desk) goOn(ctx context.Context, o *order, row store.Job) error {
	saved, err := d.a.journal.saved(ctx, row)
	if err != nil {
		return err
	}
	saved.Settled, saved.Tx = row.State == "settled", row.Tx
	o.saved = &saved
	set := saved.Record.Settings
	o.prepared.ID, o.prepared.Plan, o.prepared.Settings = row.ID, saved.Record.Plan, set
	o.request.Width, o.request.Height, o.request.Samples = set.Width, set.Height, set.Samples
	j := event.Job{
		ID: row.ID, Scene: filepath.Base(row.Scene), Width: set.Width, Height: set.Height, Samples: set.Samples,
		State: event.Running, Total: len(row.Specs), Locked: row.Locked, Created: row.Created,
	}
	for _, a := range saved.Arrivals {
		if a.Judged && a.OK {
			j.Spent = j.Spent.Add(a.Amount)
		}
	}
	if row.State == store.Stopping {
		o.call()
	}
	d.put(o, j)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.start(o)
	return nil
}

// giveUp ends a job that cannot be gone on with, so that it holds no money any
// more. Sellers keep the promises that they have.
func (d *Desk) giveUp(ctx context.Context, row store.Job, why error) error {
	d.a.cfg.Log.Error("interrupted job is given up", "job", row.ID, "err", why)
	if err := d.a.db.JobState(ctx, row.ID, "failed"); err != nil {
		return err
	}
	o, err := d.newOrder(d.ctx, RenderRequest{}) //nolint:contextcheck // what is shown outlives the start
	if err != nil {
		return err
	}
	close(o.done)
	d.put(o, event.Job{
		ID: row.ID, Scene: filepath.Base(row.Scene), State: event.Failed, Problem: event.AsProblem(inWords(why)), Total: len(row.Specs), Created: row.Created,
	})
	return nil
}
