package features

import "encoding/binary"

// leftHalf is a matte mesh over the left half of the stage.
func leftHalf(b *builder) int {
	return b.mesh(part{positions: rect(-1, -1, 0, 1, 0), material: b.matte(Grey(0.5), nil)})
}

// indexed is the left half by indices of a kind, or without any.
func indexed(k *kind) Scene {
	b := stage()
	m := b.matte(Grey(0.5), nil)
	corners := rect(-1, -1, 0, 1, 0)
	if k == nil {
		b.show(b.mesh(part{positions: rows{corners[0], corners[1], corners[2], corners[0], corners[2], corners[3]}, material: m}), nil)
		return b.scene()
	}
	p := part{attributes: doc{"POSITION": b.put(f32, corners)}, material: m, more: doc{"indices": b.list(*k, twoTriangles...)}}
	b.show(b.mesh(p), nil)
	return b.scene()
}

// primitive is the left half in a drawing mode, its corners in that order.
func primitive(mode int, order ...int) Scene {
	b := stage()
	corners := rect(-1, -1, 0, 1, 0)
	positions := make(rows, len(order))
	for i, corner := range order {
		positions[i] = corners[corner]
	}
	p := part{attributes: doc{"POSITION": b.put(f32, positions)}, material: b.matte(Grey(0.5), nil), more: doc{"mode": mode}}
	b.show(b.mesh(p), nil)
	return b.scene()
}

// interleaved is the left half with positions and normals in one view.
func interleaved() Scene {
	b := stage()
	var data []byte
	corners := rect(-1, -1, 0, 1, 0)
	for _, p := range corners {
		for _, v := range append(append([]float64{}, p...), 0, 0, 1) {
			data = f32.encode(data, v)
		}
	}
	view := b.view(data, doc{"byteStride": 24, "target": 34962})
	position := b.accessor(f32, corners, doc{"bufferView": view})
	normal := b.accessor(f32, rows{{0, 0, 1}, {0, 0, 1}, {0, 0, 1}, {0, 0, 1}}, doc{"bufferView": view, "byteOffset": 12})
	b.show(b.mesh(part{attributes: doc{"POSITION": position, "NORMAL": normal}, material: b.matte(Grey(0.5), nil), more: doc{"indices": b.list(u16, twoTriangles...)}}), nil)
	return b.scene()
}

// sparse moves the right corners of a rectangle from x = -0.5 to x = 0; with no
// base, all corners that are not listed are zero.
func sparse(base bool) Scene {
	b := stage()
	want := rect(-1, -1, 0, 1, 0)
	stored := rect(-1, -1, -0.5, 1, 0)
	changed := []float64{1, 2}
	if !base {
		changed = []float64{0, 1, 2, 3}
	}
	var indices, values []byte
	for _, i := range changed {
		indices = u16.encode(indices, i)
		for _, v := range want[int(i)] {
			values = f32.encode(values, v)
		}
	}
	more := doc{"sparse": doc{
		"count":   len(changed),
		"indices": doc{"bufferView": b.view(indices, nil), "componentType": u16.code},
		"values":  doc{"bufferView": b.view(values, nil)},
	}}
	if base {
		var data []byte
		for _, p := range stored {
			for _, v := range p {
				data = f32.encode(data, v)
			}
		}
		more["bufferView"] = b.view(data, nil)
	}
	p := part{attributes: doc{"POSITION": b.accessor(f32, want, more)}, material: b.matte(Grey(0.5), nil), more: doc{"indices": b.list(u16, twoTriangles...)}}
	b.show(b.mesh(p), nil)
	return b.scene()
}

// zeros has a second primitive whose accessor has no data: all zero.
func zeros() Scene {
	b := stage()
	m := b.matte(Grey(0.5), nil)
	nothing := b.accessor(f32, rows{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}}, nil)
	b.show(b.mesh(part{positions: rect(-1, -1, 0, 1, 0), material: m}, part{attributes: doc{"POSITION": nothing}, material: m}), nil)
	return b.scene()
}

