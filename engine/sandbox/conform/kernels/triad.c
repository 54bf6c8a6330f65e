// Stream triad: a[n] = b[n] + s * c[n] over arrays larger than the caches.
#include "kernel.h"

static double *restrict a, *restrict b, *restrict c;
static uint32_t count;

void build(uint64_t seed, uint32_t size) {
  count = size;
  a = take((size_t)count * sizeof *a);
  b = take((size_t)count * sizeof *b);
  c = take((size_t)count * sizeof *c);
  for (uint32_t n = 0; n < count; n++) {
    a[n] = 0;
    b[n] = real(&seed);
    c[n] = real(&seed);
  }
}

static void triad(double *restrict to, const double *restrict x, const double *restrict y, double s) {
  for (uint32_t n = 0; n < count; n++) to[n] = x[n] + s * y[n];
}

// work goes size times over the arrays and looks at one result each time.
uint64_t work(uint64_t seed, uint32_t size) {
  uint64_t digest = 0;
  for (uint32_t round = 0; round < size; round++) {
    triad(a, b, c, real(&seed));
    digest = mix(digest, canonical(a[random64(&seed) % count]));
  }
  for (uint32_t n = 0; n < count; n += 1 + count / 4096) digest = mix(digest, canonical(a[n]));
  put(digest);
  return (uint64_t)size * count;
}
