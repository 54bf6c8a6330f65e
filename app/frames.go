package app

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"sonm/app/event"
	"sonm/engine/buyer"
	"sonm/engine/fog"
	"sonm/engine/job"
)

// pictures and films are the endings of what can be saved.
var (
	pictures = []string{".png", ".exr"}
	films    = []string{".mp4", ".webm", ".mkv"}
)

// outputs is where an order's pictures go, one or many.
type outputs struct {
	before, after string // of a frame's number in its file's name
	digits        int    // of the number, at least
	film          string // to be encoded of the frames; "" is none
	path          string // as the person gave it
	animated      bool
}

// outputsOf reads where pictures go: a picture's name; for an animation also a
// name in which #### stands for the frame's number, as Blender has it, or a
// film's. Without #### the number is put behind the name: shot_0001.png.
func outputsOf(path string, animated bool) (outputs, error) {
	o := outputs{path: path, animated: animated, digits: 4}
	ext := filepath.Ext(path)
	picture, film := slices.Contains(pictures, strings.ToLower(ext)), slices.Contains(films, strings.ToLower(ext))
	switch {
	case film && !animated:
		return o, &event.Problem{
			Code: "output", What: fmt.Sprintf("One picture cannot be saved as the film %s.", filepath.Base(path)),
			Do: "Name the frames of the animation, such as --frames 1-48, or save a .png or .exr.",
		}
	case !picture && !film && animated:
		return o, &event.Problem{Code: "output", What: fmt.Sprintf("The name %q must end in .png, .exr, .mp4, .webm or .mkv.", filepath.Base(path))}
	case !picture && !film:
		return o, &event.Problem{Code: "output", What: fmt.Sprintf("The picture's name %q must end in .png or .exr.", filepath.Base(path))}
	}
	dir, base := filepath.Split(strings.TrimSuffix(path, ext))
	o.before, o.after = base+"_", ext
	if end := strings.LastIndexByte(base, '#'); end >= 0 {
		start := len(strings.TrimRight(base[:end], "#"))
		o.before, o.after, o.digits = base[:start], base[end+1:]+ext, end+1-start
	}
	if film {
		o.film = path
		if strings.Contains(base, "#") {
			o.film = dir + cmp.Or(strings.Trim(strings.ReplaceAll(base, "#", ""), "_-. "), "film") + ext
		}
		o.after = strings.TrimSuffix(o.after, ext) + ".png"
	}
	o.before = dir + o.before
	return o, nil
}

// frame is the file of one frame.
func (o outputs) frame(n int) string {
	if !o.animated {
		return o.path
	}
	return fmt.Sprintf("%s%0*d%s", o.before, o.digits, n, o.after)
}

// result is what the person is told of: the film, or the frames by their pattern.
func (o outputs) result() string {
	switch {
	case o.film != "":
		return o.film
	case o.animated:
		return o.before + strings.Repeat("#", o.digits) + o.after
	}
	return o.path
}

// check refuses what could not be saved, before any money moves.
func (o outputs) check(ctx context.Context, first int) error {
	if err := checkOut(o.frame(first)); err != nil || o.film == "" {
		return err
	}
	if err := checkOut(o.film); err != nil {
		return err
	}
	_, err := findEncoder(ctx, o.film)
	return err
}

// CheckOut refuses a name that no picture, or animation, can be saved under.
func CheckOut(path string, animated bool) error {
	_, err := outputsOf(path, animated)
	return err
}

// checkOrder refuses an order that cannot be saved or makes no sense, before
// anything is done for it.
func checkOrder(ctx context.Context, r RenderRequest) error {
	o, err := outputsOf(r.Out, r.Frames != nil)
	if err != nil {
		return err
	}
	first := r.Frame
	if r.Frames != nil {
		first = r.Frames.First
	}
	return o.check(ctx, first)
}

