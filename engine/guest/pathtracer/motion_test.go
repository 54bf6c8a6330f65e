package pathtracer_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"sonm/engine/guest/pathtracer/features"
)

// sound is a feature's scene, taken apart into its document and its bytes.
func sound(tb testing.TB, group, name string) (scene doc, data []byte) {
	tb.Helper()
	for _, f := range features.All() {
		if f.Group != group || f.Name != name {
			continue
		}
		file := f.Scene.GLB
		length := binary.LittleEndian.Uint32(file[12:])
		if err := json.Unmarshal(file[20:20+length], &scene); err != nil {
			tb.Fatal(err)
		}
		return scene, append([]byte(nil), file[28+length:]...)
	}
	tb.Fatalf("there is no feature %s, %s", group, name)
	return nil, nil
}

// accessorOf is the accessor that a member of an object names.
func accessorOf(scene, owner doc, key string) doc {
	return at(scene, "accessors", int(owner[key].(float64)))
}

// put32 overwrites a 32-bit number of an accessor's view.
func put32(scene doc, data []byte, accessor doc, n int, v uint32) {
	view := at(scene, "bufferViews", int(accessor["bufferView"].(float64)))
	binary.LittleEndian.PutUint32(data[int(view["byteOffset"].(float64))+4*n:], v)
}

