// sampler.hpp: Owen-scrambled Sobol points, one sequence per pixel.
//
// A point depends on the seed, the frame, the pixel, the number of the sample
// and the dimension, and on nothing else: tiles, blocks and their order leave
// no trace. Dimensions come in padded pairs: every pair is the (0,2) sequence
// in a shuffled order of its own (Burley 2020, "Practical hash-based Owen
// scrambling"). Four pairs are drawn at once, one in each lane: that is less
// work than looking tables up, and it never runs out of table.
#pragma once

#include "math.hpp"

inline uint32_t mixed(uint32_t x) {  // "lowbias32", C. Wellons
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ x >> 16;
}
inline Word4 mixed(Word4 x) {
  x = x ^ right<16>(x);
  x = x * splat_word(0x7feb352du);
  x = x ^ right<15>(x);
  x = x * splat_word(0x846ca68bu);
  return x ^ right<16>(x);
}

// Owen scrambling of numbers whose bits are already reversed
// (Laine and Karras, constants by N. Vegdahl).
inline Word4 scrambled_reversed(Word4 x, Word4 seed) {
  x = x ^ (x * splat_word(0x3d20adeau));
  x = x + seed;
  x = x * (right<16>(seed) | splat_word(1));
  x = x ^ (x * splat_word(0x05526c56u));
  return x ^ (x * splat_word(0x53a22864u));
}

// The second Sobol dimension of an index, bits reversed. Its direction numbers
// are Pascal's triangle modulo 2, so bit j is the sum of the bits i of the
// index whose number contains j: five steps instead of a table.
inline Word4 second_sobol_reversed(Word4 x) {
  x = x ^ right<1>(x & splat_word(0xaaaaaaaau));
  x = x ^ right<2>(x & splat_word(0xccccccccu));
  x = x ^ right<4>(x & splat_word(0xf0f0f0f0u));
  x = x ^ right<8>(x & splat_word(0xff00ff00u));
  return x ^ right<16>(x);
}

// Numbers in [0, 1) of the upper 24 bits.
inline Float4 unit_floats(Word4 bits) { return to_float(right<8>(bits)) * splat(0x1p-24f); }

struct Pair { float x, y; };

// Four independent points of the unit square.
struct Draws {
  float x[4], y[4];
  Pair operator[](int i) const { return {x[i], y[i]}; }
};

class Sampler {
 public:
  Sampler(uint32_t pixel_seed, uint32_t sample) : seed_(pixel_seed) { reversed_sample_ = reversed(splat_word(sample)); }

  SONM_HOT Draws draw() {
    static const uint32_t kFirst[4] = {1, 2, 3, 4};
    Word4 dimension = splat_word(dimension_) + load_words(kFirst);
    dimension_ += 4;
    Word4 seed = mixed(splat_word(seed_) ^ (dimension * splat_word(0x9e3779b9u)));
    Word4 index = reversed(scrambled_reversed(reversed_sample_, seed));
    // The first Sobol dimension of an index is its bit reversal, so scrambling
    // it starts from the index itself.
    Word4 x = reversed(scrambled_reversed(index, mixed(seed + splat_word(0x68bc21ebu))));
    Word4 y = reversed(scrambled_reversed(second_sobol_reversed(index), mixed(seed + splat_word(0x02e5be93u))));
    Draws out;
    store4(out.x, unit_floats(x));
    store4(out.y, unit_floats(y));
    return out;
  }

 private:
  Word4 reversed_sample_;
  uint32_t seed_, dimension_ = 0;
};

// The seed of one pixel: all 256 bits of the job's seed, the frame, the place.
inline uint32_t pixel_seed(const uint32_t seed[8], uint32_t frame, uint32_t x, uint32_t y) {
  uint32_t h = 0x534e4d31u;
  for (int i = 0; i < 8; i++) h = mixed(h ^ seed[i]) + 0x9e3779b9u;
  h = mixed(h ^ frame);
  h = mixed(h ^ (x * 0x8da6b343u));
  return mixed(h + y * 0xd8163841u);
}
