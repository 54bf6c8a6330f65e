//go:build gui

package desktop_test

import (
	"testing"

	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"sonm/ui"
	"sonm/ui/desktop"
	"sonm/ui/theme"
)

// TestDialogs opens both file dialogs over a window.
func TestDialogs(t *testing.T) {
	a := test.NewTempApp(t)
	a.Settings().SetTheme(theme.Fixed(fynetheme.VariantDark))
	w := test.NewTempWindow(t, widget.NewLabel(""))
	w.Resize(ui.Size())
	m := desktop.NewMachine(a, w)
	never := func(path string) { t.Errorf("%q was chosen by nobody", path) }
	for name, open := range map[string]func(){
		"scene": func() { m.ChooseScene(never) },
		"save":  func() { m.ChooseSave("harbour.png", never) },
	} {
		open()
		top := w.Canvas().Overlays().Top()
		if top == nil {
			t.Fatalf("no dialog for %s", name)
		}
		w.Canvas().Overlays().Remove(top)
	}
}
