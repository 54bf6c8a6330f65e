package job

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// Defaults and limits of a plan.
const (
	DefaultTile       = 64         // pixels a side
	DefaultTargetWork = 20_000_000 // units; 1-2 s of one core on a desktop of 2020
	MaxTasks          = 1 << 21    // tasks a job
	minTile           = 8          // one pixel of the pilot
	maxTile           = 1024       // MaxTilePixels
	previewLog2       = 2          // first pass of 4 samples: noise one can look through
	comfortTasks      = 1 << 17    // past this the blocks grow instead of the list
	previewShare      = 8          // a task of the first pass takes at most this part of the target
	busyTiles         = 64         // tiles are joined for cheap blocks only if so many stay per pass
	busyTilesAnimated = 16         // of an animation, whose frames keep sellers busy too
	maxPlanned        = 1 << 42    // units of one task; MaxTasks of them still fit 64 bits
)

// ErrTasks says that a job cannot be planned in as many tasks as there may be.
var ErrTasks = errors.New("this job would be cut into more tasks")

// Options are a buyer's wishes for a plan; the zero value is the default.
type Options struct {
	Tile       int    // pixels a side, 8..1024; 0 = DefaultTile
	MaxLog2    int    // no block has more than 2^MaxLog2 samples; 0 = no limit but TargetWork
	TargetWork uint64 // units a task should take; 0 = DefaultTargetWork
}

// PilotResult is what one pilot task cost.
type PilotResult struct {
	Spec Spec
	Work uint64 // units, from the header of the guest's reply
}

// Task is one unit to be leased.
type Task struct {
	Index   uint32 // position in Plan.Tasks
	Spec    Spec
	Planned uint64 // units the pilot foresees, at least one per sample; never 0
}

// Plan is a job cut into tasks, in the order to lease them: first the whole
// frame with few samples, so that a preview appears within seconds, then the
// rest, largest first, so that the tail is short. An animation goes frame by
// frame; only its first begins with a preview.
//
// # Why
//
// No task is larger than a share of the work from it to the end (guided
// self-scheduling: C. D. Polychronopoulos and D. J. Kuck, 1987), so that
// sellers of whatever speed end together. Small tasks all along would do that
// too and cost a message, a signature and a record each.
type Plan struct {
	Settings Settings
	Tasks    []Task
	Planned  uint64 // sum over the tasks
}

// PilotSpecs are the tasks of the pilot: one sample per pixel of the frame at
// 1/8 size, one task per tile of the full frame; of an animation the frames of
// PilotFrames. Together they cover every pixel of each small frame once, in each
// layer the job asks for. A tile of 0 is DefaultTile, as in Options: a finer
// pilot would tell nothing more, as no tile of a plan is smaller, and takes a
// call of the guest for each of them.
func PilotSpecs(s Settings, tile int) []Spec {
	if tile == 0 {
		tile = DefaultTile
	}
	tile = max(tile, minTile)
	var specs []Spec
	for _, frame := range PilotFrames(s) {
		for y := 0; y < s.Height; y += tile {
			for x := 0; x < s.Width; x += tile {
				sp := Spec{
					Frame: uint32(frame), Shift: PilotShift,
					X0: scaled(x, PilotShift), X1: scaled(min(x+tile, s.Width), PilotShift),
					Y0: scaled(y, PilotShift), Y1: scaled(min(y+tile, s.Height), PilotShift),
				}
				if sp.Pixels() > 0 {
					specs = append(specs, sp)
				}
			}
		}
	}
	if s.Layers {
		specs = append(specs, featurePilot(specs)...)
	}
	return specs
}

// ThumbnailSide is the most pixels along a side of a thumbnail.
const ThumbnailSide = 256

// ThumbnailSpec is a task that renders the whole (first) frame with one sample per
// pixel, at the largest scale that ThumbnailSide allows.
func ThumbnailSpec(s Settings) Spec {
	sp := Spec{Frame: uint32(s.FrameAt(0))}
	for scaled(max(s.Width, s.Height), sp.Shift) > ThumbnailSide {
		sp.Shift++
	}
	sp.X1, sp.Y1 = scaled(s.Width, sp.Shift), scaled(s.Height, sp.Shift)
	return sp
}

// NewPlan cuts the job into tasks whose planned work is read off the pilot,
// which must cover the whole small frame (in any tiles) in each layer.
func NewPlan(s Settings, pilot []PilotResult, opt Options) (Plan, error) {
	if err := s.Validate(); err != nil {
		return Plan{}, err
	}
	opt, err := opt.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	p := planner{set: s.withDefaults(), opt: opt}
	if s.Layers {
		p.opt = opt.halved(s.Samples)
	}
	for _, l := range s.layers() {
		if p.cost[l], err = newCosts(s, l, pilot); err != nil {
			return Plan{}, err
		}
	}
	total := p.total()
	if floor := total / comfortTasks; floor > float64(opt.TargetWork) {
		p.opt.TargetWork = uint64(min(floor, maxPlanned))
	}
	tasks := p.cut(total)
	if len(tasks) > MaxTasks {
		return Plan{}, fmt.Errorf("%w than the %d that fit: take larger tiles, or fewer frames at a time", ErrTasks, MaxTasks)
	}
	plan := Plan{Settings: p.set, Tasks: tasks}
	for i := range tasks {
		tasks[i].Index = uint32(i)
		plan.Planned += tasks[i].Planned
	}
	return plan, nil
}

