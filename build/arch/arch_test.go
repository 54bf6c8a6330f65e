package arch_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"sonm/build/arch"
)

func TestTree(t *testing.T) {
	broken, err := arch.Check(os.DirFS("../.."), rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range broken {
		t.Error(b)
	}
}

// TestRules breaks each rule of the real table on a small tree, so that the
// test above is known to be able to fail.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		name, file, imports string
		want                string // part of the one complaint; "" = none
	}{
		{"own package", "engine/fog/a.go", `"sonm/engine/fog"`, ""},
		{"downwards", "app/wire.go", `"sonm/engine/p2p"`, ""},
		{"upwards", "engine/fog/a.go", `"sonm/engine/wire"`, "engine/fog may import only []"},
		{"mechanisms apart", "engine/market/a.go", `"sonm/engine/lease"`, "engine/market may import only [engine/fog]"},
		{"unknown directory", "misc/a.go", `"sonm/app"`, "misc may import only []"},
		{"main", "main.go", `"sonm/app/cli"`, ""},
		{"main past app", "main.go", `"sonm/engine/p2p"`, ". may import only [app app/cli ui/desktop]"},
		{"below a rule", "engine/sandbox/wasmer/deep/a.go", `"sonm/engine/sandbox/wasi"`, ""},
		{"a name that begins alike", "ui/a.go", `"sonm/assetsx"`, "ui may import only"},
		{"pure with a clockwork", "engine/lease/a.go", `"os"`, "engine/lease never may"},
		{"pure with randomness v2", "engine/proof/a.go", `"math/rand/v2"`, "engine/proof never may"},
		{"home", "ui/screen/a.go", `"fyne.io/fyne/v2/canvas"`, ""},
		{"not its home", "app/a.go", `"fyne.io/fyne/v2/canvas"`, "only [ui] may"},
		{"the window's home", "ui/screen/a.go", `"fyne.io/fyne/v2/app"`, "only [ui/desktop] may"},
		{"not ethereum's home", "engine/buyer/a.go", `"github.com/ethereum/go-ethereum/common"`, "only [wallet contracts] may"},
		{"other systems too", "engine/fog/a_windows.go", `"os"`, "engine/fog never may"},
		{"tests are free", "engine/fog/a_test.go", `"os"`, ""},
		{"test data is not code", "engine/fog/testdata/a.go", `"os"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := fstest.MapFS{c.file: {Data: []byte("// Package x is a test.\npackage x\nimport _ " + c.imports + "\n")}}
			broken, err := arch.Check(tree, rules)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(broken, "; ")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("%s importing %s: %q, want %q", c.file, c.imports, got, c.want)
			}
		})
	}
}

func TestPackageComment(t *testing.T) {
	tree := fstest.MapFS{
		"a/a.go": {Data: []byte("package a\n")},
		"b/b.go": {Data: []byte("package b\n")},
		"b/c.go": {Data: []byte("// Package b is one file's to say.\npackage b\n")},
	}
	broken, err := arch.Check(tree, rules)
	if err != nil || len(broken) != 1 || broken[0] != "a has no package comment" {
		t.Errorf("%v, %v; want one complaint, about a", broken, err)
	}
}

func TestUnreadableFile(t *testing.T) {
	tree := fstest.MapFS{"a/a.go": {Data: []byte("package")}}
	if _, err := arch.Check(tree, rules); err == nil {
		t.Error("a file that does not parse passes")
	}
}
