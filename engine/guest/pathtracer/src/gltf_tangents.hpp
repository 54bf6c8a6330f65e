// gltf_tangents.hpp: tangents for the primitives that need and do not have them.
#pragma once

#include "gltf_mesh.hpp"
#include "tangents.hpp"

// Computes the tangents of the primitive just read, if its material bends
// normals and it has normals and the texture coordinates, but no TANGENT.
inline bool GltfMeshes::tangents(Part& part, uint32_t first_triangle, Refusal& refusal) {
  Mesh& mesh = *part.mesh;
  const Material& material = scene_.materials[part.material];
  size_t end = mesh.positions.size();
  if (!material.bends_normals() || first_triangle == mesh.triangles.size() || mesh.normals.size() < end || mesh.tangents.size() == end * 4) return true;
  const Texture& texture = material.tangent_texture();
  if (mesh.uvs[texture.uv_set].size() < end * 2) return true;
  ComputedTangents range{part.first, part.count, first_triangle, uint32_t(mesh.triangles.size()) - first_triangle};
  if (!take(uint64_t(part.count) * 8, refusal)) return false;
  mesh.tangents.reserve(end * 4);
  mesh.tangents.resize(end * 4);
  if (!part_hands(part, range, texture, refusal)) return false;
  uint64_t needed = Weld::most_bytes(range.count) + uint64_t(range.count) * 2 * sizeof(Vec3);
  if (!take(needed, refusal)) return false;
  compute_tangents(mesh, range, texture);
  budget_.give(needed);
  mesh.computed.push_back(range);
  return true;
}

// Gives every vertex the handedness of its triangles. One that lies between
// triangles of both kinds becomes two.
inline bool GltfMeshes::part_hands(Part& part, ComputedTangents& range, const Texture& texture, Refusal& refusal) {
  Mesh& mesh = *part.mesh;
  constexpr uint32_t kNone = ~0u;
  std::vector<uint32_t> twin(part.count, kNone), copied;
  for (uint32_t i = 0; i < range.triangles; i++) {
    Triangle& t = mesh.triangles[range.first_triangle + i];
    int16_t hand = uv_hand(mesh, t, texture);
    uint32_t vertices[3] = {t.vertex[0], t.vertex[1], t.vertex[2]};
    for (int k = 0; k < 3 && hand != 0; k++) {
      uint32_t v = vertices[k];
      int16_t& known = mesh.tangents[size_t(v) * 4 + 3];
      if (known == 0) known = hand;
      if (known == hand) continue;
      uint32_t& other = twin[v - part.first];
      if (other == kNone) {
        other = part.first + part.count + uint32_t(copied.size());
        copied.push_back(v);
      }
      t.vertex[k] = other;
    }
  }
  if (part.first + uint64_t(part.count) + copied.size() >= ~0u) return refusal.say("The scene's ", part.what, " has too many vertices.");
  if (!copied.empty() && !duplicate(part, copied, refusal)) return false;
  for (size_t i = 0; i < copied.size(); i++) mesh.tangents[(size_t(part.first) + part.count + i) * 4 + 3] = int16_t(-mesh.tangents[size_t(copied[i]) * 4 + 3]);
  range.count = part.count + uint32_t(copied.size());
  return true;
}

// Appends copies of vertices, with all that they have and follow.
inline bool GltfMeshes::duplicate(const Part& part, const std::vector<uint32_t>& vertices, Refusal& refusal) {
  Mesh& mesh = *part.mesh;
  size_t first = mesh.positions.size();
  auto copy = [&](auto& values, size_t width) {
    if (values.size() != first * width) return true;  // of other primitives only: pad() fills it
    if (!take(vertices.size() * width * sizeof values[0], refusal)) return false;
    values.reserve((first + vertices.size()) * width);
    for (uint32_t v : vertices)
      for (size_t i = 0; i < width; i++) values.push_back(values[v * width + i]);
    return true;
  };
  for (std::vector<float>& uvs : mesh.uvs)
    if (!copy(uvs, 2)) return false;
  for (std::vector<Influence>& set : part.body->influences)
    if (!copy(set, 1)) return false;
  for (MorphTarget& target : part.body->targets)
    if (!duplicate(target, part, vertices, refusal)) return false;
  return copy(mesh.normals, 1) && copy(mesh.colors, 4) && copy(mesh.tangents, 4) && copy(mesh.positions, 1);
}

// Lets the copies of vertices follow a morph target as they do.
inline bool GltfMeshes::duplicate(MorphTarget& target, const Part& part, const std::vector<uint32_t>& vertices, Refusal& refusal) {
  std::vector<uint32_t> place(part.count, ~0u);  // of each vertex of the primitive in the target
  for (size_t i = 0; i < target.vertex.size(); i++)
    if (target.vertex[i] >= part.first) place[target.vertex[i] - part.first] = uint32_t(i);
  for (size_t i = 0; i < vertices.size(); i++) {
    uint32_t at = place[vertices[i] - part.first];
    if (at == ~0u) continue;
    if (!take(sizeof(uint32_t) + 3 * sizeof(Vec3), refusal)) return false;
    target.vertex.push_back(part.first + part.count + uint32_t(i));
    for (std::vector<Vec3>* list : {&target.position, &target.normal, &target.tangent})
      if (!list->empty()) list->push_back((*list)[at]);
  }
  return true;
}
