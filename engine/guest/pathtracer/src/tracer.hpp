// tracer.hpp: unidirectional path tracing with next-event estimation,
// multiple importance sampling and Russian roulette. No clamping.
#pragma once

#include "lights.hpp"
#include "material.hpp"
#include "trees.hpp"

// Paths are cut at random from this bounce on. The root of what a path still
// carries is its chance to go on: half way, in stops, between no roulette and
// one that makes all paths alike; measured best of the three.
constexpr uint32_t kRouletteFrom = 3;
// Holes and clear walls that a ray passes before it is stopped.
constexpr uint32_t kMaxPasses = 64;
// Bodies within bodies whose absorption a path remembers; it counts the others.
constexpr int kMaxNested = 4;

// What guides a denoiser, for one camera ray; depth along the viewing axis.
struct Features {
  Vec3 albedo{0, 0, 0}, normal{0, 0, 0};
  float depth = 0, coverage = 0;
};

class Tracer {
 public:
  uint64_t rays = 0, shaded = 0;  // the work done: deterministic, and what is sold

  Tracer(const Scene& scene, const Lights& lights, uint32_t max_bounces) : scene_(scene), lights_(lights), shader_(scene), max_bounces_(max_bounces) {
    for (const Material& m : scene.materials) see_through_ = see_through_ || passable(m);
  }

  // What arrives along a camera ray. The first bounce uses pairs 1 to 3 of the
  // draw that the ray was made with, later ones all four of their own: where
  // to go on, which light and lobe, where on the light, roulette.
  SONM_HOT Vec3 radiance(Ray ray, Draws draws, Sampler& sampler) {
    Vec3 sum{0, 0, 0}, throughput{1, 1, 1};
    float last_pdf = 0;  // 0: the camera, which no light sampling competes with
    float travelled = 0;  // since the last bounce
    Gatherer from;        // where that was
    Body body;
    for (uint32_t bounce = 0, passes = 0;;) {
      Hit hit;
      if (!nearest(ray, hit)) {
        float weight = last_pdf > 0 ? share(last_pdf, lights_.sky_pdf(from, ray.direction)) : 1;
        return sum + throughput * lights_.sky.radiance(ray.direction) * weight;
      }
      travelled += hit.at.t;
      if (body.depth) throughput = throughput * body.transmittance(hit.at.t);
      const Material& material = shader_.material_of(hit);
      if (passable(material)) {
        Passage p = passage(ray, hit, bounce == 0);
        sum = sum + throughput * p.own;
        float onward = clampf(largest(p.share), 0, 1);
        if (sampler.draw().x[0] < onward) {
          if (++passes > kMaxPasses) return sum;
          throughput = throughput * p.share * (1 / onward);
          ray.origin = p.beyond;
          continue;
        }
        if (p.ends) return sum;
        throughput = throughput * (p.opacity / (1 - onward));
      }
      if (material.emits()) {
        Vec3 light = lights_.emission(hit);
        if (last_pdf > 0) light = light * share(last_pdf, lights_.triangle_pdf(from, hit, ray.direction, travelled));
        sum = sum + throughput * light;
      }
      if (bounce++ > max_bounces_) return sum;
      if (bounce > 1) draws = sampler.draw();
      shaded++;
      Shading p = shader_.at(ray, hit);
      Frame frame(p.normal);
      Vec3 out = frame.to_local(-ray.direction);
      Surface surface = make_surface(p, frame, out);
      if (lights_.any()) {
        from = lights_.gatherer(p.position + p.geometric * p.offset, p.normal, surface.transmits() || material.coat_normal_texture.image >= 0);
        sum = sum + throughput * direct(hit, p, frame, surface, out, from, draws);
      }
      SurfaceSample next = sample_surface(surface, out, draws.y[2], draws[1]);  // which lobe, where to
      if (!(next.pdf > 0)) return sum;
      Vec3 direction = frame.to_world(next.direction);
      Vec3 start;
      if (!shader_.leave(hit, p, direction, next.direction.z, start)) return sum;
      throughput = throughput * next.weight;
      if (bounce > kRouletteFrom) {
        float survive = minf(1, sqrtf(largest(throughput)));
        if (!(draws.x[0] < survive)) return sum;
        throughput = throughput * (1 / survive);
      }
      if (next.direction.z < 0 && material.thickness > 0) body.cross(p.entering, material.absorption);
      last_pdf = next.pdf;
      travelled = 0;
      ray = {start, direction};
    }
  }

  // What a camera ray sees first: for the layers beside the picture.
  Features features(Ray ray, Sampler& sampler, Vec3 axis) {
    Features out;
    float travelled = 0;
    for (uint32_t passes = 0; passes <= kMaxPasses; passes++) {
      Hit hit;
      if (!nearest(ray, hit)) return out;
      travelled += hit.at.t;
      shaded++;
      const Material& material = shader_.material_of(hit);
      if (passable(material)) {
        Passage p = passage(ray, hit, true);
        if (sampler.draw().x[0] < clampf(largest(p.share), 0, 1)) {
          ray.origin = p.beyond;
          continue;
        }
      }
      Shading p = shader_.at(ray, hit);
      Vec3 glow = lights_.emission(hit), color = p.base + glow;
      out.albedo = {minf(color.x, 1), minf(color.y, 1), minf(color.z, 1)};
      out.normal = p.normal;
      out.depth = travelled * dot(ray.direction, axis);
      out.coverage = 1;
      return out;
    }
    return out;
  }

