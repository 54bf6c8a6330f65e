package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"sonm/app/event"
	"sonm/ui/view"
)

const (
	drawEvery = 200 * time.Millisecond // a drawing costs 1/15 s of a core where OpenGL is software
	lookEvery = 500 * time.Millisecond // a preview costs the engine a whole picture
	backAfter = 2 * time.Second        // between tries to reach an engine that is gone
)

// pump folds what the core tells into a model and shows it, at most every
// drawEvery.
type pump struct {
	core Core
	show func(view.Model)

	changed chan struct{} // holds one: the model is not the one shown
	mu      sync.Mutex
	model   view.Model // guarded by mu
}

func newPump(core Core, show func(view.Model)) *pump {
	return &pump{core: core, show: show, changed: make(chan struct{}, 1)}
}

// run watches until ctx is over, anew when the engine went away.
func (p *pump) run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { p.draw(ctx) })
	for ctx.Err() == nil {
		err := p.core.Watch(ctx, func(e event.Event) { p.fold(func(m view.Model) view.Model { return view.Update(m, e) }) })
		if ctx.Err() == nil {
			// A problem is for the person; why else the engine is gone is its own log's.
			why, _ := errors.AsType[*event.Problem](err)
			p.fold(func(m view.Model) view.Model { return view.Lose(m, why) })
			pause(ctx, backAfter)
		}
	}
	work.Wait()
}

func (p *pump) fold(by func(view.Model) view.Model) {
	p.mu.Lock()
	p.model = by(p.model)
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default: // a drawing is already due
	}
}

func (p *pump) draw(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.changed:
		}
		p.mu.Lock()
		m := p.model
		p.mu.Unlock()
		p.show(m)
		pause(ctx, drawEvery)
	}
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
