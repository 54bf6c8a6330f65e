package screen

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"sonm/app/event"
	"sonm/assets/icon"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// easelHeight makes the space one of 16:9 at the width the first window gives it.
const easelHeight = 304

// easel is the card with the picture, what is in the scene, and how far it is.
type easel struct {
	card         fyne.CanvasObject
	scene, shape *widget.Label
	pic          *widget.Picture
	hint         *fyne.Container
	hintText     *widget.Label
	progress     *fyne.Container
	meter        *widget.Meter
	parts, who   *widget.Label
	percent      *widget.Label
	warnings     *warnings
}

func newEasel() *easel {
	e := &easel{
		scene: widget.NewLabel(theme.SizeNameSubHeadingText, theme.ColorNameForeground, true).Clip(),
		shape: body(ours.Muted), pic: widget.NewPicture(fyne.NewSize(200, easelHeight)), hintText: body(ours.Muted),
		meter: widget.NewMeter(), parts: body(theme.ColorNameForeground), who: body(ours.Muted),
		percent: widget.NewLabel(theme.SizeNameText, theme.ColorNameForeground, true), warnings: newWarnings(),
	}
	e.hint = container.NewCenter(widget.Rows(10,
		container.NewCenter(widget.Icon(glyph("render.svg", icon.Render), 34, ours.Muted)), container.NewCenter(e.hintText)))
	e.progress = widget.Rows(9, e.meter, container.NewBorder(nil, nil, widget.Columns(12, e.parts, e.who), e.percent))
	e.card = widget.Card(widget.Rows(14,
		container.NewBorder(nil, nil, nil, e.shape, e.scene),
		widget.Well(container.NewStack(e.hint, widget.Pad(1, e.pic))),
		e.progress, e.warnings.box))
	return e
}

func (e *easel) picture(p *event.Picture) {
	if p == nil {
		e.pic.Clear()
	} else {
		e.pic.Set(p.Width, p.Height, p.RGBA)
	}
	visible(e.hint, e.pic.Empty())
}

func (e *easel) show(v view.Render) {
	e.scene.Set(v.Scene)
	e.shape.Set(v.Shape)
	e.hintText.Set(map[view.Stage]string{
		view.Pricing:  "Looking at the scene",
		view.Offered:  "The picture appears here while it is made",
		view.Working:  "The first tiles are on their way",
		view.Finished: "The picture is done",
		view.Broken:   "No picture",
	}[v.Stage])
	visible(e.progress, v.Stage == view.Working)
	e.meter.Set(v.Progress.Share)
	e.parts.Set(v.Progress.Parts)
	e.who.Set(v.Progress.Who)
	e.percent.Set(v.Progress.Percent)
	e.warnings.show(v.Price.Warnings, v.Stage == view.Offered)
}

// warnings says what will look different.
type warnings struct {
	box  *fyne.Container
	list *fyne.Container
	seen []string
}

// mostWarnings are shown; a scene may have hundreds.
const mostWarnings = 4

func newWarnings() *warnings {
	w := &warnings{list: widget.Rows(4)}
	sign := container.NewVBox(widget.Icon(glyph("alert.svg", icon.Alert), 18, theme.ColorNameWarning))
	w.box = widget.Notice(theme.ColorNameWarning, container.NewBorder(nil, nil, widget.Columns(0, sign, widget.Gap(10, 0)), nil, w.list))
	w.box.Hide()
	return w
}

func (w *warnings) show(lines []string, on bool) {
	visible(w.box, on && len(lines) > 0)
	if !on || equal(lines, w.seen) {
		return
	}
	w.seen = lines
	w.list.RemoveAll()
	for i, l := range lines {
		if i == mostWarnings {
			w.list.Add(widget.Paragraph(more(len(lines)-i), theme.SizeNameText, ours.Muted))
			break
		}
		w.list.Add(widget.Paragraph(l, theme.SizeNameText, theme.ColorNameForeground))
	}
}
