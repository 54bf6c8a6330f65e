package screen

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	ours "sonm/ui/theme"
	"sonm/ui/view"
	"sonm/ui/widget"
)

// settings are the size and quality of a picture.
type settings struct {
	card                   fyne.CanvasObject
	form                   view.Form
	sizes, qualities       *widget.Options
	width, height, samples *widget.Field
	camera                 *widget.Pick
	layers, denoise        *widget.Button

	moves  *fyne.Container // where the scene does
	whole  *widget.Button
	frames *widget.Field
	all    string // the range of all frames
}

// newSettings calls change with the new form whenever the person changes it.
func newSettings(change func(view.Form)) *settings {
	s := &settings{}
	pick := func(of []view.Choice) ([]string, func(int)) {
		var names []string
		for _, c := range of {
			names = append(names, c.Name)
		}
		return names, func(i int) { change(s.form.With(of[i])) }
	}
	typed := func(set func(*view.Form, string)) func(string) {
		return func(text string) {
			f := s.form
			set(&f, text)
			change(f)
		}
	}
	s.sizes = widget.NewOptions(pick(view.Sizes()))
	s.qualities = widget.NewOptions(pick(view.Qualities()))
	s.width = widget.NewField("Width", typed(func(f *view.Form, t string) { f.Width = t }))
	s.height = widget.NewField("Height", typed(func(f *view.Form, t string) { f.Height = t }))
	s.samples = widget.NewField("Samples", typed(func(f *view.Form, t string) { f.Samples = t }))
	s.camera = widget.NewPick("Camera", typed(func(f *view.Form, t string) { f.Camera = t }))
	flip := func(name string, turn func(*view.Form)) *widget.Button {
		return widget.NewButton(widget.Option, name, nil, func() {
			f := s.form
			turn(&f)
			change(f)
		})
	}
	s.layers = flip("Layers", func(f *view.Form) { f.Layers = !f.Layers })
	s.denoise = flip("Denoise", func(f *view.Form) { f.Denoise = !f.Denoise })
	s.frames = widget.NewField("Frames, as 1-48; empty is one picture", typed(func(f *view.Form, t string) { f.Frames = t }))
	s.whole = widget.NewButton(widget.Option, "", nil, func() {
		f := s.form
		f.Frames = s.all
		change(f)
	})
	s.moves = widget.Rows(6, caption("Animation"), s.whole, s.frames.Container)
	s.card = widget.Card(widget.Rows(12, heading("Picture"),
		widget.Rows(6, caption("Size"), s.sizes.Container),
		widget.Rows(6, caption("Quality"), s.qualities.Container),
		widget.Equal(8, s.width.Container, s.height.Container, s.samples.Container), s.camera.Container, s.moves,
		widget.Rows(6, caption("Extras"), widget.Equal(8, s.layers, s.denoise), widget.Paragraph(view.Extras, theme.SizeNameCaptionText, ours.Muted))))
	return s
}

// show puts f, the scene's cameras and its animation on the card; one camera is
// no choice.
func (s *settings) show(f view.Form, cameras []string, moves view.Animation) {
	s.form, s.all = f, moves.Whole
	visible(s.moves, moves.Whole != "" || f.Frames != "")
	visible(s.whole, moves.Whole != "")
	s.whole.SetLabel(moves.Offer)
	s.whole.SetActive(f.Frames != "" && f.Frames == moves.Whole)
	s.frames.Set(f.Frames)
	lit := func(of []view.Choice) int {
		for i, c := range of {
			if f.Is(c) {
				return i
			}
		}
		return -1
	}
	s.sizes.Set(lit(view.Sizes()))
	s.qualities.Set(lit(view.Qualities()))
	s.width.Set(f.Width)
	s.height.Set(f.Height)
	s.samples.Set(f.Samples)
	visible(s.camera, len(cameras) > 1)
	s.camera.Set(cameras, f.Camera)
	s.layers.SetActive(f.Layers || f.Denoise) // denoising goes by the layers
	s.denoise.SetActive(f.Denoise)
}
