package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The models of others that we are held against Cycles on: where they come
// from, and what came of it the last time.
const (
	modelList    = "build/bench/models.json"
	modelResults = pictures + "/models.json"
	modelMany    = 256 // samples of their converged pictures
)

// model is one entry of the list. Models are fetched when they are measured,
// into the cache, and are never part of this repository.
type model struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Package string `json:"package"` // "debian:NAME" or "npm:NAME@VERSION"
	Path    string `json:"path"`    // of the model: absolute, or in the npm package
	Licence string `json:"licence"`
	Credit  string `json:"credit"`
	Shown   bool   `json:"shown"` // the licence lets its picture be shown here
	Sky     string `json:"sky"`   // as for -sky, or an .exr file
	Note    string `json:"note"`  // what differs from Cycles' picture, and why
}

// modelResult is what came of a model.
type modelResult struct {
	Refused    string     `json:"refused,omitempty"` // why there is no picture
	PSNR       float64    `json:"psnr"`
	MeanRatio  [3]float64 `json:"mean_ratio"`
	Efficiency float64    `json:"efficiency"` // in the sandbox, over Cycles
	Speed      float64    `json:"speed"`      // samples per processor second, in the sandbox
}

func readModels() ([]model, error) {
	data, err := os.ReadFile(modelList)
	if err != nil {
		return nil, err
	}
	var all []model
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", modelList, err)
	}
	return all, nil
}

// measureModels renders each model with both and keeps what came of it.
func measureModels(ctx context.Context, only ...string) error {
	all, err := readModels()
	if err != nil {
		return err
	}
	results, err := readModelResults()
	if err != nil {
		return err
	}
	for _, m := range all {
		if len(only) > 0 && !slices.Contains(only, m.Name) {
			continue
		}
		r, err := m.measure(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			r.Refused = lastLine(err.Error())
			fmt.Fprintf(os.Stderr, "bench: model %s: %v\n", m.Name, err)
		}
		results[m.Name] = r
		data, err := json.MarshalIndent(results, "", "  ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(modelResults, append(data, '\n'), 0o644); err != nil { // what is done is kept
			return err
		}
	}
	return nil
}

// lastLine is the last line of a text that says anything.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func readModelResults() (map[string]modelResult, error) {
	results := map[string]modelResult{}
	data, err := os.ReadFile(modelResults)
	if errors.Is(err, os.ErrNotExist) {
		return results, nil
	}
	if err != nil {
		return nil, err
	}
	return results, json.Unmarshal(data, &results)
}

func (m model) measure(ctx context.Context) (modelResult, error) {
	scene, sky, err := m.ready(ctx)
	if err != nil {
		return modelResult{}, err
	}
	c, err := compete(ctx, view{Scene: scene, Sky: sky, Width: contestSide, Height: contestSide, Bounces: 8},
		compareOptions{samples: 64, pictures: 1, converged: modelMany, threads: 1})
	if err != nil {
		return modelResult{}, err
	}
	dir := filepath.Join(cache, "models")
	if m.Shown {
		dir = pictures
	}
	if err := saveTriptych(filepath.Join(dir, m.Name+".png"), c.converged[0], c.converged[1]); err != nil {
		return modelResult{}, err
	}
	return modelResult{PSNR: c.metrics.PSNR, MeanRatio: c.metrics.MeanRatio, Efficiency: c.efficiency(0), Speed: c.speed(0)}, nil
}

// ready fetches the model and makes it and its sky readable for both: what is
// packed with Draco is unpacked, an .exr sky becomes an .hdr one.
func (m model) ready(ctx context.Context) (scene, sky string, err error) {
	if scene, err = m.fetch(ctx); err != nil {
		return "", "", err
	}
	data, err := os.ReadFile(scene)
	if err != nil {
		return "", "", err
	}
	if bytes.Contains(data, []byte("KHR_draco_mesh_compression")) {
		if scene, err = unpacked(ctx, scene); err != nil {
			return "", "", err
		}
	}
	if !strings.HasSuffix(m.Sky, ".exr") {
		return scene, m.Sky, nil
	}
	sky = filepath.Join(cache, "models", strings.TrimSuffix(filepath.Base(m.Sky), ".exr")+".hdr")
	_, err = runCycles(ctx, cyclesOrder{Width: 1, Height: 1, Sky: &skyOrder{File: m.Sky, Export: absolute(sky)}})
	return scene, sky, err
}

// unpackers are the packages that unpack Draco, at the versions that were tried.
var unpackers = []string{"@gltf-transform/core@4.5.1", "@gltf-transform/extensions@4.5.1", "draco3dgltf@1.5.7"}

// unpacked is the path of an uncompressed copy of a model.
func unpacked(ctx context.Context, scene string) (string, error) {
	out := strings.TrimSuffix(scene, ".glb") + "-unpacked.glb"
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	dir := filepath.Join(cache, "unpack")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if _, err := Child(ctx, "npm", append([]string{"install", "--silent", "--no-save", "--prefix", dir}, unpackers...)...); err != nil {
		return "", err
	}
	script, err := os.ReadFile("build/bench/unpack.mjs")
	if err != nil {
		return "", err
	}
	copied := filepath.Join(dir, "unpack.mjs")
	if err := os.WriteFile(copied, script, 0o644); err != nil { //nolint:gosec // our script, into the cache
		return "", err
	}
	_, err = Child(ctx, "node", copied, scene, out)
	return out, err
}

