package ui_test

import (
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	fynetheme "fyne.io/fyne/v2/theme"
	fynewidget "fyne.io/fyne/v2/widget"

	"sonm/app/event"
	"sonm/engine/fog"
	"sonm/ui"
	"sonm/ui/widget"
)

// inside are the words that belong to the code; screens say the plain ones.
var inside = regexp.MustCompile(`(?i)\b(wallets?|seed phrases?|private keys?|asks?|bids?|quotes?|quoted|deals?|leases?|escrow|vouchers?|settled?|redeem|gas|stakes?|bonds?|vaults?|disputes?|slashing|receipts?|verdicts?|sandbox|peers?|nodes?|sellers?|relays?|local network|dividends?|sonm \w+|--\w+)\b`)

// ours are the words of the table that name something else, and the brand.
var ours = regexp.MustCompile(`^SONM (stopped|cannot|that|is|does)`)

func TestPlainWords(t *testing.T) {
	for name, state := range states() {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, fynetheme.VariantDark, state)
			for _, line := range texts(s.shell.Content()) {
				for _, w := range inside.FindAllString(line, -1) {
					if !ours.MatchString(w) {
						t.Errorf("%q is on screen: %s", w, line)
					}
				}
			}
			for _, b := range find[*widget.Button](s.shell.Content()) {
				if b.AccessibilityLabel() == "" {
					t.Errorf("a button on the page cannot be read aloud")
				}
			}
		})
	}
}

func TestMainJob(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(s *stage) { s.press("Render"); s.press("Choose a file…") })
	s.sees("Render for 3.77 SNM", "Never more than 4.20 SNM")
	if o := s.core.Orders(); len(o) != 1 || o[0].Scene != "/home/ada/scenes/harbour.glb" || o[0].Width != 1280 {
		t.Fatalf("orders: %+v", o)
	}
	s.press("Render for 3.77 SNM")
	s.sees("0 of 144 tasks done")
	job := [32]byte{1}
	for _, n := range []int{1, 142} {
		s.step(job, n)
		s.picture()
	}
	s.sees("143 of 144 tasks done")
	s.step(job, 1)
	s.sees("0.42 SNM came back to you")
	s.press("Save picture…")
	s.sees("Saved as harbour.png")
	f, err := os.Open(filepath.Join(s.dir, "harbour.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() != 1280 {
		t.Errorf("the saved picture: %v", err)
	}
	s.press("Open folder")
	if !slices.Equal(s.shown, []string{s.dir}) {
		t.Errorf("folders shown: %q", s.shown)
	}
	s.press("Render another scene")
	s.sees("Drop a scene here", "Your jobs", "Done")
	s.press("Show")
	s.sees("came back to you")
}

// TestThumbnail: the scene is seen before its price, and beside it.
func TestThumbnail(t *testing.T) {
	release := func() {}
	s := newStage(t, fynetheme.VariantDark, func(s *stage) {
		release = s.core.Hold()
		s.shell.Open([]string{"/home/ada/scenes/harbour.glb"})
		s.sees("Working out the price")
	})
	if p := find[*widget.Picture](s.shell.Content()); len(p) != 1 || !p[0].Empty() {
		t.Error("there is a picture before the engine has one")
	}
	s.core.Show("other.glb")
	s.core.Show("harbour.glb")
	s.thumbnail()
	s.sees("Working out the price")
	release()
	s.sees("Render for 3.77 SNM")
	s.thumbnail()
	s.press("Not now")
	s.sees("Drop a scene here")
}

// A person asks for a denoised picture, looks at it in another view, changes
// their mind about the grain, and gets what the page says.
func TestLooks(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(s *stage) { s.press("Render"); s.press("Denoise"); s.press("Choose a file…") })
	s.sees("Render for 3.77 SNM")
	if o := s.core.Orders(); len(o) != 1 || !o[0].Look.Denoise {
		t.Fatalf("orders: %+v", o)
	}
	s.press("Render for 3.77 SNM")
	s.sees("0 of 144 tasks done")
	s.step([32]byte{1}, 144)
	s.sees("came back to you", "without the grain")
	s.press("Save picture…")
	s.sees("Saved as harbour.png")
	s.pick("AgX (film-like)")
	s.until("the picture in that look", func() bool { shown, _ := s.core.Looks(); return shown.View == "agx" })
	s.press("As rendered")
	s.until("no word of denoising", func() bool {
		return !strings.Contains(strings.Join(texts(s.shell.Content()), "\n"), "without the grain")
	})
	s.press("Save picture…")
	s.until("both saved", func() bool { _, saved := s.core.Looks(); return len(saved) == 2 })
	shown, saved := s.core.Looks()
	if shown.Denoise || saved[0] != (event.Look{Denoise: true}) || saved[1] != (event.Look{View: "agx"}) {
		t.Errorf("shown in %+v, saved in %+v", shown, saved)
	}
	s.press("Render another scene")
	s.press("Denoise")
	s.press("Choose a file…")
	s.sees("Render for 3.77 SNM")
	s.press("Render for 3.77 SNM")
	s.sees("0 of 144 tasks done")
	s.step([32]byte{2}, 144)
	s.sees("came back to you")
	for _, b := range find[*widget.Button](s.shell.Content()) {
		if b.Label() == "As rendered" {
			t.Error("a picture without layers can be denoised")
		}
	}
}

