package job

import (
	"errors"
	"fmt"
	"slices"
)

// pilotFrames is how many frames of an animation are piloted, at most: in
// between the work is interpolated. A pilot of a frame is cheap, posing a large
// scene for it is not.
const pilotFrames = 5

// PilotFrames are the frames a pilot renders, spread evenly over the range with
// its first and last among them.
func PilotFrames(s Settings) []int {
	n := s.FrameCount()
	m := min(n, pilotFrames)
	frames := make([]int, 0, m)
	for i := range m {
		at := 0
		if m > 1 {
			at = i * (n - 1) / (m - 1)
		}
		frames = append(frames, s.FrameAt(at))
	}
	return frames
}

// costs is what frames cost, from some that were piloted, in order.
type costs []frameCost

type frameCost struct {
	frame int
	costMap
}

// newCosts reads what a layer costs off the pilot, which must cover the whole
// small frame of each frame it has.
func newCosts(s Settings, l Layer, pilot []PilotResult) (costs, error) {
	of := map[uint32][]PilotResult{}
	for _, r := range pilot {
		if err := r.Spec.Validate(s); err != nil {
			return nil, fmt.Errorf("pilot: %w", err)
		}
		if r.Spec.Shift != PilotShift {
			return nil, fmt.Errorf("pilot: a task at 1/2^%d size, want 1/2^%d", r.Spec.Shift, PilotShift)
		}
		if r.Spec.Layer == l {
			of[r.Spec.Frame] = append(of[r.Spec.Frame], r)
		}
	}
	if len(of) == 0 {
		return nil, errPilot
	}
	var all costs
	for n, results := range of {
		m, err := newCostMap(s, results)
		if err != nil {
			return nil, err
		}
		all = append(all, frameCost{int(n), m})
	}
	slices.SortFunc(all, func(a, b frameCost) int { return a.frame - b.frame })
	return all, nil
}

// work is the units of one sample in each full-size pixel of [x0,x1) x [y0,y1)
// of a frame: a straight line between the piloted ones, level outside them.
func (c costs) work(frame, x0, y0, x1, y1 int) float64 {
	i, found := slices.BinarySearchFunc(c, frame, func(f frameCost, n int) int { return f.frame - n })
	switch {
	case found || i == 0:
		return c[i].work(x0, y0, x1, y1)
	case i == len(c):
		return c[i-1].work(x0, y0, x1, y1)
	}
	a, b := c[i-1], c[i]
	t := float64(frame-a.frame) / float64(b.frame-a.frame)
	return a.work(x0, y0, x1, y1)*(1-t) + b.work(x0, y0, x1, y1)*t
}

// costMap integrates the work of one sample per full-size pixel, which is
// constant over each pixel of the small frame: a table of sums, so that the
// work of any rectangle costs four look-ups.
type costMap struct {
	w, h int       // of the small frame
	sums []float64 // (w+1) x (h+1): work of all full-size pixels left of and above the corner
}

// errPilot says that the pilot left a part of a frame out.
var errPilot = errors.New("the pilot does not cover the frame")

func newCostMap(s Settings, pilot []PilotResult) (costMap, error) {
	m := costMap{w: int(scaled(s.Width, PilotShift)), h: int(scaled(s.Height, PilotShift))}
	per := make([]float64, m.w*m.h)
	for _, r := range pilot {
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
