package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sonm/app/event"
	"sonm/engine/fog"
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
// its own folder, and the sky. Nothing outside that folder is ever read.
type scene struct {
	root  *os.Root
	main  string
	files map[string][]byte
	size  int64
}

// checkScene refuses what is no file.
func checkScene(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return &event.Problem{Code: "no_file", What: fmt.Sprintf("The scene %s cannot be opened: %s.", file, reason(err)), Cause: err}
	}
	if !info.Mode().IsRegular() {
		return &event.Problem{Code: "no_file", What: fmt.Sprintf("%s is not a file.", file), Do: "Name a .glb or .gltf file."}
	}
	return nil
}

func openScene(file string) (*scene, error) {
	if err := checkScene(file); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, &event.Problem{Code: "no_file", What: fmt.Sprintf("The folder of %s cannot be opened: %s.", file, reason(err)), Cause: err}
	}
	s := &scene{root: root, main: filepath.Base(file), files: map[string][]byte{}}
	if err := s.add(s.main); err != nil {
		root.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the folder.
func (s *scene) Close() error { return s.root.Close() }

// add reads a file of the scene's folder.
func (s *scene) add(name string) error {
	f, err := s.root.Open(filepath.FromSlash(name))
	if err != nil {
		return &event.Problem{Code: "no_file", What: fmt.Sprintf("The scene's file %s cannot be opened: %s.", name, reason(err)), Cause: err}
	}
	defer f.Close()
	return s.take(name, f)
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

func (s *scene) take(name string, f fs.File) error {
	data, err := io.ReadAll(io.LimitReader(f, maxScene-s.size+1))
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
		if !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name {
			return &event.Problem{
				Code: "outside", What: fmt.Sprintf("The scene refers to %q, which is outside its folder; such files are not read.", name),
				Do: "Copy the file beside the scene.",
			}
		}
		if s.files[name] != nil {
			return fmt.Errorf("app asks again for %q", name)
		}
		if _, err := s.root.Stat(filepath.FromSlash(name)); err != nil {
			absent = append(absent, name)
			continue
		}
		if err := s.add(name); err != nil {
			return err
		}
	}
	if len(absent) == 0 {
		return nil
	}
	return &event.Problem{
		Code: "missing_files", What: fmt.Sprintf("The scene needs %s, which %s not in its folder.", listed(absent), isAre(len(absent))),
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
