package pathtracer_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sonm/engine/guest/pathtracer/features"
)

var update = flag.Bool("update", false, "write FEATURES.md anew")

// bundle packs a feature's scene for the guest.
func featureBundle(tb testing.TB, s features.Scene) []byte {
	tb.Helper()
	job := settings{Scene: "scene.glb", Width: width(s), Height: features.Side, Samples: samples(s), Camera: s.Camera, Animation: s.Animation, Frame: s.Frame, FPS: s.FPS, MaxBounces: s.Bounces}
	if s.Sky > 0 {
		job.Sky = &sky{Color: [3]float64{1, 1, 1}, Strength: s.Sky}
	}
	return pack(tb, job, map[string][]byte{"scene.glb": s.GLB})
}

func width(s features.Scene) int {
	if s.Width == 0 {
		return features.Side
	}
	return s.Width
}

func samples(s features.Scene) int {
	if s.Samples == 0 {
		return 4
	}
	return s.Samples
}

// wholeTask is all of a feature's picture.
func wholeTask(s features.Scene) task {
	return task{Frame: uint32(s.Frame), X1: uint32(width(s)), Y1: features.Side, Log2: uint32(bits.Len(uint(samples(s))) - 1)}
}

// radiance renders a feature's scene.
func radiance(g *guest, s features.Scene) []float32 {
	g.t.Helper()
	g.open(9, featureBundle(g.t, s))
	sums, _ := g.render(wholeTask(s))
	for i := range sums {
		sums[i] /= float32(samples(s))
	}
	return sums
}

// inspection is what inspect tells of a scene.
type inspection struct {
	Cameras, Warnings, Missing []string
	Memory                     uint64
	Animations                 []struct {
		Name    string
		Seconds float64
	}
}

func inspect(g *guest, bundle []byte) inspection {
	g.t.Helper()
	r := g.call("inspect", bundle)
	if r.status != 0 {
		g.t.Fatalf("inspect refused: %s", r.payload)
	}
	var told inspection
	if err := json.Unmarshal(r.payload, &told); err != nil {
		g.t.Fatalf("%v in %s", err, r.payload)
	}
	return told
}

// Every feature gives its known picture, or that of its twin.
func TestFeatures(t *testing.T) {
	shared := start(t)
	for _, f := range features.All() {
		t.Run(f.Group+"/"+f.Name, func(t *testing.T) {
			g := &guest{t, shared.ctx, shared.module}
			bundle := featureBundle(t, f.Scene)
			if f.Refused != "" {
				refused(t, g, bundle, f.Refused, false)
				return
			}
			checkWarnings(t, inspect(g, bundle).Warnings, f.Warns)
			got := radiance(g, f.Scene)
			if f.Twin != nil {
				checkTwin(t, f, got, radiance(g, *f.Twin))
				return
			}
			checkPicture(t, f, got)
		})
	}
}

func checkWarnings(t *testing.T, warnings []string, want string) {
	t.Helper()
	if want == "" && len(warnings) > 0 && !strings.Contains(warnings[0], "no light") {
		t.Errorf("warnings = %q, want none", warnings)
	}
	if all := strings.Join(warnings, "\n"); !strings.Contains(all, want) {
		t.Errorf("warnings = %q, want one with %q", warnings, want)
	}
}

// checkTwin compares with the picture of the twin, by bits unless f says otherwise.
func checkTwin(t *testing.T, f features.Feature, got, want []float32) {
	t.Helper()
	differ := 0
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && !(math.Abs(float64(got[i])-float64(want[i])) <= f.Near) {
			if differ++; differ == 1 && f.Differing == 0 {
				t.Errorf("value %d = %v, the twin's is %v", i, got[i], want[i])
			}
		}
	}
	if float64(differ) > f.Differing*float64(len(want)) {
		t.Errorf("%d of %d values differ from the twin's, want at most %.1f %%", differ, len(want), f.Differing*100)
	}
}

func checkPicture(t *testing.T, f features.Feature, got []float32) {
	t.Helper()
	tolerance := f.Tolerance
	if tolerance == 0 {
		tolerance = 2e-5
	}
	if f.Mean {
		m := mean(got, 1)
		for c, want := range f.Want(0, 0) {
			if !(math.Abs(m[c]-want) <= tolerance) {
				t.Errorf("mean of channel %d = %.5f, want %.5f within %g", c, m[c], want, tolerance)
			}
		}
		return
	}
	w := width(f.Scene)
	wrong := 0
	for i, v := range got {
		x, y := i/3%w, i/3/w
		aspect := float64(w) / features.Side
		want := f.Want((2*(float64(x)+0.5)/float64(w)-1)*aspect, 1-2*(float64(y)+0.5)/features.Side)
		if want == features.Skip {
			continue
		}
		if d := math.Abs(float64(v) - want[i%3]); !(d <= tolerance) {
			if wrong++; wrong <= 3 {
				t.Errorf("pixel (%d, %d), channel %d = %.6f, want %.6f within %g", x, y, i%3, v, want[i%3], tolerance)
			}
		}
	}
	if wrong > 3 {
		t.Errorf("%d of %d values are wrong", wrong, len(got))
	}
}

