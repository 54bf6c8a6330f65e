package features

import (
	"image"
	"image/color"
)

// mosaic is a picture with a pixel for each of the stage. Its rows are noise,
// ramps and repetitions in turn, so that a PNG of it uses every filter; small or
// even pictures hide what an engine gets wrong in decoding.
func mosaic(alpha bool) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, Side, Side))
	noise := uint32(1)
	for i := range m.Pix {
		noise = noise*1664525 + 1013904223 // Numerical Recipes' generator
		channel, x, y := i%4, i/4%Side, i/4/Side
		v := uint8(noise >> 24)
		switch y / 3 {
		case 1:
			v = uint8(12*x + 20*channel)
		case 2:
			v = m.Pix[i-4*Side] + uint8(noise>>30)
		case 3:
			v = uint8(7*x + 6*y + 30*channel)
		}
		if channel == 3 && !alpha {
			v = 255
		}
		m.Pix[i] = v
	}
	return m
}

// each makes a picture of the stage's size pixel by pixel.
func each(set func(x, y int)) {
	for i := range Side * Side {
		set(i%Side, i/Side)
	}
}

// wantPixels wants what a picture's bytes say, whatever their alpha.
func wantPixels(at func(x, y int) (r, g, b uint8)) func(x, y float64) RGB {
	return func(x, y float64) RGB {
		r, g, b := at(int((x+1)/2*Side), int((1-y)/2*Side))
		return RGB{linearOf(float64(r) / 255), linearOf(float64(g) / 255), linearOf(float64(b) / 255)}
	}
}

// pictures are the file formats of images. Alpha means nothing to the opaque
// material that shows them.
func pictures() []Feature {
	show := func(m image.Image) Scene { return textured(pngOf(m), nil, nil, upright) }
	opaque, clear := mosaic(false), mosaic(true)
	paletted, clearPaletted := image.NewPaletted(opaque.Rect, nil), image.NewPaletted(opaque.Rect, nil)
	few := image.NewPaletted(opaque.Rect, nil) // half a byte for each pixel
	grey, grey16, deep, clearDeep := image.NewGray(opaque.Rect), image.NewGray16(opaque.Rect), image.NewNRGBA64(opaque.Rect), image.NewNRGBA64(opaque.Rect)
	each(func(x, y int) {
		a, b := opaque.NRGBAAt(x, y), clear.NRGBAAt(x, y)
		n := uint8(y*Side + x)
		paletted.Palette, clearPaletted.Palette = append(paletted.Palette, a), append(clearPaletted.Palette, b)
		paletted.SetColorIndex(x, y, n)
		clearPaletted.SetColorIndex(x, y, n)
		if y == 0 {
			few.Palette = append(few.Palette, a)
		}
		few.SetColorIndex(x, y, a.R/16)
		grey.SetGray(x, y, color.Gray{a.R})
		grey16.SetGray16(x, y, color.Gray16{uint16(a.R) * 257})
		deep.SetNRGBA64(x, y, color.NRGBA64{uint16(a.R) * 257, uint16(a.G) * 257, uint16(a.B) * 257, 65535})
		clearDeep.SetNRGBA64(x, y, color.NRGBA64{uint16(b.R) * 257, uint16(b.G) * 257, uint16(b.B) * 257, uint16(b.A) * 257})
	})
	ramp, greyRamp := image.NewNRGBA(opaque.Rect), image.NewGray(opaque.Rect) // JPEG keeps what changes slowly
	each(func(x, y int) {
		ramp.SetNRGBA(x, y, color.NRGBA{uint8(50 + 6*x), uint8(60 + 4*x + 3*y), uint8(200 - 7*y), 255})
		greyRamp.SetGray(x, y, color.Gray{uint8(40 + 5*x + 8*y)})
	})
	colors := func(m *image.NRGBA) func(x, y float64) RGB {
		return wantPixels(func(x, y int) (r, g, b uint8) { c := m.NRGBAAt(x, y); return c.R, c.G, c.B })
	}
	greysOf := func(m *image.Gray) func(x, y float64) RGB {
		return wantPixels(func(x, y int) (r, g, b uint8) { v := m.GrayAt(x, y).Y; return v, v, v })
	}
	sixteen := wantPixels(func(x, y int) (r, g, b uint8) {
		c := opaque.NRGBAAt(int(few.ColorIndexAt(x, y)), 0)
		return c.R, c.G, c.B
	})
	features := []Feature{
		{Name: "PNG, 8 bits", Scene: show(opaque), Want: colors(opaque)},
		{Name: "PNG with alpha", Scene: show(clear), Want: colors(clear)},
		{Name: "PNG with a palette", Scene: show(paletted), Want: colors(opaque)},
		{Name: "PNG with a palette and alpha", Scene: show(clearPaletted), Want: colors(clear)},
		{Name: "PNG with a palette of 16 colours", Scene: show(few), Want: sixteen},
		{Name: "PNG, grey", Scene: show(grey), Want: greysOf(grey)},
		{Name: "PNG, grey, 16 bits (read with 8)", Scene: show(grey16), Want: greysOf(grey)},
		{Name: "PNG, 16 bits (read with 8)", Scene: show(deep), Want: colors(opaque)},
		{Name: "PNG with alpha, 16 bits (read with 8)", Scene: show(clearDeep), Want: colors(clear)},
		{Name: "JPEG", Scene: textured(jpegOf(ramp), nil, nil, upright), Want: colors(ramp), Tolerance: 0.05},
		{Name: "JPEG, grey", Scene: textured(jpegOf(greyRamp), nil, nil, upright), Want: greysOf(greyRamp), Tolerance: 0.02},
	}
	for i := range features {
		features[i].Group, features[i].Check = "Pictures", "the linear colours of the sRGB values"
	}
	return features
}
