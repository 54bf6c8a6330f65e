package features

import (
	"image"
	"image/color"
	"maps"
	"math"
)

// sunFrom is a stage whose sun stands in a direction instead of straight above.
func sunFrom(x, y, z float64) *builder {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	n := math.Sqrt(2 + 2*z)
	b.root(b.lamp(doc{"type": "directional", "intensity": 683 * math.Pi}, doc{"rotation": []float64{-y / n, x / n, 0, (1 + z) / n}}))
	return b
}

// bump is a normal map of one colour and the direction that its bytes say.
func bump(x, y float64) (file []byte, n [3]float64) {
	code := func(v float64) uint8 { return uint8(math.Round((v + 1) / 2 * 255)) }
	c := color.NRGBA{code(x), code(y), code(math.Sqrt(1 - x*x - y*y)), 255}
	decode := func(v uint8) float64 { return float64(v)/255*2 - 1 }
	return pngOf(plain(c)), [3]float64{decode(c.R), decode(c.G), decode(c.B)}
}

// bumpy is a rectangle with a normal map, in a node, under a sun in the
// direction (0.6, 0, 0.8) or (0, 0.6, 0.8).
type bumpy struct {
	x, y    float64 // the map's lean
	scale   float64
	fromTop bool // the sun
	uvs     rows
	tangent []float64
	node    doc
	info    doc
}

func (p bumpy) scene() Scene {
	b := sunFrom(0.6, 0, 0.8)
	if p.fromTop {
		b = sunFrom(0, 0.6, 0.8)
	}
	file, _ := bump(p.x, p.y)
	info := doc{"index": b.texture(file, nil)}
	if p.scale != 0 {
		info["scale"] = p.scale
	}
	maps.Copy(info, p.info)
	if info["extensions"] != nil {
		b.use("KHR_texture_transform", true)
	}
	uvs := upright
	if p.uvs != nil {
		uvs = p.uvs
	}
	attributes := doc{"TEXCOORD_0": b.put(f32, uvs)}
	if p.tangent != nil {
		n := []float64{0, 0, 1}
		attributes["NORMAL"] = b.put(f32, rows{n, n, n, n})
		attributes["TANGENT"] = b.put(f32, rows{p.tangent, p.tangent, p.tangent, p.tangent})
	}
	m := b.matte(Grey(0.5), doc{"normalTexture": info, "doubleSided": true})
	b.show(b.mesh(part{attributes: attributes, positions: rect(-1, -1, 1, 1, 0), material: m}), p.node)
	return b.scene()
}

// lit is what the rectangle of a bumpy sends to the camera if the map's x and y
// run along two directions of the world, given by their part towards the sun.
func (p bumpy) lit(alongX, alongY float64) func(x, y float64) RGB {
	_, n := bump(p.x, p.y)
	x, y, z := n[0], n[1], n[2]
	if p.scale != 0 {
		x, y = x*p.scale, y*p.scale
	}
	cosine := (x*alongX + y*alongY + z*0.8) / math.Sqrt(x*x+y*y+z*z)
	return everywhere(Grey(0.5 * max(cosine, 0)))
}

// withAlpha is a picture whose left half has one alpha and whose right another.
func withAlpha(left, right uint8) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	m.SetNRGBA(0, 0, color.NRGBA{255, 255, 255, left})
	m.SetNRGBA(1, 0, color.NRGBA{255, 255, 255, right})
	return m
}

