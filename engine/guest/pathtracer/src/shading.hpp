// shading.hpp: what a ray met: the place, its normals, and the parameters of
// the material there, textures looked up.
#pragma once

#include "tangents.hpp"

// A ray's meeting with the scene.
struct Hit {
  TriangleHit at;
  uint32_t instance = 0;
};

// A surface at one place, seen along a ray; all normals face the viewer.
struct Shading {
  Vec3 position, geometric, normal, coat_normal;
  bool turned;        // normal is, for the sake of the mirror image;
  Vec3 matte_normal;  // then this is that of the diffuse part
  float offset;   // how far a new ray must start from the surface
  bool entering;  // the ray comes from the front side of the triangle
  const Material* material;
  Vec3 base;
  float metallic, roughness;
  float specular;
  Vec3 specular_color;
  float transmission;
  float coat, coat_roughness;
};

class Shader {
 public:
  explicit Shader(const Scene& scene) : scene_(scene) {}

  // How opaque the surface is there: 1, or the base colour's alpha under the
  // rules of its alpha mode. For surfaces that let nothing through: 1.
  float opacity(const Hit& hit) const {
    const Mesh& mesh = mesh_of(hit);
    const Triangle& t = mesh.triangles[hit.at.triangle];
    const Material& m = scene_.materials[t.material];
    if (!m.lets_through()) return 1;
    Corners at(hit.at.u, hit.at.v);
    float alpha = m.base_alpha * color_at(mesh, t, at, 3);
    if (m.base_texture.image >= 0) alpha *= texel(mesh, t, at, m.base_texture, false).channel[3];
    if (m.alpha_mode == AlphaMode::mask) return alpha >= m.alpha_cutoff ? 1 : 0;
    return clampf(alpha, 0, 1);
  }

  // What the surface sends out by itself there, as far as it is opaque.
  SONM_HOT Vec3 emission(const Hit& hit) const {
    const Material& m = material_of(hit);
    Vec3 light = m.emission;
    if (m.emission_texture.image >= 0) {
      Texel c = texel(mesh_of(hit), triangle_of(hit), Corners(hit.at.u, hit.at.v), m.emission_texture, true);
      light = light * Vec3{c.channel[0], c.channel[1], c.channel[2]};
    }
    return light;
  }

  const Material& material_of(const Hit& hit) const { return scene_.materials[triangle_of(hit).material]; }

  SONM_HOT Shading at(const Ray& ray, const Hit& hit) const {
    const Instance& instance = scene_.instances[hit.instance];
    const Mesh& mesh = scene_.meshes[instance.mesh];
    const Triangle& t = mesh.triangles[hit.at.triangle];
    const Corners at(hit.at.u, hit.at.v);
    Vec3 a = mesh.positions[t.vertex[0]], b = mesh.positions[t.vertex[1]], c = mesh.positions[t.vertex[2]];
    Shading s;
    s.material = &scene_.materials[t.material];
    s.position = instance.to_world.point(a * at.weight[0] + b * at.weight[1] + c * at.weight[2]);
    Vec3 face = normalized(cross(b - a, c - a));
    s.geometric = world_normal(instance, face, {0, 0, 1});
    float along = dot(s.geometric, ray.direction), facing = fabsf(along);
    s.entering = !(along > 0);
    if (!s.entering) s.geometric = -s.geometric;
    s.offset = instance.fixed ? t.clearance : instance.clearance;
    Vec3 smooth = face, normal = s.entering ? s.geometric : -s.geometric;
    if (!mesh.normals.empty()) {
      smooth = normalized(interpolated(mesh.normals, t, at), face);
      normal = world_normal(instance, smooth, normal);
    }
    bool flipped = dot(normal, s.geometric) < 0;
    s.normal = flipped ? -normal : normal;
    s.coat_normal = s.normal;
    const Material& m = *s.material;
    auto bent = [&](const Texture& texture, float scale, bool apart) {
      Vec3 n = world_normal(instance, bent_normal(smooth, texture, scale, apart, mesh, t, at), normal);
      return flipped ? -n : n;
    };
    if (m.normal_texture.image >= 0) s.normal = bent(m.normal_texture, m.normal_scale, false);
    s.turned = false;
    if (!mesh.normals.empty() || m.normal_texture.image >= 0) {
      s.matte_normal = s.normal = tipped(s.normal, s.geometric, ray.direction);
      s.turned = lift(s.normal, s.geometric, ray.direction, facing);
    }
    parameters(s, mesh, t, at);
    if (m.coat > 0) {
      if (m.coat_normal_texture.image >= 0) s.coat_normal = bent(m.coat_normal_texture, m.coat_normal_scale, m.coat_lies_apart());
      s.coat_normal = tipped(s.coat_normal, s.geometric, ray.direction);
      lift(s.coat_normal, s.geometric, ray.direction, facing);
    }
    return s;
  }

