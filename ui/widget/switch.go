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

// Switch is on or off. Pressing it only asks: what it shows is set by Set, so
// that it never claims what has not happened.
type Switch struct {
	widget.BaseWidget
	spoken string
	press  func(on bool)

	on, off, hover, focus bool // off: cannot be pressed
}

// NewSwitch is a switch that a screen reader calls spoken.
func NewSwitch(spoken string, press func(on bool)) *Switch {
	s := &Switch{spoken: spoken, press: press}
	s.ExtendBaseWidget(s)
	return s
}

// Set shows the switch on or off, and whether it can be pressed.
func (s *Switch) Set(on, can bool) {
	if s.on == on && s.off == !can {
		return
	}
	s.on, s.off = on, !can
	s.Refresh()
}

// On reports what is shown.
func (s *Switch) On() bool { return s.on }

// Tapped is the toolkit's call when the switch is pressed.
func (s *Switch) Tapped(*fyne.PointEvent) {
	if !s.off {
		s.press(!s.on)
	}
}

// TypedKey presses the switch with Space and Enter.
func (s *Switch) TypedKey(k *fyne.KeyEvent) {
	if k.Name == fyne.KeySpace || k.Name == fyne.KeyReturn || k.Name == fyne.KeyEnter {
		s.Tapped(nil)
	}
}

// TypedRune is part of being focusable; a switch takes no text.
func (s *Switch) TypedRune(rune) {}

// FocusGained draws the focus ring.
func (s *Switch) FocusGained() { s.focus = true; s.Refresh() }

// FocusLost removes it.
func (s *Switch) FocusLost() { s.focus = false; s.Refresh() }

// MouseIn lights the switch up.
func (s *Switch) MouseIn(*desktop.MouseEvent) { s.hover = true; s.Refresh() }

// MouseMoved is part of the toolkit's interface.
func (s *Switch) MouseMoved(*desktop.MouseEvent) {}

// MouseOut ends what MouseIn began.
func (s *Switch) MouseOut() { s.hover = false; s.Refresh() }

// Cursor is the hand.
func (s *Switch) Cursor() desktop.Cursor { return desktop.PointerCursor }

// AccessibilityLabel is what a screen reader says.
func (s *Switch) AccessibilityLabel() string {
	if s.on {
		return s.spoken + ", on"
	}
	return s.spoken + ", off"
}

// AccessibilityRole is a button.
func (s *Switch) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// CreateRenderer is the toolkit's hook.
func (s *Switch) CreateRenderer() fyne.WidgetRenderer {
	r := &switchRenderer{s: s, track: canvas.NewRectangle(color.Transparent), knob: canvas.NewCircle(color.Transparent)}
	r.track.CornerRadius = canvas.RadiusMaximum
	r.paint()
	return r
}

const (
	switchWidth  = 60
	switchHeight = 34
	knobInset    = 4
)

type switchRenderer struct {
	s     *Switch
	track *canvas.Rectangle
	knob  *canvas.Circle
}

func (r *switchRenderer) MinSize() fyne.Size { return fyne.NewSize(switchWidth, switchHeight) }

func (r *switchRenderer) Layout(s fyne.Size) {
	r.track.Resize(s)
	d := s.Height - 2*knobInset
	r.knob.Resize(fyne.NewSquareSize(d))
	x := float32(knobInset)
	if r.s.on {
		x = s.Width - d - knobInset
	}
	r.knob.Move(fyne.NewPos(x, knobInset))
}

func (r *switchRenderer) Refresh() {
	r.paint()
	r.Layout(r.s.Size())
	canvas.Refresh(r.track)
	canvas.Refresh(r.knob)
}

func (r *switchRenderer) paint() {
	r.track.StrokeWidth, r.track.StrokeColor = 1, tint(theme.ColorNameInputBorder)
	r.track.FillColor, r.knob.FillColor = tint(ours.SurfaceAlt), tint(ours.Muted)
	if r.s.hover && !r.s.off {
		r.track.FillColor = mix(ours.SurfaceAlt, theme.ColorNameForeground, 0.08)
	}
	if r.s.on {
		r.track.FillColor, r.track.StrokeColor = tint(theme.ColorNameSuccess), tint(theme.ColorNameSuccess)
		r.knob.FillColor = tint(theme.ColorNameForegroundOnPrimary)
	}
	if r.s.off {
		r.knob.FillColor = mix(ours.SurfaceAlt, ours.Muted, 0.5)
		if r.s.on {
			r.track.FillColor = mix(ours.Surface, theme.ColorNameSuccess, 0.45)
			r.track.StrokeColor, r.knob.FillColor = r.track.FillColor, tint(ours.Surface)
		}
	}
	if r.s.focus {
		r.track.StrokeColor, r.track.StrokeWidth = tint(theme.ColorNameFocus), 2
	}
}

func (r *switchRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.track, r.knob} }
func (r *switchRenderer) Destroy()                     {}