// TestNewSettingsNewPrice: a price is only good for the settings it was made for.
func TestNewSettingsNewPrice(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(s *stage) { s.priced() })
	s.press("Small")
	s.sees("See the new price")
	if strings.Contains(strings.Join(texts(s.shell.Content()), "\n"), "Render for") {
		t.Error("the old price can still be accepted")
	}
	s.press("See the new price")
	s.sees("Render for 0.944 SNM")
	o := s.core.Orders()
	if len(o) != 2 || o[1].Width != 640 || o[1].Samples != 128 {
		t.Errorf("orders: %+v", o)
	}
	s.press("Not now")
	s.sees("Drop a scene here")
}

// TestCamera: another camera is another picture, with a price of its own.
func TestCamera(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(s *stage) {
		s.core.Cameras = []string{"Pier", "Bridge"}
		s.priced()
	})
	list := find[*fynewidget.Select](s.shell.Content())
	if len(list) != 1 || list[0].Selected != "Pier" {
		t.Fatalf("%d lists of cameras on screen", len(list))
	}
	list[0].SetSelected("Bridge")
	s.press("See the new price")
	s.sees("Render for 3.77 SNM")
	if o := s.core.Orders(); len(o) != 2 || o[0].Camera != "" || o[1].Camera != "Bridge" {
		t.Errorf("orders: %+v", o)
	}
}

// TestAnimation: of a scene that moves the whole can be had, or a part, for a
// price of its own.
func TestAnimation(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(s *stage) {
		s.core.Animations = []fog.Animation{{Name: "Walk", Seconds: 2}, {Name: "Wave", Seconds: 0.5}}
		s.priced()
	})
	s.press("All 49 frames at 24 fps")
	s.press("See the new price")
	s.sees("Render for 3.77 SNM", "49 frames")
	s.press("Render for 3.77 SNM")
	s.sees("0 of 49 frames, 0 of 144 tasks done")
	s.step([32]byte{2}, 144)
	s.sees("Save pictures…", "Save as a film (MP4)…")
	if o := s.core.Orders(); len(o) != 2 || o[0].Frames != nil || *o[1].Frames != (event.Frames{Last: 48, Step: 1}) || o[1].FPS != 24 {
		t.Errorf("orders: %+v", o)
	}
}

func TestCallOffThePrice(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, pricing)
	s.press("Cancel")
	s.sees("Drop a scene here")
}

func TestCallOffTheJob(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, working)
	s.press("Cancel")
	s.sees("comes back to you")
	s.press("Keep going")
	s.press("Cancel")
	s.press("Stop it")
	s.sees("You called this job off")
}

func TestProblems(t *testing.T) {
	funds := &event.Problem{Code: "funds", What: "Not enough money: 4 are needed and there are 3.", Do: "set --max-price", Cause: errors.New("x")}
	s := newStage(t, fynetheme.VariantDark, func(s *stage) { s.priced() })
	s.core.Fail("Accept", funds)
	s.press("Render for 3.77 SNM")
	s.sees("Not enough money", "Choose a smaller size")
	s.core.Fail("Accept", nil)
	s.press("Render for 3.77 SNM")
	s.sees("0 of 144 tasks done")
	if err := s.core.Break([32]byte{1}, &event.Problem{Code: "no_sellers", What: "All sellers left."}); err != nil {
		t.Fatal(err)
	}
	s.sees("No computer sells its time")
	s.press("Try again")
	s.sees("Render for 3.77 SNM")
}

func TestWrongDropKeepsTheJob(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, working)
	s.shell.Open([]string{"/home/ada/holiday.mov"})
	s.sees("cannot open holiday.mov", "52 of 144 tasks done")
}

func TestSellSwitch(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, selling)
	s.flip()
	s.sees("Selling is off", "Earned today")
	s.core.Fail("StartSelling", &event.Problem{What: "It cannot."})
	s.flip()
	s.sees("It cannot.")
}

// TestEngineGone: the window says so, and goes on when it is back.
func TestEngineGone(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(*stage) {})
	s.core.Quit()
	s.sees("SONM stopped")
	if w := find[*widget.Switch](s.shell.Content()); len(w) != 1 {
		t.Fatalf("%d switches", len(w))
	} else if test.Tap(w[0]); w[0].On() {
		t.Error("selling can be switched on without an engine")
	}
}

// TestNothingNewNothingFetched: a picture that has not grown is not fetched.
func TestNothingNewNothingFetched(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, done)
	n := s.core.Looked()
	s.core.Tell(event.Event{Money: &event.Money{}})
	s.press("Home")
	s.sees("0 SNM")
	if got := s.core.Looked(); got != n {
		t.Errorf("%d previews were fetched of a finished picture, then %d", n, got)
	}
}

// TestKeyboard walks through the drop page with Tab and works it with Space.
func TestKeyboard(t *testing.T) {
	s := newStage(t, fynetheme.VariantDark, func(s *stage) { s.press("Render") })
	c := s.win.Canvas()
	var seen []string
	for range 40 {
		c.FocusNext()
		switch w := c.Focused().(type) {
		case *widget.Button:
			seen = append(seen, w.Label())
		case *fynewidget.Entry:
			seen = append(seen, "field "+w.Text)
		}
		if len(seen) > 0 && seen[len(seen)-1] == "Choose a file…" {
			break
		}
	}
	if !slices.Contains(seen, "Home") || !slices.Contains(seen, "Choose a file…") {
		t.Fatalf("Tab reaches %q", seen)
	}
	c.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	s.sees("Render for 3.77 SNM")
}

func TestFits(t *testing.T) {
	for name, state := range states() {
		s := newStage(t, fynetheme.VariantDark, state)
		if m := s.shell.Content().MinSize(); m.Width > ui.Size().Width || m.Height > ui.Size().Height {
			t.Errorf("%s needs %v, the window has %v", name, m, ui.Size())
		}
	}
}
