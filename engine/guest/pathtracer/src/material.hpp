// material.hpp: the surface of glTF 2.0 (appendix B of its specification) with
// KHR_materials_specular, ior, transmission, volume and clearcoat.
//
// A dielectric is a Fresnel mix of GGX reflection over diffuse, or over
// transmission; a metal is GGX reflection alone; a material blends the two,
// and a clear coat lies over all of it. Thin walls transmit without bending;
// bodies (KHR_materials_volume) refract by Snell's law with exact Fresnel
// terms, so that total reflection is right.
#pragma once

#include "sampler.hpp"
#include "shading.hpp"

// alpha below this is drawn as this: the GGX peak stays within float32.
constexpr float kMinAlpha = 1e-3f;
// Thin walls up to this roughness let light pass straight on, like holes.
constexpr float kClearRoughness = 0.02f;
constexpr float kCoatF0 = 0.04f;  // index of refraction 1.5

// A surface at one point, in the local frame where the normal is +z and the
// viewer is above it.
struct Surface {
  Vec3 diffuse;            // (1 - metallic) * (1 - transmission) * base colour
  Vec3 through;            // (1 - metallic) * transmission * base colour
  Vec3 dielectric_f0;
  float dielectric_f90;
  Vec3 metal_f0;
  float metallic;
  float alpha;             // roughness squared
  float eta;               // index beyond the surface / index on the viewer's side; 1 for thin walls
  float plain_f0;          // ((eta - 1) / (eta + 1))^2
  float coat = 0, coat_alpha = 1, coat_fresnel = 0;  // coat_fresnel: coat * F at the viewer's angle
  Vec3 coat_normal{0, 0, 1}, matte_normal{0, 0, 1};
  // How often sampling picks each lobe; they sum to 1 unless all is black.
  float coat_chance = 0, mirror_chance = 0, through_chance = 0, diffuse_chance = 0;

  bool transmits() const { return through_chance > 0; }
};

struct SurfaceSample {
  Vec3 direction, weight;  // weight = f * cosine / pdf
  float pdf;
};

inline float schlick(float cosine) {
  float c = clampf(1 - cosine, 0, 1), c2 = c * c;
  return c2 * c2 * c;
}

// Fresnel reflectance of unpolarized light at a boundary of dielectrics.
inline float fresnel(float cosine, float eta) {
  float sine2 = (1 - cosine * cosine) / (eta * eta);
  if (sine2 >= 1) return 1;
  float inner = sqrtf(1 - sine2);
  float parallel = (eta * cosine - inner) / (eta * cosine + inner), crossed = (cosine - eta * inner) / (cosine + eta * inner);
  return 0.5f * (parallel * parallel + crossed * crossed);
}

// How far reflection has risen from f0 to f90: Schlick's term, as glTF has it;
// the exact one where light also goes through, for total reflection needs it.
inline float rise(const Surface& s, float cosine) {
  if (s.eta == 1) return schlick(cosine);
  return clampf((fresnel(cosine, s.eta) - s.plain_f0) / (1 - s.plain_f0), 0, 1);
}

inline Vec3 dielectric_fresnel(const Surface& s, float cosine) {
  return mix(s.dielectric_f0, {s.dielectric_f90, s.dielectric_f90, s.dielectric_f90}, rise(s, cosine));
}

// Whether light passes the surface straight on, as through a hole.
inline bool clear_wall(const Material& m) { return m.transmission > 0 && m.thickness == 0 && m.roughness <= kClearRoughness; }

// The dielectric's f0 at normal incidence, by KHR_materials_ior and _specular.
inline Vec3 f0_of(const Material& m, const Shading& p) {
  float f0 = m.ior == 0 ? 1 : (m.ior - 1) * (m.ior - 1) / ((m.ior + 1) * (m.ior + 1));
  Vec3 c = p.specular_color * f0;
  return Vec3{minf(c.x, 1), minf(c.y, 1), minf(c.z, 1)} * p.specular;
}

