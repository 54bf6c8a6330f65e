// tracer.hpp: unidirectional path tracing with next-event estimation,
// multiple importance sampling and Russian roulette. No clamping.
#pragma once

#include "lights.hpp"
#include "material.hpp"
#include "shading.hpp"

// Paths are cut at random from this bounce on.
constexpr uint32_t kRouletteFrom = 3;

class Tracer {
 public:
  uint64_t rays = 0, shaded = 0;  // the work done: deterministic, and what is sold

  Tracer(const Scene& scene, const Lights& lights, uint32_t max_bounces) : scene_(scene), lights_(lights), shader_(scene), max_bounces_(max_bounces) {}

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
      Shading p = shader_.at(ray, hit);
      if (p.material->emits()) sum = sum + throughput * emitted(ray, hit, last_pdf);
      if (bounce > max_bounces_) return sum;
      shaded++;
      Frame frame(p.normal);
      Vec3 out = frame.to_local(-ray.direction);
      Surface surface = make_surface(p.base, p.metallic, p.roughness, p.specular, p.specular_color, out.z);
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

  // Light of a triangle that a ray ran into.
  Vec3 emitted(const Ray& ray, const Hit& hit, float last_pdf) const {
    const Instance& instance = scene_.instances[hit.instance];
    const Mesh& mesh = scene_.meshes[instance.mesh];
    Vec3 light = lights_.emission(mesh, hit.at.triangle, hit.at.u, hit.at.v);
    if (!(last_pdf > 0)) return light;
    return light * share(last_pdf, lights_.triangle_pdf(instance, mesh, hit.at.triangle, ray.direction, hit.at.t));
  }

  // Light that reaches the point straight from a sampled source.
  SONM_HOT Vec3 direct(const Shading& p, const Frame& frame, const Surface& surface, Vec3 out, float pick, Pair on_light) {
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
  Shader shader_;
  uint32_t max_bounces_;
};
