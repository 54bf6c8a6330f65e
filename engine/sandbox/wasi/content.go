package wasi

import (
	"encoding/binary"
	"math"
	"slices"
)

// write is fd_write(fd, iovs, count, written).
func (w *World) write(mem []byte, a []uint64) Errno {
	d, vectors, e := w.transfer(mem, a, fdWrite)
	if e != Success {
		return e
	}
	defer clear(vectors)
	if d.kind == device {
		return w.print(mem, d.stream, vectors, a[3])
	}
	if d.flags&flagAppend != 0 {
		d.offset = uint64(len(d.node.data))
	}
	n, e := w.files.write(d.node, d.offset, vectors)
	if e != Success {
		return e
	}
	d.offset += n
	return put32(mem, a[3], uint32(n))
}

// print takes what goes to standard output or error.
func (w *World) print(mem []byte, stream int, vectors [][]byte, result uint64) Errno {
	var total uint64
	for _, v := range vectors {
		total += uint64(len(v))
	}
	if stream == 1 && w.setup {
		room := uint64(w.config.Limits.Stdout - len(w.stdout))
		if total > 0 && room == 0 {
			return Nospc
		}
		total = min(total, room)
	}
	left := total
	for _, v := range vectors {
		v = v[:min(uint64(len(v)), left)]
		left -= uint64(len(v))
		if stream == 1 && w.setup {
			w.stdout = append(w.stdout, v...)
		}
		w.written = append(w.written, v[:min(len(v), maxWrite-len(w.written))]...)
	}
	return put32(mem, result, uint32(min(total, math.MaxUint32)))
}

// readSome is fd_read(fd, iovs, count, read).
func (w *World) readSome(mem []byte, a []uint64) Errno {
	d, vectors, e := w.transfer(mem, a, fdRead)
	if e != Success {
		return e
	}
	defer clear(vectors)
	if d.kind == device {
		n := read(w.config.Stdin, uint64(w.read), vectors)
		w.read += int(n)
		return put32(mem, a[3], uint32(n))
	}
	n := read(d.node.data, d.offset, vectors)
	d.offset += n
	return put32(mem, a[3], uint32(n))
}

// transfer checks the arguments (fd, iovs, count, result).
func (w *World) transfer(mem []byte, a []uint64, right rights) (*descriptor, [][]byte, Errno) {
	d, e := w.fd(a[0])
	switch {
	case e != Success:
		return nil, nil, e
	case d.kind == Directory:
		return nil, nil, Isdir
	case d.base&right == 0:
		return nil, nil, Notcapable
	}
	if _, ok := span(mem, a[3], 4); !ok {
		return nil, nil, Fault
	}
	vectors, e := w.gather(mem, a[1], a[2])
	return d, vectors, e
}

// pread is fd_pread(fd, iovs, count, offset, read).
func (w *World) pread(mem []byte, a []uint64) Errno {
	d, vectors, e := w.transferAt(mem, a, fdRead|fdSeek)
	if e != Success {
		return e
	}
	defer clear(vectors)
	return put32(mem, a[4], uint32(read(d.node.data, a[3], vectors)))
}

// pwrite is fd_pwrite(fd, iovs, count, offset, written). As POSIX says it
// writes at offset, also with append.
func (w *World) pwrite(mem []byte, a []uint64) Errno {
	d, vectors, e := w.transferAt(mem, a, fdWrite|fdSeek)
	if e != Success {
		return e
	}
	defer clear(vectors)
	n, e := w.files.write(d.node, a[3], vectors)
	if e != Success {
		return e
	}
	return put32(mem, a[4], uint32(n))
}

// transferAt checks the arguments (fd, iovs, count, offset, result).
func (w *World) transferAt(mem []byte, a []uint64, need rights) (*descriptor, [][]byte, Errno) {
	d, e := w.file(a[0], need)
	if e != Success {
		return nil, nil, e
	}
	if _, ok := span(mem, a[4], 4); !ok {
		return nil, nil, Fault
	}
	vectors, e := w.gather(mem, a[1], a[2])
	return d, vectors, e
}

// Values of `whence`.
const (
	fromStart   = 0
	fromCurrent = 1
	fromEnd     = 2
)

