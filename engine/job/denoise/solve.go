package denoise

import "math"

const (
	dims  = 7        // 1, x, y, normal (3), 1/albedo
	wide  = dims + 3 // and the light's channels, which are to be explained
	ridge = 1e-3     // pull of the slopes towards 0, relative to the weights' sum
)

// terms are what one neighbour gives to a regression: what explains, and what is
// to be explained.
type terms [wide]float32

// sums are the normal equations of one pixel: of the products of the terms, the
// upper triangle by rows, without the light among itself.
type sums [dims*(dims+1)/2 + dims*3]float32

// add adds a neighbour of weight w. It is the inner loop, written out.
func (s *sums) add(w float32, v *terms) {
	k := 0
	for r := range dims {
		p := w * v[r]
		for c := r; c < wide; c++ {
			s[k] += p * v[c]
			k++
		}
	}
}

// solve gives the regression's value at the pixel itself, where all terms but
// the first are 0, and the weight that the pixel's own light has in it.
func (s *sums) solve() (value [3]float32, own float32) {
	var m [dims][dims]float64
	var right [4][dims]float64
	k := 0
	for r := range dims {
		for c := r; c < wide; c++ {
			if c < dims {
				m[c][r] = float64(s[k])
			} else {
				right[c-dims][r] = float64(s[k])
			}
			k++
		}
	}
	for i := 1; i < dims; i++ {
		m[i][i] += ridge * m[0][0]
	}
	right[3][0] = 1 // the pixel itself: weight 1, all other terms 0
	l := cholesky(m)
	for ch := range value {
		value[ch] = float32(l.first(right[ch]))
	}
	return value, float32(l.first(right[3]))
}

// lower is a lower triangle L with M = L L^T.
type lower [dims][dims]float64

// cholesky factors a positive definite matrix given by its lower triangle.
func cholesky(m [dims][dims]float64) (l lower) {
	dot := func(i, j int) (sum float64) { // of rows i and j, left of column j
		for k := range j {
			sum += l[i][k] * l[j][k]
		}
		return sum
	}
	for i := range dims {
		for j := range i {
			l[i][j] = (m[i][j] - dot(i, j)) / l[j][j]
		}
		l[i][i] = math.Sqrt(max(m[i][i]-dot(i, i), 1e-12*m[0][0])) // the ridge keeps it above, but for rounding
	}
	return l
}

// first is the first element of the solution of L L^T z = b.
func (l *lower) first(b [dims]float64) float64 {
	for i := range dims {
		for k := range i {
			b[i] -= l[i][k] * b[k]
		}
		b[i] /= l[i][i]
	}
	for i := dims - 1; i >= 0; i-- {
		for k := i + 1; k < dims; k++ {
			b[i] -= l[k][i] * b[k]
		}
		b[i] /= l[i][i]
	}
	return b[0]
}