 private:
  // The bodies that a path is inside of: what they absorb per unit of length.
  struct Body {
    Vec3 absorption[kMaxNested];
    int depth = 0;  // may be more than are remembered
    void cross(bool entering, Vec3 amount) {
      if (entering && depth < kMaxNested) absorption[depth] = amount;
      if (entering) depth++;
      else depth -= depth > 0;
    }
    Vec3 transmittance(float distance) const {  // Beer and Lambert
      Vec3 a = absorption[std::min(depth, kMaxNested) - 1] * -distance;
      if (black(-a)) return {1, 1, 1};
      return {expf(a.x), expf(a.y), expf(a.z)};
    }
  };

  // What becomes of a ray at a surface with holes, a clear wall or an unlit one.
  struct Passage {
    Vec3 own{0, 0, 0};    // what the surface adds by itself
    Vec3 share{1, 1, 1};  // the part that goes on as if there were nothing
    float opacity = 0;    // how much surface there is for the rest
    bool ends = false;    // the rest is not shaded
    Vec3 beyond;          // where the ray goes on
  };

  static bool passable(const Material& m) { return m.lets_through() || m.unlit || clear_wall(m); }

  Passage passage(const Ray& ray, const Hit& hit, bool from_camera) const {
    const Material& m = shader_.material_of(hit);
    Shading s = shader_.at(ray, hit);
    Passage p;
    p.beyond = s.position - s.geometric * s.offset;
    float opacity = shader_.opacity(hit);
    if (m.unlit) {  // a picture of itself for the camera, nothing for anybody else
      if (!from_camera) return p;
      p.own = s.base * opacity;
      p.share = Vec3{1, 1, 1} * (1 - opacity);
      p.ends = true;
      return p;
    }
    p.opacity = opacity;
    p.share = Vec3{1, 1, 1} * (1 - opacity);
    if (clear_wall(m)) p.share = p.share + clear_share(s, ray.direction) * opacity;
    return p;
  }

  // The power heuristic: how much of a light found in two ways counts here.
  static float share(float mine, float other) {
    float ratio = other / mine;
    return 1 / (1 + ratio * ratio);
  }

  SONM_HOT bool nearest(const Ray& ray, Hit& hit) {
    rays++;
    return cast<false>(scene_, ray, hit);
  }

  // How much light comes through between a point and one at a distance.
  SONM_HOT Vec3 unblocked(Ray ray, float distance) {
    Vec3 through{1, 1, 1};
    if (!see_through_) {
      rays++;
      Hit hit;
      hit.at.t = distance;
      return cast<true>(scene_, ray, hit) ? Vec3{0, 0, 0} : through;
    }
    for (uint32_t passes = 0; passes <= kMaxPasses; passes++) {
      Hit hit;
      hit.at.t = distance;
      if (!nearest(ray, hit)) return through;
      if (!passable(shader_.material_of(hit))) return {0, 0, 0};
      Passage p = passage(ray, hit, false);
      through = through * p.share;
      if (black(through)) return {0, 0, 0};
      ray.origin = p.beyond;
      if (distance < kFar) distance -= hit.at.t;
    }
    return {0, 0, 0};
  }

  // Light that reaches the point straight from a sampled source.
  SONM_HOT Vec3 direct(const Hit& hit, const Shading& p, const Frame& frame, const Surface& surface, Vec3 out, const Gatherer& at, const Draws& draws) {
    LightSample light = lights_.sample(at, draws.x[2], draws[3]);
    if (!(light.pdf > 0) || black(light.radiance)) return {0, 0, 0};
    Vec3 in = frame.to_local(light.direction);
    Ray shadow{at.position, light.direction};
    if (!shader_.leave(hit, p, light.direction, in.z, shadow.origin)) return {0, 0, 0};
    float pdf;
    Vec3 f = evaluate(surface, out, in, pdf) * light.radiance;
    if (black(f)) return {0, 0, 0};
    float distance = light.distance;
    if (!(dot(light.direction, p.geometric) > 0) && distance < kFar) {  // the light was picked from the viewer's side: aim anew
      Vec3 to = at.position + light.direction * distance - shadow.origin;
      distance = length(to);
      shadow.direction = normalized(to, light.direction);
    }
    f = f * unblocked(shadow, distance * 0.9999f);
    if (light.delta) return f;
    return f * (share(light.pdf, pdf) / light.pdf);
  }

  const Scene& scene_;
  const Lights& lights_;
  Shader shader_;
  uint32_t max_bounces_;
  bool see_through_ = false;
};
