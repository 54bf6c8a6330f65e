package features

import (
	"math"
	"slices"
)

// tilted is a matte half of the stage whose normals lean to the right by an angle.
func tilted(k kind, whole, angle float64) Scene {
	b := stage()
	n := []float64{math.Sin(angle) * whole, 0, math.Cos(angle) * whole}
	if whole != 1 {
		n[0], n[2] = math.Round(n[0]), math.Round(n[2])
		b.use("KHR_mesh_quantization", true)
	}
	p := part{attributes: doc{"NORMAL": b.put(k, rows{n, n, n, n})}, positions: rect(-1, -1, 0, 1, 0), material: b.matte(Grey(0.8), nil)}
	b.show(b.mesh(p), nil)
	return b.scene()
}

// roof is two faces, the left one leaning away from the middle by 60 degrees:
// without normals, the corners of the ridge shared, or with those of the faces.
func roof(normals bool) Scene {
	const lean = math.Pi / 3
	b := stage()
	left, ridge, right := rows{{-1, -1, -math.Tan(lean)}, {-1, 1, -math.Tan(lean)}}, rows{{0, -1, 0}, {0, 1, 0}}, rows{{1, -1, 0}, {1, 1, 0}}
	attributes, indices := doc{"POSITION": b.put(f32, slices.Concat(left, ridge, right))}, []float64{0, 2, 1, 1, 2, 3, 2, 4, 3, 3, 4, 5}
	if normals {
		away, up := []float64{-math.Sin(lean), 0, math.Cos(lean)}, []float64{0, 0, 1}
		attributes = doc{"POSITION": b.put(f32, slices.Concat(left, ridge, ridge, right)), "NORMAL": b.put(f32, rows{away, away, away, away, up, up, up, up})}
		indices = []float64{0, 2, 1, 1, 2, 3, 4, 6, 5, 5, 6, 7}
	}
	b.show(b.mesh(part{attributes: attributes, material: b.matte(Grey(0.8), nil), more: doc{"indices": b.list(u16, indices...)}}), nil)
	return b.scene()
}

// coloured has vertex colours of a kind, 1 standing for whole.
func coloured(k kind, whole float64, color []float64) Scene {
	b := stage()
	row := make([]float64, len(color))
	for i, c := range color {
		row[i] = math.Round(c * whole)
		if whole == 1 {
			row[i] = c
		}
	}
	p := part{attributes: doc{"COLOR_0": b.put(k, rows{row, row, row, row})}, positions: rect(-1, -1, 0, 1, 0), material: b.matte(RGB{1, 0.5, 0.5}, nil)}
	b.show(b.mesh(p), nil)
	return b.scene()
}

// gradient has vertex colours that rise from 0 at the left to 1 at the right.
func gradient() Scene {
	b := stage()
	p := part{attributes: doc{"COLOR_0": b.put(f32, rows{{0, 0, 0}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}})}, positions: rect(-1, -1, 1, 1, 0), material: b.matte(Grey(1), nil)}
	b.show(b.mesh(p), nil)
	s := b.scene()
	s.Samples = 256
	return s
}

// twoParts is one mesh of a coloured and an uncoloured primitive.
func twoParts() Scene {
	b := stage()
	half := b.put(u8n, rows{{51, 102, 153, 255}, {51, 102, 153, 255}, {51, 102, 153, 255}, {51, 102, 153, 255}})
	m := b.matte(Grey(1), nil)
	b.show(b.mesh(part{attributes: doc{"COLOR_0": half}, positions: rect(-1, -1, 0, 1, 0), material: m}, part{positions: rect(0, -1, 1, 1, 0), material: m}), nil)
	return b.scene()
}

