package ui_test

import (
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"

	"sonm/app/event"
	"sonm/assets/icon"
	"sonm/engine/fog"
	"sonm/ui/theme"
	"sonm/ui/uitest"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// states are what a person sees on the way through the window.
func states() map[string]func(*stage) {
	return map[string]func(*stage){
		"home-idle":      func(*stage) {},
		"home-selling":   selling,
		"home-lost":      func(s *stage) { s.core.Quit(); s.sees("Not running") },
		"home-refused":   refused,
		"render-drop":    func(s *stage) { s.press("Render") },
		"render-pricing": pricing,
		"render-price":   func(s *stage) { s.priced() },
		"render-working": working,
		"render-cancel":  func(s *stage) { working(s); s.press("Cancel"); s.sees("Keep going") },
		"render-done":    done,
		"render-clean":   clean,
		"render-moves":   moves,
		"render-film":    film,
		"render-problem": broken,
		"render-crowded": crowded,
		"render-wrong":   func(s *stage) { s.shell.Open([]string{"/home/ada/holiday.mov"}); s.sees("cannot open") },
	}
}

// light is drawn in light too; the rest differs by colour only.
var light = []string{"home-selling", "render-drop", "render-price", "render-working", "render-done", "render-problem"}

func selling(s *stage) {
	s.flip()
	s.sees("Waiting for work")
	s.core.Tell(event.Event{Selling: &event.Selling{
		Price: uitest.SNM("1"), Slots: 1, Deals: 2, Tasks: 1431, Failed: 2, Earned: uitest.SNM("6.0419"), Today: uitest.SNM("8.3172"),
	}})
	s.sees("Earning")
}

func refused(s *stage) {
	s.core.Fail("StartSelling", &event.Problem{
		Code: "isolation", What: "This computer cannot lock jobs away: its kernel is older than 5.13.", Do: "Use a newer system to sell; rendering works as it is.",
	})
	s.flip()
	s.sees("older than")
}

func pricing(s *stage) {
	s.t.Cleanup(s.core.Hold())
	s.shell.Open([]string{"/home/ada/scenes/harbour.glb"})
	s.sees("Working out the price")
}

func clean(s *stage) {
	s.press("Render")
	s.press("Denoise")
	done(s)
}

// moves is a price of a scene that moves, and film what it becomes, with layers.
func moves(s *stage) {
	s.core.Animations = []fog.Animation{{Name: "Walk", Seconds: 2}}
	s.press("Render")
	s.press("Denoise")
	s.priced()
	s.press("All 49 frames at 24 fps")
	s.press("See the new price")
	s.sees("Render for 3.77 SNM", "49 frames")
	s.thumbnail()
}

func film(s *stage) {
	moves(s)
	s.press("Render for 3.77 SNM")
	s.sees("0 of 49 frames, 0 of 144 tasks done")
	s.step(fog.JobID{2}, 144)
	s.sees("came back to you")
	s.picture()
	s.press("Save as a film (MP4)…")
	s.sees("Saved as harbour.mp4")
}

func working(s *stage) {
	job := s.priced()
	s.press("Render for 3.77 SNM")
	s.sees("Getting started", "0 of 144 tasks done")
	s.step(job, 52)
	s.sees("52 of 144 tasks done")
	s.picture()
}

func done(s *stage) {
	job := s.priced()
	s.press("Render for 3.77 SNM")
	s.sees("Getting started", "0 of 144 tasks done")
	s.step(job, 144)
	s.sees("came back to you")
	s.picture()
	s.press("Save picture…")
	s.sees("Saved as harbour.png")
}

func broken(s *stage) {
	s.core.Fail("Quote", &event.Problem{Code: "no_sellers", What: "Nobody is selling.", Do: "sonm sell"})
	s.shell.Open([]string{"/home/ada/scenes/harbour.glb"})
	s.sees("This did not work")
}

// crowded is the longest words and the most jobs.
func crowded(s *stage) {
	for i, name := range []string{"a", "b", "c"} {
		s.shell.Open([]string{"/x/" + strings.Repeat(name+" very long name of a scene ", 4) + ".gltf"})
		s.sees("Render for")
		s.press("Render for 3.77 SNM")
		s.sees("Getting started", "0 of 144 tasks done")
		s.step(fog.JobID{byte(i + 1)}, 10+67*i)
	}
	s.sees("came back")
	s.picture()
}

func TestPages(t *testing.T) {
	if !goldens {
		t.Skip("pages are drawn and compared without the race detector")
	}
	for name, state := range states() {
		t.Run(name+"-dark", func(t *testing.T) {
			golden(t, filepath.Join("testdata", name+"-dark.png"), newStage(t, fynetheme.VariantDark, state).capture())
		})
	}
	for _, name := range light {
		t.Run(name+"-light", func(t *testing.T) {
			golden(t, filepath.Join("testdata", name+"-light.png"), newStage(t, fynetheme.VariantLight, states()[name]).capture())
		})
	}
}

// TestThemeChange repaints a window that is already open.
func TestThemeChange(t *testing.T) {
	if !goldens {
		t.Skip("pages are drawn and compared without the race detector")
	}
	s := newStage(t, fynetheme.VariantLight, working)
	s.capture()
	fyne.CurrentApp().Settings().SetTheme(theme.Fixed(fynetheme.VariantDark))
	if *update {
		return
	}
	golden(t, filepath.Join("testdata", "render-working-dark.png"), s.capture())
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
