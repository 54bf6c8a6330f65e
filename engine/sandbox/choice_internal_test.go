package sandbox

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestChoices(t *testing.T) {
	all := Engines()
	native := []Engine{Wasmer, Wasmtime}
	module := sha256.Sum256([]byte("module"))
	type note func(*choices)
	compared := func(wasmer, wasmtime float64) note {
		return func(c *choices) { c.compared(module, map[Engine]float64{Wasmer: wasmer, Wasmtime: wasmtime}) }
	}
	failed := func(e Engine, k Kind) note { return func(c *choices) { c.failed(module, e, k) } }
	for _, c := range []struct {
		name   string
		notes  []note
		want   []Engine
		rivals []Engine
	}{
		{"nothing known", nil, all, native},
		{"wasmtime is faster", []note{compared(1000, 1200)}, []Engine{Wasmtime, Wasmer, Wazero}, nil},
		{"wasmtime is slower", []note{compared(1000, 900)}, []Engine{Wasmer, Wasmtime, Wazero}, nil},
		{"wasmer cannot", []note{failed(Wasmer, Unsupported)}, []Engine{Wasmtime, Wazero, Wasmer}, nil},
		{"one crash", []note{failed(Wasmer, Crashed)}, all, native},
		{"two crashes", []note{failed(Wasmer, Crashed), failed(Wasmer, Crashed)}, []Engine{Wasmtime, Wazero, Wasmer}, nil},
		{"compared and then broken", []note{compared(1000, 900), failed(Wasmer, Unsupported)}, []Engine{Wasmtime, Wazero, Wasmer}, nil},
		{"only wazero can", []note{failed(Wasmer, Unsupported), failed(Wasmtime, Unsupported)}, []Engine{Wazero, Wasmer, Wasmtime}, nil},
	} {
		path := filepath.Join(t.TempDir(), "sub", "engines.json")
		kept := &choices{path: path}
		for _, n := range c.notes {
			n(kept)
		}
		if err := kept.save(); err != nil {
			t.Fatal(err)
		}
		for what, x := range map[string]*choices{"now": kept, "after a restart": {path: path}} {
			got, rivals := x.order(module, all)
			if !reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(rivals, c.rivals) {
				t.Errorf("%s: order %s is %v with rivals %v, want %v with %v", c.name, what, got, rivals, c.want, c.rivals)
			}
			if got, _ := x.order(sha256.Sum256([]byte("another")), all); !reflect.DeepEqual(got, all) {
				t.Errorf("%s: order of another module %s is %v, want %v", c.name, what, got, all)
			}
		}
	}
	if _, rivals := (&choices{}).order(module, []Engine{Wazero}); rivals != nil {
		t.Errorf("rivals of one engine: %v", rivals)
	}
}

// TestChoicesOfAnotherVersion: what an older engine could not do is tried again.
func TestChoicesOfAnotherVersion(t *testing.T) {
	module := sha256.Sum256([]byte("module"))
	c := &choices{}
	c.failed(module, Wasmer, Unsupported)
	x := c.known[choiceKey(module)]
	x[Wasmer] = trial{Version: "v0", Not: true}
	if got, _ := c.order(module, Engines()); got[0] != Wasmer {
		t.Errorf("order %v, want wasmer first", got)
	}
}

// TestCrashesAreForgotten: two crashes bar an engine for a day.
func TestCrashesAreForgotten(t *testing.T) {
	module := sha256.Sum256([]byte("module"))
	c := &choices{}
	c.failed(module, Wasmer, Crashed)
	c.failed(module, Wasmer, Crashed)
	if got, _ := c.order(module, Engines()); got[0] == Wasmer {
		t.Errorf("order %v after two crashes", got)
	}
	x := c.known[choiceKey(module)]
	old := x[Wasmer]
	old.Crashed = time.Now().Add(-choiceMemory - time.Minute).Unix()
	x[Wasmer] = old
	if got, _ := c.order(module, Engines()); got[0] != Wasmer {
		t.Errorf("order %v a day after two crashes, want wasmer first", got)
	}
	c.failed(module, Wasmer, Crashed)
	if got, _ := c.order(module, Engines()); got[0] != Wasmer {
		t.Errorf("order %v after one more crash, want wasmer first", got)
	}
}

func TestChoicesSurviveGarbage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engines.json")
	for _, text := range []string{"", "{", "[]", "null", `{"x":{"wasmer":{"speed":-1,"crashes":-5}}}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := &choices{path: path}
		c.failed(sha256.Sum256(nil), Wazero, Crashed)
		if err := c.save(); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestChoicesAreBounded(t *testing.T) {
	c := &choices{path: filepath.Join(t.TempDir(), "engines.json")}
	for n := range choiceModules + 10 {
		c.failed(sha256.Sum256([]byte{byte(n), byte(n >> 8)}), Wasmer, Unsupported)
	}
	if err := c.save(); err != nil || len(c.known) != choiceModules {
		t.Errorf("%d modules are remembered, %v, want %d", len(c.known), err, choiceModules)
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	c := &cache{dir: dir, most: 1000}
	key := func(n int) cacheKey { return c.key(sha256.Sum256([]byte{byte(n)}), Wasmer, "") }
	for n := range 10 {
		if err := c.store(key(n), make([]byte, 200)); err != nil {
			t.Fatal(err)
		}
		past := time.Now().Add(time.Duration(n-100) * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, key(n).name()), past, past); err != nil {
			t.Fatal(err)
		}
		c.load(key(0)) // in use all the time
	}
	if c.load(key(0)) == nil || c.load(key(9)) == nil {
		t.Error("what was used last is gone")
	}
	var sum int64
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		st, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		sum += st.Size()
	}
	if sum > 1000+2*int64(cacheHead) || len(files) < 2 {
		t.Errorf("%d files of %d bytes, 1000 are allowed", len(files), sum)
	}
}

// TestVersions: the versions in the names of compiled modules are those linked.
func TestVersions(t *testing.T) {
	b, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for e, path := range map[Engine]string{
		Wasmer: "github.com/wasmerio/wasmer-go", Wasmtime: "github.com/bytecodealliance/wasmtime-go/v44", Wazero: "github.com/tetratelabs/wazero",
	} {
		if want := path + " " + engineVersions[e] + "\n"; !bytes.Contains(b, []byte(want)) {
			t.Errorf("go.mod has no %q", want)
		}
	}
}

// TestCacheGivesWhatWasStored: a file that is not what was stored under its key
// is as good as none, and gone.
func TestCacheGivesWhatWasStored(t *testing.T) {
	c := &cache{dir: t.TempDir(), most: 1000}
	one, other := c.key(sha256.Sum256([]byte("one")), Wasmer, ""), c.key(sha256.Sum256([]byte("other")), Wasmer, "")
	if err := c.store(one, []byte("compiled")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.dir, one.name())
	good, err := os.ReadFile(path)
	if err != nil || string(c.load(one)) != "compiled" {
		t.Fatalf("load = %q, %v", c.load(one), err)
	}
	for at := range good {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if b := c.load(one); b != nil {
			t.Errorf("with byte %d changed: %q", at, b)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("with byte %d changed the file stays: %v", at, err)
		}
	}
	if err := os.WriteFile(filepath.Join(c.dir, other.name()), good, 0o600); err != nil {
		t.Fatal(err)
	}
	if b := c.load(other); b != nil {
		t.Errorf("under the name of another: %q", b)
	}
}
