package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sonm/app"
	"sonm/app/event"
	"sonm/engine/fog"
)

// renderFlags are the settings of a picture, shared by render and demo.
type renderFlags struct {
	out      string
	frame    int
	frames   string
	fps      float64
	width    int
	height   int
	samples  int
	camera   string
	bounces  int
	sky      string
	skyPower float64
	skyTurn  float64
	maxPrice string
	maxTotal string
	sellers  int
	wait     time.Duration
	tile     int
	block    int
	check    float64
	layers   bool
	denoise  bool
	view     string
	exposure float64
	depth    int
}

func (r *renderFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&r.out, "out", "o", r.out, "picture to write: .png, or .exr for 32-bit floats; of an animation also .mp4, .webm or .mkv")
	f.IntVar(&r.frame, "frame", 0, "frame of the scene's animation to render: the moment frame/fps seconds")
	f.StringVar(&r.frames, "frames", "", "render an animation: its first and last frame and a step, as 1-48 or 1-48/2")
	f.Float64Var(&r.fps, "fps", 24, "frames a second")
	f.IntVar(&r.width, "width", r.width, "pixels across")
	f.IntVar(&r.height, "height", r.height, "pixels down")
	f.IntVar(&r.samples, "samples", r.samples, "samples per pixel")
	f.StringVar(&r.camera, "camera", "", "camera to use, by name or number (default: the scene's first)")
	f.IntVar(&r.bounces, "bounces", 8, "most times light is followed from surface to surface")
	f.StringVar(&r.sky, "sky", "", "sky: an .hdr image, or a colour as r,g,b")
	f.Float64Var(&r.skyPower, "sky-strength", 1, "the sky is multiplied by this")
	f.Float64Var(&r.skyTurn, "sky-rotation", 0, "degrees the sky is turned about the vertical")
	f.StringVar(&r.maxPrice, "max-price", "", "refuse sellers dearer than this many SNM per 1,000,000,000 units of work")
	f.StringVar(&r.maxTotal, "max-total", "", "never spend more than this many SNM on the whole job")
	f.DurationVar(&r.wait, "wait", 30*time.Second, "how long to wait for sellers before giving up")
	f.IntVar(&r.tile, "tile", 0, "size of a task's tile in pixels (default: chosen by the plan)")
	f.IntVar(&r.block, "block", 0, "most samples per pixel of one task, a power of two (default: chosen by the plan)")
	f.Float64Var(&r.check, "check", app.DefaultCheckRate, "share of tasks that are re-run here to catch cheats")
	f.BoolVar(&r.layers, "layers", false, "render albedo, normal and depth, too; an .exr has them as layers")
	f.BoolVar(&r.denoise, "denoise", false, "take the noise out of the finished picture (it is then not what was rendered, and says so)")
	f.StringVar(&r.view, "view", "standard", "how a .png shows bright light: standard, agx or neutral (Khronos PBR Neutral)")
	f.Float64Var(&r.exposure, "exposure", 0, "stops a .png is made brighter, or darker if below 0")
	f.IntVar(&r.depth, "depth", 8, "bits of a .png's channel: 8 or 16")
}

// request turns flags into what the application is asked for.
func (r *renderFlags) request(sceneFile string) (app.RenderRequest, error) {
	req := app.RenderRequest{Out: r.out, Order: event.Order{
		Scene: sceneFile, Width: r.width, Height: r.height, Samples: r.samples, Camera: r.camera, Bounces: r.bounces,
		Sky: r.sky, SkyStrength: r.skyPower, SkyRotation: r.skyTurn, Sellers: r.sellers, Wait: r.wait, Tile: r.tile, Block: r.block, CheckRate: r.check,
		Layers: r.layers, Look: event.Look{View: r.view, Exposure: r.exposure, Bits: r.depth, Denoise: r.denoise},
	}}
	switch {
	case !(r.check >= 0 && r.check <= 1): // also what is not a number
		return req, &event.Problem{Code: "flags", What: fmt.Sprintf("--check: %v is not a share between 0 and 1.", r.check)}
	case r.sellers < 0 || r.sellers > 1000:
		return req, &event.Problem{Code: "flags", What: fmt.Sprintf("--sellers: %d is not between 0 and 1000.", r.sellers)}
	case r.wait < 0:
		return req, &event.Problem{Code: "flags", What: fmt.Sprintf("--wait: %v is not a time to wait.", r.wait)}
	case r.tile != 0 && (r.tile < 8 || r.tile > 1024):
		return req, &event.Problem{Code: "flags", What: fmt.Sprintf("--tile: %d is not between 8 and 1024 pixels.", r.tile)}
	case r.layers && !r.denoise && !strings.EqualFold(filepath.Ext(r.out), ".exr"):
		return req, &event.Problem{Code: "flags", What: fmt.Sprintf("--layers: %q cannot hold layers; save an .exr, or have them used by --denoise.", r.out)}
	}
	var err error
	if err = r.moment(&req.Order); err != nil {
		return req, err
	}
	if err = app.CheckOut(r.out, req.Frames != nil); err != nil {
		return req, err
	}
	if req.MaxPrice, err = amountFlag("--max-price", r.maxPrice); err != nil {
		return req, err
	}
	req.MaxTotal, err = amountFlag("--max-total", r.maxTotal)
	return req, err
}

