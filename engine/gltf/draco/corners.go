package draco

import "slices"

// corners is a mesh as its corners, three for each triangle in its winding:
// corner c lies at vertex vert[c], and opp[c] is the corner across the edge that
// faces c, or -1 at a boundary (Rossignac, "3D compression made simple:
// Edgebreaker with ZipandWrap on a corner-table", 2001).
//
// opp pairs corners: opp[opp[c]] == c. So swinging about a vertex either comes
// back to where it began or ends at a boundary, whatever the bytes said.
type corners struct {
	opp  []int32
	vert []int32
	left []int32 // per vertex: its leftmost corner, -1 if it has none
}

func next(c int32) int32 {
	switch {
	case c < 0:
		return c
	case c%3 == 2:
		return c - 2
	}
	return c + 1
}

func prev(c int32) int32 {
	switch {
	case c < 0:
		return c
	case c%3 == 0:
		return c + 2
	}
	return c - 1
}

func (t *corners) opposite(c int32) int32 {
	if c < 0 {
		return -1
	}
	return t.opp[c]
}

func (t *corners) at(c int32) int32 {
	if c < 0 {
		return -1
	}
	return t.vert[c]
}

func (t *corners) swingLeft(c int32) int32  { return next(t.opposite(next(c))) }
func (t *corners) swingRight(c int32) int32 { return prev(t.opposite(prev(c))) }
func (t *corners) leftOf(c int32) int32     { return t.opposite(prev(c)) }
func (t *corners) rightOf(c int32) int32    { return t.opposite(next(c)) }

// boundary reports whether the vertex has an open side, or no corner at all.
func (t *corners) boundary(v int32) bool {
	return t.left[v] < 0 || t.swingLeft(t.left[v]) < 0
}

// join pairs two corners.
func (t *corners) join(a, b int32) { t.opp[a], t.opp[b] = b, a }

// free reports whether all corners are there, differ and face a boundary.
func (t *corners) free(all ...int32) bool {
	for i, c := range all {
		if c < 0 || t.opp[c] >= 0 || slices.Contains(all[:i], c) {
			return false
		}
	}
	return true
}

// around visits every corner of the vertex of c until visit says no: leftwards
// from c and, if that ends at a boundary, rightwards from c.
func (t *corners) around(c int32, visit func(c int32) bool) {
	first := c
	for c >= 0 {
		if !visit(c) {
			return
		}
		if c = t.swingLeft(c); c == first {
			return
		}
	}
	for c = t.swingRight(first); c >= 0 && visit(c); {
		c = t.swingRight(c)
	}
}
