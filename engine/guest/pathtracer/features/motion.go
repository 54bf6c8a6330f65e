package features

import "math"

// channel is a track of an animation.
type channel struct {
	node          int
	path          string
	times         []float64
	values        rows
	interpolation string
	kind          kind // of the values; zero: floats
}

func (b *builder) animate(name string, channels ...channel) {
	var samplers, list []any
	for i, c := range channels {
		if c.kind == (kind{}) {
			c.kind = f32
		}
		sampler := doc{"input": b.list(f32, c.times...), "output": b.put(c.kind, c.values)}
		if c.interpolation != "" {
			sampler["interpolation"] = c.interpolation
		}
		samplers = append(samplers, sampler)
		list = append(list, doc{"sampler": i, "target": doc{"node": c.node, "path": c.path}})
	}
	b.add("animations", doc{"name": name, "samplers": samplers, "channels": list})
}

// moving is the left half of the stage with one track, seen in a frame at 24 a second.
func moving(frame int, corners rows, c channel) Scene {
	b := stage()
	c.node = b.show(b.mesh(part{positions: corners, material: b.matte(Grey(0.5), doc{"doubleSided": true})}), doc{"translation": []float64{0, 0, 0}})
	b.animate("move", c)
	s := b.scene()
	s.Frame = frame
	return s
}

// slide moves along x by 1 in two seconds, from the first second on.
func slide(interpolation string) channel {
	return channel{path: "translation", times: []float64{1, 3}, values: rows{{0, 0, 0}, {1, 0, 0}}, interpolation: interpolation}
}

// swing turns from 0 to 90 degrees in three seconds; sign -1 stores the end as
// the opposite quaternion, which is the same turn.
func swing(sign float64, k kind, whole float64) channel {
	end := turnY(math.Pi / 2)
	row := make([]float64, 4)
	for i, v := range end {
		row[i] = v * sign * whole
		if whole != 1 {
			row[i] = math.Round(row[i])
		}
	}
	return channel{path: "rotation", times: []float64{0, 3}, values: rows{{0, 0, 0, whole}, row}, kind: k}
}

func movingWeights(c channel) Scene {
	b := morphed([]float64{0, 0}, nil)
	c.node = b.count("nodes") - 1
	b.animate("weights", c)
	s := b.scene()
	s.Frame = 24
	return s
}

func movingCamera() Scene {
	b := stage()
	b.show(leftHalf(b), nil)
	b.animate("camera", channel{node: 0, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 3}, {0.5, 0, 3}}})
	s := b.scene()
	s.Frame = 24
	return s
}

func movingSun() Scene {
	b := stage()
	b.show(leftHalf(b), nil)
	b.animate("sun", channel{node: 1, path: "rotation", times: []float64{0, 1}, values: rows{{0, 0, 0, 1}, turnY(math.Pi / 3)}})
	s := b.scene()
	s.Frame = 24
	return s
}

func movingParent() Scene {
	b := stage()
	child := b.node(doc{"mesh": leftHalf(b), "translation": []float64{0.5, 0, 0}})
	parent := b.node(doc{"children": []int{child}})
	b.root(parent)
	b.animate("parent", channel{node: parent, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 0}, {0.5, 0, 0}}})
	s := b.scene()
	s.Frame = 24
	return s
}

func movingJoint() Scene {
	b, joints := rigged{bones: []bone{{node: shift(0, 0)}}}.builder()
	b.animate("joint", channel{node: joints[0], path: "translation", times: []float64{0, 2}, values: rows{{0, 0, 0}, {1, 0, 0}}})
	s := b.scene()
	s.Frame = 24
	return s
}

// twoAnimations has one that moves to the right and one that moves up.
func twoAnimations(wanted string) Scene {
	b := stage()
	node := b.show(b.mesh(part{positions: rect(-1, -1, 0, 0, 0), material: b.matte(Grey(0.5), nil)}), nil)
	b.animate("right", channel{node: node, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 0}, {1, 0, 0}}})
	b.animate("up", channel{node: node, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 0}, {0, 1, 0}}})
	s := b.scene()
	s.Frame, s.Animation = 24, wanted
	return s
}

// ensemble has one animation for each of two nodes.
func ensemble() Scene {
	b := stage()
	mesh := b.mesh(part{positions: rect(-1, -1, 0, 0, 0), material: b.matte(Grey(0.5), nil)})
	right, up := b.show(mesh, nil), b.show(mesh, nil)
	b.animate("right", channel{node: right, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 0}, {1, 0, 0}}})
	b.animate("up", channel{node: up, path: "translation", times: []float64{0, 1}, values: rows{{0, 0, 0}, {0, 1, 0}}})
	s := b.scene()
	s.Frame = 24
	return s
}

// squeezed moves the left half away at a time, squeezed to nothing otherwise.
func squeezed() Scene {
	c := channel{path: "scale", times: []float64{0, 1}, values: rows{{0, 1, 1}, {1, 1, 1}}, interpolation: "STEP"}
	return moving(12, rect(-1, -1, 0, 1, 0), c)
}

