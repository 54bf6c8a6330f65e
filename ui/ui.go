// Package ui is the desktop window: its sidebar, its pages, and the pump that
// carries what the core says into them.
//
// # Why
//
// Only package desktop below it opens a real window; everything else draws on
// any canvas of the toolkit, so that pages are tested pixel by pixel on machines
// that have no display. The widget tree is touched only inside fyne.Do.
package ui

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"sonm/assets/icon"
	"sonm/ui/screen"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// Size is the window's first size; it fits a screen of 1366 x 768.
func Size() fyne.Size { return fyne.NewSize(1180, 720) }

// Icon is the program's icon.
func Icon() fyne.Resource { return fyne.NewStaticResource("sonm.png", icon.PNG) }

// Shell is the content of the window.
type Shell struct {
	root *fyne.Container
	foot *fyne.Container // summary at the foot of the sidebar
	page *fyne.Container
	copy func(string)
}

// New builds the content. Copied lines go to copy, usually the clipboard.
func New(copy func(string)) *Shell {
	s := &Shell{foot: container.NewStack(), page: container.NewStack(), copy: copy}
	side := container.NewStack(
		widget.Fill(ours.Sidebar),
		container.New(layout.NewCustomPaddedLayout(20, 18, 14, 14),
			container.NewBorder(widget.Rows(22, brand(), s.nav()), s.foot, nil, nil)),
	)
	s.root = container.New(&columns{},
		container.New(&sidebar{}, side, widget.Line()),
		container.NewStack(widget.Fill(theme.ColorNameBackground), s.page),
	)
	s.wait()
	return s
}

// Content is what the window shows.
func (s *Shell) Content() fyne.CanvasObject { return s.root }

// Show puts a status on screen. Call it from the toolkit's own goroutine.
func (s *Shell) Show(st view.Status) {
	ink := theme.ColorNameSuccess
	if len(st.Missing()) > 0 {
		ink = theme.ColorNameWarning
	}
	s.set(st.Summary(), ink, screen.Home(st, s.copy))
}

// Fail says that the status could not be looked up.
func (s *Shell) Fail() {
	s.set("Not known", theme.ColorNameWarning, screen.Unknown())
}

func (s *Shell) wait() { s.set("Looking", ours.Muted, container.NewStack()) }

func (s *Shell) set(summary string, ink fyne.ThemeColorName, page fyne.CanvasObject) {
	s.foot.Objects = []fyne.CanvasObject{container.NewHBox(
		widget.Dot(ink), widget.Text(summary, theme.SizeNameCaptionText, ours.Muted, false),
	)}
	s.foot.Refresh()
	s.page.Objects = []fyne.CanvasObject{page}
	s.page.Refresh()
}

// Pump shows what core says, now and whenever again asks, until ctx is over.
func (s *Shell) Pump(ctx context.Context, core Core, again <-chan struct{}) {
	for {
		st, err := core.Status(ctx)
		if ctx.Err() != nil {
			return
		}
		fyne.Do(func() {
			if err != nil {
				s.Fail()
				return
			}
			s.Show(st)
		})
		select {
		case <-ctx.Done():
			return
		case <-again:
		}
	}
}

func brand() fyne.CanvasObject {
	logo := canvas.NewImageFromResource(Icon())
	logo.FillMode = canvas.ImageFillContain
	logo.SetMinSize(fyne.NewSquareSize(34))
	return widget.Columns(12, logo, container.NewCenter(
		widget.Text("SONM", theme.SizeNameSubHeadingText, theme.ColorNameForeground, true)))
}

// nav lists the pages that work today, which is one.
func (s *Shell) nav() fyne.CanvasObject {
	home := widget.NewButton(widget.Row, "Home", fyne.NewStaticResource("home.svg", icon.Home), func() {})
	home.SetActive(true)
	return widget.Rows(4, home)
}
