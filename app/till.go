package app

import (
	"context"
	"time"

	"sonm/app/event"
	"sonm/engine/fog"
)

// till is one time of selling, from the switch on to the switch off.
type till struct {
	selling event.Selling // guarded by Desk.mu
	since   time.Time
	stop    context.CancelFunc
	ended   chan struct{} // closed when no task runs any more
	err     error         // set before ended is closed
}

// StartSelling offers this computer until StopSelling or the end of the engine.
func (d *Desk) StartSelling(_ context.Context, price fog.Amount, slots int) error {
	_, err := d.open(SellRequest{Price: price, Slots: slots}, func(fog.Fact) {}) //nolint:contextcheck // selling outlives the call
	return err
}

// Sell offers this computer until ctx ends or somebody switches selling off.
func (d *Desk) Sell(ctx context.Context, r SellRequest, tell func(fog.Fact)) error {
	t, err := d.open(r, tell) //nolint:contextcheck // closed below
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		t.stop()
		<-t.ended
		return nil
	case <-t.ended:
		return t.err
	}
}

// open begins to sell.
func (d *Desk) open(r SellRequest, tell func(fog.Fact)) (*till, error) {
	if err := r.complete(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.till != nil {
		return nil, &event.Problem{Code: "selling", What: "This computer is selling already.", Do: "Stop that first to change the price."}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	t := &till{selling: event.Selling{Price: r.Price, Slots: r.Slots}, since: time.Now(), stop: cancel, ended: make(chan struct{})}
	t.selling.Today = d.earned(midnight(t.since))
	d.till = t
	c := t.selling
	d.tell(event.Event{Selling: &c})
	d.group.Go(func() error {
		defer close(t.ended)
		defer cancel()
		err := d.a.Sell(ctx, r, func(f fog.Fact) {
			d.count(t, f)
			tell(f)
		})
		if err != nil && ctx.Err() == nil {
			t.err = inWords(err)
			d.a.cfg.Log.Error("selling ended", "err", err)
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.till = nil
		d.tell(event.Event{Stopped: true})
		return nil
	})
	return t, nil
}

// StopSelling takes the offer back and waits until no task runs any more.
func (d *Desk) StopSelling(ctx context.Context) error {
	d.mu.Lock()
	t := d.till
	d.mu.Unlock()
	if t == nil {
		return nil
	}
	t.stop()
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count takes a seller's fact into what is shown.
func (d *Desk) count(t *till, f fog.Fact) {
	var today, earned fog.Amount
	_, paid := f.(fog.Earned)
	if paid {
		today, earned = d.earned(midnight(time.Now())), d.earned(t.since)
	}
	d.mu.Lock()
	s := &t.selling
	switch f := f.(type) {
	case fog.SandboxReady:
		s.Level = f.Level
	case fog.DealAccepted:
		s.Deals++
	case fog.DealBroken, fog.DealClosed:
		s.Deals--
	case fog.TaskFinished:
		s.Tasks++
	case fog.TaskFailed:
		s.Failed++
	}
	if paid {
		s.Today, s.Earned = today, earned
	}
	c := *s
	d.tell(event.Event{Selling: &c})
	d.mu.Unlock()
	if _, closed := f.(fog.DealClosed); closed {
		d.tellMoney()
	}
}

// earned is what this computer was promised since a moment.
func (d *Desk) earned(since time.Time) fog.Amount {
	sum, err := d.a.db.Earned(d.ctx, since)
	if err != nil && d.ctx.Err() == nil {
		d.a.cfg.Log.Error("journal", "err", err)
	}
	return sum
}

// midnight is the last one before now, where this computer is.
func midnight(now time.Time) time.Time {
	y, m, day := now.Date()
	return time.Date(y, m, day, 0, 0, 0, 0, now.Location())
}
