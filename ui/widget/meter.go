package widget

import (
	"image/color"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	ours "sonm/ui/theme"
)

// Meter is a bar that fills from the left, or a piece that runs along it while
// nobody knows how much is done.
type Meter struct {
	widget.BaseWidget
	share float64
	at    float32 // where the running piece is, 0 to 1
	run   *fyne.Animation
}

// NewMeter is an empty bar.
func NewMeter() *Meter {
	m := &Meter{}
	m.ExtendBaseWidget(m)
	return m
}

// Set fills share of the bar, 0 to 1.
func (m *Meter) Set(share float64) {
	if m.share != share {
		m.share = share
		m.Refresh()
	}
}

// Run lets the piece run or ends that.
func (m *Meter) Run(on bool) {
	switch {
	case on && m.run == nil:
		drawn := time.Time{}
		m.run = fyne.NewAnimation(1400*time.Millisecond, func(p float32) {
			if m.at = p; time.Since(drawn) >= runEvery {
				drawn = time.Now()
				m.Refresh()
			}
		})
		m.run.RepeatCount = fyne.AnimationRepeatForever
		m.run.AutoReverse = true
		m.run.Start()
	case !on && m.run != nil:
		m.run.Stop()
		m.run = nil
		m.Refresh()
	}
}

// Running reports whether the piece runs.
func (m *Meter) Running() bool { return m.run != nil }

// CreateRenderer is the toolkit's hook.
func (m *Meter) CreateRenderer() fyne.WidgetRenderer {
	r := &meterRenderer{m: m, track: canvas.NewRectangle(color.Transparent), bar: canvas.NewRectangle(color.Transparent)}
	r.track.CornerRadius, r.bar.CornerRadius = meterHeight/2, meterHeight/2
	r.paint()
	return r
}

// runEvery bounds how often the running piece is drawn: where OpenGL is software
// a drawing costs 1/15 s of a core, which the work that is waited for needs.
const runEvery = 100 * time.Millisecond

const (
	meterHeight = 6
	pieceShare  = 0.3 // of the bar
)

type meterRenderer struct {
	m          *Meter
	track, bar *canvas.Rectangle
}

func (r *meterRenderer) MinSize() fyne.Size { return fyne.NewSize(40, meterHeight) }

func (r *meterRenderer) Layout(s fyne.Size) {
	r.track.Resize(s)
	width, x := s.Width*float32(r.m.share), float32(0)
	if r.m.run != nil {
		width, x = s.Width*pieceShare, s.Width*(1-pieceShare)*r.m.at
	} else if r.m.share > 0 {
		width = max(width, meterHeight)
	}
	r.bar.Resize(fyne.NewSize(width, s.Height))
	r.bar.Move(fyne.NewPos(x, 0))
}

func (r *meterRenderer) Refresh() {
	r.paint()
	r.Layout(r.m.Size())
	canvas.Refresh(r.track)
	canvas.Refresh(r.bar)
}

func (r *meterRenderer) paint() {
	r.track.FillColor, r.bar.FillColor = tint(ours.SurfaceAlt), tint(theme.ColorNamePrimary)
}

func (r *meterRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.track, r.bar} }
func (r *meterRenderer) Destroy()                     {}
