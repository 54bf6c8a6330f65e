// Package apps is the application pool: which programs this computer knows,
// by the hash of their module.
//
// A seller runs only modules of its pool and a buyer finds the app for a
// dropped file here. The pool is read-only once made; where modules come from
// (bundled, later published) is the caller's business.
package apps

import (
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
	ABI     int      // of the module
	Class   string   // how results are checked: "exact"
	Memory  uint64   // bytes of guest memory it may use
	Accepts []string // file name endings it opens, lower case, without the dot
	Module  []byte   // WebAssembly

	Hash fog.Hash // of Module; NewPool fills it in
}

// check refuses an app this program cannot run.
func (a App) check() error {
	switch {
	case a.Name == "" || len(a.Name) > 64:
		return fmt.Errorf("app name %q is empty or over 64 bytes", a.Name)
	case a.ABI != ABI:
		return fmt.Errorf("app %s speaks guest ABI %d, this program %d", a.Name, a.ABI, ABI)
	case a.Class != "exact":
		return fmt.Errorf("app %s: results of class %q cannot be checked here", a.Name, a.Class)
	case a.Memory == 0 || a.Memory > maxMemory:
		return fmt.Errorf("app %s: memory of %d bytes, 1 to %d allowed", a.Name, a.Memory, uint64(maxMemory))
	case len(a.Module) == 0:
		return fmt.Errorf("app %s has no module", a.Name)
	}
	return nil
}

// Pool is a set of apps.
type Pool struct{ apps []App }

// NewPool makes a pool of apps this program can run; two may not share a name.
func NewPool(apps ...App) (*Pool, error) {
	p := &Pool{apps: slices.Clone(apps)}
	seen := map[string]bool{}
	for i, a := range p.apps {
		if err := a.check(); err != nil {
			return nil, err
		}
		if seen[a.Name] {
			return nil, fmt.Errorf("two apps are named %q", a.Name)
		}
		seen[a.Name] = true
		p.apps[i].Hash = fog.ContentHash(a.Module)
	}
	return p, nil
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
