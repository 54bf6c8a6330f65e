package job

import (
	"fmt"
	"math"
)

// Limits of an animation.
const (
	MaxFrames = 1 << 16 // frames of one job: 45 minutes at 24 a second
	MaxFPS    = 1000    // frames a second
)

// DefaultFPS is the frames a second of film, and of most 3D programs.
const DefaultFPS = 24

// Frames is the frames of an animation: First, First + Step and so on, none
// past Last. Frame n shows the scene at n / FPS seconds; glTF's animations
// start at 0 s.
type Frames struct {
	First int `json:"first"` // >= 0
	Last  int `json:"last"`  // >= First
	Step  int `json:"step"`  // >= 1
}

// Count is the number of frames.
func (f Frames) Count() int {
	if f.Step < 1 || f.Last < f.First {
		return 0
	}
	return (f.Last-f.First)/f.Step + 1
}

// validate says in one sentence what is wrong, or returns nil.
func (f Frames) validate() error {
	switch {
	case f.First < 0 || f.Last > math.MaxInt32:
		return fmt.Errorf("frames %d to %d do not exist, frames are numbered 0 to %d", f.First, f.Last, math.MaxInt32)
	case f.Last < f.First:
		return fmt.Errorf("frames %d to %d run backwards, the lower number comes first", f.First, f.Last)
	case f.Step < 1:
		return fmt.Errorf("every %dth frame makes no sense, the step is 1 or more", f.Step)
	case f.Count() > MaxFrames:
		return fmt.Errorf("%d frames are too many for one job, %d fit", f.Count(), MaxFrames)
	}
	return nil
}

// canonical is the one way to write these frames.
func (f Frames) canonical() Frames {
	n := f.Count()
	f.Last = f.First + (n-1)*f.Step
	if n == 1 {
		f.Step = 1
	}
	return f
}

// Animated reports whether the job has a range of frames and not one picture.
func (s Settings) Animated() bool { return s.Frames != nil }

// FrameCount is the number of pictures of the job.
func (s Settings) FrameCount() int {
	if s.Frames == nil {
		return 1
	}
	return s.Frames.Count()
}

// FrameAt is the number of the i-th picture of the job, counted from 0.
func (s Settings) FrameAt(i int) int {
	if s.Frames == nil {
		return s.Frame
	}
	return s.Frames.First + i*s.Frames.Step
}

// checkFrame says in one sentence why the job has no such frame.
func (s Settings) checkFrame(n uint32) error {
	f := s.Frames
	switch {
	case f == nil && int64(n) != int64(s.Frame):
		return fmt.Errorf("the task is of frame %d, the job renders frame %d", n, s.Frame)
	case f != nil && (int64(n) < int64(f.First) || int64(n) > int64(f.Last) || (int64(n)-int64(f.First))%int64(f.Step) != 0):
		return fmt.Errorf("the task is of frame %d, the job renders every %dth of frames %d to %d", n, f.Step, f.First, f.Last)
	}
	return nil
}

// validateTime checks which moments of the scene are asked for.
func (s Settings) validateTime() error {
	if s.Frame < 0 || s.Frame > math.MaxInt32 {
		return fmt.Errorf("frame %d does not exist, frames are numbered 0 to %d", s.Frame, math.MaxInt32)
	}
	if (s.FPS != 0 || s.Frames != nil) && !(s.FPS > 0 && s.FPS <= MaxFPS) { // also what is not a number
		return fmt.Errorf("%v frames a second cannot be rendered, it is more than 0 and at most %d", s.FPS, MaxFPS)
	}
	if s.Frames == nil {
		return nil
	}
	if s.Frame != 0 {
		return fmt.Errorf("a job renders frame %d or a range of frames, not both", s.Frame)
	}
	return s.Frames.validate()
}