  // How far above a place on a triangle light from a direction below it meets the
  // curved surface that the vertex normals describe, {0, 0, 0} if it does not: the
  // Phong tessellation of Boubekeur and Alexa (2008). Without it, coarse meshes
  // show their triangles where the light begins to graze them (Hanika 2021).
  // Seldom needed: all by value, as what is referred to leaves its registers.
  __attribute__((noinline)) Vec3 curvature(Hit hit, bool entering, Vec3 position, Vec3 geometric, float offset, Vec3 direction) const {
    const Instance& instance = scene_.instances[hit.instance];
    const Mesh& mesh = scene_.meshes[instance.mesh];
    if (mesh.normals.empty()) return {0, 0, 0};
    const Triangle& t = mesh.triangles[hit.at.triangle];
    const Corners at(hit.at.u, hit.at.v);
    Vec3 smooth{0, 0, 0}, rise{0, 0, 0};
    float size = 0;
    for (int k = 0; k < 3; k++) {
      Vec3 n = world_normal(instance, mesh.normals[t.vertex[k]], {0, 0, 0});
      if (!entering) n = -n;
      smooth = smooth + n * at.weight[k];
      Vec3 from = position - instance.to_world.point(mesh.positions[t.vertex[k]]);
      rise = rise - n * (dot(from, n) * at.weight[k]);
      size = maxf(size, dot(from, from));
    }
    bool flat = !(dot(rise, geometric) > maxf(offset, 1e-5f * sqrtf(size)));  // but for rounding
    return flat || !(dot(smooth, direction) > 0) ? Vec3{0, 0, 0} : rise;
  }

  // Where a ray starts that leaves a surface in a direction, at a height above
  // the plane of its normal; false if the surface is in its way.
  SONM_HOT bool leave(const Hit& hit, const Shading& s, Vec3 direction, float height, Vec3& start) const {
    float side = dot(direction, s.geometric);
    start = s.position + s.geometric * (side > 0 ? s.offset : -s.offset);
    if ((side > 0) == (height > 0)) return true;
    if (!(height > 0)) return false;
    Vec3 rise = curvature(hit, s.entering, s.position, s.geometric, s.offset, direction);
    start = s.position + rise;
    return dot(rise, rise) > 0;
  }

 private:
  const Mesh& mesh_of(const Hit& hit) const { return scene_.meshes[scene_.instances[hit.instance].mesh]; }
  const Triangle& triangle_of(const Hit& hit) const { return mesh_of(hit).triangles[hit.at.triangle]; }

  Texel texel(const Mesh& mesh, const Triangle& t, const Corners& at, const Texture& texture, bool srgb) const {
    Pair uv = uv_at(mesh, t, at, texture);
    return look_up(scene_.images[size_t(texture.image)], texture, uv.x, uv.y, srgb ? &scene_.srgb : nullptr);
  }

  SONM_HOT static Vec3 interpolated(const std::vector<Vec3>& values, const Triangle& t, const Corners& at) {
    return values[t.vertex[0]] * at.weight[0] + values[t.vertex[1]] * at.weight[1] + values[t.vertex[2]] * at.weight[2];
  }

  // A normal of the mesh in the world, on the side that is the front there.
  SONM_HOT static Vec3 world_normal(const Instance& instance, Vec3 n, Vec3 otherwise) {
    n = instance.to_world.normal(n);
    return normalized(instance.mirrored ? -n : n, otherwise);
  }

  // A normal bent away from the viewer is tipped back until it faces them.
  SONM_HOT static Vec3 tipped(Vec3 normal, Vec3 geometric, Vec3 direction) {
    float facing = -dot(normal, direction);
    if (facing >= 1e-3f) return normal;
    return normalized(normal - direction * (1e-3f - facing), geometric);
  }

  // Turns a normal that mirrors the viewer below the surface until the mirror
  // image skims it, so that coarse meshes and normal maps have no black rims:
  // to the half vector of the viewer and the lifted mirror direction.
  SONM_HOT static bool lift(Vec3& normal, Vec3 geometric, Vec3 direction, float facing) {
    float bent = 2 * dot(normal, direction), height = -bent * dot(normal, geometric) - facing, least = minf(0.01f, 0.9f * facing);
    if (!(height < least)) return false;
    Vec3 mirror = direction - normal * bent;
    normal = normalized(normalized(mirror + geometric * (least - height)) - direction, geometric);
    return true;
  }

