package denoise

import "context"

const (
	trustReach = 4 // pixels over which the error is averaged
	doubt      = 2 // standard deviations of the estimate that prove nothing
)

// trust says how much of the fit to take for each pixel, 0 to 1. Stein's
// unbiased estimate of the fit's squared error is (fit - light)^2 - v + 2 own v,
// with v the variance of the light and own the pixel's weight in its own fit;
// averaged nearby and compared with v it gives the best mixture of two values
// whose errors are independent.
func (f *frame) trust(ctx context.Context, fit fitted) ([]float32, error) {
	wrong, noise := make([]float32, len(f.noise)), make([]float32, len(f.noise))
	for y := range f.h {
		for x := range f.w {
			i := f.at(x, y)
			var off, bright float32
			for ch := range 3 {
				d := fit.value[3*i+ch] - f.light[3*i+ch]
				off += d * d
				bright += abs(fit.value[3*i+ch])
			}
			relative := 1 / (bright*bright/9 + f.noise[i] + 1e-30) // so that a lamp does not outweigh the room
			wrong[i] = (off - f.noise[i] + 2*fit.own[i]*f.noise[i]) * relative
			noise[i] = f.noise[i] * relative
		}
	}
	share := make([]float32, len(f.noise))
	err := each(ctx, f.h, func(y int) {
		for x := range f.w {
			var error, variance, weight float32
			f.around(x, y, trustReach, func(j int, w float32) {
				error += w * wrong[j]
				variance += w * noise[j]
				weight += w
			})
			// A sum of n squares of noise is known to sqrt(2/n) of itself.
			error = max(error-doubt*variance*root(2/weight), 0)
			share[f.at(x, y)] = 1
			if error > 0 {
				share[f.at(x, y)] = variance / (variance + error)
			}
		}
	})
	return share, err
}
