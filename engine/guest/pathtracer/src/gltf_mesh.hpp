// gltf_mesh.hpp: the meshes of a glTF file, and what their vertices can follow.
//
// A mesh is read when the first node asks for it. Attributes that its
// materials do not look at are not kept: millions of triangles have to fit.
#pragma once

#include "gltf_numbers.hpp"
#include "scene.hpp"

class GltfMeshes {
 public:
  GltfMeshes(Gltf& gltf, Scene& scene, Budget& budget) : gltf_(gltf), json_(gltf.json), scene_(scene), budget_(budget) {}

  // Reads a mesh; its number in the scene is its number in the file.
  bool use(uint64_t index, Refusal& refusal);
  // What its vertices follow; nothing if it has neither joints nor morph targets.
  const std::shared_ptr<SoftBody>& body(uint64_t index) const { return bodies_[index]; }

 private:
  // One primitive while it is read.
  struct Part {
    uint32_t id, attributes;
    std::string what;
    uint32_t material = 0, first = 0, count = 0;  // its vertices in the mesh
    Mesh* mesh;
    SoftBody* body;
  };

  bool primitive(Part& part, Refusal& refusal);
  bool positions(const AccessorView& view, const Part& part, Refusal& refusal);
  bool optional(const Part& part, const std::string& key, uint32_t least, uint32_t most, AccessorView& view, bool& have, Refusal& refusal);
  bool normals(const Part& part, Refusal& refusal);
  bool uvs(const Part& part, Refusal& refusal);
  bool colors(const Part& part, Refusal& refusal);
  bool influences(const Part& part, Refusal& refusal);
  bool targets(const Part& part, Refusal& refusal);
  bool differences(const Part& part, uint32_t target, MorphTarget& out, Refusal& refusal);
  bool triangles(const Part& part, uint64_t mode, Refusal& refusal);
  bool tangents(Part& part, uint32_t first_triangle, Refusal& refusal);
  bool part_hands(Part& part, ComputedTangents& range, const Texture& texture, Refusal& refusal);
  bool duplicate(const Part& part, const std::vector<uint32_t>& vertices, Refusal& refusal);
  bool duplicate(MorphTarget& target, const Part& part, const std::vector<uint32_t>& vertices, Refusal& refusal);
  bool pad(Mesh& mesh, Refusal& refusal);
  bool all_flat(const Mesh& mesh) const;
  bool soften(uint32_t id, uint64_t index, Refusal& refusal);
  bool take(uint64_t bytes, Refusal& refusal) { return budget_.take(bytes) || refusal.say("The scene's meshes need more memory than a task may use."); }

  Gltf& gltf_;
  Json& json_;
  Scene& scene_;
  Budget& budget_;
  std::vector<bool> seen_;
  std::vector<std::shared_ptr<SoftBody>> bodies_;
};

inline bool GltfMeshes::use(uint64_t index, Refusal& refusal) {
  size_t count = gltf_.list("meshes").size();
  if (seen_.empty()) {
    seen_.resize(count);
    bodies_.resize(count);
    scene_.meshes.resize(count);
  }
  if (seen_[index]) return true;
  seen_[index] = true;
  uint32_t id = gltf_.list("meshes")[index], number = 0;
  std::string_view label = json_.text(id, "name");
  std::string name = label.empty() ? words("mesh ", index) : words("mesh ", quoted(label));
  Mesh& mesh = scene_.meshes[index];
  SoftBody body;
  for (uint32_t primitive_id : json_.items(id, "primitives")) {
    Part part{primitive_id, json_.member(primitive_id, "attributes"), words(name, ", primitive ", number++), 0, 0, 0, &mesh, &body};
    if (!primitive(part, refusal)) return false;
  }
  if (!pad(mesh, refusal)) return false;
  for (uint32_t t = 0; t < mesh.triangles.size(); t++)
    if (scene_.materials[mesh.triangles[t].material].emits()) mesh.emitters.push_back(t);
  mesh.measure();
  if (!body.targets.empty() || !body.influences[0].empty()) bodies_[index] = std::make_shared<SoftBody>(std::move(body));
  else if (all_flat(mesh)) mesh.normals = {};
  return soften(id, index, refusal);
}

