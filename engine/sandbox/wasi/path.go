package wasi

import (
	"strings"
	"unicode/utf8"
)

// place is where a path leads: a name in a directory, and the node that has
// it, which may be none. A path that ends in "." or ".." has a node and no
// name.
type place struct {
	dir   *node
	name  string
	node  *node
	slash bool // the path says that it leads to a directory
}

// follow is what to do with a symbolic link at the end of a path; one before
// the end is always followed.
type follow int

const (
	never  follow = iota
	slash         // only if there is a slash after it
	always        // to where it leads, which may be a name without a node
)

func (f follow) follows(last, slashed bool) bool {
	return !last || f == always || f == slash && slashed
}

// resolve follows path from root, which it never leaves. The path is not
// empty.
func resolve(root *node, path string, how follow) (place, Errno) {
	if path[0] == '/' {
		return place{}, Notcapable
	}
	dir, links := root, 0
	for {
		name, rest := cut(path)
		p, e := step(root, dir, name)
		if e != Success {
			return place{}, e
		}
		last := rest == ""
		slashed := last && len(path) > len(name)
		p.slash = p.slash || slashed
		if p.is(Symlink) && how.follows(last, slashed) {
			if links++; links > maxLinks {
				return place{}, Loop
			}
			path = string(p.node.data)
			if !last || slashed {
				path += "/" + rest
			}
			continue
		}
		if e := p.leads(last); e != Success {
			return place{}, e
		}
		if last {
			return p, Success
		}
		dir, path = p.node, rest
	}
}

// leads tells whether a path may end or go on here.
func (p place) leads(last bool) Errno {
	switch {
	case p.node == nil && !last:
		return Noent
	case p.node != nil && !p.is(Directory) && (!last || p.slash):
		return Notdir
	}
	return Success
}

// step looks one name up in dir.
func step(root, dir *node, name string) (place, Errno) {
	switch {
	case name == ".":
		return place{node: dir, slash: true}, Success
	case name == ".." && dir == root:
		return place{}, Notcapable
	case name == "..":
		return place{node: dir.parent, slash: true}, Success
	case len(name) > maxName:
		return place{}, Nametoolong
	}
	return place{dir: dir, name: name, node: dir.child(name)}, Success
}

// cut takes the first name off a path and the slashes after it.
func cut(path string) (name, rest string) {
	name, rest, _ = strings.Cut(path, "/")
	return name, strings.TrimLeft(rest, "/")
}

func (p place) is(k Kind) bool { return p.node != nil && p.node.kind == k }

// linkable reports whether a symbolic link may point to target.
func linkable(target string) bool {
	return target != "" && target[0] != '/' && len(target) <= maxPath && utf8.ValidString(target) &&
		strings.IndexByte(target, 0) < 0
}

// at resolves the guest's string at ptr from the directory fd, whose
// descriptor must have the right.
func (w *World) at(mem []byte, fd uint64, right rights, ptr, n uint64, how follow) (place, Errno) { //nolint:revive // a path is a descriptor, a pointer and a length
	d, e := w.directory(fd, right)
	if e != Success {
		return place{}, e
	}
	path, e := text(mem, ptr, n)
	if e != Success {
		return place{}, e
	}
	return resolve(d.node, path, how)
}

// lookup is the following that lookupflags ask for.
func lookup(flags uint64) (follow, Errno) {
	switch flags {
	case 0:
		return slash, Success
	case followLinks:
		return always, Success
	}
	return 0, Inval
}

// createDirectory is path_create_directory(fd, path, len).
func (w *World) createDirectory(mem []byte, a []uint64) Errno {
	p, e := w.at(mem, a[0], pathCreateDirectory, a[1], a[2], never)
	switch {
	case e != Success:
		return e
	case p.node != nil:
		return Exist
	}
	_, e = w.files.add(p.dir, p.name, Directory)
	return e
}

// pathStat is path_filestat_get(fd, flags, path, len, result).
func (w *World) pathStat(mem []byte, a []uint64) Errno {
	p, e := w.existing(mem, a, pathFilestatGet)
	if e != Success {
		return e
	}
	return p.stat(mem, a[4])
}

// existing is the node of the functions that begin with (fd, flags, path, len).
func (w *World) existing(mem []byte, a []uint64, right rights) (*node, Errno) {
	how, e := lookup(a[1])
	if e != Success {
		return nil, e
	}
	p, e := w.at(mem, a[0], right, a[2], a[3], how)
	if e == Success && p.node == nil {
		e = Noent
	}
	return p.node, e
}

