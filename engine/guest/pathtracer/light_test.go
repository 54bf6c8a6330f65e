package pathtracer_test

import (
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// cornell packs the plain diffuse room.
func cornell(tb testing.TB, size, samples int) []byte {
	tb.Helper()
	scene, err := os.ReadFile("testdata/cornell_diffuse.glb")
	if err != nil {
		tb.Fatal(err)
	}
	return pack(tb, settings{Scene: "cornell.glb", Width: size, Height: size, Samples: samples}, map[string][]byte{"cornell.glb": scene})
}

// equal reports the first place where two films differ in a bit.
func equal(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

func add(a, b []float32) []float32 {
	sum := make([]float32, len(a))
	for i := range a {
		sum[i] = a[i] + b[i]
	}
	return sum
}

func TestAnySplitGivesTheSameBits(t *testing.T) {
	g := start(t)
	g.open(7, cornell(t, 24, 16))
	whole, work := g.render(task{X1: 24, Y1: 24, Log2: 4})

	low, first := g.render(task{X1: 24, Y1: 24, Log2: 3})
	high, second := g.render(task{X1: 24, Y1: 24, First: 8, Log2: 3})
	equal(t, "two blocks of 8", add(low, high), whole)
	if first+second != work {
		t.Errorf("work of the halves = %d + %d, want %d", first, second, work)
	}

	var level [][]float32
	for i := range uint32(16) {
		one, _ := g.render(task{X1: 24, Y1: 24, First: i})
		level = append(level, one)
	}
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = add(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	equal(t, "16 blocks of 1", level[0], whole)
}

// Tiles in any order, each from the memory as it was after open.
func TestTilesInAnyOrderGiveTheSameBits(t *testing.T) {
	g := start(t)
	g.open(7, cornell(t, 24, 4))
	memory := g.module.Memory()
	view, _ := memory.Read(0, memory.Size())
	snapshot := append([]byte(nil), view...)
	whole, _ := g.render(task{X1: 24, Y1: 24, Log2: 2})

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	order := rand.New(rand.NewPCG(seed, 0)).Perm(9)
	merged := make([]float32, len(whole))
	for _, tile := range order {
		view, _ = memory.Read(0, memory.Size())
		clear(view[copy(view, snapshot):])
		x, y := uint32(tile%3)*8, uint32(tile/3)*8
		part, _ := g.render(task{X0: x, Y0: y, X1: x + 8, Y1: y + 8, Log2: 2})
		for row := range uint32(8) {
			copy(merged[((y+row)*24+x)*3:], part[row*24:row*24+24])
		}
	}
	equal(t, "nine shuffled tiles", merged, whole)
}

func TestSeedAndFrameChangeThePicture(t *testing.T) {
	g := start(t)
	g.open(7, cornell(t, 8, 1))
	one, _ := g.render(task{X1: 8, Y1: 8})
	frame, _ := g.render(task{X1: 8, Y1: 8, Frame: 1})
	g.open(8, cornell(t, 8, 1))
	other, _ := g.render(task{X1: 8, Y1: 8})
	same := func(a, b []float32) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if same(one, frame) || same(one, other) {
		t.Error("another seed or frame gave the same noise")
	}
}

func near(t *testing.T, what string, got [3]float64, want, tolerance float64) {
	t.Helper()
	for c, v := range got {
		if math.Abs(v-want) > tolerance {
			t.Errorf("%s: channel %d = %.5f, want %.5f within %.5f", what, c, v, want, tolerance)
		}
	}
}

// In an evenly bright sky a plain diffuse convex body looks as bright as its
// albedo: no light is lost or made.
func TestDiffuseFurnace(t *testing.T) {
	g := start(t)
	for _, albedo := range []float64{1, 0.5} {
		mesh := quad(1, 0)
		job := settings{Width: 16, Height: 16, Samples: 64, Sky: &sky{Color: [3]float64{1, 1, 1}, Strength: 2}}
		g.open(3, bundleOf(t, job, meshDoc(mesh, diffuse(albedo)), floats(mesh...)))
		sums, _ := g.render(task{X1: 16, Y1: 16, Log2: 6})
		near(t, "furnace", mean(sums, 64), 2*albedo, 0.01*albedo)
	}
}

// Two parallel mirrors of white diffuse, half open: still nothing but the sky.
func TestWhiteRoomFurnace(t *testing.T) {
	g := start(t)
	mesh := append(quad(1, 0), quad(0.5, 0.5)...)
	job := settings{Width: 16, Height: 16, Samples: 64, MaxBounces: 500, Sky: &sky{Color: [3]float64{1, 1, 1}, Strength: 1}}
	g.open(3, bundleOf(t, job, meshDoc(mesh, diffuse(1)), floats(mesh...)))
	sums, _ := g.render(task{X1: 16, Y1: 16, Log2: 6})
	near(t, "white room", mean(sums, 64), 1, 0.02)
}

// A sky picture of one colour lights like the colour itself.
func TestSkyPictureFurnace(t *testing.T) {
	g := start(t)
	hdr := []byte("#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 4 +X 8\n" + strings.Repeat("\x80\x80\x80\x81", 32)) // 1.0 everywhere
	mesh := quad(1, 0)
	scene := meshDoc(mesh, diffuse(0.8))
	job := settings{Scene: "scene.gltf", Width: 16, Height: 16, Samples: 64, Sky: &sky{Color: [3]float64{1, 1, 1}, File: "sky.hdr", Strength: 1, Rotation: 30}}
	g.open(3, pack(t, job, map[string][]byte{"scene.gltf": marshal(t, scene), "mesh.bin": floats(mesh...), "sky.hdr": hdr}))
	sums, _ := g.render(task{X1: 16, Y1: 16, Log2: 6})
	near(t, "sky picture", mean(sums, 64), 0.8, 0.01)
}

// GGX without multiple scattering loses some light on rough metal and never
// makes any. At roughness 1 the integral is closed: 1 - ln 2.
func TestMetalKeepsEnergy(t *testing.T) {
	g := start(t)
	for _, c := range []struct{ roughness, least float64 }{{0, 0.995}, {0.2, 0.98}, {0.5, 0.9}, {1, 0.3}} {
		metal := doc{"pbrMetallicRoughness": doc{"roughnessFactor": c.roughness}}
		mesh := quad(1, 0)
		job := settings{Width: 16, Height: 16, Samples: 64, Sky: &sky{Color: [3]float64{1, 1, 1}, Strength: 1}}
		g.open(3, bundleOf(t, job, meshDoc(mesh, metal), floats(mesh...)))
		sums, _ := g.render(task{X1: 16, Y1: 16, Log2: 6})
		if c.roughness == 1 {
			near(t, "white metal of roughness 1", mean(sums, 64), 1-math.Ln2, 0.005)
		}
		if m := mean(sums, 64); m[0] > 1.01 || m[0] < c.least {
			t.Errorf("white metal of roughness %v reflects %.4f, want %v to 1.01", c.roughness, m[0], c.least)
		}
	}
}

func TestEmitterSeenDirectly(t *testing.T) {
	g := start(t)
	lamp := doc{
		"emissiveFactor":       []float64{1, 0.5, 0.25},
		"extensions":           doc{"KHR_materials_emissive_strength": doc{"emissiveStrength": 3}},
		"pbrMetallicRoughness": doc{"baseColorFactor": []float64{0, 0, 0, 1}},
	}
	mesh := quad(2, 0)
	g.open(3, bundleOf(t, settings{Width: 4, Height: 4, Samples: 2}, meshDoc(mesh, lamp), floats(mesh...)))
	sums, _ := g.render(task{X1: 4, Y1: 4, Log2: 1})
	for i, v := range sums {
		if want := []float32{6, 3, 1.5}[i%3]; v != want {
			t.Fatalf("value %d of a lamp of radiance 3 over two samples = %v, want %v", i, v, want)
		}
	}
}

// Lamps against the closed form: albedo / pi * irradiance.
func TestPunctualLights(t *testing.T) {
	const candela, height = 683.0, 20.0
	direct := 0.5 / math.Pi / (height * height)
	for name, c := range map[string]struct {
		light doc
		want  float64
	}{
		"point":       {doc{"type": "point", "intensity": candela}, direct},
		"spot":        {doc{"type": "spot", "intensity": candela, "spot": doc{"innerConeAngle": 0.5, "outerConeAngle": 0.6}}, direct},
		"directional": {doc{"type": "directional", "intensity": 683}, 0.5 / math.Pi},
		"dark spot":   {doc{"type": "spot", "intensity": 1, "spot": doc{"outerConeAngle": 0.001}}, 0},
	} {
		mesh := quad(1, 0)
		scene := meshDoc(mesh, diffuse(0.5))
		scene["extensions"] = doc{"KHR_lights_punctual": doc{"lights": []any{c.light}}}
		node := doc{"translation": []float64{0, 0, height}, "extensions": doc{"KHR_lights_punctual": doc{"light": 0}}}
		scene["nodes"] = append(scene["nodes"].([]any), node)
		scene["scenes"] = []any{doc{"nodes": []int{0, 1, 2}}}
		g := start(t)
		g.open(3, bundleOf(t, settings{Width: 8, Height: 8, Samples: 4}, scene, floats(mesh...)))
		sums, _ := g.render(task{X1: 8, Y1: 8, Log2: 2})
		near(t, name, mean(sums, 4), c.want, 0.005*c.want+1e-6)
	}
}

// The plain diffuse room against a converged picture of another renderer.
func TestRoomAgainstCycles(t *testing.T) {
	const size, samples = 64, 64
	raw, err := os.ReadFile("testdata/cornell_diffuse_64.pfm")
	if err != nil {
		t.Fatal(err)
	}
	want := readPFM(t, raw)
	g := start(t)
	g.open(5, cornell(t, size, samples))
	sums, _ := g.render(task{X1: size, Y1: size, Log2: 6})
	var squares float64
	var got, reference [3]float64
	clamp := func(v float64) float64 { return min(max(v, 0), 1) }
	for i, v := range sums {
		radiance := float64(v) / samples
		squares += math.Pow(clamp(radiance)-clamp(float64(want[i])), 2)
		got[i%3] += radiance
		reference[i%3] += float64(want[i])
	}
	psnr := -10 * math.Log10(squares/float64(len(sums)))
	t.Logf("PSNR %.2f dB, mean ratios %.4f %.4f %.4f", psnr, got[0]/reference[0], got[1]/reference[1], got[2]/reference[2])
	if psnr < 26 { // edges differ: the reference is averaged after its pixels were filtered
		t.Errorf("PSNR = %.2f dB, want at least 26", psnr)
	}
	for c := range got {
		if ratio := got[c] / reference[c]; math.Abs(ratio-1) > 0.01 {
			t.Errorf("mean of channel %d is %.4f of the reference, want within 1 %%", c, ratio)
		}
	}
}

// What a lamp sends through its holes is nothing, whether light is picked on it
// or met by chance: half a lamp, open or veiled, lights like one of half the
// radiance.
func TestALampWithHolesIsDarker(t *testing.T) {
	lamp := func(radiance float64, more doc) float64 {
		m := doc{"emissiveFactor": []float64{radiance, radiance, radiance}, "pbrMetallicRoughness": doc{"baseColorFactor": []float64{0, 0, 0, 1}}}
		maps.Copy(m, more)
		floor, above := quad(1, 0), quad(1, 1)
		for i := 0; i < len(above); i += 3 {
			above[i] += 2.2 // beside what the camera sees
		}
		scene := meshDoc(floor, diffuse(0.5))
		size := len(floor) * 4
		scene["buffers"] = []any{doc{"byteLength": 2 * size, "uri": "mesh.bin"}}
		scene["bufferViews"] = append(scene["bufferViews"].([]any), doc{"buffer": 0, "byteOffset": size, "byteLength": size})
		scene["accessors"] = append(scene["accessors"].([]any), doc{"bufferView": 1, "componentType": 5126, "count": 6, "type": "VEC3"})
		scene["materials"] = append(scene["materials"].([]any), m)
		primitives := at(scene, "meshes", 0)["primitives"].([]any)
		at(scene, "meshes", 0)["primitives"] = append(primitives, doc{"attributes": doc{"POSITION": 1}, "material": 1})
		g := start(t)
		g.open(3, bundleOf(t, settings{Width: 16, Height: 16, Samples: 256}, scene, floats(append(floor, above...)...)))
		sums, _ := g.render(task{X1: 16, Y1: 16, Log2: 8})
		return mean(sums, 256)[0]
	}
	veiled := func(alpha float64, mode string) doc {
		return doc{"alphaMode": mode, "pbrMetallicRoughness": doc{"baseColorFactor": []float64{0, 0, 0, alpha}}}
	}
	want := lamp(0.5, nil)
	if got := lamp(1, veiled(0.5, "BLEND")); math.Abs(got-want) > 0.01*want || want < 0.001 {
		t.Errorf("a lamp of half its opacity lights with %.5f, want %.5f as one of half the radiance", got, want)
	}
	if got := lamp(1, veiled(0.4, "MASK")); got != 0 {
		t.Errorf("a lamp that is a hole lights with %.5f, want 0", got)
	}
}
