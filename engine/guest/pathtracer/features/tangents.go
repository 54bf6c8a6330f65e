package features

import (
	"maps"
	"math"
)

// shell is a mesh with a normal map of one colour, and with tangents or without,
// under a sun in the direction (0.6, 0, 0.8) or (0, 0.6, 0.8).
type shell struct {
	positions, normals, uvs rows
	triangles               [][3]int
	tangents                rows
	x, y                    float64 // the map's lean
	fromTop                 bool    // the sun
	lift                    rows    // a morph target of weight 1
	joint                   doc     // that all of it follows
	info                    doc     // of the texture
	node                    doc
}

func (s shell) scene() Scene {
	b := sunFrom(0.6, 0, 0.8)
	if s.fromTop {
		b = sunFrom(0, 0.6, 0.8)
	}
	file, _ := bump(s.x, s.y)
	info := doc{"index": b.texture(file, nil)}
	maps.Copy(info, s.info)
	if info["extensions"] != nil {
		b.use("KHR_texture_transform", true)
	}
	m := b.matte(Grey(0.5), doc{"normalTexture": info})
	attributes := doc{"NORMAL": b.put(f32, s.normals), "TEXCOORD_0": b.put(f32, s.uvs)}
	if s.tangents != nil {
		attributes["TANGENT"] = b.put(f32, s.tangents)
	}
	var corners []float64
	for _, t := range s.triangles {
		corners = append(corners, float64(t[0]), float64(t[1]), float64(t[2]))
	}
	more, node := doc{"indices": b.list(u16, corners...)}, doc{}
	if s.lift != nil {
		more["targets"] = []any{doc{"POSITION": b.put(f32, s.lift)}}
		node["weights"] = []float64{1}
	}
	if s.joint != nil {
		var joints, weights rows
		for range s.positions {
			joints, weights = append(joints, []float64{0, 0, 0, 0}), append(weights, []float64{1, 0, 0, 0})
		}
		attributes["JOINTS_0"], attributes["WEIGHTS_0"] = b.put(u8, joints), b.put(f32, weights)
		joint := b.node(s.joint)
		b.root(joint)
		node["skin"] = b.add("skins", doc{"joints": []int{joint}})
	}
	maps.Copy(node, s.node)
	b.show(b.mesh(part{attributes: attributes, positions: s.positions, material: m, more: more}), node)
	return b.scene()
}

// given is the shell with the tangents of MikkTSpace, where no vertex belongs to
// triangles of both handednesses: the directions of u over the triangles around
// it, in the plane of its normal, weighted by their angles there.
func (s shell) given() *Scene {
	s.tangents = nil
	for v := range s.positions {
		var sum [3]float64
		hand := 1.0
		for _, t := range s.triangles {
			for k := range 3 {
				if t[k] != v {
					continue
				}
				along, area := s.alongU(t)
				if area == 0 {
					continue
				}
				hand = -math.Copysign(1, area)
				n := vec(s.normals[v])
				here := vec(s.positions[v])
				e1 := unit(level(minus(vec(s.positions[t[(k+1)%3]]), here), n))
				e2 := unit(level(minus(vec(s.positions[t[(k+2)%3]]), here), n))
				sum = plus(sum, unit(level(along, n)), math.Acos(dot(e1, e2)))
			}
		}
		sum = unit(sum)
		s.tangents = append(s.tangents, []float64{sum[0], sum[1], sum[2], hand})
	}
	scene := s.scene()
	return &scene
}

// alongU is where u rises over a triangle, and twice its area on the texture.
func (s shell) alongU(t [3]int) (along [3]float64, area float64) {
	e1, e2 := minus(vec(s.positions[t[1]]), vec(s.positions[t[0]])), minus(vec(s.positions[t[2]]), vec(s.positions[t[0]]))
	a, b, c := s.uvs[t[0]], s.uvs[t[1]], s.uvs[t[2]]
	area = (b[0]-a[0])*(c[1]-a[1]) - (c[0]-a[0])*(b[1]-a[1])
	sign := math.Copysign(1, area)
	return plus(plus(along, e1, sign*(c[1]-a[1])), e2, -sign*(b[1]-a[1])), area
}

