// Package screen holds the pages of the window. A page is built once, shows
// values of package view, and calls the functions it was given when something
// is pressed; it knows neither the engine nor what a press leads to.
package screen

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"sonm/assets/icon"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

const (
	rightWidth = 300 // of the narrow column
	gutter     = 16  // between cards
)

// sheet is a title over a body that scrolls.
type sheet struct {
	scroll *container.Scroll
	inner  *fyne.Container
}

func page(title, sub string, right, body fyne.CanvasObject) sheet {
	head := container.NewBorder(nil, nil, nil, right, widget.Rows(6,
		widget.Text(title, ours.Display, theme.ColorNameForeground, true),
		widget.Text(sub, theme.SizeNameText, ours.Muted, false),
	))
	inner := container.New(layout.NewCustomPaddedLayout(24, 22, 30, 30), widget.Rows(20, head, body))
	return sheet{container.NewVScroll(inner), inner}
}

// refresh lays the page out anew. Text that wraps knows its height only once it
// has a width, so that what was hidden takes a second turn.
func (s sheet) refresh() {
	for range 2 {
		was := s.inner.MinSize()
		s.inner.Refresh()
		s.scroll.Refresh()
		if s.inner.MinSize() == was {
			return
		}
	}
	s.inner.Refresh()
}

func practice() *widget.Pill { return widget.NewPill("PRACTICE MODE", theme.ColorNamePrimary) }

// ink is the colour of a tone.
func ink(t view.Tone) fyne.ThemeColorName {
	switch t {
	case view.Good:
		return theme.ColorNameSuccess
	case view.Warn:
		return theme.ColorNameWarning
	case view.Bad:
		return theme.ColorNameError
	default:
		return ours.Muted
	}
}

// Ink is the colour of a tone.
func Ink(t view.Tone) fyne.ThemeColorName { return ink(t) }

func heading(s string) fyne.CanvasObject {
	return widget.Text(s, theme.SizeNameSubHeadingText, theme.ColorNameForeground, true)
}

func caption(s string) fyne.CanvasObject {
	return widget.Text(s, theme.SizeNameCaptionText, ours.Muted, false)
}

func body(ink fyne.ThemeColorName) *widget.Label {
	return widget.NewLabel(theme.SizeNameText, ink, false)
}

// visible shows or hides o.
func visible(o fyne.CanvasObject, on bool) {
	if on == o.Visible() {
		return
	}
	if on {
		o.Show()
		return
	}
	o.Hide()
}

func glyph(name string, b []byte) fyne.Resource { return fyne.NewStaticResource(name, b) }

// trouble is a problem as a card within a card.
type trouble struct {
	*fyne.Container
	what, do *widget.Prose
}

func newTrouble() *trouble {
	t := &trouble{
		what: widget.NewProse(theme.SizeNameText, theme.ColorNameForeground),
		do:   widget.NewProse(theme.SizeNameText, ours.Muted),
	}
	sign := container.New(layout.NewCustomPaddedLayout(0, 0, 0, 10),
		container.NewVBox(widget.Icon(glyph("alert.svg", icon.Alert), 18, theme.ColorNameError)))
	t.Container = widget.Notice(theme.ColorNameError,
		container.NewBorder(nil, nil, sign, nil, widget.Rows(4, t.what.Container, t.do.Container)))
	t.Hide()
	return t
}

func (t *trouble) show(v view.Trouble) {
	t.what.Set(v.What)
	t.do.Set(v.Do)
	visible(t.do, v.Do != "")
	visible(t.Container, v.What != "")
}
