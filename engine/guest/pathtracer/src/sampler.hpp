// sampler.hpp: Owen-scrambled Sobol points, one sequence per pixel.
//
// A point depends on the seed, the frame, the pixel, the number of the sample
// and the dimension, and on nothing else: tiles, blocks and their order leave
// no trace. Dimensions come in padded pairs: every pair is the (0,2) sequence
// in a shuffled order of its own (Burley 2020, "Practical hash-based Owen
// scrambling").
#pragma once

#include "math.hpp"

inline uint32_t mixed(uint32_t x) {  // "lowbias32", C. Wellons
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}

inline uint32_t reversed(uint32_t x) {
  x = x >> 16 | x << 16;
  x = (x & 0xff00ff00u) >> 8 | (x & 0x00ff00ffu) << 8;
  x = (x & 0xf0f0f0f0u) >> 4 | (x & 0x0f0f0f0fu) << 4;
  x = (x & 0xccccccccu) >> 2 | (x & 0x33333333u) << 2;
  return (x & 0xaaaaaaaau) >> 1 | (x & 0x55555555u) << 1;
}

// Owen scrambling of a number whose bits are already reversed
// (Laine and Karras, constants by N. Vegdahl).
inline uint32_t scrambled_reversed(uint32_t x, uint32_t seed) {
  x ^= x * 0x3d20adeau;
  x += seed;
  x *= seed >> 16 | 1;
  x ^= x * 0x05526c56u;
  return x ^ x * 0x53a22864u;
}

// The second Sobol dimension of an index, byte by byte.
struct SobolTable {
  uint32_t part[4][256];
  SobolTable() {
    uint32_t direction[32], v = 1u << 31;
    for (int i = 0; i < 32; i++, v ^= v >> 1) direction[i] = v;
    for (int byte = 0; byte < 4; byte++)
      for (uint32_t value = 0; value < 256; value++) {
        uint32_t sum = 0;
        for (int bit = 0; bit < 8; bit++)
          if (value >> bit & 1) sum ^= direction[byte * 8 + bit];
        part[byte][value] = sum;
      }
  }
  uint32_t second(uint32_t i) const {
    return part[0][i & 255] ^ part[1][i >> 8 & 255] ^ part[2][i >> 16 & 255] ^ part[3][i >> 24];
  }
};

inline float unit_float(uint32_t bits) { return float(bits >> 8) * 0x1p-24f; }  // [0, 1)

struct Pair { float x, y; };

class Sampler {
 public:
  Sampler(const SobolTable& table, uint32_t pixel_seed, uint32_t sample) : table_(table), seed_(pixel_seed), reversed_sample_(reversed(sample)) {}

  SONM_HOT Pair pair() {
    uint32_t s = mixed(seed_ ^ mixed(++dimension_ * 0x9e3779b9u));
    uint32_t shuffled_reversed = scrambled_reversed(reversed_sample_, s);
    uint32_t index = reversed(shuffled_reversed);
    // The first Sobol dimension of index is its bit reversal, so scrambling it
    // starts from index itself.
    uint32_t x = reversed(scrambled_reversed(index, mixed(s + 0x68bc21ebu)));
    uint32_t y = reversed(scrambled_reversed(reversed(table_.second(index)), mixed(s + 0x02e5be93u)));
    return {unit_float(x), unit_float(y)};
  }
  float single() { return pair().x; }

 private:
  const SobolTable& table_;
  uint32_t seed_, reversed_sample_, dimension_ = 0;
};

// The seed of one pixel: all 256 bits of the job's seed, the frame, the place.
inline uint32_t pixel_seed(const uint32_t seed[8], uint32_t frame, uint32_t x, uint32_t y) {
  uint32_t h = 0x534e4d31u;
  for (int i = 0; i < 8; i++) h = mixed(h ^ seed[i]) + 0x9e3779b9u;
  h = mixed(h ^ frame);
  h = mixed(h ^ (x * 0x8da6b343u));
  return mixed(h + y * 0xd8163841u);
}