// grazed is a flat rectangle with the normals of a round one, in a sun of
// direction (x, 0, z).
func grazed(x, z float64) Scene {
	b := sunFrom(x, 0, z)
	left, right := []float64{-0.6, 0, 0.8}, []float64{0.6, 0, 0.8}
	p := part{attributes: doc{"NORMAL": b.put(f32, rows{left, right, right, left})}, positions: rect(-1, -1, 1, 1, 0), material: b.matte(Grey(0.5), nil)}
	b.show(b.mesh(p), nil)
	s := b.scene()
	s.Samples = 256
	return s
}

// grazedLight is what it sends to the camera: dark where the round one turns away.
func grazedLight(x, z float64) func(x, y float64) RGB {
	horizon := -0.8 * z / (0.6 * x)
	return func(at, _ float64) RGB {
		if math.Abs(at-horizon) < 2.0/Side {
			return Skip
		}
		return Grey(0.5 * max(0.6*at*x+0.8*z, 0) / math.Hypot(0.6*at, 0.8))
	}
}

func attributes() []Feature {
	const lean = math.Pi / 3
	flat := roof(false)
	cosine := halves(Grey(0.4), RGB{})
	quantizedCosine := func(whole float64) func(x, y float64) RGB {
		x, z := math.Round(math.Sin(lean)*whole), math.Round(math.Cos(lean)*whole)
		return halves(Grey(0.8*z/math.Hypot(x, z)), RGB{})
	}
	color := RGB{0.2, 0.4, 0.6}
	tinted := halves(RGB{0.2, 0.2, 0.3}, RGB{})
	const low, below = 0.995, -0.0998749 // a sun behind the rectangle's plane
	return []Feature{
		{Group: "Attributes", Name: "NORMAL", Check: "leaning by 60 degrees halves the light", Scene: tilted(f32, 1, lean), Want: cosine},
		{Group: "Attributes", Name: "NORMAL of bytes (KHR_mesh_quantization)", Check: "the cosine of the stored bytes", Scene: tilted(i8n, 127, lean), Want: quantizedCosine(127)},
		{Group: "Attributes", Name: "NORMAL of 16 bits (KHR_mesh_quantization)", Check: "the cosine of the stored numbers", Scene: tilted(i16n, 32767, lean), Want: quantizedCosine(32767)},
		{Group: "Attributes", Name: "no NORMAL: flat faces", Check: "a face that leans by 60 degrees has half the light, its neighbour all", Scene: roof(false), Want: halves(Grey(0.4), Grey(0.8))},
		{Group: "Attributes", Name: "NORMAL of flat faces", Check: "bit for bit the picture without", Scene: roof(true), Twin: &flat},
		{
			Group: "Attributes", Name: "NORMAL of a coarse round mesh", Check: "light that grazes it from behind its triangles counts, within 0.003",
			Scene: grazed(low, below), Want: grazedLight(low, below), Tolerance: 0.003,
		},
		{Group: "Attributes", Name: "COLOR_0, three floats", Check: "base colour times vertex colour", Scene: coloured(f32, 1, color[:]), Want: tinted},
		{Group: "Attributes", Name: "COLOR_0, four floats", Check: "base colour times vertex colour", Scene: coloured(f32, 1, []float64{0.2, 0.4, 0.6, 1}), Want: tinted},
		{Group: "Attributes", Name: "COLOR_0, bytes", Check: "base colour times vertex colour", Scene: coloured(u8n, 255, color[:]), Want: tinted},
		{Group: "Attributes", Name: "COLOR_0, 16 bits", Check: "base colour times vertex colour", Scene: coloured(u16n, 65535, []float64{0.2, 0.4, 0.6, 1}), Want: tinted},
		{
			Group: "Attributes", Name: "COLOR_0 between vertices", Check: "rises in proportion to x, within 0.002", Scene: gradient(), Tolerance: 0.002,
			Want: func(x, _ float64) RGB { return Grey((x + 1) / 2) },
		},
		{Group: "Attributes", Name: "COLOR_0 of one primitive of two", Check: "the other primitive stays white", Scene: twoParts(), Want: halves(color, Grey(1))},
	}
}