// veil is a rectangle in front of an unlit one of radiance 1 that fills the
// stage: a lamp would add noise.
func veil(picture image.Image, colors []float64, material doc) Scene {
	b := stage()
	b.use("KHR_materials_unlit", false)
	behind := b.add("materials", doc{"extensions": doc{"KHR_materials_unlit": doc{}}})
	b.show(b.mesh(part{positions: rect(-1, -1, 1, 1, -1), material: behind}), nil)
	attributes := doc{"TEXCOORD_0": b.put(f32, upright)}
	if picture != nil {
		material["pbr"] = doc{"baseColorTexture": doc{"index": b.texture(pngOf(picture), nil)}}
	}
	if colors != nil {
		attributes["COLOR_0"] = b.put(f32, rows{colors, colors, colors, colors})
	}
	b.show(b.mesh(part{attributes: attributes, positions: rect(-1, -1, 1, 1, 0), material: b.matte(Grey(0.25), material)}), nil)
	return b.scene()
}

func normalMaps() []Feature {
	flipped := rows{{1, 1}, {0, 1}, {0, 0}, {1, 0}}
	quarter := doc{"extensions": doc{"KHR_texture_transform": doc{"rotation": math.Pi / 2}}}
	back := doc{"rotation": []float64{0, 1, 0, 0}}
	mirror := doc{"scale": []float64{-1, 1, 1}}
	list := []struct {
		name, check    string
		scene          bumpy
		alongX, alongY float64
	}{
		{"normalTexture, red", "leans along u", bumpy{x: 0.6}, 0.6, 0},
		{"normalTexture, green", "leans against v: up", bumpy{y: 0.6, fromTop: true}, 0, 0.6},
		{"normalTexture.scale", "leans half as much", bumpy{x: 0.6, scale: 0.5}, 0.6, 0},
		{"normalTexture, u reversed", "leans the other way", bumpy{x: 0.6, uvs: flipped}, -0.6, 0},
		{"normalTexture turned by KHR_texture_transform", "leans along the turned u: down", bumpy{x: 0.6, fromTop: true, info: quarter}, -0.6, 0},
		{"normalTexture on the back side", "the front's normals reversed", bumpy{x: 0.6, node: back}, 0.6, 0},
		{"normalTexture on a mirrored node", "leans the other way", bumpy{x: 0.6, node: mirror}, -0.6, 0},
		{"TANGENT", "leans along the tangent: up", bumpy{x: 0.6, fromTop: true, tangent: []float64{0, 1, 0, 1}}, 0.6, 0},
		{"TANGENT, handedness 1", "the bitangent is normal x tangent: to the left", bumpy{y: 0.6, tangent: []float64{0, 1, 0, 1}}, 0, -0.6},
		{"TANGENT, handedness -1", "the bitangent is reversed: to the right", bumpy{y: 0.6, tangent: []float64{0, 1, 0, -1}}, 0, 0.6},
		{"TANGENT on a mirrored node", "the bitangent is mirrored too: to the right", bumpy{y: 0.6, tangent: []float64{0, 1, 0, 1}, node: mirror}, 0, 0.6},
	}
	var features []Feature
	for _, c := range list {
		features = append(features, Feature{Group: "Normal maps", Name: c.name, Check: c.check, Scene: c.scene.scene(), Want: c.scene.lit(c.alongX, c.alongY), Tolerance: 5e-5})
	}
	return features
}

func emissive(strength float64, withTexture bool) Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	more := doc{}
	if withTexture {
		more["emissiveTexture"] = doc{"index": b.texture(pngOf(plain(color.NRGBA{102, 102, 102, 255})), nil)}
	}
	m := b.glow(RGB{1, 0.5, 0.25}, more)
	if strength != 1 {
		b.use("KHR_materials_emissive_strength", false)
		b.extensions("materials", m)["KHR_materials_emissive_strength"] = doc{"emissiveStrength": strength}
	}
	b.show(b.mesh(part{attributes: doc{"TEXCOORD_0": b.put(f32, upright)}, positions: rect(-1, -1, 1, 1, 0), material: m}), nil)
	return b.scene()
}

