package job

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"
)

// Limits of a render job. They bound memory and arithmetic everywhere a
// settings value is used after Validate.
const (
	MaxSide       = 16384   // pixels a side; OpenEXR and PNG viewers stop near here
	MaxPixels     = 1 << 28 // pixels a frame: 3 GiB of film
	MaxSamples    = 65536   // samples a pixel: 2^16, the depth of the summing tree
	MaxBounces    = 256     // path length; far past where light is left
	maxNameLength = 256     // bytes of a camera's name
)

// DefaultBounces is the path length used when the settings say none.
const DefaultBounces = 8

// SettingsFile is the path of the settings inside a bundle.
const SettingsFile = "job.json"

// Settings is what the path tracer is asked for: the job.json of a bundle.
type Settings struct {
	Scene   string `json:"scene"`         // path of the scene inside the bundle
	Width   int    `json:"width"`         // pixels, 1..MaxSide
	Height  int    `json:"height"`        // pixels, 1..MaxSide
	Samples int    `json:"samples"`       // per pixel, 1..MaxSamples
	Frame   int    `json:"frame"`         // frame number, >= 0
	Camera  string `json:"camera"`        // name, or index as text; "" = the scene's first, or a framing default
	Bounces int    `json:"max_bounces"`   // 1..MaxBounces; 0 = DefaultBounces
	Sky     *Sky   `json:"sky,omitempty"` // nil = black if the scene has light, else a soft white default

	// Layers asks for the feature layers beside the picture; see Features.
	Layers bool `json:"layers,omitempty"`

	// An animation: one picture for each of these frames, and Frame is 0. Left
	// out of job.json where there is none, so that a picture's hash stays.
	Frames *Frames `json:"frames,omitempty"`
	FPS    float64 `json:"fps,omitempty"` // frames a second; frame n is at n / FPS seconds
}

// Sky is the light around the scene: a constant colour or an image. Make one
// with SkyColor or SkyFile, which set the strength to 1.
type Sky struct {
	Color    *[3]float64 `json:"color,omitempty"` // linear RGB radiance, >= 0
	File     string      `json:"file,omitempty"`  // path of an image in the bundle
	Strength float64     `json:"strength"`        // factor on the radiance, >= 0
	Rotation float64     `json:"rotation"`        // degrees about +Y
}

// SkyColor is a constant sky of strength 1.
func SkyColor(r, g, b float64) *Sky { return &Sky{Color: &[3]float64{r, g, b}, Strength: 1} }

// SkyFile is an image sky of strength 1.
func SkyFile(path string) *Sky { return &Sky{File: path, Strength: 1} }

// UnmarshalJSON reads a sky; a strength left out is 1.
func (s *Sky) UnmarshalJSON(b []byte) error {
	type plain Sky
	p := plain{Strength: 1}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return err
	}
	*s = Sky(p)
	return nil
}

// DecodeSettings reads and validates job.json. Unknown fields are refused: to
// ignore one would render another picture than was asked for.
func DecodeSettings(b []byte) (Settings, error) {
	var s Settings
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, fmt.Errorf("settings of %d bytes: %w", len(b), err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Settings{}, fmt.Errorf("settings of %d bytes: text after the end of the object", len(b))
	}
	if err := s.Validate(); err != nil {
		return Settings{}, err
	}
	return s.withDefaults(), nil
}

// Encode writes the canonical job.json: fixed field order, defaults filled in,
// no white space. Equal settings give equal bytes, hence equal hashes.
func (s Settings) Encode() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(s.withDefaults()); err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// Validate says in one sentence what is wrong, or returns nil.
func (s Settings) Validate() error {
	if err := CheckPath(s.Scene); err != nil {
		return fmt.Errorf("scene: %w", err)
	}
	if s.Width < 1 || s.Width > MaxSide || s.Height < 1 || s.Height > MaxSide {
		return fmt.Errorf("a picture of %d x %d pixels cannot be rendered, a side has 1 to %d", s.Width, s.Height, MaxSide)
	}
	if int64(s.Width)*int64(s.Height) > MaxPixels {
		return fmt.Errorf("a picture of %d x %d pixels is too large, %d pixels fit", s.Width, s.Height, MaxPixels)
	}
	if s.Samples < 1 || s.Samples > MaxSamples {
		return fmt.Errorf("%d samples per pixel cannot be rendered, 1 to %d can", s.Samples, MaxSamples)
	}
	if err := s.validateTime(); err != nil {
		return err
	}
	if len(s.Camera) > maxNameLength || !utf8.ValidString(s.Camera) {
		return fmt.Errorf("the camera's name of %d bytes is not UTF-8 text of at most %d", len(s.Camera), maxNameLength)
	}
	if s.Bounces < 0 || s.Bounces > MaxBounces {
		return fmt.Errorf("%d bounces cannot be traced, 1 to %d can", s.Bounces, MaxBounces)
	}
	return s.Sky.validate()
}

func (s *Sky) validate() error {
	if s == nil {
		return nil
	}
	if s.File != "" {
		if err := CheckPath(s.File); err != nil {
			return fmt.Errorf("sky: %w", err)
		}
	}
	if !within(s.Strength, 0, 1e9) {
		return fmt.Errorf("a sky of strength %v makes no sense, it is 0 to 1e9", s.Strength)
	}
	if !within(s.Rotation, -1e6, 1e6) {
		return fmt.Errorf("a sky turned by %v degrees makes no sense", s.Rotation)
	}
	if s.Color == nil {
		return nil
	}
	for _, c := range s.Color {
		if !within(c, 0, 1e9) {
			return fmt.Errorf("the sky's colour %v makes no sense, each part is 0 to 1e9", *s.Color)
		}
	}
	return nil
}

// within is false for NaN.
func within(v, lo, hi float64) bool { return v >= lo && v <= hi }

func (s Settings) withDefaults() Settings {
	if s.Bounces == 0 {
		s.Bounces = DefaultBounces
	}
	if s.Frames != nil {
		f := s.Frames.canonical()
		s.Frames = &f
	}
	return s
}