func animations() []Feature {
	g := Grey(0.5)
	left := rect(-1, -1, 0, 1, 0)
	full := rect(-1, -1, 1, 1, 0)
	middle, right := inside(-0.5, -1, 0.5, 1, g), halves(RGB{}, g)
	narrow := inside(-0.5, -1, 0.5, 1, Grey(0.25)) // turned by 60 degrees
	spline := channel{
		path: "translation", times: []float64{0, 2}, interpolation: "CUBICSPLINE",
		values: rows{{0, 0, 0}, {0, 0, 0}, {1, 0, 0}, {-1, 0, 0}, {0, 0, 0}, {0, 0, 0}},
	}
	splineTurn := channel{
		path: "rotation", times: []float64{0, 2}, interpolation: "CUBICSPLINE",
		values: rows{{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 0}, {0, 0, 0, 0}, turnY(2 * math.Pi / 3), {0, 0, 0, 0}},
	}
	weights := channel{path: "weights", times: []float64{0, 2}, values: rows{{0}, {0}, {1}, {0}}}
	byteWeights := channel{path: "weights", times: []float64{0, 1}, values: rows{{0}, {0}, {255}, {0}}, kind: u8n}
	stepWeights := channel{path: "weights", times: []float64{0, 1}, values: rows{{0}, {0}, {1}, {1}}, interpolation: "STEP"}
	fast := moving(30, left, slide(""))
	fast.FPS = 15
	features := []Feature{
		{Name: "translation, LINEAR", Check: "half the way after half the time", Scene: moving(48, left, slide("")), Want: middle},
		{Name: "translation, STEP", Check: "not moved until the next key", Scene: moving(71, left, slide("STEP")), Want: halves(g, RGB{})},
		{Name: "translation, CUBICSPLINE", Check: "the Hermite value of two slopes", Scene: moving(24, left, spline), Want: middle},
		{Name: "before the first key", Check: "holds the first value", Scene: moving(12, left, slide("")), Want: halves(g, RGB{})},
		{Name: "after the last key", Check: "holds the last value", Scene: moving(240, left, slide("")), Want: right},
		{Name: "frames per second", Check: "frame 30 at 15 a second is the second 2", Scene: fast, Want: middle},
		{Name: "rotation, LINEAR", Check: "two thirds of 90 degrees along the arc: half as wide, half the light", Scene: moving(48, full, swing(1, f32, 1)), Want: narrow},
		{Name: "rotation, the shorter way", Check: "the opposite quaternion is the same turn", Scene: moving(48, full, swing(-1, f32, 1)), Want: narrow},
		{Name: "rotation of 16 bits", Check: "two thirds of 90 degrees, within 1e-4", Scene: moving(48, full, swing(1, i16n, 32767)), Want: narrow, Tolerance: 1e-4},
		{Name: "rotation of bytes", Check: "two thirds of 90 degrees, within 0.005, its edges aside", Scene: moving(48, full, swing(1, i8n, 127)), Want: beside(0.5, narrow), Tolerance: 0.005},
		{Name: "rotation, CUBICSPLINE", Check: "half of 120 degrees", Scene: moving(24, full, splineTurn), Want: narrow},
		{Name: "scale", Check: "half as wide", Scene: moving(24, full, channel{path: "scale", times: []float64{0, 2}, values: rows{{1, 1, 1}, {0, 1, 1}}}), Want: middle},
		{Name: "scale of zero", Check: "nothing is drawn", Scene: squeezed(), Want: everywhere(RGB{}), Warns: "scaled to nothing"},
		{Name: "weights, LINEAR", Check: "half the way of a morph target", Scene: movingWeights(weights), Want: inside(-0.5, -1, 0.5, 0, g)},
		{Name: "weights, STEP", Check: "both targets", Scene: movingWeights(stepWeights), Want: quartered(RGB{}, Grey(0.25), RGB{}, RGB{})},
		{Name: "weights of bytes", Check: "the whole way", Scene: movingWeights(byteWeights), Want: quartered(RGB{}, RGB{}, RGB{}, g)},
		{Name: "a moving parent", Check: "carries its child", Scene: movingParent(), Want: right},
		{Name: "a moving joint", Check: "carries the skin", Scene: movingJoint(), Want: middle},
		{Name: "a moving camera", Check: "the picture moves the other way", Scene: movingCamera(), Want: inside(-1.5, -1, -0.5, 1, g)},
		{Name: "a moving lamp", Check: "from 60 degrees, half the light", Scene: movingSun(), Want: halves(Grey(0.25), RGB{})},
		{Name: "animations to choose from", Check: "of those that move the same, the first is played, with a warning", Scene: twoAnimations(""), Want: quartered(RGB{}, RGB{}, RGB{}, g), Warns: "Animation 1 is not played"},
		{Name: "animations of different nodes", Check: "are played together", Scene: ensemble(), Want: quartered(g, RGB{}, RGB{}, g)},
		{Name: "an animation by name", Check: "the named one is played", Scene: twoAnimations("up"), Want: quartered(g, RGB{}, RGB{}, RGB{})},
		{Name: "an animation by number", Check: "the second is played", Scene: twoAnimations("1"), Want: quartered(g, RGB{}, RGB{}, RGB{})},
	}
	for i := range features {
		features[i].Group = "Animations"
	}
	return features
}
