package widget_test

import (
	"bytes"
	"image"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	ours "sonm/ui/theme"
	"sonm/ui/widget"
)

// dress gives the test an app in our theme.
func dress(t *testing.T) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(ours.Fixed(theme.VariantDark))
}

func TestButtonOff(t *testing.T) {
	dress(t)
	pressed := 0
	b := widget.NewButton(widget.Primary, "Render", nil, func() { pressed++ })
	b.SetOff(true)
	test.Tap(b)
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if pressed != 0 {
		t.Errorf("a button that is off was pressed %d times", pressed)
	}
	b.SetOff(false)
	b.SetLabel("Render for 3 SNM")
	test.Tap(b)
	if pressed != 1 || b.AccessibilityLabel() != "Render for 3 SNM" {
		t.Errorf("pressed %d times, reads %q", pressed, b.AccessibilityLabel())
	}
}

// TestSwitch only asks: it shows what it is told.
func TestSwitch(t *testing.T) {
	dress(t)
	var asked []bool
	s := widget.NewSwitch("Sell", func(on bool) { asked = append(asked, on) })
	w := test.NewTempWindow(t, s)
	test.Tap(s)
	if s.On() || len(asked) != 1 || !asked[0] {
		t.Errorf("after a press it is on: %t, asked %v", s.On(), asked)
	}
	s.Set(true, true)
	w.Canvas().Focus(s)
	s.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
	if len(asked) != 2 || asked[1] || s.AccessibilityLabel() != "Sell, on" {
		t.Errorf("asked %v, reads %q", asked, s.AccessibilityLabel())
	}
	s.Set(true, false)
	test.Tap(s)
	if len(asked) != 2 {
		t.Error("a switch that is off limits was pressed")
	}
}

func TestLabelClips(t *testing.T) {
	dress(t)
	l := widget.NewLabel(theme.SizeNameText, theme.ColorNameForeground, false).Clip()
	l.Set("a very long line that does not fit at all")
	l.Resize(fyne.NewSize(80, 20))
	text, ok := test.WidgetRenderer(l).Objects()[0].(*canvas.Text)
	if !ok || text.MinSize().Width > 81 || []rune(text.Text)[len([]rune(text.Text))-1] != '…' {
		t.Errorf("drawn as %q, %v wide", text.Text, text.MinSize().Width)
	}
	l.Resize(fyne.NewSize(800, 20))
	if text.Text != l.Text() {
		t.Errorf("with room it is drawn as %q", text.Text)
	}
}

// grid is a picture of 4 x 4 tiles, all of one grey but tile t.
func grid(t int) []byte {
	const side, n = 64, 4
	b := bytes.Repeat([]byte{90, 90, 90, 255}, n*side*n*side)
	for y := range side {
		for x := range side {
			o := 4 * ((t/n*side+y)*n*side + t%n*side + x)
			copy(b[o:], []byte{250, 10, 10, 255})
		}
	}
	return b
}

// TestPicture scales only tiles that changed, and ends where drawing all anew does.
func TestPicture(t *testing.T) {
	dress(t)
	draw := func(p *widget.Picture) image.Image {
		c := software.NewTransparentCanvas()
		c.SetPadded(false)
		c.SetContent(p)
		c.Resize(fyne.NewSize(150, 100))
		return c.Capture()
	}
	p := widget.NewPicture(fyne.NewSize(10, 10))
	p.Set(256, 256, grid(0))
	first := draw(p)
	before := p.Scaled()
	if before < 16 {
		t.Fatalf("%d tiles scaled for the first drawing, want all 16", before)
	}
	p.Set(256, 256, grid(0))
	if p.Scaled() != before {
		t.Errorf("the same picture scaled %d tiles", p.Scaled()-before)
	}
	p.Set(256, 256, grid(5))
	if got := p.Scaled() - before; got != 2 {
		t.Errorf("a picture with 2 other tiles scaled %d", got)
	}
	fresh := widget.NewPicture(fyne.NewSize(10, 10))
	fresh.Set(256, 256, grid(5))
	if !same(draw(p), draw(fresh)) {
		t.Error("bit by bit the picture becomes another than at once")
	}
	if same(first, draw(p)) {
		t.Error("another picture looks the same")
	}
	p.Set(3, 3, []byte{1})
	if !p.Empty() {
		t.Error("bytes of the wrong length are a picture")
	}
}

func same(a, b image.Image) bool {
	if a.Bounds() != b.Bounds() {
		return false
	}
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			if a.At(x, y) != b.At(x, y) {
				return false
			}
		}
	}
	return true
}

func TestMeter(t *testing.T) {
	dress(t)
	m := widget.NewMeter()
	m.Resize(fyne.NewSize(200, 6))
	bar := test.WidgetRenderer(m).Objects()[1]
	m.Set(0.25)
	if bar.Size().Width != 50 {
		t.Errorf("a quarter of 200 is %v wide", bar.Size().Width)
	}
	m.Run(true)
	if !m.Running() || bar.Size().Width < 59 || bar.Size().Width > 61 {
		t.Errorf("running: %t, %v wide", m.Running(), bar.Size().Width)
	}
	m.Run(false)
	if m.Running() || bar.Size().Width != 50 {
		t.Errorf("after running: %t, %v wide", m.Running(), bar.Size().Width)
	}
}