  // The mesh's own normal bent by a normal map; apart if the computed tangents are
  // those of another.
  Vec3 bent_normal(Vec3 normal, const Texture& texture, float scale, bool apart, const Mesh& mesh, const Triangle& t, const Corners& at) const {
    Vec3 tangent, bitangent;
    if (!vertex_frame(normal, apart, mesh, t, at, tangent, bitangent) && !uv_frame(normal, texture, mesh, t, tangent, bitangent)) return normal;
    Texel map = texel(mesh, t, at, texture, false);
    float x = (map.channel[0] * 2 - 1) * scale, y = (map.channel[1] * 2 - 1) * scale;
    return normalized(tangent * x + bitangent * y + normal * (map.channel[2] * 2 - 1), normal);
  }

  // The frame that the tangents of the vertices give, if there are any.
  static bool vertex_frame(Vec3 normal, bool apart, const Mesh& mesh, const Triangle& t, const Corners& at, Vec3& tangent, Vec3& bitangent) {
    if (mesh.tangents.empty()) return false;
    Vec3 sum{0, 0, 0};
    for (int k = 0; k < 3; k++) {
      const int16_t* p = &mesh.tangents[size_t(t.vertex[k]) * 4];
      sum = sum + Vec3{float(p[0]), float(p[1]), float(p[2])} * at.weight[k];
    }
    int hand = mesh.tangents[size_t(t.vertex[0]) * 4 + 3];
    tangent = sum - normal * dot(sum, normal);
    if (hand == 0 || (apart && abs(hand) == kComputedHand) || !(dot(tangent, tangent) > 0)) return false;
    tangent = normalized(tangent);
    bitangent = cross(normal, tangent) * (hand < 0 ? -1.0f : 1.0f);
    return true;
  }

  // The frame along the transformed texture coordinates: the tangent runs along
  // u; glTF's maps have +Y up, and v runs down the picture.
  static bool uv_frame(Vec3 normal, const Texture& texture, const Mesh& mesh, const Triangle& t, Vec3& tangent, Vec3& bitangent) {
    if (mesh.uvs[texture.uv_set].empty()) return false;
    UvSlope slope = uv_slope(mesh, t, texture);
    if (slope.determinant == 0 || !finite(slope.determinant)) return false;
    tangent = slope.along_u - normal * dot(slope.along_u, normal);
    if (!(dot(tangent, tangent) > 0)) return false;
    tangent = normalized(tangent);
    bitangent = cross(normal, tangent);
    if (dot(bitangent, slope.along_v) > 0) bitangent = -bitangent;
    return true;
  }

  SONM_HOT void parameters(Shading& s, const Mesh& mesh, const Triangle& t, const Corners& at) const {
    const Material& m = *s.material;
    s.base = m.base_color;
    if (!mesh.colors.empty()) s.base = s.base * Vec3{color_at(mesh, t, at, 0), color_at(mesh, t, at, 1), color_at(mesh, t, at, 2)};
    s.metallic = m.metallic;
    s.roughness = m.roughness;
    s.specular = m.specular;
    s.specular_color = m.specular_color;
    s.transmission = m.transmission;
    s.coat = m.coat;
    s.coat_roughness = m.coat_roughness;
    if (m.base_texture.image >= 0) {
      Texel c = texel(mesh, t, at, m.base_texture, true);
      s.base = s.base * Vec3{c.channel[0], c.channel[1], c.channel[2]};
    }
    if (m.roughness_texture.image >= 0) {
      Texel c = texel(mesh, t, at, m.roughness_texture, false);
      s.roughness *= c.channel[1];
      s.metallic *= c.channel[2];
    }
    if (m.gloss_texture.image >= 0) s.roughness = 1 - (1 - s.roughness) * texel(mesh, t, at, m.gloss_texture, false).channel[3];
    if (m.specular_texture.image >= 0) s.specular *= texel(mesh, t, at, m.specular_texture, false).channel[3];
    if (m.specular_color_texture.image >= 0) {
      Texel c = texel(mesh, t, at, m.specular_color_texture, true);
      s.specular_color = s.specular_color * Vec3{c.channel[0], c.channel[1], c.channel[2]};
    }
    if (m.transmission_texture.image >= 0) s.transmission *= texel(mesh, t, at, m.transmission_texture, false).channel[0];
    if (m.coat_texture.image >= 0) s.coat *= texel(mesh, t, at, m.coat_texture, false).channel[0];
    if (m.coat_roughness_texture.image >= 0) s.coat_roughness *= texel(mesh, t, at, m.coat_roughness_texture, false).channel[1];
  }

  const Scene& scene_;
};
