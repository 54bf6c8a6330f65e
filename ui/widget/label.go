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

// Label is one line of text that can change. Where it does not fit it ends in
// an ellipsis, if it may be clipped.
type Label struct {
	widget.BaseWidget
	text string
	size fyne.ThemeSizeName
	ink  fyne.ThemeColorName
	bold bool
	clip bool
}

// NewLabel is an empty line.
func NewLabel(size fyne.ThemeSizeName, ink fyne.ThemeColorName, bold bool) *Label {
	l := &Label{size: size, ink: ink, bold: bold}
	l.ExtendBaseWidget(l)
	return l
}

// Clip lets the line be narrower than its text.
func (l *Label) Clip() *Label {
	l.clip = true
	return l
}

// Set changes the text.
func (l *Label) Set(text string) {
	if l.text != text {
		l.text = text
		l.Refresh()
	}
}

// SetInk changes the colour.
func (l *Label) SetInk(ink fyne.ThemeColorName) {
	if l.ink != ink {
		l.ink = ink
		l.Refresh()
	}
}

// Text is the whole text, clipped or not.
func (l *Label) Text() string { return l.text }

// CreateRenderer is the toolkit's hook.
func (l *Label) CreateRenderer() fyne.WidgetRenderer {
	r := &labelRenderer{l: l, t: canvas.NewText("", color.Transparent)}
	r.paint()
	return r
}

type labelRenderer struct {
	l *Label
	t *canvas.Text
}

const clipWidth = 24 // of a label that may be clipped, at least

func (r *labelRenderer) MinSize() fyne.Size {
	m := fyne.MeasureText(r.l.text, theme.Size(r.l.size), r.t.TextStyle)
	if r.l.clip {
		m.Width = min(m.Width, clipWidth)
	}
	return m
}

func (r *labelRenderer) Layout(s fyne.Size) {
	r.t.Text = fit(r.l.text, s.Width+0.5, r.t.TextSize, r.t.TextStyle)
	r.t.Resize(s)
}

func (r *labelRenderer) Refresh() {
	r.paint()
	r.Layout(r.l.Size())
	canvas.Refresh(r.t)
}

func (r *labelRenderer) paint() {
	r.t.TextStyle.Bold, r.t.TextSize, r.t.Color = r.l.bold, theme.Size(r.l.size), tint(r.l.ink)
}

func (r *labelRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.t} }
func (r *labelRenderer) Destroy()                     {}

// fit is the longest beginning of s that is not wider than width, with an
// ellipsis where something is left out.
func fit(s string, width, size float32, style fyne.TextStyle) string {
	if fyne.MeasureText(s, size, style).Width <= width {
		return s
	}
	runes := []rune(s)
	low, high := 0, len(runes)
	for low < high {
		mid := (low + high + 1) / 2
		if fyne.MeasureText(string(runes[:mid])+"…", size, style).Width <= width {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return string(runes[:low]) + "…"
}

// Prose is text that wraps and can change.
type Prose struct {
	*fyne.Container
	rich *widget.RichText
	seg  *widget.TextSegment
}

// NewProse is empty text without the toolkit's padding around it.
func NewProse(size fyne.ThemeSizeName, ink fyne.ThemeColorName) *Prose {
	p := &Prose{seg: &widget.TextSegment{Style: widget.RichTextStyle{ColorName: ink, SizeName: size}}}
	p.rich = widget.NewRichText(p.seg)
	p.rich.Wrapping = fyne.TextWrapWord
	in := -theme.InnerPadding()
	p.Container = container.New(layout.NewCustomPaddedLayout(in, in, in, in), p.rich)
	return p
}

// Set changes the text.
func (p *Prose) Set(text string) {
	if p.seg.Text == text {
		return
	}
	p.seg.Text = text
	p.rich.Refresh()
	p.Container.Refresh()
}

// Paragraph is text that wraps and does not change.
func Paragraph(s string, size fyne.ThemeSizeName, ink fyne.ThemeColorName) fyne.CanvasObject {
	p := NewProse(size, ink)
	p.Set(s)
	return p.Container
}

// Pill is a short word on a rounded ground of its own colour, which can change.
type Pill struct {
	*fyne.Container
	word   *Label
	ground *painted
	ink    fyne.ThemeColorName
}

// NewPill is a pill with a word.
func NewPill(s string, ink fyne.ThemeColorName) *Pill {
	p := &Pill{word: NewLabel(theme.SizeNameCaptionText, ink, true), ink: ink}
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius = canvas.RadiusMaximum
	p.ground = newPainted(r, func() { r.FillColor = mix(ours.Surface, p.ink, 0.16) })
	p.Container = container.NewCenter(container.NewStack(p.ground,
		container.New(layout.NewCustomPaddedLayout(3, 3, 10, 10), p.word)))
	p.word.Set(s)
	return p
}

// Set changes the word; "" hides the pill.
func (p *Pill) Set(s string, ink fyne.ThemeColorName) {
	p.ink = ink
	p.word.Set(s)
	p.word.SetInk(ink)
	p.ground.Refresh()
	if s == "" {
		p.Hide()
		return
	}
	p.Show()
}
