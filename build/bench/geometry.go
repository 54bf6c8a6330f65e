package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"

	"sonm/engine/job"
)

// Sides of the height fields, in cells of two triangles.
const (
	treeCells   = 750  // 1.1 million triangles, whose tree is timed
	memoryCells = 1582 // 5.0 million, which must fit a guest
)

// measureMemory takes the guest's memory on the scene of many instances, and on
// five million triangles that are all different.
func measureMemory(ctx context.Context, b *Bench) error {
	instances, err := os.ReadFile(inst)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		name  string
		scene []byte
	}{{"inst_guest_mib", instances}, {"guest_5mtri_mib", heightField(memoryCells)}} {
		mib, err := guestMemory(ctx, x.scene)
		if err != nil {
			return err
		}
		if err := b.Add(Figure{Name: x.name, Value: mib, Unit: "MiB", Better: Lower, Runs: 1}); err != nil {
			return err
		}
	}
	return nil
}

// guestMemory is the memory of a guest, in MiB, after one sample of each pixel.
func guestMemory(ctx context.Context, scene []byte) (float64, error) {
	const name = "scene.glb"
	p := &prepared{view: view{Width: side, Height: side, Bounces: 8}, scene: name, bundle: job.Bundle{{Path: name, Data: scene}}}
	s, err := p.session(ctx, 1, 0)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	reply, err := s.Task(ctx, job.Spec{X1: side, Y1: side}.Encode())
	return float64(reply.Memory) / (1 << 20), err
}

// measureTrees takes how many triangles a processor second puts into a tree.
func measureTrees(ctx context.Context, b *Bench) error {
	dir, err := os.MkdirTemp("", "sonm-trees-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "field.glb")
	if err := os.WriteFile(path, heightField(treeCells), 0o600); err != nil {
		return err
	}
	return b.Median(ctx, Figure{Name: "bvh_mtri_s", Unit: "Mtriangles/CPU s, native", Better: Higher}, func(ctx context.Context) (float64, error) {
		c, err := Child(ctx, native, path, "--trees")
		if err != nil {
			return 0, err
		}
		seconds, err := nativeFigure(c.Out, "trees_s")
		return 2 * treeCells * treeCells / seconds / 1e6, err
	})
}

// heightField is a .glb file of a hilly surface of cells x cells squares, two
// triangles each, with normals.
func heightField(cells int) []byte {
	n := cells + 1
	height := func(x, z float64) float64 {
		return 0.05*math.Sin(9*x)*math.Cos(7*z) + 0.01*math.Sin(61*x+3*math.Sin(17*z)) + 0.002*math.Sin(401*z+5*x)
	}
	var positions, normals, indices []byte
	floats := func(to []byte, v ...float64) []byte {
		for _, f := range v {
			to = binary.LittleEndian.AppendUint32(to, math.Float32bits(float32(f)))
		}
		return to
	}
	step := 1 / float64(cells)
	for i := range n * n {
		x, z := float64(i%n)*step, float64(i/n)*step
		positions = floats(positions, x, height(x, z), z)
		dx, dz := (height(x+step, z)-height(x, z))/step, (height(x, z+step)-height(x, z))/step
		length := math.Sqrt(1 + dx*dx + dz*dz)
		normals = floats(normals, -dx/length, 1/length, -dz/length)
		if i%n == cells || i/n == cells {
			continue
		}
		for _, corner := range [6]int{i, i + n, i + 1, i + 1, i + n, i + n + 1} {
			indices = binary.LittleEndian.AppendUint32(indices, uint32(corner))
		}
	}
	return glbOf(n*n, positions, normals, indices)
}

// glbOf is a .glb file with one mesh of so many vertices.
func glbOf(vertices int, positions, normals, indices []byte) []byte {
	type doc = map[string]any
	bin := append(append(positions, normals...), indices...)
	part := func(offset, length int) doc { return doc{"buffer": 0, "byteOffset": offset, "byteLength": length} }
	text, _ := json.Marshal(doc{ // of plain values: cannot fail
		"asset":   doc{"version": "2.0"},
		"buffers": []any{doc{"byteLength": len(bin)}},
		"bufferViews": []any{
			part(0, len(normals)), part(len(normals), len(normals)), part(2*len(normals), len(indices)),
		},
		"accessors": []any{
			doc{"bufferView": 0, "componentType": 5126, "count": vertices, "type": "VEC3", "min": []int{0, -1, 0}, "max": []int{1, 1, 1}},
			doc{"bufferView": 1, "componentType": 5126, "count": vertices, "type": "VEC3"},
			doc{"bufferView": 2, "componentType": 5125, "count": len(indices) / 4, "type": "SCALAR"},
		},
		"meshes": []any{doc{"primitives": []any{doc{"attributes": doc{"POSITION": 0, "NORMAL": 1}, "indices": 2}}}},
		"nodes":  []any{doc{"mesh": 0}}, "scenes": []any{doc{"nodes": []int{0}}}, "scene": 0,
	})
	for len(text)%4 != 0 {
		text = append(text, ' ')
	}
	out := append([]byte(glbMagic), 2, 0, 0, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(glbHead+len(text)+8+len(bin)))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	out = append(append(out, "JSON"...), text...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(bin)))
	out = append(out, "BIN\x00"...)
	return append(out, bin...)
}
