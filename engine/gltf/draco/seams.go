package draco

// seam is the connectivity of one attribute: that of the positions, cut open
// along edges where the attribute jumps.
type seam struct {
	corners
	onSeam []bool // per vertex of the positions: a cut or boundary edge ends there
	group  *group // that uses it
}

// readSeams reads which edges are cut, for every attribute.
func (d *decoder) readSeams(coders []*bitCoder) error {
	t := d.base
	for range coders {
		d.seams = append(d.seams, &seam{
			corners: corners{opp: append([]int32(nil), t.opp...), vert: none(len(t.vert))},
			onSeam:  make([]bool, len(t.left)),
		})
	}
	for f := int32(0); f < int32(len(t.opp)) && len(coders) > 0; f += 3 {
		for _, c := range [...]int32{f, f + 1, f + 2} {
			o := t.opp[c]
			if o >= 0 && o/3 < f/3 {
				continue // read from the other side
			}
			for i, coder := range coders {
				if o < 0 || coder.next() {
					d.seams[i].cut(t, c)
				}
			}
		}
	}
	for _, s := range d.seams {
		if !s.split(t) {
			return errTopology
		}
	}
	return nil
}

// cut opens the edge that faces c.
func (s *seam) cut(t *corners, c int32) {
	s.onSeam[t.vert[next(c)]], s.onSeam[t.vert[prev(c)]] = true, true
	if o := t.opp[c]; o >= 0 {
		s.opp[o] = -1
	}
	s.opp[c] = -1
}

// split gives a vertex of its own to each side of a seam.
func (s *seam) split(t *corners) bool {
	for v, first := range t.left {
		if first < 0 {
			continue
		}
		if s.onSeam[v] {
			begin := first
			for c := s.swingLeft(first); c >= 0; c = s.swingLeft(c) {
				if c == begin {
					return false
				}
				first = c
			}
		}
		s.begin(first)
		for c := t.swingRight(first); c >= 0 && c != first; c = t.swingRight(c) {
			if s.opp[next(c)] < 0 {
				s.begin(c)
			} else {
				s.vert[c] = int32(len(s.left) - 1)
			}
		}
	}
	return true
}

func (s *seam) begin(c int32) {
	s.vert[c] = int32(len(s.left))
	s.left = append(s.left, c)
}

// assignPoints gives equal points to the corners of a vertex between two seams
// of any attribute. vertices is how many the positions have.
func (d *decoder) assignPoints(vertices int) error {
	t := d.base
	d.faces = make([]uint32, len(t.vert))
	if len(d.seams) == 0 {
		for c, v := range t.vert {
			d.faces[c] = uint32(v)
		}
		d.points = vertices
		return nil
	}
	for v, c := range t.left {
		if c < 0 {
			continue
		}
		first := c
		if d.inner[v] {
			var ok bool
			if first, ok = d.firstSeam(v, c); !ok {
				return errTopology
			}
		}
		d.faces[first] = d.point()
		before := first
		for c := t.swingRight(first); c >= 0 && c != first; c = t.swingRight(c) {
			if d.jump(c, before) {
				d.faces[c] = d.point()
			} else {
				d.faces[c] = d.faces[before]
			}
			before = c
		}
	}
	return nil
}

func (d *decoder) point() uint32 {
	d.points++
	return uint32(d.points - 1)
}

// firstSeam is the first corner about an inner vertex, rightwards from c, where
// an attribute jumps; c itself if none does.
func (d *decoder) firstSeam(v int, c int32) (int32, bool) {
	for _, s := range d.seams {
		if !s.onSeam[v] {
			continue
		}
		for o := d.base.swingRight(c); o != c; o = d.base.swingRight(o) {
			if o < 0 {
				return c, false
			}
			if s.vert[o] != s.vert[c] {
				return o, true
			}
		}
	}
	return c, true
}

// jump reports whether any attribute differs between two corners of a vertex.
func (d *decoder) jump(a, b int32) bool {
	for _, s := range d.seams {
		if s.vert[a] != s.vert[b] {
			return true
		}
	}
	return false
}
