// Package arch checks the shape of the tree: which package may import which,
// where each heavy library has its one home, and that every package says what
// it is.
//
// # Why
//
// It parses files rather than asks `go list`: the test cache then sees every
// file, and files for other systems and build tags are held to the rules too.
package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Rules are the shape a tree must have. Directories are slash separated and
// relative to the root of the module; "." is the root itself.
type Rules struct {
	Module string // name of the module

	// Layers says what each directory may import from the rest of the tree.
	// The longest directory that holds a file rules; none means nothing.
	// "x/..." is x and all below it.
	Layers map[string][]string

	// Never says what a directory, and all below it, may not import even if a
	// layer would let it: packages of ours, of Go or of others.
	Never map[string][]string

	// Homes says which directories, and all below, alone may import a library.
	Homes map[string][]string

	// Skip are directories left out, with all below them.
	Skip []string
}

// Check finds packages without a comment, generated ones aside, and imports
// against the rules. It reports one sentence for each place, in the
// order of the files. Tests are free to import what they need.
func Check(tree fs.FS, r Rules) ([]string, error) {
	var broken []string
	said := map[string]bool{} // directory -> it has a package comment
	var order []string
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return r.enter(name, d)
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parse(tree, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if _, seen := said[dir]; !seen {
			order = append(order, dir)
		}
		said[dir] = said[dir] || f.Doc.Text() != "" || ast.IsGenerated(f)
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
			}
			broken = append(broken, r.judge(name, imp)...)
		}
		return nil
	})
	for _, dir := range order {
		if !said[dir] {
			broken = append(broken, dir+" has no package comment")
		}
	}
	return broken, err
}

func (r Rules) enter(name string, d fs.DirEntry) error {
	hidden := name != "." && d.Name()[0] == '.'
	if hidden || d.Name() == "testdata" || d.Name() == "node_modules" || inAny(name, r.Skip) {
		return fs.SkipDir
	}
	return nil
}

func parse(tree fs.FS, name string) (*ast.File, error) {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly|parser.ParseComments)
}

// judge says which rules the file breaks by importing imp.
func (r Rules) judge(file, imp string) []string {
	var broken []string
	dir := path.Dir(file)
	if to, ours := strings.CutPrefix(imp, r.Module+"/"); ours && to != dir {
		if may := r.layer(dir); !allows(may, to) {
			broken = append(broken, fmt.Sprintf("%s imports %s; %s may import only %v", file, to, dir, may))
		}
		imp = to
	}
	for base, deps := range r.Never {
		if in(dir, base) && inAny(imp, deps) {
			broken = append(broken, fmt.Sprintf("%s imports %s, which %s never may", file, imp, base))
		}
	}
	for lib, homes := range r.Homes {
		if in(imp, lib) && !inAny(dir, homes) {
			broken = append(broken, fmt.Sprintf("%s imports %s; only %v may", file, imp, homes))
		}
	}
	return broken
}

// layer is the rule of the longest directory that holds dir.
func (r Rules) layer(dir string) []string {
	for at := dir; ; at = path.Dir(at) {
		if may, ok := r.Layers[at]; ok {
			if at == "." && dir != "." {
				return nil // the root's rule is main's alone
			}
			return may
		}
		if at == "." {
			return nil
		}
	}
}

func allows(may []string, to string) bool {
	for _, m := range may {
		base, deep := strings.CutSuffix(m, "/...")
		if to == base || deep && in(to, base) {
			return true
		}
	}
	return false
}

// in reports whether p is base or below it; a version suffix of a module path
// ("/v2") counts as below.
func in(p, base string) bool { return p == base || strings.HasPrefix(p, base+"/") }

func inAny(p string, bases []string) bool {
	for _, b := range bases {
		if in(p, b) {
			return true
		}
	}
	return false
}
