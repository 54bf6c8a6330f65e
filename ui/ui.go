// Package ui is the desktop window: its sidebar, its pages, and the pump that
// carries what the core says into them.
//
// # Why
//
// Only package desktop below it opens a real window; everything else draws on
// any canvas of the toolkit, so that pages are tested pixel by pixel on machines
// that have no display. The widget tree, and every field of the shell, is
// touched only on the toolkit's goroutine: events and answers of the core go
// there through one function that Run is given.
package ui

import (
	"context"
	"sync"

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

// Page names a page of the window.
type Page int

// The pages, in the order of the sidebar.
const (
	HomePage Page = iota
	RenderPage
)

// Shell is the content of the window.
type Shell struct {
	core    Core
	desktop Desktop

	root   *fyne.Container
	pages  *fyne.Container
	nav    []*widget.Button
	dot    *widget.Dot
	line   *widget.Label
	note   *widget.Label
	home   *screen.Home
	render *screen.Render

	model  view.Model
	desk   view.Desk
	till   view.Till
	asked  *asking // the price that is being made
	looked look    // the picture last asked for

	presses chan press // on their way to the core
	looks   chan look  // holds one: the picture to fetch next
}

// New builds the content; nothing happens before Run.
func New(core Core, desktop Desktop) *Shell {
	s := &Shell{
		core: core, desktop: desktop, desk: view.Desk{Form: view.DefaultForm()},
		presses: make(chan press, 16), looks: make(chan look, 1),
	}
	s.home = screen.NewHome(s.turn)
	s.render = screen.NewRender(screen.RenderActions{
		Choose: func() { s.desktop.ChooseScene(func(path string) { s.Open([]string{path}) }) },
		Change: s.change, Price: s.price, Accept: s.accept, Clear: s.clear,
		Sure: s.sure, Cancel: s.cancel, Save: s.save, Look: s.pickLook, Folder: desktop.OpenFolder, Open: s.open,
	})
	s.pages = container.NewStack(s.home.Content(), s.render.Content())
	side := container.NewStack(
		widget.Fill(ours.Sidebar),
		container.New(layout.NewCustomPaddedLayout(20, 18, 14, 14),
			container.NewBorder(widget.Rows(22, brand(), s.menu()), s.foot(), nil, nil)),
	)
	s.root = container.New(&columns{},
		container.New(&sidebar{}, side, widget.Line()),
		container.NewStack(widget.Fill(theme.ColorNameBackground), s.pages),
	)
	s.Go(HomePage)
	s.refresh()
	return s
}

// Content is what the window shows.
func (s *Shell) Content() fyne.CanvasObject { return s.root }

// Run shows what the core says and carries presses to it, until ctx is over. It
// returns when all it started is over. do runs a function on the toolkit's
// goroutine: fyne.Do.
func (s *Shell) Run(ctx context.Context, do func(func())) {
	var work sync.WaitGroup
	defer work.Wait()
	p := newPump(s.core, func(m view.Model) { do(func() { s.show(m) }) })
	work.Go(func() { p.run(ctx) })
	work.Go(func() { s.watchPicture(ctx, do) })
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-s.presses:
			work.Go(func() {
				err := p.do(ctx)
				if ctx.Err() == nil {
					do(func() { p.then(err) })
				}
			})
		}
	}
}

// Go opens a page.
func (s *Shell) Go(p Page) {
	for i, o := range s.pages.Objects {
		s.nav[i].SetActive(Page(i) == p)
		if Page(i) == p {
			o.Show()
		} else {
			o.Hide()
		}
	}
}

// show takes over a model and puts it on screen.
func (s *Shell) show(m view.Model) {
	fresh := s.model.Link == view.Starting
	s.model = m
	if fresh {
		s.resume()
	}
	s.settle()
	s.refresh()
}

// refresh puts everything on screen.
func (s *Shell) refresh() {
	f := view.FootOf(s.model)
	s.dot.Set(screen.Ink(f.Tone))
	s.line.Set(f.Line)
	s.note.Set(f.Note)
	s.home.Show(view.HomeOf(s.model, s.till))
	s.render.Show(view.RenderOf(s.model, s.desk), s.desk.Form, s.model.Practice)
	s.wantPicture()
}

func brand() fyne.CanvasObject {
	logo := canvas.NewImageFromResource(Icon())
	logo.FillMode = canvas.ImageFillContain
	logo.SetMinSize(fyne.NewSquareSize(34))
	return widget.Columns(12, logo, container.NewCenter(
		widget.Text("SONM", theme.SizeNameSubHeadingText, theme.ColorNameForeground, true)))
}

// menu lists the pages that work today.
func (s *Shell) menu() fyne.CanvasObject {
	add := func(name string, svg []byte, p Page) {
		s.nav = append(s.nav, widget.NewButton(widget.Row, name, fyne.NewStaticResource(name+".svg", svg), func() { s.Go(p) }))
	}
	add("Home", icon.Home, HomePage)
	add("Render", icon.Render, RenderPage)
	return widget.Rows(4, s.nav[0], s.nav[1])
}

func (s *Shell) foot() fyne.CanvasObject {
	s.dot = widget.NewDot(ours.Muted)
	s.line = widget.NewLabel(theme.SizeNameCaptionText, theme.ColorNameForeground, false).Clip()
	s.note = widget.NewLabel(theme.SizeNameCaptionText, ours.Muted, false).Clip()
	return widget.Rows(5, container.NewBorder(nil, nil, widget.Columns(0, s.dot.Container, widget.Gap(8, 0)), nil, s.line), s.note)
}
