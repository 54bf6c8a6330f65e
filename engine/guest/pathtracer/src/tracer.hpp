// tracer.hpp: unidirectional path tracing with next-event estimation,
// multiple importance sampling and Russian roulette. No clamping.
#pragma once

#include "lights.hpp"
#include "material.hpp"

// Paths are cut at random from this bounce on.
constexpr uint32_t kRouletteFrom = 3;

class Tracer {
 public:
  uint64_t rays = 0, shaded = 0;  // the work done: deterministic, and what is sold

  Tracer(const Scene& scene, const Lights& lights, uint32_t max_bounces) : scene_(scene), lights_(lights), max_bounces_(max_bounces) {
    if (!scene.bounds.empty()) slack_ = 2e-6f * length(scene.bounds.high - scene.bounds.low);
  }

  // What arrives along a camera ray.
  Vec3 radiance(Ray ray, Sampler& sampler) {
    Vec3 sum{0, 0, 0}, throughput{1, 1, 1};
    float last_pdf = 0;  // 0: the camera, which no light sampling competes with
    for (uint32_t bounce = 0;; bounce++) {
      Hit hit;
      if (!nearest(ray, hit)) {
        float weight = last_pdf > 0 ? share(last_pdf, lights_.sky_pdf(ray.direction)) : 1;
        return sum + throughput * lights_.sky.radiance(ray.direction) * weight;
      }
      Point p = point_of(ray, hit);
      if (p.material->emits()) sum = sum + throughput * emitted(ray, hit, last_pdf);
      if (bounce > max_bounces_) return sum;
      shaded++;
      Frame frame(p.normal);
      Vec3 out = frame.to_local(-ray.direction);
      Surface surface = surface_at(p, out.z);
      Pair choice = sampler.pair();  // which light, which lobe
      Pair on_light = sampler.pair();
      if (lights_.any()) sum = sum + throughput * direct(p, frame, surface, out, choice.x, on_light);
      SurfaceSample next = sample_surface(surface, out, choice.y, sampler.pair());
      Vec3 direction = frame.to_world(next.direction);
      if (!(next.pdf > 0) || !(dot(direction, p.geometric) > 0)) return sum;
      throughput = throughput * next.weight;
      if (bounce >= kRouletteFrom) {
        float survive = minf(0.95f, largest(throughput));
        if (!(sampler.single() < survive)) return sum;
        throughput = throughput * (1 / survive);
      }
      last_pdf = next.pdf;
      ray = {p.position + p.geometric * p.offset, normalized(direction)};
    }
  }

 private:
  struct Hit {
    TriangleHit at;
    uint32_t instance = 0;
  };
  // A place on a surface, seen along a ray; both normals face the viewer.
  struct Point {
    Vec3 position, geometric, normal;
    float offset;
    float u, v;
    const Material* material;
  };

  // The power heuristic: how much of a light found in two ways counts here.
  static float share(float mine, float other) {
    float ratio = other / mine;
    return 1 / (1 + ratio * ratio);
  }

  template <bool any>
  bool cast(const Ray& ray, Hit& hit) {
    rays++;
    bool found = false;
    walk(scene_.tree.nodes, ray, hit.at.t, [&](uint32_t leaf) {
      uint32_t index = scene_.tree.leaf_instance[leaf];
      const Instance& instance = scene_.instances[index];
      Ray local{instance.to_object.point(ray.origin), instance.to_object.vector(ray.direction)};
      if (!scene_.meshes[instance.mesh].tree.intersect<any>(local, hit.at)) return false;
      hit.instance = index;
      found = true;
      return any;
    });
    return found;
  }

  bool nearest(const Ray& ray, Hit& hit) { return cast<false>(ray, hit); }

  bool blocked(const Ray& ray, float distance) {
    Hit hit;
    hit.at.t = distance;
    return cast<true>(ray, hit);
  }

  SONM_HOT Point point_of(const Ray& ray, const Hit& hit) const {
    const Instance& instance = scene_.instances[hit.instance];
    const Mesh& mesh = scene_.meshes[instance.mesh];
    const Triangle& t = mesh.triangles[hit.at.triangle];
    float w[3] = {1 - hit.at.u - hit.at.v, hit.at.u, hit.at.v};
    Vec3 a = mesh.positions[t.vertex[0]], b = mesh.positions[t.vertex[1]], c = mesh.positions[t.vertex[2]];
    Point p;
    p.material = &scene_.materials[t.material];
    p.position = instance.to_world.point(a * w[0] + b * w[1] + c * w[2]);
    p.geometric = normalized(instance.to_world.normal(normalized(cross(b - a, c - a))));
    if (dot(p.geometric, ray.direction) > 0) p.geometric = -p.geometric;
    p.offset = 8e-6f * maxf(fabsf(p.position.x), maxf(fabsf(p.position.y), fabsf(p.position.z))) + slack_;
    p.normal = p.geometric;
    if (!mesh.normals.empty()) {
      Vec3 n = mesh.normals[t.vertex[0]] * w[0] + mesh.normals[t.vertex[1]] * w[1] + mesh.normals[t.vertex[2]] * w[2];
      p.normal = normalized(instance.to_world.normal(n), p.geometric);
      if (dot(p.normal, p.geometric) < 0) p.normal = -p.normal;
    }
    p.u = p.v = 0;
    for (int k = 0; k < 3 && !mesh.uvs.empty(); k++) {
      p.u += w[k] * mesh.uvs[size_t(t.vertex[k]) * 2];
      p.v += w[k] * mesh.uvs[size_t(t.vertex[k]) * 2 + 1];
    }
    if (p.material->normal_texture.image >= 0 && !mesh.uvs.empty()) bump(p, instance, mesh, t);
    // A normal bent away from the viewer is tipped back until it faces them.
    float facing = -dot(p.normal, ray.direction);
    if (facing < 1e-3f) p.normal = normalized(p.normal - ray.direction * (1e-3f - facing), p.geometric);
    return p;
  }