func vec(r []float64) [3]float64 { return [3]float64{r[0], r[1], r[2]} }

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func plus(a, b [3]float64, k float64) [3]float64 {
	return [3]float64{a[0] + b[0]*k, a[1] + b[1]*k, a[2] + b[2]*k}
}

func minus(a, b [3]float64) [3]float64 { return plus(a, b, -1) }

// level is what of a lies in the plane of a unit normal.
func level(a, n [3]float64) [3]float64 { return plus(a, n, -dot(a, n)) }

func unit(a [3]float64) [3]float64 { return plus([3]float64{}, a, 1/math.Sqrt(dot(a, a))) }

// dome is a coarse, rounded roof over the stage: four triangles around a top,
// over which the texture runs in four directions.
func dome() shell {
	s := shell{
		positions: append(rect(-1, -1, 1, 1, 0), []float64{0.25, 0, 0.5}),
		uvs:       rows{{0, 1}, {1, 0.75}, {0.875, 0.125}, {0, 0}, {0.375, 0.625}},
		triangles: [][3]int{{0, 1, 4}, {1, 2, 4}, {2, 3, 4}, {3, 0, 4}},
		x:         0.4, y: 0.3,
	}
	for _, p := range s.positions {
		n := unit([3]float64{p[0] * 0.4, p[1] * 0.4, 1})
		s.normals = append(s.normals, n[:])
	}
	return s
}

// apart is the shell with corners of its own for every triangle.
func (s shell) apart() shell {
	all := s
	all.positions, all.normals, all.uvs, all.triangles = nil, nil, nil, nil
	for _, t := range s.triangles {
		n := len(all.positions)
		for _, v := range t {
			all.positions, all.normals, all.uvs = append(all.positions, s.positions[v]), append(all.normals, s.normals[v]), append(all.uvs, s.uvs[v])
		}
		all.triangles = append(all.triangles, [3]int{n, n + 1, n + 2})
	}
	return all
}

// sheet is flat: a triangle over the stage, where u rises to the right, and one
// left of it, where u rises down to the right. Of their common corners one is of
// 90 and 45 degrees, the other of 45 and 90.
func sheet() shell {
	up := []float64{0, 0, 1}
	return shell{
		positions: rows{{-1, -1, 0}, {3, -1, 0}, {-1, 3, 0}, {-5, 3, 0}},
		normals:   rows{up, up, up, up},
		uvs:       rows{{0, 1}, {1, 1}, {0, 0}, {-1, 1}},
		triangles: [][3]int{{0, 1, 2}, {0, 2, 3}},
		x:         0.6,
	}
}

// folded is the stage filled by two halves that share a seam, on which the right
// half of the texture is seen twice: as it is, and mirrored.
func folded() shell {
	s := shell{triangles: [][3]int{{0, 1, 4}, {0, 4, 3}, {1, 2, 5}, {1, 5, 4}}}
	for _, y := range []float64{-1, 1} {
		for _, x := range []float64{-1, 0, 1} {
			s.positions, s.normals = append(s.positions, []float64{x, y, 0}), append(s.normals, []float64{0, 0, 1})
			s.uvs = append(s.uvs, []float64{math.Abs(x), (1 - y) / 2})
		}
	}
	return s
}

