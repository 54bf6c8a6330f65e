package denoise

import "context"

const (
	window = 8    // pixels a neighbour may be away
	patch  = 2    // surroundings compared: 5 x 5 pixels
	side   = 32   // pixels of a tile, worked on at a time: its sums stay in the cache
	most   = 100  // squared distance of two pixels, in variances; more says nothing more
	trivia = 1e-3 // weights below are none
)

// fitted is the regression's result.
type fitted struct {
	value []float32 // 3 per pixel
	own   []float32 // weight that the pixel's own light has in its value, 0 to 1
}

// fit fits every pixel to its neighbours.
func (f *frame) fit(ctx context.Context) (fitted, error) {
	out := fitted{make([]float32, len(f.light)), make([]float32, len(f.noise))}
	across, down := (f.w+side-1)/side, (f.h+side-1)/side
	err := each(ctx, across*down, func(i int) {
		newTile(f, i%across*side, i/across*side).fit(out)
	})
	return out, err
}

// tile is a square of the frame with the sums of its pixels' regressions.
type tile struct {
	f          *frame
	x, y, w, h int
	sums       []sums
	single     []float32 // distances of pixels, patch wider than the tile on each side
	lines      []float32 // their sums over the width of a patch
	dist       []float32 // distances of patches
}

func newTile(f *frame, x, y int) *tile {
	t := &tile{f: f, x: x, y: y, w: min(side, f.w-x), h: min(side, f.h-y)}
	t.sums = make([]sums, t.w*t.h)
	t.single = make([]float32, (t.w+2*patch)*(t.h+2*patch))
	t.lines = make([]float32, t.w*(t.h+2*patch))
	t.dist = make([]float32, t.w*t.h)
	return t
}

func (t *tile) fit(out fitted) {
	for dy := -window; dy <= window; dy++ {
		for dx := -window; dx <= window; dx++ {
			if dx*dx+dy*dy <= window*(window+1) { // a disc
				t.compare(dx, dy)
				t.gather(dx, dy)
			}
		}
	}
	for y := range t.h {
		for x := range t.w {
			i := t.f.at(t.x+x, t.y+y)
			value, own := t.sums[y*t.w+x].solve()
			copy(out.value[3*i:3*i+3], value[:])
			out.own[i] = own
		}
	}
}

// compare works out how far the surroundings of each pixel are from those of
// the pixel (dx,dy) away, in units of their noise (Rousselle et al. 2012, eq. 4:
// the noise of both is taken off first, so that equal ones have 0).
func (t *tile) compare(dx, dy int) {
	f, off, wide := t.f, dy*t.f.stride+dx, t.w+2*patch
	for y := range t.h + 2*patch {
		i := f.at(t.x-patch, t.y-patch+y)
		a, va := f.light[3*i:3*(i+wide)], f.noise[i:i+wide]
		b, vb := f.light[3*(i+off):3*(i+off+wide)], f.noise[i+off:i+off+wide]
		row := t.single[y*wide : (y+1)*wide]
		for x := range row {
			r, g, bl := a[3*x]-b[3*x], a[3*x+1]-b[3*x+1], a[3*x+2]-b[3*x+2]
			both := va[x] + vb[x]
			d := (r*r + g*g + bl*bl - va[x] - min(va[x], vb[x])) / (both + 1e-30)
			row[x] = min(d, most)
		}
	}
	t.blur(wide)
}

// blur sums single over the patches.
func (t *tile) blur(wide int) {
	for y := range t.h + 2*patch {
		row, to := t.single[y*wide:(y+1)*wide], t.lines[y*t.w:(y+1)*t.w]
		for x := range to {
			to[x] = row[x] + row[x+1] + row[x+2] + row[x+3] + row[x+4]
		}
	}
	const area = (2*patch + 1) * (2*patch + 1)
	for y := range t.h {
		l := t.lines[y*t.w:]
		for x := range t.w {
			sum := l[x] + l[x+t.w] + l[x+2*t.w] + l[x+3*t.w] + l[x+4*t.w]
			t.dist[y*t.w+x] = max(sum/area, 0)
		}
	}
}

// gather adds the pixel (dx,dy) away to the regression of each pixel.
func (t *tile) gather(dx, dy int) {
	f, off := t.f, dy*t.f.stride+dx
	far := root(float32(dx*dx + dy*dy))
	v := terms{0: 1, 1: float32(dx) / window, 2: float32(dy) / window}
	x0, x1 := max(0, -t.x-dx), min(t.w, f.w-t.x-dx)
	for y := max(0, -t.y-dy); y < min(t.h, f.h-t.y-dy); y++ {
		for x := x0; x < x1; x++ {
			d := t.dist[y*t.w+x]
			if d >= bellEnd {
				continue
			}
			i := f.at(t.x+x, t.y+y)
			j := i + off
			w := bell(d) * f.kin(i, j, far)
			if w < trivia {
				continue
			}
			v[3], v[4], v[5] = f.normal[3*j]-f.normal[3*i], f.normal[3*j+1]-f.normal[3*i+1], f.normal[3*j+2]-f.normal[3*i+2]
			v[6] = f.inverse[j]/f.inverse[i] - 1
			v[7], v[8], v[9] = f.light[3*j], f.light[3*j+1], f.light[3*j+2]
			t.sums[y*t.w+x].add(w, &v)
		}
	}
}
