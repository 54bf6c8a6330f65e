package features

import (
	"maps"
	"math"
)

// instanced is a small rectangle at four places, by the extension or by nodes.
func instanced(k kind, whole float64, byNodes bool) Scene {
	b := stage()
	mesh := b.mesh(part{positions: rect(-0.3, -0.2, 0.3, 0.2, 0), material: b.matte(Grey(0.5), nil)})
	places := rows{{-0.5, 0.5, 0}, {0.5, 0.5, 0.25}, {-0.5, -0.5, -0.5}, {0.5, -0.5, 0}}
	scales := rows{{1, 1, 1}, {0.5, 2, 1}, {1.5, 1, 1}, {1, 0.75, 1}}
	var turns, stored rows
	for i := range places {
		angle := float64(i) * 0.4
		q := []float64{0, 0, math.Sin(angle / 2), math.Cos(angle / 2)}
		row := make([]float64, 4)
		for c := range q {
			row[c] = q[c]
			if whole != 1 {
				row[c] = math.Round(q[c] * whole)
				q[c] = float64(float32(row[c]) / float32(whole))
			}
			q[c] = float64(float32(q[c]))
		}
		turns, stored = append(turns, q), append(stored, row)
	}
	node := doc{"translation": []float64{0.125, 0, 0}, "scale": []float64{1, 0.5, 1}}
	if byNodes {
		var children []int
		for i := range places {
			children = append(children, b.node(doc{"mesh": mesh, "translation": places[i], "rotation": turns[i], "scale": scales[i]}))
		}
		node["children"] = children
		b.root(b.node(node))
		return b.scene()
	}
	b.use("EXT_mesh_gpu_instancing", true)
	node["extensions"] = doc{"EXT_mesh_gpu_instancing": doc{"attributes": doc{"TRANSLATION": b.put(f32, places), "ROTATION": b.put(k, stored), "SCALE": b.put(f32, scales)}}}
	b.show(mesh, node)
	return b.scene()
}

func placed(more doc) Scene {
	b := stage()
	b.show(leftHalf(b), more)
	return b.scene()
}

// nested is the left half, below nodes that turn it by half a turn together.
func nested() Scene {
	b := stage()
	quarter := []float64{0, 0, math.Sqrt2 / 2, math.Sqrt2 / 2}
	child := b.node(doc{"mesh": leftHalf(b), "rotation": quarter})
	b.root(b.node(doc{"children": []int{child}, "rotation": quarter}))
	return b.scene()
}

// secondScene names the second of two scenes as the one to show.
func secondScene() Scene {
	b := stage()
	b.show(leftHalf(b), nil)
	other := b.node(doc{"mesh": leftHalf(b), "translation": []float64{1, 0, 0}})
	b.doc["scene"] = b.add("scenes", doc{"nodes": []int{b.roots[0], b.roots[1], other}})
	return b.scene()
}

// seenBy shows the left half through another camera.
func seenBy(camera doc, node doc, width int) Scene {
	b := newBuilder()
	index := b.add("cameras", camera)
	n := doc{"camera": index, "translation": []float64{0, 0, 3}}
	maps.Copy(n, node)
	b.root(b.node(n))
	b.root(b.lamp(doc{"type": "directional", "intensity": 683 * math.Pi}, doc{}))
	b.show(leftHalf(b), nil)
	s := b.scene()
	s.Width = width
	return s
}

// twoCameras has a second one that is half a stage to the right.
func twoCameras(wanted string) Scene {
	b := stage()
	b.root(b.node(doc{"camera": b.camera(doc{}), "name": "other", "translation": []float64{0.5, 0, 3}}))
	b.show(leftHalf(b), nil)
	s := b.scene()
	s.Camera = wanted
	return s
}

// farLamp is a lamp whose range ends before the stage.
func farLamp() Scene {
	b := newBuilder()
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{0, 0, 3}}))
	const height = 1000
	b.root(b.lamp(doc{"type": "point", "intensity": 683 * math.Pi * height * height, "range": 1}, doc{"translation": []float64{0, 0, height}}))
	b.show(leftHalf(b), nil)
	return b.scene()
}

// farAway is the left half of the stage with all of it at x, where float32 has no
// digits left for it.
func farAway(x float64) Scene {
	b := newBuilder()
	at := []float64{x, 0, 0}
	b.root(b.node(doc{"camera": b.camera(doc{}), "translation": []float64{x, 0, 3}}))
	b.root(b.lamp(doc{"type": "directional", "intensity": 683 * math.Pi}, doc{}))
	b.show(leftHalf(b), doc{"translation": at})
	return b.scene()
}