// pathTimes is path_filestat_set_times(fd, flags, path, len, atim, mtim, which).
func (w *World) pathTimes(mem []byte, a []uint64) Errno {
	n, e := w.existing(mem, a, pathSetTimes)
	if e != Success {
		return e
	}
	return w.setTimes(n, a[4:])
}

// hardLink is path_link(fd, flags, path, len, fd, path, len).
func (w *World) hardLink(mem []byte, a []uint64) Errno {
	n, e := w.existing(mem, a, pathLinkSource)
	if e != Success {
		return e
	}
	p, e := w.at(mem, a[4], pathLinkTarget, a[5], a[6], never)
	switch {
	case e != Success:
		return e
	case n.kind == Directory:
		return Perm
	case p.node != nil:
		return Exist
	case p.slash:
		return Noent
	}
	if e := w.files.room(p.dir, p.name, false, 0); e != Success {
		return e
	}
	return w.files.link(p.dir, p.name, n)
}

// readLink is path_readlink(fd, path, len, buf, len, used).
func (w *World) readLink(mem []byte, a []uint64) Errno {
	p, e := w.at(mem, a[0], pathReadlink, a[1], a[2], never)
	if e != Success {
		return e
	}
	b, ok := span(mem, a[3], a[4])
	switch {
	case p.node == nil:
		return Noent
	case !p.is(Symlink):
		return Inval
	case !ok:
		return Fault
	}
	return put32(mem, a[5], uint32(copy(b, p.node.data)))
}

// removeDirectory is path_remove_directory(fd, path, len).
func (w *World) removeDirectory(mem []byte, a []uint64) Errno {
	p, e := w.at(mem, a[0], pathRemoveDirectory, a[1], a[2], never)
	switch {
	case e != Success:
		return e
	case p.node == nil:
		return Noent
	case !p.is(Directory):
		return Notdir
	case p.name == "":
		return Inval
	case len(p.node.entries) > 0:
		return Notempty
	}
	w.files.unlink(p.dir, p.name)
	return Success
}

// unlinkFile is path_unlink_file(fd, path, len).
func (w *World) unlinkFile(mem []byte, a []uint64) Errno {
	p, e := w.at(mem, a[0], pathUnlinkFile, a[1], a[2], never)
	switch {
	case e != Success:
		return e
	case p.node == nil:
		return Noent
	case p.is(Directory):
		return Isdir
	}
	w.files.unlink(p.dir, p.name)
	return Success
}

// symlink is path_symlink(target, len, fd, path, len).
func (w *World) symlink(mem []byte, a []uint64) Errno {
	p, e := w.at(mem, a[2], pathSymlink, a[3], a[4], never)
	if e != Success {
		return e
	}
	target, e := text(mem, a[0], a[1])
	switch {
	case e != Success:
		return e
	case !linkable(target):
		return Notcapable
	case p.node != nil:
		return Exist
	case p.slash:
		return Noent
	case uint64(len(target)) > w.files.limits.Bytes-w.files.bytes:
		return Nospc
	}
	n, e := w.files.add(p.dir, p.name, Symlink)
	if e != Success {
		return e
	}
	return w.files.lend(n, []byte(target))
}

// rename is path_rename(fd, path, len, fd, path, len).
func (w *World) rename(mem []byte, a []uint64) Errno {
	from, e := w.at(mem, a[0], pathRenameSource, a[1], a[2], never)
	if e != Success {
		return e
	}
	to, e := w.at(mem, a[3], pathRenameTarget, a[4], a[5], never)
	switch {
	case e != Success:
		return e
	case from.node == nil:
		return Noent
	case from.name == "" || to.name == "":
		return Busy
	case from.node == to.node:
		return Success
	}
	if e := movable(from, to); e != Success {
		return e
	}
	if to.dir.vanished {
		return Noent
	}
	if to.node != nil {
		w.files.unlink(to.dir, to.name)
	}
	from.node.open++ // lives while it has no name
	w.files.unlink(from.dir, from.name)
	from.node.vanished = false
	e = w.files.link(to.dir, to.name, from.node) // cannot fail: a name was given back
	from.node.open--
	return e
}

// movable tells whether from may take the place of to.
func movable(from, to place) Errno {
	directory := from.is(Directory)
	for at := to.dir; directory && at != nil; at = at.parent {
		if at == from.node {
			return Inval // into itself
		}
	}
	switch {
	case !directory && to.is(Directory):
		return Isdir
	case !directory && to.slash:
		return Notdir
	case !directory:
		return Success
	case to.node != nil && !to.is(Directory):
		return Notdir
	case to.node != nil && len(to.node.entries) > 0:
		return Notempty
	}
	if deeper := to.dir.depth + 1; deeper > from.node.depth && deeper+from.node.levels() > maxDepth {
		return Nametoolong
	}
	return Success
}
