// renderer.hpp: a job opened for rendering, and its tasks.
//
// A task is a rectangle of pixels and an aligned block of samples. Samples are
// added in a fixed binary tree over their number, so that blocks, once merged
// by the same tree, give the same bits however the samples were split.
#pragma once

#include <optional>
#include "gltf_scene.hpp"
#include "tracer.hpp"

constexpr uint32_t kMaxTaskPixels = 1u << 22;
constexpr uint32_t kMaxBlockLog2 = 20;
constexpr uint32_t kMaxSamples = 1u << 24;

// What a task's pixels hold, as float32: sums over its samples.
enum Layer : uint32_t {
  kRadiance = 0,  // R, G, B
  kFeatures = 1   // albedo R, G, B; normal X, Y, Z; depth; coverage
};
constexpr uint32_t kMaxChannels = 8;

inline uint32_t channels_of(uint32_t layer) { return layer == kFeatures ? 8 : 3; }

// What a task asks for: ten u32 on the wire.
struct TaskSpec {
  uint32_t version, frame, x0, y0, x1, y1, first_sample, block_log2, shift, layer;
};

class Renderer {
 public:
  // Loads the scene; the bundle may go once this returns.
  bool open(Bytes seed, Bytes bundle_bytes, Refusal& refusal) {
    memcpy(seed_, seed.data(), sizeof seed_);
    Bundle bundle;
    if (!bundle.parse(bundle_bytes, refusal) || !settings_.parse(bundle, refusal)) return false;
    GltfLoader loader(bundle, settings_, budget_, false, scene_);
    if (!loader.load(refusal)) return false;
    if (!scene_.rig.animated()) scene_.rig = Rig();  // it stands as it stands
    prepare_sky();
    framing_ = framing_camera();
    posed_ = settings_.first_frame;
    return ready(refusal);
  }

  // Renders into sums: the layer's channels for each pixel of the rectangle.
  bool task(const TaskSpec& spec, std::vector<float>& sums, uint64_t& work, Refusal& refusal) {
    if (!acceptable(spec, refusal) || !pose(spec.frame, refusal)) return false;
    uint32_t channels = channels_of(spec.layer);
    sums.assign(size_t(spec.x1 - spec.x0) * (spec.y1 - spec.y0) * channels, 0);
    Tracer tracer(scene_, lights_, settings_.max_bounces);
    float* at = sums.data();
    for (uint32_t y = spec.y0; y < spec.y1; y++)
      for (uint32_t x = spec.x0; x < spec.x1; x++, at += channels)
        if (spec.layer == kFeatures) pixel<kFeatures>(tracer, spec, x, y, at);
        else pixel<kRadiance>(tracer, spec, x, y, at);
    work = tracer.rays + tracer.shaded;
    rays_ = tracer.rays;
    return true;
  }

  const Settings& settings() const { return settings_; }
  const Scene& scene() const { return scene_; }
  const Lights& lights() const { return lights_; }
  uint64_t rays_of_last_task() const { return rays_; }

  // (0,0) is the top left corner of the frame, (1,1) the bottom right.
  Ray camera_ray(float u, float v, float aspect) const {
    float x = (2 * u - 1) * aspect, y = 1 - 2 * v;
    const Affine& c = camera_.to_world;
    if (camera_.orthographic) return {c.origin + c.x * (x * camera_.half_height) + c.y * (y * camera_.half_height), -c.z};
    return {c.origin, normalized(c.x * (x * camera_.tan_half_height) + c.y * (y * camera_.tan_half_height) - c.z)};
  }

  static uint32_t shrunk(uint32_t size, uint32_t shift) { return uint32_t((uint64_t(size) + (1ull << shift) - 1) >> shift); }

 private:
  // Makes the scene stand as in a frame, unless it does.
  bool pose(uint32_t frame, Refusal& refusal) {
    if (posed_ == frame || (posed_ && !scene_.rig.animated())) return true;
    posed_.reset();
    if (!Poser(scene_, settings_.seconds(frame)).pose(refusal) || !ready(refusal)) return false;
    posed_ = frame;
    return true;
  }

  // What is made anew for each pose: trees, the tables of lights, the camera.
  bool ready(Refusal& refusal) {
    build_trees(scene_);
    Lights lights;
    Budget left = budget_;
    lights.sky = std::move(lights_.sky);
    bool built = lights.build(scene_, left, refusal);
    lights_ = std::move(lights);
    return built && choose_camera(refusal);
  }

  bool acceptable(const TaskSpec& s, Refusal& refusal) const {
    if (s.layer > kFeatures) return refusal.say("The task asks for layer ", s.layer, ", which this renderer does not have.");
    if (s.version != 1) return refusal.say("The task has version ", s.version, "; this renderer reads version 1.");
    if (s.shift > 15) return refusal.say("The task shrinks the frame by 2^", s.shift, ", which is too much.");
    uint32_t width = shrunk(settings_.width, s.shift), height = shrunk(settings_.height, s.shift);
    if (s.x0 >= s.x1 || s.y0 >= s.y1 || s.x1 > width || s.y1 > height)
      return refusal.say("The task's rectangle is not within the frame of ", width, " by ", height, " pixels.");
    if (uint64_t(s.x1 - s.x0) * (s.y1 - s.y0) > kMaxTaskPixels) return refusal.say("The task has more than ", kMaxTaskPixels, " pixels.");
    if (s.block_log2 > kMaxBlockLog2 || s.first_sample % (1u << s.block_log2) != 0 || s.first_sample > kMaxSamples - (1u << s.block_log2))
      return refusal.say("The task's samples are not an aligned block below ", kMaxSamples, ".");
    return true;
  }

