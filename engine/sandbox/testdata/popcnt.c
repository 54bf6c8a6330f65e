// Uses i8x16.popcnt, which Wasmer 2.0 does not know.
#include "guest.h"
#include <wasm_simd128.h>
EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) {
  v128_t v = wasm_i8x16_splat(n ? p[0] : 0xff);
  wasm_v128_store(out_buf.payload, wasm_i8x16_popcnt(v));
  return reply(0, 1, 16);
}
