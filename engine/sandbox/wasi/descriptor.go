package wasi

import (
	"encoding/binary"
	"slices"
)

// descriptor is an open file, directory or stream.
type descriptor struct {
	kind          Kind // device, Directory or Regular
	stream        int  // 0, 1 or 2, of a device
	node          *node
	name          string // of a preopened directory
	offset        uint64
	flags         uint16
	base, inherit rights
	listing       []string // what the guest is reading of a directory
}

// fd is an open descriptor.
func (w *World) fd(n uint64) (*descriptor, Errno) {
	if n >= uint64(len(w.fds)) || w.fds[n] == nil {
		return nil, Badf
	}
	return w.fds[n], Success
}

// may is an open descriptor that has the rights.
func (w *World) may(n uint64, need rights) (*descriptor, Errno) {
	d, e := w.fd(n)
	if e == Success && d.base&need != need {
		e = Notcapable
	}
	return d, e
}

// file is the descriptor of a file that has the rights.
func (w *World) file(n uint64, need rights) (*descriptor, Errno) {
	d, e := w.fd(n)
	switch {
	case e != Success:
		return nil, e
	case d.kind == Directory:
		return nil, Isdir
	case d.kind == device:
		return nil, Spipe
	case d.base&need != need:
		return nil, Notcapable
	}
	return d, Success
}

// directory is the descriptor of a directory that has the rights.
func (w *World) directory(n uint64, need rights) (*descriptor, Errno) {
	d, e := w.fd(n)
	switch {
	case e != Success:
		return nil, e
	case d.kind != Directory:
		return nil, Notdir
	case d.base&need != need:
		return nil, Notcapable
	}
	return d, Success
}

// free is the lowest number that is not in use.
func (w *World) free() (int, Errno) {
	if n := slices.Index(w.fds, nil); n >= 0 {
		return n, Success
	}
	if len(w.fds) >= w.config.Limits.Files {
		return 0, Mfile
	}
	w.fds = append(w.fds, nil)
	return len(w.fds) - 1, Success
}

// open is path_open(fd, lookup, path, len, oflags, base, inheriting, fdflags, result).
func (w *World) open(mem []byte, a []uint64) Errno {
	how, e := lookup(a[1])
	flags := a[4]
	if e != Success || flags&^openAll != 0 || a[7]&^flagAll != 0 || flags&openCreate != 0 && flags&openDirectory != 0 {
		return Inval
	}
	if _, ok := span(mem, a[8], 4); !ok {
		return Fault
	}
	need := pathOpen
	if flags&openCreate != 0 {
		need |= pathCreateFile
	}
	if flags&openTruncate != 0 {
		need |= pathSetSize
	}
	if flags&openExclusive != 0 && flags&openCreate != 0 {
		how = never
	}
	p, e := w.at(mem, a[0], need, a[2], a[3], how)
	if e != Success {
		return e
	}
	if from := w.fds[a[0]].inherit; (a[5]|a[6])&^from != 0 {
		return Notcapable
	}
	number, e := w.free()
	if e != Success {
		return e
	}
	n, e := w.opened(p, flags, a[5])
	if e != Success {
		return e
	}
	d := &descriptor{kind: n.kind, node: n, flags: uint16(a[7]), base: a[5] & ofFile}
	if n.kind == Directory {
		d.base, d.inherit = a[5]&ofDirectory, a[6]
	}
	n.open++
	w.fds[number] = d
	return put32(mem, a[8], uint32(number))
}

// opened is the node to open at p.
func (w *World) opened(p place, flags uint64, base rights) (*node, Errno) {
	switch {
	case p.node == nil && flags&openCreate == 0:
		return nil, Noent
	case p.node == nil && p.slash:
		return nil, Isdir
	case p.node == nil:
		return w.files.add(p.dir, p.name, Regular)
	case flags&openCreate != 0 && flags&openExclusive != 0:
		return nil, Exist
	case p.is(Symlink):
		return nil, Loop
	case p.is(Regular) && flags&openDirectory != 0:
		return nil, Notdir
	case p.is(Directory) && (base&fdWrite != 0 || flags&(openCreate|openTruncate) != 0):
		return nil, Isdir
	}
	if flags&openTruncate != 0 {
		return p.node, w.files.resize(p.node, 0)
	}
	return p.node, Success
}

// close is fd_close(fd).
func (w *World) close(_ []byte, a []uint64) Errno {
	d, e := w.fd(a[0])
	if e != Success {
		return e
	}
	w.unlist(d)
	w.fds[a[0]] = nil
	if d.node != nil {
		d.node.open--
		w.files.drop(d.node)
	}
	return Success
}

