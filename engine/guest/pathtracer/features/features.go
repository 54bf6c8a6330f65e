// Package features holds small glTF scenes, one for each thing that a glTF file
// can say, and the pictures they must give: known in closed form, or equal to
// those of a twin that says the same in another way. The tests of the path
// tracer render them, and so do the tests that hold the engines of the sandbox
// to the same bytes.
//
// # Why
//
// The stage is flat: a camera without perspective sees the square from (-1,-1)
// to (1,1), and a sun of irradiance pi shines straight onto it, so that a matte
// surface that faces the camera is exactly as bright as its colour and one that
// is tilted darkens by the cosine. No noise hides a wrong value.
package features

import "math"

// Side is the width and the height of every picture, in pixels.
const Side = 16

// RGB is linear radiance.
type RGB [3]float64

// Grey is a radiance without colour.
func Grey(v float64) RGB { return RGB{v, v, v} }

// Skip is the wanted radiance of a pixel that is not looked at.
var Skip = RGB{-1, -1, -1}

// Scene is a glTF file and how it is rendered.
type Scene struct {
	GLB       []byte
	Frame     int     // the frame that is rendered
	FPS       float64 // 0 is the default of the settings
	Animation string
	Camera    string
	Bounces   int // 0 is the default
	Samples   int // 0 is 4
	Sky       float64
	Width     int // 0 is Side
}

// Feature is one thing that a glTF file can say.
type Feature struct {
	Group, Name string
	Check       string // how the picture is known, for the table
	Scene       Scene
	Want        func(x, y float64) RGB // at the centre of a pixel, on the stage; nil: see Twin
	Twin        *Scene                 // gives the same picture
	Tolerance   float64                // of Want; 0 is 2e-5
	Mean        bool                   // the mean of the picture is wanted: its pixels have noise
	Near        float64                // how far the twin's values may be; 0 is bit for bit
	Differing   float64                // the share of values that may differ from the twin's
	Warns       string                 // what inspect warns of, if the feature is left out
	Refused     string                 // what the renderer says, if it refuses the file
}

// All are the features in the order of the table.
func All() []Feature {
	var all []Feature
	for _, group := range []func() []Feature{geometry, attributes, textures, pictures, surfaces, materials, skins, morphs, animations, placing, leftOut} {
		all = append(all, group()...)
	}
	return all
}

// halves wants one radiance in the left half of the stage and another in the right.
func halves(left, right RGB) func(x, y float64) RGB {
	return func(x, _ float64) RGB {
		if x < 0 {
			return left
		}
		return right
	}
}

// inside wants a radiance within a rectangle and black around it.
func inside(x0, y0, x1, y1 float64, light RGB) func(x, y float64) RGB {
	return func(x, y float64) RGB {
		if x > x0 && x < x1 && y > y0 && y < y1 {
			return light
		}
		return RGB{}
	}
}

// everywhere wants one radiance.
func everywhere(light RGB) func(x, y float64) RGB {
	return func(float64, float64) RGB { return light }
}

// beside leaves out the pixels next to two upright edges at -x and x.
func beside(edge float64, want func(x, y float64) RGB) func(x, y float64) RGB {
	return func(x, y float64) RGB {
		if d := math.Abs(math.Abs(x) - edge); d < 2.0/Side {
			return Skip
		}
		return want(x, y)
	}
}
