package ui_test

import (
	"context"
	"image"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/test"
	fynewidget "fyne.io/fyne/v2/widget"

	"sonm/engine/fog"
	"sonm/ui"
	"sonm/ui/theme"
	"sonm/ui/uitest"
	"sonm/ui/widget"
)

// patience is far past what any step of a test takes.
const patience = 20 * time.Second

// stage is a window with a played engine. The test's goroutine is the
// toolkit's: what the shell wants done there is queued and done by sees.
type stage struct {
	t     *testing.T
	core  *uitest.Core
	shell *ui.Shell
	win   fyne.Window
	queue chan func()
	dir   string // where pictures are saved
	shown []string
}

// newStage opens the window and plays state in it.
func newStage(t *testing.T, v fyne.ThemeVariant, state func(*stage)) *stage {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(theme.Fixed(v))
	s := &stage{t: t, core: uitest.New(uitest.Connected()), queue: make(chan func()), dir: t.TempDir()}
	s.shell = ui.New(s.core, s)
	s.win = test.NewTempWindow(t, s.shell.Content())
	s.win.SetPadded(false)
	s.win.Resize(ui.Size())
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() {
		s.shell.Run(ctx, func(f func()) {
			select {
			case s.queue <- f:
			case <-ctx.Done():
			}
		})
	})
	t.Cleanup(func() { cancel(); work.Wait() })
	s.sees("Connected to")
	state(s)
	return s
}

// ChooseScene is the ui.Desktop of a person who always takes the same scene.
func (s *stage) ChooseScene(then func(string)) { then("/home/ada/scenes/harbour.glb") }

// ChooseSave takes the suggested name.
func (s *stage) ChooseSave(name string, then func(string)) { then(filepath.Join(s.dir, name)) }

// OpenFolder notes the folder.
func (s *stage) OpenFolder(file string) { s.shown = append(s.shown, filepath.Dir(file)) }

func (s *stage) capture() image.Image { return s.win.Canvas().Capture() }

// until runs what the shell queued until ok.
func (s *stage) until(what string, ok func() bool) {
	s.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !ok() {
		select {
		case f := <-s.queue:
			f()
		case <-late.C:
			s.t.Fatalf("never came: %s; on screen: %q", what, texts(s.shell.Content()))
		}
	}
}

// sees waits until each of the words is on screen, one after the other.
func (s *stage) sees(words ...string) {
	s.t.Helper()
	for _, w := range words {
		s.until(w, func() bool { return strings.Contains(strings.Join(texts(s.shell.Content()), "\n"), w) })
	}
}

// thumbnail waits until the small picture of a scene is drawn.
func (s *stage) thumbnail() {
	s.t.Helper()
	s.until("a thumbnail", func() bool { return s.across() == uitest.ThumbnailWidth })
}

// picture waits until something of the picture is drawn.
func (s *stage) picture() {
	s.t.Helper()
	s.until("a picture", func() bool { return s.across() > uitest.ThumbnailWidth })
}

// across is how many pixels wide the picture shown is, 0 for none.
func (s *stage) across() int {
	p := find[*widget.Picture](s.shell.Content())
	if len(p) != 1 {
		return 0
	}
	w, _ := p[0].Pixels()
	return w
}

// press presses the button with that label.
func (s *stage) press(label string) {
	s.t.Helper()
	for _, b := range find[*widget.Button](s.shell.Content()) {
		if b.Label() == label {
			if b.Off() {
				s.t.Fatalf("the button %q cannot be pressed", label)
			}
			test.Tap(b)
			return
		}
	}
	s.t.Fatalf("no button %q; on screen: %q", label, texts(s.shell.Content()))
}

// pick picks a name from the only list on screen.
func (s *stage) pick(name string) {
	s.t.Helper()
	l := find[*fynewidget.Select](s.shell.Content())
	if len(l) != 1 {
		s.t.Fatalf("%d lists on screen, want 1", len(l))
	}
	l[0].SetSelected(name)
}

// flip presses the switch.
func (s *stage) flip() {
	s.t.Helper()
	w := find[*widget.Switch](s.shell.Content())
	if len(w) != 1 {
		s.t.Fatalf("%d switches on screen, want 1", len(w))
	}
	test.Tap(w[0])
}

func (s *stage) step(job fog.JobID, n int) {
	s.t.Helper()
	if err := s.core.Step(job, n); err != nil {
		s.t.Fatal(err)
	}
}

// priced drops a scene and waits for its price.
func (s *stage) priced() fog.JobID {
	s.t.Helper()
	s.shell.Open([]string{"/home/ada/scenes/harbour.glb"})
	s.sees("Render for 3.77 SNM")
	s.thumbnail()
	return fog.JobID{1}
}

// find answers with all objects of a type below o that can be seen.
func find[T fyne.CanvasObject](o fyne.CanvasObject) []T {
	if !o.Visible() {
		return nil
	}
	var all []T
	if w, ok := o.(T); ok {
		all = append(all, w)
	}
	var below []fyne.CanvasObject
	switch c := o.(type) {
	case *fyne.Container:
		below = c.Objects
	case fyne.Widget:
		below = test.WidgetRenderer(c).Objects()
	}
	for _, c := range below {
		all = append(all, find[T](c)...)
	}
	return all
}

// texts are all words on screen.
func texts(o fyne.CanvasObject) []string {
	var all []string
	for _, c := range find[*canvas.Text](o) {
		if c.Text != "" {
			all = append(all, c.Text)
		}
	}
	return all
}
