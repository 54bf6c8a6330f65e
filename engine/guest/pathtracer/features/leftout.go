package features

import "image/color"

// said is the left half with a material extension that is left out.
func said(extension string, members doc) Scene {
	b := stage()
	b.use(extension, false)
	m := b.matte(Grey(0.5), nil)
	b.extensions("materials", m)[extension] = members
	b.show(b.mesh(part{positions: rect(-1, -1, 0, 1, 0), material: m}), nil)
	return b.scene()
}

// drawn is the left half, and another primitive in a mode of points or lines.
func drawn(mode int) Scene {
	b := stage()
	m := b.matte(Grey(0.5), nil)
	other := part{attributes: doc{"POSITION": b.put(f32, rect(0, 0, 1, 1, 0))}, material: m, more: doc{"mode": mode}}
	b.show(b.mesh(part{positions: rect(-1, -1, 0, 1, 0), material: m}, other), nil)
	return b.scene()
}

// variants gives the left half a second material for a variant.
func variants() Scene {
	b := stage()
	b.use("KHR_materials_variants", false)
	m, other := b.matte(Grey(0.5), nil), b.matte(Grey(0.1), nil)
	mapped := doc{"extensions": doc{"KHR_materials_variants": doc{"mappings": []any{doc{"material": other, "variants": []int{0}}}}}}
	b.show(b.mesh(part{positions: rect(-1, -1, 0, 1, 0), material: m, more: mapped}), nil)
	b.topExtensions()["KHR_materials_variants"] = doc{"variants": []any{doc{"name": "night"}}}
	return b.scene()
}

// otherFormat is the left half with a texture in a format that is not read,
// beside a PNG or alone.
func otherFormat(extension string, fallback, required bool) Scene {
	b := stage()
	b.use(extension, required)
	texture := doc{}
	if fallback {
		texture["source"] = b.add("images", doc{"bufferView": b.view(pngOf(plain(color.NRGBA{255, 255, 255, 255})), nil), "mimeType": "image/png"})
	}
	mime := map[string]string{"KHR_texture_basisu": "image/ktx2", "EXT_texture_webp": "image/webp"}[extension]
	picture := b.add("images", doc{"bufferView": b.view([]byte("RIFF\x04\x00\x00\x00WEBP"), nil), "mimeType": mime})
	texture["extensions"] = doc{extension: doc{"source": picture}}
	base := doc{"index": b.add("textures", texture)}
	m := b.matte(Grey(0.5), doc{"pbr": doc{"baseColorTexture": base}})
	b.show(b.mesh(part{attributes: doc{"TEXCOORD_0": b.put(f32, upright)}, positions: rect(-1, -1, 0, 1, 0), material: m}), nil)
	return b.scene()
}

// requires is the left half in a file that requires an extension.
func requires(extension string) Scene {
	b := stage()
	b.use(extension, true)
	b.show(leftHalf(b), nil)
	return b.scene()
}

// movedCoordinates has a morph target that moves texture coordinates.
func movedCoordinates() Scene {
	b := stage()
	zero := rows{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}}
	target := doc{"POSITION": b.put(f32, zero), "TEXCOORD_0": b.put(f32, upright)}
	mesh := b.mesh(part{attributes: doc{"TEXCOORD_0": b.put(f32, upright)}, positions: rect(-1, -1, 0, 1, 0), material: b.matte(Grey(0.5), nil), more: doc{"targets": []any{target}}})
	b.show(mesh, doc{"weights": []float64{1}})
	return b.scene()
}

// pointed animates a material, besides a node.
func pointed() Scene {
	b := stage()
	b.use("KHR_animation_pointer", false)
	node := b.show(leftHalf(b), nil)
	b.animate("both", channel{node: node, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 0}, {1, 0, 0}}})
	animation := b.item("animations", 0)
	color := b.put(f32, rows{{1, 1, 1, 1}, {0, 0, 0, 1}})
	animation["samplers"] = append(list(animation["samplers"]), doc{"input": b.list(f32, 0, 1), "output": color})
	animation["channels"] = append(list(animation["channels"]), doc{"sampler": 1, "target": doc{
		"path": "pointer", "extensions": doc{"KHR_animation_pointer": doc{"pointer": "/materials/0/pbrMetallicRoughness/baseColorFactor"}},
	}})
	s := b.scene()
	s.Frame = 24
	return s
}

func leftOut() []Feature {
	left := halves(Grey(0.5), RGB{})
	const without = "the picture without it, and a warning"
	const refused = "one sentence, and no picture"
	features := []Feature{
		{Name: "points", Check: without, Scene: drawn(0), Want: left, Warns: "points and lines"},
		{Name: "lines", Check: without, Scene: drawn(1), Want: left, Warns: "points and lines"},
		{Name: "KHR_materials_variants", Check: "the default material, and a warning", Scene: variants(), Want: left, Warns: "default material"},
		{Name: "KHR_materials_sheen", Check: without, Scene: said("KHR_materials_sheen", doc{"sheenColorFactor": []float64{1, 1, 1}}), Want: left, Warns: "KHR_materials_sheen"},
		{Name: "KHR_materials_iridescence", Check: without, Scene: said("KHR_materials_iridescence", doc{"iridescenceFactor": 1}), Want: left, Warns: "KHR_materials_iridescence"},
		{Name: "KHR_materials_anisotropy", Check: without, Scene: said("KHR_materials_anisotropy", doc{"anisotropyStrength": 1}), Want: left, Warns: "KHR_materials_anisotropy"},
		{Name: "KHR_materials_dispersion", Check: without, Scene: said("KHR_materials_dispersion", doc{"dispersion": 1}), Want: left, Warns: "KHR_materials_dispersion"},
		{Name: "KHR_materials_diffuse_transmission", Check: without, Scene: said("KHR_materials_diffuse_transmission", doc{"diffuseTransmissionFactor": 1}), Want: left, Warns: "KHR_materials_diffuse_transmission"},
		{Name: "KHR_animation_pointer", Check: "nodes move, the rest stands still, and a warning", Scene: pointed(), Want: halves(RGB{}, Grey(0.5)), Warns: "KHR_animation_pointer"},
		{Name: "morph targets of TEXCOORD_n and COLOR_n", Check: without, Scene: movedCoordinates(), Want: left, Warns: "morph targets"},
		{Name: "EXT_texture_webp beside a PNG", Check: "the PNG", Scene: otherFormat("EXT_texture_webp", true, false), Want: left},
		{Name: "KHR_texture_basisu beside a PNG", Check: "the PNG", Scene: otherFormat("KHR_texture_basisu", true, false), Want: left},
		{Name: "EXT_texture_webp alone", Check: refused, Scene: otherFormat("EXT_texture_webp", false, true), Refused: "WebP picture"},
		{Name: "KHR_texture_basisu alone", Check: refused, Scene: otherFormat("KHR_texture_basisu", false, true), Refused: "KTX2 picture"},
		{Name: "KHR_draco_mesh_compression", Check: refused, Scene: requires("KHR_draco_mesh_compression"), Refused: "Draco"},
		{Name: "EXT_meshopt_compression", Check: refused, Scene: requires("EXT_meshopt_compression"), Refused: "meshopt"},
		{Name: "required extensions of others", Check: refused, Scene: requires("EXT_somebody_knows"), Refused: "EXT_somebody_knows"},
	}
	for i := range features {
		features[i].Group = "Left out"
	}
	return features
}