// moment reads which frames are wanted. A picture of frame 0 that says nothing
// of time stays what it was: its job names no frames a second.
func (r *renderFlags) moment(o *event.Order) error {
	if r.frames == "" && r.frame == 0 && r.fps == 24 {
		return nil
	}
	o.Frame, o.FPS = r.frame, r.fps
	if !(r.fps > 0 && r.fps <= 1000) { // also what is not a number
		return &event.Problem{Code: "flags", What: fmt.Sprintf("--fps: %v frames a second cannot be rendered, it is more than 0 and at most 1000.", r.fps)}
	}
	if r.frames == "" {
		return nil
	}
	if r.frame != 0 {
		return &event.Problem{Code: "flags", What: "--frame is for one picture and --frames for an animation; name one of them."}
	}
	f, ok := event.ParseFrames(r.frames)
	if !ok {
		return &event.Problem{Code: "flags", What: fmt.Sprintf("--frames: %q is not a range of frames such as 1-48 or 1-48/2.", r.frames)}
	}
	if f.Last < f.First {
		return &event.Problem{Code: "flags", What: fmt.Sprintf("--frames: %s runs backwards; the lower number comes first.", r.frames)}
	}
	o.Frames = &f
	return nil
}

func amountFlag(name, text string) (*fog.Amount, error) {
	if text == "" {
		return nil, nil
	}
	a, err := fog.ParseAmount(text)
	if err != nil {
		return nil, &event.Problem{Code: "flags", What: fmt.Sprintf("%s: %q is not an amount of SNM such as 3.80.", name, text), Cause: err}
	}
	return &a, nil
}

func renderCommand(opt *options) *cobra.Command {
	r := &renderFlags{width: 1280, height: 720, samples: 128}
	var tied, facts, trace bool
	var halt int
	cmd := &cobra.Command{
		Use:   "render SCENE -o FILE",
		Short: "Buy a picture of a scene from the network",
		Long: "render buys a picture of SCENE: a .glb or .gltf file, or a folder or .zip archive with one such file in it.\n" +
			"Meshes that Draco or meshopt have compressed are unpacked here first.",
		Args: oneScene,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := r.request(args[0])
			if err != nil {
				return err
			}
			ctx, cancel := tie(cmd, tied)
			defer cancel()
			show := newProgress(cmd, opt)
			tell := show.fact
			if facts {
				tell = func(f fog.Fact) { printFact(cmd, f) }
			}
			cfg := opt.config(cmd)
			if trace {
				cfg.Tap = tracer(cmd, halt)
			}
			link := app.NewLink(cfg)
			defer link.Close()
			sum, err := link.Render(ctx, req, tell)
			show.done()
			if err != nil {
				return stoppedWords(err, link.Engine())
			}
			return show.summary(sum)
		},
	}
	r.register(cmd)
	tiedFlag(cmd, &tied)
	cmd.Flags().BoolVar(&facts, "facts", false, "print every fact as a line of JSON on standard output, for programs")
	cmd.Flags().BoolVar(&trace, "trace", false, "print a line for every record, signature and message")
	cmd.Flags().IntVar(&halt, "halt", 0, "with --trace: stand still after so many of them")
	for _, name := range []string{"trace", "halt"} {
		_ = cmd.Flags().MarkHidden(name) // cannot fail: the flag is there
	}
	cmd.Flags().IntVar(&r.sellers, "sellers", 0, "most sellers to work with (default: as many as are useful)")
	return cmd
}

// tracer prints what it is told, one line each, and after the n-th lets nothing
// go on that has something to tell; 0 is never. It is how a test kills a buyer
// at a point that it chose.
func tracer(cmd *cobra.Command, n int) func(kind, what string) {
	var mu sync.Mutex
	count := 0
	return func(kind, what string) {
		mu.Lock()
		defer mu.Unlock()
		count++
		_ = printJSON(cmd, map[string]any{"trace": count, "kind": kind, "what": what}) // the reader may have left
		if count == n {
			select {}
		}
	}
}

// stoppedWords says what becomes of a job whose command is stopped.
func stoppedWords(err error, engine bool) error {
	if !errors.Is(err, context.Canceled) {
		return err
	}
	p := &event.Problem{Code: "stopped", What: "Stopped.", Do: "The job goes on if the same command is given again.", Cause: err}
	if !engine {
		p.Do = "The job goes on in the SONM that is running with this folder."
	}
	return p
}

func oneScene(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return &event.Problem{Code: "flags", What: fmt.Sprintf("Name one scene file, for example: %s scene.glb -o picture.png.", cmd.CommandPath())}
}
