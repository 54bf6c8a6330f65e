// Does what the first byte of a task says: one guest for most cases of the
// suite. Built once without and once with -msimd128.
#define OWN_OPEN
#include "guest.h"

#define WASI(name, params) \
  __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) int wasi_##name params
WASI(random_get, (void *, uint32_t));
WASI(clock_time_get, (uint32_t, uint64_t, uint64_t *));
WASI(fd_write, (uint32_t, const void *, uint32_t, uint32_t *));
WASI(fd_prestat_get, (uint32_t, void *));
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"), noreturn)) void wasi_proc_exit(int);

static uint32_t counter = 100;
static unsigned char opened[64];
static uint32_t opened_len;
static int initialized;

EXPORT(_initialize) void initialize(void) { initialized++; }

#define OWN_OPEN
EXPORT(inspect) uint64_t inspect(const unsigned char *p, uint32_t n) { return say(0, "{\"triangles\":12}"); }

EXPORT(open) uint64_t open_(const unsigned char *p, uint32_t n) {
  if (n > 0 && p[0] == 'R') return say(1, "the scene has no camera\n\x1b[2J and \xff");
  if (n > 0 && p[0] == 'T') __builtin_trap();
  if (n > 0 && p[0] == 'L') for (volatile int x = 0;; x++);
  opened_len = n < 64 ? n : 64;
  for (uint32_t i = 0; i < opened_len; i++) opened[i] = p[i];
  counter += n;
  return reply(0, n, 0);
}

static void put(uint32_t at, uint64_t v, int n) {
  for (int i = 0; i < n; i++) out_buf.payload[at + i] = v >> (8 * i);
}

static volatile int sink;
__attribute__((noinline)) static int deep(int n) {
  volatile char pad[256];
  pad[n & 255] = n & 63;
  sink = pad[0];
  return sink < 0 ? n : deep(n + 1) + pad[n & 127];
}
static int (*volatile deep_ptr)(int) = deep;

// recursion without the stack in memory, which has a limit of its own
__attribute__((noinline)) static uint64_t pure(uint64_t n) { return n ? 1 + (pure(n - 1) ^ n) : 0; }

static double mix(uint32_t rounds) {
  double x = 0.5, s = 0;
  for (uint32_t i = 0; i < rounds; i++) {
    x = 3.999 * x * (1 - x);
    s += __builtin_sqrt(x) / (1 + i % 7);
  }
  return s;
}

EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) {
  switch (n ? p[0] : 'e') {
  case 'e': // echo: what was opened, then the task
    for (uint32_t i = 0; i < opened_len; i++) out_buf.payload[i] = opened[i];
    for (uint32_t i = 0; i < n; i++) out_buf.payload[opened_len + i] = p[i];
    return reply(0, n, opened_len + n);
  case 'c': // counter: state must not outlive a task
    counter++;
    put(0, counter, 4);
    put(4, initialized, 4);
    return reply(0, counter, 8);
  case 'g': { // grow: neither must memory
    uint32_t was = __builtin_wasm_memory_grow(0, 16);
    put(0, was, 4);
    unsigned char *fresh = (unsigned char *)((uintptr_t)was << 16);
    put(4, fresh[0] + fresh[16 * 65536 - 1], 4);
    fresh[0] = fresh[16 * 65536 - 1] = 0xaa;
    return reply(0, 0, 8);
  }
  case 'l': for (volatile int x = 0;; x++);
  case 'm': // memory bomb
    while (__builtin_wasm_memory_grow(0, 1) != (size_t)-1) {
      uint32_t at = __builtin_wasm_memory_size(0) - 1;
      *(volatile char *)((uintptr_t)at << 16) = 1;
    }
    __builtin_trap();
  case 'o': { // output bomb: honest about it
    uint32_t want = 40 << 20;
    uint32_t at = __builtin_wasm_memory_grow(0, (want + 65535 + 16) >> 16);
    return (uint64_t)at << 48 | (16 + want);
  }
  case 't': __builtin_trap();
  case 'b': return (uint64_t)0xfffffff0u << 32 | 4096; // outside memory
  case 's': return (uint64_t)(uintptr_t)&out_buf << 32 | 8; // too short
  case 'S': return reply(7, 0, 0); // no such status
  case 'r': return say(1, "the tile lies outside the picture");
  case 'd': return reply(0, deep_ptr(0), 0); // stack overflow
  case 'D': return reply(0, pure(1u << 30), 0); // the same on the engine's own stack
  case 'N': { // the same, as deep as the task says
    uint32_t depth;
    __builtin_memcpy(&depth, p + 1, 4);
    put(0, pure(depth), 8);
    return reply(0, depth, 8);
  }
  case 'R': wasi_random_get(out_buf.payload, 64); return reply(0, 0, 64);
  case 'C': {
    uint64_t a, b;
    wasi_clock_time_get(0, 1, &a);
    wasi_clock_time_get(1, 1, &b);
    put(0, a, 8);
    put(8, b, 8);
    return reply(0, 0, 16);
  }
  case 'w': { // write without end
    const struct { const void *p; uint32_t n; } v = {"hello from the guest\n", 21};
    uint32_t wrote, sum = 0;
    for (int i = 0; i < 10000; i++) { wasi_fd_write(2, &v, 1, &wrote); sum += wrote; }
    put(0, sum, 4);
    put(4, wasi_fd_write(5, &v, 1, &wrote), 4);
    put(8, wasi_fd_prestat_get(3, &wrote), 4);
    return reply(0, 0, 12);
  }
  case 'W': { // bad pointers to the host
    const struct { const void *p; uint32_t n; } v = {(void *)0xfffffff0u, 4096};
    uint32_t wrote;
    put(0, wasi_fd_write(1, &v, 1, &wrote), 4);
    put(4, wasi_fd_write(1, (void *)0xfffffff8u, 1000, &wrote), 4);
    put(8, wasi_random_get((void *)0xffff0000u, 0x20000), 4);
    put(12, wasi_clock_time_get(0, 1, (uint64_t *)0xfffffffcu), 4);
    return reply(0, 0, 16);
  }
  case 'x': wasi_proc_exit(3);
  case 'f': { // floating point, for bit equality
    union { double d; uint64_t u; } v = {mix(2000000)};
    put(0, v.u, 8);
    return reply(0, 2000000, 8);
  }
  }
  return say(1, "no such case");
}
