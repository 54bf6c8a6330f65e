// Has a 128-bit value in the type of an export.
#include "guest.h"
#include <wasm_simd128.h>
EXPORT(twice) v128_t twice(v128_t v) { return wasm_i32x4_add(v, v); }
EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) { return reply(0, 0, 0); }