func (o Options) withDefaults() (Options, error) {
	if o.Tile == 0 {
		o.Tile = DefaultTile
	}
	if o.Tile < minTile || o.Tile > maxTile {
		return o, fmt.Errorf("tiles of %d pixels a side cannot be planned, %d to %d can", o.Tile, minTile, maxTile)
	}
	if o.MaxLog2 < 0 || o.MaxLog2 > maxLog2 {
		return o, fmt.Errorf("blocks of 2^%d samples cannot be planned, 2^1 to 2^%d can", o.MaxLog2, maxLog2)
	}
	if o.MaxLog2 == 0 {
		o.MaxLog2 = maxLog2
	}
	if o.TargetWork == 0 {
		o.TargetWork = DefaultTargetWork
	}
	return o, nil
}

type planner struct {
	set  Settings
	opt  Options
	cost [Features + 1]costs // of each layer
}

// total is the units of the whole job.
func (p planner) total() float64 {
	sum := 0.0
	for _, l := range p.set.layers() {
		samples := float64(p.set.samplesOf(l))
		for i := range p.set.FrameCount() {
			sum += p.cost[l].work(p.set.FrameAt(i), 0, 0, p.set.Width, p.set.Height) * samples
		}
	}
	return sum
}

// cut makes the tasks in the order to lease them; total is their work. It stops
// past MaxTasks.
func (p planner) cut(total float64) []Task {
	tasks, from := p.preview(p.set.FrameAt(0))
	for _, t := range tasks {
		total -= float64(t.Planned)
	}
	for i := 0; i < p.set.FrameCount() && len(tasks) <= MaxTasks; i++ {
		n := p.set.FrameAt(i)
		frame := p.rest(n, from)
		if p.set.Layers {
			frame = p.features(frame, n)
		}
		tasks, total = p.taper(tasks, frame, total)
		from = 0
	}
	return tasks
}

// side is the largest tile that leaves enough of them for all sellers.
func (p planner) side() int {
	tile, busy := p.opt.Tile, busyTiles
	if p.set.FrameCount() > 1 {
		busy = busyTilesAnimated
	}
	for tile*2 <= maxTile && tiles(p.set.Width, tile*2)*tiles(p.set.Height, tile*2) >= busy {
		tile *= 2
	}
	return tile
}

// preview is the first pass over a frame and the number of its samples.
func (p planner) preview(frame int) (tasks []Task, samples int) {
	log2 := min(previewLog2, p.opt.MaxLog2, log2Floor(p.set.Samples))
	return p.pass(nil, p.side(), Spec{Frame: uint32(frame), Log2: uint32(log2)}, p.opt.TargetWork/previewShare, true), 1 << log2
}

// rest is the tasks for the samples of a frame from first on, in the fewest
// aligned blocks.
func (p planner) rest(frame, first int) []Task {
	var tasks []Task
	for first < p.set.Samples {
		log2 := maxLog2
		if first > 0 {
			log2 = bits.TrailingZeros(uint(first))
		}
		for first+1<<log2 > p.set.Samples {
			log2--
		}
		tasks = p.pass(tasks, p.side(), Spec{Frame: uint32(frame), First: uint32(first), Log2: uint32(log2)}, p.opt.TargetWork, false)
		first += 1 << log2
	}
	return tasks
}

// pass covers a frame with one block of samples of a layer, which is not cut if
// it is to stay whole.
func (p planner) pass(tasks []Task, side int, block Spec, target uint64, whole bool) []Task {
	for y := 0; y < p.set.Height; y += side {
		for x := 0; x < p.set.Width; x += side {
			tasks = p.place(tasks, area{x, y, side}, block, target, whole)
		}
	}
	return tasks
}

// area is a square of the frame, cut at its edge.
type area struct{ x, y, side int }

// place covers an area with one block of samples in tasks of at most the
// target: first the area is quartered down to the tile size, then the block is
// halved. One sample of one tile is never cut. It stops past MaxTasks.
func (p planner) place(tasks []Task, a area, block Spec, target uint64, whole bool) []Task {
	if a.x >= p.set.Width || a.y >= p.set.Height || len(tasks) > MaxTasks {
		return tasks
	}
	block.X0, block.Y0 = uint32(a.x), uint32(a.y)
	block.X1, block.Y1 = uint32(min(a.x+a.side, p.set.Width)), uint32(min(a.y+a.side, p.set.Height))
	t := p.task(block)
	large := t.Planned > target
	switch {
	case large && a.side > p.opt.Tile:
		half := a.side / 2
		for i := range 4 {
			tasks = p.place(tasks, area{a.x + i%2*half, a.y + i/2*half, half}, block, target, whole)
		}
		return tasks
	case int(block.Log2) > p.opt.MaxLog2, large && block.Log2 > 0 && !whole:
		for _, half := range halves(block) {
			tasks = p.place(tasks, a, half, target, whole)
		}
		return tasks
	}
	return append(tasks, t)
}

// halves are the two halves of a task's block of samples.
func halves(s Spec) [2]Spec {
	s.Log2--
	second := s
	second.First += 1 << s.Log2
	return [2]Spec{s, second}
}

func (p planner) task(sp Spec) Task {
	work := p.cost[sp.Layer].work(int(sp.Frame), int(sp.X0), int(sp.Y0), int(sp.X1), int(sp.Y1))
	units := math.Round(min(work*float64(sp.Samples()), maxPlanned))
	return Task{Spec: sp, Planned: max(uint64(units), sp.Pixels()*sp.Samples())}
}

func log2Floor(n int) int { return bits.Len(uint(n)) - 1 }

func tiles(side, tile int) int { return (side + tile - 1) / tile }
