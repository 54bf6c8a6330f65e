package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sonm/app/event"
	"sonm/engine/apps"
	"sonm/engine/fog"
	"sonm/engine/gltf"
	"sonm/engine/job"
)

// maxScene is the most bytes a scene with all its files may have: what fits
// into guest memory of 2 GiB beside what is built from it.
const maxScene = 1 << 30

// inspection is what a guest says about a bundle.
type inspection struct {
	Missing   []string `json:"missing"`
	Cameras   []string `json:"cameras"`
	Triangles uint64   `json:"triangles"`
	Unique    uint64   `json:"unique_triangles"`
	Warnings  []string `json:"warnings"`
	Memory    uint64   `json:"memory"`

	Animations []fog.Animation `json:"animations"`
}

// inspector runs an app's inspect on a bundle.
type inspector func(ctx context.Context, bundle []byte) ([]byte, error)

// scene gathers the files of one job: the dropped file, what it refers to in
// its own folder or archive, and the sky. Nothing outside of that is ever read.
type scene struct {
	src   source
	main  string
	files map[string][]byte
	size  int64
	aside int64 // bytes read that will be in the job in another form
}

// checkScene refuses what is no scene, without reading it.
func checkScene(pool *apps.Pool, file string) error {
	src, _, err := findScene(pool, file)
	if err != nil {
		return err
	}
	return src.Close()
}

func openScene(pool *apps.Pool, file string) (*scene, error) {
	src, main, err := findScene(pool, file)
	if err != nil {
		return nil, err
	}
	s := &scene{src: src, main: main, files: map[string][]byte{}}
	if err := s.add(s.main); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return s, nil
}

// Close closes the folder or the archive.
func (s *scene) Close() error { return s.src.Close() }

// add reads a file of the scene's folder.
func (s *scene) add(name string) error {
	f, err := s.src.open(name)
	if err != nil {
		return &event.Problem{Code: "no_file", What: fmt.Sprintf("The scene's file %s cannot be opened: %s.", name, reason(err)), Cause: err}
	}
	defer f.Close()
	return s.take(name, f)
}

// unpack decodes what is compressed in the scene, so that the app need not.
func (s *scene) unpack() error {
	dir := path.Dir(s.main)
	plain, err := gltf.Unpack(s.files[s.main], func(name string) ([]byte, error) { return s.peek(path.Join(dir, name)) }, maxScene/2)
	if p, ok := errors.AsType[*event.Problem](err); ok {
		return p
	}
	if err != nil {
		return &event.Problem{Code: "scene", What: sentence(err), Do: "Export the scene again, or without compression.", Cause: err}
	}
	s.size += int64(len(plain.File)) - int64(len(s.files[s.main]))
	s.files[s.main] = plain.File
	if plain.Plain == "" {
		return nil
	}
	return s.take(path.Join(dir, plain.Plain), bytes.NewReader(plain.Data))
}

// peek reads a file that will be in the job in another form. What it reads is
// held together until then, so that together it has the bounds of a scene: a
// scene may name one file a thousand times.
func (s *scene) peek(name string) ([]byte, error) {
	if !inside(name) {
		return nil, outside(name)
	}
	f, err := s.src.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing([]string{name})
	}
	if err != nil {
		return nil, &event.Problem{Code: "no_file", What: fmt.Sprintf("The scene's file %s cannot be opened: %s.", name, reason(err)), Cause: err}
	}
	defer f.Close()
	aside := scene{size: s.size + s.aside, files: map[string][]byte{}}
	err = aside.take(name, f)
	s.aside = aside.size - s.size
	return aside.files[name], err
}

// addSky reads an image from anywhere the person named and gives it a name in
// the bundle.
func (s *scene) addSky(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", &event.Problem{Code: "no_file", What: fmt.Sprintf("The sky %s cannot be opened: %s.", file, reason(err)), Cause: err}
	}
	defer f.Close()
	name := "sky" + strings.ToLower(filepath.Ext(file))
	for s.files[name] != nil {
		name = "_" + name
	}
	return name, s.take(name, f)
}

func (s *scene) take(name string, f io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(f, max(maxScene-s.size, 0)+1))
	if err != nil {
		return &event.Problem{Code: "no_file", What: fmt.Sprintf("The scene's file %s cannot be read: %s.", name, reason(err)), Cause: err}
	}
	if s.size += int64(len(data)); s.size > maxScene {
		return &event.Problem{Code: "too_large", What: fmt.Sprintf("The scene has more than %d MB of files.", maxScene>>20), Do: "Use smaller textures or fewer files."}
	}
	s.files[name] = data
	return nil
}

// bundle packs the files and the settings.
func (s *scene) bundle(set job.Settings) ([]byte, error) {
	settings, err := set.Encode()
	if err != nil {
		return nil, &event.Problem{Code: "settings", What: sentence(err), Cause: err}
	}
	files := []job.File{{Path: "job.json", Data: settings}}
	for name, data := range s.files {
		files = append(files, job.File{Path: name, Data: data})
	}
	b, err := job.Pack(files)
	if err != nil {
		return nil, &event.Problem{Code: "scene", What: sentence(err), Cause: err}
	}
	return b, nil
}

// complete asks the app which files are missing, reads them, and asks again
// until nothing is: a .gltf names its buffers, a material its textures.
func (s *scene) complete(ctx context.Context, set job.Settings, inspect inspector) ([]byte, inspection, error) {
	for range 8 { // a file that names files that name files: no format goes deeper
		b, err := s.bundle(set)
		if err != nil {
			return nil, inspection{}, err
		}
		reply, err := inspect(ctx, b)
		if err != nil {
			return nil, inspection{}, err
		}
		var found inspection
		if err := json.Unmarshal(reply, &found); err != nil {
			return nil, inspection{}, fmt.Errorf("inspect reply: %w", err)
		}
		if len(found.Missing) == 0 {
			return b, found, nil
		}
		if err := s.addMissing(found.Missing); err != nil {
			return nil, inspection{}, err
		}
	}
	return nil, inspection{}, &event.Problem{Code: "scene", What: fmt.Sprintf("The scene %s names files in a circle.", s.main)}
}

func (s *scene) addMissing(names []string) error {
	var absent []string
	for _, name := range names {
		if !inside(name) {
			return outside(name)
		}
		if s.files[name] != nil {
			return fmt.Errorf("app asks again for %q", name)
		}
		err := s.add(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			absent = append(absent, name)
		case err != nil:
			return err
		}
	}
	if len(absent) == 0 {
		return nil
	}
	return missing(absent)
}

func outside(name string) error {
	return &event.Problem{
		Code: "outside", What: fmt.Sprintf("The scene refers to %q, which is outside its folder; such files are not read.", name),
		Do: "Copy the file beside the scene.",
	}
}

func missing(names []string) error {
	return &event.Problem{
		Code: "missing_files", What: fmt.Sprintf("The scene needs %s, which %s not in its folder.", listed(names), isAre(len(names))),
		Do: "Put the missing files beside the scene, or export it as one .glb file.",
	}
}

// listed joins names for a sentence, at most five of them.
func listed(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
	}
	return strings.Join(names, ", ")
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// sentence makes an error of ours readable: capital first, full stop last.
func sentence(err error) string {
	s := strings.TrimRight(err.Error(), ".")
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
