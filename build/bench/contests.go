package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// pictures is the folder of what RENDER.md shows.
const pictures = "build/bench/pictures"

// How the scenes are shown and timed: three pictures fit a row of 512 pixels.
const (
	contestSide = 168
	contestMany = 1024 // samples of the converged pictures
)

// exhibit is a scene in RENDER.md.
type exhibit struct {
	Name, Title, Note string
	contest           *contest
}

// measureContests holds ours against Cycles at equal noise on the project's
// own scenes.
func measureContests(ctx context.Context, b *Bench, r *report) error {
	const own = "build/bench/testdata/"
	for _, x := range []struct {
		exhibit
		scene, sky string
	}{
		{
			exhibit{Name: "cornell", Title: "A room with a metal and a plastic ball", Note: "Cycles is brighter because Blender turns glTF's " +
				"rough surfaces into its Principled BSDF, whose diffuse part sends more light back at grazing angles than glTF's " +
				"Lambert; in a closed room each bounce adds to it. `cornell_diffuse` below has the same room without that difference."},
			own + "cornell.glb", "",
		},
		{exhibit{Name: "tex", Title: "Textures, a normal map, glass and a mirror under a sky picture", Note: "What differs is the grazing brightness of Blender's " +
			"Principled BSDF. The glass is solid in both, though glTF would have it a thin shell: the file is Blender's, where all glass is solid."}, own + "tex.glb", own + "sky.hdr"},
		{exhibit{Name: "inst", Title: "256 instances, 2.4 million triangles, six lamps and a blue sky", Note: "The same places, shadows and colours; Cycles is brighter " +
			"by its Principled BSDF, as in the first scene, but less so in the open."}, inst, "0.12,0.2,0.36"},
	} {
		c, err := compete(ctx, view{Scene: x.scene, Sky: x.sky, Width: contestSide, Height: contestSide, Bounces: 8},
			compareOptions{samples: 64, pictures: b.Runs, converged: contestMany, threads: 1})
		if err != nil {
			return fmt.Errorf("scene %s: %w", x.Name, err)
		}
		if err := saveTriptych(filepath.Join(pictures, x.Name+".png"), c.converged[0], c.converged[1]); err != nil {
			return err
		}
		if err := b.Add(Figure{
			Name: "vs_cycles_" + x.Name, Value: c.efficiency(0), Unit: "x, equal noise, in the sandbox", Better: Higher,
			Rival: "Cycles 3.4.1 on the CPU", Runs: b.Runs,
		}); err != nil {
			return err
		}
		x.contest = c
		r.own = append(r.own, x.exhibit)
	}
	return nil
}
