// Chooses one of two vectors by the first byte of the task: wasmer's `select`
// keeps only 32 bits of the first.
#include "guest.h"
#include <wasm_simd128.h>

static v128_t three[3] = {{0x11111111, 0x22222222, 0x33333333, 0x44444444}, {0x55555555, 0x66666666, 0x77777777, 0x08888888}};

__attribute__((noinline)) static v128_t choose(v128_t a, v128_t b, int first) { return first ? a : b; }

EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) {
  v128_t v = choose(three[0], three[1], n > 0 && p[0] & 1);
  v = wasm_v128_xor(v, three[2]);
  __builtin_memcpy(out_buf.payload, &v, 16);
  return reply(0, 1, 16);
}
