package features

import (
	"maps"
	"math"
)

// bone is a joint: its node, and the inverse of where it was bound.
type bone struct {
	node doc
	bind []float64 // translation of the inverse bind matrix; nil: none
}

// influence is what a vertex follows: joints and weights as stored.
type influence struct{ joints, weights []float64 }

// rigged is a rectangle of half the stage that follows bones.
type rigged struct {
	bones        []bone
	sets         []influence // JOINTS_0, JOINTS_1; the same for all vertices
	joint, value kind
	normals      bool
	corners      rows
	mesh         doc // more members of the mesh's node
	parent       doc // of the bones' parent
	twice        bool
}

func (r rigged) builder() (b *builder, joints []int) {
	b = stage()
	if r.corners == nil {
		r.corners = rect(-1, -1, 0, 1, 0)
	}
	if r.sets == nil {
		r.sets = []influence{{[]float64{0, 0, 0, 0}, []float64{1, 0, 0, 0}}}
		r.joint, r.value = u8, f32
	}
	attributes := doc{}
	for n, set := range r.sets {
		attributes["JOINTS_"+string(rune('0'+n))] = b.put(r.joint, rows{set.joints, set.joints, set.joints, set.joints})
		attributes["WEIGHTS_"+string(rune('0'+n))] = b.put(r.value, rows{set.weights, set.weights, set.weights, set.weights})
	}
	if r.normals {
		n := []float64{0, 0, 1}
		attributes["NORMAL"] = b.put(f32, rows{n, n, n, n})
	}
	mesh := b.mesh(part{attributes: attributes, positions: r.corners, material: b.matte(Grey(0.5), doc{"doubleSided": true})})
	var binds rows
	for _, bone := range r.bones {
		joints = append(joints, b.node(bone.node))
		bind := bone.bind
		if bind == nil {
			bind = []float64{0, 0, 0}
		}
		binds = append(binds, []float64{1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, bind[0], bind[1], bind[2], 1})
	}
	above := doc{"children": joints}
	maps.Copy(above, r.parent)
	b.root(b.node(above))
	if r.twice {
		for i, joint := range joints {
			skin := b.add("skins", doc{"joints": []int{joint}, "inverseBindMatrices": b.put(f32, binds[i:i+1])})
			b.show(mesh, doc{"skin": skin})
		}
		return b, joints
	}
	n := doc{"skin": b.add("skins", doc{"joints": joints, "inverseBindMatrices": b.put(f32, binds)})}
	maps.Copy(n, r.mesh)
	b.show(mesh, n)
	return b, joints
}

func (r rigged) scene() Scene {
	b, _ := r.builder()
	return b.scene()
}

func shift(x, y float64) doc { return doc{"translation": []float64{x, y, 0}} }

// turnY is a rotation about the upright axis.
func turnY(angle float64) []float64 { return []float64{0, math.Sin(angle / 2), 0, math.Cos(angle / 2)} }

func skins() []Feature {
	right, middle := halves(RGB{}, Grey(0.5)), inside(-0.5, -1, 0.5, 1, Grey(0.5))
	one := []bone{{node: shift(1, 0)}}
	pair := []bone{{node: shift(0, 0)}, {node: shift(1, 0)}}
	blend := func(joint, value kind, whole float64) rigged {
		return rigged{bones: pair, joint: joint, value: value, sets: []influence{{[]float64{0, 1, 0, 0}, []float64{whole / 2, whole / 2, 0, 0}}}}
	}
	fifths := func(value kind, whole float64) rigged {
		away := []bone{{node: shift(0, 0)}, {node: shift(0.625, 0)}}
		return rigged{bones: away, joint: u8, value: value, sets: []influence{{[]float64{0, 1, 0, 0}, []float64{whole / 5, whole * 4 / 5, 0, 0}}}}
	}
	eighth := []float64{0.125, 0.125, 0.125, 0.125}
	eight := rigged{joint: u8, value: f32, sets: []influence{{[]float64{0, 1, 2, 3}, eighth}, {[]float64{4, 5, 6, 7}, eighth}}}
	for n := range 8 {
		eight.bones = append(eight.bones, bone{node: shift(float64(n/4), 0)})
	}
	features := []Feature{
		{Name: "JOINTS_0, WEIGHTS_0", Check: "the joint moves the left half to the right", Scene: rigged{bones: one}.scene(), Want: right},
		{Name: "two joints", Check: "half of each: in the middle", Scene: blend(u8, f32, 1).scene(), Want: middle},
		{Name: "joints of 16 bits", Check: "half of each: in the middle", Scene: blend(u16, f32, 1).scene(), Want: middle},
		{Name: "weights of bytes", Check: "four fifths of 0.625: in the middle", Scene: fifths(u8n, 255).scene(), Want: middle},
		{Name: "weights of 16 bits", Check: "four fifths of 0.625: in the middle", Scene: fifths(u16n, 65535).scene(), Want: middle},
		{Name: "JOINTS_1, WEIGHTS_1", Check: "eight eighths: in the middle", Scene: eight.scene(), Want: middle},
		{Name: "inverse bind matrices", Check: "a joint at 6 that was bound at 5 moves by 1", Scene: rigged{bones: []bone{{shift(6, 0), []float64{-5, 0, 0}}}}.scene(), Want: right},
		{Name: "the mesh's own node", Check: "its place means nothing", Scene: rigged{bones: one, mesh: shift(-0.5, 0.25)}.scene(), Want: right},
		{Name: "joints below other nodes", Check: "the parent's place counts", Scene: rigged{bones: []bone{{node: shift(0.5, 0)}}, parent: shift(0.5, 0)}.scene(), Want: right},
		{Name: "normals of a skin", Check: "a joint turned by 60 degrees: half as wide, half the light", Scene: rigged{bones: []bone{{node: doc{"rotation": turnY(math.Pi / 3)}}}, corners: rect(-1, -1, 1, 1, 0), normals: true}.scene(), Want: inside(-0.5, -1, 0.5, 1, Grey(0.25))},
		{Name: "one mesh, two skins", Check: "a quarter of the stage at two places", Scene: rigged{bones: []bone{{node: shift(0, 1)}, {node: shift(1, 0)}}, corners: rect(-1, -1, 0, 0, 0), twice: true}.scene(), Want: quartered(Grey(0.5), RGB{}, RGB{}, Grey(0.5))},
	}
	for i := range features {
		features[i].Group = "Skins"
	}
	return features
}