// What moves a scene is no more trusted than what stands still.
func TestHostileMotionIsRefusedInWords(t *testing.T) {
	slide := [2]string{"Animations", "translation, LINEAR"}
	joints := [2]string{"Skins", "two joints"}
	targets := [2]string{"Morph targets", "weights of the mesh"}
	instances := [2]string{"Nodes", "EXT_mesh_gpu_instancing"}
	sampler := func(s doc) doc { return at(s, "animations", 0, "samplers", 0) }
	channel := func(s doc) doc { return at(s, "animations", 0, "channels", 0) }
	bytesOf := func(k int, v float32) func(doc, []byte) {
		return func(s doc, data []byte) { put32(s, data, accessorOf(s, sampler(s), "input"), k, math.Float32bits(v)) }
	}
	primitive := func(s doc) doc { return at(s, "meshes", 0, "primitives", 0) }
	offsets := func(s doc) doc {
		for _, n := range s["nodes"].([]any) {
			if all, ok := n.(doc)["extensions"].(doc); ok && all["EXT_mesh_gpu_instancing"] != nil {
				return accessorOf(s, at(all, "EXT_mesh_gpu_instancing", "attributes"), "TRANSLATION")
			}
		}
		return nil
	}
	skinned := func(s doc) doc {
		for _, n := range s["nodes"].([]any) {
			if n.(doc)["skin"] != nil {
				return n.(doc)
			}
		}
		return nil
	}
	shared := start(t)
	for name, c := range map[string]struct {
		feature [2]string
		want    string
		change  func(s doc, data []byte)
	}{
		"no keys":           {slide, "no elements", func(s doc, _ []byte) { accessorOf(s, sampler(s), "input")["count"] = 0 }},
		"a billion keys":    {slide, "claims 1000000000 elements", func(s doc, _ []byte) { accessorOf(s, sampler(s), "input")["count"] = 1000000000 }},
		"a time of NaN":     {slide, "do not rise (key 1)", bytesOf(1, float32(math.NaN()))},
		"a first NaN":       {slide, "do not rise (key 0)", bytesOf(0, float32(math.NaN()))},
		"an endless time":   {slide, "do not rise (key 1)", bytesOf(1, float32(math.Inf(1)))},
		"times that fall":   {slide, "do not rise (key 1)", bytesOf(1, 0.5)},
		"two keys at once":  {slide, "do not rise (key 1)", bytesOf(1, 1)},
		"a value of NaN":    {slide, "value that is not a number", func(s doc, data []byte) { put32(s, data, accessorOf(s, sampler(s), "output"), 3, 0x7fc00000) }},
		"too few values":    {slide, "fewer values than times", func(s doc, _ []byte) { accessorOf(s, sampler(s), "output")["count"] = 1 }},
		"a spline's values": {slide, "fewer values than times", func(s doc, _ []byte) { sampler(s)["interpolation"] = "CUBICSPLINE" }},
		"interpolation":     {slide, "unknown interpolation", func(s doc, _ []byte) { sampler(s)["interpolation"] = "BEZIER" }},
		"no such sampler":   {slide, "sampler that does not exist", func(s doc, _ []byte) { channel(s)["sampler"] = 7 }},
		"no such target":    {slide, "moves a node that does not exist", func(s doc, _ []byte) { at(channel(s), "target")["node"] = 99 }},
		"no such property":  {slide, "unknown property", func(s doc, _ []byte) { at(channel(s), "target")["path"] = "colour" }},
		"joint out of range": {joints, "follows joint 1, but skin 0 has only 1", func(s doc, _ []byte) {
			at(s, "skins", 0)["joints"] = at(s, "skins", 0)["joints"].([]any)[:1]
		}},
		"no such joint":  {joints, "names a joint that does not exist", func(s doc, _ []byte) { at(s, "skins", 0)["joints"] = []int{2, 99} }},
		"no such skin":   {joints, "skin 9, which does not exist", func(s doc, _ []byte) { skinned(s)["skin"] = 9 }},
		"negative skin":  {joints, "which does not exist", func(s doc, _ []byte) { skinned(s)["skin"] = -1 }},
		"missing matrix": {joints, "fewer inverse bind matrices than joints", func(s doc, _ []byte) { accessorOf(s, at(s, "skins", 0), "inverseBindMatrices")["count"] = 1 }},
		"broken matrix": {joints, "not numbers", func(s doc, data []byte) {
			put32(s, data, accessorOf(s, at(s, "skins", 0), "inverseBindMatrices"), 5, 0x7f800000)
		}},
		"negative weight": {joints, "negative or not a number", func(s doc, data []byte) {
			put32(s, data, accessorOf(s, at(primitive(s), "attributes"), "WEIGHTS_0"), 0, math.Float32bits(-1))
		}},
		"weight of NaN": {joints, "negative or not a number", func(s doc, data []byte) {
			put32(s, data, accessorOf(s, at(primitive(s), "attributes"), "WEIGHTS_0"), 0, 0x7fc00000)
		}},
		"joints of reals": {joints, "joints that are not unsigned numbers", func(s doc, _ []byte) {
			at(primitive(s), "attributes")["JOINTS_0"] = at(primitive(s), "attributes")["WEIGHTS_0"]
		}},
		"too many targets": {targets, "more than 4096 morph targets", func(s doc, _ []byte) {
			one := primitive(s)["targets"].([]any)[0]
			many := make([]any, 4097)
			for i := range many {
				many[i] = one
			}
			primitive(s)["targets"] = many
		}},
		"a target of fewer vertices": {targets, "fewer POSITION than positions", func(s doc, _ []byte) { accessorOf(s, at(primitive(s), "targets", 0), "POSITION")["count"] = 3 }},
		"a target of NaN": {targets, "morph target that is not a number", func(s doc, data []byte) {
			put32(s, data, accessorOf(s, at(primitive(s), "targets", 0), "POSITION"), 0, 0x7fc00000)
		}},
		"weights of words":    {targets, "weights that are not numbers", func(s doc, _ []byte) { at(s, "meshes", 0)["weights"] = []any{"much", "more"} }},
		"a distant target":    {targets, "too far", func(s doc, _ []byte) { at(s, "meshes", 0)["weights"] = []any{1e30, 0} }},
		"a billion instances": {instances, "claims 1000000000 elements", func(s doc, _ []byte) { offsets(s)["count"] = 1000000000 }},
		"a billion without data": {instances, "need more memory", func(s doc, _ []byte) {
			offsets(s)["count"] = 1000000000
			delete(offsets(s), "bufferView")
		}},
		"an instance of NaN": {instances, "instance whose transform is not numbers", func(s doc, data []byte) { put32(s, data, offsets(s), 0, 0x7fc00000) }},
	} {
		t.Run(name, func(t *testing.T) {
			scene, data := sound(t, c.feature[0], c.feature[1])
			c.change(scene, data)
			job := settings{Scene: "scene.glb", Width: 8, Height: 8, Samples: 1}
			refused(t, &guest{t, shared.ctx, shared.module}, pack(t, job, map[string][]byte{"scene.glb": glb(marshal(t, scene), data)}), c.want, false)
		})
	}
}

// The last frame there can be is one after the last key, as any other.
func TestFramesBeyondTheLastKeyShowIt(t *testing.T) {
	scene, data := sound(t, "Animations", "translation, LINEAR")
	g := start(t)
	g.open(1, pack(t, settings{Scene: "scene.glb", Width: 16, Height: 16, Samples: 1}, map[string][]byte{"scene.glb": glb(marshal(t, scene), data)}))
	for _, frame := range []uint32{72, 1 << 30, math.MaxUint32} {
		sums, _ := g.render(task{Frame: frame, X1: 16, Y1: 16})
		for i, v := range sums {
			if lit := i/3%16 >= 8; lit != (v > 0) {
				t.Fatalf("frame %d: value %d = %v, want light in the right half alone", frame, i, v)
			}
		}
	}
}