// The surface that a viewer at cosine out_z to the normal sees.
SONM_HOT inline Surface make_surface(const Shading& p, const Frame& frame, Vec3 out) {
  const Material& m = *p.material;
  Surface s;
  float clear = m.transmission > 0 ? p.transmission : 0;
  s.diffuse = p.base * ((1 - p.metallic) * (1 - clear));
  s.through = {0, 0, 0};
  s.dielectric_f0 = f0_of(m, p);
  s.dielectric_f90 = p.specular;
  if (p.turned) s.matte_normal = frame.to_local(p.matte_normal);
  s.metal_f0 = p.base;
  s.metallic = p.metallic;
  s.alpha = maxf(p.roughness * p.roughness, kMinAlpha);
  s.eta = 1;
  s.plain_f0 = 0;
  if (clear > 0 && !clear_wall(m)) {
    s.through = p.base * ((1 - p.metallic) * clear);
    if (m.thickness > 0 && m.ior > 1.0001f) {
      s.eta = p.entering ? m.ior : 1 / m.ior;
      s.plain_f0 = (s.eta - 1) * (s.eta - 1) / ((s.eta + 1) * (s.eta + 1));
    }
  }
  float remaining = 1;
  if (m.coat > 0 && p.coat > 0) {
    s.coat = p.coat;
    s.coat_alpha = maxf(p.coat_roughness * p.coat_roughness, kMinAlpha);
    s.coat_normal = frame.to_local(p.coat_normal);
    s.coat_fresnel = p.coat * (kCoatF0 + (1 - kCoatF0) * schlick(dot(s.coat_normal, out)));
    remaining = 1 - s.coat_fresnel;
  }
  Vec3 dielectric = dielectric_fresnel(s, out.z);
  float below = 1 - largest(dielectric), metal = mix(luminance(p.base), 1, schlick(out.z));
  float matte = remaining * luminance(s.diffuse) * below, through = remaining * luminance(s.through) * below;
  float mirror = remaining * mix(luminance(dielectric), metal, p.metallic);
  if (matte > 0 && (p.metallic > 0 || p.specular > 0)) mirror = maxf(mirror, 0.1f * (mirror + matte));
  float total = s.coat_fresnel + mirror + matte + through;
  if (!(total > 0)) return s;
  s.coat_chance = s.coat_fresnel / total;
  s.mirror_chance = mirror / total;
  s.through_chance = through / total;
  s.diffuse_chance = matte / total;
  return s;
}

// Smith's masking of one direction, times 2 cos: G1 = 2c / (c + sqrt(a2 + (1 - a2) c2)).
inline float smith(float alpha2, float cosine) { return 2 * cosine / (cosine + sqrtf(alpha2 + (1 - alpha2) * cosine * cosine)); }

// The density of GGX normals around the half vector h; free of cancellation.
inline float ggx(float alpha2, Vec3 h) {
  float q = h.x * h.x + h.y * h.y + alpha2 * h.z * h.z;
  return alpha2 / (kPi * q * q);
}

// The light that passes below the coat.
inline float below_coat(const Surface& s) { return 1 - s.coat_fresnel; }

inline float coat_lobe(const Surface& s, Vec3 out, Vec3 in, float& pdf) {
  Frame frame(s.coat_normal);
  Vec3 o = frame.to_local(out), i = frame.to_local(in);
  pdf = 0;
  if (!(o.z > 1e-6f) || !(i.z > 1e-6f)) return 0;
  float alpha2 = s.coat_alpha * s.coat_alpha;
  Vec3 half = normalized(o + i);
  float lobe = ggx(alpha2, half) * smith(alpha2, o.z) / (4 * o.z);
  pdf = lobe;
  return s.coat_fresnel * lobe * smith(alpha2, i.z);  // times cosine, over 4 o.z i.z
}

// Transmission, for `in` below the surface: f * |cosine| and its density.
inline Vec3 through_lobe(const Surface& s, Vec3 out, Vec3 in, float& pdf) {
  float alpha2 = s.alpha * s.alpha;
  pdf = 0;
  if (s.eta == 1) {  // a thin wall, or an index of 1: reflection turned to the other side
    Vec3 mirrored{in.x, in.y, -in.z}, half = normalized(mirrored + out);
    float lobe = ggx(alpha2, half) * smith(alpha2, out.z) / (4 * out.z);
    pdf = lobe;
    return s.through * ((1 - largest(dielectric_fresnel(s, dot(out, half)))) * lobe * smith(alpha2, mirrored.z));
  }
  Vec3 half = normalized(out + in * s.eta);  // Walter et al. 2007, equation 16
  if (half.z < 0) half = -half;
  float o = dot(out, half), i = dot(in, half);
  if (!(o > 0) || !(i < 0)) return {0, 0, 0};
  float root = o + s.eta * i;
  float lobe = ggx(alpha2, half) * smith(alpha2, out.z) * o * s.eta * s.eta * -i / (out.z * root * root);
  pdf = lobe;
  return s.through * ((1 - largest(dielectric_fresnel(s, o))) * lobe * smith(alpha2, -in.z));
}

