package features

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"math"
)

// quarters is a picture of 2 x 2 pixels: red, green in the top row, blue and
// white below.
func quarters() image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	m.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	m.SetNRGBA(1, 0, color.NRGBA{0, 255, 0, 255})
	m.SetNRGBA(0, 1, color.NRGBA{0, 0, 255, 255})
	m.SetNRGBA(1, 1, color.NRGBA{255, 255, 255, 255})
	return m
}

var red, green, blue, white = RGB{1, 0, 0}, RGB{0, 1, 0}, RGB{0, 0, 1}, RGB{1, 1, 1}

// quartered wants four radiances in the quarters of the stage.
func quartered(topLeft, topRight, bottomLeft, bottomRight RGB) func(x, y float64) RGB {
	return func(x, y float64) RGB {
		switch {
		case x < 0 && y > 0:
			return topLeft
		case y > 0:
			return topRight
		case x < 0:
			return bottomLeft
		default:
			return bottomRight
		}
	}
}

func plain(c color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 4, 4))
	for i := range 16 {
		m.Set(i%4, i/4, c)
	}
	return m
}

func pngOf(m image.Image) []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		panic("features: " + err.Error()) // the pictures are made here
	}
	return out.Bytes()
}

func jpegOf(m image.Image) []byte {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: 100}); err != nil {
		panic("features: " + err.Error()) // the pictures are made here
	}
	return out.Bytes()
}

// texture adds a picture and a texture of it without smoothing.
func (b *builder) texture(file []byte, sampler doc) int {
	mime := "image/png"
	if bytes.HasPrefix(file, []byte{0xff, 0xd8}) {
		mime = "image/jpeg"
	}
	s := doc{"magFilter": 9728, "minFilter": 9728}
	maps.Copy(s, sampler)
	picture := b.add("images", doc{"bufferView": b.view(file, nil), "mimeType": mime})
	return b.add("textures", doc{"source": picture, "sampler": b.add("samplers", s)})
}

// textured is the stage filled by a rectangle with a texture as base colour.
func textured(file []byte, sampler, info doc, uvs rows) Scene {
	b := stage()
	base := doc{"index": b.texture(file, sampler)}
	maps.Copy(base, info)
	attributes := doc{"TEXCOORD_0": b.put(f32, uvs)}
	if info["extensions"] != nil {
		b.use("KHR_texture_transform", true)
	}
	b.show(b.mesh(part{attributes: attributes, positions: rect(-1, -1, 1, 1, 0), material: b.matte(Grey(1), doc{"pbr": doc{"baseColorTexture": base}})}), nil)
	return b.scene()
}

// otherSet uses the set of coordinates of that number; all others would show
// the top left quarter alone.
func otherSet(set int, byTransform bool) Scene {
	b := stage()
	attributes := doc{}
	for n := range set + 1 {
		uvs := rows{{0.1, 0.1}, {0.2, 0.1}, {0.2, 0.2}, {0.1, 0.2}}
		if n == set {
			uvs = upright
		}
		attributes["TEXCOORD_"+string(rune('0'+n))] = b.put(f32, uvs)
	}
	info := doc{"index": b.texture(pngOf(quarters()), nil), "texCoord": set}
	if byTransform {
		b.use("KHR_texture_transform", true)
		info["texCoord"] = 0
		info["extensions"] = doc{"KHR_texture_transform": doc{"texCoord": set}}
	}
	b.show(b.mesh(part{attributes: attributes, positions: rect(-1, -1, 1, 1, 0), material: b.matte(Grey(1), doc{"pbr": doc{"baseColorTexture": info}})}), nil)
	return b.scene()
}

// smallUVs has coordinates of whole numbers.
func smallUVs(k kind, whole float64) Scene {
	b := stage()
	b.use("KHR_mesh_quantization", true)
	uvs := rows{{0, whole}, {whole, whole}, {whole, 0}, {0, 0}}
	base := doc{"index": b.texture(pngOf(quarters()), nil)}
	b.show(b.mesh(part{attributes: doc{"TEXCOORD_0": b.put(k, uvs)}, positions: rect(-1, -1, 1, 1, 0), material: b.matte(Grey(1), doc{"pbr": doc{"baseColorTexture": base}})}), nil)
	return b.scene()
}

