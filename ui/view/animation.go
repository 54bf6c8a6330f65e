package view

import (
	"fmt"
	"math"
	"strings"

	"sonm/app/event"
	"sonm/engine/fog"
)

// FPS is the frames a second of animations ordered in the window.
const FPS = 24

// Animation is the choice of frames where the scene moves.
type Animation struct {
	Whole string // range of all frames, "" if the scene stands still
	Offer string // the button that chooses them
}

// animationOf is the longest of a scene's animations: they run side by side.
func animationOf(all []fog.Animation) Animation {
	longest := 0.0
	for _, a := range all {
		longest = max(longest, a.Seconds)
	}
	last := math.Floor(longest*FPS + 1e-3) // a last key that is not quite on its frame
	if !(last >= 1 && last <= math.MaxInt32) {
		return Animation{}
	}
	n := int(last) + 1
	return Animation{
		Whole: fmt.Sprintf("0-%d", n-1),
		Offer: fmt.Sprintf("All %s at %d fps", count(n, "frame", "frames"), FPS),
	}
}

// animation reads the range of frames; what is unclear is said in a sentence.
func (f Form) animation() (frames *event.Frames, fps float64, unclear string) {
	if strings.TrimSpace(f.Frames) == "" {
		return nil, 0, ""
	}
	r, ok := event.ParseFrames(f.Frames)
	switch {
	case !ok:
		return nil, 0, "Frames must be a range such as 1-48, or empty for one picture."
	case r.Last < r.First:
		return nil, 0, "The range of frames runs backwards; the lower number comes first."
	}
	return &r, FPS, ""
}
