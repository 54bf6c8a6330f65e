package features

import (
	"image/color"
	"maps"
	"math"
)

// furnace is a rectangle that fills the view, in a white sky: what it does not
// send back is what it swallows.
func furnace(material doc) Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	b.show(b.mesh(part{positions: rect(-1, -1, 1, 1, 0), material: b.material(material)}), nil)
	s := b.scene()
	s.Sky, s.Samples, s.Bounces = 1, 256, 32
	return s
}

// material adds a material and names the extensions that it uses.
func (b *builder) material(m doc) int {
	if all, ok := m["extensions"].(doc); ok {
		for _, name := range []string{"KHR_materials_clearcoat", "KHR_materials_ior", "KHR_materials_pbrSpecularGlossiness", "KHR_materials_specular", "KHR_materials_transmission", "KHR_materials_volume"} {
			if all[name] != nil {
				b.use(name, false)
			}
		}
	}
	return b.add("materials", m)
}

// surface is a material of a base colour, roughness and extensions, no metal.
func surface(base, roughness float64, extensions doc) doc {
	return doc{"pbrMetallicRoughness": doc{"baseColorFactor": []float64{base, base, base, 1}, "metallicFactor": 0, "roughnessFactor": roughness}, "extensions": extensions}
}

// metal is a material of metal.
func metal(base RGB, roughness float64) doc {
	return doc{"pbrMetallicRoughness": doc{"baseColorFactor": []float64{base[0], base[1], base[2], 1}, "roughnessFactor": roughness}}
}

// leaningMirror is a smooth white metal whose normals lean so far that they
// mirror the camera to below its plane, in a white sky.
func leaningMirror() Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	n := []float64{0.8, 0, 0.6}
	p := part{attributes: doc{"NORMAL": b.put(f32, rows{n, n, n, n})}, positions: rect(-1, -1, 1, 1, 0), material: b.material(metal(Grey(1), 0))}
	b.show(b.mesh(p), nil)
	return b.inSky()
}

// slab is a body of glass, 1 thick and wider than the view, in a white sky.
func slab(base, ior float64, volume, node doc) Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	b.show(b.slab(base, ior, volume), node)
	return b.inSky()
}

// nestedBodies is a body that swallows light, and five clear ones in the half of it
// around its middle, each within the one before.
func nestedBodies(volume doc) Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	b.show(b.slab(1, 1, volume), nil)
	clear := b.slab(1, 1, doc{"thicknessFactor": 1})
	for n := range 5 {
		size := 0.5 - 0.08*float64(n)
		b.show(clear, doc{"scale": []float64{1, 1, size}, "translation": []float64{0, 0, (size - 1) / 2}})
	}
	return b.inSky()
}

// inSky is the scene in a white sky, seen through many faces.
func (b *builder) inSky() Scene {
	s := b.scene()
	s.Sky, s.Samples, s.Bounces = 1, 256, 64
	return s
}

// slab adds the mesh of a body, 1 thick and wider than the view.
func (b *builder) slab(base, ior float64, volume doc) int {
	extensions := doc{"KHR_materials_transmission": doc{"transmissionFactor": 1}, "KHR_materials_ior": doc{"ior": ior}}
	if volume != nil {
		extensions["KHR_materials_volume"] = volume
	}
	m := b.material(surface(base, 0, extensions))
	const side = 4.0
	corners := append(rect(-side, -side, side, side, 0), rect(-side, -side, side, side, -1)...)
	return b.mesh(part{attributes: doc{"POSITION": b.put(f32, corners)}, material: m, more: doc{"indices": b.list(u16, cubeIndices...)}})
}

// ofBlender is a slab in a file that says Blender wrote it.
func ofBlender(volume doc) Scene {
	b := newBuilder()
	b.doc["asset"] = doc{"version": "2.0", "generator": "Khronos glTF Blender I/O v3.4.50"}
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	b.show(b.slab(0.5, 1.5, volume), nil)
	return b.inSky()
}

// wall is a thin wall before white that is seen, but lights nothing.
func wall(base float64) Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	b.use("KHR_materials_unlit", false)
	behind := b.add("materials", doc{"extensions": doc{"KHR_materials_unlit": doc{}}})
	b.show(b.mesh(part{positions: rect(-1, -1, 1, 1, -1), material: behind}), nil)
	m := b.material(surface(base, 0, doc{"KHR_materials_transmission": doc{"transmissionFactor": 1}}))
	b.show(b.mesh(part{positions: rect(-1, -1, 1, 1, 0), material: m}), nil)
	b.root(b.lamp(doc{"type": "directional", "intensity": 1e-6}, doc{"rotation": []float64{0, 1, 0, 0}}))
	s := b.scene()
	s.Samples = 256
	return s
}