// renumber is fd_renumber(from, to).
func (w *World) renumber(mem []byte, a []uint64) Errno {
	d, e := w.fd(a[0])
	if e != Success {
		return e
	}
	if a[0] == a[1] {
		return Success
	}
	if e := w.close(mem, a[1:]); e != Success {
		return e
	}
	w.fds[a[0]], w.fds[a[1]] = nil, d
	return Success
}

// stat is fd_fdstat_get(fd, result).
func (w *World) stat(mem []byte, a []uint64) Errno {
	d, e := w.fd(a[0])
	if e != Success {
		return e
	}
	b, ok := span(mem, a[1], 24)
	if !ok {
		return Fault
	}
	clear(b)
	b[0] = byte(d.kind)
	binary.LittleEndian.PutUint16(b[2:], d.flags)
	binary.LittleEndian.PutUint64(b[8:], d.base)
	binary.LittleEndian.PutUint64(b[16:], d.inherit)
	return Success
}

// setFlags is fd_fdstat_set_flags(fd, flags).
func (w *World) setFlags(_ []byte, a []uint64) Errno {
	d, e := w.may(a[0], fdSetFlags)
	if e != Success {
		return e
	}
	if a[1]&^flagAll != 0 {
		return Inval
	}
	d.flags = uint16(a[1])
	return Success
}

// setRights is fd_fdstat_set_rights(fd, base, inheriting); they only shrink.
func (w *World) setRights(_ []byte, a []uint64) Errno {
	d, e := w.fd(a[0])
	if e != Success {
		return e
	}
	if a[1]&^d.base != 0 || a[2]&^d.inherit != 0 {
		return Notcapable
	}
	d.base, d.inherit = a[1], a[2]
	return Success
}

// fileStat is fd_filestat_get(fd, result).
func (w *World) fileStat(mem []byte, a []uint64) Errno {
	d, e := w.may(a[0], fdFilestatGet)
	if e != Success {
		return e
	}
	if d.kind == device {
		return (&node{kind: device, links: 1}).stat(mem, a[1])
	}
	return d.node.stat(mem, a[1])
}

// stat writes a `filestat`.
func (n *node) stat(mem []byte, ptr uint64) Errno {
	b, ok := span(mem, ptr, 64)
	if !ok {
		return Fault
	}
	b[16] = byte(n.kind)
	clear(b[17:24])
	links := n.links
	if n.preopened {
		links = 1
	}
	for i, v := range []uint64{0, n.ino, uint64(n.kind), uint64(links), uint64(len(n.data)), n.atim, n.mtim, n.ctim} {
		binary.LittleEndian.PutUint64(b[i*8:], v)
	}
	return Success
}

// fileTimes is fd_filestat_set_times(fd, atim, mtim, which).
func (w *World) fileTimes(_ []byte, a []uint64) Errno {
	d, e := w.may(a[0], fdSetTimes)
	if e != Success {
		return e
	}
	return w.setTimes(d.node, a[1:])
}

// setTimes takes (atim, mtim, which).
func (w *World) setTimes(n *node, a []uint64) Errno {
	which := a[2]
	if which > 15 || which&(setAtim|setAtimNow) == setAtim|setAtimNow || which&(setMtim|setMtimNow) == setMtim|setMtimNow {
		return Inval
	}
	now := w.clock.now()
	switch {
	case which&setAtim != 0:
		n.atim = a[0]
	case which&setAtimNow != 0:
		n.atim = now
	}
	switch {
	case which&setMtim != 0:
		n.mtim = a[1]
	case which&setMtimNow != 0:
		n.mtim = now
	}
	n.ctim = now
	return Success
}

// preopened is a descriptor the guest was given.
func (w *World) preopened(fd uint64) (*descriptor, Errno) {
	d, e := w.fd(fd)
	if e == Success && d.name == "" {
		e = Badf
	}
	return d, e
}

// prestat is fd_prestat_get(fd, result).
func (w *World) prestat(mem []byte, a []uint64) Errno {
	d, e := w.preopened(a[0])
	if e != Success {
		return e
	}
	return max(put32(mem, a[1], 0), put32(mem, a[1]+4, uint32(len(d.name)))) // tag 0, a directory
}

// prestatName is fd_prestat_dir_name(fd, buf, len).
func (w *World) prestatName(mem []byte, a []uint64) Errno {
	d, e := w.preopened(a[0])
	if e != Success {
		return e
	}
	b, ok := span(mem, a[1], a[2])
	switch {
	case !ok:
		return Fault
	case len(b) < len(d.name):
		return Nametoolong
	}
	copy(b, d.name)
	return Success
}