// Whether the normals say no more than the triangles do, as those of flat shaded
// meshes: without them a surface is found sooner. A normal map needs them.
inline bool GltfMeshes::all_flat(const Mesh& mesh) const {
  for (const Triangle& t : mesh.triangles) {
    if (mesh.normals.empty() || scene_.materials[t.material].bends_normals()) return false;
    Vec3 a = mesh.positions[t.vertex[0]], face = normalized(cross(mesh.positions[t.vertex[1]] - a, mesh.positions[t.vertex[2]] - a));
    for (uint32_t v : t.vertex)
      if (!(dot(mesh.normals[v], face) > 1 - 1e-6f)) return false;
  }
  return true;
}

// Gives every vertex a value of each attribute that any primitive has.
inline bool GltfMeshes::pad(Mesh& mesh, Refusal& refusal) {
  size_t count = mesh.positions.size();
  auto fill = [&](auto& values, size_t width, auto value) {
    if (values.empty() || values.size() == count * width) return true;
    if (!take((count * width - values.size()) * sizeof value, refusal)) return false;
    values.resize(count * width, value);
    return true;
  };
  for (std::vector<float>& uvs : mesh.uvs)
    if (!fill(uvs, 2, 0.0f)) return false;
  return fill(mesh.normals, 1, Vec3{0, 0, 0}) && fill(mesh.colors, 4, uint16_t(65535)) && fill(mesh.tangents, 4, int16_t(0));
}

// Moves what deforms into the body, from which each pose is made.
inline bool GltfMeshes::soften(uint32_t id, uint64_t index, Refusal& refusal) {
  if (!bodies_[index]) return true;
  SoftBody& body = *bodies_[index];
  const Mesh& mesh = scene_.meshes[index];
  if (!take(mesh.positions.size() * 24 + mesh.tangents.size() * 2, refusal)) return false;
  body.positions = mesh.positions;
  body.normals = mesh.normals;
  body.tangents = mesh.tangents;
  for (std::vector<Influence>& set : body.influences)
    if (!set.empty()) set.resize(mesh.positions.size());
  body.weights.resize(body.targets.size());
  return json_.floats(id, "weights", body.weights.data(), uint32_t(body.weights.size())) || refusal.say("The scene's mesh ", index, " has weights that are not numbers.");
}

inline bool GltfMeshes::primitive(Part& part, Refusal& refusal) {
  uint64_t mode, material;
  if (!json_.whole(part.id, "mode", 4, mode) || mode > 6) return refusal.say("The scene's ", part.what, " has an unknown mode.");
  if (mode < 4) {
    scene_.warn(words("The points and lines of ", part.what, " are ignored."));
    return true;
  }
  if (!json_.whole(part.id, "material", scene_.materials.size() - 1, material) || material >= scene_.materials.size())
    return refusal.say("The scene's ", part.what, " uses material ", material, ", which does not exist.");
  part.material = uint32_t(material);
  if (!json_.has(part.attributes, "POSITION")) {
    scene_.warn(words("The ", part.what, " has no positions and is ignored."));
    return true;
  }
  uint64_t index;
  bool draco = gltf_.extension(part.id, "KHR_draco_mesh_compression") != Json::kNone;
  if (draco && json_.whole(part.attributes, "POSITION", 0, index) && index < gltf_.list("accessors").size() && !json_.has(gltf_.list("accessors")[index], "bufferView"))
    return refusal.say("The scene's ", part.what, " is compressed with Draco (KHR_draco_mesh_compression), which has to be undone before rendering; export it without compression.");
  AccessorView view;
  Gltf::Found found = gltf_.attribute(part.attributes, "POSITION", 3, 3, "positions of " + part.what, view, refusal);
  if (found != Gltf::Found::yes) return found == Gltf::Found::missing;
  part.first = uint32_t(part.mesh->positions.size());
  part.count = view.count;
  if (part.first + uint64_t(view.count) >= ~0u) return refusal.say("The scene's ", part.what, " has too many vertices.");
  uint32_t first_triangle = uint32_t(part.mesh->triangles.size());
  return positions(view, part, refusal) && normals(part, refusal) && uvs(part, refusal) && colors(part, refusal) && influences(part, refusal) &&
         targets(part, refusal) && triangles(part, mode, refusal) && tangents(part, first_triangle, refusal);
}

