package widget

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	ours "sonm/ui/theme"
)

// Kind is how loudly a button is drawn.
type Kind int

// The kinds of button.
const (
	Primary Kind = iota // the one thing to do on a page
	Plain               // what else can be done
	Quiet               // an icon or word that only stands out under the pointer
	Option              // one of a few choices, lit while it is the chosen one
	Row                 // one entry of the sidebar
)

// Button is something to press, by pointer, Space or Enter.
type Button struct {
	widget.BaseWidget
	label  string
	spoken string // for accessibility where there is no label
	icon   fyne.Resource
	kind   Kind
	press  func()

	active, hover, focus, off bool
}

// NewButton is a button with a label, an icon or both.
func NewButton(kind Kind, label string, icon fyne.Resource, press func()) *Button {
	b := &Button{label: label, spoken: label, icon: icon, kind: kind, press: press}
	b.ExtendBaseWidget(b)
	return b
}

// Say gives an icon button the words a screen reader speaks.
func (b *Button) Say(words string) *Button {
	b.spoken = words
	return b
}

// SetActive marks the entry of the page that is open.
func (b *Button) SetActive(on bool) {
	if b.active == on {
		return
	}
	b.active = on
	b.Refresh()
}

// SetIcon changes the icon.
func (b *Button) SetIcon(icon fyne.Resource) { b.icon = icon; b.Refresh() }

// SetLabel changes the words on the button.
func (b *Button) SetLabel(label string) {
	if b.label == label {
		return
	}
	b.label, b.spoken = label, label
	b.Refresh()
}

// Label is the words on the button.
func (b *Button) Label() string { return b.label }

// SetOff greys the button out, and back.
func (b *Button) SetOff(off bool) {
	if b.off == off {
		return
	}
	b.off = off
	b.Refresh()
}

// Off reports whether the button cannot be pressed.
func (b *Button) Off() bool { return b.off }

// Active reports whether SetActive(true) was last.
func (b *Button) Active() bool { return b.active }

// Tapped is the toolkit's call when the button is pressed.
func (b *Button) Tapped(*fyne.PointEvent) {
	if !b.off {
		b.press()
	}
}

// TypedKey presses the button with Space and Enter.
func (b *Button) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeySpace || k.Name == fyne.KeyReturn || k.Name == fyne.KeyEnter {
		b.Tapped(nil)
	}
}

// TypedRune is part of being focusable; a button takes no text.
func (b *Button) TypedRune(rune) {}

// FocusGained draws the focus ring.
func (b *Button) FocusGained() { b.focus = true; b.Refresh() }

// FocusLost removes it.
func (b *Button) FocusLost() { b.focus = false; b.Refresh() }

// MouseIn lights the button up.
func (b *Button) MouseIn(*desktop.MouseEvent) { b.hover = true; b.Refresh() }

// MouseMoved is part of the toolkit's interface.
func (b *Button) MouseMoved(*desktop.MouseEvent) {}

// MouseOut ends what MouseIn began.
func (b *Button) MouseOut() { b.hover = false; b.Refresh() }

// Cursor is the hand.
func (b *Button) Cursor() desktop.Cursor {
	if b.off {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// AccessibilityLabel is what a screen reader says.
func (b *Button) AccessibilityLabel() string { return b.spoken }

// AccessibilityRole is a button.
func (b *Button) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// CreateRenderer is the toolkit's hook.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	r := &buttonRenderer{
		b: b, ground: canvas.NewRectangle(color.Transparent), bar: canvas.NewRectangle(color.Transparent),
		icon: &canvas.Image{FillMode: canvas.ImageFillContain}, text: canvas.NewText(b.label, color.Transparent),
	}
	r.ground.CornerRadius, r.bar.CornerRadius = ours.ControlRadius, 1.5
	r.paint()
	return r
}

const (
	iconSize  = 18
	rowHeight = 40
	sidePad   = 14
	iconGap   = 12
)

type buttonRenderer struct {
	b           *Button
	ground, bar *canvas.Rectangle
	icon        *canvas.Image
	text        *canvas.Text
}

