package screen

import (
	"fmt"
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"sonm/app/event"
	"sonm/assets/icon"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

func equal(a, b []string) bool { return slices.Equal(a, b) }

func more(n int) string { return fmt.Sprintf("and %d more", n) }

func big() *widget.Label {
	return widget.NewLabel(ours.Display, theme.ColorNameForeground, true).Clip()
}

func muted() *widget.Label { return body(ours.Muted).Clip() }

// waitCard is shown while a price is made.
type waitCard struct {
	card  fyne.CanvasObject
	meter *widget.Meter
}

func newWaitCard(act RenderActions) *waitCard {
	w := &waitCard{meter: widget.NewMeter()}
	w.card = widget.Card(widget.Rows(14, heading("Working out the price"), w.meter,
		widget.Paragraph("A small trial is rendered on this computer, then other computers are asked what they want for the whole picture. It takes a few seconds and costs nothing.", theme.SizeNameText, ours.Muted),
		widget.NewButton(widget.Plain, "Cancel", nil, act.Clear)))
	return w
}

// priceCard is the price for the job.
type priceCard struct {
	card            fyne.CanvasObject
	about, most     *widget.Label
	who, what, have *widget.Label
	trouble         *trouble
	accept, anew    *widget.Button
}

func newPriceCard(act RenderActions) *priceCard {
	p := &priceCard{about: big(), most: body(theme.ColorNameForeground).Clip(), who: muted(), what: muted(), have: muted(), trouble: newTrouble()}
	p.accept = widget.NewButton(widget.Primary, "", nil, act.Accept)
	p.anew = widget.NewButton(widget.Primary, "See the new price", nil, act.Price)
	p.card = widget.Card(widget.Rows(9, heading("Price for your job"),
		widget.Rows(4, caption("About"), p.about, p.most),
		widget.Line(), widget.Rows(4, p.what, p.who, p.have), p.trouble.Container, widget.Gap(0, 2),
		p.accept, p.anew, widget.NewButton(widget.Quiet, "Not now", nil, act.Clear)))
	return p
}

func (p *priceCard) show(v view.Render) {
	p.about.Set(v.Price.About)
	p.most.Set(v.Price.Most)
	p.who.Set(v.Price.Who)
	p.what.Set(v.Price.What)
	p.have.Set(v.Price.Have)
	p.have.SetInk(ours.Muted)
	if !v.Price.Enough {
		p.have.SetInk(theme.ColorNameWarning)
	}
	p.trouble.show(v.Trouble)
	p.accept.SetLabel(v.Price.Button)
	visible(p.accept, !v.Changed)
	visible(p.anew, v.Changed)
}

// workCard is what a running job costs.
type workCard struct {
	card         fyne.CanvasObject
	cost, note   *widget.Label
	checked      *widget.Prose
	trouble      *trouble
	cancel, wait *widget.Button
	sure         *fyne.Container
	question     *widget.Prose
}

func newWorkCard(act RenderActions) *workCard {
	w := &workCard{cost: big(), note: muted(), checked: widget.NewProse(theme.SizeNameText, ours.Muted), trouble: newTrouble()}
	w.question = widget.NewProse(theme.SizeNameText, theme.ColorNameForeground)
	w.cancel = widget.NewButton(widget.Plain, "Cancel", nil, func() { act.Sure(true) })
	w.wait = widget.NewButton(widget.Plain, "Stopping…", nil, func() {})
	w.wait.SetOff(true)
	w.sure = widget.Rows(10, w.question.Container, widget.Equal(8,
		widget.NewButton(widget.Plain, "Stop it", nil, act.Cancel),
		widget.NewButton(widget.Primary, "Keep going", nil, func() { act.Sure(false) })))
	w.card = widget.Card(widget.Rows(12, heading("Cost so far"), widget.Rows(4, w.cost, w.note),
		w.checked.Container, w.trouble.Container, widget.Line(), w.cancel, w.wait, w.sure))
	return w
}

func (w *workCard) show(v view.Render) {
	p := v.Progress
	w.cost.Set(p.Cost)
	w.note.Set(p.CostNote)
	w.checked.Set(p.Checked)
	visible(w.checked, p.Checked != "")
	w.trouble.show(v.Trouble)
	w.question.Set(p.Sure)
	visible(w.sure, p.Sure != "" && p.CanCancel)
	visible(w.wait, p.Stopping)
	visible(w.cancel, !p.Stopping && p.Sure == "")
	w.cancel.SetOff(!p.CanCancel)
}

// doneCard is a finished picture.
type doneCard struct {
	card         fyne.CanvasObject
	paid, back   *widget.Label
	checked      *widget.Prose
	trouble      *trouble
	png, exr     *widget.Button
	film         *widget.Button // of an animation
	saved        *fyne.Container
	name         *widget.Label
	path         string
	look         event.Look
	shown        *widget.Pick
	clean        *widget.Options
	honesty      *widget.Prose
	folder, next *widget.Button
}

func newDoneCard(act RenderActions) *doneCard {
	d := &doneCard{
		paid: big(), back: muted(), checked: widget.NewProse(theme.SizeNameText, ours.Muted),
		trouble: newTrouble(), name: body(theme.ColorNameForeground).Clip(),
	}
	d.png = widget.NewButton(widget.Primary, "Save picture…", nil, func() { act.Save(".png") })
	d.exr = widget.NewButton(widget.Plain, "Save for editing (EXR)…", nil, func() { act.Save(".exr") })
	names, words := view.Views()
	d.shown = widget.NewPick("Look of the picture (PNG)", func(name string) {
		l := d.look
		l.View = words[slices.Index(names, name)]
		act.Look(l)
	})
	d.clean = widget.NewOptions([]string{"As rendered", "Denoised"}, func(i int) {
		l := d.look
		l.Denoise = i == 1
		act.Look(l)
	})
	d.honesty = widget.NewProse(theme.SizeNameCaptionText, ours.Muted)
	d.film = widget.NewButton(widget.Plain, "Save as a film (MP4)…", nil, func() { act.Save(".mp4") })
	d.folder = widget.NewButton(widget.Plain, "Open folder", glyph("folder.svg", icon.Folder), func() { act.Folder(d.path) })
	d.next = widget.NewButton(widget.Quiet, "Render another scene", nil, act.Clear)
	d.saved = container.NewBorder(nil, nil,
		widget.Columns(0, container.NewCenter(widget.Icon(glyph("check.svg", icon.Check), 18, theme.ColorNameSuccess)), widget.Gap(8, 0)),
		nil, d.name)
	head := container.NewBorder(nil, nil, nil, widget.NewPill("DONE", theme.ColorNameSuccess).Container, heading("Paid"))
	d.card = widget.Card(widget.Rows(10, head, widget.Rows(4, d.paid, d.back), d.checked.Container,
		widget.Line(), d.shown.Container, d.clean.Container, d.honesty.Container, d.saved, d.trouble.Container, d.png, d.exr, d.film, d.folder, d.next))
	return d
}

func (d *doneCard) show(v view.Render) {
	r := v.Result
	d.paid.Set(r.Paid)
	d.back.Set(r.Back)
	d.checked.Set(r.Checked)
	visible(d.checked, r.Checked != "")
	d.trouble.show(v.Trouble)
	d.path = r.Path
	d.name.Set("Saved as " + r.Saved)
	visible(d.saved, r.Saved != "")
	visible(d.folder, r.Saved != "")
	names, words := view.Views()
	d.look = r.Look
	d.shown.Set(names, names[max(slices.Index(words, r.Look.View), 0)])
	d.clean.Set(0)
	if r.Look.Denoise {
		d.clean.Set(1)
	}
	visible(d.clean, r.Clean)
	d.honesty.Set(r.Honesty)
	visible(d.honesty, r.Honesty != "")
	d.png.SetLabel(r.Save)
	visible(d.film, r.Moves)
	d.film.SetOff(r.Saving)
	d.png.SetOff(r.Saving)
	d.exr.SetOff(r.Saving)
}

// brokenCard is a job that ended without a picture.
type brokenCard struct {
	card    fyne.CanvasObject
	trouble *trouble
	again   *widget.Button
}

func newBrokenCard(act RenderActions) *brokenCard {
	b := &brokenCard{trouble: newTrouble(), again: widget.NewButton(widget.Primary, "Try again", nil, act.Price)}
	b.card = widget.Card(widget.Rows(14, heading("This did not work"), b.trouble.Container, b.again,
		widget.NewButton(widget.Plain, "Choose another scene", nil, act.Clear)))
	return b
}

func (b *brokenCard) show(v view.Render) {
	b.trouble.show(v.Trouble)
	visible(b.again, v.Again)
}
