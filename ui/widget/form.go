package widget

import (
	"image/color"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	ours "sonm/ui/theme"
)

// Field is a line to type in, with its name above it.
type Field struct {
	*fyne.Container
	entry *widget.Entry
	quiet bool // set by the program, not typed
}

// NewField calls typed whenever the person changes the text.
func NewField(name string, typed func(string)) *Field {
	f := &Field{entry: widget.NewEntry()}
	f.entry.OnChanged = func(s string) {
		if !f.quiet {
			typed(s)
		}
	}
	f.Container = Rows(5, Text(name, theme.SizeNameCaptionText, ours.Muted, false), f.entry)
	return f
}

// Set changes the text without telling typed.
func (f *Field) Set(s string) {
	if f.entry.Text == s {
		return
	}
	f.quiet = true
	f.entry.SetText(s)
	f.quiet = false
}

// SetOff greys the field out, and back.
func (f *Field) SetOff(off bool) {
	if off == f.entry.Disabled() {
		return
	}
	if off {
		f.entry.Disable()
		return
	}
	f.entry.Enable()
}

// Pick is one name out of a list, with the list's name above it.
type Pick struct {
	*fyne.Container
	list  *widget.Select
	quiet bool // set by the program, not picked
}

// NewPick calls picked whenever the person picks another name.
func NewPick(name string, picked func(string)) *Pick {
	p := &Pick{}
	p.list = widget.NewSelect(nil, func(s string) {
		if !p.quiet {
			picked(s)
		}
	})
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius, r.StrokeWidth = ours.ControlRadius, 1
	edge := newPainted(r, func() { r.StrokeColor = tint(theme.ColorNameInputBorder) })
	p.Container = Rows(5, Text(name, theme.SizeNameCaptionText, ours.Muted, false), container.NewStack(p.list, edge))
	return p
}

// Set changes the list and what is picked without telling picked; nothing
// picked stands for the first.
func (p *Pick) Set(names []string, name string) {
	if name == "" && len(names) > 0 {
		name = names[0]
	}
	if slices.Equal(p.list.Options, names) && p.list.Selected == name {
		return
	}
	p.quiet = true
	p.list.SetOptions(names)
	p.list.SetSelected(name)
	p.quiet = false
}

// Options are a few choices side by side, one or none of them lit.
type Options struct {
	*fyne.Container
	buttons []*Button
}

// NewOptions calls pick with the number of the choice that is pressed.
func NewOptions(names []string, pick func(int)) *Options {
	o := &Options{}
	var objects []fyne.CanvasObject
	for i, n := range names {
		b := NewButton(Option, n, nil, func() { pick(i) })
		o.buttons = append(o.buttons, b)
		objects = append(objects, b)
	}
	o.Container = container.New(&equal{gap: 8}, objects...)
	return o
}

// Set lights choice i; -1 lights none.
func (o *Options) Set(i int) {
	for k, b := range o.buttons {
		b.SetActive(k == i)
	}
}

// equal gives all objects the same width.
type equal struct{ gap float32 }

func (l *equal) Layout(o []fyne.CanvasObject, s fyne.Size) {
	n := float32(len(o))
	w := (s.Width - l.gap*(n-1)) / n
	for i, c := range o {
		c.Resize(fyne.NewSize(w, s.Height))
		c.Move(fyne.NewPos(float32(i)*(w+l.gap), 0))
	}
}

func (l *equal) MinSize(o []fyne.CanvasObject) fyne.Size {
	var m fyne.Size
	for _, c := range o {
		m = m.Max(c.MinSize())
	}
	n := float32(len(o))
	return fyne.NewSize(m.Width*n+l.gap*(n-1), m.Height)
}

// Equal puts objects side by side at the same width.
func Equal(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&equal{gap: gap}, objects...)
}

// Icon is a line icon of a size in a colour.
func Icon(r fyne.Resource, side float32, ink fyne.ThemeColorName) fyne.CanvasObject {
	i := &canvas.Image{FillMode: canvas.ImageFillContain, Resource: theme.NewColoredResource(r, ink)}
	i.SetMinSize(fyne.NewSquareSize(side))
	return newPainted(i, func() {})
}

// DropZone is where a file is let go: a framed, tinted surface around o.
func DropZone(o fyne.CanvasObject) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius, r.StrokeWidth = ours.CardRadius, 1.5
	ground := newPainted(r, func() {
		r.FillColor = mix(ours.Surface, theme.ColorNamePrimary, 0.05)
		r.StrokeColor = mix(ours.Surface, theme.ColorNamePrimary, 0.7)
	})
	return container.NewStack(ground, container.New(layout.NewCustomPaddedLayout(28, 28, 20, 20), container.NewCenter(o)))
}

// Notice is a tinted surface with a coloured edge around o, for problems and
// warnings.
func Notice(ink fyne.ThemeColorName, o fyne.CanvasObject) *fyne.Container {
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius, r.StrokeWidth = ours.ControlRadius, 1
	ground := newPainted(r, func() { r.FillColor, r.StrokeColor = mix(ours.Surface, ink, 0.09), mix(ours.Surface, ink, 0.35) })
	return container.NewStack(ground, Pad(12, o))
}
