// Package uitest is an engine for tests of the window: jobs go through the
// states of real ones and pictures grow tile by tile, but only when the test
// says so, and no computer is asked for anything.
package uitest

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
)

// ErrGone is what Watch returns after Quit.
var ErrGone = errors.New("the engine is gone")

// Tile is the side of a task's tile in pixels.
const Tile = 80

// Core plays an engine. It asks 1 SNM for 10^9 units of work, of which it counts
// 32 a sample.
type Core struct {
	Cameras []string // of every scene; set before use

	Animations []fog.Animation // of every scene; set before use

	mu      sync.Mutex
	snap    event.Snapshot // guarded by mu, as all below
	next    byte
	events  []event.Event
	told    chan struct{} // closed and made anew when events grows
	gone    bool
	fail    map[string]*event.Problem
	asked   []event.Order
	looked  int
	shown   event.Look
	saved   []event.Look
	holding chan struct{} // a Quote waits until it is closed
}

// New starts with a snapshot.
func New(s event.Snapshot) *Core {
	return &Core{snap: s, told: make(chan struct{}), fail: map[string]*event.Problem{}}
}

// SNM is an amount written as a decimal number.
func SNM(s string) fog.Amount {
	a, err := fog.ParseAmount(s)
	if err != nil {
		panic(err) // a literal of a test
	}
	return a
}

// Morning is when the first job of a test is made; each is a minute later.
func Morning() time.Time { return time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC) }

// Connected is a snapshot of a practice network with three other computers.
func Connected() event.Snapshot {
	return event.Snapshot{
		Version: "0.1.0", Network: "practice", Practice: true, Peers: 3, Offers: 3,
		Money: event.Money{Balance: SNM("182.4"), Escrow: SNM("5")},
	}
}

// Fail makes the named method answer with p until it is nil again.
func (c *Core) Fail(method string, p *event.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fail[method] = p
}

// Hold makes quotes wait until the returned function is called.
func (c *Core) Hold() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = make(chan struct{})
	return sync.OnceFunc(func() { close(c.holding) })
}

// Quit makes Watch return, as when the engine dies.
func (c *Core) Quit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	c.wake()
}

// Tell sends an event that no method caused.
func (c *Core) Tell(e event.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tell(e)
}

// Orders are the orders that prices were asked for.
func (c *Core) Orders() []event.Order {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.asked)
}

// Looked is how many previews were fetched.
func (c *Core) Looked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looked
}

// Looks are the look of the last preview, and those that pictures were saved in.
func (c *Core) Looks() (shown event.Look, saved []event.Look) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shown, slices.Clone(c.saved)
}

func (c *Core) tell(e event.Event) { // with mu held
	c.events = append(c.events, e)
	c.wake()
}

func (c *Core) wake() { // with mu held
	close(c.told)
	c.told = make(chan struct{})
}

// Watch tells the snapshot and then what happens.
func (c *Core) Watch(ctx context.Context, tell func(event.Event)) error {
	c.mu.Lock()
	snap, from := c.snap, len(c.events)
	snap.Jobs = slices.Clone(snap.Jobs)
	c.mu.Unlock()
	tell(event.Event{Snapshot: &snap})
	for {
		c.mu.Lock()
		news, told, gone := slices.Clone(c.events[from:]), c.told, c.gone
		c.mu.Unlock()
		if gone {
			return ErrGone
		}
		for _, e := range news {
			tell(e)
		}
		from += len(news)
		if len(news) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-told:
		}
	}
}

