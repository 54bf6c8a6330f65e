// reference.hpp: the integrator that the tracer is compared with in tests. It
// is obvious rather than fast: independent random numbers, directions uniform
// over the sphere, light only where a path runs into it, nothing weighed
// against anything else. Lamps without a size, which no path can run into, are
// asked one after the other. It knows neither clear walls nor unlit surfaces, nor
// holes in the way of such lamps.
#pragma once

#include "material.hpp"
#include "sky.hpp"
#include "trees.hpp"

class Reference {
 public:
  Reference(const Scene& scene, const Sky& sky, uint32_t max_bounces) : scene_(scene), sky_(sky), shader_(scene), max_bounces_(max_bounces) {}

  Vec3 radiance(Ray ray) {
    Vec3 sum{0, 0, 0}, throughput{1, 1, 1};
    for (uint32_t bounce = 0;;) {
      Hit hit;
      if (!cast<false>(scene_, ray, hit)) return sum + throughput * sky_.radiance(ray.direction);
      Shading p = shader_.at(ray, hit);
      if (random() >= shader_.opacity(hit)) {  // a hole, here and now
        ray.origin = p.position - p.geometric * p.offset;
        continue;
      }
      if (const Material& m = shader_.material_of(hit); m.thickness > 0 && !p.entering) {  // the way was within the body
        Vec3 a = m.absorption * -hit.at.t;
        throughput = throughput * Vec3{expf(a.x), expf(a.y), expf(a.z)};
      }
      sum = sum + throughput * shader_.emission(hit);
      if (bounce++ > max_bounces_) return sum;
      Frame frame(p.normal);
      Vec3 out = frame.to_local(-ray.direction);
      Surface surface = make_surface(p, frame, out);
      for (const PunctualLight& lamp : scene_.punctual) sum = sum + throughput * from_lamp(lamp, hit, p, frame, surface, out);
      float z = 1 - 2 * random(), r = sqrtf(maxf(0, 1 - z * z)), phi = 2 * kPi * random();
      Vec3 direction{r * cosf(phi), r * sinf(phi), z};
      throughput = throughput * received(hit, p, frame, surface, out, direction, ray.origin) * (4 * kPi);
      if (black(throughput)) return sum;
      ray.direction = direction;
    }
  }

  float random() {  // PCG, O'Neill 2014
    state_ = state_ * 6364136223846793005ull + 1442695040888963407ull;
    uint32_t x = uint32_t(((state_ >> 18) ^ state_) >> 27), turn = uint32_t(state_ >> 59);
    return float((x >> turn | x << (-turn & 31)) >> 8) * 0x1p-24f;
  }

 private:
  // f * |cosine| for light that comes from a direction, and where it comes in.
  Vec3 received(const Hit& hit, const Shading& p, const Frame& frame, const Surface& surface, Vec3 out, Vec3 direction, Vec3& start) const {
    Vec3 in = frame.to_local(direction);
    if (!shader_.leave(hit, p, direction, in.z, start)) return {0, 0, 0};
    float density;
    return evaluate(surface, out, in, density);
  }

  Vec3 from_lamp(const PunctualLight& lamp, const Hit& place, const Shading& p, const Frame& frame, const Surface& surface, Vec3 out) const {
    Vec3 to = lamp.kind == LightKind::directional ? -lamp.direction : lamp.position - p.position;
    float distance = lamp.kind == LightKind::directional ? kFar : length(to);
    to = normalized(to);
    Vec3 light = lamp.color * (lamp.kind == LightKind::directional ? 1 : 1 / (distance * distance));
    if (lamp.kind == LightKind::spot) {
      float inside = clampf((-dot(to, lamp.direction) - lamp.cos_outer) / maxf(0.001f, lamp.cos_inner - lamp.cos_outer), 0, 1);
      light = light * (inside * inside);
    }
    Vec3 start;
    light = light * received(place, p, frame, surface, out, to, start);
    Hit hit;
    hit.at.t = distance * 0.9999f;
    return cast<true>(scene_, {start, to}, hit) ? Vec3{0, 0, 0} : light;
  }

  const Scene& scene_;
  const Sky& sky_;
  Shader shader_;
  uint32_t max_bounces_;
  uint64_t state_ = 0x853c49e6748fea9bull;
};