// quantized is the left half in whole numbers, brought back by its node.
func quantized(k kind, low, high, scale, offset float64) Scene {
	b := stage()
	b.use("KHR_mesh_quantization", true)
	p := part{attributes: doc{"POSITION": b.put(k, rect(low, low, high, high, 0))}, material: b.matte(Grey(0.5), nil), more: doc{"indices": b.list(u16, twoTriangles...)}}
	b.show(b.mesh(p), doc{"scale": []float64{scale, 2 * scale, 1}, "translation": []float64{offset, 2*offset + 1, 0}})
	return b.scene()
}

// many has more vertices than 16 bits can count: the last ones draw the left half.
func many() Scene {
	b := stage()
	const spare = 1 << 16
	var data []byte
	positions := make(rows, 0, spare+4)
	for range spare {
		positions = append(positions, []float64{0, 0, 0})
	}
	positions = append(positions, rect(-1, -1, 0, 1, 0)...)
	data = make([]byte, spare*12)
	for _, p := range positions[spare:] {
		for _, v := range p {
			data = f32.encode(data, v)
		}
	}
	var indices []byte
	for _, i := range twoTriangles {
		indices = binary.LittleEndian.AppendUint32(indices, spare+uint32(i))
	}
	position := b.accessor(f32, positions, doc{"bufferView": b.view(data, nil)})
	index := b.accessor(u32, rows{{spare}, {spare + 1}, {spare + 2}, {spare}, {spare + 2}, {spare + 3}}, doc{"bufferView": b.view(indices, nil)})
	b.show(b.mesh(part{attributes: doc{"POSITION": position}, material: b.matte(Grey(0.5), nil), more: doc{"indices": index}}), nil)
	return b.scene()
}

func geometry() []Feature {
	left := halves(Grey(0.5), RGB{})
	const half = "the left half of the stage is lit, and nothing else"
	features := []Feature{
		{Name: "triangles without indices", Scene: indexed(nil)},
		{Name: "indices of 8 bits", Scene: indexed(&u8)},
		{Name: "indices of 16 bits", Scene: indexed(&u16)},
		{Name: "indices of 32 bits", Scene: indexed(&u32)},
		{Name: "more than 65,535 vertices", Scene: many()},
		{Name: "triangle strips", Scene: primitive(5, 0, 1, 3, 2)},
		{Name: "triangle fans", Scene: primitive(6, 0, 1, 2, 3)},
		{Name: "interleaved attributes", Scene: interleaved()},
		{Name: "sparse accessors", Scene: sparse(true)},
		{Name: "sparse accessors without a base", Scene: sparse(false)},
		{Name: "accessors without data", Scene: zeros()},
		{Name: "positions of signed bytes (KHR_mesh_quantization)", Scene: quantized(i8, 0, 64, 1.0/64, -1)},
		{Name: "positions of unsigned bytes (KHR_mesh_quantization)", Scene: quantized(u8, 0, 128, 1.0/128, -1)},
		{Name: "positions of signed 16 bits (KHR_mesh_quantization)", Scene: quantized(i16, -16384, 16384, 1.0/32768, -0.5)},
		{Name: "positions of unsigned 16 bits (KHR_mesh_quantization)", Scene: quantized(u16, 0, 32768, 1.0/32768, -1)},
		{Name: "positions of normalized signed bytes (KHR_mesh_quantization)", Scene: quantized(i8n, -127, 127, 0.5, -0.5)},
		{Name: "positions of normalized unsigned bytes (KHR_mesh_quantization)", Scene: quantized(u8n, 0, 255, 1, -1)},
		{Name: "positions of normalized signed 16 bits (KHR_mesh_quantization)", Scene: quantized(i16n, -32767, 32767, 0.5, -0.5)},
		{Name: "positions of normalized unsigned 16 bits (KHR_mesh_quantization)", Scene: quantized(u16n, 0, 65535, 1, -1)},
	}
	for i := range features {
		features[i].Group, features[i].Check, features[i].Want = "Geometry", half, left
	}
	return features
}
