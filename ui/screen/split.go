package screen

import "fyne.io/fyne/v2"

// split lays out two columns: the right one has a fixed width, the left one
// takes the rest.
type split struct{ right, gap float32 }

// Layout takes the left and the right column.
func (l *split) Layout(o []fyne.CanvasObject, s fyne.Size) {
	w := s.Width - l.right - l.gap
	o[0].Resize(fyne.NewSize(w, s.Height))
	o[1].Move(fyne.NewPos(w+l.gap, 0))
	o[1].Resize(fyne.NewSize(l.right, s.Height))
}

// MinSize is both side by side.
func (l *split) MinSize(o []fyne.CanvasObject) fyne.Size {
	a, b := o[0].MinSize(), o[1].MinSize()
	return fyne.NewSize(a.Width+l.gap+max(b.Width, l.right), max(a.Height, b.Height))
}
