package features

import "math"

// Rooms are scenes for the reference integrator, by name: a closed room with a
// glowing ceiling, or one open to the sky, and something of one material in it.
// All materials are rough enough for directions drawn at random.
func Rooms() map[string]Scene {
	coat := func(factor, roughness float64) doc {
		return doc{"KHR_materials_clearcoat": doc{"clearcoatFactor": factor, "clearcoatRoughnessFactor": roughness}}
	}
	glass := doc{
		"KHR_materials_transmission": doc{"transmissionFactor": 0.8}, "KHR_materials_ior": doc{"ior": 1.4},
		"KHR_materials_volume": doc{"thicknessFactor": 1, "attenuationColor": []float64{0.4, 0.7, 0.9}, "attenuationDistance": 0.7},
	}
	thin := surface(0.9, 0.6, doc{"KHR_materials_transmission": doc{"transmissionFactor": 0.7}})
	return map[string]Scene{
		"matte":        room(surface(0.8, 1, doc{"KHR_materials_specular": doc{"specularFactor": 0}}), true, nil),
		"plastic":      room(surface(0.5, 0.5, nil), true, nil),
		"metal":        room(metal(RGB{0.9, 0.6, 0.3}, 0.7), true, nil),
		"half metal":   room(doc{"pbrMetallicRoughness": doc{"baseColorFactor": []float64{0.7, 0.4, 0.2, 1}, "metallicFactor": 0.5, "roughnessFactor": 0.6}}, true, nil),
		"coat":         room(surface(0.5, 0.8, coat(1, 0.5)), true, nil),
		"thin wall":    room(thin, true, nil),
		"lit wall":     room(thin, false, lamps), // by lamps on its other side, too
		"glass":        room(surface(0.9, 1, glass), false, nil),
		"lamps":        room(surface(0.6, 0.7, nil), false, lamps),
		"veil":         room(doc{"emissiveFactor": []float64{0.9, 0.5, 0.2}, "alphaMode": "BLEND", "pbrMetallicRoughness": doc{"baseColorFactor": []float64{0.8, 0.3, 0.3, 0.4}, "metallicFactor": 0}}, false, nil),
		"glowing cube": room(doc{"emissiveFactor": []float64{0.9, 0.5, 0.2}, "pbrMetallicRoughness": doc{"baseColorFactor": []float64{0.3, 0.3, 0.3, 1}, "metallicFactor": 0}}, false, nil),
	}
}

// lamps adds a lamp of each kind.
func lamps(b *builder) {
	const candela = 683 // per watt per steradian, as the renderer reads it
	b.root(b.lamp(doc{"type": "point", "intensity": 0.5 * candela, "color": []float64{1, 0.5, 0.5}}, doc{"translation": []float64{0.6, 0.6, 0.5}}))
	b.root(b.lamp(doc{"type": "spot", "intensity": 2.0 * candela, "spot": doc{"innerConeAngle": 0.2, "outerConeAngle": 0.6}}, doc{"translation": []float64{0, 0, 0.9}}))
	b.root(b.lamp(doc{"type": "directional", "intensity": 0.5 * candela}, doc{"rotation": []float64{math.Sin(-0.3), 0, 0, math.Cos(-0.3)}}))
}

// room is a room seen from its open side, with a cube of a material in it.
func room(material doc, closed bool, more func(*builder)) Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	half := math.Sqrt(0.5)
	about := func(x, y float64) []float64 { return []float64{x * half, y * half, 0, half} }
	wall := b.mesh(part{positions: rect(-1, -1, 1, 1, -1), material: b.material(surface(0.7, 0.9, nil))})
	b.show(wall, nil)
	for _, turned := range [][]float64{about(1, 0), about(0, 1), about(0, -1)} { // floor, sides
		b.show(wall, doc{"rotation": turned})
	}
	if closed {
		b.show(b.mesh(part{positions: rect(-0.8, -0.8, 0.8, 0.8, -1), material: b.glow(RGB{1, 0.9, 0.8}, nil)}), doc{"rotation": about(-1, 0)})
	}
	cube := b.mesh(part{attributes: doc{"POSITION": b.put(f32, cubeCorners())}, material: b.material(material), more: doc{"indices": b.list(u16, cubeIndices...)}})
	b.show(cube, doc{"rotation": []float64{0.1, 0.3, 0.2, math.Sqrt(1 - 0.14)}, "translation": []float64{0.1, -0.2, -0.1}})
	if more != nil {
		more(b)
	}
	s := b.scene()
	s.Bounces = 3
	if !closed {
		s.Sky = 0.5
	}
	return s
}

func cubeCorners() rows {
	return append(rect(-0.5, -0.5, 0.5, 0.5, 0.5), rect(-0.5, -0.5, 0.5, 0.5, -0.5)...)
}

// cubeIndices are the faces of a box whose front and back are rectangles.
var cubeIndices = []float64{0, 1, 2, 0, 2, 3, 5, 4, 7, 5, 7, 6, 4, 5, 1, 4, 1, 0, 3, 2, 6, 3, 6, 7, 1, 5, 6, 1, 6, 2, 4, 0, 3, 4, 3, 7}
