package apps_test

import (
	"slices"
	"strings"
	"testing"

	"sonm/engine/apps"
	"sonm/engine/fog"
)

func tracer() apps.App {
	return apps.App{
		Name: "pathtracer", Title: "Path tracer", Version: "1", ABI: apps.ABI, Class: "exact",
		Memory: 1 << 30, Accepts: []string{"glb", "gltf"}, Module: []byte("tracer"),
	}
}

func TestPoolRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*apps.App)
		says   string
	}{
		"no name":         {func(a *apps.App) { a.Name = "" }, "name"},
		"long name":       {func(a *apps.App) { a.Name = strings.Repeat("x", 65) }, "name"},
		"ABI 0":           {func(a *apps.App) { a.ABI = 0 }, "ABI 0"},
		"later ABI":       {func(a *apps.App) { a.ABI = apps.ABI + 1 }, "ABI"},
		"unchecked class": {func(a *apps.App) { a.Class = "approximate" }, `"approximate"`},
		"no class":        {func(a *apps.App) { a.Class = "" }, "class"},
		"no memory":       {func(a *apps.App) { a.Memory = 0 }, "memory"},
		"above 2 GiB":     {func(a *apps.App) { a.Memory = 2<<30 + 1 }, "memory"},
		"no module":       {func(a *apps.App) { a.Module = nil }, "module"},
	} {
		bad, other := tracer(), tracer()
		c.change(&bad)
		other.Name = "other"
		if p, err := apps.NewPool(other, bad); err == nil || p != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: NewPool = %v, %v, want an error about %s", name, p, err, c.says)
		}
	}
	if _, err := apps.NewPool(tracer(), tracer()); err == nil || !strings.Contains(err.Error(), "two apps") {
		t.Errorf("two apps of one name: %v", err)
	}
}

func TestPoolTakesTheLimits(t *testing.T) {
	a := tracer()
	a.Name, a.Memory = strings.Repeat("x", 64), 2<<30
	if _, err := apps.NewPool(a); err != nil {
		t.Error(err)
	}
}

func TestPoolFinds(t *testing.T) {
	other := tracer()
	other.Name, other.Accepts, other.Module = "other", []string{"obj", "gltf"}, []byte("other")
	other.Hash = fog.Hash{1} // a claim that is not believed
	in := []apps.App{tracer(), other}
	p, err := apps.NewPool(in...)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range in {
		if got, ok := p.ByHash(fog.ContentHash(a.Module)); !ok || got.Name != a.Name || got.Hash != fog.ContentHash(a.Module) {
			t.Errorf("ByHash of %s = %s, %v", a.Name, got.Name, ok)
		}
	}
	for _, h := range []fog.Hash{{}, {1}, fog.ContentHash(nil)} {
		if got, ok := p.ByHash(h); ok {
			t.Errorf("ByHash(%s) = %s", h.Short(), got.Name)
		}
	}
	for file, want := range map[string]string{
		"cornell.glb": "pathtracer", "CORNELL.GLB": "pathtracer", "dir.obj/scene.glb": "pathtracer", "a.obj": "other",
		"both.gltf": "pathtracer", "glb": "", ".glb.": "", "scene": "", "": "", "scene.glbx": "", "scene.glb/x": "",
	} {
		if got, ok := p.ForFile(file); got.Name != want || ok != (want != "") {
			t.Errorf("ForFile(%q) = %q, %v, want %q", file, got.Name, ok, want)
		}
	}
	if got := p.Endings(); !slices.Equal(got, []string{".glb", ".gltf", ".obj"}) {
		t.Errorf("Endings = %v", got)
	}
	if in[0].Hash != (fog.Hash{}) {
		t.Error("NewPool wrote into the caller's apps")
	}
}

func TestEmptyPool(t *testing.T) {
	p, err := apps.NewPool()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.ForFile("a.glb"); ok || len(p.Endings()) != 0 {
		t.Errorf("an empty pool opens %v", p.Endings())
	}
}