// Whatever a scene uses, tiles and sample blocks in any order add up to the
// same bits as one task.
func TestFeaturesInAnySplitGiveTheSameBits(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	g := start(t)
	for _, f := range features.All() {
		if f.Refused != "" {
			continue
		}
		f.Scene.Samples = 4
		g.open(9, featureBundle(t, f.Scene))
		whole, work := g.render(wholeTask(f.Scene))
		w := uint32(width(f.Scene))
		merged := make([]float32, len(whole))
		halves := [2][]float32{make([]float32, len(whole)), make([]float32, len(whole))}
		var parts uint64
		columns := w / 8
		for _, n := range random.Perm(int(columns * 2 * 2)) {
			part, half := uint32(n)/2, uint32(n)%2
			x, y := part%columns*8, part/columns*8
			sums, done := g.render(task{Frame: uint32(f.Scene.Frame), X0: x, Y0: y, X1: x + 8, Y1: y + 8, First: half * 2, Log2: 1})
			parts += done
			for row := range uint32(8) {
				copy(halves[half][((y+row)*w+x)*3:], sums[row*24:row*24+24])
			}
		}
		copy(merged, add(halves[0], halves[1]))
		equal(t, f.Name, merged, whole)
		if parts != work {
			t.Errorf("%s: the parts' work = %d, want %d", f.Name, parts, work)
		}
	}
}

// A frame's picture does not depend on which frames were rendered before it.
func TestFramesInAnyOrderGiveTheSameBits(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for _, f := range features.All() {
		if f.Group != "Animations" {
			continue
		}
		frames := []uint32{0, 12, 24, 36, 48, 96}
		fresh := map[uint32][]float32{}
		for _, frame := range frames {
			g := start(t)
			s := f.Scene
			s.Frame = int(frame)
			g.open(9, featureBundle(t, s))
			fresh[frame], _ = g.render(wholeTask(s))
		}
		g := start(t)
		g.open(9, featureBundle(t, f.Scene))
		for range 12 {
			s := f.Scene
			s.Frame = int(frames[random.IntN(len(frames))])
			got, _ := g.render(wholeTask(s))
			equal(t, fmt.Sprintf("%s, frame %d", f.Name, s.Frame), got, fresh[uint32(s.Frame)])
		}
	}
}

func TestInspectListsAnimations(t *testing.T) {
	g := start(t)
	for _, f := range features.All() {
		if f.Name != "animations to choose from" {
			continue
		}
		told := inspect(g, featureBundle(t, f.Scene))
		if a := told.Animations; len(a) != 2 || a[0].Name != "right" || a[1].Name != "up" || a[0].Seconds != 1 {
			t.Errorf("animations = %+v, want right and up of 1 second", a)
		}
		job := featureBundle(t, features.Scene{GLB: f.Scene.GLB, Animation: "nobody"})
		refused(t, g, job, `no animation "nobody"`, false)
	}
}

// The scenes are glTF as Khronos' validator has it: a wrong scene proves nothing.
func TestFeatureScenesAreValid(t *testing.T) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the glTF validator needs %s: %v", tool, err)
		}
	}
	dir := t.TempDir()
	name := strings.NewReplacer(" ", "_", "/", "_", ",", "", ":", "", "(", "", ")", "")
	count := 0
	for _, f := range features.All() {
		if f.Refused != "" { // of what is refused, only the head is there
			continue
		}
		count++
		if err := os.WriteFile(filepath.Join(dir, name.Replace(f.Group+" "+f.Name)+".glb"), f.Scene.GLB, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "../../../build/gltf-validator/validate.sh", dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d files, 0 errors", count)) {
		t.Errorf("validate %d scenes: %v\n%s", count, err, out)
	}
}

// FEATURES.md says what the tests above have checked, no more and no less.
func TestFeatureTable(t *testing.T) {
	var out strings.Builder
	out.WriteString("# What the path tracer reads of glTF 2.0\n\nWritten by `go test ./engine/guest/pathtracer -run TestFeatureTable -update` from the scenes in `features`, each of which is\nrendered by the tests and compared with the picture described here. Reads: yes, warns (drawn without it, and inspect\nsays so) or refuses (one sentence, before any price).\n")
	group := ""
	for _, f := range features.All() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&out, "\n## %s\n\n| feature | reads | the picture is known because |\n|---|---|---|\n", group)
		}
		reads := "yes"
		if f.Group == "Left out" && f.Warns != "" {
			reads = "warns"
		}
		if f.Refused != "" {
			reads = "refuses"
		}
		fmt.Fprintf(&out, "| %s | %s | %s |\n", f.Name, reads, f.Check)
	}
	if *update {
		if err := os.WriteFile("FEATURES.md", []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile("FEATURES.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(committed) != out.String() {
		t.Error("FEATURES.md is not what the tests check: run this test with -update")
	}
}