// asTexture gives a parameter by a texture of one colour, asFactor by a number.
func asTexture(extension, key string, c color.NRGBA, factors doc) Scene {
	b := parameterStage()
	info := doc{"index": b.texture(pngOf(plain(c)), nil)}
	return b.parameterised(extension, key, info, factors)
}

func asFactor(extension string, factors doc) Scene {
	return parameterStage().parameterised(extension, "", nil, factors)
}

func parameterStage() *builder { return sunFrom(0.28, 0, 0.96) }

func (b *builder) parameterised(extension, key string, info, factors doc) Scene {
	members := doc{}
	maps.Copy(members, factors)
	if key != "" {
		members[key] = info
	}
	m := doc{"pbrMetallicRoughness": doc{"baseColorFactor": []float64{0.5, 0.4, 0.3, 1}, "metallicFactor": 0, "roughnessFactor": 0.4}}
	if extension == "" {
		m["pbrMetallicRoughness"] = members
	} else {
		m["extensions"] = doc{extension: members}
	}
	p := part{attributes: doc{"TEXCOORD_0": b.put(f32, upright)}, positions: rect(-1, -1, 1, 1, 0), material: b.material(m)}
	b.show(b.mesh(p), nil)
	return b.scene()
}

// coated is a coat over black, leaning to the right by a normal map of its own
// or by the normals of the mesh.
func coated(byMap bool) Scene {
	b := sunFrom(0.6, 0, 0.8)
	file, lean := bump(0.3, 0)
	coat := doc{"clearcoatFactor": 1, "clearcoatRoughnessFactor": 0.6}
	n := []float64{0, 0, 1}
	if byMap {
		coat["clearcoatNormalTexture"] = doc{"index": b.texture(file, nil)}
	} else {
		length := math.Sqrt(lean[0]*lean[0] + lean[1]*lean[1] + lean[2]*lean[2])
		n = []float64{lean[0] / length, lean[1] / length, lean[2] / length}
	}
	m := b.material(surface(0, 1, doc{"KHR_materials_clearcoat": coat, "KHR_materials_specular": doc{"specularFactor": 0}}))
	attributes := doc{"NORMAL": b.put(f32, rows{n, n, n, n}), "TEXCOORD_0": b.put(f32, upright)}
	if t := []float64{1, 0, 0, 1}; byMap {
		attributes["TANGENT"] = b.put(f32, rows{t, t, t, t})
	}
	b.show(b.mesh(part{attributes: attributes, positions: rect(-1, -1, 1, 1, 0), material: m}), nil)
	return b.scene()
}

func materials() []Feature {
	features := append(reflection(), through()...)
	features = append(features, parameters()...)
	for i := range features {
		features[i].Group = "Materials"
		features[i].Mean = features[i].Want != nil
	}
	return features
}

