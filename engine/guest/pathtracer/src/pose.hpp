// pose.hpp: a scene as it stands at one time: nodes moved, meshes deformed,
// instances, lamps and cameras placed. A pose depends on the scene as stored
// and on the time, never on the pose before it.
#pragma once

#include "tangents.hpp"

// How many of its own sizes a scene may be from the origin.
constexpr float kFarAway = 4;

class Poser {
 public:
  Poser(Scene& scene, float seconds) : scene_(scene), rig_(scene.rig), seconds_(seconds), weights_(scene.rig.nodes.size()) {}

  // The pose of a scene's first frame. A scene far from the origin is moved
  // there: float32 has too few digits for small things at large coordinates.
  bool first(Refusal& refusal) {
    if (!pose(refusal)) return false;
    const Bounds& box = scene_.bounds;
    if (box.empty() || !(length(box.centre()) > kFarAway * length(box.high - box.low))) return true;
    rig_.middle = box.centre();
    rig_.posed = false;
    return pose(refusal);
  }

  // False, with a sentence, if something then stands where it cannot be drawn.
  bool pose(Refusal& refusal) {
    if (!nodes(refusal)) return false;
    find_moving();
    for (const Deformation& d : rig_.deformations)
      if ((!rig_.posed || moving_mesh_[d.mesh]) && !deform(d, refusal)) return false;
    rig_.posed = true;
    if (!instances(refusal)) return false;
    lamps();
    for (const Standing& s : rig_.cameras) scene_.cameras[s.what].to_world = world_[s.node];
    return true;
  }

 private:
  bool nodes(Refusal& refusal);
  void find_moving();
  bool deform(const Deformation& d, Refusal& refusal);
  void morph(const Deformation& d, std::vector<Vec3>& tangents);
  void skin(const Deformation& d, std::vector<Vec3>& tangents);
  bool instances(Refusal& refusal);
  void lamps();

  Scene& scene_;
  Rig& rig_;
  float seconds_;
  std::vector<std::vector<float>> weights_;  // animated ones, for each node
  std::vector<Affine> world_;                // for each node
  std::vector<bool> moving_node_, moving_mesh_;  // whether another frame may show it otherwise
};

inline bool Poser::nodes(Refusal& refusal) {
  std::vector<Placement> local(rig_.nodes.size());
  for (size_t i = 0; i < local.size(); i++) local[i] = rig_.nodes[i].rest;
  for (const Track& track : rig_.tracks) {
    Placement& p = local[track.node];
    float v[4];
    if (track.moved == Moved::weights) {
      weights_[track.node].resize(track.width);
      track.at(seconds_, weights_[track.node].data());
      continue;
    }
    track.at(seconds_, v);
    if (track.moved == Moved::rotation) std::copy(v, v + 4, p.rotation);
    else (track.moved == Moved::scale ? p.scale : p.translation) = {v[0], v[1], v[2]};
  }
  world_.resize(local.size());
  for (size_t i = 0; i < local.size(); i++) {
    const RigNode& node = rig_.nodes[i];
    Affine here = node.has_matrix ? node.fixed : local[i].matrix();
    if (node.parent == ~0u) here.origin = here.origin - rig_.middle;
    world_[i] = node.parent == ~0u ? here : world_[node.parent] * here;
    if (!finite(world_[i])) return refusal.say("The scene's node ", node.number, " has a transform that is not finite.");
  }
  return true;
}

inline void Poser::find_moving() {
  moving_node_.resize(rig_.nodes.size());
  moving_mesh_.resize(scene_.meshes.size());
  std::vector<bool> weights(rig_.nodes.size());
  for (const Track& track : rig_.tracks) (track.moved == Moved::weights ? weights : moving_node_)[track.node] = true;
  for (size_t i = 0; i < rig_.nodes.size(); i++)
    if (rig_.nodes[i].parent != ~0u && moving_node_[rig_.nodes[i].parent]) moving_node_[i] = true;
  for (const Deformation& d : rig_.deformations) {
    if (d.node != ~0u && weights[d.node]) moving_mesh_[d.mesh] = true;
    for (size_t j = 0; d.skin != ~0u && j < rig_.skins[d.skin].joints.size(); j++)
      if (moving_node_[rig_.skins[d.skin].joints[j]]) moving_mesh_[d.mesh] = true;
  }
}

inline Vec3 tangent_of(const std::vector<int16_t>& tangents, size_t vertex) {
  return Vec3{float(tangents[vertex * 4]), float(tangents[vertex * 4 + 1]), float(tangents[vertex * 4 + 2])} * (1 / 32767.0f);
}

