package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"sonm/engine/job/picture"
)

// The rival, and the script that it runs.
const (
	blender      = "blender"
	cyclesScript = "build/bench/cycles.py"
)

// cyclesRender is one picture that Cycles is asked for.
type cyclesRender struct {
	Samples int    `json:"samples"` // per pixel
	Seed    int    `json:"seed"`
	Threads int    `json:"threads"` // 0 = all
	Out     string `json:"out"`     // path of the OpenEXR file
}

// cyclesOrder is what cycles.py reads.
type cyclesOrder struct {
	Scene   string         `json:"scene"`
	Frame   int            `json:"frame"`
	Width   int            `json:"width"`
	Height  int            `json:"height"`
	Bounces int            `json:"bounces"`
	Sky     *skyOrder      `json:"sky"`
	Renders []cyclesRender `json:"renders"`
}

// skyOrder is the light around a scene: a colour or the path of an HDR picture.
type skyOrder struct {
	Color *[3]float64 `json:"color,omitempty"`
	File  string      `json:"file,omitempty"`

	Export string `json:"export,omitempty"` // path of an .hdr copy of File to write
}

// cyclesReport is what cycles.py answers.
type cyclesReport struct {
	Version string    `json:"version"`
	Camera  *camera   `json:"camera"` // the one put up for a scene that has none
	CPU     []float64 `json:"cpu_s"`  // of each render, its set-up included
}

// camera is a camera in glTF's axes.
type camera struct {
	Matrix [16]float64 `json:"matrix"` // by columns
	Yfov   float64     `json:"yfov"`   // radians
}

// runCycles renders what the order says. The files it names must be absolute.
func runCycles(ctx context.Context, o cyclesOrder) (cyclesReport, error) {
	var r cyclesReport
	dir, err := os.MkdirTemp("", "sonm-cycles-")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	text, err := json.Marshal(o)
	if err != nil {
		return r, err
	}
	order, report := filepath.Join(dir, "order.json"), filepath.Join(dir, "report.json")
	if err := os.WriteFile(order, text, 0o600); err != nil {
		return r, err
	}
	if _, err := Child(ctx, blender, "-b", "--factory-startup", "--python", absolute(cyclesScript), "--", order, report); err != nil {
		return r, fmt.Errorf("cycles renders %s: %w", o.Scene, err)
	}
	if text, err = os.ReadFile(report); err != nil {
		return r, fmt.Errorf("cycles renders %s: %w", o.Scene, err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("cycles renders %s: %w", o.Scene, err)
	}
	if len(r.CPU) != len(o.Renders) {
		return r, fmt.Errorf("cycles renders %s: %d of %d pictures", o.Scene, len(r.CPU), len(o.Renders))
	}
	return r, nil
}

// readEXR reads a picture.
func readEXR(path string) (picture.Image, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return picture.Image{}, err
	}
	return picture.DecodeEXR(data)
}