// reflection is what comes back from surfaces in a white sky, seen straight on.
func reflection() []Feature {
	ior := func(v float64) doc { return doc{"KHR_materials_ior": doc{"ior": v}} }
	specular := func(members doc) doc {
		return doc{"KHR_materials_ior": doc{"ior": 2}, "KHR_materials_specular": members}
	}
	coat := func(factor float64) doc {
		return doc{"KHR_materials_clearcoat": doc{"clearcoatFactor": factor}, "KHR_materials_specular": doc{"specularFactor": 0}}
	}
	glossy := func(diffuse, gloss float64, specular ...float64) doc {
		return doc{"extensions": doc{"KHR_materials_pbrSpecularGlossiness": doc{"diffuseFactor": []float64{diffuse, diffuse, diffuse, 1}, "specularFactor": specular, "glossinessFactor": gloss}}}
	}
	const f0 = 1.0 / 9 // of an index of 2: ((2 - 1) / (2 + 1))^2
	return []Feature{
		{Name: "metallicFactor 1", Check: "a smooth metal sends back its base colour", Scene: furnace(metal(RGB{0.9, 0.6, 0.3}, 0)), Want: everywhere(RGB{0.9, 0.6, 0.3}), Tolerance: 0.002},
		{Name: "metallicFactor 1, normals that mirror the viewer below the surface", Check: "are turned: all light but 1 %", Scene: leaningMirror(), Want: everywhere(Grey(1)), Tolerance: 0.01},
		{Name: "metallicFactor 0", Check: "white, smooth, sends back all light", Scene: furnace(surface(1, 0, doc{})), Want: everywhere(Grey(1)), Tolerance: 0.01},
		{Name: "roughnessFactor", Check: "white of roughness 0.4 sends back all light but 1 %", Scene: furnace(surface(1, 0.4, doc{})), Want: everywhere(Grey(1)), Tolerance: 0.015},
		{Name: "Fresnel reflection", Check: "smooth black sends back 4 %", Scene: furnace(surface(0, 0, doc{})), Want: everywhere(Grey(0.04)), Tolerance: 0.0005},
		{Name: "KHR_materials_ior", Check: "of an index of 2: a ninth", Scene: furnace(surface(0, 0, ior(2))), Want: everywhere(Grey(f0)), Tolerance: 0.0005},
		{Name: "KHR_materials_ior of 1", Check: "nothing comes back", Scene: furnace(surface(0, 0, ior(1))), Want: everywhere(Grey(0)), Tolerance: 0.0005},
		{Name: "KHR_materials_ior of 0", Check: "a perfect mirror", Scene: furnace(surface(0, 0, ior(0))), Want: everywhere(Grey(1)), Tolerance: 0.002},
		{Name: "KHR_materials_specular: factor", Check: "half of a ninth", Scene: furnace(surface(0, 0, specular(doc{"specularFactor": 0.5}))), Want: everywhere(Grey(f0 / 2)), Tolerance: 0.0005},
		{Name: "KHR_materials_specular: colour", Check: "a ninth of each colour", Scene: furnace(surface(0, 0, specular(doc{"specularColorFactor": []float64{1, 0.5, 0}}))), Want: everywhere(RGB{f0, f0 / 2, 0}), Tolerance: 0.0005},
		{Name: "KHR_materials_clearcoat over black", Check: "the coat sends back 4 %", Scene: furnace(surface(0, 1, coat(1))), Want: everywhere(Grey(0.04)), Tolerance: 0.0005},
		{Name: "KHR_materials_clearcoat of a half", Check: "the coat sends back 2 %", Scene: furnace(surface(0, 1, coat(0.5))), Want: everywhere(Grey(0.02)), Tolerance: 0.0005},
		{Name: "KHR_materials_clearcoat over white", Check: "what the coat lets through comes back: all light", Scene: furnace(surface(1, 1, coat(1))), Want: everywhere(Grey(1)), Tolerance: 0.005},
		{Name: "KHR_materials_pbrSpecularGlossiness over black", Check: "smooth, sends back its specular colour", Scene: furnace(glossy(0, 1, 0.5, 0.25, 0)), Want: everywhere(RGB{0.5, 0.25, 0}), Tolerance: 0.001},
		{Name: "KHR_materials_pbrSpecularGlossiness over white", Check: "sends back all light", Scene: furnace(glossy(1, 1, 0.04, 0.04, 0.04)), Want: everywhere(Grey(1)), Tolerance: 0.01},
	}
}

// through is what comes through walls and bodies.
func through() []Feature {
	clear := func(roughness float64) doc {
		return surface(1, roughness, doc{"KHR_materials_transmission": doc{"transmissionFactor": 1}})
	}
	absorbing := doc{"thicknessFactor": 1, "attenuationColor": []float64{0.5, 0.25, 1}, "attenuationDistance": 1}
	twice := doc{"thicknessFactor": 1, "attenuationColor": []float64{0.5, 0.25, 1}, "attenuationDistance": 0.5}
	// Of all light that enters a slab of reflectance r, a part a survives each
	// way through it; both faces look into the sky.
	const r = 0.04
	solid := ofBlender(doc{"thicknessFactor": 1})
	slabOf := func(a float64) float64 { return r + (1-r)*(1-r)*a/(1-r*a) }
	return []Feature{
		{Name: "KHR_materials_transmission, thin and clear", Check: "white: all light goes on or comes back", Scene: furnace(clear(0)), Want: everywhere(Grey(1)), Tolerance: 0.005},
		{Name: "KHR_materials_transmission, thin and rough", Check: "white: all light goes on or comes back, but 4 %", Scene: furnace(clear(0.4)), Want: everywhere(Grey(1)), Tolerance: 0.04},
		{Name: "KHR_materials_transmission, coloured", Check: "96 % of the base colour over white", Scene: wall(0.5), Want: everywhere(Grey(0.48)), Tolerance: 0.005},
		{Name: "KHR_materials_volume, clear", Check: "a slab of index 1.5: all light goes on or comes back", Scene: slab(1, 1.5, doc{"thicknessFactor": 1}, nil), Want: everywhere(Grey(1)), Tolerance: 0.01},
		{Name: "KHR_materials_volume, base colour", Check: "counts at both faces: a quarter", Scene: slab(0.5, 1, doc{"thicknessFactor": 1}, nil), Want: everywhere(Grey(0.25)), Tolerance: 0.005},
		{Name: "KHR_materials_volume, attenuation", Check: "the colour itself after its distance", Scene: slab(1, 1, absorbing, nil), Want: everywhere(RGB{0.5, 0.25, 1}), Tolerance: 0.005},
		{Name: "KHR_materials_volume, attenuationDistance", Check: "the colour's square after twice the distance", Scene: slab(1, 1, twice, nil), Want: everywhere(RGB{0.25, 0.0625, 1}), Tolerance: 0.005},
		{Name: "KHR_materials_volume on a mirrored node", Check: "the same: its front stays its front", Scene: slab(1, 1, absorbing, doc{"scale": []float64{-1, 1, 1}}), Want: everywhere(RGB{0.5, 0.25, 1}), Tolerance: 0.005},
		{Name: "KHR_materials_volume, bodies within bodies", Check: "the outermost one counts again behind those within: its colour's root after half the distance", Scene: nestedBodies(absorbing), Want: everywhere(RGB{math.Sqrt(0.5), 0.5, 1}), Tolerance: 0.005},
		{Name: "KHR_materials_transmission of Blender", Check: "bit for bit a body of no absorption: Blender has no thin walls", Scene: ofBlender(nil), Twin: &solid},
		{Name: "KHR_materials_volume with KHR_materials_ior", Check: "the sum over all reflections within a slab", Scene: slab(1, 1.5, absorbing, nil), Want: everywhere(RGB{slabOf(0.5), slabOf(0.25), slabOf(1)}), Tolerance: 0.01},
	}
}