inline bool Poser::deform(const Deformation& d, Refusal& refusal) {
  Mesh& mesh = scene_.meshes[d.mesh];
  const SoftBody& body = *d.body;
  mesh.positions = body.positions;
  mesh.normals = body.normals;
  mesh.tangents = body.tangents;
  mesh.tree_is_old = true;
  std::vector<Vec3> tangents(body.tangents.size() / 4);
  for (size_t v = 0; v < tangents.size(); v++) tangents[v] = tangent_of(body.tangents, v);
  morph(d, tangents);
  if (d.skin != ~0u) skin(d, tangents);
  for (Vec3& n : mesh.normals) n = normalized(n, {0, 0, 0});
  for (size_t v = 0; v < tangents.size(); v++) store_tangent(&mesh.tangents[v * 4], tangents[v]);
  for (const ComputedTangents& part : mesh.computed) {
    const Material& material = scene_.materials[mesh.triangles[part.first_triangle].material];
    compute_tangents(mesh, part, material.tangent_texture());
  }
  for (Vec3 p : mesh.positions)
    if (!near_enough(p)) return refusal.say("The scene moves a vertex too far away to be drawn.");
  mesh.measure();
  return true;
}

inline void Poser::morph(const Deformation& d, std::vector<Vec3>& tangents) {
  Mesh& mesh = scene_.meshes[d.mesh];
  const std::vector<float>& weights = d.node != ~0u && !weights_[d.node].empty() ? weights_[d.node] : d.weights;
  for (size_t k = 0; k < d.body->targets.size() && k < weights.size(); k++) {
    const MorphTarget& target = d.body->targets[k];
    for (size_t i = 0; i < target.vertex.size() && weights[k] != 0; i++) {
      uint32_t v = target.vertex[i];
      if (!target.position.empty()) mesh.positions[v] = mesh.positions[v] + target.position[i] * weights[k];
      if (!target.normal.empty()) mesh.normals[v] = mesh.normals[v] + target.normal[i] * weights[k];
      if (!target.tangent.empty()) tangents[v] = tangents[v] + target.tangent[i] * weights[k];
    }
  }
}

// Linear blend skinning. The mesh then stands in the world, wherever its node is.
inline void Poser::skin(const Deformation& d, std::vector<Vec3>& tangents) {
  Mesh& mesh = scene_.meshes[d.mesh];
  const Skin& skin = rig_.skins[d.skin];
  std::vector<Affine> joints(skin.joints.size());
  for (size_t j = 0; j < joints.size(); j++) joints[j] = world_[skin.joints[j]] * skin.inverse_bind[j];
  for (size_t v = 0; v < mesh.positions.size(); v++) {
    Affine sum{{0, 0, 0}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
    float total = 0;
    for (const std::vector<Influence>& set : d.body->influences)
      for (int k = 0; k < 4 && !set.empty(); k++) {
        float w = set[v].weight[k];
        if (w == 0) continue;
        const Affine& m = joints[set[v].joint[k]];
        sum = {sum.x + m.x * w, sum.y + m.y * w, sum.z + m.z * w, sum.origin + m.origin * w};
        total += w;
      }
    if (!(total > 0)) {  // follows no joint, which glTF forbids: taken along by the first
      sum = joints[0];
      total = 1;
    }
    float scale = 1 / total;  // weights of quantized sums need not add up to 1
    mesh.positions[v] = sum.point(mesh.positions[v]) * scale;
    bool mirrors = sum.determinant() < 0;
    if (!mesh.normals.empty()) mesh.normals[v] = sum.normal(mesh.normals[v]) * (mirrors ? -1.0f : 1.0f);
    if (tangents.empty()) continue;
    tangents[v] = sum.vector(tangents[v]);
    if (mirrors) mesh.tangents[v * 4 + 3] = int16_t(-mesh.tangents[v * 4 + 3]);
  }
}

inline bool Poser::instances(Refusal& refusal) {
  scene_.instances.clear();
  scene_.bounds = Bounds();
  std::vector<uint32_t> uses(scene_.meshes.size());
  for (const Standing& s : rig_.meshes) uses[s.what]++;
  for (const Standing& s : rig_.meshes) {
    const Mesh& mesh = scene_.meshes[s.what];
    if (mesh.triangles.empty()) continue;
    Instance instance;
    instance.mesh = s.what;
    instance.fixed = uses[s.what] == 1 && !moving_mesh_[s.what] && (s.node == ~0u || !moving_node_[s.node]);
    if (s.node != ~0u) instance.to_world = world_[s.node];
    if (s.offset != ~0u) instance.to_world = instance.to_world * rig_.offsets[s.offset];
    float determinant = instance.to_world.determinant();
    if (determinant == 0 || !finite(1 / determinant)) {
      scene_.warn("Objects scaled to nothing in one direction are left out.");
      continue;
    }
    instance.mirrored = determinant < 0;
    instance.to_object = inverse(instance.to_world);
    Bounds box = transformed(instance.to_world, mesh.bounds);
    if (!finite(instance.to_object.origin) || !near_enough(box.low) || !near_enough(box.high)) return refusal.say("The scene places an object too far away to be drawn.");
    scene_.bounds.add(box);
    scene_.instances.push_back(instance);
  }
  return true;
}

inline void Poser::lamps() {
  for (const Standing& s : rig_.lamps) {
    scene_.punctual[s.what].position = world_[s.node].origin;
    scene_.punctual[s.what].direction = normalized(-world_[s.node].z, {0, 0, -1});
  }
}
