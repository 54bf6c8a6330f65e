package job

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	specVersion = 1
	specSize    = 40 // ten u32
)

// PilotShift is the scale of the pilot: 2^3, a frame of 1/8 size.
const PilotShift = 3

// MaxShift is the coarsest scale a spec may ask for: MaxSide becomes one pixel.
const MaxShift = 14

// MaxTilePixels bounds the pixels of one task, so that its result is at most
// 12 MiB on the wire; of a layer with wider pixels so many fewer fit.
const MaxTilePixels = 1 << 20

const maxLog2 = 16 // MaxSamples = 2^16

// Layer is what a task computes of each sample.
type Layer uint32

// The layers.
const (
	Radiance Layer = 0 // the light that arrives: R, G, B
	Features Layer = 1 // what the camera ray meets first; see Feature
)

// Values is the number of float32 a pixel of the layer has.
func (l Layer) Values() int {
	if l == Features {
		return FeatureValues
	}
	return 3
}

// Spec names one task of a render: the pixels [X0,X1) x [Y0,Y1) of a frame,
// origin top left, and the aligned block of samples [First, First + 2^Log2).
// It is comparable.
type Spec struct {
	Frame          uint32
	X0, Y0, X1, Y1 uint32
	First          uint32 // first sample, a multiple of 2^Log2
	Log2           uint32 // of the number of samples
	Shift          uint32 // the frame is ceil(width/2^Shift) x ceil(height/2^Shift); 0 but for the pilot
	Layer          Layer
}

// Encode writes the 40 bytes the guest's task() is called with.
func (s Spec) Encode() []byte {
	b := make([]byte, 0, specSize)
	for _, v := range [...]uint32{specVersion, s.Frame, s.X0, s.Y0, s.X1, s.Y1, s.First, s.Log2, s.Shift, uint32(s.Layer)} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// DecodeSpec reads the 40 bytes of a task spec. It checks what can be checked
// without the settings: order, alignment and size.
func DecodeSpec(b []byte) (Spec, error) {
	if len(b) != specSize {
		return Spec{}, fmt.Errorf("a task spec has %d bytes, this one %d", specSize, len(b))
	}
	var v [specSize / 4]uint32
	for i := range v {
		v[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	if v[0] != specVersion {
		return Spec{}, fmt.Errorf("task spec of version %d, this program reads version %d", v[0], specVersion)
	}
	s := Spec{Frame: v[1], X0: v[2], Y0: v[3], X1: v[4], Y1: v[5], First: v[6], Log2: v[7], Shift: v[8], Layer: Layer(v[9])}
	return s, s.check()
}

// Validate says in one sentence why a job with these settings has no such task.
func (s Spec) Validate(set Settings) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := set.checkFrame(s.Frame); err != nil {
		return err
	}
	w, h := scaled(set.Width, s.Shift), scaled(set.Height, s.Shift)
	if s.X1 > w || s.Y1 > h {
		return fmt.Errorf("the tile ends at (%d,%d), outside the frame of %d x %d", s.X1, s.Y1, w, h)
	}
	if s.Layer == Features && !set.Layers {
		return errors.New("the task is of the feature layers, which the job does not ask for")
	}
	if have := set.samplesOf(s.Layer); uint64(s.First)+s.Samples() > uint64(have) {
		return fmt.Errorf("the task's samples end at %d, the job has %d", uint64(s.First)+s.Samples(), have)
	}
	return nil
}

// check holds for every spec of whatever job.
func (s Spec) check() error {
	if s.X0 >= s.X1 || s.Y0 >= s.Y1 || s.X1 > MaxSide || s.Y1 > MaxSide {
		return fmt.Errorf("the tile from (%d,%d) to (%d,%d) is empty or too far out", s.X0, s.Y0, s.X1, s.Y1)
	}
	if s.Layer > Features {
		return fmt.Errorf("there is no layer %d", s.Layer)
	}
	if s.Pixels()*uint64(s.Layer.Values()) > MaxTilePixels*uint64(Radiance.Values()) {
		return fmt.Errorf("a tile of %d x %d pixels is too large for one task", s.X1-s.X0, s.Y1-s.Y0)
	}
	if s.Log2 > maxLog2 || s.First >= MaxSamples || uint64(s.First)%s.Samples() != 0 {
		return fmt.Errorf("samples from %d, 2^%d of them, are not an aligned block", s.First, s.Log2)
	}
	if s.Shift > MaxShift {
		return fmt.Errorf("a frame at 1/2^%d of its size is too small", s.Shift)
	}
	return nil
}

// Pixels is the area of the tile.
func (s Spec) Pixels() uint64 { return uint64(s.X1-s.X0) * uint64(s.Y1-s.Y0) }

// Samples is the number of samples per pixel of the block.
func (s Spec) Samples() uint64 { return 1 << s.Log2 }

// PayloadSize is the bytes of the task's result: the layer's values in float32
// per pixel.
func (s Spec) PayloadSize() int { return int(s.Pixels()) * s.Layer.Values() * 4 }

// scaled is ceil(side / 2^shift).
func scaled(side int, shift uint32) uint32 {
	return (uint32(side) + 1<<shift - 1) >> shift
}
