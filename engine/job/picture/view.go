package picture

import (
	"fmt"
	"math"
)

// View is how light becomes a picture for the eye.
type View int

// The views.
const (
	Standard View = iota // as it is: clamped to [0,1], sRGB curve
	AgX                  // Troy Sobotka's AgX: film-like, bright colours fade to white
	Neutral              // Khronos PBR Neutral: base colours as they are, only highlights are pressed in
)

// views are the names, by View.
var views = [...]string{Standard: "standard", AgX: "agx", Neutral: "neutral"}

// ParseView reads a name: standard, agx or neutral; "" is Standard.
func ParseView(name string) (View, error) {
	for v, n := range views {
		if n == name || name == "" {
			return View(v), nil
		}
	}
	return Standard, fmt.Errorf("there is no view %q, only standard, agx and neutral", name)
}

// String is the view's name.
func (v View) String() string {
	if v < 0 || int(v) >= len(views) {
		return fmt.Sprintf("View(%d)", int(v))
	}
	return views[v]
}

// MaxExposure bounds the exposure of a look, in stops up and down.
const MaxExposure = 32

// Look is how a picture is shown; the zero value is the standard view as it was
// rendered, in 8 bits.
type Look struct {
	View     View
	Exposure float64 // stops: light is multiplied by 2^Exposure first; -MaxExposure..MaxExposure
	Bits     int     // of a PNG's channel: 8 or 16; 0 is 8
}

// Validate says in one sentence why there is no such look.
func (l Look) Validate() error {
	switch {
	case l.View < Standard || l.View > Neutral:
		return fmt.Errorf("there is no view %v", l.View)
	case !(math.Abs(l.Exposure) <= MaxExposure): // also what is not a number
		return fmt.Errorf("an exposure of %v stops makes no sense, it is -%d to %d", l.Exposure, MaxExposure, MaxExposure)
	case l.Bits != 0 && l.Bits != 8 && l.Bits != 16:
		return fmt.Errorf("a PNG cannot have %d bits, it has 8 or 16", l.Bits)
	}
	return nil
}

// Show turns linear Rec. 709 light into the values of an sRGB display, 0 to 1,
// sRGB curve applied. What is not a number is black.
func (l Look) Show(rgb [3]float32) [3]float64 {
	gain := math.Exp2(l.Exposure)
	var c [3]float64
	for i, v := range rgb {
		if v > 0 {
			c[i] = min(float64(v)*gain, math.MaxFloat32)
		}
	}
	switch l.View {
	case AgX:
		return agx(c)
	case Neutral:
		c = neutral(c)
	case Standard:
	}
	for i, v := range c {
		c[i] = srgb(min(v, 1))
	}
	return c
}

// srgb is the curve of IEC 61966-2-1 for v in [0,1].
func srgb(v float64) float64 {
	if v <= 0.0031308 {
		return v * 12.92
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

// Khronos PBR Neutral: the equations and constants of its specification,
// github.com/KhronosGroup/ToneMapping, PBR_Neutral/README.md, version 1.0.
const (
	neutralF90     = 0.04                 // Fresnel reflection of a dielectric, taken off what is dark
	neutralStart   = 0.8 - neutralF90     // K_s: peaks above it are pressed in
	neutralFade    = 0.15                 // K_d: how fast they lose colour
	neutralRoom    = 1 - neutralStart     // what the peaks are pressed into
	neutralDarkest = 2 * neutralF90       // below it less than F90 is taken off
	neutralToe     = 1 / (4 * neutralF90) // so that the slope is continuous there
)

func neutral(c [3]float64) [3]float64 {
	x, offset := min(c[0], c[1], c[2]), neutralF90
	if x < neutralDarkest {
		offset = x - neutralToe*x*x
	}
	for i := range c {
		c[i] -= offset
	}
	peak := max(c[0], c[1], c[2])
	if peak <= neutralStart {
		return c
	}
	pressed := 1 - neutralRoom*neutralRoom/(peak+neutralRoom-neutralStart)
	white := 1 - 1/(neutralFade*(peak-pressed)+1)
	for i := range c {
		c[i] = c[i]*pressed/peak*(1-white) + pressed*white
	}
	return c
}

// AgX as Troy Sobotka published it first, github.com/sobotka/AgX-S2O3: the
// inset matrix and the two constants of its log2 range from the configuration,
// the curve as AgX.py defines it (a sigmoid by Jed Smith) with the parameters
// generate_config.py calls it with. Its result is what the display is given.
const (
	agxGrey  = 0.18 // light of the middle
	agxBelow = 10.0 // stops of shadow
	agxAbove = 6.5  // stops of highlight

	agxPivot    = agxBelow / (agxBelow + agxAbove) // where middle grey is on the log2 axis
	agxMiddle   = 0.5                              // what it becomes
	agxSlope    = 2.0                              // contrast there
	agxToe      = 3.0                              // power towards black
	agxShoulder = 3.25                             // power towards white
)

var agxInset = [3][3]float64{
	{0.842479062253094, 0.0784335999999992, 0.0792237451477643},
	{0.0423282422610123, 0.878468636469772, 0.0791661274605434},
	{0.0423756549057051, 0.0784336, 0.879142973793104},
}

func agx(c [3]float64) (out [3]float64) {
	for i, row := range agxInset {
		v := row[0]*c[0] + row[1]*c[1] + row[2]*c[2]
		stops := math.Log2(max(v, 1e-30) / agxGrey)
		x := (min(max(stops, -agxBelow), agxAbove) + agxBelow) / (agxBelow + agxAbove)
		out[i] = min(max(agxCurve(x), 0), 1)
	}
	return out
}

// agxCurve is the contrast: slope agxSlope at the pivot, and hyperbolas that
// reach 0 at 0 and 1 at 1.
func agxCurve(x float64) float64 {
	if x < agxPivot {
		return agxMiddle - toe.rise(agxPivot-x)
	}
	return agxMiddle + shoulder.rise(x-agxPivot)
}

var (
	toe      = newHyperbola(agxPivot, agxMiddle, agxToe)
	shoulder = newHyperbola(1-agxPivot, 1-agxMiddle, agxShoulder)
)

// hyperbola rises from 0 at 0 with slope agxSlope and reaches height at width.
type hyperbola struct{ power, scale float64 }

func newHyperbola(width, height, power float64) hyperbola {
	steep := math.Pow(agxSlope*width/height, power) - 1
	return hyperbola{power, math.Pow(math.Pow(agxSlope*width, -power)*steep, -1/power)}
}

func (h hyperbola) rise(x float64) float64 {
	t := agxSlope * x / h.scale
	return h.scale * t / math.Pow(1+math.Pow(t, h.power), 1/h.power)
}
