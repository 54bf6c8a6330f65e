// gltf_scene.hpp: meshes, nodes and cameras of a glTF file become a Scene.
#pragma once

#include "gltf_material.hpp"

class GltfLoader {
 public:
  GltfLoader(const Bundle& bundle, const Settings& settings, Budget& budget, bool inspecting, Scene& scene)
      : bundle_(bundle), settings_(settings), budget_(budget), inspecting_(inspecting), scene_(scene),
        gltf_(bundle, budget, inspecting), json_(gltf_.json), materials_(gltf_, scene, budget, inspecting) {}

  // Everything but the trees, which build_trees makes.
  bool load(Refusal& refusal) {
    return gltf_.open(settings_.scene, scene_.missing, refusal) && materials_.load(refusal) && meshes(refusal) && nodes(refusal) &&
           place(refusal) && sky(refusal);
  }

 private:
  bool meshes(Refusal& refusal);
  bool primitive(uint32_t id, const std::string& what, Mesh& mesh, Refusal& refusal);
  bool vertices(uint32_t attributes, const AccessorView& positions, const std::string& what, Mesh& mesh, Refusal& refusal);
  bool triangles(uint32_t id, uint32_t first_vertex, uint32_t vertex_count, uint32_t material, uint64_t mode, const std::string& what, Mesh& mesh, Refusal& refusal);
  bool nodes(Refusal& refusal);
  bool local_transform(uint32_t id, uint32_t index, Affine& out, Refusal& refusal);
  bool visit(uint32_t index, uint32_t id, const Affine& placed, Refusal& refusal);
  bool camera(uint64_t index, std::string_view node_name, const Affine& placed, Refusal& refusal);
  bool place(Refusal& refusal);
  bool sky(Refusal& refusal);

  const Bundle& bundle_;
  const Settings& settings_;
  Budget& budget_;
  bool inspecting_;
  Scene& scene_;
  Gltf gltf_;
  Json& json_;
  GltfMaterials materials_;
  std::vector<uint32_t> nodes_;
};

inline bool GltfLoader::meshes(Refusal& refusal) {
  uint32_t index = 0;
  for (uint32_t id : json_.items(0, "meshes")) {
    std::string_view label = json_.text(id, "name");
    std::string name = label.empty() ? words("mesh ", index) : words("mesh ", quoted(label));
    index++;
    scene_.meshes.emplace_back();
    Mesh& mesh = scene_.meshes.back();
    uint32_t part = 0;
    for (uint32_t primitive_id : json_.items(id, "primitives"))
      if (!primitive(primitive_id, words(name, ", primitive ", part++), mesh, refusal)) return false;
    if (json_.has(id, "weights")) scene_.warn(words("The morph targets of ", name, " are ignored."));
    for (uint32_t t = 0; t < mesh.triangles.size(); t++)
      if (scene_.materials[mesh.triangles[t].material].emits()) mesh.emitters.push_back(t);
    scene_.unique_triangles += mesh.triangles.size();
    if (!budget_.take(MeshTree::estimate(mesh.triangles.size()) + mesh.emitters.size() * 4))
      return refusal.say("The scene's meshes need more memory than a task may use.");
  }
  return true;
}

inline bool GltfLoader::primitive(uint32_t id, const std::string& what, Mesh& mesh, Refusal& refusal) {
  uint64_t mode, material, index;
  if (!json_.whole(id, "mode", 4, mode) || mode > 6) return refusal.say("The scene's ", what, " has an unknown mode.");
  if (mode < 4) {
    scene_.warn(words("The points and lines of ", what, " are ignored."));
    return true;
  }
  uint32_t attributes = json_.member(id, "attributes");
  if (!json_.whole(id, "material", scene_.materials.size() - 1, material) || material >= scene_.materials.size())
    return refusal.say("The scene's ", what, " uses material ", material, ", which does not exist.");
  if (json_.has(json_.member(id, "extensions"), "KHR_draco_mesh_compression"))
    return refusal.say("The scene's ", what, " is compressed with Draco, which this renderer cannot read yet; export it without compression.");
  if (!json_.has(attributes, "POSITION")) {
    scene_.warn(words("The ", what, " has no positions and is ignored."));
    return true;
  }
  AccessorView positions;
  if (!json_.whole(attributes, "POSITION", 0, index)) return refusal.say("The scene's ", what, " has no valid positions.");
  Gltf::Found found = gltf_.accessor(index, 3, "the positions of " + what, positions, refusal);
  if (found == Gltf::Found::missing) return true;
  if (found == Gltf::Found::refused) return false;
  uint32_t first = uint32_t(mesh.positions.size());
  if (!budget_.take(uint64_t(positions.count) * 32) || first + uint64_t(positions.count) >= ~0u)
    return refusal.say("The scene's meshes need more memory than a task may use.");
  if (!vertices(attributes, positions, what, mesh, refusal)) return false;
  if (json_.has(attributes, "COLOR_0")) scene_.warn(words("The vertex colours of ", what, " are ignored."));
  if (json_.has(attributes, "JOINTS_0")) scene_.warn(words("The skin of ", what, " is ignored: it stands in its rest pose."));
  return triangles(id, first, positions.count, uint32_t(material), mode, what, mesh, refusal);
}

