// material.hpp: the glTF metallic-roughness surface (appendix B of the glTF 2.0
// specification): a dielectric, which is a Fresnel mix of diffuse and GGX,
// blended with a metal, which is GGX alone. KHR_materials_specular scales the
// dielectric's reflection; 0 leaves plain diffuse.
#pragma once

#include "sampler.hpp"

// A surface at one point, in the local frame where the normal is +z.
struct Surface {
  Vec3 diffuse;          // (1 - metallic) * base colour
  Vec3 dielectric_f0;
  float dielectric_f90;
  Vec3 metal_f0;
  float metallic;
  float alpha;           // roughness squared
  float specular_chance; // how often sampling picks the GGX lobe
};

struct SurfaceSample { Vec3 direction, weight; float pdf; };  // weight = f * cosine / pdf

// alpha below this would overflow float32 in the GGX peak.
constexpr float kMinAlpha = 1e-3f;

inline float schlick(float cosine) {
  float c = clampf(1 - cosine, 0, 1), c2 = c * c;
  return c2 * c2 * c;
}

SONM_HOT inline Surface make_surface(Vec3 base, float metallic, float roughness, float specular, Vec3 specular_color, float cos_out) {
  Surface s;
  s.diffuse = base * (1 - metallic);
  Vec3 f0 = specular_color * 0.04f;  // index of refraction 1.5
  s.dielectric_f0 = Vec3{minf(f0.x, 1), minf(f0.y, 1), minf(f0.z, 1)} * specular;
  s.dielectric_f90 = specular;
  s.metal_f0 = base;
  s.metallic = metallic;
  s.alpha = maxf(roughness * roughness, kMinAlpha);
  float k = schlick(cos_out);
  float dielectric = mix(luminance(s.dielectric_f0), s.dielectric_f90, k), metal = mix(luminance(base), 1, k);
  float mirror = mix(dielectric, metal, metallic), matte = luminance(s.diffuse) * (1 - dielectric);
  bool has_specular = metallic > 0 || specular > 0, has_diffuse = luminance(s.diffuse) > 0;
  s.specular_chance = !has_specular ? 0 : !has_diffuse ? 1 : clampf(mirror / (mirror + matte + 1e-9f), 0.1f, 0.9f);
  return s;
}

// Smith's masking of one direction, times 2 cos: G1 = 2c / (c + sqrt(a2 + (1 - a2) c2)).
inline float smith(float alpha2, float cosine) { return 2 * cosine / (cosine + sqrtf(alpha2 + (1 - alpha2) * cosine * cosine)); }

// The density of GGX around the half vector h.
inline float ggx(float alpha2, float cos_half) {
  float q = cos_half * cos_half * (alpha2 - 1) + 1;
  return alpha2 / (kPi * q * q);
}

// f * cosine for light from `in` leaving to `out`, and the density with which
// sample_surface would have chosen `in`.
SONM_HOT inline Vec3 evaluate(const Surface& s, Vec3 out, Vec3 in, float& pdf) {
  pdf = 0;
  if (!(in.z > 1e-6f) || !(out.z > 1e-6f)) return {0, 0, 0};
  Vec3 half = normalized(in + out);
  float cos_half = dot(out, half), k = schlick(cos_half), alpha2 = s.alpha * s.alpha;
  Vec3 f90{s.dielectric_f90, s.dielectric_f90, s.dielectric_f90};
  Vec3 dielectric = mix(s.dielectric_f0, f90, k);
  Vec3 result = s.diffuse * ((1 - largest(dielectric)) * kInvPi);
  pdf = (1 - s.specular_chance) * in.z * kInvPi;
  if (s.specular_chance > 0) {
    Vec3 fresnel = mix(dielectric, mix(s.metal_f0, {1, 1, 1}, k), s.metallic);
    float density = ggx(alpha2, half.z), masking = smith(alpha2, out.z);
    result = result + fresnel * (density * masking * smith(alpha2, in.z) / (4 * in.z * out.z));
    pdf += s.specular_chance * density * masking / (4 * out.z);
  }
  return result * in.z;
}

// A visible GGX normal by spherical caps (Dupuy and Benyoub 2023).
inline Vec3 visible_normal(Vec3 out, float alpha, Pair u) {
  Vec3 stretched = normalized({out.x * alpha, out.y * alpha, out.z});
  float phi = 2 * kPi * u.x, z = (1 - u.y) * (1 + stretched.z) - stretched.z;
  float r = sqrtf(clampf(1 - z * z, 0, 1));
  Vec3 h = Vec3{r * cosf(phi), r * sinf(phi), z} + stretched;
  return normalized({h.x * alpha, h.y * alpha, maxf(h.z, 1e-7f)});
}

// A direction to go on in; pdf 0 means that the path ends here.
SONM_HOT inline SurfaceSample sample_surface(const Surface& s, Vec3 out, float lobe, Pair u) {
  SurfaceSample result{{0, 0, 1}, {0, 0, 0}, 0};
  if (lobe < s.specular_chance) {
    Vec3 half = visible_normal(out, s.alpha, u);
    result.direction = normalized(half * (2 * dot(half, out)) - out);
  } else {
    float r = sqrtf(u.x), phi = 2 * kPi * u.y;
    result.direction = {r * cosf(phi), r * sinf(phi), sqrtf(maxf(0, 1 - u.x))};
  }
  Vec3 f = evaluate(s, out, result.direction, result.pdf);
  if (result.pdf > 0) result.weight = f * (1 / result.pdf);
  return result;
}
