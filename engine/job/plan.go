package job

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
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
	maxPlanned        = 1 << 42    // units of one task; MaxTasks of them still fit 64 bits
)

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
// rest, largest first, so that the tail is short.
type Plan struct {
	Settings Settings
	Tasks    []Task
	Planned  uint64 // sum over the tasks
}

// PilotSpecs are the tasks of the pilot: one sample per pixel of the frame at
// 1/8 size, one task per tile of the full frame. Together they cover every
// pixel of the small frame once, in each layer the job asks for.
func PilotSpecs(s Settings, tile int) []Spec {
	tile = max(tile, minTile)
	var specs []Spec
	for y := 0; y < s.Height; y += tile {
		for x := 0; x < s.Width; x += tile {
			sp := Spec{
				Frame: uint32(s.Frame), Shift: PilotShift,
				X0: scaled(x, PilotShift), X1: scaled(min(x+tile, s.Width), PilotShift),
				Y0: scaled(y, PilotShift), Y1: scaled(min(y+tile, s.Height), PilotShift),
			}
			if sp.Pixels() > 0 {
				specs = append(specs, sp)
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

// ThumbnailSpec is a task that renders the whole frame with one sample per
// pixel, at the largest scale that ThumbnailSide allows.
func ThumbnailSpec(s Settings) Spec {
	sp := Spec{Frame: uint32(s.Frame)}
	for scaled(max(s.Width, s.Height), sp.Shift) > ThumbnailSide {
		sp.Shift++
	}
	sp.X1, sp.Y1 = scaled(s.Width, sp.Shift), scaled(s.Height, sp.Shift)
	return sp
}

// NewPlan cuts the job into tasks whose planned work is read off the pilot,
// which must cover the whole small frame (in any tiles).
func NewPlan(s Settings, pilot []PilotResult, opt Options) (Plan, error) {
	if err := s.Validate(); err != nil {
		return Plan{}, err
	}
	opt, err := opt.withDefaults()
	if err != nil {
		return Plan{}, err
	}
	if s.Layers {
		opt = opt.halved(s.Samples)
	}
	m, err := newCostMap(s, Radiance, pilot)
	if err != nil {
		return Plan{}, err
	}
	total := m.work(0, 0, s.Width, s.Height) * float64(s.Samples)
	if floor := total / comfortTasks; floor > float64(opt.TargetWork) {
		opt.TargetWork = uint64(min(floor, maxPlanned))
	}
	p := planner{set: s.withDefaults(), opt: opt, cost: m}
	tasks := p.cut()
	if s.Layers {
		m, err := newCostMap(s, Features, pilot)
		if err != nil {
			return Plan{}, err
		}
		tasks = p.features(tasks, m)
	}
	if len(tasks) > MaxTasks {
		return Plan{}, fmt.Errorf("this job would be cut into %d tasks, %d fit: take larger tiles", len(tasks), MaxTasks)
	}
	return arrange(p.set, tasks), nil
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
	cost costMap
}

// cut makes the tasks of the first pass, then those of the rest.
func (p planner) cut() []Task {
	tile := p.opt.Tile
	for tile*2 <= maxTile && tiles(p.set.Width, tile*2)*tiles(p.set.Height, tile*2) >= busyTiles {
		tile *= 2
	}
	preview := min(previewLog2, p.opt.MaxLog2, log2Floor(p.set.Samples))
	tasks := p.pass(nil, tile, 0, preview, p.opt.TargetWork/previewShare)
	for first := 1 << preview; first < p.set.Samples; {
		log2 := bits.TrailingZeros(uint(first))
		for first+1<<log2 > p.set.Samples {
			log2--
		}
		tasks = p.pass(tasks, tile, first, log2, p.opt.TargetWork)
		first += 1 << log2
	}
	return tasks
}

// pass covers the frame with one block of samples.
func (p planner) pass(tasks []Task, tile, first, log2 int, target uint64) []Task {
	for y := 0; y < p.set.Height; y += tile {
		for x := 0; x < p.set.Width; x += tile {
			tasks = p.place(tasks, area{x, y, tile}, first, log2, target)
		}
	}
	return tasks
}

// area is a square of the frame, cut at its edge.
type area struct{ x, y, side int }

// place covers an area with one block of samples in tasks of at most the
// target: first the area is quartered down to the tile size, then the block is
// halved. One sample of one tile is never cut. It stops past MaxTasks.
func (p planner) place(tasks []Task, a area, first, log2 int, target uint64) []Task {
	if a.x >= p.set.Width || a.y >= p.set.Height || len(tasks) > MaxTasks {
		return tasks
	}
	t := p.task(a.x, a.y, a.side, first, log2)
	large := t.Planned > target
	switch {
	case large && a.side > p.opt.Tile:
		half := a.side / 2
		for i := range 4 {
			tasks = p.place(tasks, area{a.x + i%2*half, a.y + i/2*half, half}, first, log2, target)
		}
		return tasks
	case log2 > p.opt.MaxLog2, large && log2 > 0 && first > 0:
		tasks = p.place(tasks, a, first, log2-1, target)
		return p.place(tasks, a, first+1<<(log2-1), log2-1, target)
	}
	return append(tasks, t)
}

func (p planner) task(x, y, tile, first, log2 int) Task {
	x1, y1 := min(x+tile, p.set.Width), min(y+tile, p.set.Height)
	sp := Spec{
		Frame: uint32(p.set.Frame), X0: uint32(x), Y0: uint32(y), X1: uint32(x1), Y1: uint32(y1),
		First: uint32(first), Log2: uint32(log2),
	}
	units := math.Round(min(p.cost.work(x, y, x1, y1)*float64(sp.Samples()), maxPlanned))
	return Task{Spec: sp, Planned: max(uint64(units), sp.Pixels()*sp.Samples())}
}

// arrange orders the tasks: the first pass as it is, then by work, largest
// first; ties by samples, then as cut.
func arrange(s Settings, tasks []Task) Plan {
	n := slices.IndexFunc(tasks, func(t Task) bool { return t.Spec.First > 0 })
	if n < 0 {
		n = len(tasks)
	}
	slices.SortStableFunc(tasks[n:], func(a, b Task) int {
		return cmp.Or(cmp.Compare(b.Planned, a.Planned), cmp.Compare(a.Spec.First, b.Spec.First))
	})
	plan := Plan{Settings: s, Tasks: tasks}
	for i := range tasks {
		tasks[i].Index = uint32(i)
		plan.Planned += tasks[i].Planned
	}
	return plan
}

func log2Floor(n int) int { return bits.Len(uint(n)) - 1 }

func tiles(side, tile int) int { return (side + tile - 1) / tile }

// costMap integrates the work of one sample per full-size pixel, which is
// constant over each pixel of the small frame: a table of sums, so that the
// work of any rectangle costs four look-ups.
type costMap struct {
	w, h int       // of the small frame
	sums []float64 // (w+1) x (h+1): work of all full-size pixels left of and above the corner
}

// errPilot says that the pilot left a part of the frame out.
var errPilot = errors.New("the pilot does not cover the frame")

// newCostMap reads a layer's cost off the pilot.
func newCostMap(s Settings, l Layer, pilot []PilotResult) (costMap, error) {
	m := costMap{w: int(scaled(s.Width, PilotShift)), h: int(scaled(s.Height, PilotShift))}
	per := make([]float64, m.w*m.h)
	for _, r := range pilot {
		if err := r.Spec.Validate(s); err != nil {
			return costMap{}, fmt.Errorf("pilot: %w", err)
		}
		if r.Spec.Shift != PilotShift {
			return costMap{}, fmt.Errorf("pilot: a task at 1/2^%d size, want 1/2^%d", r.Spec.Shift, PilotShift)
		}
		if r.Spec.Layer != l {
			continue
		}
		// a sample traces one ray at least, whatever the pilot says
		cost := max(1, float64(r.Work)/float64(r.Spec.Pixels()*r.Spec.Samples()))
		for y := r.Spec.Y0; y < r.Spec.Y1; y++ {
			for x := r.Spec.X0; x < r.Spec.X1; x++ {
				per[int(y)*m.w+int(x)] = cost
			}
		}
	}
	if slices.Contains(per, 0) {
		return costMap{}, errPilot
	}
	m.sums = integrate(per, m.w, m.h)
	return m, nil
}

func integrate(per []float64, w, h int) []float64 {
	const cell = (1 << PilotShift) * (1 << PilotShift) // full-size pixels
	sums := make([]float64, (w+1)*(h+1))
	for y := range h {
		row := 0.0
		for x := range w {
			row += per[y*w+x] * cell
			sums[(y+1)*(w+1)+x+1] = sums[y*(w+1)+x+1] + row
		}
	}
	return sums
}

// work is the units of one sample in each full-size pixel of [x0,x1) x [y0,y1).
func (m costMap) work(x0, y0, x1, y1 int) float64 {
	return m.upTo(x1, y1) - m.upTo(x0, y1) - m.upTo(x1, y0) + m.upTo(x0, y0)
}

// upTo is the work left of x and above y; between corners it is bilinear,
// exactly, because the cost is constant there.
func (m costMap) upTo(x, y int) float64 {
	const side = 1 << PilotShift
	cx, cy := min(x/side, m.w-1), min(y/side, m.h-1)
	fx, fy := float64(x-cx*side)/side, float64(y-cy*side)/side
	at := cy*(m.w+1) + cx
	top := m.sums[at]*(1-fx) + m.sums[at+1]*fx
	bottom := m.sums[at+m.w+1]*(1-fx) + m.sums[at+m.w+2]*fx
	return top*(1-fy) + bottom*fy
}
