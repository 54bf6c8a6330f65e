// lights.hpp: everything that sends light, and how one of it is picked.
//
// Emissive triangles and lamps with a place are picked in proportion to their
// power; the sky and directional lamps, which have no power to compare, form
// groups of their own.
#pragma once

#include "sky.hpp"

// Light arriving at a point from one direction.
struct LightSample {
  Vec3 direction, radiance;  // for a delta light: radiance already divided by its density
  float distance = kFar, pdf = 0;
  bool delta = false;
};

class Lights {
 public:
  Sky sky;

  bool build(Scene& scene, Budget& budget, Refusal& refusal) {
    scene_ = &scene;
    for (uint32_t i = 0; i < scene.instances.size(); i++) {
      Instance& instance = scene.instances[i];
      const Mesh& mesh = scene.meshes[instance.mesh];
      instance.first_light = uint32_t(triangles_.size());
      if (!budget.take(mesh.emitters.size() * (sizeof(Emitter) + 8))) return refusal.say("The scene has more glowing triangles than a task can hold.");
      for (uint32_t t : mesh.emitters) add_triangle(instance, mesh, t);
    }
    for (const PunctualLight& light : scene.punctual) {
      if (light.kind == LightKind::directional) {
        directional_.push_back(light);
        continue;
      }
      float cone = light.kind == LightKind::spot ? 2 * kPi * (1 - 0.5f * (light.cos_inner + light.cos_outer)) : 4 * kPi;
      placed_.push_back(light);
      extend(luminance(light.color) * cone);
    }
    local_share_ = sums_.empty() || !(sums_.back() > 0) ? 0 : 1;
    sky_share_ = sky.lit() ? 1 : 0;
    directional_share_ = directional_.empty() ? 0 : 1;
    float groups = local_share_ + sky_share_ + directional_share_;
    if (groups > 0) {
      local_share_ /= groups;
      sky_share_ /= groups;
      directional_share_ /= groups;
    }
    return true;
  }

  bool any() const { return local_share_ + sky_share_ + directional_share_ > 0; }

  // Light towards a point of the scene; pdf 0 means that none was found.
  LightSample sample(Vec3 point, float pick, Pair u) const {
    if (pick < local_share_) return local(point, pick / local_share_, u);
    pick -= local_share_;
    if (pick < sky_share_ || directional_.empty()) {
      if (!(sky_share_ > 0)) return {};
      Sky::Sample s = sky.sample(u);
      return {s.direction, s.radiance, kFar, s.pdf * sky_share_, false};
    }
    size_t n = directional_.size();
    size_t i = std::min(n - 1, size_t((pick - sky_share_) / directional_share_ * float(n)));
    return {-directional_[i].direction, directional_[i].color * (float(n) / directional_share_), kFar, 1, true};
  }

  float sky_pdf(Vec3 direction) const { return sky_share_ * sky.pdf(direction); }

  // The density of sample() towards the triangle that a ray has hit.
  float triangle_pdf(const Instance& instance, const Mesh& mesh, uint32_t triangle, Vec3 direction, float distance) const {
    auto at = std::lower_bound(mesh.emitters.begin(), mesh.emitters.end(), triangle);
    if (at == mesh.emitters.end() || *at != triangle || !(local_share_ > 0)) return 0;
    uint32_t i = instance.first_light + uint32_t(at - mesh.emitters.begin());
    return density(i, direction, distance);
  }

  // What a point of an emissive triangle sends out, to both sides.
  Vec3 emission(const Mesh& mesh, uint32_t triangle, float u, float v) const {
    const Triangle& t = mesh.triangles[triangle];
    const Material& m = scene_->materials[t.material];
    if (m.emission_texture.image < 0) return m.emission;
    Pair uv = uv_at(mesh, t, Corners(u, v), m.emission_texture);
    Texel texel = look_up(scene_->images[size_t(m.emission_texture.image)], m.emission_texture, uv.x, uv.y, &scene_->srgb);
    return m.emission * Vec3{texel.channel[0], texel.channel[1], texel.channel[2]};
  }

 private:
  struct Emitter {
    Vec3 corner, edge1, edge2;
    float area;
    uint32_t mesh, triangle;
  };

  void extend(float power) { sums_.push_back((sums_.empty() ? 0 : sums_.back()) + (finite(power) && power > 0 ? power : 0)); }

  void add_triangle(const Instance& instance, const Mesh& mesh, uint32_t index) {
    const Triangle& t = mesh.triangles[index];
    Vec3 a = instance.to_world.point(mesh.positions[t.vertex[0]]);
    Vec3 e1 = instance.to_world.point(mesh.positions[t.vertex[1]]) - a, e2 = instance.to_world.point(mesh.positions[t.vertex[2]]) - a;
    float area = 0.5f * length(cross(e1, e2));
    const Material& m = scene_->materials[t.material];
    Vec3 mean = m.emission_texture.image < 0 ? Vec3{1, 1, 1} : scene_->images[size_t(m.emission_texture.image)].mean_linear;
    triangles_.push_back({a, e1, e2, area, instance.mesh, index});
    extend(luminance(m.emission * mean) * area * 2 * kPi);
  }

  float chance(uint32_t i) const { return local_share_ * ((sums_[i] - (i ? sums_[i - 1] : 0)) / sums_.back()); }

  float density(uint32_t i, Vec3 direction, float distance) const {
    const Emitter& e = triangles_[i];
    float projected = 0.5f * fabsf(dot(cross(e.edge1, e.edge2), direction));
    return projected > 0 ? chance(i) * distance * distance / projected : 0;
  }

  LightSample local(Vec3 point, float pick, Pair u) const {
    float target = pick * sums_.back();
    uint32_t i = uint32_t(std::upper_bound(sums_.begin(), sums_.end(), target) - sums_.begin());
    if (i >= sums_.size()) i = uint32_t(sums_.size() - 1);
    if (!(chance(i) > 0)) return {};
    if (i >= triangles_.size()) return lamp(placed_[i - triangles_.size()], point, chance(i));
    const Emitter& e = triangles_[i];
    float root = sqrtf(u.x), b1 = u.y * root, b2 = 1 - root;
    Vec3 to = e.corner + e.edge1 * b1 + e.edge2 * b2 - point;
    LightSample out;
    out.distance = length(to);
    if (!(out.distance > 0)) return {};
    out.direction = to * (1 / out.distance);
    out.pdf = density(i, out.direction, out.distance);
    out.radiance = emission(scene_->meshes[e.mesh], e.triangle, b1, b2);
    return out;
  }

  static LightSample lamp(const PunctualLight& light, Vec3 point, float chance) {
    Vec3 to = light.position - point;
    LightSample out;
    out.delta = true;
    out.distance = length(to);
    if (!(out.distance > 0)) return {};
    out.direction = to * (1 / out.distance);
    out.pdf = 1;
    float strength = 1 / (out.distance * out.distance * chance);
    if (light.kind == LightKind::spot) {  // the falloff of KHR_lights_punctual
      float cosine = -dot(out.direction, light.direction);
      float scale = 1 / maxf(0.001f, light.cos_inner - light.cos_outer);
      float falloff = clampf((cosine - light.cos_outer) * scale, 0, 1);
      strength *= falloff * falloff;
    }
    out.radiance = light.color * strength;
    return out;
  }

  const Scene* scene_ = nullptr;
  std::vector<Emitter> triangles_;
  std::vector<PunctualLight> placed_, directional_;
  std::vector<float> sums_;  // rising sums of power: triangles, then placed lamps
  float local_share_ = 0, sky_share_ = 0, directional_share_ = 0;
};