// transformed says a transform of coordinates by the extension, moved moves the
// coordinates themselves.
func transformed(offset, scale []float64, angle float64) (byExtension, moved Scene) {
	info := doc{"extensions": doc{"KHR_texture_transform": doc{"offset": offset, "scale": scale, "rotation": angle}}}
	file := pngOf(quarters())
	uvs := make(rows, len(upright))
	for i, uv := range upright {
		u, v := uv[0]*scale[0], uv[1]*scale[1]
		sin, cos := math.Sincos(angle)
		uvs[i] = []float64{cos*u + sin*v + offset[0], -sin*u + cos*v + offset[1]}
	}
	return textured(file, nil, info, upright), textured(file, nil, nil, uvs)
}

// linearOf is the radiance of an sRGB value of 0 to 1 (IEC 61966-2-1).
func linearOf(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func textures() []Feature {
	file := pngOf(quarters())
	picture := quartered(red, green, blue, white)
	wide := rows{{-0.5, 1}, {1.5, 1}, {1.5, 0}, {-0.5, 0}} // twice as wide as the picture
	wrapped := func(mode int) Scene { return textured(file, doc{"wrapS": mode, "wrapT": mode}, nil, wide) }
	columns := func(top, bottom [4]RGB) func(x, y float64) RGB {
		return func(x, y float64) RGB {
			if y > 0 {
				return top[int((x+1)*2)]
			}
			return bottom[int((x+1)*2)]
		}
	}
	turned, turnedTwin := transformed([]float64{0.25, 0.125}, []float64{0.5, 0.75}, 0.5)
	smooth := textured(pngOf(rampPicture()), doc{"magFilter": 9729, "wrapS": 33071, "wrapT": 33071}, nil, upright)
	smooth.Samples = 256
	return []Feature{
		{Group: "Textures", Name: "baseColorTexture", Check: "four coloured quarters, upright", Scene: textured(file, nil, nil, upright), Want: picture},
		{Group: "Textures", Name: "TEXCOORD_1", Check: "four coloured quarters", Scene: otherSet(1, false), Want: picture},
		{Group: "Textures", Name: "TEXCOORD_3", Check: "four coloured quarters", Scene: otherSet(3, false), Want: picture},
		{Group: "Textures", Name: "KHR_texture_transform: texCoord", Check: "four coloured quarters", Scene: otherSet(1, true), Want: picture},
		{Group: "Textures", Name: "KHR_texture_transform: offset", Check: "the picture moved by half its width", Scene: first(transformed([]float64{0.5, 0}, []float64{1, 1}, 0)), Want: quartered(green, red, white, blue)},
		{Group: "Textures", Name: "KHR_texture_transform: quarter turn", Check: "the picture turned", Scene: first(transformed([]float64{0, 1}, []float64{1, 1}, math.Pi/2)), Want: quartered(blue, red, white, green)},
		{Group: "Textures", Name: "KHR_texture_transform: all together", Check: "equals coordinates transformed beforehand, but for 2 % of the pixels", Scene: turned, Twin: &turnedTwin, Differing: 0.02},
		{Group: "Textures", Name: "TEXCOORD_0 of normalized bytes", Check: "four coloured quarters", Scene: smallUVs(u8n, 255), Want: picture},
		{Group: "Textures", Name: "TEXCOORD_0 of normalized 16 bits", Check: "four coloured quarters", Scene: smallUVs(u16n, 65535), Want: picture},
		{Group: "Textures", Name: "TEXCOORD_0 of whole bytes (KHR_mesh_quantization)", Check: "four coloured quarters", Scene: smallUVs(u8, 1), Want: picture},
		{Group: "Textures", Name: "wrap: repeat", Check: "columns of colours", Scene: wrapped(10497), Want: columns([4]RGB{green, red, green, red}, [4]RGB{white, blue, white, blue})},
		{Group: "Textures", Name: "wrap: clamp to edge", Check: "columns of colours", Scene: wrapped(33071), Want: columns([4]RGB{red, red, green, green}, [4]RGB{blue, blue, white, white})},
		{Group: "Textures", Name: "wrap: mirrored repeat", Check: "columns of colours", Scene: wrapped(33648), Want: columns([4]RGB{red, red, green, green}, [4]RGB{blue, blue, white, white})},
		{
			Group: "Textures", Name: "linear filter", Check: "black and white pixels mix in proportion, within 0.003", Scene: smooth, Tolerance: 0.003,
			Want: func(x, _ float64) RGB { return Grey(min(max(x+0.5, 0), 1)) },
		},
	}
}

func first(a, _ Scene) Scene { return a }

// rampPicture is a black pixel beside a white one.
func rampPicture() image.Image {
	m := image.NewGray(image.Rect(0, 0, 2, 1))
	m.SetGray(1, 0, color.Gray{255})
	return m
}
