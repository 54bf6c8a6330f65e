package ui

import "fyne.io/fyne/v2"

// sideWidth is the sidebar's width with its line, in device-independent pixels.
const sideWidth = 221

// columns puts the sidebar left and gives the page the rest, edge to edge: the
// toolkit's border layout leaves a stripe between the two.
type columns struct{}

// Layout takes the sidebar and the page.
func (columns) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(fyne.NewSize(sideWidth, s.Height))
	o[1].Move(fyne.NewPos(sideWidth, 0))
	o[1].Resize(fyne.NewSize(s.Width-sideWidth, s.Height))
}

// MinSize is the sidebar beside the page.
func (columns) MinSize(o []fyne.CanvasObject) fyne.Size {
	side, page := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(sideWidth+page.Width, max(side.Height, page.Height))
}

// sidebar draws its first object on all of the space but for the second, a
// line at the right edge.
type sidebar struct{}

// Layout takes the body and the line.
func (sidebar) Layout(o []fyne.CanvasObject, s fyne.Size) {
	o[0].Resize(fyne.NewSize(s.Width-1, s.Height))
	o[1].Move(fyne.NewPos(s.Width-1, 0))
	o[1].Resize(fyne.NewSize(1, s.Height))
}

// MinSize is the body's.
func (sidebar) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(1, 0)
}