// sloping are shells without tangents, and twins that have them.
func sloping() []Feature {
	flat, tilted := sheet(), sheet()
	r := math.Sqrt2
	tilted.tangents = rows{{2 + 1/r, -1 / r, 0, 1}, {1, 0, 0, 1}, {1 + r, -r, 0, 1}, {1, -1, 0, 1}}
	for _, t := range tilted.tangents {
		n := math.Hypot(t[0], t[1])
		t[0], t[1] = t[0]/n, t[1]/n
	}
	leaning := tilted.scene()
	blank := dome()
	blank.uvs[0], blank.uvs[3] = []float64{-0.25, 1}, []float64{0.625, 0.375} // a line on the texture in one triangle
	turned, quarter := dome(), dome()
	quarter.info = doc{"extensions": doc{"KHR_texture_transform": doc{"rotation": math.Pi / 2}}}
	for i, uv := range turned.uvs {
		turned.uvs[i] = []float64{uv[1], -uv[0]}
	}
	lifted, high := dome(), dome()
	lifted.lift = rows{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {-0.5, 0.25, 0.25}}
	high.positions[4] = []float64{-0.25, 0.25, 0.75}
	mirror := doc{"scale": []float64{-1, 1, 1}}
	skinned, placed := tilted, tilted
	skinned.y, placed.y, skinned.joint, placed.node = 0.3, 0.3, mirror, mirror
	bare, mirrored := skinned, placed.scene()
	bare.tangents = nil
	list := []struct {
		name, check string
		scene       shell
		twin        *Scene
	}{
		{"no TANGENT, flat", "the means of two directions, weighted by 90 and 45 degrees", flat, &leaning},
		{"no TANGENT, rounded", "a coarse dome with MikkTSpace's tangents given", dome(), dome().given()},
		{"no TANGENT, no shared vertices", "equal corners are one", dome().apart(), dome().given()},
		{"no TANGENT, texture without area", "that triangle takes its neighbours' tangents", blank, blank.given()},
		{"no TANGENT, texture without area, no shared vertices", "that triangle takes its neighbours' tangents", blank.apart(), blank.given()},
		{"no TANGENT, KHR_texture_transform", "texture coordinates turned in the file", quarter, turned.given()},
		{"no TANGENT, morphed", "the tangents of the moved dome", lifted, high.given()},
		{"no TANGENT, mirrored by a joint", "the same mirrored by its node, with tangents given", bare, &mirrored},
		{"TANGENT, mirrored by a joint", "the same mirrored by its node", skinned, &mirrored},
	}
	var features []Feature
	for _, c := range list {
		features = append(features, Feature{Group: "Normal maps", Name: c.name, Check: c.check + ", within 1e-5", Scene: c.scene.scene(), Twin: c.twin, Near: 1e-5})
	}
	return append(features, seams()...)
}

// seams are halves with the texture mirrored: known in closed form.
func seams() []Feature {
	red, green := folded(), folded()
	red.x, green.y, green.fromTop = 0.6, 0.6, true
	lit := func(x, y, alongX, alongY float64) RGB { return bumpy{x: x, y: y}.lit(alongX, alongY)(0, 0) }
	pulled := green
	pulled.lift = rows{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 1}, {0, 0, 1}, {0, 0, 1}}
	pulled.joint = doc{}
	risen := pulled
	risen.lift, risen.joint = nil, nil
	risen.positions = nil
	for i, p := range pulled.positions {
		risen.positions = append(risen.positions, []float64{p[0], p[1], pulled.lift[i][2]})
	}
	twin := risen.scene()
	return []Feature{
		{Group: "Normal maps", Name: "no TANGENT, mirrored halves, red", Check: "leans away from the seam on both sides", Scene: red.scene(), Want: halves(lit(0.6, 0, -0.6, 0), lit(0.6, 0, 0.6, 0)), Tolerance: 5e-5},
		{Group: "Normal maps", Name: "no TANGENT, mirrored halves, green", Check: "leans up on both sides", Scene: green.scene(), Want: everywhere(lit(0, 0.6, 0, 0.6)), Tolerance: 5e-5},
		{Group: "Normal maps", Name: "no TANGENT, mirrored halves, morphed and skinned", Check: "the seam's vertices move as one", Scene: pulled.scene(), Twin: &twin},
	}
}