  // The sums over the block, in the order of the binary tree.
  template <Layer layer>
  void pixel(Tracer& tracer, const TaskSpec& spec, uint32_t x, uint32_t y, float* sums) const {
    constexpr int channels = layer == kFeatures ? 8 : 3;
    float partial[kMaxBlockLog2 + 2][channels];
    float width = float(shrunk(settings_.width, spec.shift)), height = float(shrunk(settings_.height, spec.shift));
    uint32_t depth = 0, seed = pixel_seed(seed_, spec.frame, x, y);
    for (uint32_t i = 0; i < 1u << spec.block_log2; i++) {
      Sampler sampler(seed, spec.first_sample + i);
      Draws u = sampler.draw();
      Ray ray = camera_ray((float(x) + u.x[0]) / width, (float(y) + u.y[0]) / height, width / height);
      float* leaf = partial[depth];
      bool sound = true;
      sample<layer>(tracer, ray, u, sampler, leaf);
      for (int c = 0; c < channels; c++) sound = sound && finite(leaf[c]);
      for (int c = 0; c < channels; c++) leaf[c] = sound ? leaf[c] : 0;
      for (uint32_t full = i + 1; !(full & 1); full >>= 1, depth--)
        for (int c = 0; c < channels; c++) partial[depth - 1][c] += partial[depth][c];
      depth++;
    }
    for (int c = 0; c < channels; c++) sums[c] = partial[0][c];
  }

  template <Layer layer>
  void sample(Tracer& tracer, const Ray& ray, const Draws& draws, Sampler& sampler, float* out) const {
    if constexpr (layer == kFeatures) {
      Features f = tracer.features(ray, sampler, -camera_.to_world.z);
      const float values[8] = {f.albedo.x, f.albedo.y, f.albedo.z, f.normal.x, f.normal.y, f.normal.z, f.depth, f.coverage};
      for (int c = 0; c < 8; c++) out[c] = values[c];
    } else {
      Vec3 light = tracer.radiance(ray, draws, sampler);
      out[0] = light.x;
      out[1] = light.y;
      out[2] = light.z;
    }
  }

  void prepare_sky() {
    if (scene_.sky.width) {
      lights_.sky.set_picture(std::move(scene_.sky), settings_.sky_color * settings_.sky_strength, settings_.sky_rotation);
    } else if (settings_.has_sky) {
      lights_.sky.set_constant(settings_.sky_color * settings_.sky_strength);
    } else if (unlit(scene_)) {
      lights_.sky.set_constant({1, 1, 1});
    }
  }

  bool choose_camera(Refusal& refusal) {
    std::optional<uint32_t> chosen;
    if (!settings_.camera.empty()) {
      for (uint32_t i = 0; i < scene_.cameras.size() && !chosen; i++)
        if (scene_.cameras[i].name == settings_.camera) chosen = i;
      for (uint32_t i = 0; i < scene_.cameras.size() && !chosen; i++)
        if (words(i) == settings_.camera) chosen = i;
      if (!chosen) return refusal.say("The scene has no camera ", quoted(settings_.camera), ".");
    } else if (!scene_.cameras.empty()) {
      chosen = 0;
    }
    camera_ = chosen ? scene_.cameras[*chosen] : framing_;
    Affine& m = camera_.to_world;  // a camera's scale means nothing
    m.z = normalized(m.z);
    m.x = normalized(m.x - m.z * dot(m.x, m.z), Frame(m.z).tangent);
    m.y = cross(m.z, m.x);
    return true;
  }

  // A camera that sees the whole scene from the front, the right and above.
  Camera framing_camera() const {
    Camera camera;
    Bounds box = scene_.bounds;
    if (box.empty()) box.add(Vec3{0, 0, 0});
    float radius = maxf(0.5f * length(box.high - box.low), 1e-6f);
    float aspect = float(settings_.width) / float(settings_.height);
    float half_angle = atanf(camera.tan_half_height * minf(aspect, 1));
    Affine& m = camera.to_world;
    m.z = normalized({0.55f, 0.4f, 1});
    m.x = normalized(cross({0, 1, 0}, m.z));
    m.y = cross(m.z, m.x);
    m.origin = box.centre() + m.z * (radius / sinf(half_angle));
    return camera;
  }

 public:
  // Whether nothing in the scene sends light, so that a sky has to.
  static bool unlit(const Scene& scene) {
    if (!scene.punctual.empty()) return false;
    for (const Instance& instance : scene.instances)
      if (!scene.meshes[instance.mesh].emitters.empty()) return false;
    return true;
  }

 private:
  uint32_t seed_[8] = {};
  Settings settings_;
  Scene scene_;
  Lights lights_;
  Camera camera_, framing_;
  Budget budget_;
  std::optional<uint32_t> posed_;  // the frame that the scene stands in
  mutable uint64_t rays_ = 0;
};
