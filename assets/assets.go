// Package assets holds what is shipped inside the program: the bundled apps,
// each a WebAssembly guest with its manifest.
//
// # Why
//
// A bundled app is committed as a built module, so that a clone needs no C++
// compiler; the manifest carries the SHA-256 of the module, which App checks,
// and a test beside the guest's sources rebuilds it with the pinned compiler.
package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
)

//go:embed all:apps
var apps embed.FS

// ErrUnknownApp says that no bundled app has the name asked for.
var ErrUnknownApp = errors.New("no such bundled app")

// Class says how the answers of an app can be checked.
type Class string

// Exact apps give the same bytes for the same task in every engine.
const Exact Class = "exact"

// Manifest describes a bundled app.
type Manifest struct {
	// Name is the app's folder and its name on the wire, such as "pathtracer".
	Name string `json:"name"`
	// Version is a semantic version without a leading v.
	Version string `json:"version"`
	// Title is the name a person reads.
	Title string `json:"title"`
	// Publisher is who answers for the module.
	Publisher string `json:"publisher"`
	// ABI is the version of the guest ABI the module speaks.
	ABI int `json:"abi"`
	// Class says how its answers are checked.
	Class Class `json:"class"`
	// Module is the SHA-256 of the module, in lower-case hex.
	Module string `json:"module"`
	// Memory is the most linear memory the module may take, in bytes.
	Memory uint64 `json:"memory"`
	// Accepts lists the file endings of its input, without the dot.
	Accepts []string `json:"accepts"`
}

// Apps lists the names of the bundled apps, sorted.
func Apps() []string {
	entries, err := apps.ReadDir("apps")
	if err != nil {
		panic("assets: " + err.Error()) // the folder is embedded
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// appName is what a folder under apps may be called.
var appName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

// App returns the manifest and the module of a bundled app. It fails if the
// app is unknown (ErrUnknownApp) or the module does not have the hash that the
// manifest states. The caller owns the returned slice.
func App(name string) (Manifest, []byte, error) {
	var manifest Manifest
	text, err := file(name, "manifest.json")
	if err != nil {
		return manifest, nil, err
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return manifest, nil, fmt.Errorf("read the manifest of %s: %w", name, err)
	}
	module, err := file(name, "module.wasm")
	if err != nil {
		return manifest, nil, err
	}
	sum := sha256.Sum256(module)
	if got := hex.EncodeToString(sum[:]); got != manifest.Module {
		return manifest, nil, fmt.Errorf("module of %s has SHA-256 %s, its manifest says %s", name, got, manifest.Module)
	}
	return manifest, module, nil
}

// Demo returns a file of the app's demo folder, such as Demo("pathtracer",
// "cornell.glb").
func Demo(app, name string) ([]byte, error) {
	return file(app, "demo/"+name)
}

func file(app, name string) ([]byte, error) {
	if !appName.MatchString(app) {
		return nil, fmt.Errorf("app %q: %w", app, ErrUnknownApp)
	}
	data, err := apps.ReadFile("apps/" + app + "/" + name)
	if errors.Is(err, fs.ErrNotExist) && name == "manifest.json" {
		return nil, fmt.Errorf("app %q: %w", app, ErrUnknownApp)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s of app %s: %w", name, app, err)
	}
	return data, nil
}
