package main

import (
	"context"
	"errors"
	"math"
	"path/filepath"

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
	side     = 256  // pixels of the pictures that are timed
	perPixel = 32   // samples
	refined  = 2048 // samples of the picture that is held against the reference, which has as many
)

// renderArea measures the main job: the renderer by itself, natively, in the
// sandbox and beside Cycles, and then the whole way with sellers. It writes
// RENDER.md.
func renderArea() Area {
	return Area{
		Name: "render",
		Names: []string{
			"native_samples_per_cpu_s", "wasmer_samples_per_cpu_s", "wasmtime_samples_per_cpu_s", "wazero_samples_per_cpu_s", "sandbox_vs_native",
			"wall_1_seller_s", "wall_2_sellers_s", "two_sellers_speedup", "not_rendering_share", "checked_share", "first_preview_s", "gas_job",
			"psnr_cornell_diffuse", "mean_error_cornell_diffuse", "inst_guest_mib", "guest_5mtri_mib", "bvh_mtri_s",
			"vs_cycles_cornell", "vs_cycles_tex", "vs_cycles_inst",
		},
		Run: measureRender,
	}
}

func measureRender(ctx context.Context, b *Bench) error {
	if err := buildNative(ctx); err != nil {
		return err
	}
	room, err := prepare(ctx, view{Scene: diffuse, Width: side, Height: side, Bounces: 8})
	if err != nil {
		return err
	}
	var r report
	for _, step := range []func(context.Context, *Bench) error{
		func(ctx context.Context, b *Bench) error { return measurePicture(ctx, b, room, &r) },
		func(ctx context.Context, b *Bench) error { return measureSpeed(ctx, b, room) },
		measureMemory, measureTrees, measureJob,
		func(ctx context.Context, b *Bench) error { return measureContests(ctx, b, &r) },
	} {
		if err := step(ctx, b); err != nil {
			return err
		}
	}
	if b.Full {
		if err := measureModels(ctx); err != nil {
			return err
		}
	}
	return r.write(b.figures)
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// measureSpeed takes samples per CPU second, scene set-up not counted.
func measureSpeed(ctx context.Context, b *Bench, room *prepared) error {
	speed := func(render func(context.Context) (rendered, error)) Sample {
		return func(ctx context.Context) (float64, error) {
			r, err := render(ctx)
			return side * side * perPixel / r.cpu, err
		}
	}
	plain := speed(func(ctx context.Context) (rendered, error) { return room.natively(ctx, perPixel) })
	in := func(engines ...sandbox.Engine) Sample {
		return speed(func(ctx context.Context) (rendered, error) { return room.inSandbox(ctx, perPixel, 0, engines...) })
	}
	if err := b.Median(ctx, Figure{Name: "native_samples_per_cpu_s", Unit: "samples/s", Better: Higher}, plain); err != nil {
		return err
	}
	for _, e := range sandbox.Engines() {
		if err := b.Median(ctx, Figure{Name: string(e) + "_samples_per_cpu_s", Unit: "samples/s", Better: Higher}, in(e)); err != nil {
			return err
		}
	}
	// What a seller runs is the engine that proved fastest with this module.
	return b.Ratio(ctx, Figure{Name: "sandbox_vs_native", Unit: "x", Better: Higher, Rival: "same renderer, g++ -O3"}, in(), plain)
}

// measurePicture holds the plain diffuse room against a converged reference, in
// which glTF and Cycles mean exactly the same.
func measurePicture(ctx context.Context, b *Bench, room *prepared, r *report) error {
	ours, err := room.convergedOurs(ctx, refined)
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
	r.room = pair2{ours, ref}
	worst := 0.0
	for _, ratio := range m.MeanRatio {
		worst = math.Max(worst, math.Abs(ratio-1))
	}
	return errors.Join(
		b.Add(Figure{Name: "psnr_cornell_diffuse", Value: m.PSNR, Unit: "dB", Better: Higher, Rival: "Cycles 3.4.1, converged", Runs: 1}),
		b.Add(Figure{Name: "mean_error_cornell_diffuse", Value: worst, Unit: "worst channel", Better: Lower, Rival: "Cycles 3.4.1, converged", Runs: 1}))
}
