package wasi

import (
	"fmt"
	"slices"
	"strings"
)

// Audit counts everything a World holds and compares it with its books and
// limits.
func (w *World) Audit() error {
	a := audit{links: map[*node]int{}, open: map[*node]int{}, seen: map[*node]bool{}}
	for _, d := range w.fds {
		if d != nil && d.node != nil {
			a.open[d.node]++
			a.visit(d.node)
		}
	}
	for _, r := range w.files.roots {
		if r.parent != nil || r.depth != 0 || !r.preopened {
			return fmt.Errorf("root %d has a parent", r.ino)
		}
		a.visit(r)
	}
	for n := range a.seen {
		if n.links != a.links[n] || n.open != a.open[n] {
			return fmt.Errorf("node %d has %d names and %d descriptors, counted %d and %d", n.ino, n.links, n.open, a.links[n], a.open[n])
		}
	}
	l, names := w.config.Limits, 0
	for _, d := range w.listed {
		names += len(d.listing)
		if !slices.Contains(w.fds, d) {
			return fmt.Errorf("a closed descriptor holds a listing")
		}
	}
	switch {
	case a.err != nil:
		return a.err
	case a.bytes != w.files.bytes || a.bytes > l.Bytes:
		return fmt.Errorf("%d bytes, counted %d of %d", w.files.bytes, a.bytes, l.Bytes)
	case a.nodes != w.files.nodes || a.nodes > l.Nodes:
		return fmt.Errorf("%d nodes, counted %d of %d", w.files.nodes, a.nodes, l.Nodes)
	case len(w.fds) > max(3, l.Files):
		return fmt.Errorf("%d descriptors of %d", len(w.fds), l.Files)
	case names != w.names || len(w.listed) > 1 && names > l.Nodes+2*l.Files:
		return fmt.Errorf("%d names listed, counted %d", w.names, names)
	case len(w.written) > maxWrite || len(w.stdout) > l.Stdout:
		return fmt.Errorf("%d and %d bytes written", len(w.written), len(w.stdout))
	}
	return nil
}

type audit struct {
	links, open map[*node]int
	seen        map[*node]bool
	bytes       uint64
	nodes       int
	err         error
}

func (a *audit) visit(n *node) {
	if a.seen[n] {
		return
	}
	a.seen[n] = true
	a.nodes++
	a.bytes += uint64(len(n.data))
	switch {
	case !n.lent && cap(n.data) > 2*len(n.data)+64:
		a.err = fmt.Errorf("node %d takes %d bytes for %d", n.ino, cap(n.data), len(n.data))
	case len(n.entries) > 0 && (n.kind != Directory || n.vanished):
		a.err = fmt.Errorf("node %d of kind %d has entries", n.ino, n.kind)
	case n.depth > maxDepth, n.parent != nil && n.depth != n.parent.depth+1:
		a.err = fmt.Errorf("node %d is %d deep", n.ino, n.depth)
	case !slices.IsSortedFunc(n.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) }):
		a.err = fmt.Errorf("node %d is not sorted", n.ino)
	}
	for _, e := range n.entries {
		a.nodes++
		a.links[e.node]++
		if e.node.kind == Directory && e.node.parent != n {
			a.err = fmt.Errorf("directory %q has another parent", e.name)
		}
		a.visit(e.node)
	}
}