// onAHugeGround is a black rectangle from 0 to 1 just above a ground of the given
// size: its shadow, in a low sun, reaches two pixels to the left.
func onAHugeGround(size float64) Scene {
	b := sunFrom(0.96, 0, 0.28)
	b.show(b.mesh(part{positions: rect(-size, -size, size, size, 0), material: b.matte(Grey(0.5), nil)}), nil)
	b.show(b.mesh(part{positions: rect(0, -2, 1, 2, 0.25*0.28/0.96), material: b.matte(RGB{}, nil)}), nil)
	return b.scene()
}

func placing() []Feature {
	g := Grey(0.5)
	left, right, moved := halves(g, RGB{}), halves(RGB{}, g), inside(-1.5, -1, -0.5, 1, g)
	perspective := func(more doc) doc {
		p := doc{"yfov": 2 * math.Atan(1.0/3), "znear": 0.1}
		maps.Copy(p, more)
		return doc{"type": "perspective", "perspective": p}
	}
	ortho := func(mag float64) doc {
		return doc{"type": "orthographic", "orthographic": doc{"xmag": mag, "ymag": mag, "znear": 0.1, "zfar": 100}}
	}
	half, wide := inside(-0.5, -0.5, 0, 0.5, g), inside(-1, -1, 0, 1, g)
	nodes, quantizedNodes := instanced(f32, 1, true), instanced(i16n, 32767, true)
	return []Feature{
		{Group: "Nodes", Name: "translation, rotation, scale", Check: "turned by half a turn", Scene: placed(doc{"rotation": []float64{0, 0, 1, 0}}), Want: right},
		{Group: "Nodes", Name: "matrix", Check: "moved by 1", Scene: placed(doc{"matrix": []float64{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1}}), Want: right},
		{Group: "Nodes", Name: "nodes below nodes", Check: "two quarter turns are half a turn", Scene: nested(), Want: right},
		{Group: "Nodes", Name: "negative scale", Check: "mirrored", Scene: placed(doc{"scale": []float64{-1, 1, 1}}), Want: right},
		{Group: "Nodes", Name: "the default scene", Check: "the named one of two is shown", Scene: secondScene(), Want: right},
		{Group: "Nodes", Name: "a scene far from the origin", Check: "at 1e8: the left half of the stage is lit", Scene: farAway(1e8), Want: left},
		{Group: "Nodes", Name: "a ground of 40,000 units", Check: "small shadows are still cast on it", Scene: onAHugeGround(2e4), Want: inside(-1, -1, -0.25, 1, Grey(0.14))},
		{Group: "Nodes", Name: "EXT_mesh_gpu_instancing", Check: "bit for bit the picture of four nodes", Scene: instanced(f32, 1, false), Twin: &nodes},
		{Group: "Nodes", Name: "EXT_mesh_gpu_instancing, rotation of 16 bits", Check: "bit for bit the picture of four nodes", Scene: instanced(i16n, 32767, false), Twin: &quantizedNodes},
		{Group: "Cameras", Name: "orthographic, ymag", Check: "half the size for a camera that sees twice as much", Scene: seenBy(ortho(2), nil, 0), Want: half},
		{Group: "Cameras", Name: "perspective, yfov", Check: "sees the height of the stage from 3 units", Scene: seenBy(perspective(nil), nil, 0), Want: left},
		{Group: "Cameras", Name: "perspective, aspectRatio", Check: "the picture's own shape counts: twice as wide shows more at its sides", Scene: seenBy(perspective(doc{"aspectRatio": 1}), nil, 2*Side), Want: wide},
		{Group: "Cameras", Name: "the scale of a camera's node", Check: "means nothing", Scene: seenBy(perspective(nil), doc{"scale": []float64{2, 3, 4}}, 0), Want: left},
		{Group: "Cameras", Name: "several cameras", Check: "the first sees the picture", Scene: twoCameras(""), Want: left},
		{Group: "Cameras", Name: "a camera by name", Check: "the named one sees the picture", Scene: twoCameras("other"), Want: moved},
		{Group: "Cameras", Name: "a camera by number", Check: "the second sees the picture", Scene: twoCameras("1"), Want: moved},
		{Group: "Lamps", Name: "KHR_lights_punctual, range", Check: "is only a hint: light reaches farther, within 1e-4", Scene: farLamp(), Want: left, Tolerance: 1e-4},
	}
}
