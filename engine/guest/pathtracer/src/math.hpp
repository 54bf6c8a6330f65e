// math.hpp: vectors, affine transforms and the four-wide float of the tracer.
//
// Everything is float32 and free of fused multiply-adds, so that one module
// gives the same bits in every WebAssembly engine. Four-wide code has three
// twins: wasm simd128, SSE2, and plain arrays (SONM_SCALAR) to test against.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#if defined(SONM_SCALAR)
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

// The inner loop is inlined by hand: in WebAssembly a call that returns a struct
// goes through memory.
#define SONM_HOT __attribute__((always_inline))

constexpr float kPi = 3.14159265358979f;
constexpr float kInvPi = 0.318309886183791f;
constexpr float kFar = 1e30f;          // farther than any accepted coordinate
constexpr float kMaxCoordinate = 1e15f;  // squares and areas stay finite

struct Vec3 {
  float x = 0, y = 0, z = 0;
  float operator[](int axis) const { return axis == 0 ? x : axis == 1 ? y : z; }
};

inline Vec3 operator+(Vec3 a, Vec3 b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
inline Vec3 operator-(Vec3 a, Vec3 b) { return {a.x - b.x, a.y - b.y, a.z - b.z}; }
inline Vec3 operator*(Vec3 a, Vec3 b) { return {a.x * b.x, a.y * b.y, a.z * b.z}; }
inline Vec3 operator*(Vec3 a, float s) { return {a.x * s, a.y * s, a.z * s}; }
inline Vec3 operator-(Vec3 a) { return {-a.x, -a.y, -a.z}; }
inline float dot(Vec3 a, Vec3 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(Vec3 a, Vec3 b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(Vec3 a) { return sqrtf(dot(a, a)); }
inline Vec3 mix(Vec3 a, Vec3 b, float t) { return a * (1 - t) + b * t; }
inline float mix(float a, float b, float t) { return a * (1 - t) + b * t; }
inline float clampf(float v, float low, float high) { return v > low ? (v < high ? v : high) : low; }  // NaN gives low
inline float maxf(float a, float b) { return a > b ? a : b; }
// Cosine and sine of a part of a full turn, u in [0, 1]; error below 2e-7.
// Taylor series on an eighth of a turn to both sides of the nearest quarter.
struct Turn { float cosine, sine; };
SONM_HOT inline Turn turn(float u) {
  float quarters = u * 4;
  int nearest = int(quarters + 0.5f);
  float a = (quarters - float(nearest)) * (kPi / 2), b = a * a;
  float c = 1 - b * (0.5f - b * (1.0f / 24 - b * (1.0f / 720 - b * (1.0f / 40320))));
  float s = a * (1 - b * (1.0f / 6 - b * (1.0f / 120 - b * (1.0f / 5040 - b * (1.0f / 362880)))));
  if (nearest & 1) return nearest & 2 ? Turn{s, -c} : Turn{-s, c};
  return nearest & 2 ? Turn{-c, -s} : Turn{c, s};
}

inline float minf(float a, float b) { return a < b ? a : b; }
inline float largest(Vec3 a) { return maxf(a.x, maxf(a.y, a.z)); }
inline Vec3 magnitudes(Vec3 a) { return {fabsf(a.x), fabsf(a.y), fabsf(a.z)}; }
inline Vec3 largest_of(Vec3 a, Vec3 b) { return {maxf(a.x, b.x), maxf(a.y, b.y), maxf(a.z, b.z)}; }
inline bool black(Vec3 a) { return !(a.x > 0 || a.y > 0 || a.z > 0); }
inline bool finite(float v) { return v - v == 0; }
inline bool finite(Vec3 a) { return finite(a.x) && finite(a.y) && finite(a.z); }
inline bool near_enough(Vec3 a) { return maxf(fabsf(a.x), maxf(fabsf(a.y), fabsf(a.z))) < kMaxCoordinate && finite(a); }

// Rec. 709 luminance of linear RGB.
inline float luminance(Vec3 c) { return 0.2126f * c.x + 0.7152f * c.y + 0.0722f * c.z; }

// The unit vector along a, or `otherwise` where a has no length.
SONM_HOT inline Vec3 normalized(Vec3 a, Vec3 otherwise = {0, 0, 1}) {
  float squared = dot(a, a);
  if (!(squared > 0) || !finite(squared)) return otherwise;
  return a * (1 / sqrtf(squared));
}

// An orthonormal basis around a unit normal (Duff et al. 2017).
struct Frame {
  Vec3 tangent, bitangent, normal;
  explicit Frame(Vec3 n) : normal(n) {
    float sign = n.z < 0 ? -1.0f : 1.0f;
    float a = -1 / (sign + n.z), b = n.x * n.y * a;
    tangent = {1 + sign * n.x * n.x * a, sign * b, -sign * n.x};
    bitangent = {b, sign + n.y * n.y * a, -n.y};
  }
  Vec3 to_world(Vec3 v) const { return tangent * v.x + bitangent * v.y + normal * v.z; }
  Vec3 to_local(Vec3 v) const { return {dot(v, tangent), dot(v, bitangent), dot(v, normal)}; }
};

// An affine transform: three columns and an origin.
struct Affine {
  Vec3 x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1}, origin{0, 0, 0};
  Vec3 vector(Vec3 v) const { return x * v.x + y * v.y + z * v.z; }
  Vec3 point(Vec3 p) const { return vector(p) + origin; }
  // The transform of normals: cofactors, which need no division.
  Vec3 normal(Vec3 n) const {
    return cross(y, z) * n.x + cross(z, x) * n.y + cross(x, y) * n.z;
  }
  float determinant() const { return dot(x, cross(y, z)); }
};

inline bool finite(const Affine& m) { return finite(m.x) && finite(m.y) && finite(m.z) && finite(m.origin); }

inline Affine operator*(const Affine& a, const Affine& b) {
  return {a.vector(b.x), a.vector(b.y), a.vector(b.z), a.point(b.origin)};
}

// The inverse; the caller has made sure that the determinant is not zero.
inline Affine inverse(const Affine& m) {
  float scale = 1 / m.determinant();
  Vec3 r0 = cross(m.y, m.z) * scale, r1 = cross(m.z, m.x) * scale, r2 = cross(m.x, m.y) * scale;
  Affine out{{r0.x, r1.x, r2.x}, {r0.y, r1.y, r2.y}, {r0.z, r1.z, r2.z}, {}};
  out.origin = -out.vector(m.origin);
  return out;
}

struct Bounds {
  Vec3 low{kFar, kFar, kFar}, high{-kFar, -kFar, -kFar};
  void add(Vec3 p) {
    low = {minf(low.x, p.x), minf(low.y, p.y), minf(low.z, p.z)};
    high = {maxf(high.x, p.x), maxf(high.y, p.y), maxf(high.z, p.z)};
  }
  void add(const Bounds& b) {
    low = {minf(low.x, b.low.x), minf(low.y, b.low.y), minf(low.z, b.low.z)};
    high = {maxf(high.x, b.high.x), maxf(high.y, b.high.y), maxf(high.z, b.high.z)};
  }
  bool empty() const { return low.x > high.x; }
  Vec3 centre() const { return (low + high) * 0.5f; }
  float half_area() const {
    if (empty()) return 0;
    Vec3 d = high - low;
    return d.x * d.y + d.y * d.z + d.z * d.x;
  }
};

inline Bounds transformed(const Affine& m, const Bounds& b) {
  Bounds out;
  for (int corner = 0; corner < 8; corner++) {
    Vec3 p{corner & 1 ? b.high.x : b.low.x, corner & 2 ? b.high.y : b.low.y,
           corner & 4 ? b.high.z : b.low.z};
    out.add(m.point(p));
  }
  return out;
}

// ---- four floats at once

#if defined(SONM_SCALAR) || !(defined(__wasm_simd128__) || defined(__SSE2__))
struct Float4 { float lane[4]; };
struct Mask4 { bool lane[4]; };
#define SONM_LANES(type, expression) \
  type r;                            \
  for (int i = 0; i < 4; i++) r.lane[i] = (expression); \
  return r
inline Float4 splat(float v) { SONM_LANES(Float4, v); }
inline Float4 load4(const float* p) { SONM_LANES(Float4, p[i]); }
inline void store4(float* p, Float4 a) { for (int i = 0; i < 4; i++) p[i] = a.lane[i]; }
inline Float4 operator+(Float4 a, Float4 b) { SONM_LANES(Float4, a.lane[i] + b.lane[i]); }
inline Float4 operator-(Float4 a, Float4 b) { SONM_LANES(Float4, a.lane[i] - b.lane[i]); }
inline Float4 operator*(Float4 a, Float4 b) { SONM_LANES(Float4, a.lane[i] * b.lane[i]); }
inline Float4 operator/(Float4 a, Float4 b) { SONM_LANES(Float4, a.lane[i] / b.lane[i]); }
inline Float4 min4(Float4 a, Float4 b) { SONM_LANES(Float4, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]); }
inline Float4 max4(Float4 a, Float4 b) { SONM_LANES(Float4, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]); }
inline Mask4 less(Float4 a, Float4 b) { SONM_LANES(Mask4, a.lane[i] < b.lane[i]); }
inline Mask4 at_most(Float4 a, Float4 b) { SONM_LANES(Mask4, a.lane[i] <= b.lane[i]); }
inline Mask4 both(Mask4 a, Mask4 b) { SONM_LANES(Mask4, a.lane[i] && b.lane[i]); }
inline Float4 sqrt4(Float4 a) { SONM_LANES(Float4, sqrtf(a.lane[i])); }
inline Float4 pick4(Mask4 m, Float4 a, Float4 b) { SONM_LANES(Float4, m.lane[i] ? a.lane[i] : b.lane[i]); }
inline uint32_t bits(Mask4 m) {
  return uint32_t(m.lane[0]) | m.lane[1] << 1 | m.lane[2] << 2 | m.lane[3] << 3;
}
struct Word4 { uint32_t lane[4]; };
inline Word4 splat_word(uint32_t v) { SONM_LANES(Word4, v); }
inline Word4 load_words(const uint32_t* p) { SONM_LANES(Word4, p[i]); }
inline Word4 operator+(Word4 a, Word4 b) { SONM_LANES(Word4, a.lane[i] + b.lane[i]); }
inline Word4 operator*(Word4 a, Word4 b) { SONM_LANES(Word4, a.lane[i] * b.lane[i]); }
inline Word4 operator^(Word4 a, Word4 b) { SONM_LANES(Word4, a.lane[i] ^ b.lane[i]); }
inline Word4 operator&(Word4 a, Word4 b) { SONM_LANES(Word4, a.lane[i] & b.lane[i]); }
inline Word4 operator|(Word4 a, Word4 b) { SONM_LANES(Word4, a.lane[i] | b.lane[i]); }
template <int n> inline Word4 right(Word4 a) { SONM_LANES(Word4, a.lane[i] >> n); }
template <int n> inline Word4 left(Word4 a) { SONM_LANES(Word4, a.lane[i] << n); }
inline Float4 to_float(Word4 a) { SONM_LANES(Float4, float(int32_t(a.lane[i]))); }
#undef SONM_LANES
#elif defined(__wasm_simd128__)
struct Float4 { v128_t v; };
using Mask4 = Float4;
inline Float4 splat(float v) { return {wasm_f32x4_splat(v)}; }
inline Float4 load4(const float* p) { return {wasm_v128_load(p)}; }
inline void store4(float* p, Float4 a) { wasm_v128_store(p, a.v); }
inline Float4 operator+(Float4 a, Float4 b) { return {wasm_f32x4_add(a.v, b.v)}; }
inline Float4 operator-(Float4 a, Float4 b) { return {wasm_f32x4_sub(a.v, b.v)}; }
inline Float4 operator*(Float4 a, Float4 b) { return {wasm_f32x4_mul(a.v, b.v)}; }
inline Float4 operator/(Float4 a, Float4 b) { return {wasm_f32x4_div(a.v, b.v)}; }
// pmin(b, a) is "a < b ? a : b", one SSE instruction: the same NaN rule as SSE.
inline Float4 min4(Float4 a, Float4 b) { return {wasm_f32x4_pmin(b.v, a.v)}; }
inline Float4 max4(Float4 a, Float4 b) { return {wasm_f32x4_pmax(b.v, a.v)}; }
inline Mask4 less(Float4 a, Float4 b) { return {wasm_f32x4_lt(a.v, b.v)}; }
inline Mask4 at_most(Float4 a, Float4 b) { return {wasm_f32x4_le(a.v, b.v)}; }
inline Mask4 both(Mask4 a, Mask4 b) { return {wasm_v128_and(a.v, b.v)}; }
inline Float4 sqrt4(Float4 a) { return {wasm_f32x4_sqrt(a.v)}; }
inline Float4 pick4(Mask4 m, Float4 a, Float4 b) { return {wasm_v128_bitselect(a.v, b.v, m.v)}; }
inline uint32_t bits(Mask4 m) { return uint32_t(wasm_i32x4_bitmask(m.v)); }
struct Word4 { v128_t v; };
inline Word4 splat_word(uint32_t v) { return {wasm_i32x4_splat(int32_t(v))}; }
inline Word4 load_words(const uint32_t* p) { return {wasm_v128_load(p)}; }
inline Word4 operator+(Word4 a, Word4 b) { return {wasm_i32x4_add(a.v, b.v)}; }
inline Word4 operator*(Word4 a, Word4 b) { return {wasm_i32x4_mul(a.v, b.v)}; }
inline Word4 operator^(Word4 a, Word4 b) { return {wasm_v128_xor(a.v, b.v)}; }
inline Word4 operator&(Word4 a, Word4 b) { return {wasm_v128_and(a.v, b.v)}; }
inline Word4 operator|(Word4 a, Word4 b) { return {wasm_v128_or(a.v, b.v)}; }
template <int n> inline Word4 right(Word4 a) { return {wasm_u32x4_shr(a.v, n)}; }
template <int n> inline Word4 left(Word4 a) { return {wasm_i32x4_shl(a.v, n)}; }
inline Float4 to_float(Word4 a) { return {wasm_f32x4_convert_i32x4(a.v)}; }
#else
struct Float4 { __m128 v; };
using Mask4 = Float4;
inline Float4 splat(float v) { return {_mm_set1_ps(v)}; }
inline Float4 load4(const float* p) { return {_mm_loadu_ps(p)}; }
inline void store4(float* p, Float4 a) { _mm_storeu_ps(p, a.v); }
inline Float4 operator+(Float4 a, Float4 b) { return {_mm_add_ps(a.v, b.v)}; }
inline Float4 operator-(Float4 a, Float4 b) { return {_mm_sub_ps(a.v, b.v)}; }
inline Float4 operator*(Float4 a, Float4 b) { return {_mm_mul_ps(a.v, b.v)}; }
inline Float4 operator/(Float4 a, Float4 b) { return {_mm_div_ps(a.v, b.v)}; }
inline Float4 min4(Float4 a, Float4 b) { return {_mm_min_ps(a.v, b.v)}; }
inline Float4 max4(Float4 a, Float4 b) { return {_mm_max_ps(a.v, b.v)}; }
inline Mask4 less(Float4 a, Float4 b) { return {_mm_cmplt_ps(a.v, b.v)}; }
inline Mask4 at_most(Float4 a, Float4 b) { return {_mm_cmple_ps(a.v, b.v)}; }
inline Mask4 both(Mask4 a, Mask4 b) { return {_mm_and_ps(a.v, b.v)}; }
inline Float4 sqrt4(Float4 a) { return {_mm_sqrt_ps(a.v)}; }
inline Float4 pick4(Mask4 m, Float4 a, Float4 b) { return {_mm_or_ps(_mm_and_ps(m.v, a.v), _mm_andnot_ps(m.v, b.v))}; }
inline uint32_t bits(Mask4 m) { return uint32_t(_mm_movemask_ps(m.v)); }
struct Word4 { __m128i v; };
inline Word4 splat_word(uint32_t v) { return {_mm_set1_epi32(int32_t(v))}; }
inline Word4 load_words(const uint32_t* p) { return {_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))}; }
inline Word4 operator+(Word4 a, Word4 b) { return {_mm_add_epi32(a.v, b.v)}; }
inline Word4 operator*(Word4 a, Word4 b) {  // SSE2 multiplies two lanes at a time
  __m128i even = _mm_mul_epu32(a.v, b.v), odd = _mm_mul_epu32(_mm_srli_epi64(a.v, 32), _mm_srli_epi64(b.v, 32));
  return {_mm_unpacklo_epi32(_mm_shuffle_epi32(even, 8), _mm_shuffle_epi32(odd, 8))};
}
inline Word4 operator^(Word4 a, Word4 b) { return {_mm_xor_si128(a.v, b.v)}; }
inline Word4 operator&(Word4 a, Word4 b) { return {_mm_and_si128(a.v, b.v)}; }
inline Word4 operator|(Word4 a, Word4 b) { return {_mm_or_si128(a.v, b.v)}; }
template <int n> inline Word4 right(Word4 a) { return {_mm_srli_epi32(a.v, n)}; }
template <int n> inline Word4 left(Word4 a) { return {_mm_slli_epi32(a.v, n)}; }
inline Float4 to_float(Word4 a) { return {_mm_cvtepi32_ps(a.v)}; }
#endif

// The bits of each word in reverse order.
inline Word4 reversed(Word4 a) {
#if defined(__wasm_simd128__) && !defined(SONM_SCALAR)
  // Bytes turned round by a shuffle, the bits of each half byte by a table.
  const v128_t low = wasm_i8x16_splat(15), halves = wasm_i8x16_make(0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
  v128_t turned = wasm_i8x16_shuffle(a.v, a.v, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
  v128_t upper = wasm_i8x16_shl(wasm_i8x16_swizzle(halves, wasm_v128_and(turned, low)), 4);
  return {wasm_v128_or(upper, wasm_i8x16_swizzle(halves, wasm_u8x16_shr(turned, 4)))};
#else
  a = right<16>(a) | left<16>(a);
  a = (right<8>(a) & splat_word(0x00ff00ffu)) | left<8>(a & splat_word(0x00ff00ffu));
  a = (right<4>(a) & splat_word(0x0f0f0f0fu)) | left<4>(a & splat_word(0x0f0f0f0fu));
  a = (right<2>(a) & splat_word(0x33333333u)) | left<2>(a & splat_word(0x33333333u));
  return (right<1>(a) & splat_word(0x55555555u)) | left<1>(a & splat_word(0x55555555u));
#endif
}
