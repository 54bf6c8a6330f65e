// gltf_body.hpp: the triangles of a primitive, its joints and its morph targets.
#pragma once

#include "gltf_mesh.hpp"

inline bool GltfMeshes::triangles(const Part& part, uint64_t mode, Refusal& refusal) {
  AccessorView indices;
  std::vector<Triangle>& out = part.mesh->triangles;
  bool indexed = json_.has(part.id, "indices");
  Gltf::Found found = gltf_.attribute(part.id, "indices", 1, 1, "indices of " + part.what, indices, refusal);
  if (found == Gltf::Found::refused) return false;
  if (indexed && found == Gltf::Found::missing) return true;
  if (indexed && !indices.unsigned_whole()) return refusal.say("The scene's ", part.what, " has indices that are not unsigned numbers.");
  uint32_t corners = indexed ? indices.count : part.count;
  if (corners < 3) return true;
  uint32_t count = mode == 4 ? corners / 3 : corners - 2;
  if (!take(uint64_t(count) * sizeof(Triangle) + MeshTree::estimate(count), refusal)) return false;
  size_t first = out.size();
  out.resize(first + count);
  scene_.unique_triangles += count;
  for (uint32_t t = 0; t < count; t++) {
    uint32_t at[3] = {mode == 4 ? t * 3 : mode == 5 ? t : 0, 0, 0};
    at[1] = mode == 4 ? t * 3 + 1 : mode == 5 ? t + 1 + (t & 1) : t + 1;
    at[2] = mode == 4 ? t * 3 + 2 : mode == 5 ? t + 2 - (t & 1) : t + 2;
    Triangle triangle{{0, 0, 0}, part.material, 0};
    for (int k = 0; k < 3; k++) {
      uint32_t v = indexed ? indices.whole(at[k]) : at[k];
      if (v >= part.count) return refusal.say("The scene's ", part.what, " has the index ", v, ", but only ", part.count, " vertices.");
      triangle.vertex[k] = part.first + v;
    }
    out[first + t] = triangle;
  }
  return true;
}

inline bool GltfMeshes::influences(const Part& part, Refusal& refusal) {
  for (uint32_t set = 0; set < 2; set++) {
    AccessorView joints, weights;
    bool have_joints, have_weights;
    if (!optional(part, words("JOINTS_", set), 4, 4, joints, have_joints, refusal) || !optional(part, words("WEIGHTS_", set), 4, 4, weights, have_weights, refusal)) return false;
    if (!have_joints || !have_weights) continue;
    if (joints.component_type != 5121 && joints.component_type != 5123) return refusal.say("The scene's ", part.what, " has joints that are not unsigned numbers.");
    if (!take(uint64_t(part.count) * sizeof(Influence), refusal)) return false;
    weights.normalized = true;
    std::vector<Influence>& out = part.body->influences[set];
    out.resize(part.mesh->positions.size());
    for (uint32_t i = 0; i < part.count; i++)
      for (uint32_t k = 0; k < 4; k++) {
        float w = weights.real(i, k);
        if (!(w >= 0) || !finite(w)) return refusal.say("The scene's ", part.what, " has a weight that is negative or not a number (vertex ", i, ").");
        out[part.first + i].weight[k] = minf(w, 1);
        out[part.first + i].joint[k] = uint16_t(joints.whole(i, k));
      }
  }
  if (json_.has(part.attributes, "JOINTS_2")) scene_.warn(words("More than eight joints for a vertex of ", part.what, " are ignored."));
  return true;
}

inline bool GltfMeshes::targets(const Part& part, Refusal& refusal) {
  std::vector<uint32_t> targets = json_.items(part.id, "targets");
  constexpr size_t kMaxTargets = 4096;
  if (targets.size() > kMaxTargets) return refusal.say("The scene's ", part.what, " has more than ", kMaxTargets, " morph targets.");
  if (targets.size() > part.body->targets.size()) part.body->targets.resize(targets.size());
  for (size_t k = 0; k < targets.size(); k++)
    if (!differences(part, targets[k], part.body->targets[k], refusal)) return false;
  return true;
}

// Adds the differences that one target makes to the vertices of one primitive.
inline bool GltfMeshes::differences(const Part& part, uint32_t target, MorphTarget& out, Refusal& refusal) {
  AccessorView views[3];
  bool have[3];
  static const char* const kKeys[3] = {"POSITION", "NORMAL", "TANGENT"};
  Part moved = part;
  moved.attributes = target;
  for (int i = 0; i < 3; i++)
    if (!optional(moved, kKeys[i], 3, 3, views[i], have[i], refusal)) return false;
  for (const char* key : {"TEXCOORD_0", "TEXCOORD_1", "COLOR_0"})
    if (json_.has(target, key)) scene_.warn(words("The morph targets of ", part.what, " change ", key, ", which is ignored."));
  have[1] = have[1] && !part.mesh->normals.empty();
  have[2] = have[2] && !part.mesh->tangents.empty();
  std::vector<Vec3>* lists[3] = {&out.position, &out.normal, &out.tangent};
  for (uint32_t v = 0; v < part.count; v++) {
    Vec3 delta[3];
    bool any = false;
    for (int i = 0; i < 3; i++) {
      if (have[i]) delta[i] = views[i].vector(v);
      if (!finite(delta[i])) return refusal.say("The scene's ", part.what, " has a morph target that is not a number (vertex ", v, ").");
      any = any || delta[i].x != 0 || delta[i].y != 0 || delta[i].z != 0;
    }
    if (!any) continue;
    if (!take(sizeof(uint32_t) + 3 * sizeof(Vec3), refusal)) return false;
    out.vertex.push_back(part.first + v);
    for (int i = 0; i < 3; i++) {
      if (!have[i] && lists[i]->empty()) continue;
      lists[i]->resize(out.vertex.size());
      lists[i]->back() = delta[i];
    }
  }
  for (std::vector<Vec3>* list : lists)
    if (!list->empty()) list->resize(out.vertex.size());
  return true;
}