// fetch is the path of the model's file, fetched if it is not in the cache.
func (m model) fetch(ctx context.Context) (string, error) {
	source, name, _ := strings.Cut(m.Package, ":")
	if source == "debian" {
		if _, err := os.Stat(m.Path); err != nil {
			return "", fmt.Errorf("install the package %s: %w", name, err)
		}
		return m.Path, nil
	}
	dir := filepath.Join(cache, "models")
	base := strings.TrimSuffix(filepath.Base(m.Path), ".js")
	path := filepath.Join(dir, m.Name+filepath.Ext(base))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	archive, err := npmPackage(ctx, dir, name)
	if err != nil {
		return "", err
	}
	data, err := fileOf(archive, "package/"+m.Path)
	if err != nil {
		return "", err
	}
	if strings.HasSuffix(m.Path, ".js") { // a module that exports the file as a data: URL
		_, text, _ := strings.Cut(string(data), ";base64,")
		text, _, _ = strings.Cut(text, "'")
		if data, err = base64.StdEncoding.DecodeString(text); err != nil {
			return "", fmt.Errorf("%s: %w", m.Path, err)
		}
	}
	return path, os.WriteFile(path, data, 0o644)
}

// npmPackage is the path of a package's archive, fetched if it is not in dir.
func npmPackage(ctx context.Context, dir, name string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	file := strings.NewReplacer("@", "-", "/", "-").Replace(strings.TrimPrefix(name, "@")) + ".tgz"
	path := filepath.Join(dir, file)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if _, err := Child(ctx, "npm", "pack", name, "--pack-destination", dir); err != nil {
		return "", err
	}
	_, err := os.Stat(path)
	return path, err
}

// fileOf is one file of a .tgz archive.
func fileOf(archive, name string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if err != nil {
			return nil, fmt.Errorf("%s holds no %s: %w", archive, name, err)
		}
		if h.Name == name {
			return io.ReadAll(t)
		}
	}
}

// modelsHead begins the part of the page about others' models, its last.
const modelsHead = "\n## Real models\n"

// models is the command `bench -models NAME ...`: measures these, or all, and
// renews their part of the page.
func models(ctx context.Context, names []string) error {
	if err := buildNative(ctx); err != nil {
		return err
	}
	if err := measureModels(ctx, names...); err != nil {
		return err
	}
	page, err := os.ReadFile(reportPath)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	before, _, _ := bytes.Cut(page, []byte(modelsHead))
	out := bytes.NewBuffer(before)
	if err := writeModels(out); err != nil {
		return err
	}
	return os.WriteFile(reportPath, out.Bytes(), 0o644) //nolint:gosec // a constant path
}

// writeModels adds the part about others' models to the page, from what the
// last full run kept.
func writeModels(out *bytes.Buffer) error {
	all, err := readModels()
	if err != nil {
		return err
	}
	results, err := readModelResults()
	if err != nil {
		return err
	}
	fmt.Fprintf(out, modelsHead+"\nModels made by others, measured by `make bench-full AREA=render` in the same way, converged with %d samples. "+
		"They are fetched when they are measured and are not part of this repository; pictures are shown where the licence allows.\n\n"+
		"| model | likeness | means (red, green, blue) | million samples per CPU s | efficiency over Cycles | source | licence |\n|---|---:|---:|---:|---:|---|---|\n", modelMany)
	for _, m := range all {
		r, ok := results[m.Name]
		_, source, _ := strings.Cut(m.Package, ":")
		switch {
		case !ok:
			fmt.Fprintf(out, "| %s | not measured | | | | %s | %s |\n", m.Title, source, m.Licence)
		case r.Refused != "":
			fmt.Fprintf(out, "| %s | not rendered | | | | %s | %s |\n", m.Title, source, m.Licence)
		default:
			fmt.Fprintf(out, "| %s | %.1f dB | %.3f %.3f %.3f | %.2f | %.2f | %s | %s |\n",
				m.Title, r.PSNR, r.MeanRatio[0], r.MeanRatio[1], r.MeanRatio[2], r.Speed/1e6, r.Efficiency, source, m.Licence)
		}
	}
	for _, m := range all {
		fmt.Fprintf(out, "\n### %s\n\n", m.Title)
		if r := results[m.Name]; m.Shown && r.Refused == "" && r.PSNR > 0 {
			fmt.Fprintf(out, "![ours, Cycles, difference](pictures/%s.png)\n\n", m.Name)
		}
		if r := results[m.Name]; r.Refused != "" {
			fmt.Fprintf(out, "Not rendered: `%s`\n\n", r.Refused)
		}
		fmt.Fprintf(out, "%s\n", strings.TrimSpace(m.Note+" "+m.Credit))
	}
	return nil
}
