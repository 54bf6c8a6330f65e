// shading.hpp: what a ray met: the place, its normals, and the parameters of
// the material there, textures looked up.
#pragma once

#include "scene.hpp"

// A ray's meeting with the scene.
struct Hit {
  TriangleHit at;
  uint32_t instance = 0;
};

// A surface at one place, seen along a ray; all normals face the viewer.
struct Shading {
  Vec3 position, geometric, normal, coat_normal;
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
  explicit Shader(const Scene& scene) : scene_(scene) {
    if (!scene.bounds.empty()) slack_ = 2e-6f * length(scene.bounds.high - scene.bounds.low);
  }

  // How opaque the surface is there: 1, or the base colour's alpha under the
  // rules of its alpha mode. For surfaces that let nothing through: 1.
  float opacity(const Hit& hit) const {
    const Triangle& t = triangle_of(hit);
    const Material& m = scene_.materials[t.material];
    if (!m.lets_through()) return 1;
    float alpha = m.base_alpha;
    if (m.base_texture.image >= 0) {
      const Mesh& mesh = mesh_of(hit);
      Pair uv = texture_coordinates(mesh, t, hit, m.base_texture);
      alpha *= look_up(scene_.images[size_t(m.base_texture.image)], m.base_texture, uv.x, uv.y, nullptr).channel[3];
    }
    if (m.alpha_mode == AlphaMode::mask) return alpha >= m.alpha_cutoff ? 1 : 0;
    return clampf(alpha, 0, 1);
  }

  // What the surface sends out by itself there, holes taken into account.
  Vec3 emission(const Hit& hit) const {
    const Material& m = material_of(hit);
    Vec3 light = m.emission;
    if (m.emission_texture.image >= 0) {
      Texel c = texel(mesh_of(hit), triangle_of(hit), hit, m.emission_texture, true);
      light = light * Vec3{c.channel[0], c.channel[1], c.channel[2]};
    }
    return light;
  }

  const Material& material_of(const Hit& hit) const { return scene_.materials[triangle_of(hit).material]; }

  SONM_HOT Shading at(const Ray& ray, const Hit& hit) const {
    const Instance& instance = scene_.instances[hit.instance];
    const Mesh& mesh = scene_.meshes[instance.mesh];
    const Triangle& t = mesh.triangles[hit.at.triangle];
    float w[3] = {1 - hit.at.u - hit.at.v, hit.at.u, hit.at.v};
    Vec3 a = mesh.positions[t.vertex[0]], b = mesh.positions[t.vertex[1]], c = mesh.positions[t.vertex[2]];
    Shading s;
    s.material = &scene_.materials[t.material];
    s.position = instance.to_world.point(a * w[0] + b * w[1] + c * w[2]);
    s.geometric = normalized(instance.to_world.normal(normalized(cross(b - a, c - a))));
    s.entering = !(dot(s.geometric, ray.direction) > 0);
    if (!s.entering) s.geometric = -s.geometric;
    s.offset = 8e-6f * maxf(fabsf(s.position.x), maxf(fabsf(s.position.y), fabsf(s.position.z))) + slack_;
    s.normal = s.geometric;
    if (!mesh.normals.empty()) {
      Vec3 n = mesh.normals[t.vertex[0]] * w[0] + mesh.normals[t.vertex[1]] * w[1] + mesh.normals[t.vertex[2]] * w[2];
      s.normal = normalized(instance.to_world.normal(n), s.geometric);
      if (dot(s.normal, s.geometric) < 0) s.normal = -s.normal;
    }
    s.coat_normal = s.normal;
    const Material& m = *s.material;
    if (m.normal_texture.image >= 0) s.normal = bent(s.normal, m.normal_texture, m.normal_scale, instance, mesh, t, hit);
    s.normal = tipped(s.normal, s.geometric, ray.direction);
    parameters(s, mesh, t, hit);
    if (m.coat > 0) {
      if (m.coat_normal_texture.image >= 0) s.coat_normal = bent(s.coat_normal, m.coat_normal_texture, m.coat_normal_scale, instance, mesh, t, hit);
      s.coat_normal = tipped(s.coat_normal, s.geometric, ray.direction);
    }
    return s;
  }

 private:
  const Mesh& mesh_of(const Hit& hit) const { return scene_.meshes[scene_.instances[hit.instance].mesh]; }
  const Triangle& triangle_of(const Hit& hit) const { return mesh_of(hit).triangles[hit.at.triangle]; }

