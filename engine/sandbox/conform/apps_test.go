package conform_test

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"sonm/assets"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/guest/pathtracer/features"
	enginejob "sonm/engine/job"
)

// appJobs makes, for each bundled app, jobs as buyers make them.
var appJobs = map[string]func(t *testing.T) []job{"pathtracer": renderJobs}

// TestApps: what TestKernels says holds for every bundled app.
func TestApps(t *testing.T) {
	for _, name := range assets.Apps() {
		t.Run(name, func(t *testing.T) {
			_, module, err := assets.App(name)
			if err != nil {
				t.Fatal(err)
			}
			jobs := appJobs[name]
			if jobs == nil {
				t.Fatal("there are no jobs for this app: add some to appJobs")
			}
			agree(t, module, map[string]guest{}, jobs(t))
		})
	}
}

// renderJobs are small pictures: the demo's scene under many seeds, a scene
// of other materials and one of instances, and one for each feature of glTF.
func renderJobs(t *testing.T) []job {
	t.Helper()
	demo, err := assets.Demo("pathtracer", "cornell.glb")
	if err != nil {
		t.Fatal(err)
	}
	jobs := []job{renderJob(t, demo, 0, 0, 16, seeds())}
	for n := range seeds() {
		jobs = append(jobs, renderJob(t, demo, 0, uint64(n), 8, 2))
	}
	for _, name := range []string{"cornell_diffuse.glb", "inst.glb"} {
		scene, err := os.ReadFile(filepath.Join("../../guest/pathtracer/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, renderJob(t, scene, 0, 1, 16, 10))
	}
	for n, f := range features.All() {
		if f.Refused == "" {
			jobs = append(jobs, renderJob(t, f.Scene.GLB, f.Scene.Frame, uint64(n), features.Side, 2))
		}
	}
	return jobs
}

// renderJob is a frame of side x side pixels and some of its tasks.
func renderJob(t *testing.T, scene []byte, frame int, seed uint64, side, tasks int) job {
	t.Helper()
	set := enginejob.Settings{Scene: "scene.glb", Width: side, Height: side, Samples: 4 * tasks, Frame: frame}
	text, err := set.Encode()
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := enginejob.Pack([]enginejob.File{{Path: set.Scene, Data: scene}, {Path: enginejob.SettingsFile, Data: text}})
	if err != nil {
		t.Fatal(err)
	}
	root := fog.HashOf([]byte("conform"), binary.BigEndian.AppendUint64(nil, seed))
	j := job{input: buyer.GuestInput(root, bundle)}
	for n := range uint32(tasks) {
		at := n * 5 % uint32(side-7)
		spec := enginejob.Spec{Frame: uint32(frame), X0: at, Y0: at, X1: at + 8, Y1: at + 8, First: 4 * n, Log2: n % 3}
		if err := spec.Validate(set); err != nil {
			t.Fatal(err)
		}
		j.tasks = append(j.tasks, spec.Encode())
	}
	return j
}