inline bool GltfLoader::vertices(uint32_t attributes, const AccessorView& positions, const std::string& what, Mesh& mesh, Refusal& refusal) {
  size_t first = mesh.positions.size();
  for (uint32_t i = 0; i < positions.count; i++) {
    Vec3 p{positions.real(i, 0), positions.real(i, 1), positions.real(i, 2)};
    if (!finite(p)) return refusal.say("The scene's ", what, " has a position that is not a number (vertex ", i, ").");
    if (maxf(fabsf(p.x), maxf(fabsf(p.y), fabsf(p.z))) > kMaxCoordinate) return refusal.say("The scene's ", what, " has a position too far away (vertex ", i, ").");
    mesh.positions.push_back(p);
  }
  auto optional = [&](const char* key, uint32_t components, AccessorView& view, bool& have) {
    uint64_t index;
    have = false;
    if (!json_.has(attributes, key)) return true;
    if (!json_.whole(attributes, key, 0, index)) return refusal.say("The scene's ", what, " has a damaged ", key, ".");
    Gltf::Found found = gltf_.accessor(index, components, words(key, " of ", what), view, refusal);
    if (found == Gltf::Found::refused) return false;
    have = found == Gltf::Found::yes;
    if (have && view.count < positions.count) return refusal.say("The scene's ", what, " has fewer ", key, " than positions.");
    return true;
  };
  AccessorView normals, uvs;
  bool have_normals, have_uvs;
  if (!optional("NORMAL", 3, normals, have_normals) || !optional("TEXCOORD_0", 2, uvs, have_uvs)) return false;
  if (have_normals || !mesh.normals.empty()) {
    mesh.normals.resize(mesh.positions.size());
    for (uint32_t i = 0; have_normals && i < positions.count; i++)
      mesh.normals[first + i] = normalized({normals.real(i, 0), normals.real(i, 1), normals.real(i, 2)}, {0, 0, 0});
  }
  if (have_uvs || !mesh.uvs.empty()) {
    mesh.uvs.resize(mesh.positions.size() * 2);
    for (uint32_t i = 0; have_uvs && i < positions.count * 2; i++) {
      float v = uvs.real(i / 2, i % 2);
      mesh.uvs[first * 2 + i] = finite(v) ? v : 0;
    }
  }
  return true;
}

inline bool GltfLoader::triangles(uint32_t id, uint32_t first_vertex, uint32_t vertex_count, uint32_t material, uint64_t mode, const std::string& what, Mesh& mesh, Refusal& refusal) {
  AccessorView indices;
  uint64_t index;
  bool indexed = json_.has(id, "indices");
  if (indexed) {
    if (!json_.whole(id, "indices", 0, index)) return refusal.say("The scene's ", what, " has damaged indices.");
    Gltf::Found found = gltf_.accessor(index, 1, "the indices of " + what, indices, refusal);
    if (found == Gltf::Found::missing) return true;
    if (found == Gltf::Found::refused) return false;
    if (indices.component_type != 5121 && indices.component_type != 5123 && indices.component_type != 5125)
      return refusal.say("The scene's ", what, " has indices that are not unsigned numbers.");
  }
  uint32_t corners = indexed ? indices.count : vertex_count;
  if (corners < 3) return true;
  uint32_t count = mode == 4 ? corners / 3 : corners - 2;
  if (!budget_.take(uint64_t(count) * sizeof(Triangle))) return refusal.say("The scene's meshes need more memory than a task may use.");
  mesh.triangles.reserve(mesh.triangles.size() + count);
  for (uint32_t t = 0; t < count; t++) {
    uint32_t at[3] = {mode == 4 ? t * 3 : mode == 5 ? t : 0, 0, 0};
    at[1] = mode == 4 ? t * 3 + 1 : mode == 5 ? t + 1 + (t & 1) : t + 1;
    at[2] = mode == 4 ? t * 3 + 2 : mode == 5 ? t + 2 - (t & 1) : t + 2;
    Triangle triangle{{0, 0, 0}, material};
    for (int k = 0; k < 3; k++) {
      uint32_t v = indexed ? indices.whole(at[k]) : at[k];
      if (v >= vertex_count) return refusal.say("The scene's ", what, " has the index ", v, ", but only ", vertex_count, " vertices.");
      triangle.vertex[k] = first_vertex + v;
    }
    mesh.triangles.push_back(triangle);
  }
  return true;
}

