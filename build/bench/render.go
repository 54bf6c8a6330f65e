package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"sonm/assets"
	"sonm/engine/job"
	"sonm/engine/job/picture"
	"sonm/engine/sandbox"
)

// Where things are, seen from the root of the project.
const (
	program  = "bin/sonm"
	child    = "bin/sonm-sandbox"
	native   = "build/cache/pathtracer"
	scenes   = "engine/guest/pathtracer/testdata"
	diffuse  = scenes + "/cornell_diffuse.glb"
	diffRef  = scenes + "/ref_cornell_diffuse.exr"
	inst     = scenes + "/inst.glb"
	side     = 256 // pixels of the pictures that are timed
	perPixel = 32  // samples
)

// renderArea measures the main job: the renderer by itself, natively and in
// each engine of the sandbox, and then the whole way with sellers.
func renderArea() Area {
	return Area{
		Name: "render",
		Names: []string{
			"native_samples_per_cpu_s", "wasmer_samples_per_cpu_s", "wazero_samples_per_cpu_s", "sandbox_vs_native",
			"wall_1_seller_s", "wall_2_sellers_s", "two_sellers_speedup", "not_rendering_share", "checked_share", "first_preview_s", "gas_job",
			"psnr_cornell_diffuse", "mean_error_cornell_diffuse", "inst_guest_mib",
		},
		Run: measureRender,
	}
}

func measureRender(ctx context.Context, b *Bench) error {
	if err := buildNative(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *Bench) error{measureSpeed, measureMemory, measureJob, measurePicture} {
		if err := step(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// measureSpeed takes samples per CPU second, scene set-up not counted.
func measureSpeed(ctx context.Context, b *Bench) error {
	wasmer, wazero := sandboxed(sandbox.Wasmer), sandboxed(sandbox.Wazero)
	for _, x := range []struct {
		name string
		s    Sample
	}{{"native_samples_per_cpu_s", nativeSpeed}, {"wasmer_samples_per_cpu_s", wasmer}, {"wazero_samples_per_cpu_s", wazero}} {
		if err := b.Median(ctx, Figure{Name: x.name, Unit: "samples/s", Better: Higher}, x.s); err != nil {
			return err
		}
	}
	return b.Ratio(ctx, Figure{Name: "sandbox_vs_native", Unit: "x", Better: Higher, Rival: "same renderer, g++ -O3"}, wasmer, nativeSpeed)
}

func nativeSpeed(ctx context.Context) (float64, error) {
	c, err := Child(ctx, native, diffuse, "-w", strconv.Itoa(side), "-h", strconv.Itoa(side), "-s", strconv.Itoa(perPixel))
	if err != nil {
		return 0, err
	}
	m, err := nativeFigure(c.Out, "msamples_per_cpu_s")
	return m * 1e6, err
}

// sandboxed renders the same picture in a locked child of the given engine.
func sandboxed(e sandbox.Engine) Sample {
	return func(ctx context.Context) (float64, error) {
		s, err := opened(ctx, e, diffuse)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		reply, err := s.Task(ctx, job.Spec{X1: side, Y1: side, Log2: 5}.Encode()) // 2^5 = perPixel
		if err != nil {
			return 0, err
		}
		if reply.CPU <= 0 {
			return 0, errors.New("this system does not say what a child took")
		}
		return side * side * perPixel / reply.CPU.Seconds(), nil
	}
}

// opened starts the renderer with a scene.
func opened(ctx context.Context, e sandbox.Engine, scene string) (*sandbox.Session, error) {
	_, module, err := assets.App("pathtracer")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(scene)
	if err != nil {
		return nil, err
	}
	settings, err := job.Settings{Scene: "scene.glb", Width: side, Height: side, Samples: perPixel}.Encode()
	if err != nil {
		return nil, err
	}
	bundle, err := job.Pack([]job.File{{Path: "scene.glb", Data: data}, {Path: job.SettingsFile, Data: settings}})
	if err != nil {
		return nil, err
	}
	box, err := sandbox.New(sandbox.Config{Child: absolute(child), Engines: []sandbox.Engine{e}})
	if err != nil {
		return nil, err
	}
	s, err := box.Start(ctx, module)
	if err != nil {
		return nil, err
	}
	if _, err := s.Open(ctx, append(make([]byte, 32), bundle...)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// measureMemory takes the guest's memory on the scene of many instances.
func measureMemory(ctx context.Context, b *Bench) error {
	s, err := opened(ctx, sandbox.Wasmer, inst)
	if err != nil {
		return err
	}
	defer s.Close()
	reply, err := s.Task(ctx, job.Spec{X1: side, Y1: side}.Encode())
	if err != nil {
		return err
	}
	return b.Add(Figure{Name: "inst_guest_mib", Value: float64(reply.Memory) / (1 << 20), Unit: "MiB", Better: Lower, Runs: 1})
}

// demo runs a whole job with separate processes and reads its summary.
func demo(ctx context.Context, out string, args ...string) (summary, error) {
	var s summary
	c, err := Child(ctx, program, append([]string{"demo", diffuse, "--json", "-o", out}, args...)...)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(c.Out, &s)
}

// measurePicture compares with the converged reference.
func measurePicture(ctx context.Context, b *Bench) error {
	dir, err := os.MkdirTemp("", "sonm-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "out.exr")
	if _, err := demo(ctx, out, "--width", "256", "--height", "256", "--samples", "256"); err != nil {
		return err
	}
	ours, err := readEXR(out)
	if err != nil {
		return err
	}
	ref, err := readEXR(diffRef)
	if err != nil {
		return err
	}
	m, err := picture.Compare(ours, ref)
	if err != nil {
		return err
	}
	worst := 0.0
	for _, r := range m.MeanRatio {
		worst = math.Max(worst, math.Abs(r-1))
	}
	return errors.Join(
		b.Add(Figure{Name: "psnr_cornell_diffuse", Value: m.PSNR, Unit: "dB, 256 samples", Better: Higher, Rival: "Cycles 3.4.1, converged", Runs: 1}),
		b.Add(Figure{Name: "mean_error_cornell_diffuse", Value: worst, Unit: "worst channel", Better: Lower, Rival: "Cycles 3.4.1, converged", Runs: 1}))
}
