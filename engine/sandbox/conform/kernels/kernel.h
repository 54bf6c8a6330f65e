// What a kernel is given, and what it gives. The same sources are guests of ABI
// version 1 (guest.c) and native programs (harness.c), so that both answers and
// times can be compared.
//
// No kernel depends on anything but its arguments: no FMA (-ffp-contract=off),
// no library function whose last bit differs, no fmin or fmax, and no bits of
// a NaN but those that canonical() gives.
#pragma once
#include <stddef.h>
#include <stdint.h>

// build makes the data that all tasks work on. Memory is not zeroed.
void build(uint64_t seed, uint32_t size);

// work does one task on that data, which it leaves as it was, answers with
// put() and returns how many units of work it did.
uint64_t work(uint64_t seed, uint32_t size);

// take gives memory until the next build, for 16-byte vectors aligned.
void *take(size_t bytes);

// put adds a word to the answer.
void put(uint64_t word);

// random is the next number of the sequence that *state is in (SplitMix64).
static inline uint64_t random64(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// unit is a number of [0, 1) with 24 random bits.
static inline float unit(uint64_t *state) { return (float)(random64(state) >> 40) * 0x1p-24f; }

// real is the same in double precision, with 53 bits.
static inline double real(uint64_t *state) { return (double)(int64_t)(random64(state) >> 11) * 0x1p-53; }

// mix folds a word into a digest.
static inline uint64_t mix(uint64_t digest, uint64_t word) {
  digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
  return digest ^ digest >> 29;
}

// canonical is the bits of v, with one pattern for every NaN: which one an
// operation makes is the engine's and the processor's business.
static inline uint64_t canonical(double v) {
  union {
    double d;
    uint64_t u;
  } bits = {v};
  return v == v ? bits.u : 0x7ff8000000000000u;
}
