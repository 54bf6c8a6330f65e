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
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
	"sonm/engine/job/picture"
	"sonm/engine/market"
	"sonm/engine/sandbox"
)

// RenderRequest is a picture to be bought and saved.
type RenderRequest struct {
	event.Order
	Out string // path of the picture: .png or .exr
}

// Render buys a picture and saves it. A job that was interrupted is gone on
// with if the same picture is asked for again. Facts are told one at a time,
// from goroutines of the engine.
func (a *App) Render(ctx context.Context, r RenderRequest, tell func(fog.Fact)) (Summary, error) {
	start := time.Now()
	gas, sent := a.gasUsed(), a.uploaded()
	var err error
	if r.Out, err = filepath.Abs(r.Out); err != nil {
		return Summary{}, err
	}
	if err := checkOut(r.Out); err != nil {
		return Summary{}, err
	}
	b, err := a.newBuyer(a.recorded(ctx, tell), a.journal.of(r))
	if err != nil {
		return Summary{}, err
	}
	p, err := a.prepare(ctx, b, r.Order, tell)
	if err != nil {
		return Summary{}, inWords(err)
	}
	p, out, err := a.buy(ctx, b, p, r, tell)
	if err != nil {
		return Summary{}, inWords(err)
	}
	if err := a.save(ctx, p.ID, r.Out, out.Film); err != nil {
		return Summary{}, err
	}
	tell(fog.JobSaved{Job: p.ID, Path: r.Out, Film: out.Film.Hash()})
	sum, err := a.summary(p, r, out)
	sum.Wall = time.Since(start).Seconds()
	sum.Gas, sum.Uploaded = a.gasUsed()-gas, a.uploaded()-sent
	return sum, err
}

// buy quotes and runs a prepared job, or goes on with the same one.
func (a *App) buy(ctx context.Context, b *buyer.Buyer, p buyer.Prepared, r RenderRequest, tell func(fog.Fact)) (buyer.Prepared, buyer.Outcome, error) {
	patience := max(r.Wait, leastPatience)
	row, found, err := a.interrupted(ctx, p.Input, r.Out)
	if err != nil {
		return p, buyer.Outcome{}, err
	}
	if found {
		tell(fog.Waited{Job: row.ID, Reason: "Going on with the job that was interrupted."})
		saved, err := a.journal.saved(ctx, row)
		if err != nil {
			return p, buyer.Outcome{}, err
		}
		saved.Settled, saved.Tx = row.State == "settled", row.Tx
		p.ID, p.Plan, p.Settings = row.ID, saved.Record.Plan, saved.Record.Settings
		out, err := b.Resume(ctx, saved, p, max(patience, time.Minute))
		return p, out, err
	}
	offer, err := b.Quote(ctx, p, terms(r.Order), r.Wait)
	if err != nil {
		return p, buyer.Outcome{}, err
	}
	out, err := b.Run(ctx, p, buyer.Terms{Offer: offer, CheckRate: r.CheckRate, Patience: patience})
	return p, out, err
}

// leastPatience is how long a running job waits for sellers at least.
const leastPatience = 10 * time.Second

func terms(o event.Order) market.Terms {
	return market.Terms{MaxPrice: o.MaxPrice, MaxTotal: o.MaxTotal, Sellers: o.Sellers}
}

// interrupted finds an unfinished job of the same scene, settings and picture.
func (a *App) interrupted(ctx context.Context, input fog.Hash, out string) (store.Job, bool, error) {
	rows, err := a.db.Unfinished(ctx)
	if err != nil {
		return store.Job{}, false, err
	}
	for _, row := range rows {
		if row.Input == input && row.Path == out {
			return row, true, nil
		}
	}
	return store.Job{}, false, nil
}

func (a *App) uploaded() uint64 {
	sent, _ := a.node.Host().Traffic()
	return sent
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

// prepare gathers the scene, inspects it and runs the pilot.
func (a *App) prepare(ctx context.Context, b *buyer.Buyer, r event.Order, tell func(fog.Fact)) (buyer.Prepared, error) {
	prog, ok := a.apps.ForFile(r.Scene)
	if !ok {
		return buyer.Prepared{}, &event.Problem{
			Code: "format", What: fmt.Sprintf("SONM cannot open %s.", filepath.Base(r.Scene)),
			Do: "It opens " + strings.Join(a.apps.Endings(), " and ") + " files; every 3D program can export these.",
		}
	}
	s, err := openScene(r.Scene)
	if err != nil {
		return buyer.Prepared{}, err
	}
	defer s.Close()
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
	tell(fog.Inspected{Job: req.ID, Cameras: found.Cameras, Unique: found.Unique, Drawn: found.Triangles, Warnings: found.Warnings})
	req.Bundle = bundle
	return probe.Prepare(ctx, req)
}

func settings(r event.Order, s *scene) (job.Settings, error) {
	set := job.Settings{Scene: s.main, Width: r.Width, Height: r.Height, Samples: r.Samples, Camera: r.Camera, Bounces: r.Bounces}
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

// save writes the picture; after a crash there is the old file or the new one.
func (a *App) save(ctx context.Context, id fog.JobID, path string, film *job.Film) error {
	if err := writePicture(path, film); err != nil {
		return &event.Problem{Code: "output", What: fmt.Sprintf("The picture %s cannot be saved: %s.", path, reason(err)), Cause: err}
	}
	return a.journal.saveDone(ctx, id)
}

func writePicture(path string, film *job.Film) error {
	w, h := film.Size()
	im, err := picture.New(w, h, film.Mean())
	if err != nil {
		return err
	}
	encode := picture.EncodePNG
	if strings.EqualFold(filepath.Ext(path), ".exr") {
		encode = picture.EncodeEXR
	}
	data, err := encode(im)
	if err != nil {
		return err
	}
	return writeAtomic(path, data, 0o644)
}

// summary adds up; what was locked must be what was spent and what came back.
func (a *App) summary(p buyer.Prepared, r RenderRequest, out buyer.Outcome) (Summary, error) {
	refunded, err := out.Locked.Sub(out.Spent)
	if err != nil {
		return Summary{}, fmt.Errorf("spent %s of %s locked: %w", out.Spent, out.Locked, err)
	}
	s := Summary{
		Job: p.ID, Film: out.Film.Hash(), Out: r.Out, Width: r.Width, Height: r.Height, Samples: r.Samples,
		Tasks: len(p.Plan.Tasks), Checked: out.Checked, Render: out.Render.Seconds(),
		Buyer:  BuyerSummary{Address: a.bridge.Account(), Locked: out.Locked, Spent: out.Spent, Fee: out.Fee, Refunded: refunded},
		Engine: EngineSummary{Wasmer: out.Engines[sandbox.Wasmer], Wazero: out.Engines[sandbox.Wazero]},
	}
	for _, x := range out.Shares {
		s.Sellers = append(s.Sellers, SellerSummary{Peer: x.Peer, Address: x.Seller, Tasks: x.Tasks, Paid: x.Paid})
	}
	return s, nil
}
