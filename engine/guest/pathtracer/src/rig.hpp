// rig.hpp: what moves a scene: its nodes, animations, skins and morph targets,
// kept after loading so that any frame can be posed. Filled by gltf_rig.hpp
// and gltf_mesh.hpp, used by pose.hpp.
#pragma once

#include <algorithm>
#include <memory>
#include "math.hpp"

// A node's place relative to its parent.
struct Placement {
  Vec3 translation{0, 0, 0};
  float rotation[4] = {0, 0, 0, 1};  // quaternion x, y, z, w; need not be of length 1
  Vec3 scale{1, 1, 1};

  Affine matrix() const {
    float x = rotation[0], y = rotation[1], z = rotation[2], w = rotation[3];
    float norm = x * x + y * y + z * z + w * w, k = norm > 0 && finite(norm) ? 2 / norm : 0;
    return {Vec3{1 - k * (y * y + z * z), k * (x * y + z * w), k * (x * z - y * w)} * scale.x,
            Vec3{k * (x * y - z * w), 1 - k * (x * x + z * z), k * (y * z + x * w)} * scale.y,
            Vec3{k * (x * z + y * w), k * (y * z - x * w), 1 - k * (x * x + y * y)} * scale.z, translation};
  }
};

struct RigNode {
  uint32_t number = 0;    // in the file, for sentences
  uint32_t parent = ~0u;  // stands before its children in Rig::nodes; ~0: none
  Placement rest;         // as stored
  Affine fixed;           // used instead when has_matrix
  bool has_matrix = false;
};

enum class Moved : uint8_t { translation, rotation, scale, weights };
enum class Interpolation : uint8_t { step, linear, cubic };

// How one property of one node changes over time.
struct Track {
  uint32_t node = 0;  // in Rig::nodes
  Moved moved = Moved::translation;
  Interpolation interpolation = Interpolation::linear;
  uint32_t width = 3;          // numbers of one value
  std::vector<float> times;    // seconds, rising, at least one
  std::vector<float> values;   // width per key; cubic: in-tangent, value, out-tangent

  // The value at a time, held before the first and after the last key.
  void at(float seconds, float* out) const {
    size_t last = times.size() - 1;
    size_t next = size_t(std::upper_bound(times.begin(), times.end(), seconds) - times.begin());
    if (next == 0 || next > last || interpolation == Interpolation::step) {
      const float* v = value(next ? next - 1 : 0);
      std::copy(v, v + width, out);
    } else {
      float span = times[next] - times[next - 1], t = (seconds - times[next - 1]) / span;
      if (interpolation == Interpolation::cubic) cubic(next, t, span, out);
      else if (moved == Moved::rotation) slerp(value(next - 1), value(next), t, out);
      else
        for (uint32_t i = 0; i < width; i++) out[i] = mix(value(next - 1)[i], value(next)[i], t);
    }
  }

 private:
  const float* value(size_t key) const { return &values[interpolation == Interpolation::cubic ? (key * 3 + 1) * width : key * width]; }

  // The cubic Hermite spline of the glTF 2.0 specification, appendix C.
  void cubic(size_t next, float t, float span, float* out) const {
    float t2 = t * t, t3 = t2 * t;
    const float *a = value(next - 1), *leave = a + width, *b = value(next), *arrive = b - width;
    for (uint32_t i = 0; i < width; i++)
      out[i] = (2 * t3 - 3 * t2 + 1) * a[i] + span * (t3 - 2 * t2 + t) * leave[i] + (3 * t2 - 2 * t3) * b[i] + span * (t3 - t2) * arrive[i];
  }

  // Along the shorter great arc (appendix C); almost equal ends are mixed.
  static void slerp(const float* a, const float* b, float t, float* out) {
    float cosine = a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3], sign = cosine < 0 ? -1.0f : 1.0f;
    float from = 1 - t, to = t, angle = acosf(minf(cosine * sign, 1)), sine = sinf(angle);
    if (sine > 1e-4f) {
      from = sinf((1 - t) * angle) / sine;
      to = sinf(t * angle) / sine;
    }
    for (int i = 0; i < 4; i++) out[i] = from * a[i] + to * sign * b[i];
  }
};

struct Skin {
  std::vector<uint32_t> joints;  // in Rig::nodes
  std::vector<Affine> inverse_bind;
};

// The differences that a morph target makes; only vertices that differ.
struct MorphTarget {
  std::vector<uint32_t> vertex;
  std::vector<Vec3> position, normal, tangent;  // one for each vertex listed; empty: none
};

struct Influence { uint16_t joint[4]; float weight[4]; };

// The vertices of a mesh as stored, and what they follow.
struct SoftBody {
  std::vector<Vec3> positions, normals;
  std::vector<int16_t> tangents;
  std::vector<Influence> influences[2];  // one for each vertex, or empty
  std::vector<MorphTarget> targets;
  std::vector<float> weights;            // of the targets, unless a node has its own
};

// A mesh of the scene that is made anew for each pose.
struct Deformation {
  uint32_t mesh = 0;  // in Scene::meshes
  std::shared_ptr<const SoftBody> body;
  uint32_t skin = ~0u;         // in Rig::skins; ~0: none
  uint32_t node = ~0u;         // whose animated weights count; ~0: none
  std::vector<float> weights;  // of the targets while nothing is animated
};

// A place where something stands: at a node, moved by an offset of its own.
struct Standing {
  uint32_t node;  // in Rig::nodes; ~0: the origin
  uint32_t what;  // a mesh, a lamp or a camera of the scene
  uint32_t offset = ~0u;  // in Rig::offsets; ~0: none
};

struct Rig {
  std::vector<RigNode> nodes;
  std::vector<Track> tracks;  // of the chosen animation
  std::vector<Skin> skins;
  std::vector<Deformation> deformations;
  std::vector<Standing> meshes, lamps, cameras;
  std::vector<Affine> offsets;  // of EXT_mesh_gpu_instancing
  Vec3 middle{0, 0, 0};         // of a scene far from the origin: what all of it is moved by, backwards
  bool posed = false;           // the meshes that never move are as they have to be

  bool animated() const { return !tracks.empty(); }
};
