package widget_test

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"sonm/ui/widget"
)

func TestButton(t *testing.T) {
	dress(t)
	pressed := 0
	b := widget.NewButton(widget.Quiet, "", nil, func() { pressed++ }).Say("Copy the line")
	w := test.NewTempWindow(t, b)
	test.Tap(b)
	w.Canvas().Focus(b)
	for _, k := range []fyne.KeyName{fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter} {
		b.TypedKey(&fyne.KeyEvent{Name: k})
	}
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyA})
	if pressed != 4 {
		t.Errorf("one tap and three keys press %d times, want 4", pressed)
	}
	if b.AccessibilityLabel() != "Copy the line" {
		t.Errorf("a screen reader says %q", b.AccessibilityLabel())
	}
	if w.Canvas().Focused() != b {
		t.Error("the keyboard cannot reach the button")
	}
}
