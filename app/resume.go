package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

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
	var look event.Look
	if row.Look != "" { // of a job that an older program wrote down
		if err := json.Unmarshal([]byte(row.Look), &look); err != nil {
			return fmt.Errorf("look of job %s in the journal: %w", row.ID.Short(), err)
		}
	}
	o, err := d.newOrder(d.ctx, RenderRequest{Out: row.Path, Order: event.Order{Scene: row.Scene, Wait: longPatience, Look: look}}) //nolint:contextcheck // the job outlives the start
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
		Layers: set.Layers, Look: o.request.Look, Frames: frameCount(o),
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

// giveUp pays what a job that cannot be gone on with has promised, and ends it,
// so that it holds no money any more. Where the chain does not answer, the next
// start tries again.
func (d *Desk) giveUp(ctx context.Context, row store.Job, why error) error {
	d.a.cfg.Log.Error("interrupted job is given up", "job", row.ID, "err", why)
	switch err := d.payOut(ctx, row); {
	case errors.Is(err, fog.ErrChain):
		why = err
	case err != nil:
		return err
	default:
		if err := d.a.db.JobState(ctx, row.ID, "failed"); err != nil {
			return err
		}
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

// payOut settles with everybody who was promised something for a job.
func (d *Desk) payOut(ctx context.Context, row store.Job) error {
	if row.State == "settled" {
		return nil
	}
	saved, err := d.a.journal.saved(ctx, row)
	if err != nil {
		return err
	}
	seller, due := map[fog.DealID]fog.Address{}, map[fog.Address]bool{}
	for _, s := range saved.Deals {
		seller[s.Deal.ID()] = s.Deal.Seller
	}
	for _, a := range saved.Arrivals {
		if !a.Amount.IsZero() {
			due[seller[a.Receipt.Deal]] = true
		}
	}
	if len(due) == 0 {
		return nil
	}
	epoch, err := d.a.bridge.Lock(ctx, fog.Amount{}) // what is reserved is there; it tells the epoch
	if err != nil {
		return err
	}
	var payees []fog.Payee
	for to := range due {
		total, err := d.a.bridge.Promised(ctx, to, epoch)
		if err != nil {
			return err
		}
		payees = append(payees, fog.Payee{Seller: to, Total: total})
	}
	slices.SortFunc(payees, func(x, y fog.Payee) int { return bytes.Compare(x.Seller[:], y.Seller[:]) })
	_, err = d.a.bridge.Settle(ctx, payees)
	return err
}
