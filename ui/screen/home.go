package screen

import (
	"reflect"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// Home is the page that sells.
type Home struct {
	sheet sheet
	seen  view.Home
	offer view.Offer

	practice *widget.Pill
	title    *widget.Label
	pill     *widget.Pill
	truth    *widget.Prose
	sell     *widget.Switch
	trouble  *trouble
	figures  [3]*figure
	sold     *fyne.Container
	none     *widget.Prose
	rows     []*row
	price    *widget.Field
	slots    *widget.Field
	note     *widget.Prose
}

// NewHome builds the page; turn is called when the switch is pressed, with the
// offer as typed.
func NewHome(turn func(on bool, o view.Offer)) *Home {
	h := &Home{offer: view.DefaultOffer(), practice: practice()}
	h.sell = widget.NewSwitch("Sell this computer's time", func(on bool) { turn(on, h.offer) })
	var stats []fyne.CanvasObject
	for i := range h.figures {
		h.figures[i] = newFigure()
		stats = append(stats, h.figures[i].card)
	}
	all := widget.Rows(gutter, h.hero(), widget.Equal(gutter, stats...),
		container.New(&split{right: rightWidth, gap: gutter}, h.ledger(), h.offered()))
	h.sheet = page("Home", "Sell what your computer has to spare, by itself, whenever the switch is on.", h.practice.Container, all)
	h.Show(view.HomeOf(view.Model{}, view.Till{}))
	return h
}

// Content is the page.
func (h *Home) Content() fyne.CanvasObject { return h.sheet.scroll }

func (h *Home) hero() fyne.CanvasObject {
	h.title = widget.NewLabel(theme.SizeNameHeadingText, theme.ColorNameForeground, true)
	h.pill = widget.NewPill("", theme.ColorNameSuccess)
	h.truth = widget.NewProse(theme.SizeNameText, ours.Muted)
	h.trouble = newTrouble()
	words := widget.Rows(6, widget.Columns(12, h.title, h.pill.Container), h.truth.Container)
	turn := container.NewCenter(widget.Columns(0, widget.Gap(20, 0), h.sell))
	return widget.Card(widget.Rows(14, container.NewBorder(nil, nil, nil, turn, words), h.trouble.Container))
}

// ledger lists what was sold.
func (h *Home) ledger() fyne.CanvasObject {
	h.none = widget.NewProse(theme.SizeNameText, ours.Muted)
	h.sold = widget.Rows(10)
	return widget.Card(widget.Rows(14, heading("Done for others"), h.none.Container, h.sold))
}

// offered is the price and size of what is sold.
func (h *Home) offered() fyne.CanvasObject {
	h.price = widget.NewField("SNM for a billion steps", func(s string) { h.offer.Price = s })
	h.slots = widget.NewField("Tasks at once", func(s string) { h.offer.Slots = s })
	h.price.Set(h.offer.Price)
	h.slots.Set(h.offer.Slots)
	h.note = widget.NewProse(theme.SizeNameCaptionText, ours.Muted)
	return widget.Card(widget.Rows(14, heading("Your offer"), widget.Equal(12, h.price.Container, h.slots.Container), h.note.Container))
}

// Show puts v on the page.
func (h *Home) Show(v view.Home) {
	if reflect.DeepEqual(v, h.seen) {
		return
	}
	h.seen = v
	visible(h.practice, v.Practice)
	h.title.Set(v.Title)
	h.pill.Set(v.Pill, theme.ColorNameSuccess)
	h.truth.Set(v.Truth)
	h.sell.Set(v.On, v.CanTurn)
	h.trouble.show(v.Trouble)
	for i, f := range v.Figures {
		h.figures[i].show(f)
	}
	h.none.Set(v.SoldNote)
	visible(h.none, v.SoldNote != "")
	h.list(v.Sold)
	h.price.SetOff(!v.CanEdit)
	h.slots.SetOff(!v.CanEdit)
	h.note.Set(v.EditNote)
	h.sheet.refresh()
}

// list shows the rows, which are made when there are more than before.
func (h *Home) list(rows []view.Figure) {
	for len(h.rows) < len(rows) {
		if len(h.rows) > 0 {
			h.sold.Add(widget.Line())
		}
		r := newRow()
		h.rows = append(h.rows, r)
		h.sold.Add(r.Container)
	}
	for i, r := range rows {
		h.rows[i].name.Set(r.Name)
		h.rows[i].value.Set(r.Value)
	}
	visible(h.sold, len(rows) > 0)
}

// figure is a card with one number.
type figure struct {
	card              fyne.CanvasObject
	name, value, note *widget.Label
}

func newFigure() *figure {
	f := &figure{
		name:  widget.NewLabel(theme.SizeNameCaptionText, ours.Muted, false).Clip(),
		value: widget.NewLabel(theme.SizeNameHeadingText, theme.ColorNameForeground, true).Clip(),
		note:  widget.NewLabel(theme.SizeNameCaptionText, ours.Muted, false).Clip(),
	}
	f.card = widget.Card(widget.Rows(7, f.name, f.value, f.note))
	return f
}

func (f *figure) show(v view.Figure) {
	f.name.Set(v.Name)
	f.value.Set(v.Value)
	f.note.Set(v.Note)
}

// row is a name and, at the right edge, its value.
type row struct {
	*fyne.Container
	name, value *widget.Label
}

func newRow() *row {
	r := &row{name: body(ours.Muted).Clip(), value: widget.NewLabel(theme.SizeNameText, theme.ColorNameForeground, true)}
	r.Container = container.NewBorder(nil, nil, nil, r.value, r.name)
	return r
}
