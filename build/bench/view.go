package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sonm/engine/job"
)

// cache holds what is worth keeping between runs; it is never committed.
const cache = "build/cache/bench"

// view is a scene as both renderers are shown it.
type view struct {
	Scene         string // path of a .glb or .gltf file
	Sky           string // "" is black; r,g,b; or the path of an .hdr file
	Width, Height int    // pixels
	Bounces       int
}

// prepared is a view made ready: a folder with all its files, in which the
// scene has a camera.
type prepared struct {
	view
	dir    string // absolute
	scene  string // the scene's name in dir
	sky    *job.Sky
	bundle job.Bundle // without job.json
	hash   string     // of all that decides the picture but the samples
}

// prepare gathers the files of a view into a folder of the cache. A scene
// without a camera gets the one that cycles.py puts up.
func prepare(ctx context.Context, v view) (*prepared, error) {
	p := &prepared{view: v}
	found := v.Sky // as the native renderer reads it
	switch {
	case v.Sky == "":
		p.sky = job.SkyColor(0, 0, 0)
	case strings.Contains(v.Sky, ","):
		var r, g, b float64
		if _, err := fmt.Sscanf(v.Sky, "%g,%g,%g", &r, &g, &b); err != nil {
			return nil, fmt.Errorf("the sky %q is neither r,g,b nor a file: %w", v.Sky, err)
		}
		p.sky, found = job.SkyColor(r, g, b), ""
	default:
		p.sky = job.SkyFile("sky.hdr")
	}
	var err error
	if p.bundle, p.scene, err = gather(ctx, v.Scene, found); err != nil {
		return nil, err
	}
	if err := p.store(); err != nil {
		return nil, err
	}
	at := 0
	for i, f := range p.bundle {
		if f.Path == p.scene {
			at = i
		}
	}
	text, err := document(p.bundle[at].Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.Scene, err)
	}
	if _, ok := text["cameras"]; ok {
		return p, nil
	}
	report, err := runCycles(ctx, p.order())
	if err != nil {
		return nil, err
	}
	if report.Camera == nil {
		return nil, fmt.Errorf("%s: no camera was put up", v.Scene)
	}
	if p.bundle[at].Data, err = withCamera(p.bundle[at].Data, text, *report.Camera); err != nil {
		return nil, fmt.Errorf("%s: %w", v.Scene, err)
	}
	return p, p.store()
}

// gather has the native renderer find the files a scene needs; sky is a file or "".
func gather(ctx context.Context, scene, sky string) (job.Bundle, string, error) {
	dir, err := os.MkdirTemp("", "sonm-view-")
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(dir)
	packed := filepath.Join(dir, "bundle")
	args := []string{scene, "--inspect", "--bundle", packed}
	if sky != "" {
		args = append(args, "--sky", sky)
	}
	if _, err := Child(ctx, native, args...); err != nil {
		return nil, "", err
	}
	data, err := os.ReadFile(packed)
	if err != nil {
		return nil, "", err
	}
	all, err := job.Unpack(data)
	if err != nil {
		return nil, "", err
	}
	var files job.Bundle
	for _, f := range all {
		if f.Path != job.SettingsFile {
			files = append(files, f)
		}
	}
	return files, filepath.Base(scene), nil
}

// store writes the files to a folder named after what decides the picture.
func (p *prepared) store() error {
	packed, err := job.Pack(p.bundle)
	if err != nil {
		return err
	}
	sky, err := json.Marshal(p.sky)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(fmt.Appendf(packed, "%s %d %d %d", sky, p.Width, p.Height, p.Bounces))
	p.hash = hex.EncodeToString(sum[:12])
	p.dir = absolute(filepath.Join(cache, "views", p.hash))
	for _, f := range p.bundle {
		path := filepath.Join(p.dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, f.Data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// settings are the job's settings for so many samples.
func (p *prepared) settings(samples int) ([]byte, error) {
	return job.Settings{Scene: p.scene, Width: p.Width, Height: p.Height, Samples: samples, Bounces: p.Bounces, Sky: p.sky}.Encode()
}

// order is what Cycles is told of the view, with nothing to render yet.
func (p *prepared) order(renders ...cyclesRender) cyclesOrder {
	o := cyclesOrder{
		Scene: filepath.Join(p.dir, filepath.FromSlash(p.scene)), Width: p.Width, Height: p.Height, Bounces: p.Bounces,
		Sky: &skyOrder{Color: p.sky.Color}, Renders: renders,
	}
	if p.sky.File != "" {
		o.Sky = &skyOrder{File: filepath.Join(p.dir, p.sky.File)}
	}
	return o
}

// glb is the head of a binary glTF file: magic, version and length, then the
// length and the type of the chunk that holds the JSON (glTF 2.0, 4.4).
const glbHead, glbMagic = 20, "glTF"

// document is the JSON of a .glb or .gltf file.
func document(file []byte) (map[string]any, error) {
	text := file
	if bytes.HasPrefix(file, []byte(glbMagic)) {
		if len(file) < glbHead {
			return nil, errors.New("the file ends within its head")
		}
		n := int64(binary.LittleEndian.Uint32(file[12:]))
		if n > int64(len(file)-glbHead) {
			return nil, errors.New("the file ends within its JSON")
		}
		text = file[glbHead : glbHead+n]
	}
	var d map[string]any
	return d, json.Unmarshal(text, &d)
}

// withCamera is the file with a camera added to its scene.
func withCamera(file []byte, d map[string]any, c camera) ([]byte, error) {
	nodes, _ := d["nodes"].([]any)
	scenes, _ := d["scenes"].([]any)
	which, _ := d["scene"].(float64)
	if int(which) >= len(scenes) {
		return nil, errors.New("there is no scene to put a camera in")
	}
	scene, ok := scenes[int(which)].(map[string]any)
	if !ok {
		return nil, errors.New("the scene is not an object")
	}
	roots, _ := scene["nodes"].([]any)
	scene["nodes"] = append(roots, len(nodes))
	d["nodes"] = append(nodes, map[string]any{"name": "frame", "camera": 0, "matrix": c.Matrix})
	d["cameras"] = []any{map[string]any{"type": "perspective", "perspective": map[string]any{"yfov": c.Yfov, "znear": 0.001}}}
	text, err := json.Marshal(d)
	if err != nil || !bytes.HasPrefix(file, []byte(glbMagic)) {
		return text, err
	}
	for len(text)%4 != 0 {
		text = append(text, ' ')
	}
	rest := file[glbHead+binary.LittleEndian.Uint32(file[12:]):]
	out := append([]byte{}, file[:8]...)
	out = binary.LittleEndian.AppendUint32(out, uint32(glbHead+len(text)+len(rest)))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(text)))
	out = append(out, file[16:glbHead]...)
	return append(append(out, text...), rest...), nil
}

func number(n int) string { return strconv.Itoa(n) }
