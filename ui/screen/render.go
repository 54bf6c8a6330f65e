package screen

import (
	"reflect"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"sonm/app/event"
	"sonm/assets/icon"
	"sonm/engine/fog"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// RenderActions are what presses on the render page lead to.
type RenderActions struct {
	Choose func()              // a scene from the disk
	Change func(view.Form)     // size or quality
	Price  func()              // make the price anew
	Accept func()              // render for the price
	Clear  func()              // put away what is on the desk
	Sure   func(ask bool)      // ask whether to cancel, or not after all
	Cancel func()              // stop the job
	Save   func(ending string) // ".png" or ".exr"
	Look   func(event.Look)    // how the picture is shown and saved
	Folder func(path string)   // show where the file lies
	Open   func(job fog.JobID) // put an earlier job on the desk
}

// Render is the page that has pictures made.
type Render struct {
	sheet sheet
	act   RenderActions
	seen  view.Render
	form  view.Form
	shown bool // seen and form were put on the page

	practice *widget.Pill
	empty    *fyne.Container // drop zone and settings
	wrong    *trouble        // of the last drop
	desk     *fyne.Container // picture and cards
	settings *settings       // beside the drop zone
	canvas   *easel
	waiting  *waitCard
	price    *priceCard
	work     *workCard
	done     *doneCard
	broken   *brokenCard
	adjust   *settings // below the price
	jobs     *jobList
}

// NewRender builds the page.
func NewRender(act RenderActions) *Render {
	r := &Render{act: act, practice: practice()}
	r.settings, r.adjust = newSettings(act.Change), newSettings(act.Change)
	r.canvas, r.waiting, r.price = newEasel(), newWaitCard(act), newPriceCard(act)
	r.work, r.done, r.broken = newWorkCard(act), newDoneCard(act), newBrokenCard(act)
	r.jobs = newJobList(act.Open)
	zone := widget.DropZone(widget.Rows(8,
		container.NewCenter(widget.Icon(glyph("drop.svg", icon.Drop), 40, theme.ColorNamePrimary)),
		widget.Gap(0, 4),
		container.NewCenter(widget.Text("Drop a scene here", theme.SizeNameHeadingText, theme.ColorNameForeground, true)),
		container.NewCenter(widget.Text("A .glb or .gltf file, a folder or a .zip. You see the price before anything is paid.", theme.SizeNameText, ours.Muted, false)),
		widget.Gap(0, 8),
		container.NewCenter(widget.NewButton(widget.Primary, "Choose a file…", glyph("folder.svg", icon.Folder), act.Choose)),
	))
	side := widget.Rows(gutter, r.waiting.card, r.price.card, r.broken.card, r.adjust.card, r.work.card, r.done.card)
	r.wrong = newTrouble()
	r.empty = widget.Rows(gutter, r.wrong.Container,
		container.New(&split{right: rightWidth, gap: gutter}, zone, widget.Rows(0, r.settings.card)))
	r.desk = container.New(&split{right: rightWidth, gap: gutter}, widget.Rows(0, r.canvas.card), side)
	r.sheet = page("Render", "Drop a scene, see the price, press one button.", r.practice.Container,
		widget.Rows(gutter, container.NewStack(r.empty, r.desk), r.jobs.card))
	return r
}

// Content is the page.
func (r *Render) Content() fyne.CanvasObject { return r.sheet.scroll }

// Picture puts what there is of the picture on the easel; nil clears it.
func (r *Render) Picture(p *event.Picture) { r.canvas.picture(p) }

// Show puts v on the page, with the form as typed.
func (r *Render) Show(v view.Render, f view.Form, play bool) {
	visible(r.practice, play)
	if r.shown && f == r.form && reflect.DeepEqual(v, r.seen) {
		return
	}
	moved := !r.shown || f != r.form || !reflect.DeepEqual(frame(v), frame(r.seen))
	r.seen, r.form, r.shown = v, f, true
	still := f
	still.Frames = "" // which are a scene's, and none is there yet
	r.settings.show(still, nil, view.Animation{})
	r.adjust.show(f, v.Price.Cameras, v.Price.Moves)
	visible(r.empty, v.Stage == view.Empty)
	visible(r.desk, v.Stage != view.Empty)
	visible(r.waiting.card, v.Stage == view.Pricing)
	visible(r.price.card, v.Stage == view.Offered)
	visible(r.adjust.card, (v.Stage == view.Offered || v.Stage == view.Broken) && v.Again)
	visible(r.work.card, v.Stage == view.Working)
	visible(r.done.card, v.Stage == view.Finished)
	visible(r.broken.card, v.Stage == view.Broken)
	r.wrong.show(v.Trouble)
	r.canvas.show(v)
	r.waiting.meter.Run(v.Stage == view.Pricing)
	r.price.show(v)
	r.work.show(v)
	r.done.show(v)
	r.broken.show(v)
	r.jobs.show(v.Earlier)
	if moved {
		r.sheet.refresh()
	}
}

// frame is v without what changes with each task and moves nothing else: laying
// the whole page out again ten times a second costs a good part of a core.
func frame(v view.Render) view.Render {
	p := &v.Progress
	p.Share, p.Percent, p.Parts, p.Who, p.Cost, p.CostNote = 0, "", "", "", "", ""
	return v
}
