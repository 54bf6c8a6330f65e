package view

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sonm/app/event"
)

// What an order says where the window has no field: the terminal's defaults.
const (
	bounces   = 8    // enough for glass before a wall
	checkRate = 0.05 // the share of tasks done a second time to catch cheats
	patience  = 30 * time.Second
)

// The bounds of a picture, as the renderer has them.
const (
	maxSide    = 16384   // pixels
	maxPixels  = 1 << 28 // a picture
	maxSamples = 65536   // a pixel
)

// Form is the size and quality of a picture, as typed; Frames is empty, or the
// range of an animation.
type Form struct {
	Width, Height, Samples, Camera, Frames string

	Layers  bool // for an EXR
	Denoise bool
}

// Extras says what the form's two switches are for.
const Extras = "Layers puts colours, directions and distances into an EXR, for editing. " +
	"Denoise smooths the grain that is left; the saved picture says so."

// Choice is a preset of a part of the form.
type Choice struct {
	Name string
	Form Form // empty fields are left alone
}

// Sizes are the presets of the size.
func Sizes() []Choice {
	return []Choice{
		{"Small", Form{Width: "640", Height: "360"}},
		{"HD", Form{Width: "1280", Height: "720"}},
		{"Full HD", Form{Width: "1920", Height: "1080"}},
	}
}

// Qualities are the presets of the samples.
func Qualities() []Choice {
	return []Choice{{"Draft", Form{Samples: "16"}}, {"Good", Form{Samples: "128"}}, {"Fine", Form{Samples: "512"}}}
}

// DefaultForm is what the fields hold at first.
func DefaultForm() Form { return Form{Width: "1280", Height: "720", Samples: "128"} }

// With is f with the fields that c sets.
func (f Form) With(c Choice) Form {
	set := func(to *string, v string) {
		if v != "" {
			*to = v
		}
	}
	set(&f.Width, c.Form.Width)
	set(&f.Height, c.Form.Height)
	set(&f.Samples, c.Form.Samples)
	return f
}

// Is reports whether f is what c would make of it.
func (f Form) Is(c Choice) bool { return f.With(c) == f }

// Order is f for a scene.
func (f Form) Order(scene string) (event.Order, *event.Problem) {
	w, err1 := whole(f.Width, maxSide)
	h, err2 := whole(f.Height, maxSide)
	s, err3 := whole(f.Samples, maxSamples)
	var wrong string
	switch {
	case err1 != nil || err2 != nil:
		wrong = fmt.Sprintf("Width and height must be whole numbers from 1 to %d.", maxSide)
	case err3 != nil:
		wrong = fmt.Sprintf("Samples must be a whole number from 1 to %d.", maxSamples)
	case f.Denoise && s < 2:
		wrong = "Denoise needs at least 2 samples."
	case w*h > maxPixels:
		wrong = "The picture is too large: it may have 268 million pixels."
	}
	frames, fps, unclear := f.animation()
	if wrong == "" {
		wrong = unclear
	}
	if wrong != "" {
		return event.Order{}, &event.Problem{Code: "settings", What: wrong}
	}
	return event.Order{
		Scene: scene, Width: w, Height: h, Samples: s, Camera: f.Camera, Frames: frames, FPS: fps,
		Bounces: bounces, SkyStrength: 1, Wait: patience, CheckRate: checkRate,
		Layers: f.Layers, Look: event.Look{Denoise: f.Denoise},
	}, nil
}

func whole(s string, most int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is not 1 to %d", s, most)
	}
	return n, nil
}

// Endings are the scene files the window takes.
func Endings() []string { return []string{".glb", ".gltf", ".zip"} }

// Scene picks the scene among what was dropped, or says why none is. The path of
// a folder ends in a slash; a scene file goes before an archive, and that before
// a folder, which may hold only its textures.
func Scene(paths []string) (string, *event.Problem) {
	if len(paths) == 0 {
		return "", &event.Problem{Code: "format", What: "What was dropped is not a file on this computer."}
	}
	for _, ending := range Endings() {
		for _, p := range paths {
			if strings.EqualFold(filepath.Ext(p), ending) {
				return p, nil
			}
		}
	}
	for _, p := range paths {
		if strings.HasSuffix(p, "/") && p != "/" {
			return strings.TrimSuffix(p, "/"), nil
		}
	}
	return "", &event.Problem{
		Code: "format", What: fmt.Sprintf("SONM cannot open %s.", filepath.Base(paths[0])),
		Do: "Drop a .glb or .gltf file, or a folder or .zip archive with one; every 3D program can export these.",
	}
}

// PictureName is the name to suggest for the picture of a scene.
func PictureName(scene, ending string) string {
	base := filepath.Base(scene)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	if base == "" || base == "." {
		base = "picture"
	}
	return base + ending
}

// PicturePath gives a chosen path an ending that can be written: the one it
// has, or the wanted one behind it.
func PicturePath(path, ending string) string {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".png", ".exr", ".mp4", ".webm", ".mkv":
		return path
	}
	return path + ending
}
