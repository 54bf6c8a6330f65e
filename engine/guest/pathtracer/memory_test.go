package pathtracer_test

import (
	"encoding/binary"
	"math"
	"testing"
)

// grid is a .glb of one waved sheet of side x side x 2 triangles, with normals,
// texture coordinates and indices of 32 bits.
func grid(tb testing.TB, side int) []byte {
	tb.Helper()
	var positions, normals, uvs, indices []byte
	put := func(out *[]byte, values ...float32) {
		for _, v := range values {
			*out = binary.LittleEndian.AppendUint32(*out, math.Float32bits(v))
		}
	}
	for j := range side + 1 {
		for i := range side + 1 {
			x, y := float64(i)/float64(side)*2-1, float64(j)/float64(side)*2-1
			put(&positions, float32(x), float32(y), float32(0.1*math.Sin(9*x)*math.Cos(7*y)))
			put(&normals, 0, 0, 1)
			put(&uvs, float32(x), float32(y))
		}
	}
	for j := range side {
		for i := range side {
			a, row := uint32(j*(side+1)+i), uint32(side+1)
			for _, v := range []uint32{a, a + 1, a + row + 1, a, a + row + 1, a + row} {
				indices = binary.LittleEndian.AppendUint32(indices, v)
			}
		}
	}
	scene := meshDoc(quad(1, 0), diffuse(0.5))
	var data []byte
	var views, accessors []any
	vertices := (side + 1) * (side + 1)
	for _, part := range []struct {
		bytes []byte
		doc   doc
	}{
		{positions, doc{"componentType": 5126, "count": vertices, "type": "VEC3"}},
		{normals, doc{"componentType": 5126, "count": vertices, "type": "VEC3"}},
		{uvs, doc{"componentType": 5126, "count": vertices, "type": "VEC2"}},
		{indices, doc{"componentType": 5125, "count": side * side * 6, "type": "SCALAR"}},
	} {
		part.doc["bufferView"] = len(views)
		views = append(views, doc{"buffer": 0, "byteOffset": len(data), "byteLength": len(part.bytes)})
		accessors = append(accessors, part.doc)
		data = append(data, part.bytes...)
	}
	scene["buffers"], scene["bufferViews"], scene["accessors"] = []any{doc{"byteLength": len(data)}}, views, accessors
	at(scene, "meshes", 0)["primitives"] = []any{doc{"attributes": doc{"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2}, "indices": 3, "material": 0}}
	return glb(marshal(tb, scene), data)
}

// A million triangles that do not repeat take less than a fifth of a task's
// 2 GiB, what the buyer sent included, so that five million fit; and inspect has
// estimated what they take. (Five million themselves take 822 MB in wazero.)
func TestMillionsOfTrianglesFit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds and 400 MB of memory")
	}
	const side, most = 708, 2048 << 20 / 5 // 1,002,528 triangles
	bundle := pack(t, settings{Scene: "scene.glb", Width: 16, Height: 16, Samples: 1}, map[string][]byte{"scene.glb": grid(t, side)})
	g := start(t)
	told := inspect(g, bundle)
	g.open(1, bundle)
	if _, work := g.render(task{X1: 16, Y1: 16}); work < 2*16*16 {
		t.Errorf("work = %d, want at least a ray and a shaded place for each pixel", work)
	}
	used := uint64(g.module.Memory().Size())
	t.Logf("guest memory: %d MB, estimated %d MB, bundle %d MB", used>>20, told.Memory>>20, len(bundle)>>20)
	if used > most || used > told.Memory {
		t.Errorf("guest memory = %d MB, want at most %d MB and the %d MB that inspect estimated", used>>20, most>>20, told.Memory>>20)
	}
}
