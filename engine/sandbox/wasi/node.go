package wasi

import (
	"slices"
	"strings"
)

// node is a file, a directory or a symbolic link.
type node struct {
	kind                Kind
	ino                 uint64
	links               int // names it has
	open                int // descriptors on it
	atim, mtim, ctim    uint64
	data                []byte // content, or target of a link
	lent                bool   // data is the Config's: copied before it is written to
	parent              *node  // of a directory; nil for a preopened or removed one
	depth               int    // of a directory, below the preopened one
	entries             []entry
	preopened, vanished bool
}

// entry is a name in a directory; they are sorted by name.
type entry struct {
	name string
	node *node
}

func (n *node) find(name string) (int, bool) {
	return slices.BinarySearchFunc(n.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
}

// child is the node called name, or nil.
func (n *node) child(name string) *node {
	if at, ok := n.find(name); ok {
		return n.entries[at].node
	}
	return nil
}

// system is all nodes of a World and what they take. What a guest makes it
// spend is counted: bytes of files and links, nodes and names.
type system struct {
	limits Limits
	now    uint64 // time of the present call
	inodes uint64 // given so far
	bytes  uint64
	nodes  int
	roots  []*node // the preopened, also those whose descriptor was closed
	err    error   // of preopen
}

// make is a node without a name.
func (s *system) make(k Kind) (*node, Errno) {
	if s.nodes >= s.limits.Nodes {
		return nil, Nospc
	}
	s.nodes++
	s.inodes++
	return &node{kind: k, ino: s.inodes, atim: s.now, mtim: s.now, ctim: s.now}, Success
}

// add makes a node called name in dir.
func (s *system) add(dir *node, name string, k Kind) (*node, Errno) {
	if e := s.room(dir, name, k == Directory, 0); e != Success {
		return nil, e
	}
	n, e := s.make(k)
	if e != Success {
		return nil, e
	}
	if e := s.link(dir, name, n); e != Success {
		s.drop(n)
		return nil, e
	}
	return n, Success
}

// room tells whether dir can have something called name, which is a directory
// of so many levels if it is one.
func (s *system) room(dir *node, name string, directory bool, levels int) Errno {
	switch {
	case dir.vanished:
		return Noent
	case len(name) > maxName, directory && dir.depth+1+levels > maxDepth:
		return Nametoolong
	case dir.child(name) != nil:
		return Exist
	}
	return Success
}

// link gives n the name in dir, which must have room.
func (s *system) link(dir *node, name string, n *node) Errno {
	if s.nodes >= s.limits.Nodes {
		return Nospc
	}
	s.nodes++
	at, _ := dir.find(name)
	dir.entries = slices.Insert(dir.entries, at, entry{name, n})
	n.links++
	n.ctim, dir.mtim, dir.ctim = s.now, s.now, s.now
	if n.kind == Directory {
		n.parent = dir
		n.deepen(dir.depth + 1)
	}
	return Success
}

func (n *node) deepen(depth int) {
	if n.depth == depth {
		return
	}
	n.depth = depth
	for _, e := range n.entries {
		if e.node.kind == Directory {
			e.node.deepen(depth + 1)
		}
	}
}

// levels is how many directories are below n at most one below the other.
func (n *node) levels() int {
	most := 0
	for _, e := range n.entries {
		if e.node.kind == Directory {
			most = max(most, 1+e.node.levels())
		}
	}
	return most
}

// unlink takes the name out of dir.
func (s *system) unlink(dir *node, name string) {
	at, ok := dir.find(name)
	if !ok {
		return
	}
	n := dir.entries[at].node
	dir.entries = slices.Delete(dir.entries, at, at+1)
	if len(dir.entries) < cap(dir.entries)/4 {
		dir.entries = append(make([]entry, 0, len(dir.entries)*2), dir.entries...)
	}
	s.nodes--
	n.links--
	n.ctim, dir.mtim, dir.ctim = s.now, s.now, s.now
	if n.kind == Directory {
		n.parent, n.vanished = nil, true
	}
	s.drop(n)
}

// drop forgets n if nothing refers to it.
func (s *system) drop(n *node) {
	if n.links == 0 && n.open == 0 && !n.preopened {
		s.nodes--
		s.bytes -= uint64(len(n.data))
		n.data = nil
	}
}

// lend gives n a content that stays the lender's.
func (s *system) lend(n *node, data []byte) Errno {
	if uint64(len(data)) > s.limits.Bytes-s.bytes {
		return Nospc
	}
	s.bytes += uint64(len(data))
	n.data, n.lent = slices.Clip(data), true
	return Success
}

// resize cuts a file or fills it up with zeros.
func (s *system) resize(n *node, size uint64) Errno {
	have := uint64(len(n.data))
	switch {
	case size > mostBytes:
		return Fbig
	case size > have && size-have > s.limits.Bytes-s.bytes:
		return Nospc
	}
	s.bytes = s.bytes - have + size
	s.own(n, size)
	n.mtim, n.ctim = s.now, s.now
	return Success
}

// own makes data the node's own and of that size. Its capacity, which is what
// it costs, stays within twice the size.
func (s *system) own(n *node, size uint64) {
	have, room := uint64(len(n.data)), uint64(cap(n.data))
	if n.lent || size > room || room > 2*size+64 {
		spare := uint64(0)
		if size > have {
			spare = size / 4 // so that a file made by appending is not copied each time
		}
		data := make([]byte, size, size+spare)
		copy(data, n.data)
		n.data, n.lent = data, false
		return
	}
	n.data = n.data[:size]
	if size > have {
		clear(n.data[have:])
	}
}

// write puts the vectors at offset, as many bytes as there is room for.
func (s *system) write(n *node, offset uint64, vectors [][]byte) (uint64, Errno) {
	var total uint64
	for _, v := range vectors {
		total += uint64(len(v))
	}
	if total == 0 {
		return 0, Success
	}
	if offset >= mostBytes {
		return 0, Fbig
	}
	have := uint64(len(n.data))
	most := min(have+s.limits.Bytes-s.bytes, mostBytes)
	if offset >= most {
		return 0, Nospc
	}
	total = min(total, most-offset)
	if e := s.resize(n, max(have, offset+total)); e != Success {
		return 0, e
	}
	to := n.data[offset : offset+total]
	for _, v := range vectors {
		to = to[copy(to, v):]
	}
	return total, Success
}

// read fills the vectors from offset on.
func read(from []byte, offset uint64, vectors [][]byte) uint64 {
	if offset >= uint64(len(from)) {
		return 0
	}
	var total uint64
	from = from[offset:]
	for _, v := range vectors {
		n := copy(v, from)
		from = from[n:]
		total += uint64(n)
	}
	return total
}
