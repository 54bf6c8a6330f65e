// Package meshopt decodes bufferViews that the glTF extensions
// EXT_meshopt_compression and KHR_meshopt_compression have compressed: streams
// of attributes (versions 0 and 1), of triangles and of indices, and the filters
// on attributes.
//
// It follows the appendices of those extensions. It is pure: bytes in, bytes
// out, and every read is checked.
package meshopt

import (
	"errors"
	"fmt"
)

// ErrDamaged is wrapped by every refusal.
var ErrDamaged = errors.New("the meshopt data are damaged")

var errShort = fmt.Errorf("%w: they end too early", ErrDamaged)

// View says what a stream holds.
type View struct {
	Mode   string // "ATTRIBUTES", "TRIANGLES" or "INDICES"
	Filter string // "NONE" or "", "OCTAHEDRAL", "QUATERNION", "EXPONENTIAL" or "COLOR"
	Count  int    // elements
	Stride int    // bytes of an element
}

// Check says what is wrong with a view, whatever its data.
func (v View) Check() error {
	attributes := v.Mode == "ATTRIBUTES"
	index := v.Mode == "TRIANGLES" || v.Mode == "INDICES"
	switch {
	case !attributes && !index:
		return fmt.Errorf("%w: there is no mode %q", ErrDamaged, v.Mode)
	case v.Count < 0 || v.Mode == "TRIANGLES" && v.Count%3 != 0:
		return fmt.Errorf("%w: %d elements in mode %s", ErrDamaged, v.Count, v.Mode)
	case attributes && (v.Stride < 4 || v.Stride > 256 || v.Stride%4 != 0), index && v.Stride != 2 && v.Stride != 4:
		return fmt.Errorf("%w: elements of %d bytes in mode %s", ErrDamaged, v.Stride, v.Mode)
	}
	fits := false
	switch v.Filter {
	case "", "NONE":
		fits = true
	case "OCTAHEDRAL", "COLOR":
		fits = attributes && (v.Stride == 4 || v.Stride == 8)
	case "QUATERNION":
		fits = attributes && v.Stride == 8
	case "EXPONENTIAL":
		fits = attributes
	}
	if !fits {
		return fmt.Errorf("%w: the filter %q does not go with mode %s and elements of %d bytes", ErrDamaged, v.Filter, v.Mode, v.Stride)
	}
	return nil
}

// Decode returns Count elements of Stride bytes. The caller bounds their
// product; streams that are too short for it are refused before it is allocated
// where the format lets one tell.
func Decode(data []byte, v View) ([]byte, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	switch v.Mode {
	case "TRIANGLES":
		return triangles(data, v.Count, v.Stride)
	case "INDICES":
		return indices(data, v.Count, v.Stride)
	}
	out, err := attributes(data, v.Count, v.Stride)
	if err != nil {
		return nil, err
	}
	switch v.Filter {
	case "OCTAHEDRAL":
		octahedral(out, v.Stride)
	case "QUATERNION":
		quaternion(out)
	case "EXPONENTIAL":
		exponential(out)
	case "COLOR":
		color(out, v.Stride)
	}
	return out, nil
}
