//go:build gui

package desktop

import (
	"fyne.io/fyne/v2"

	"sonm/ui"
)

// NewMachine is what Run gives the window.
func NewMachine(a fyne.App, w fyne.Window) ui.Desktop { return &machine{app: a, window: w} }
