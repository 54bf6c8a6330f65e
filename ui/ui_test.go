package ui_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"fyne.io/fyne/v2/test"

	"sonm/ui"
	"sonm/ui/view"
	"sonm/ui/widget"
)

func TestCopyEachLine(t *testing.T) {
	test.NewTempApp(t)
	var copied []string
	s := ui.New(func(line string) { copied = append(copied, line) })
	w := test.NewTempWindow(t, s.Content())
	w.Resize(ui.Size())
	s.Show(complete)
	for _, o := range test.LaidOutObjects(s.Content()) {
		if b, ok := o.(*widget.Button); ok && !b.Active() {
			test.Tap(b)
		}
	}
	var want []string
	for _, c := range view.Commands() {
		want = append(want, c.Line)
	}
	if !slices.Equal(copied, want) {
		t.Errorf("copied %q, want %q", copied, want)
	}
}

// core answers from a list and calls off the pump after the last.
type core struct {
	answers []error
	asked   int
	stop    func()
}

func (c *core) Status(context.Context) (view.Status, error) {
	if c.asked == len(c.answers) {
		c.stop()
		return view.Status{}, context.Canceled
	}
	c.asked++
	return complete, c.answers[c.asked-1]
}

func TestPumpEndsWithItsContext(t *testing.T) {
	test.NewTempApp(t)
	s := ui.New(func(string) {})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	again := make(chan struct{}, 3)
	for range 3 {
		again <- struct{}{}
	}
	c := &core{answers: []error{nil, errors.New("gone"), nil}, stop: cancel}
	s.Pump(ctx, c, again)
	if c.asked != 3 {
		t.Errorf("the core was asked %d times, want 3", c.asked)
	}
}
