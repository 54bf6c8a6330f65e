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
inline float minf(float a, float b) { return a < b ? a : b; }
inline float largest(Vec3 a) { return maxf(a.x, maxf(a.y, a.z)); }
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
inline uint32_t bits(Mask4 m) {
  return uint32_t(m.lane[0]) | m.lane[1] << 1 | m.lane[2] << 2 | m.lane[3] << 3;
}
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
inline uint32_t bits(Mask4 m) { return uint32_t(wasm_i32x4_bitmask(m.v)); }
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
inline uint32_t bits(Mask4 m) { return uint32_t(_mm_movemask_ps(m.v)); }
#endif