// seek is fd_seek(fd, offset, whence, result). To ask where one is needs the
// right to tell only.
func (w *World) seek(mem []byte, a []uint64) Errno {
	need := fdSeek
	if a[1] == 0 && a[2] == fromCurrent {
		need = 0
	}
	d, e := w.file(a[0], need)
	if e != Success {
		return e
	}
	if need == 0 && d.base&(fdSeek|fdTell) == 0 {
		return Notcapable
	}
	var from int64
	switch a[2] {
	case fromStart:
	case fromCurrent:
		from = int64(d.offset)
	case fromEnd:
		from = int64(len(d.node.data))
	default:
		return Inval
	}
	by := int64(a[1])
	if by > math.MaxInt64-from || from+by < 0 {
		return Inval
	}
	if e := put64(mem, a[3], uint64(from+by)); e != Success {
		return e
	}
	d.offset = uint64(from + by)
	return Success
}

// tell is fd_tell(fd, result).
func (w *World) tell(mem []byte, a []uint64) Errno {
	d, e := w.file(a[0], fdTell)
	if e != Success {
		return e
	}
	return put64(mem, a[1], d.offset)
}

// advise is fd_advise(fd, offset, len, advice), and there is nothing to advise.
func (w *World) advise(_ []byte, a []uint64) Errno {
	if _, e := w.file(a[0], fdAdvise); e != Success {
		return e
	}
	if a[3] > 5 {
		return Inval
	}
	return Success
}

// allocate is fd_allocate(fd, offset, len).
func (w *World) allocate(_ []byte, a []uint64) Errno {
	d, e := w.file(a[0], fdAllocate)
	switch {
	case e != Success:
		return e
	case a[2] == 0:
		return Inval
	case a[1] > mostBytes || a[2] > mostBytes:
		return Fbig
	case a[1]+a[2] <= uint64(len(d.node.data)):
		return Success
	}
	return w.files.resize(d.node, a[1]+a[2])
}

// setSize is fd_filestat_set_size(fd, size).
func (w *World) setSize(_ []byte, a []uint64) Errno {
	d, e := w.file(a[0], fdSetSize)
	if e == Spipe {
		return Inval
	}
	if e != Success {
		return e
	}
	return w.files.resize(d.node, a[1])
}

// sync is fd_sync and fd_datasync; there is nothing behind the memory.
func (w *World) sync(_ []byte, a []uint64) Errno {
	_, e := w.fd(a[0])
	return e
}

const direntSize = 24 // `dirent` without the name, bytes

// readdir is fd_readdir(fd, buf, len, cookie, used). What a guest lists from
// the beginning is kept with the descriptor, so that it may remove and make
// files while it goes on; a cookie is a position in it.
func (w *World) readdir(mem []byte, a []uint64) Errno {
	d, e := w.directory(a[0], fdReaddir)
	if e != Success {
		return e
	}
	buf, ok := span(mem, a[1], a[2])
	if _, ok2 := span(mem, a[4], 4); !ok || !ok2 {
		return Fault
	}
	if a[3] == 0 || d.listing == nil {
		w.list(d)
	}
	used := 0
	for at := a[3]; at < uint64(len(d.listing)) && used < len(buf); at++ {
		used += d.entry(buf[used:], at)
	}
	return put32(mem, a[4], uint32(used))
}

// entry writes the entry at a place of the listing, cut where b ends; nothing
// if it is gone.
func (d *descriptor) entry(b []byte, at uint64) int {
	name := d.listing[at]
	n := d.node
	switch {
	case name == ".." && n.parent != nil:
		n = n.parent
	case name != "." && name != "..":
		if n = n.child(name); n == nil {
			return 0
		}
	}
	var head [direntSize]byte
	binary.LittleEndian.PutUint64(head[:], at+1)
	binary.LittleEndian.PutUint64(head[8:], n.ino)
	binary.LittleEndian.PutUint32(head[16:], uint32(len(name)))
	head[20] = byte(n.kind)
	used := copy(b, head[:])
	return used + copy(b[used:], name)
}

// list keeps what is in d now. All listings together have at most as many
// names as there may be nodes; the oldest make room, and whoever reads on in
// one of those goes on in a new one.
func (w *World) list(d *descriptor) {
	w.unlist(d)
	names := make([]string, 0, len(d.node.entries)+2)
	names = append(names, ".", "..")
	for _, e := range d.node.entries {
		names = append(names, e.name)
	}
	d.listing = names
	w.listed = append(w.listed, d)
	w.names += len(names)
	for w.names > w.config.Limits.Nodes+2*w.config.Limits.Files && len(w.listed) > 1 {
		w.unlist(w.listed[0])
	}
}

func (w *World) unlist(d *descriptor) {
	if at := slices.Index(w.listed, d); at >= 0 {
		w.listed = slices.Delete(w.listed, at, at+1)
		w.names -= len(d.listing)
		d.listing = nil
	}
}
