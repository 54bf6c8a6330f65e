// Package widget is the window's own set of controls: what the toolkit's stock
// ones do not draw well enough.
//
// Every control here can be reached and pressed from the keyboard, shows where
// the focus is, and takes its colours from the theme at each refresh, so that
// dark and light can change while the window is open.
package widget

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	ours "sonm/ui/theme"
)

// painted is one canvas object whose colours are set anew at each refresh.
type painted struct {
	widget.BaseWidget
	object fyne.CanvasObject
	paint  func()
}

func newPainted(o fyne.CanvasObject, paint func()) *painted {
	p := &painted{object: o, paint: paint}
	p.ExtendBaseWidget(p)
	paint()
	return p
}

// CreateRenderer is the toolkit's hook.
func (p *painted) CreateRenderer() fyne.WidgetRenderer { return paintedRenderer{p} }

type paintedRenderer struct{ p *painted }

func (r paintedRenderer) Layout(s fyne.Size)           { r.p.object.Resize(s) }
func (r paintedRenderer) MinSize() fyne.Size           { return r.p.object.MinSize() }
func (r paintedRenderer) Refresh()                     { r.p.paint(); canvas.Refresh(r.p.object) }
func (r paintedRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.p.object} }
func (r paintedRenderer) Destroy()                     {}

func tint(n fyne.ThemeColorName) color.Color { return theme.Color(n) }

// mix is share of over on top of under.
func mix(under, over fyne.ThemeColorName, share float32) color.Color {
	u, _ := color.NRGBAModel.Convert(tint(under)).(color.NRGBA)
	o, _ := color.NRGBAModel.Convert(tint(over)).(color.NRGBA)
	at := func(a, b uint8) uint8 { return uint8(float32(a)*(1-share) + float32(b)*share) }
	return color.NRGBA{R: at(u.R, o.R), G: at(u.G, o.G), B: at(u.B, o.B), A: 0xff}
}

// Text is one line in a theme size and colour.
func Text(s string, size fyne.ThemeSizeName, ink fyne.ThemeColorName, bold bool) fyne.CanvasObject {
	t := canvas.NewText(s, color.Transparent)
	t.TextStyle.Bold = bold
	return newPainted(t, func() { t.Color, t.TextSize = tint(ink), theme.Size(size) })
}

// Fill is a rectangle of one theme colour.
func Fill(n fyne.ThemeColorName) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	return newPainted(r, func() { r.FillColor = tint(n) })
}

// Line is a hair line of the border colour; give it width or height by layout.
func Line() fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(1, 1))
	return newPainted(r, func() { r.FillColor = tint(ours.Border) })
}

// Gap is empty space.
func Gap(w, h float32) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(w, h))
	return r
}

// Pad puts n of space around o.
func Pad(n float32, o fyne.CanvasObject) fyne.CanvasObject {
	return container.New(layout.NewCustomPaddedLayout(n, n, n, n), o)
}

// Card is a raised surface around o.
func Card(o fyne.CanvasObject) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius, r.StrokeWidth = ours.CardRadius, 1
	ground := newPainted(r, func() {
		r.FillColor, r.StrokeColor = tint(ours.Surface), tint(ours.Border)
		r.Shadow = canvas.Shadow{
			Color: tint(theme.ColorNameShadow), BlurRadius: 14,
			Offset: fyne.NewPos(0, 3), Variant: canvas.DropShadow,
		}
	})
	return container.NewStack(ground, Pad(20, o))
}

// Dot is a small disc, for states; its colour can change.
type Dot struct {
	*fyne.Container
	disc *painted
	ink  fyne.ThemeColorName
}

// NewDot is a disc of a colour.
func NewDot(ink fyne.ThemeColorName) *Dot {
	d := &Dot{ink: ink}
	c := canvas.NewCircle(color.Transparent)
	d.disc = newPainted(c, func() { c.FillColor = tint(d.ink) })
	d.Container = container.NewCenter(container.NewGridWrap(fyne.NewSquareSize(8), d.disc))
	return d
}

// Set changes the colour.
func (d *Dot) Set(ink fyne.ThemeColorName) {
	if d.ink != ink {
		d.ink = ink
		d.disc.Refresh()
	}
}

// Rows stacks objects with space between them, at their own height.
func Rows(space float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedVBoxLayout(space), objects...)
}

// Columns puts objects side by side with space between them.
func Columns(space float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedHBoxLayout(space), objects...)
}

// Well is a sunken surface around o, for text to copy.
func Well(o fyne.CanvasObject) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius, r.StrokeWidth = ours.ControlRadius+3, 1
	ground := newPainted(r, func() {
		r.FillColor, r.StrokeColor = tint(theme.ColorNameBackground), tint(ours.Border)
	})
	return container.NewStack(ground, o)
}
