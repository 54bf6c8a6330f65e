package draco

// sequence is the order in which an attribute's values are coded: that in which
// a walk over the mesh comes to its vertices.
type sequence struct {
	t      *corners // nil if triangles are coded one by one
	corner []int32  // of each value
	value  []int32  // of each vertex of t, -1 if it has none
	points []uint32 // of each value
}

// walker is a walk on its way.
type walker struct {
	sequence
	faces  []uint32 // point of each corner
	seen   []bool   // per triangle
	stacks [3][]int32
	best   int      // the first of stacks that may hold something
	degree []uint32 // per vertex: how often a triangle that shows it was put off
}

// walk makes the order of a depth-first walk, or, with degree, of one that takes
// first the vertices that most of their neighbours predict. nil says that the
// mesh is none.
func walk(t *corners, faces []uint32, degree bool) *sequence {
	w := walker{sequence: sequence{t: t, value: none(len(t.left))}, faces: faces, seen: make([]bool, len(t.opp)/3)}
	from := w.deep
	if degree {
		from, w.degree = w.wide, make([]uint32, len(t.left))
	}
	for _, v := range t.vert {
		if v < 0 {
			return nil
		}
	}
	for c := int32(0); c < int32(len(t.opp)); c += 3 {
		from(c)
	}
	for _, v := range t.vert {
		if w.value[v] < 0 { // triangles that share an edge do not share its ends
			return nil
		}
	}
	return &w.sequence
}

// visit gives the vertex of c the next value, if it has none yet.
func (w *walker) visit(c int32) bool {
	v := w.t.vert[c]
	if w.value[v] >= 0 {
		return false
	}
	w.value[v] = int32(len(w.corner))
	w.corner = append(w.corner, c)
	w.points = append(w.points, w.faces[c])
	return true
}

// done reports whether there is no triangle at c to go to.
func (w *walker) done(c int32) bool { return c < 0 || w.seen[c/3] }

func (w *walker) deep(c int32) {
	if w.done(c) {
		return
	}
	w.visit(next(c))
	w.visit(prev(c))
	stack := append(w.stacks[0][:0], c)
	for len(stack) > 0 {
		c = stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for !w.done(c) {
			w.seen[c/3] = true
			if w.visit(c) && !w.t.boundary(w.t.vert[c]) {
				c = w.t.rightOf(c)
				continue
			}
			l, r := w.t.leftOf(c), w.t.rightOf(c)
			if !w.done(r) && !w.done(l) {
				stack = append(stack, l)
			}
			if c = r; w.done(r) {
				c = l
			}
		}
	}
	w.stacks[0] = stack
}

func (w *walker) wide(c int32) {
	w.stacks[0], w.best = append(w.stacks[0], c), 0
	w.visit(next(c))
	w.visit(prev(c))
	w.visit(c)
	for {
		c, ok := w.pop()
		if !ok {
			return
		}
		for !w.done(c) {
			w.seen[c/3] = true
			w.visit(c)
			c = w.onward(c)
		}
	}
}

// onward is where to go from c at once; all else is put off.
func (w *walker) onward(c int32) int32 {
	l, r := w.t.leftOf(c), w.t.rightOf(c)
	done := w.done(r)
	if !w.done(l) {
		p := w.priority(l)
		if done && p <= w.best {
			return l
		}
		w.push(l, p)
	}
	if !done {
		p := w.priority(r)
		if p <= w.best {
			return r
		}
		w.push(r, p)
	}
	return -1
}

// priority of going to c, lower first.
func (w *walker) priority(c int32) int {
	v := w.t.vert[c]
	if w.value[v] >= 0 {
		return 0
	}
	if w.degree[v]++; w.degree[v] > 1 {
		return 1
	}
	return 2
}

func (w *walker) push(c int32, p int) {
	w.stacks[p] = append(w.stacks[p], c)
	w.best = min(w.best, p)
}

func (w *walker) pop() (int32, bool) {
	for i := w.best; i < len(w.stacks); i++ {
		if s := w.stacks[i]; len(s) > 0 {
			w.stacks[i], w.best = s[:len(s)-1], i
			return s[len(s)-1], true
		}
	}
	return 0, false
}