// Quote makes a job and a price for it.
func (c *Core) Quote(ctx context.Context, o event.Order) (event.Quote, error) {
	c.mu.Lock()
	hold := c.holding
	c.mu.Unlock()
	if hold != nil {
		select {
		case <-ctx.Done():
			return event.Quote{}, ctx.Err()
		case <-hold:
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, o)
	if p := c.fail["Quote"]; p != nil {
		return event.Quote{}, p
	}
	c.next++
	across, down := (o.Width+Tile-1)/Tile, (o.Height+Tile-1)/Tile
	price := SNM("1").Cost(uint64(o.Width) * uint64(o.Height) * uint64(o.Samples) * 32)
	q := event.Quote{
		Job: fog.JobID{c.next}, Sellers: 3, Expected: price, Max: price.Add(SNM("0.42")), Tasks: across * down, Drawn: 284_912, Cameras: c.Cameras, Animations: c.Animations,
		Warnings: []string{"Two materials use a shine that SONM does not know; they look a little duller."},
	}
	j := event.Job{
		ID: q.Job, Scene: filepath.Base(o.Scene), Width: o.Width, Height: o.Height, Samples: o.Samples,
		Layers: o.Layers || o.Look.Denoise, Look: o.Look, State: event.Quoted, Quote: &q, Thumbnail: true, Created: Morning().Add(time.Duration(c.next) * time.Minute),
	}
	if f := o.Frames; f != nil {
		j.Frames = (f.Last-f.First)/f.Step + 1
	}
	c.snap.Jobs = slices.Insert(c.snap.Jobs, 0, j)
	c.tell(event.Event{Job: &j})
	return q, nil
}

// Show tells of the thumbnail of a scene whose price is being made.
func (c *Core) Show(scene string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	j := event.Job{
		ID: fog.JobID{c.next + 1}, Scene: scene, Width: 4 * Tile, Height: 2 * Tile, Samples: 1, State: event.Quoting, Thumbnail: true, Created: Morning(),
	}
	c.snap.Jobs = slices.Insert(c.snap.Jobs, 0, j)
	c.tell(event.Event{Job: &j})
}

// change does by on a job and tells of it.
func (c *Core) change(method string, id fog.JobID, by func(*event.Job) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.fail[method]; p != nil {
		return p
	}
	i := slices.IndexFunc(c.snap.Jobs, func(j event.Job) bool { return j.ID == id })
	if i < 0 {
		return fmt.Errorf("%s: no job %s", method, id.Short())
	}
	j := c.snap.Jobs[i]
	if err := by(&j); err != nil {
		return err
	}
	c.snap.Jobs[i] = j
	c.tell(event.Event{Job: &j})
	return nil
}

// Accept starts a job.
func (c *Core) Accept(_ context.Context, id fog.JobID) error {
	return c.change("Accept", id, func(j *event.Job) error {
		if j.State != event.Quoted {
			return fmt.Errorf("accept a job that is %s", j.State)
		}
		j.State, j.Total, j.Locked, j.Sellers = event.Running, j.Quote.Tasks, j.Quote.Max, j.Quote.Sellers
		return nil
	})
}

// Step finishes n tasks of a running job; after the last the job is done.
func (c *Core) Step(id fog.JobID, n int) error {
	return c.change("Step", id, func(j *event.Job) error {
		if j.State != event.Running {
			return fmt.Errorf("work on a job that is %s", j.State)
		}
		j.Done = min(j.Done+n, j.Total)
		j.Spent = portion(j.Quote.Expected, j.Done, j.Total)
		j.Checked = j.Done / 20
		if j.Done < j.Total {
			return nil
		}
		j.State, j.Sellers = event.Done, 0
		var err error
		j.Refund, err = j.Locked.Sub(j.Spent)
		return err
	})
}

// Cancel stops a job or drops its quote.
func (c *Core) Cancel(_ context.Context, id fog.JobID) error {
	return c.change("Cancel", id, func(j *event.Job) error {
		j.State = event.Cancelled
		return nil
	})
}

// Break fails a job.
func (c *Core) Break(id fog.JobID, p *event.Problem) error {
	return c.change("Break", id, func(j *event.Job) error {
		j.State, j.Problem = event.Failed, p
		return nil
	})
}

// ThumbnailWidth is how wide the small picture of a scene is, in pixels.
const ThumbnailWidth = 2 * Tile

// early reports whether there is a small picture of the job, and no other yet.
func early(j event.Job) bool {
	return j.Thumbnail && (j.State == event.Quoting || j.State == event.Quoted)
}

// Preview draws the tiles that are done, or the small picture of a job that does
// not run yet.
func (c *Core) Preview(_ context.Context, id fog.JobID, look event.Look) (event.Picture, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looked++
	c.shown = look
	i := slices.IndexFunc(c.snap.Jobs, func(j event.Job) bool { return j.ID == id })
	if i < 0 || c.snap.Jobs[i].Done == 0 && !early(c.snap.Jobs[i]) {
		return event.Picture{}, fmt.Errorf("job %s has no picture", id.Short())
	}
	j := c.snap.Jobs[i]
	if early(j) {
		j.Width, j.Height = ThumbnailWidth, max(1, j.Height*ThumbnailWidth/j.Width)
		j.Done = math.MaxInt
	}
	return draw(j), nil
}

// Save writes a PNG, whatever the look.
func (c *Core) Save(_ context.Context, id fog.JobID, path string, look event.Look) error {
	return c.change("Save", id, func(j *event.Job) error {
		c.saved = append(c.saved, look)
		p := draw(*j)
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		err = png.Encode(f, &image.NRGBA{Pix: p.RGBA, Stride: 4 * p.Width, Rect: image.Rect(0, 0, p.Width, p.Height)})
		j.Saved = path
		return errors.Join(err, f.Close())
	})
}

// StartSelling begins to sell.
func (c *Core) StartSelling(_ context.Context, price fog.Amount, slots int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.fail["StartSelling"]; p != nil {
		return p
	}
	s := event.Selling{Price: price, Slots: slots}
	c.snap.Selling = &s
	c.tell(event.Event{Selling: &s})
	return nil
}

// StopSelling ends it.
func (c *Core) StopSelling(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.snap.Selling = nil
	c.tell(event.Event{Stopped: true})
	return nil
}