// f * |cosine| for light from `in` leaving to `out`, and the density with which
// sample_surface would have chosen `in`.
SONM_HOT inline Vec3 evaluate(const Surface& s, Vec3 out, Vec3 in, float& pdf) {
  pdf = 0;
  if (!(out.z > 1e-6f)) return {0, 0, 0};
  Vec3 result{0, 0, 0};
  if (in.z < -1e-6f) {
    if (!s.transmits()) return result;
    float density;
    result = through_lobe(s, out, in, density) * below_coat(s);
    pdf = s.through_chance * density;
  } else if (in.z > 1e-6f) {
    Vec3 dielectric{0, 0, 0};
    float matte = s.matte_normal.z < 1 ? maxf(dot(in, s.matte_normal), 0) : in.z;
    pdf = s.diffuse_chance * matte * kInvPi;
    if (s.mirror_chance > 0) {
      Vec3 half = normalized(in + out);
      float cos_half = dot(out, half), alpha2 = s.alpha * s.alpha;
      dielectric = dielectric_fresnel(s, cos_half);
      Vec3 reflected = s.metallic > 0 ? mix(dielectric, mix(s.metal_f0, {1, 1, 1}, schlick(cos_half)), s.metallic) : dielectric;
      float lobe = ggx(alpha2, half) * smith(alpha2, out.z) / (4 * out.z);
      result = reflected * (lobe * smith(alpha2, in.z));
      pdf += s.mirror_chance * lobe;
    }
    result = result + s.diffuse * ((1 - largest(dielectric)) * kInvPi * matte);
    if (s.coat > 0) result = result * below_coat(s);
  }
  if (s.coat > 0) {
    float density, lobe = coat_lobe(s, out, in, density);
    result = result + Vec3{lobe, lobe, lobe};
    pdf += s.coat_chance * density;
  }
  return result;
}

// A visible GGX normal by spherical caps (Dupuy and Benyoub 2023).
SONM_HOT inline Vec3 visible_normal(Vec3 out, float alpha, Pair u) {
  Vec3 stretched = normalized({out.x * alpha, out.y * alpha, out.z});
  Turn phi = turn(u.x);
  float z = (1 - u.y) * (1 + stretched.z) - stretched.z, r = sqrtf(clampf(1 - z * z, 0, 1));
  Vec3 h = Vec3{r * phi.cosine, r * phi.sine, z} + stretched;
  return normalized({h.x * alpha, h.y * alpha, maxf(h.z, 1e-7f)});
}

// The direction beyond a boundary, for out on the side of half; false if all
// light is reflected.
inline bool refracted(Vec3 out, Vec3 half, float eta, Vec3& direction) {
  float c = dot(out, half), k = 1 - (1 - c * c) / (eta * eta);
  if (!(k > 0)) return false;
  direction = normalized(half * (c / eta - sqrtf(k)) - out * (1 / eta));
  return true;
}

inline Vec3 mirrored(Vec3 out, Vec3 half) { return normalized(half * (2 * dot(half, out)) - out); }

// A direction to go on in; pdf 0 means that the path ends here.
SONM_HOT inline SurfaceSample sample_surface(const Surface& s, Vec3 out, float lobe, Pair u) {
  SurfaceSample result{{0, 0, 1}, {0, 0, 0}, 0};
  if (lobe < s.diffuse_chance) {
    float r = sqrtf(u.x);
    Turn phi = turn(u.y);
    result.direction = {r * phi.cosine, r * phi.sine, sqrtf(maxf(0, 1 - u.x))};
    if (s.matte_normal.z < 1) {
      result.direction = Frame(s.matte_normal).to_world(result.direction);
      if (!(result.direction.z > 0)) return result;
    }
  } else if ((lobe -= s.diffuse_chance) < s.coat_chance) {
    Frame frame(s.coat_normal);
    Vec3 o = frame.to_local(out);
    if (!(o.z > 0)) return result;
    Vec3 direction = mirrored(o, visible_normal(o, s.coat_alpha, u));
    if (!(direction.z > 0)) return result;
    result.direction = frame.to_world(direction);
  } else {
    Vec3 half = visible_normal(out, s.alpha, u);
    bool passes = (lobe -= s.coat_chance) < s.through_chance;
    if (!passes) {
      result.direction = mirrored(out, half);
    } else if (s.eta == 1) {
      result.direction = mirrored(out, half);
      result.direction.z = -result.direction.z;
    } else if (!refracted(out, half, s.eta, result.direction)) {
      return result;
    }
    // A lobe that has come out on the wrong side would be taken for another.
    if ((result.direction.z < 0) != passes) return result;
  }
  Vec3 f = evaluate(s, out, result.direction, result.pdf);
  if (result.pdf > 0) result.weight = f * (1 / result.pdf);
  return result;
}

// What passes straight on through a clear thin wall, per unit of light.
inline Vec3 clear_share(const Shading& p, Vec3 direction) {
  const Material& m = *p.material;
  Vec3 f0 = f0_of(m, p);
  float cosine = -dot(p.normal, direction), f = largest(mix(f0, {p.specular, p.specular, p.specular}, schlick(cosine)));
  float coat = m.coat > 0 ? 1 - p.coat * (kCoatF0 + (1 - kCoatF0) * schlick(-dot(p.coat_normal, direction))) : 1;
  return p.base * ((1 - p.metallic) * p.transmission * (1 - f) * coat);
}
