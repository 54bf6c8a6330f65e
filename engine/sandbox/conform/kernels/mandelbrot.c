// Mandelbrot set: how long z = z^2 + c stays small, for a square of points.
#include "kernel.h"

enum { MOST = 1000 }; // rounds

static double left, bottom, width;

// build chooses a square of points near the set's edge.
void build(uint64_t seed, uint32_t size) {
  width = 2.0 / size;
  left = -1.5 + 0.25 * real(&seed);
  bottom = -0.75 + 0.25 * real(&seed);
}

static uint32_t rounds(double re, double im) {
  double x = 0, y = 0;
  uint32_t n = 0;
  for (; n < MOST; n++) {
    double xx = x * x, yy = y * y;
    if (xx + yy > 4) break;
    y = 2 * x * y + im;
    x = xx - yy + re;
  }
  return n;
}

// work takes size x size points, moved by less than one by seed.
uint64_t work(uint64_t seed, uint32_t size) {
  double apart = width / size;
  double re = left + apart * real(&seed), im = bottom + apart * real(&seed);
  uint64_t digest = 0, all = 0;
  for (uint32_t row = 0; row < size; row++)
    for (uint32_t col = 0; col < size; col++) {
      uint32_t n = rounds(re + apart * col, im + apart * row);
      digest = mix(digest, n);
      all += n + 1;
    }
  put(digest);
  return all;
}
