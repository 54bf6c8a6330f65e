package gltf

import (
	"encoding/binary"
	"fmt"
	"math"

	"sonm/engine/gltf/draco"
)

// Component types of accessors.
const (
	glByte   = 5120
	glUbyte  = 5121
	glShort  = 5122
	glUshort = 5123
	glUint   = 5125
	glFloat  = 5126
)

var components = map[draco.Type]int{
	draco.Int8: glByte, draco.Uint8: glUbyte, draco.Int16: glShort, draco.Uint16: glUshort,
	draco.Int32: glUint, draco.Uint32: glUint, draco.Float32: glFloat,
}

var shapes = []string{1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}

// size is the bytes of a component; 0 if there is no such type.
func size(component int) int {
	switch component {
	case glByte, glUbyte:
		return 1
	case glShort, glUshort:
		return 2
	case glUint, glFloat:
		return 4
	}
	return 0
}

// bounds of integer components.
var bounds = map[int][2]int64{
	glByte: {-1 << 7, 1<<7 - 1}, glUbyte: {0, 1<<8 - 1}, glShort: {-1 << 15, 1<<15 - 1}, glUshort: {0, 1<<16 - 1}, glUint: {0, 1<<32 - 1},
}

// convert writes an attribute's elements at multiples of stride, as another type
// of component if the accessor has one.
func convert(a draco.Attribute, points, to, stride int) ([]byte, error) {
	same := components[a.Type] == to && a.Type != draco.Int32
	if a.Type == draco.Float32 && !same {
		return nil, fmt.Errorf("%w: the Draco data have floats, the accessor integers", ErrDamaged)
	}
	element := a.Components * a.Type.Size()
	out := make([]byte, 0, points*stride)
	for i := range points {
		from := a.Data[i*element:][:element]
		if same {
			out = append(out, from...)
		} else {
			var err error
			if out, err = convertElement(out, from, a, to); err != nil {
				return nil, err
			}
		}
		for len(out) < (i+1)*stride {
			out = append(out, 0)
		}
	}
	return out, nil
}

func convertElement(out, from []byte, a draco.Attribute, to int) ([]byte, error) {
	for ; len(from) > 0; from = from[a.Type.Size():] {
		v := integer(from, a.Type)
		if to == glFloat {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(fraction(v, a)))
			continue
		}
		if b := bounds[to]; v < b[0] || v > b[1] {
			return nil, fmt.Errorf("%w: the value %d does not fit the accessor's components", ErrDamaged, v)
		}
		out = appendInt(out, v, to)
	}
	return out, nil
}

// fraction is an integer as a float: of its type's greatest if it is normalized.
func fraction(v int64, a draco.Attribute) float32 {
	most := map[draco.Type]float32{
		draco.Int8: 1<<7 - 1, draco.Uint8: 1<<8 - 1, draco.Int16: 1<<15 - 1, draco.Uint16: 1<<16 - 1, draco.Int32: 1<<31 - 1, draco.Uint32: 1<<32 - 1,
	}[a.Type]
	if !a.Normalized {
		most = 1
	}
	return float32(v) / most
}

func integer(b []byte, t draco.Type) int64 {
	switch t {
	case draco.Int8:
		return int64(int8(b[0]))
	case draco.Uint8:
		return int64(b[0])
	case draco.Int16:
		return int64(int16(binary.LittleEndian.Uint16(b)))
	case draco.Uint16:
		return int64(binary.LittleEndian.Uint16(b))
	case draco.Int32:
		return int64(int32(binary.LittleEndian.Uint32(b)))
	default:
		return int64(binary.LittleEndian.Uint32(b))
	}
}

// appendInt writes the lowest bytes of v, which the caller has held against
// bounds.
func appendInt(b []byte, v int64, component int) []byte {
	switch size(component) {
	case 1:
		return append(b, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(b, uint16(v))
	default:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	}
}
