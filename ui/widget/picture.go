package widget

import (
	"bytes"
	"image"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// Picture shows a picture that grows, fitted into its space. A new state of it
// costs only what changed: tiles of the source that are the same are not scaled
// again, and nothing is drawn when none changed.
type Picture struct {
	widget.BaseWidget
	least  fyne.Size
	source image.NRGBA
	fitted *image.NRGBA // source at the size it was last drawn
	raster *canvas.Raster
	scaled int // tiles scaled since the picture was made
}

// NewPicture is empty and not smaller than least.
func NewPicture(least fyne.Size) *Picture {
	p := &Picture{least: least}
	p.raster = canvas.NewRaster(p.draw)
	p.ExtendBaseWidget(p)
	return p
}

// Set shows a picture of width x height, rgba being 4 bytes a pixel, row-major;
// bytes of another length clear it. It keeps rgba.
func (p *Picture) Set(width, height int, rgba []byte) {
	if width < 1 || height < 1 || len(rgba) != 4*width*height {
		p.Clear()
		return
	}
	old := p.source
	p.source = image.NRGBA{Pix: rgba, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}
	if old.Rect != p.source.Rect || p.fitted == nil {
		p.fitted = nil
		p.raster.Refresh()
		return
	}
	changed := false
	for _, t := range tiles(p.source.Rect) {
		if !same(&old, &p.source, t) {
			p.scale(t)
			changed = true
		}
	}
	if changed {
		p.raster.Refresh()
	}
}

// Clear shows nothing.
func (p *Picture) Clear() {
	if p.source.Pix == nil {
		return
	}
	p.source, p.fitted = image.NRGBA{}, nil
	p.raster.Refresh()
}

// Empty reports whether nothing is shown.
func (p *Picture) Empty() bool { return p.source.Pix == nil }

// Pixels is how wide and high what is shown is, in its own pixels.
func (p *Picture) Pixels() (width, height int) { return p.source.Rect.Dx(), p.source.Rect.Dy() }

// Scaled is how many tiles were brought to the size of the screen so far.
func (p *Picture) Scaled() int { return p.scaled }

// draw answers the toolkit with w x h device pixels.
func (p *Picture) draw(w, h int) image.Image {
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	if p.source.Pix == nil || w < 1 || h < 1 {
		return out
	}
	fw, fh := contain(p.source.Rect.Dx(), p.source.Rect.Dy(), w, h)
	if p.fitted == nil || p.fitted.Rect.Dx() != fw || p.fitted.Rect.Dy() != fh {
		p.fitted = image.NewNRGBA(image.Rect(0, 0, fw, fh))
		for _, t := range tiles(p.source.Rect) {
			p.scale(t)
		}
	}
	x0, y0 := (w-fw)/2, (h-fh)/2
	for y := range fh {
		copy(out.Pix[(y0+y)*out.Stride+4*x0:], p.fitted.Pix[y*p.fitted.Stride:y*p.fitted.Stride+4*fw])
	}
	return out
}

// contain is the largest size of the shape sw x sh within w x h.
func contain(sw, sh, w, h int) (int, int) {
	if sw*h > w*sh {
		return w, max(1, sh*w/sw)
	}
	return max(1, sw*h/sh), h
}

const tileSide = 64 // pixels of the source

func tiles(r image.Rectangle) []image.Rectangle {
	var all []image.Rectangle
	for y := r.Min.Y; y < r.Max.Y; y += tileSide {
		for x := r.Min.X; x < r.Max.X; x += tileSide {
			all = append(all, image.Rect(x, y, x+tileSide, y+tileSide).Intersect(r))
		}
	}
	return all
}

func same(a, b *image.NRGBA, t image.Rectangle) bool {
	for y := t.Min.Y; y < t.Max.Y; y++ {
		i, j := a.PixOffset(t.Min.X, y), a.PixOffset(t.Max.X-1, y)+4
		if !bytes.Equal(a.Pix[i:j], b.Pix[i:j]) {
			return false
		}
	}
	return true
}

// scale redraws every pixel of fitted that tile t of the source touches.
func (p *Picture) scale(t image.Rectangle) {
	p.scaled++
	sw, sh := p.source.Rect.Dx(), p.source.Rect.Dy()
	fw, fh := p.fitted.Rect.Dx(), p.fitted.Rect.Dy()
	for y := t.Min.Y * fh / sh; y < min(fh, (t.Max.Y*fh+sh-1)/sh); y++ {
		for x := t.Min.X * fw / sw; x < min(fw, (t.Max.X*fw+sw-1)/sw); x++ {
			from := image.Rect(x*sw/fw, y*sh/fh, max((x+1)*sw/fw, x*sw/fw+1), max((y+1)*sh/fh, y*sh/fh+1))
			copy(p.fitted.Pix[p.fitted.PixOffset(x, y):], p.mean(from))
		}
	}
}

// mean is the colour of r; what has not arrived does not count.
func (p *Picture) mean(r image.Rectangle) []byte {
	var c [3]int
	alpha, n := 0, 0
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			o := p.source.PixOffset(x, y)
			a := int(p.source.Pix[o+3])
			for i := range c {
				c[i] += int(p.source.Pix[o+i]) * a
			}
			alpha, n = alpha+a, n+1
		}
	}
	if alpha == 0 {
		return []byte{0, 0, 0, 0}
	}
	return []byte{byte(c[0] / alpha), byte(c[1] / alpha), byte(c[2] / alpha), byte(alpha / n)}
}

// CreateRenderer is the toolkit's hook.
func (p *Picture) CreateRenderer() fyne.WidgetRenderer { return pictureRenderer{p} }

type pictureRenderer struct{ p *Picture }

func (r pictureRenderer) Layout(s fyne.Size)           { r.p.raster.Resize(s) }
func (r pictureRenderer) MinSize() fyne.Size           { return r.p.least }
func (r pictureRenderer) Refresh()                     {} // no colour of the theme is in it
func (r pictureRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.p.raster} }
func (r pictureRenderer) Destroy()                     {}