  // Bends the normal by the normal map. The tangent runs along u; glTF's maps
  // have +Y up, and v runs down the picture.
  void bump(Point& p, const Instance& instance, const Mesh& mesh, const Triangle& t) const {
    const float* uv0 = &mesh.uvs[size_t(t.vertex[0]) * 2];
    const float* uv1 = &mesh.uvs[size_t(t.vertex[1]) * 2];
    const float* uv2 = &mesh.uvs[size_t(t.vertex[2]) * 2];
    float du1 = uv1[0] - uv0[0], dv1 = uv1[1] - uv0[1], du2 = uv2[0] - uv0[0], dv2 = uv2[1] - uv0[1];
    float determinant = du1 * dv2 - du2 * dv1;
    if (determinant == 0 || !finite(determinant)) return;
    Vec3 a = mesh.positions[t.vertex[0]];
    Vec3 e1 = instance.to_world.vector(mesh.positions[t.vertex[1]] - a), e2 = instance.to_world.vector(mesh.positions[t.vertex[2]] - a);
    float sign = determinant < 0 ? -1.0f : 1.0f;
    Vec3 along_u = (e1 * dv2 - e2 * dv1) * sign, along_v = (e2 * du1 - e1 * du2) * sign;
    Vec3 tangent = along_u - p.normal * dot(along_u, p.normal);
    if (!(dot(tangent, tangent) > 0)) return;
    tangent = normalized(tangent);
    Vec3 bitangent = cross(p.normal, tangent);
    if (dot(bitangent, along_v) > 0) bitangent = -bitangent;
    const Material& m = *p.material;
    Texel texel = look_up(scene_.images[size_t(m.normal_texture.image)], m.normal_texture, p.u, p.v, nullptr);
    float x = (texel.channel[0] * 2 - 1) * m.normal_scale, y = (texel.channel[1] * 2 - 1) * m.normal_scale;
    p.normal = normalized(tangent * x + bitangent * y + p.normal * (texel.channel[2] * 2 - 1), p.normal);
  }

  Surface surface_at(const Point& p, float cos_out) const {
    const Material& m = *p.material;
    Vec3 base = m.base_color;
    float metallic = m.metallic, roughness = m.roughness;
    if (m.base_texture.image >= 0) {
      Texel texel = look_up(scene_.images[size_t(m.base_texture.image)], m.base_texture, p.u, p.v, &scene_.srgb);
      base = base * Vec3{texel.channel[0], texel.channel[1], texel.channel[2]};
    }
    if (m.roughness_texture.image >= 0) {  // green is roughness, blue is metallic
      Texel texel = look_up(scene_.images[size_t(m.roughness_texture.image)], m.roughness_texture, p.u, p.v, nullptr);
      roughness *= texel.channel[1];
      metallic *= texel.channel[2];
    }
    return make_surface(base, metallic, roughness, m.specular, m.specular_color, cos_out);
  }

  // Light of a triangle that a ray ran into.
  Vec3 emitted(const Ray& ray, const Hit& hit, float last_pdf) const {
    const Instance& instance = scene_.instances[hit.instance];
    const Mesh& mesh = scene_.meshes[instance.mesh];
    Vec3 light = lights_.emission(mesh, hit.at.triangle, hit.at.u, hit.at.v);
    if (!(last_pdf > 0)) return light;
    return light * share(last_pdf, lights_.triangle_pdf(instance, mesh, hit.at.triangle, ray.direction, hit.at.t));
  }

  // Light that reaches the point straight from a sampled source.
  SONM_HOT Vec3 direct(const Point& p, const Frame& frame, const Surface& surface, Vec3 out, float pick, Pair on_light) {
    Vec3 origin = p.position + p.geometric * p.offset;
    LightSample light = lights_.sample(origin, pick, on_light);
    if (!(light.pdf > 0) || black(light.radiance) || !(dot(light.direction, p.geometric) > 0)) return {0, 0, 0};
    float pdf;
    Vec3 f = evaluate(surface, out, frame.to_local(light.direction), pdf);
    if (black(f)) return {0, 0, 0};
    if (blocked({origin, light.direction}, light.distance * 0.9999f)) return {0, 0, 0};
    if (light.delta) return f * light.radiance;
    return f * light.radiance * (share(light.pdf, pdf) / light.pdf);
  }

  const Scene& scene_;
  const Lights& lights_;
  uint32_t max_bounces_;
  float slack_ = 0;
};
