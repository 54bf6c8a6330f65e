package ui_test

import (
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"sonm/assets/icon"
	"sonm/ui"
	"sonm/ui/theme"
	"sonm/ui/view"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// complete and lacking are two installations; their figures are the test's.
var (
	complete = view.Status{Version: "0.1.0", Cores: 8, Parts: []view.Part{
		{Name: "Terminal program", File: "sonm", Found: true},
		{Name: "Keeps jobs locked away", File: "sonm-sandbox", Found: true},
		{Name: "Runs jobs fast", File: "libwasmer.so", Found: true},
	}}
	lacking = view.Status{Version: "0.1.0", Cores: 1, Parts: []view.Part{
		{Name: "Terminal program", File: "sonm", Found: true},
		{Name: "Keeps jobs locked away", File: "sonm-sandbox"},
		{Name: "Runs jobs fast", File: "libwasmer.so"},
	}}
)

func TestPages(t *testing.T) {
	for theme, variant := range map[string]fyne.ThemeVariant{"dark": fynetheme.VariantDark, "light": fynetheme.VariantLight} {
		for state, show := range map[string]func(*ui.Shell){
			"home":    func(s *ui.Shell) { s.Show(complete) },
			"lacking": func(s *ui.Shell) { s.Show(lacking) },
			"unknown": func(s *ui.Shell) { s.Fail() },
		} {
			t.Run(state+"-"+theme, func(t *testing.T) {
				golden(t, filepath.Join("testdata", state+"-"+theme+".png"), draw(t, variant, show))
			})
		}
	}
}

// TestThemeChange repaints a window that is already open.
func TestThemeChange(t *testing.T) {
	app := test.NewTempApp(t)
	app.Settings().SetTheme(theme.Fixed(fynetheme.VariantLight))
	s := ui.New(func(string) {})
	w := test.NewTempWindow(t, s.Content())
	w.SetPadded(false)
	w.Resize(ui.Size())
	s.Show(complete)
	w.Canvas().Capture()
	app.Settings().SetTheme(theme.Fixed(fynetheme.VariantDark))
	if *update {
		return
	}
	golden(t, filepath.Join("testdata", "home-dark.png"), w.Canvas().Capture())
}

// TestIcon holds sonm.png to be what sonm.svg draws.
func TestIcon(t *testing.T) {
	test.NewTempApp(t)
	img := canvas.NewImageFromResource(fyne.NewStaticResource("sonm.svg", icon.SVG))
	c := software.NewTransparentCanvas()
	c.SetPadded(false)
	c.SetContent(img)
	c.Resize(fyne.NewSquareSize(256))
	golden(t, filepath.Join("..", "assets", "icon", "sonm.png"), c.Capture())
}

func draw(t *testing.T, v fyne.ThemeVariant, show func(*ui.Shell)) image.Image {
	t.Helper()
	app := test.NewTempApp(t)
	app.Settings().SetTheme(theme.Fixed(v))
	s := ui.New(func(string) {})
	w := test.NewTempWindow(t, s.Content())
	w.SetPadded(false)
	w.Resize(ui.Size())
	show(s)
	return w.Canvas().Capture()
}

// golden compares got with the picture at path, or writes it with -update.
func golden(t *testing.T, path string, got image.Image) {
	t.Helper()
	if *update {
		if err := save(path, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if err := alike(got, want); err != nil {
		seen := filepath.Join(os.TempDir(), "sonm-got-"+filepath.Base(path))
		t.Errorf("%s: %v; drawn now: %s (%v)", path, err, seen, save(seen, got))
	}
}

func save(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	e := png.Encoder{CompressionLevel: png.BestCompression}
	return e.Encode(f, img)
}

// Floating point differs between processors by a step or two at the edges of
// letters; a moved word or a wrong colour is hundreds of pixels over the first.
const (
	stepSize  = 24    // of 255, in any channel: a pixel that differs
	stepShare = 0.001 // of all pixels may differ
)

func alike(got, want image.Image) error {
	if got.Bounds().Size() != want.Bounds().Size() {
		return fmt.Errorf("size %v, want %v", got.Bounds().Size(), want.Bounds().Size())
	}
	g, w := got.Bounds(), want.Bounds()
	off := 0
	for y := range g.Dy() {
		for x := range g.Dx() {
			if differ(got.At(g.Min.X+x, g.Min.Y+y).RGBA)(want.At(w.Min.X+x, w.Min.Y+y).RGBA()) {
				off++
			}
		}
	}
	if n := g.Dx() * g.Dy(); float64(off) > stepShare*float64(n) {
		return fmt.Errorf("%d of %d pixels differ", off, n)
	}
	return nil
}

func differ(rgba func() (r, g, b, a uint32)) func(r, g, b, a uint32) bool {
	r0, g0, b0, a0 := rgba()
	far := func(a, b uint32) bool { return max(a, b)-min(a, b) > stepSize<<8 }
	return func(r, g, b, a uint32) bool { return far(r0, r) || far(g0, g) || far(b0, b) || far(a0, a) }
}