  static Pair texture_coordinates(const Mesh& mesh, const Triangle& t, const Hit& hit, const Texture&) {
    Pair uv{0, 0};
    if (mesh.uvs.empty()) return uv;
    float w[3] = {1 - hit.at.u - hit.at.v, hit.at.u, hit.at.v};
    for (int k = 0; k < 3; k++) {
      uv.x += w[k] * mesh.uvs[size_t(t.vertex[k]) * 2];
      uv.y += w[k] * mesh.uvs[size_t(t.vertex[k]) * 2 + 1];
    }
    return uv;
  }

  Texel texel(const Mesh& mesh, const Triangle& t, const Hit& hit, const Texture& texture, bool srgb) const {
    Pair uv = texture_coordinates(mesh, t, hit, texture);
    return look_up(scene_.images[size_t(texture.image)], texture, uv.x, uv.y, srgb ? &scene_.srgb : nullptr);
  }

  // A normal bent away from the viewer is tipped back until it faces them.
  static Vec3 tipped(Vec3 normal, Vec3 geometric, Vec3 direction) {
    float facing = -dot(normal, direction);
    if (facing >= 1e-3f) return normal;
    return normalized(normal - direction * (1e-3f - facing), geometric);
  }

  // The normal bent by a normal map. The tangent runs along u; glTF's maps have
  // +Y up, and v runs down the picture.
  Vec3 bent(Vec3 normal, const Texture& texture, float scale, const Instance& instance, const Mesh& mesh, const Triangle& t, const Hit& hit) const {
    if (mesh.uvs.empty()) return normal;
    const float* uv0 = &mesh.uvs[size_t(t.vertex[0]) * 2];
    const float* uv1 = &mesh.uvs[size_t(t.vertex[1]) * 2];
    const float* uv2 = &mesh.uvs[size_t(t.vertex[2]) * 2];
    float du1 = uv1[0] - uv0[0], dv1 = uv1[1] - uv0[1], du2 = uv2[0] - uv0[0], dv2 = uv2[1] - uv0[1];
    float determinant = du1 * dv2 - du2 * dv1;
    if (determinant == 0 || !finite(determinant)) return normal;
    Vec3 a = mesh.positions[t.vertex[0]];
    Vec3 e1 = instance.to_world.vector(mesh.positions[t.vertex[1]] - a), e2 = instance.to_world.vector(mesh.positions[t.vertex[2]] - a);
    float sign = determinant < 0 ? -1.0f : 1.0f;
    Vec3 along_u = (e1 * dv2 - e2 * dv1) * sign, along_v = (e2 * du1 - e1 * du2) * sign;
    Vec3 tangent = along_u - normal * dot(along_u, normal);
    if (!(dot(tangent, tangent) > 0)) return normal;
    tangent = normalized(tangent);
    Vec3 bitangent = cross(normal, tangent);
    if (dot(bitangent, along_v) > 0) bitangent = -bitangent;
    Texel map = texel(mesh, t, hit, texture, false);
    float x = (map.channel[0] * 2 - 1) * scale, y = (map.channel[1] * 2 - 1) * scale;
    return normalized(tangent * x + bitangent * y + normal * (map.channel[2] * 2 - 1), normal);
  }

  void parameters(Shading& s, const Mesh& mesh, const Triangle& t, const Hit& hit) const {
    const Material& m = *s.material;
    s.base = m.base_color;
    s.metallic = m.metallic;
    s.roughness = m.roughness;
    s.specular = m.specular;
    s.specular_color = m.specular_color;
    s.transmission = m.transmission;
    s.coat = m.coat;
    s.coat_roughness = m.coat_roughness;
    if (m.base_texture.image >= 0) {
      Texel c = texel(mesh, t, hit, m.base_texture, true);
      s.base = s.base * Vec3{c.channel[0], c.channel[1], c.channel[2]};
    }
    if (m.roughness_texture.image >= 0) {
      Texel c = texel(mesh, t, hit, m.roughness_texture, false);
      s.roughness *= c.channel[1];
      s.metallic *= c.channel[2];
    }
    if (m.specular_texture.image >= 0) s.specular *= texel(mesh, t, hit, m.specular_texture, false).channel[3];
    if (m.specular_color_texture.image >= 0) {
      Texel c = texel(mesh, t, hit, m.specular_color_texture, true);
      s.specular_color = s.specular_color * Vec3{c.channel[0], c.channel[1], c.channel[2]};
    }
    if (m.transmission_texture.image >= 0) s.transmission *= texel(mesh, t, hit, m.transmission_texture, false).channel[0];
    if (m.coat_texture.image >= 0) s.coat *= texel(mesh, t, hit, m.coat_texture, false).channel[0];
    if (m.coat_roughness_texture.image >= 0) s.coat_roughness *= texel(mesh, t, hit, m.coat_roughness_texture, false).channel[1];
  }

  const Scene& scene_;
  float slack_ = 0;
};
