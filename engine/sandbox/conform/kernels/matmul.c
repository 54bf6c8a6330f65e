// Product of two square matrices of floats, in blocks that fit the caches and
// tiles that fit the registers.
#include "kernel.h"

typedef float four __attribute__((vector_size(16)));

enum {
  ROWS = 2,   // of a tile: its 2 x 16 sums are eight registers
  COLS = 4,   // of a tile, in fours
  BAND = 64,  // rows of the product that are computed together
  DEPTH = 128 // of a block: BAND x DEPTH floats of a stay in the nearest cache
};

static float *a, *b, *product; // the product's BAND rows
static uint32_t side, bands;   // a multiple of DEPTH

void build(uint64_t seed, uint32_t size) {
  side = (size + DEPTH - 1) / DEPTH * DEPTH;
  bands = side / BAND;
  size_t cells = (size_t)side * side;
  a = take(cells * sizeof *a);
  b = take(cells * sizeof *b);
  product = take((size_t)BAND * side * sizeof *product);
  for (size_t n = 0; n < cells; n++) {
    a[n] = unit(&seed) - 0.5f;
    b[n] = unit(&seed) - 0.5f;
  }
}

// tile adds a block of DEPTH of the sums in ROWS x COLS fours of the product.
static void tile(float *restrict to, const float *restrict left, const float *restrict right) {
  four sum[ROWS][COLS];
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < COLS; c++) sum[r][c] = *(four *)(to + (size_t)r * side + 4 * c);
  for (int k = 0; k < DEPTH; k++) {
    const four *row = (const four *)(right + (size_t)k * side);
    for (int r = 0; r < ROWS; r++) {
      float v = left[(size_t)r * side + k];
      four all = {v, v, v, v};
      for (int c = 0; c < COLS; c++) sum[r][c] += all * row[c];
    }
  }
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < COLS; c++) *(four *)(to + (size_t)r * side + 4 * c) = sum[r][c];
}

static void band(uint32_t first) {
  for (size_t n = 0; n < (size_t)BAND * side; n++) product[n] = 0;
  for (uint32_t k = 0; k < side; k += DEPTH)
    for (uint32_t col = 0; col < side; col += 4 * COLS)
      for (uint32_t row = 0; row < BAND; row += ROWS)
        tile(product + (size_t)row * side + col, a + (size_t)(first + row) * side + k, b + (size_t)k * side + col);
}

// work computes size bands of the product from the one on that seed names.
uint64_t work(uint64_t seed, uint32_t size) {
  uint64_t digest = 0;
  for (uint32_t n = 0; n < size; n++) {
    band((uint32_t)((seed + n) % bands) * BAND);
    for (uint32_t k = 0; k < BAND * side; k++) digest = mix(digest, canonical(product[k]));
  }
  put(digest);
  return (uint64_t)size * BAND * side * side;
}