// morphed is a rectangle with two targets: one moves it by 1 to the right, the
// other by 1 up and leans its normals by 60 degrees.
func morphed(meshWeights []float64, nodes ...doc) *builder {
	b := stage()
	n := []float64{0, 0, 1}
	lean := []float64{math.Sin(math.Pi / 3), 0, math.Cos(math.Pi/3) - 1}
	same := func(row []float64) rows { return rows{row, row, row, row} }
	mesh := b.mesh(part{
		attributes: doc{"NORMAL": b.put(f32, same(n))},
		positions:  rect(-1, -1, 0, 0, 0),
		material:   b.matte(Grey(0.5), nil),
		more: doc{"targets": []any{
			doc{"POSITION": b.put(f32, same([]float64{1, 0, 0}))},
			doc{"POSITION": b.put(f32, same([]float64{0, 1, 0})), "NORMAL": b.put(f32, same(lean))},
		}},
	})
	if meshWeights != nil {
		b.item("meshes", mesh)["weights"] = meshWeights
	}
	for _, more := range nodes {
		b.show(mesh, more)
	}
	return b
}

// sparseTarget moves the two right corners of a quarter by 1 to the right.
func sparseTarget() Scene {
	b := stage()
	var indices, values []byte
	for _, i := range []float64{1, 2} {
		indices = u8.encode(indices, i)
		for _, v := range []float64{1, 0, 0} {
			values = f32.encode(values, v)
		}
	}
	target := b.accessor(f32, rows{{0, 0, 0}, {1, 0, 0}, {1, 0, 0}, {0, 0, 0}}, doc{"sparse": doc{
		"count": 2, "indices": doc{"bufferView": b.view(indices, nil), "componentType": u8.code}, "values": doc{"bufferView": b.view(values, nil)},
	}})
	mesh := b.mesh(part{positions: rect(-1, -1, 0, 0, 0), material: b.matte(Grey(0.5), nil), more: doc{"targets": []any{doc{"POSITION": target}}}})
	b.item("meshes", mesh)["weights"] = []float64{1}
	b.show(mesh, nil)
	return b.scene()
}

func morphs() []Feature {
	g := Grey(0.5)
	features := []Feature{
		{Name: "targets without weights", Check: "stays where it is stored", Scene: morphed(nil, nil).scene(), Want: quartered(RGB{}, RGB{}, g, RGB{})},
		{Name: "weights of the mesh", Check: "moves by 1", Scene: morphed([]float64{1, 0}, nil).scene(), Want: quartered(RGB{}, RGB{}, RGB{}, g)},
		{Name: "weights of a node", Check: "count instead of the mesh's", Scene: morphed([]float64{1, 0}, doc{"weights": []float64{0, 0}}).scene(), Want: quartered(RGB{}, RGB{}, g, RGB{})},
		{Name: "targets of NORMAL", Check: "leaning by 60 degrees halves the light", Scene: morphed([]float64{0, 1}, nil).scene(), Want: quartered(Grey(0.25), RGB{}, RGB{}, RGB{})},
		{Name: "two targets at once", Check: "both moves add up", Scene: morphed([]float64{1, 1}, nil).scene(), Want: quartered(RGB{}, Grey(0.25), RGB{}, RGB{})},
		{Name: "half a target", Check: "half the way", Scene: morphed([]float64{0.5, 0}, nil).scene(), Want: inside(-0.5, -1, 0.5, 0, g)},
		{Name: "one mesh, different weights", Check: "stands at three places", Scene: morphed([]float64{0, 0}, nil, doc{"weights": []float64{1, 0}}, doc{"weights": []float64{1, 1}}).scene(), Want: quartered(RGB{}, Grey(0.25), g, g)},
		{Name: "sparse targets", Check: "two of four corners move", Scene: sparseTarget(), Want: halvesBelow(g)},
	}
	for i := range features {
		features[i].Group = "Morph targets"
	}
	return features
}

// halvesBelow wants the lower half of the stage lit.
func halvesBelow(light RGB) func(x, y float64) RGB { return inside(-1, -1, 1, 0, light) }
