package screen

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"sonm/engine/fog"
	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// jobList is the jobs that are not on the desk.
type jobList struct {
	card fyne.CanvasObject
	rows *fyne.Container
	seen []view.Row
	open func(fog.JobID)
}

func newJobList(open func(fog.JobID)) *jobList {
	l := &jobList{rows: widget.Rows(8), open: open}
	l.card = widget.Card(widget.Rows(12, heading("Your jobs"), l.rows))
	l.card.Hide()
	return l
}

func (l *jobList) show(rows []view.Row) {
	if slices.Equal(rows, l.seen) {
		return
	}
	l.seen = slices.Clone(rows)
	l.rows.RemoveAll()
	for i, r := range rows {
		if i > 0 {
			l.rows.Add(widget.Line())
		}
		l.rows.Add(l.row(r))
	}
	visible(l.card, len(rows) > 0)
}

func (l *jobList) row(r view.Row) fyne.CanvasObject {
	name := widget.NewLabel(theme.SizeNameText, theme.ColorNameForeground, true).Clip()
	name.Set(r.Scene)
	note := widget.NewLabel(theme.SizeNameCaptionText, ours.Muted, false).Clip()
	note.Set(r.Note)
	sum := widget.NewLabel(theme.SizeNameText, theme.ColorNameForeground, true)
	sum.Set(r.Sum)
	show := widget.NewButton(widget.Plain, "Show", nil, func() { l.open(r.ID) }).Say("Show " + r.Scene)
	right := widget.Columns(16, widget.NewPill(r.State, ink(r.Tone)).Container, container.NewCenter(sum), show)
	return container.NewBorder(nil, nil, nil, right, widget.Rows(3, name, note))
}
