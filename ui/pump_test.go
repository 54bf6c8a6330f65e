package ui_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sonm/app/event"
	"sonm/ui"
	"sonm/ui/uitest"
	"sonm/ui/view"
)

// busy tells n events, one each interval, and then waits or dies.
type busy struct {
	ui.Core
	n        int
	interval time.Duration
	dies     bool
	watched  int
}

func (b *busy) Watch(ctx context.Context, tell func(event.Event)) error {
	b.watched++
	tell(event.Event{Snapshot: &event.Snapshot{}})
	for i := range b.n {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(b.interval):
			tell(event.Event{Money: &event.Money{Balance: uitest.SNM("1").Cost(uint64(i + 1))}})
		}
	}
	if b.dies {
		return errors.New("gone")
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestPump folds a storm of events into ten drawings a second, and loses none.
func TestPump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var last view.Model
		drawn := 0
		b := &busy{n: 2000, interval: time.Millisecond}
		ui.RunPump(ctx, b, func(m view.Model) { last = m; drawn++ })
		if drawn < 15 || drawn > 22 {
			t.Errorf("2 s of 1000 events a second were drawn %d times, want about 20", drawn)
		}
		if want := uitest.SNM("1").Cost(2000); last.Money.Balance != want {
			t.Errorf("the last drawing shows %s, want %s", last.Money.Balance, want)
		}
	})
}

// TestPumpComesBack watches anew when the engine went away, and says so.
func TestPumpComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		lost, linked := 0, 0
		b := &busy{dies: true}
		ui.RunPump(ctx, b, func(m view.Model) {
			switch m.Link {
			case view.Lost:
				lost++
			case view.Linked:
				linked++
			case view.Starting:
			}
		})
		if b.watched < 4 || b.watched > 6 {
			t.Errorf("watched %d times in 10 s, want about 5", b.watched)
		}
		if lost < 3 {
			t.Errorf("the window said %d times that the engine is gone", lost)
		}
	})
}