inline bool GltfLoader::local_transform(uint32_t id, uint32_t index, Affine& out, Refusal& refusal) {
  auto broken = [&] { return refusal.say("The scene's node ", index, " has a transform that is not numbers."); };
  float m[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  if (json_.has(id, "matrix")) {
    if (!json_.floats(id, "matrix", m, 16)) return broken();
    out = {{m[0], m[1], m[2]}, {m[4], m[5], m[6]}, {m[8], m[9], m[10]}, {m[12], m[13], m[14]}};
    return true;
  }
  float t[3] = {0, 0, 0}, q[4] = {0, 0, 0, 1}, s[3] = {1, 1, 1};
  if (!json_.floats(id, "translation", t, 3) || !json_.floats(id, "rotation", q, 4) || !json_.floats(id, "scale", s, 3)) return broken();
  float norm = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];
  float k = norm > 0 && finite(norm) ? 2 / norm : 0;
  float x = q[0], y = q[1], z = q[2], w = q[3];
  out.x = Vec3{1 - k * (y * y + z * z), k * (x * y + z * w), k * (x * z - y * w)} * s[0];
  out.y = Vec3{k * (x * y - z * w), 1 - k * (x * x + z * z), k * (y * z + x * w)} * s[1];
  out.z = Vec3{k * (x * z + y * w), k * (y * z - x * w), 1 - k * (x * x + y * y)} * s[2];
  out.origin = {t[0], t[1], t[2]};
  return true;
}

// Walks the node forest of the scene without recursion; every node is placed
// at most once, so cycles and shared children are found.
inline bool GltfLoader::nodes(Refusal& refusal) {
  nodes_ = json_.items(0, "nodes");
  std::vector<uint32_t> scenes = json_.items(0, "scenes");
  uint64_t chosen;
  if (!json_.whole(0, "scene", 0, chosen)) return refusal.say("The scene's default scene is damaged.");
  if (!scenes.empty() && chosen >= scenes.size()) return refusal.say("The scene names scene ", chosen, ", which does not exist.");
  struct Pending { uint32_t node; Affine parent; };
  std::vector<Pending> work;
  std::vector<bool> seen(nodes_.size()), child(nodes_.size());
  auto push = [&](uint32_t item, const Affine& parent) {
    double v = json_.at(item).number;
    if (!json_.is(item, Json::Kind::number) || !(v >= 0) || v >= double(nodes_.size()) || v != double(uint32_t(v)))
      return refusal.say("The scene's node tree names a node that does not exist.");
    work.push_back({uint32_t(v), parent});
    return true;
  };
  if (!scenes.empty()) {
    std::vector<uint32_t> roots = json_.items(scenes[chosen], "nodes");
    for (size_t i = roots.size(); i-- > 0;)
      if (!push(roots[i], Affine())) return false;
  } else {
    for (uint32_t i = uint32_t(nodes_.size()); i-- > 0;) work.push_back({i, Affine()});
    for (uint32_t id : nodes_)
      for (uint32_t item : json_.items(id, "children"))
        if (json_.at(item).number >= 0 && json_.at(item).number < double(nodes_.size())) child[size_t(json_.at(item).number)] = true;
    work.erase(std::remove_if(work.begin(), work.end(), [&](const Pending& p) { return child[p.node]; }), work.end());
  }
  while (!work.empty()) {
    Pending job = work.back();
    work.pop_back();
    if (seen[job.node]) return refusal.say("The scene's node ", job.node, " is reached twice: its node tree is cyclic or shared.");
    seen[job.node] = true;
    uint32_t id = nodes_[job.node];
    Affine local;
    if (!local_transform(id, job.node, local, refusal)) return false;
    Affine placed = job.parent * local;
    if (!visit(job.node, id, placed, refusal)) return false;
    std::vector<uint32_t> children = json_.items(id, "children");
    for (size_t i = children.size(); i-- > 0;)
      if (!push(children[i], placed)) return false;
  }
  if (json_.has(0, "animations")) scene_.warn("The animations are ignored: the picture shows the scene as it is stored.");
  return true;
}

