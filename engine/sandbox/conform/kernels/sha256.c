// SHA-256 of a message, again and again, each time starting from the digest of
// the time before.
#include "kernel.h"

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint32_t start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

enum { BLOCK = 64 };

static unsigned char *message;
static uint32_t blocks; // the last one is the padding

static void big_endian(unsigned char *to, uint64_t v, int bytes) {
  for (int n = 0; n < bytes; n++) to[n] = (unsigned char)(v >> (8 * (bytes - 1 - n)));
}

void build(uint64_t seed, uint32_t size) {
  blocks = size + 1;
  message = take((size_t)blocks * BLOCK);
  for (uint32_t n = 0; n < size * BLOCK / 8; n++) big_endian(message + 8 * n, random64(&seed), 8);
  unsigned char *last = message + (size_t)size * BLOCK;
  for (int n = 0; n < BLOCK; n++) last[n] = 0;
  last[0] = 0x80;
  big_endian(last + BLOCK - 8, (uint64_t)size * BLOCK * 8, 8);
}

static inline uint32_t turn(uint32_t v, int n) { return v >> n | v << (32 - n); }

// step is one of the 64: it changes what will be e and a in the next one.
static inline void step(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g,
                        uint32_t *h, uint32_t kw) {
  uint32_t x = *h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) + kw;
  *d += x;
  *h = x + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));
}

static void compress(uint32_t state[8], const unsigned char *block) {
  uint32_t w[64];
#pragma GCC unroll 16
  for (int n = 0; n < 16; n++) {
    const unsigned char *p = block + 4 * n;
    w[n] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
  }
#pragma GCC unroll 16
  for (int n = 16; n < 64; n++) {
    uint32_t a = w[n - 15], b = w[n - 2];
    w[n] = w[n - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[n - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int n = 0; n < 64; n += 8) { // eight, so that every word is back in its variable
    const uint32_t *k = constants + n, *v = w + n;
    step(a, b, c, &d, e, f, g, &h, k[0] + v[0]);
    step(h, a, b, &c, d, e, f, &g, k[1] + v[1]);
    step(g, h, a, &b, c, d, e, &f, k[2] + v[2]);
    step(f, g, h, &a, b, c, d, &e, k[3] + v[3]);
    step(e, f, g, &h, a, b, c, &d, k[4] + v[4]);
    step(d, e, f, &g, h, a, b, &c, k[5] + v[5]);
    step(c, d, e, &f, g, h, a, &b, k[6] + v[6]);
    step(b, c, d, &e, f, g, h, &a, k[7] + v[7]);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

uint64_t work(uint64_t seed, uint32_t size) {
  uint32_t state[8];
  for (int n = 0; n < 8; n++) state[n] = start[n];
  state[0] ^= (uint32_t)seed; // 0 makes it the SHA-256 that everybody knows
  state[1] ^= (uint32_t)(seed >> 32);
  for (uint32_t round = 0; round < size; round++)
    for (uint32_t n = 0; n < blocks; n++) compress(state, message + (size_t)n * BLOCK);
  for (int n = 0; n < 8; n += 2) {
    unsigned char bytes[8];
    big_endian(bytes, state[n], 4);
    big_endian(bytes + 4, state[n + 1], 4);
    uint64_t word = 0;
    for (int k = 7; k >= 0; k--) word = word << 8 | bytes[k];
    put(word);
  }
  return (uint64_t)size * blocks;
}
