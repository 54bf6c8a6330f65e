package features

import (
	"image"
	"image/color"
)

// pictures are the file formats of images; all show one colour.
func pictures() []Feature {
	show := func(m image.Image) Scene { return textured(pngOf(m), nil, nil, upright) }
	middle := everywhere(Grey(linearOf(0.4)))
	rgb := everywhere(RGB{linearOf(0.2), linearOf(0.4), linearOf(0.8)})
	paletted := image.NewPaletted(image.Rect(0, 0, 4, 4), color.Palette{color.NRGBA{51, 102, 204, 255}})
	grey := image.NewGray(image.Rect(0, 0, 4, 4))
	grey16 := image.NewGray16(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		grey.SetGray(i%4, i/4, color.Gray{102})
		grey16.SetGray16(i%4, i/4, color.Gray16{102 * 257})
	}
	deep := image.NewNRGBA64(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		deep.SetNRGBA64(i%4, i/4, color.NRGBA64{51 * 257, 102 * 257, 204 * 257, 65535})
	}
	clear := plain(color.NRGBA{51, 102, 204, 128}) // alpha means nothing to an opaque material
	features := []Feature{
		{Name: "PNG, 8 bits", Scene: show(plain(color.NRGBA{51, 102, 204, 255})), Want: rgb},
		{Name: "PNG with alpha", Scene: show(clear), Want: rgb},
		{Name: "PNG with a palette", Scene: show(paletted), Want: rgb},
		{Name: "PNG, grey", Scene: show(grey), Want: middle},
		{Name: "PNG, grey, 16 bits (read with 8)", Scene: show(grey16), Want: middle},
		{Name: "PNG, 16 bits (read with 8)", Scene: show(deep), Want: rgb},
		{Name: "JPEG", Scene: textured(jpegOf(plain(color.NRGBA{51, 102, 204, 255})), nil, nil, upright), Want: rgb, Tolerance: 0.01},
		{Name: "JPEG, grey", Scene: textured(jpegOf(grey), nil, nil, upright), Want: middle, Tolerance: 0.005},
	}
	for i := range features {
		features[i].Group, features[i].Check = "Pictures", "the linear colour of the sRGB value"
	}
	return features
}