inline bool GltfLoader::visit(uint32_t index, uint32_t id, const Affine& placed, Refusal& refusal) {
  uint64_t which;
  if (!finite(placed.x) || !finite(placed.y) || !finite(placed.z) || !finite(placed.origin))
    return refusal.say("The scene's node ", index, " has a transform that is not finite.");
  if (json_.has(id, "mesh")) {
    if (!json_.whole(id, "mesh", 0, which) || which >= scene_.meshes.size()) return refusal.say("The scene's node ", index, " uses a mesh that does not exist.");
    if (!budget_.take(sizeof(Instance) + 200)) return refusal.say("The scene has more instances than a task can hold.");
    Instance instance;
    instance.mesh = uint32_t(which);
    instance.to_world = placed;
    scene_.instances.push_back(instance);
  }
  if (json_.has(id, "camera")) {
    if (!json_.whole(id, "camera", 0, which)) which = ~0ull;
    if (!camera(which, json_.text(id, "name"), placed, refusal)) return false;
  }
  uint32_t light = json_.member(json_.member(id, "extensions"), "KHR_lights_punctual");
  if (light == Json::kNone) return true;
  if (!json_.whole(light, "light", ~0u, which)) return refusal.say("The scene's node ", index, " has a damaged light.");
  return materials_.light(which, placed, refusal);
}

inline bool GltfLoader::camera(uint64_t index, std::string_view node_name, const Affine& placed, Refusal& refusal) {
  std::vector<uint32_t> cameras = json_.items(0, "cameras");
  if (index >= cameras.size()) return refusal.say("The scene's nodes use a camera that does not exist.");
  uint32_t id = cameras[index];
  Camera camera;
  std::string_view name = json_.text(id, "name");
  camera.name = std::string(node_name.empty() ? name : node_name);
  camera.to_world = placed;
  // glTF and Blender's importer both take yfov as it is: the height of the
  // frame keeps its angle, and the frame's own shape decides the width.
  if (json_.text(id, "type") == "orthographic") {
    camera.orthographic = true;
    camera.half_height = clampf(json_.number(json_.member(id, "orthographic"), "ymag", 1), 1e-6f, 1e9f);
  } else {
    float yfov = json_.number(json_.member(id, "perspective"), "yfov", 0.7f);
    camera.tan_half_height = tanf(clampf(yfov, 1e-3f, 3.1f) / 2);
  }
  scene_.cameras.push_back(camera);
  return true;
}

// Drops what cannot be seen and measures the scene.
inline bool GltfLoader::place(Refusal& refusal) {
  std::vector<Bounds> mesh_bounds(scene_.meshes.size());
  for (size_t m = 0; m < scene_.meshes.size(); m++)
    for (const Triangle& t : scene_.meshes[m].triangles)
      for (uint32_t v : t.vertex) mesh_bounds[m].add(scene_.meshes[m].positions[v]);
  std::vector<Instance> kept;
  for (Instance& instance : scene_.instances) {
    const Mesh& mesh = scene_.meshes[instance.mesh];
    if (mesh.triangles.empty()) continue;
    float determinant = instance.to_world.determinant();
    if (determinant == 0 || !finite(1 / determinant)) {
      scene_.warn("Objects scaled to nothing in one direction are left out.");
      continue;
    }
    instance.to_object = inverse(instance.to_world);
    Bounds box = transformed(instance.to_world, mesh_bounds[instance.mesh]);
    float reach = maxf(largest(box.high), largest(-box.low));
    if (!finite(instance.to_object.origin) || !(reach < kMaxCoordinate)) return refusal.say("The scene places ", "an object too far away to be drawn.");
    scene_.bounds.add(box);
    scene_.instanced_triangles += mesh.triangles.size();
    kept.push_back(instance);
  }
  scene_.instances = std::move(kept);
  if (scene_.instances.empty() && scene_.missing.empty()) scene_.warn("The scene holds no surfaces: the picture shows only the sky.");
  return true;
}

inline bool GltfLoader::sky(Refusal& refusal) {
  if (settings_.sky_file.empty()) return true;
  const Bundle::Entry* entry = bundle_.find(settings_.sky_file);
  if (!entry) {
    if (!inspecting_) return refusal.say("The sky picture ", quoted(settings_.sky_file), " is not there.");
    scene_.missing.push_back(settings_.sky_file);
    return true;
  }
  SkyPicture& sky = scene_.sky;
  if (inspecting_) return measure_image(entry->data, quoted(settings_.sky_file), sky.width, sky.height, refusal);
  return decode_sky(entry->data, quoted(settings_.sky_file), budget_, scene_.srgb, sky.width, sky.height, sky.rgb, refusal);
}
