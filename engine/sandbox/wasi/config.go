package wasi

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Config is what a World has in it at the beginning of every call.
type Config struct {
	Args   []string // the first is the program's name
	Env    []string // "NAME=value"
	Stdin  []byte
	Dirs   []Dir // preopened, from descriptor 3 on
	Limits Limits
}

// Dir is a directory a guest finds preopened.
type Dir struct {
	Name     string // by which the guest knows it, "/" for one
	Files    []File // missing directories are made
	ReadOnly bool   // nothing below may be changed
}

// File is a node of a tree below a Dir. A File handed to Setup belongs to the
// World from then on; its Data is never written to.
type File struct {
	Path string // relative to the Dir, as io/fs.ValidPath says
	Kind Kind   // Regular, Directory or Symlink
	Data []byte // content, or where a Symlink points to
}

// Limits bound the memory a World takes. Zero fields take the defaults.
type Limits struct {
	Stdout int    // bytes of standard output, then writing answers Nospc; default 1 MiB
	Bytes  uint64 // bytes in files and links, those of Config included; default 64 MiB, at most 2 GiB
	Nodes  int    // files, directories, links and names of them; default 65536
	Files  int    // open descriptors; default 1024
}

const (
	defaultStdout = 1 << 20
	defaultBytes  = 64 << 20
	mostBytes     = 2 << 30
	defaultNodes  = 1 << 16
	defaultFiles  = 1 << 10 // as RLIMIT_NOFILE on Linux

	maxName  = 255  // bytes, NAME_MAX of Linux
	maxPath  = 4096 // bytes, PATH_MAX of Linux
	maxLinks = 40   // symbolic links in one path, as Linux
	maxDepth = 128  // directories below a preopened one
)

func (l Limits) withDefaults() Limits {
	if l.Stdout <= 0 {
		l.Stdout = defaultStdout
	}
	if l.Bytes == 0 {
		l.Bytes = defaultBytes
	}
	l.Bytes = min(l.Bytes, mostBytes)
	if l.Nodes <= 0 {
		l.Nodes = defaultNodes
	}
	if l.Files <= 0 {
		l.Files = defaultFiles
	}
	return l
}

// Setup puts c into the World, for this and every later call, and resets it
// with a key of zeros; what Functions gave stays bound. After an error the World is
// the zero one.
func (w *World) Setup(c Config) error {
	*w = World{}
	if err := c.check(); err != nil {
		return err
	}
	c.Limits = c.Limits.withDefaults()
	c.Dirs = slices.Clone(c.Dirs)
	for n := range c.Dirs {
		files := slices.Clone(c.Dirs[n].Files)
		slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
		c.Dirs[n].Files = files
	}
	fresh := World{config: c, setup: true}
	fresh.begin()
	if err := fresh.files.err; err != nil {
		return err
	}
	*w = fresh
	return nil
}

func (c Config) check() error {
	for _, s := range slices.Concat(c.Args, c.Env) {
		if strings.IndexByte(s, 0) >= 0 {
			return fmt.Errorf("argument or variable %q has a NUL in it", s)
		}
	}
	for _, d := range c.Dirs {
		if d.Name == "" || len(d.Name) > maxPath || !utf8.ValidString(d.Name) || strings.IndexByte(d.Name, 0) >= 0 {
			return fmt.Errorf("a directory cannot be called %q", d.Name)
		}
	}
	if l := c.Limits.withDefaults(); 3+len(c.Dirs) > l.Files {
		return fmt.Errorf("%d directories for %d descriptors", len(c.Dirs), l.Files)
	}
	return nil
}

// preopen makes the trees of the config.
func (w *World) preopen() {
	w.files = system{limits: w.config.Limits, now: w.clock.now()}
	for _, dir := range w.config.Dirs {
		root, e := w.files.make(Directory)
		if e != Success {
			w.files.err = errors.New("more directories than nodes are allowed")
			return
		}
		for _, f := range dir.Files {
			if err := w.files.place(root, f); err != nil {
				w.files.err = fmt.Errorf("file %q of directory %q: %w", f.Path, dir.Name, err)
				return
			}
		}
		root.open, root.preopened = 1, true
		d := &descriptor{kind: Directory, node: root, name: dir.Name, base: ofDirectory, inherit: ofDirectory | ofFile}
		if dir.ReadOnly {
			d.base, d.inherit = d.base&^writing, d.inherit&^writing
		}
		w.fds = append(w.fds, d)
		w.files.roots = append(w.files.roots, root)
	}
}

// place puts f below root.
func (s *system) place(root *node, f File) error {
	if !fs.ValidPath(f.Path) || f.Path == "." || strings.IndexByte(f.Path, 0) >= 0 {
		return errors.New("not a path")
	}
	dir, names := root, strings.Split(f.Path, "/")
	last := names[len(names)-1]
	for _, name := range names[:len(names)-1] {
		next := dir.child(name)
		if next == nil {
			var e Errno
			if next, e = s.add(dir, name, Directory); e != Success {
				return s.refused(e)
			}
		}
		if next.kind != Directory {
			return errors.New("a file is in its way")
		}
		dir = next
	}
	if have := dir.child(last); have != nil && have.kind == Directory && f.Kind == Directory {
		return nil
	}
	if f.Kind != Directory && f.Kind != Regular && f.Kind != Symlink {
		return fmt.Errorf("kind %d", f.Kind)
	}
	if f.Kind == Symlink && !linkable(string(f.Data)) {
		return errors.New("a link that points nowhere")
	}
	n, e := s.add(dir, last, f.Kind)
	if e == Success && f.Kind != Directory {
		e = s.lend(n, f.Data)
	}
	return s.refused(e)
}

// refused says in words what e means for a file of a Config.
func (s *system) refused(e Errno) error {
	switch e {
	case Success:
		return nil
	case Nospc:
		return fmt.Errorf("more than %d bytes or %d nodes", s.limits.Bytes, s.limits.Nodes)
	case Nametoolong:
		return fmt.Errorf("its name has more than %d bytes or is more than %d directories deep", maxName, maxDepth)
	default:
		return errors.New("it is there twice")
	}
}

// Files goes over the tree of the nth Dir of the Config as it is now, sorted
// by name within each directory, directories before what is in them. A file
// with several names comes once under each. The Data is the World's own and
// may be kept only until the next call.
func (w *World) Files(dir int) iter.Seq[File] {
	return func(yield func(File) bool) {
		if dir >= 0 && dir < len(w.files.roots) {
			w.files.roots[dir].walk("", yield)
		}
	}
}

func (n *node) walk(prefix string, yield func(File) bool) bool {
	for _, e := range n.entries {
		path := prefix + e.name
		if !yield(File{Path: path, Kind: e.node.kind, Data: e.node.data}) || !e.node.walk(path+"/", yield) {
			return false
		}
	}
	return true
}