// times are the frames of an order, as the job has them.
func times(r event.Order, set *job.Settings) {
	set.Frame, set.FPS = r.Frame, r.FPS
	if r.Frames != nil {
		set.Frames = &job.Frames{First: r.Frames.First, Last: r.Frames.Last, Step: r.Frames.Step}
	}
}

// reel is the frames of one order that are saved where it says, in one look.
type reel struct {
	outputs
	look     event.Look
	software string
	resumed  bool // an earlier run of the program may have saved frames

	mu   sync.Mutex
	done map[int]bool // guarded by mu
}

func newReel(o outputs, look event.Look, software string) *reel {
	return &reel{outputs: o, look: look, software: software, done: map[int]bool{}}
}

// keep saves a frame; buyer.Terms.Keep.
func (r *reel) keep(ctx context.Context, frame int, film *job.Film) error {
	room := darkroom{film: film, software: r.software}
	var err error
	if path := r.frame(frame); !r.resumed || !room.wrote(path, r.look) {
		err = room.write(ctx, path, r.look)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[frame] = err == nil
	return err
}

// kept reports whether a frame was saved and its file is still there: a person
// may have moved it since.
func (r *reel) kept(n int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := os.Stat(r.frame(n))
	return r.done[n] && err == nil
}

// finish saves the frames that were not kept and encodes the film.
func (r *reel) finish(ctx context.Context, set job.Settings, join func(ctx context.Context, frame int) (*job.Film, error)) error {
	var files []string
	for i := range set.FrameCount() {
		n := set.FrameAt(i)
		files = append(files, r.frame(n))
		if r.kept(n) {
			continue
		}
		film, err := join(ctx, n)
		if err != nil {
			return fmt.Errorf("frame %d is not to be had any more: %w", n, err)
		}
		if err := r.keep(ctx, n, film); err != nil {
			return fmt.Errorf("frame %d: %s", n, reason(err))
		}
	}
	if r.film == "" {
		return nil
	}
	return encode(ctx, r.film, files, set.FPS/float64(set.Frames.Step)) // as fast as the scene moves
}

// keepFrames has an animation saved frame by frame, if the order says where.
func (d *Desk) keepFrames(o *order, t *buyer.Terms) {
	if o.request.Out == "" || !o.prepared.Settings.Animated() {
		return
	}
	out, err := outputsOf(o.request.Out, true)
	if err != nil {
		return // it is said when the job is to be saved
	}
	o.reel = newReel(out, o.request.Look, d.software())
	o.reel.resumed = o.saved != nil
	t.Keep = o.reel.keep
}

// frameCount is an animation's number of frames, 0 of a picture.
func frameCount(o *order) int {
	if !o.prepared.Settings.Animated() {
		return 0
	}
	return o.prepared.Settings.FrameCount()
}

// saveAnimation writes a finished job's frames and film. What they are made of
// stays until the engine ends, to be saved elsewhere or in another look too.
func (d *Desk) saveAnimation(o *order, path string, look event.Look) error {
	r := o.reel
	if r == nil || r.path != path || r.look != look {
		out, err := outputsOf(path, true)
		if err != nil {
			return err
		}
		r = newReel(out, look, d.software())
		if look.Denoise {
			o.tell(fog.Waited{Job: o.prepared.ID, Reason: "Denoising the pictures."})
		}
	}
	id := o.prepared.ID
	if err := r.finish(d.ctx, o.prepared.Settings, o.out.Frame); err != nil {
		known := event.AsProblem(err)
		if known.Code != "internal" {
			return known
		}
		return &event.Problem{Code: "output", What: fmt.Sprintf("The animation cannot be saved as %s: %s.", r.result(), err), Cause: err}
	}
	d.a.tap(nil, "store", "picture")
	if err := d.a.db.JobState(d.ctx, id, "saved"); err != nil {
		return err
	}
	d.change(o, func(j *event.Job) { j.Saved, j.Problem = r.result(), nil })
	o.tell(fog.JobSaved{Job: id, Path: r.result(), Film: o.out.Hash})
	return nil
}
