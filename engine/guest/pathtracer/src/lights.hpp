// lights.hpp: everything that sends light, and how one of it is picked.
//
// Glowing triangles and lamps with a place are in a light tree; the sky and
// directional lamps are groups of their own. Which group is asked goes by the
// light it may bring to the place.
#pragma once

#include "light_tree.hpp"
#include "shading.hpp"
#include "sky.hpp"

// Light arriving at a point from one direction.
struct LightSample {
  Vec3 direction, radiance;  // for a delta light: radiance already divided by its density
  float distance = kFar, pdf = 0;
  bool delta = false;
};

// A place that gathers light, and the chances of each group of lights there.
struct Gatherer : Gathering {
  float local = 0, sky = 0, directional = 0;
};

class Lights {
 public:
  Sky sky;

  bool build(Scene& scene, Budget& budget, Refusal& refusal) {
    scene_ = &scene;
    shader_ = std::make_unique<Shader>(scene);
    emitters_.clear();
    placed_.clear();
    directional_.clear();
    std::vector<LightBound> bounds;
    for (uint32_t i = 0; i < scene.instances.size(); i++) {
      const Mesh& mesh = scene.meshes[scene.instances[i].mesh];
      uint64_t count = mesh.emitters.size();
      if (!budget.take(count * (sizeof(Emitter) + 4) + LightTree::estimate(count))) return refusal.say("The scene has more glowing triangles than a task can hold.");
      scene.instances[i].first_light = uint32_t(of_triangle_.size());
      add_mesh(i, mesh, bounds);
    }
    for (const PunctualLight& light : scene.punctual) {
      if (light.kind == LightKind::directional) {
        directional_.push_back(light);
        directional_sums_.push_back((directional_sums_.empty() ? 0 : directional_sums_.back()) + luminance(light.color));
      } else {
        placed_.push_back(light);
        bounds.push_back(bound_of(light));
      }
    }
    tree_.build(bounds);
    only_local_ = !sky.lit() && directional_.empty();
    sky_irradiance_ = sky.lit() ? kPi * maxf(sky.mean_luminance(), 1e-20f) : 0;
    return true;
  }

  bool any() const { return !tree_.empty() || sky.lit() || !directional_.empty(); }

  // Weighs the groups of lights at a place. No group that may send light falls
  // below a tenth of the strongest.
  SONM_HOT Gatherer gatherer(Vec3 position, Vec3 normal, bool both_sides) const {
    Gatherer g;
    g.position = position;
    g.normal = normal;
    g.both_sides = both_sides;
    if (only_local_) {
      g.local = 1;
      return g;
    }
    float local = tree_.irradiance(g), directional = directional_sums_.empty() ? 0 : directional_sums_.back();
    if (!(local < 1e30f)) local = 1e30f;
    float floor = 0.1f * maxf(local, maxf(sky_irradiance_, directional));
    g.local = local > 0 ? maxf(local, floor) : 0;
    g.sky = sky_irradiance_ > 0 ? maxf(sky_irradiance_, floor) : 0;
    g.directional = directional > 0 ? maxf(directional, floor) : 0;
    float sum = g.local + g.sky + g.directional, scale = sum > 0 ? 1 / sum : 0;
    g.local *= scale;
    g.sky *= scale;
    g.directional *= scale;
    return g;
  }

  // Light towards a place; pdf 0 means that none was found.
  SONM_HOT LightSample sample(const Gatherer& at, float pick, Pair u) const {
    if (pick < at.local) return local(at, pick / at.local, u);
    pick -= at.local;
    if (pick < at.sky) {
      Sky::Sample s = sky.sample(u);
      return {s.direction, s.radiance, kFar, s.pdf * at.sky, false};
    }
    if (!(at.directional > 0)) return {};
    return directional(clampf((pick - at.sky) / at.directional, 0, 0.9999999f), at.directional);
  }

  float sky_pdf(const Gatherer& at, Vec3 direction) const { return at.sky > 0 ? at.sky * sky.pdf(direction) : 0; }

  // The density of sample() towards the triangle that a ray has hit.
  float triangle_pdf(const Gatherer& at, const Hit& hit, Vec3 direction, float distance) const {
    const Instance& instance = scene_->instances[hit.instance];
    const Mesh& mesh = scene_->meshes[instance.mesh];
    auto found = std::lower_bound(mesh.emitters.begin(), mesh.emitters.end(), hit.at.triangle);
    if (found == mesh.emitters.end() || *found != hit.at.triangle || !(at.local > 0)) return 0;
    uint32_t i = of_triangle_[instance.first_light + uint32_t(found - mesh.emitters.begin())];
    return at.local * tree_.chance(at, i) * density(emitters_[i], direction, distance);
  }

  // What a point of a glowing triangle sends out, to both sides, where it is no hole.
  Vec3 emission(const Hit& hit) const { return shader_->emission(hit); }

 private:
  // A triangle, or a parallelogram of two.
  struct Emitter {
    Vec3 corner, edge1, edge2;
    uint32_t instance, triangle;
    bool parallelogram;
  };

  void add_mesh(uint32_t index, const Mesh& mesh, std::vector<LightBound>& bounds) {
    const Instance& instance = scene_->instances[index];
    for (size_t k = 0; k < mesh.emitters.size(); k++) {
      Emitter e = emitter(index, instance, mesh, mesh.emitters[k]);
      of_triangle_.push_back(uint32_t(emitters_.size()));
      if (k + 1 < mesh.emitters.size() && completes(e, mesh, instance, mesh.emitters[k + 1])) {
        of_triangle_.push_back(uint32_t(emitters_.size()));
        k++;
      }
      emitters_.push_back(e);
      bounds.push_back(bound_of(e, mesh));
    }
  }