// parameters are textures that say the same as factors.
func parameters() []Feature {
	twin := func(s Scene) *Scene { return &s }
	const same = "bit for bit the picture with factors"
	textured := asTexture
	return []Feature{
		{
			Name: "metallicRoughnessTexture", Check: same, Scene: textured("", "metallicRoughnessTexture", color.NRGBA{9, 51, 153, 255}, doc{"metallicFactor": 1, "roughnessFactor": 1}),
			Twin: twin(asFactor("", doc{"metallicFactor": 0.6, "roughnessFactor": 0.2})),
		},
		{
			Name: "specularTexture", Check: same, Scene: textured("KHR_materials_specular", "specularTexture", color.NRGBA{9, 9, 9, 102}, nil),
			Twin: twin(asFactor("KHR_materials_specular", doc{"specularFactor": 0.4})),
		},
		{
			Name: "specularColorTexture", Check: same, Scene: textured("KHR_materials_specular", "specularColorTexture", color.NRGBA{255, 0, 0, 255}, nil),
			Twin: twin(asFactor("KHR_materials_specular", doc{"specularColorFactor": []float64{1, 0, 0}})),
		},
		{
			Name: "transmissionTexture", Check: same, Scene: textured("KHR_materials_transmission", "transmissionTexture", color.NRGBA{102, 9, 9, 255}, doc{"transmissionFactor": 1}),
			Twin: twin(asFactor("KHR_materials_transmission", doc{"transmissionFactor": 0.4})),
		},
		{
			Name: "clearcoatTexture", Check: same, Scene: textured("KHR_materials_clearcoat", "clearcoatTexture", color.NRGBA{102, 9, 9, 255}, doc{"clearcoatFactor": 1}),
			Twin: twin(asFactor("KHR_materials_clearcoat", doc{"clearcoatFactor": 0.4})),
		},
		{
			Name: "clearcoatRoughnessTexture", Check: same, Scene: textured("KHR_materials_clearcoat", "clearcoatRoughnessTexture", color.NRGBA{9, 102, 9, 255}, doc{"clearcoatFactor": 1, "clearcoatRoughnessFactor": 1}),
			Twin: twin(asFactor("KHR_materials_clearcoat", doc{"clearcoatFactor": 1, "clearcoatRoughnessFactor": 0.4})),
		},
		{
			Name: "specularGlossinessTexture", Check: same, Scene: textured("KHR_materials_pbrSpecularGlossiness", "specularGlossinessTexture", color.NRGBA{255, 0, 0, 102}, nil),
			Twin: twin(asFactor("KHR_materials_pbrSpecularGlossiness", doc{"specularFactor": []float64{1, 0, 0}, "glossinessFactor": 0.4})),
		},
		{Name: "clearcoatNormalTexture", Check: "the coat of a mesh whose normals lean, within 1e-5", Scene: coated(true), Twin: twin(coated(false)), Near: 1e-5},
	}
}
