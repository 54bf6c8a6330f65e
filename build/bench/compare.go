package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"text/tabwriter"

	"sonm/engine/job/picture"
)

// compareOptions say how two renderers are compared on one scene.
type compareOptions struct {
	samples   int // of the pictures whose noise and time are taken
	pictures  int // of them, with different seeds
	converged int // samples of the pictures without noise
	threads   int // of Cycles; its processor time is what counts
}

// contest is how ours and Cycles do on one scene. Index 0 is ours in the
// sandbox, 1 ours natively, 2 Cycles.
type contest struct {
	view      *prepared
	converged [2]picture.Image // ours, Cycles
	metrics   picture.Metrics  // of ours against Cycles, both converged
	means     [2][3]float64    // of the converged pictures
	noise     [3]float64       // relMSE of one picture, mean over the seeds
	cpu       [3]float64       // processor seconds of one picture without set-up
	engine    string           // of the sandbox
	samples   int
}

// rates of the three: samples per processor second.
func (c contest) speed(who int) float64 {
	return float64(c.view.Width*c.view.Height*c.samples) / c.cpu[who]
}

// efficiency is 1/(noise x time) of who over that of Cycles: above 1 the same
// quality takes less time than Cycles needs.
func (c contest) efficiency(who int) float64 {
	return c.noise[2] * c.cpu[2] / (c.noise[who] * c.cpu[who])
}

// compete measures one scene.
func compete(ctx context.Context, v view, o compareOptions) (*contest, error) {
	p, err := prepare(ctx, v)
	if err != nil {
		return nil, err
	}
	c := &contest{view: p, samples: o.samples}
	if c.converged[0], err = p.convergedOurs(ctx, o.converged); err != nil {
		return nil, err
	}
	if c.converged[1], err = p.convergedCycles(ctx, o.converged); err != nil {
		return nil, err
	}
	if c.metrics, err = picture.Compare(c.converged[0], c.converged[1]); err != nil {
		return nil, err
	}
	for i, im := range c.converged {
		c.means[i] = channelMeans(im)
	}
	theirs, err := p.byCycles(ctx, o.samples, o.pictures, o.threads)
	if err != nil {
		return nil, err
	}
	for i, their := range theirs {
		ours, err := p.inSandbox(ctx, o.samples, byte(i))
		if err != nil {
			return nil, err
		}
		plain, err := p.natively(ctx, o.samples)
		if err != nil {
			return nil, err
		}
		c.engine = string(ours.engine)
		for who, r := range []rendered{ours, plain, their} {
			n, err := noise(r.picture, c.converged[who/2])
			if err != nil {
				return nil, err
			}
			c.noise[who] += n / float64(o.pictures)
			c.cpu[who] += r.cpu / float64(o.pictures)
		}
	}
	return c, nil
}

// print writes the contest as a table for a terminal.
func (c contest) print(out io.Writer) error {
	fmt.Fprintf(out, "%s, %d x %d, %d bounces, %d samples\n", c.view.Scene, c.view.Width, c.view.Height, c.view.Bounces, c.samples)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\tnoise (relMSE)\tCPU s\tMsamples/CPU s\tefficiency over Cycles\n")
	for who, name := range []string{"ours in " + c.engine, "ours, native", "Cycles"} {
		fmt.Fprintf(w, "%s\t%.6f\t%.3f\t%.3f\t%.3f\n", name, c.noise[who], c.cpu[who], c.speed(who)/1e6, c.efficiency(who))
	}
	fmt.Fprintf(w, "sandbox / native speed\t\t\t%.3f\t\n", c.speed(0)/c.speed(1))
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "converged: PSNR %.2f dB, block p95 %.4f, mean ours %.5f Cycles %.5f, ratio (clamped) %.4f\n",
		c.metrics.PSNR, c.metrics.BlockP95, c.means[0], c.means[1], c.metrics.MeanRatio)
	return err
}

// compare is the command `bench -compare SCENE`.
func compare(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench -compare SCENE", flag.ContinueOnError)
	v, o := view{}, compareOptions{}
	flags.StringVar(&v.Sky, "sky", "", "the light around: r,g,b or an .hdr file; black if empty")
	size := flags.Int("size", 128, "pixels a side")
	flags.IntVar(&v.Bounces, "bounces", 8, "bounces of a path")
	flags.IntVar(&o.samples, "samples", 64, "samples of the pictures whose noise and time are taken")
	flags.IntVar(&o.pictures, "pictures", 3, "such pictures")
	flags.IntVar(&o.converged, "converged", 4096, "samples of the converged pictures")
	flags.IntVar(&o.threads, "threads", 1, "of Cycles, 0 for all")
	save := flags.String("save", "", "write ours, Cycles and their difference to this PNG file")
	if len(args) == 0 {
		return fmt.Errorf("which scene?")
	}
	v.Scene = args[0]
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	v.Width, v.Height = *size, *size
	if err := buildNative(ctx); err != nil {
		return err
	}
	c, err := compete(ctx, v, o)
	if err != nil {
		return err
	}
	if *save != "" {
		if err := saveTriptych(*save, c.converged[0], c.converged[1]); err != nil {
			return err
		}
	}
	return c.print(out)
}

// buildNative makes the native renderer.
func buildNative(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "engine/guest/pathtracer/native/build.sh", absolute(native)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("build the native renderer: %w: %s", err, out)
	}
	return nil
}