func unlit() Scene {
	b := newBuilder()
	b.use("KHR_materials_unlit", false)
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	m := b.add("materials", doc{
		"extensions":           doc{"KHR_materials_unlit": doc{}},
		"pbrMetallicRoughness": doc{"baseColorFactor": []float64{0.5, 1, 1, 1}, "baseColorTexture": doc{"index": b.texture(pngOf(plain(color.NRGBA{102, 102, 102, 255})), nil)}},
	})
	c := []float64{1, 0.5, 1}
	b.show(b.mesh(part{attributes: doc{"TEXCOORD_0": b.put(f32, upright), "COLOR_0": b.put(f32, rows{c, c, c, c})}, positions: rect(-1, -1, 1, 1, 0), material: m}), nil)
	s := b.scene()
	s.Sky = 3 // must not light it
	return s
}

func surfaces() []Feature {
	glow := func(k float64) func(x, y float64) RGB { return everywhere(RGB{k, k / 2, k / 4}) }
	l := linearOf(102 / 255.0)
	mask := func(cutoff float64) doc { return doc{"alphaMode": "MASK", "alphaCutoff": cutoff} }
	// The veil's base colour is 0.25, and 1 is seen through it.
	features := append(append(normalMaps(), sloping()...),
		Feature{Group: "Surfaces", Name: "emissiveFactor", Check: "the radiance itself", Scene: emissive(1, false), Want: glow(1)},
		Feature{Group: "Surfaces", Name: "emissiveTexture", Check: "factor times the linear colour", Scene: emissive(1, true), Want: glow(l)},
		Feature{Group: "Surfaces", Name: "KHR_materials_emissive_strength", Check: "seven times the radiance", Scene: emissive(7, true), Want: glow(7 * l), Tolerance: 1e-4},
		Feature{Group: "Surfaces", Name: "KHR_materials_unlit", Check: "factor, texture and vertex colour multiplied, in a sky of radiance 3", Scene: unlit(), Want: everywhere(RGB{l / 2, l / 2, l})},
		Feature{Group: "Surfaces", Name: "doubleSided", Check: "the back side is drawn with it and without", Scene: placed(doc{"rotation": []float64{0, 1, 0, 0}}), Want: halves(RGB{}, Grey(0.5))},
		Feature{Group: "Surfaces", Name: "alphaMode OPAQUE", Check: "alpha means nothing", Scene: veil(withAlpha(0, 255), nil, doc{}), Want: everywhere(Grey(0.25))},
		Feature{Group: "Surfaces", Name: "alphaMode MASK", Check: "the half below the cutoff is open", Scene: veil(withAlpha(127, 128), nil, doc{"alphaMode": "MASK"}), Want: halves(Grey(1), Grey(0.25))},
		Feature{Group: "Surfaces", Name: "alphaCutoff", Check: "a cutoff above both opens both", Scene: veil(withAlpha(127, 128), nil, mask(0.6)), Want: everywhere(Grey(1))},
		Feature{Group: "Surfaces", Name: "MASK by vertex alpha", Check: "an alpha of 0.4 is open, at a cutoff of 0.5", Scene: veil(nil, []float64{1, 1, 1, 0.4}, mask(0.5)), Want: everywhere(Grey(1))},
	)
	blend := veil(withAlpha(51, 204), nil, doc{"alphaMode": "BLEND"})
	blendVertex := veil(withAlpha(255, 255), []float64{1, 1, 1, 0.5}, doc{"alphaMode": "BLEND"})
	blend.Samples, blendVertex.Samples = 1024, 1024
	return append(features,
		Feature{Group: "Surfaces", Name: "alphaMode BLEND", Check: "a fifth of the veil over white, and four fifths, within 0.02", Scene: blend, Want: halves(Grey(0.25*0.2+0.8), Grey(0.25*0.8+0.2)), Tolerance: 0.02},
		Feature{Group: "Surfaces", Name: "BLEND by vertex alpha", Check: "half veil, half white, within 0.02", Scene: blendVertex, Want: everywhere(Grey(0.125 + 0.5)), Tolerance: 0.02},
	)
}