func (r *buttonRenderer) Layout(s fyne.Size) {
	r.ground.Resize(s)
	r.bar.Resize(fyne.NewSize(3, iconSize))
	r.bar.Move(fyne.NewPos(0, (s.Height-iconSize)/2))
	m := r.text.MinSize()
	x := (s.Width - r.content()) / 2
	if r.b.kind == Row {
		x = sidePad
	}
	if r.b.icon != nil {
		r.icon.Resize(fyne.NewSquareSize(iconSize))
		r.icon.Move(fyne.NewPos(x, (s.Height-iconSize)/2))
		x += iconSize + iconGap
	}
	r.text.Resize(m)
	r.text.Move(fyne.NewPos(x, (s.Height-m.Height)/2))
}

// content is the width of icon and label together.
func (r *buttonRenderer) content() float32 {
	var w float32
	if r.b.icon != nil {
		w = iconSize
	}
	if r.b.label == "" {
		return w
	}
	if w > 0 {
		w += iconGap
	}
	return w + r.text.MinSize().Width
}

func (r *buttonRenderer) MinSize() fyne.Size {
	switch {
	case r.b.kind == Row:
		return fyne.NewSize(192, rowHeight)
	case r.b.label == "":
		return fyne.NewSquareSize(iconSize + 14)
	}
	return fyne.NewSize(r.content()+2*sidePad+4, rowHeight-2)
}

func (r *buttonRenderer) Refresh() {
	r.paint()
	r.Layout(r.b.Size())
	for _, o := range r.Objects() {
		o.Refresh() // an image takes its new colour only so
	}
}

func (r *buttonRenderer) paint() {
	ground, ink := r.colours()
	r.ground.FillColor, r.ground.StrokeWidth, r.bar.FillColor = ground, 0, color.Transparent
	if r.b.kind == Plain || r.b.kind == Option {
		r.ground.StrokeColor, r.ground.StrokeWidth = tint(ours.Border), 1
	}
	if r.b.kind == Option && r.b.active {
		r.ground.StrokeColor = tint(theme.ColorNamePrimary)
	}
	if r.b.focus {
		r.ground.StrokeColor, r.ground.StrokeWidth = tint(theme.ColorNameFocus), 2
	}
	if r.b.active && r.b.kind == Row {
		r.bar.FillColor = tint(theme.ColorNamePrimary)
	}
	r.text.Text, r.text.Color, r.text.TextSize = r.b.label, tint(ink), theme.Size(theme.SizeNameText)
	r.text.TextStyle.Bold = r.b.active || r.b.kind == Primary || r.b.kind == Plain
	if r.b.icon != nil {
		r.icon.Resource = theme.NewColoredResource(r.b.icon, ink)
	}
}

// colours are the ground, and the ink upon it.
func (r *buttonRenderer) colours() (color.Color, fyne.ThemeColorName) {
	b := r.b
	switch {
	case b.off && b.kind != Quiet && b.kind != Row:
		return tint(ours.SurfaceAlt), ours.Muted
	case b.off:
		return color.Transparent, ours.Muted
	case b.kind == Primary && b.hover:
		return mix(theme.ColorNamePrimary, theme.ColorNameForegroundOnPrimary, 0.12), theme.ColorNameForegroundOnPrimary
	case b.kind == Primary:
		return tint(theme.ColorNamePrimary), theme.ColorNameForegroundOnPrimary
	case b.kind == Option && b.active:
		return mix(ours.Surface, theme.ColorNamePrimary, 0.14), theme.ColorNameForeground
	case b.active:
		return tint(ours.SurfaceAlt), theme.ColorNameForeground
	case b.kind == Plain && b.hover:
		return mix(ours.SurfaceAlt, theme.ColorNameForeground, 0.08), theme.ColorNameForeground
	case b.kind == Plain:
		return tint(ours.SurfaceAlt), theme.ColorNameForeground
	case b.hover:
		return tint(theme.ColorNameHover), theme.ColorNameForeground
	}
	return color.Transparent, ours.Muted
}

func (r *buttonRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ground, r.bar, r.icon, r.text}
}

func (r *buttonRenderer) Destroy() {}