inline bool GltfMeshes::positions(const AccessorView& view, const Part& part, Refusal& refusal) {
  std::vector<Vec3>& out = part.mesh->positions;
  if (!take(uint64_t(part.count) * sizeof(Vec3), refusal)) return false;
  out.resize(out.size() + part.count);
  for (uint32_t i = 0; i < part.count; i++) {
    Vec3 p = view.vector(i);
    if (!finite(p)) return refusal.say("The scene's ", part.what, " has a position that is not a number (vertex ", i, ").");
    if (!near_enough(p)) return refusal.say("The scene's ", part.what, " has a position too far away (vertex ", i, ").");
    out[part.first + i] = p;
  }
  return true;
}

// An attribute that a primitive may have; at least one value for each vertex.
inline bool GltfMeshes::optional(const Part& part, const std::string& key, uint32_t least, uint32_t most, AccessorView& view, bool& have, Refusal& refusal) {
  Gltf::Found found = gltf_.attribute(part.attributes, key, least, most, words(key, " of ", part.what), view, refusal);
  have = found == Gltf::Found::yes;
  if (found == Gltf::Found::refused) return false;
  if (have && view.count < part.count) return refusal.say("The scene's ", part.what, " has fewer ", key, " than positions.");
  return true;
}

inline bool GltfMeshes::normals(const Part& part, Refusal& refusal) {
  Mesh& mesh = *part.mesh;
  AccessorView view;
  bool have, bent = scene_.materials[part.material].bends_normals();
  if (!optional(part, "NORMAL", 3, 3, view, have, refusal)) return false;
  if (have && !take(uint64_t(part.count) * sizeof(Vec3), refusal)) return false;
  if (have) mesh.normals.resize(mesh.positions.size());
  for (uint32_t i = 0; have && i < part.count; i++) mesh.normals[part.first + i] = normalized(view.vector(i), {0, 0, 0});
  AccessorView tangents;
  if (!have || !bent) return true;  // without normals, tangents mean nothing
  if (!optional(part, "TANGENT", 4, 4, tangents, have, refusal)) return false;
  if (have && !take(uint64_t(part.count) * 8, refusal)) return false;
  if (have) mesh.tangents.resize(mesh.positions.size() * 4);
  for (uint32_t i = 0; have && i < part.count; i++) {
    int16_t* t = &mesh.tangents[size_t(part.first + i) * 4];
    store_tangent(t, tangents.vector(i));
    t[3] = tangents.real(i, 3) < 0 ? int16_t(-kGivenHand) : kGivenHand;
  }
  return true;
}

inline bool GltfMeshes::uvs(const Part& part, Refusal& refusal) {
  Mesh& mesh = *part.mesh;
  uint32_t wanted = scene_.materials[part.material].uv_sets();
  for (uint32_t set = 0; set < kUvSets; set++) {
    if (!(wanted >> set & 1)) continue;
    AccessorView view;
    bool have;
    if (!optional(part, words("TEXCOORD_", set), 2, 2, view, have, refusal)) return false;
    if (!have) continue;
    if (!take(uint64_t(part.count) * 8, refusal)) return false;
    mesh.uvs[set].resize(mesh.positions.size() * 2);
    for (uint32_t i = 0; i < part.count * 2; i++) {
      float v = view.real(i / 2, i % 2);
      mesh.uvs[set][size_t(part.first) * 2 + i] = finite(v) ? v : 0;
    }
  }
  return true;
}

inline bool GltfMeshes::colors(const Part& part, Refusal& refusal) {
  Mesh& mesh = *part.mesh;
  AccessorView view;
  bool have;
  if (!optional(part, "COLOR_0", 3, 4, view, have, refusal)) return false;
  if (json_.has(part.attributes, "COLOR_1")) scene_.warn(words("The second vertex colours of ", part.what, " are ignored."));
  if (!have) return true;
  if (!take(uint64_t(part.count) * 8, refusal)) return false;
  view.normalized = true;
  mesh.colors.resize(mesh.positions.size() * 4, 65535);
  for (uint32_t i = 0; i < part.count; i++)
    for (uint32_t c = 0; c < view.components; c++) mesh.colors[size_t(part.first + i) * 4 + c] = uint16_t(lrintf(clampf(view.real(i, c), 0, 1) * 65535));
  return true;
}
