// Package apps is the application pool: which programs this computer knows,
// by the hash of their module.
//
// A seller runs only modules of its pool and a buyer finds the app for a
// dropped file here. The pool is read-only once made; where modules come from
// (bundled, later published) is the caller's business.
package apps

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"sonm/engine/fog"
)

// ABI is the version of the guest ABI that this program speaks.
const ABI = 1

// maxMemory is the most guest memory a manifest may ask for: the whole of
// wasm32 with the linker's --max-memory of 2 GiB.
const maxMemory = 2 << 30

// App is one program of the pool.
type App struct {
	Name    string   // "pathtracer"; unique in a pool
	Title   string   // for people
	Version string   // of the program
	Class   string   // how results are checked: "exact"
	Memory  uint64   // bytes of guest memory it may use
	Accepts []string // file name endings it opens, lower case, without the dot
	Hash    fog.Hash // of Module
	Module  []byte   // WebAssembly
}

type manifest struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Version string   `json:"version"`
	ABI     int      `json:"abi"`
	Class   string   `json:"class"`
	Memory  uint64   `json:"memory"`
	Accepts []string `json:"accepts"`
	SHA256  fog.Hash `json:"sha256"`
}

// Parse reads a manifest and takes the module that belongs to it.
func Parse(manifestJSON, module []byte) (App, error) {
	var m manifest
	if err := json.Unmarshal(manifestJSON, &m); err != nil {
		return App{}, fmt.Errorf("app manifest: %w", err)
	}
	hash := fog.ContentHash(module)
	switch {
	case m.Name == "" || len(m.Name) > 64:
		return App{}, fmt.Errorf("app manifest: name %q is empty or over 64 bytes", m.Name)
	case m.ABI != ABI:
		return App{}, fmt.Errorf("app %s: guest ABI %d, this program speaks %d", m.Name, m.ABI, ABI)
	case m.Class != "exact":
		return App{}, fmt.Errorf("app %s: class %q is not known here", m.Name, m.Class)
	case m.Memory == 0 || m.Memory > maxMemory:
		return App{}, fmt.Errorf("app %s: memory of %d bytes, 1 to %d allowed", m.Name, m.Memory, uint64(maxMemory))
	case m.SHA256 != hash:
		return App{}, fmt.Errorf("app %s: module is %v, manifest says %v", m.Name, hash, m.SHA256)
	}
	return App{Name: m.Name, Title: m.Title, Version: m.Version, Class: m.Class, Memory: m.Memory,
		Accepts: m.Accepts, Hash: hash, Module: module}, nil
}

// Pool is a set of apps.
type Pool struct{ apps []App }

// NewPool makes a pool; two apps may not share a name.
func NewPool(apps ...App) (*Pool, error) {
	seen := map[string]bool{}
	for _, a := range apps {
		if seen[a.Name] {
			return nil, fmt.Errorf("two apps are named %q", a.Name)
		}
		seen[a.Name] = true
	}
	return &Pool{apps: slices.Clone(apps)}, nil
}

// ByHash finds the app with this module.
func (p *Pool) ByHash(h fog.Hash) (App, bool) {
	i := slices.IndexFunc(p.apps, func(a App) bool { return a.Hash == h })
	if i < 0 {
		return App{}, false
	}
	return p.apps[i], true
}

// ForFile finds the app that opens a file of this name.
func (p *Pool) ForFile(name string) (App, bool) {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	i := slices.IndexFunc(p.apps, func(a App) bool { return slices.Contains(a.Accepts, ext) })
	if i < 0 {
		return App{}, false
	}
	return p.apps[i], true
}

// Endings lists every file name ending some app opens, for an error sentence.
func (p *Pool) Endings() []string {
	var all []string
	for _, a := range p.apps {
		for _, e := range a.Accepts {
			all = append(all, "."+e)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
