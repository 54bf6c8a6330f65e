// What is known to bring wasmer 2.0 down, as far as the gate lets it pass.
#include "guest.h"
#include <wasm_simd128.h>

__attribute__((import_module("wasi_snapshot_preview1"), import_name("poll_oneoff"))) int
wasi_poll_oneoff(const void *, void *, uint32_t, uint32_t *);

#define TEN(f, n) f(n##0) f(n##1) f(n##2) f(n##3) f(n##4) f(n##5) f(n##6) f(n##7) f(n##8) f(n##9)
#define HUNDRED(f, n) TEN(f, n##0) TEN(f, n##1) TEN(f, n##2) TEN(f, n##3) TEN(f, n##4) TEN(f, n##5) TEN(f, n##6) TEN(f, n##7) TEN(f, n##8) TEN(f, n##9)
#define THOUSAND(f) HUNDRED(f, 10) HUNDRED(f, 11) HUNDRED(f, 12) HUNDRED(f, 13) HUNDRED(f, 14) HUNDRED(f, 15) HUNDRED(f, 16) HUNDRED(f, 17) HUNDRED(f, 18) HUNDRED(f, 19)

// a frame of a thousand numbers that all live across a call to itself
static volatile double seed = 1;
__attribute__((noinline)) static double frames(uint32_t n) {
  double s = seed;
#define SET(i) double v##i = s * i;
  THOUSAND(SET)
  double below = n ? frames(n - 1) : 0;
#define SUM(i) below += v##i;
  THOUSAND(SUM)
  return below / 1024;
}

static double zero;

EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) {
  switch (n ? p[0] : 0) {
  case 'F': {
    double d = frames(n > 1 ? p[1] * 16u : 1u << 30);
    __builtin_memcpy(out_buf.payload, &d, 8);
    return reply(0, 1, 8);
  }
  case 'p': { // sleep for an hour: one subscription to a clock, relative
    static struct { uint64_t user; uint8_t tag, pad[7]; uint32_t clock, pad2; uint64_t timeout, precision; uint16_t flags; } sub;
    static struct { uint64_t user; uint16_t error; uint8_t type, pad[21]; } event;
    uint32_t events = 0;
    sub.user = 7;
    sub.timeout = 3600ull * 1000000000ull;
    int e = wasi_poll_oneoff(&sub, &event, 1, &events);
    out_buf.payload[0] = e;
    out_buf.payload[1] = events;
    out_buf.payload[2] = event.user;
    return reply(0, 1, 3);
  }
  case 'n': { // NaN in vectors, made one by the result's encoder
    v128_t a = wasm_f32x4_splat((float)zero);
    v128_t v = wasm_f32x4_div(a, a);
    v128_t nan = wasm_f32x4_ne(v, v);
    v = wasm_v128_bitselect(wasm_i32x4_splat(0x7fc00000), v, nan);
    wasm_v128_store(out_buf.payload, v);
    return reply(0, 1, 16);
  }
  }
  return say(1, "no such case");
}
