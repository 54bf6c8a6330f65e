package assets_test

import (
	"errors"
	"testing"

	"sonm/assets"
)

func TestPathTracerIsBundledWithItsHash(t *testing.T) {
	manifest, module, err := assets.App("pathtracer")
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Name != "pathtracer" || manifest.ABI != 1 || manifest.Class != assets.Exact {
		t.Errorf("manifest = %+v, want pathtracer, ABI 1, exact", manifest)
	}
	if manifest.Memory == 0 || manifest.Memory > 2<<30 {
		t.Errorf("memory quota = %d, want 1 to 2 GiB", manifest.Memory)
	}
	if len(module) < 8 || string(module[:4]) != "\x00asm" {
		t.Errorf("module of %d bytes is not WebAssembly", len(module))
	}
}

func TestUnknownApps(t *testing.T) {
	for _, name := range []string{"", "nothing", "../assets", "pathtracer/demo", "Pathtracer"} {
		if _, _, err := assets.App(name); !errors.Is(err, assets.ErrUnknownApp) {
			t.Errorf("App(%q) = %v, want ErrUnknownApp", name, err)
		}
	}
}

func TestDemoScene(t *testing.T) {
	scene, err := assets.Demo("pathtracer", "cornell.glb")
	if err != nil {
		t.Fatal(err)
	}
	if string(scene[:4]) != "glTF" {
		t.Errorf("demo scene starts with %q, want glTF", scene[:4])
	}
	if _, err := assets.Demo("pathtracer", "../module.wasm.nothing"); err == nil {
		t.Error("a file that is not there was read")
	}
}