  static Emitter emitter(uint32_t index, const Instance& instance, const Mesh& mesh, uint32_t triangle) {
    const Triangle& t = mesh.triangles[triangle];
    Vec3 a = instance.to_world.point(mesh.positions[t.vertex[0]]);
    Vec3 e1 = instance.to_world.point(mesh.positions[t.vertex[1]]) - a, e2 = instance.to_world.point(mesh.positions[t.vertex[2]]) - a;
    return {a, e1, e2, index, triangle, false};
  }

  // Makes e a parallelogram if the next triangle is its other half: one light
  // instead of two, whose samples are spread evenly over both.
  bool completes(Emitter& e, const Mesh& mesh, const Instance& instance, uint32_t next) const {
    const Triangle &t = mesh.triangles[e.triangle], &n = mesh.triangles[next];
    const Material& m = scene_->materials[t.material];
    if (n.material != t.material || m.emission_texture.image >= 0 || m.lets_through()) return false;
    Vec3 p[3], q[3];
    for (int k = 0; k < 3; k++) {
      p[k] = instance.to_world.point(mesh.positions[t.vertex[k]]);
      q[k] = instance.to_world.point(mesh.positions[n.vertex[k]]);
    }
    auto near = [](Vec3 a, Vec3 b, float size) { return largest(a - b) < size && largest(b - a) < size; };
    float size = 1e-5f * (length(e.edge1) + length(e.edge2));
    for (int k = 0; k < 3; k++) {  // is p[k] the corner that the other half does not share?
      Vec3 fourth = p[(k + 1) % 3] + p[(k + 2) % 3] - p[k];
      int others = 0;
      bool opposite = false;
      for (int j = 0; j < 3; j++) {
        others += near(q[j], p[(k + 1) % 3], size) || near(q[j], p[(k + 2) % 3], size);
        opposite = opposite || near(q[j], fourth, size);
      }
      if (others != 2 || !opposite) continue;
      e.corner = p[k];
      e.edge1 = p[(k + 1) % 3] - p[k];
      e.edge2 = p[(k + 2) % 3] - p[k];
      e.parallelogram = true;
      return true;
    }
    return false;
  }

  static float area(const Emitter& e) { return (e.parallelogram ? 1 : 0.5f) * length(cross(e.edge1, e.edge2)); }

  LightBound bound_of(const Emitter& e, const Mesh& mesh) const {
    const Material& m = scene_->materials[mesh.triangles[e.triangle].material];
    Vec3 mean = m.emission_texture.image < 0 ? Vec3{1, 1, 1} : scene_->images[size_t(m.emission_texture.image)].mean_linear;
    LightBound b;
    b.box.add(e.corner);
    b.box.add(e.corner + e.edge1);
    b.box.add(e.corner + e.edge2);
    if (e.parallelogram) b.box.add(e.corner + e.edge1 + e.edge2);
    b.axis = normalized(cross(e.edge1, e.edge2));
    float power = luminance(m.emission * mean) * area(e);
    b.power = finite(power) && power > 0 ? power : 0;
    return b;
  }

  static LightBound bound_of(const PunctualLight& light) {
    LightBound b;
    b.box.add(light.position);
    b.axis = light.direction;
    b.two_sided = false;
    b.power = luminance(light.color);
    if (light.kind == LightKind::spot) b.cos_reach = minf(light.cos_outer, 0.9999f);
    else b.cos_spread = -1;
    return b;
  }

  static float density(const Emitter& e, Vec3 direction, float distance) {
    float projected = (e.parallelogram ? 1 : 0.5f) * fabsf(dot(cross(e.edge1, e.edge2), direction));
    return projected > 0 ? distance * distance / projected : 0;
  }

  SONM_HOT LightSample local(const Gatherer& at, float pick, Pair u) const {
    uint32_t i;
    float chance;
    if (!tree_.pick(at, pick, i, chance)) return {};
    chance *= at.local;
    if (i >= emitters_.size()) return lamp(placed_[i - emitters_.size()], at.position, chance);
    const Emitter& e = emitters_[i];
    if (!e.parallelogram) {  // uniform over a triangle
      float root = sqrtf(u.x);
      u = {u.y * root, 1 - root};
    }
    Vec3 to = e.corner + e.edge1 * u.x + e.edge2 * u.y - at.position;
    LightSample out;
    float squared = dot(to, to);
    if (!(squared > 0)) return {};
    out.distance = sqrtf(squared);
    out.direction = to * (1 / out.distance);
    out.pdf = chance * density(e, out.direction, out.distance);
    Hit there{{0, u.x, u.y, e.triangle}, e.instance};
    out.radiance = emission(there) * shader_->opacity(there);
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

  LightSample directional(float pick, float group) const {
    float total = directional_sums_.back();
    size_t i = std::min(directional_.size() - 1, size_t(std::upper_bound(directional_sums_.begin(), directional_sums_.end(), pick * total) - directional_sums_.begin()));
    float chance = group * luminance(directional_[i].color) / total;
    if (!(chance > 0)) return {};
    return {-directional_[i].direction, directional_[i].color * (1 / chance), kFar, 1, true};
  }

  const Scene* scene_ = nullptr;
  std::unique_ptr<Shader> shader_;
  LightTree tree_;
  std::vector<Emitter> emitters_;
  std::vector<uint32_t> of_triangle_;  // emitter of each glowing triangle, from Instance::first_light
  std::vector<PunctualLight> placed_, directional_;
  std::vector<float> directional_sums_;
  float sky_irradiance_ = 0;
  bool only_local_ = false;
};
