package draco

// How the triangle of each symbol hangs on those before it. All say no where the
// symbols describe no surface.

// placeC fills the gap between two triangles about a vertex, which it closes.
func (b *breaker) placeC(corner int32) bool {
	if len(b.stack) == 0 {
		return false
	}
	t, ca := b.t, b.top()
	x := t.at(next(ca))
	cb := next(t.left[x])
	if !t.free(ca, cb) {
		return false
	}
	a, n := t.at(prev(ca)), t.at(next(cb))
	if x == a || x == n {
		return false
	}
	t.join(ca, corner+1)
	t.join(cb, corner+2)
	t.vert[corner], t.vert[corner+1], t.vert[corner+2] = x, n, a
	t.left[a] = corner + 2
	b.inner[x] = true
	b.stack[len(b.stack)-1] = corner
	return true
}

// placeSide hangs a triangle with a new vertex on the active edge; its right or
// left edge is active then.
func (b *breaker) placeSide(right bool, corner int32) bool {
	if len(b.stack) == 0 || !b.t.free(b.top()) {
		return false
	}
	t, ca := b.t, b.top()
	tip, l, r := corner+1, corner, corner+2
	if right {
		tip, l, r = corner+2, corner+1, corner
	}
	t.join(tip, ca)
	if !b.vertex(tip) {
		return false
	}
	v := t.at(prev(ca))
	t.vert[r], t.left[v] = v, r
	t.vert[l] = t.at(next(ca))
	b.stack[len(b.stack)-1] = corner
	return true
}

// placeS joins the two last active edges; the vertices where they meet become
// one.
func (b *breaker) placeS(i int, corner int32) bool {
	if len(b.stack) == 0 {
		return false
	}
	t, cb := b.t, b.pop()
	if c, ok := b.waiting[i]; ok {
		b.stack = append(b.stack, c)
	}
	if len(b.stack) == 0 || !t.free(b.top(), cb) {
		return false
	}
	ca := b.top()
	t.join(ca, corner+2)
	t.join(cb, corner+1)
	p, n := t.at(prev(ca)), t.at(next(cb))
	t.vert[corner], t.vert[corner+1], t.vert[corner+2] = p, t.at(next(ca)), t.at(prev(cb))
	t.left[t.vert[corner+2]] = corner + 2
	b.symbols.merged(p, n)
	t.left[p] = t.left[n]
	first := next(cb)
	for c := first; c >= 0; {
		t.vert[c] = p
		if c = t.swingLeft(c); c == first {
			return false
		}
		if b.work--; b.work < 0 {
			return false
		}
	}
	t.left[n] = -1
	b.removed = append(b.removed, n)
	b.stack[len(b.stack)-1] = corner
	return true
}

// placeE begins a part of the surface.
func (b *breaker) placeE(corner int32) bool {
	for k := range int32(3) {
		if !b.vertex(corner + k) {
			return false
		}
	}
	b.stack = append(b.stack, corner)
	return true
}
