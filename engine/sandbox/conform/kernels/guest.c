// The guest ABI, version 1, around a kernel. Inputs and tasks are a seed (u64)
// and a size (u32), little-endian.
#include <string.h>

#include "kernel.h"

#define EXPORT(name) __attribute__((export_name(#name), used))

enum { PAGE = 65536, INPUT = 12, WORDS = 64 };

extern unsigned char __heap_base;

static unsigned char input[INPUT];
static uintptr_t top; // of what take gave; 0 before the first
static struct {
  uint32_t status, zero;
  uint64_t work;
  uint64_t payload[WORDS];
} answer;
static uint32_t words;

void *take(size_t bytes) {
  uintptr_t at = ((top ? top : (uintptr_t)&__heap_base) + 15) & ~(uintptr_t)15;
  size_t have = __builtin_wasm_memory_size(0) * PAGE;
  if (bytes > UINT32_MAX - PAGE - at) __builtin_trap();
  top = at + bytes;
  if (top > have && __builtin_wasm_memory_grow(0, (top - have + PAGE - 1) / PAGE) == (size_t)-1) __builtin_trap();
  return (void *)at;
}

void put(uint64_t word) {
  if (words == WORDS) __builtin_trap();
  answer.payload[words++] = word;
}

static uint64_t reply(uint64_t work) {
  answer.status = 0;
  answer.work = work;
  return (uint64_t)(uintptr_t)&answer << 32 | (16 + 8 * words);
}

static uint64_t refuse(void) {
  static const char why[] = "an input is twelve bytes: a seed and a size above zero";
  answer.status = 1;
  memcpy(answer.payload, why, sizeof why - 1);
  return (uint64_t)(uintptr_t)&answer << 32 | (16 + sizeof why - 1);
}

// read splits an input; false says that it is none.
static int read(const unsigned char *p, uint32_t n, uint64_t *seed, uint32_t *size) {
  if (n != INPUT) return 0;
  memcpy(seed, p, 8);
  memcpy(size, p + 8, 4);
  return *size > 0;
}

EXPORT(sonm_abi) int32_t sonm_abi(void) { return 1; }

EXPORT(sonm_alloc) void *sonm_alloc(int32_t n) { return (uint32_t)n <= sizeof input ? input : take((uint32_t)n); }

EXPORT(inspect) uint64_t inspect(const unsigned char *p, uint32_t n) {
  words = 0;
  return reply(0);
}

EXPORT(open) uint64_t open_(const unsigned char *p, uint32_t n) {
  uint64_t seed;
  uint32_t size;
  if (!read(p, n, &seed, &size)) return refuse();
  build(seed, size);
  words = 0;
  return reply(0);
}

EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) {
  uint64_t seed;
  uint32_t size;
  if (!read(p, n, &seed, &size)) return refuse();
  words = 0;
  return reply(work(seed, size));
}
