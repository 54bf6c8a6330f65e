// gltf_scene.hpp: a glTF file and a job's settings become a Scene.
#pragma once

#include "gltf_animation.hpp"
#include "gltf_body.hpp"
#include "gltf_extensions.hpp"
#include "gltf_light.hpp"
#include "gltf_material.hpp"
#include "gltf_tangents.hpp"
#include "pose.hpp"

class GltfLoader {
 public:
  GltfLoader(const Bundle& bundle, const Settings& settings, Budget& budget, bool inspecting, Scene& scene)
      : bundle_(bundle), settings_(settings), budget_(budget), inspecting_(inspecting), scene_(scene), gltf_(bundle, budget, inspecting),
        json_(gltf_.json), materials_(gltf_, scene, budget, inspecting), meshes_(gltf_, scene, budget), rig_(gltf_, scene, budget) {}

  // Everything but the trees, which build_trees makes; posed for the job's
  // first frame.
  bool load(Refusal& refusal) {
    std::vector<GltfRig::Shown> shown;
    if (!gltf_.open(settings_.scene, scene_.missing, refusal) || !check_extensions(json_, scene_, refusal) || !materials_.load(refusal) ||
        !rig_.nodes(shown, refusal) || !rig_.animations(settings_.animation, refusal))
      return false;
    for (GltfRig::Shown node : shown)
      if (!visit(node, refusal)) return false;
    drop_unplaced();
    if (!Poser(scene_, settings_.seconds(settings_.first_frame)).first(refusal)) return false;
    for (const Instance& instance : scene_.instances) scene_.instanced_triangles += scene_.meshes[instance.mesh].triangles.size();
    if (scene_.instances.empty() && scene_.missing.empty()) scene_.warn("The scene holds no surfaces: the picture shows only the sky.");
    return sky(refusal);
  }

 private:
  bool visit(GltfRig::Shown node, Refusal& refusal);
  bool mesh(GltfRig::Shown node, uint32_t id, Refusal& refusal);
  bool deformed(GltfRig::Shown node, uint32_t id, Standing& place, Refusal& refusal);
  bool instancing(GltfRig::Shown node, uint32_t id, Standing place, Refusal& refusal);
  bool camera(uint64_t index, std::string_view node_name, Refusal& refusal);
  bool light(uint32_t number, uint64_t index, Refusal& refusal);
  bool weights_move(uint32_t node) const;
  void drop_unplaced();
  bool sky(Refusal& refusal);

  const Bundle& bundle_;
  const Settings& settings_;
  Budget& budget_;
  bool inspecting_;
  Scene& scene_;
  Gltf gltf_;
  Json& json_;
  GltfMaterials materials_;
  GltfMeshes meshes_;
  GltfRig rig_;
  struct Use { uint32_t mesh, skin, node; auto operator<=>(const Use&) const = default; };
  std::vector<uint32_t> lights_;
  std::map<Use, uint32_t> deformed_;  // meshes that were made already
};

inline bool GltfLoader::visit(GltfRig::Shown node, Refusal& refusal) {
  uint32_t id = gltf_.list("nodes")[node.file];
  uint64_t which;
  if (json_.has(id, "mesh") && !mesh(node, id, refusal)) return false;
  if (json_.has(id, "camera")) {
    if (!json_.whole(id, "camera", 0, which)) which = ~0ull;
    if (!camera(which, json_.text(id, "name"), refusal)) return false;
    scene_.rig.cameras.push_back({node.rig, uint32_t(scene_.cameras.size() - 1)});
  }
  uint32_t lamp = gltf_.extension(id, "KHR_lights_punctual");
  if (lamp == Json::kNone) return true;
  if (!json_.whole(lamp, "light", ~0u, which)) return refusal.say("The scene's node ", node.file, " has a damaged light.");
  return light(node.rig, which, refusal);
}

inline bool GltfLoader::mesh(GltfRig::Shown node, uint32_t id, Refusal& refusal) {
  uint64_t index;
  if (!json_.whole(id, "mesh", 0, index) || index >= gltf_.list("meshes").size()) return refusal.say("The scene's node ", node.file, " uses a mesh that does not exist.");
  if (!meshes_.use(index, refusal)) return false;
  Standing place{node.rig, uint32_t(index)};
  if (meshes_.body(index) && !deformed(node, id, place, refusal)) return false;
  if (!meshes_.body(index) && json_.has(id, "skin")) scene_.warn(words("Node ", node.file, " has a skin, but its mesh has no joints."));
  if (gltf_.extension(id, "EXT_mesh_gpu_instancing") != Json::kNone) return instancing(node, id, place, refusal);
  if (!budget_.take(sizeof(Instance) + 200)) return refusal.say("The scene has more instances than a task can hold.");
  scene_.rig.meshes.push_back(place);
  return true;
}

inline bool GltfLoader::weights_move(uint32_t node) const {
  for (const Track& track : scene_.rig.tracks)
    if (track.node == node && track.moved == Moved::weights) return true;
  return false;
}

// The mesh that follows the node's skin and weights; made once for all nodes
// that would give the same.
inline bool GltfLoader::deformed(GltfRig::Shown node, uint32_t id, Standing& place, Refusal& refusal) {
  uint32_t mesh = place.what;
  const std::shared_ptr<SoftBody>& body = meshes_.body(mesh);
  Deformation d;
  uint64_t index;
  d.body = body;
  d.weights = body->weights;
  if (json_.has(id, "skin") && !body->influences[0].empty()) {
    if (!json_.whole(id, "skin", 0, index)) index = ~0ull;
    if (!rig_.skin(index, d.skin, refusal)) return false;
    size_t joints = scene_.rig.skins[d.skin].joints.size();
    for (const std::vector<Influence>& set : body->influences)
      for (const Influence& i : set)
        for (int k = 0; k < 4; k++)
          if (i.weight[k] > 0 && i.joint[k] >= joints) return refusal.say("The scene's mesh ", mesh, " follows joint ", i.joint[k], ", but skin ", index, " has only ", joints, ".");
  }
  bool own = !d.weights.empty() && (json_.has(id, "weights") || weights_move(node.rig));
  if (!json_.floats(id, "weights", d.weights.data(), uint32_t(d.weights.size()))) return refusal.say("The scene's node ", node.file, " has weights that are not numbers.");
  if (d.skin == ~0u && d.weights.empty()) return true;  // joints without a skin: nothing to follow
  if (own) d.node = node.rig;
  if (d.skin != ~0u) place.node = ~0u;  // the joints alone place it
  auto [at, fresh] = deformed_.try_emplace(Use{mesh, d.skin, d.node}, uint32_t(scene_.meshes.size()));
  place.what = d.mesh = at->second;
  if (!fresh) return true;
  const Mesh& base = scene_.meshes[mesh];
  uint64_t vertex = 40 + base.colors.size() / (base.positions.size() + 1) * 2 + kUvSets * 8;
  if (!budget_.take(base.positions.size() * vertex + base.triangles.size() * sizeof(Triangle) + MeshTree::estimate(base.triangles.size())))
    return refusal.say("The scene's moving meshes need more memory than a task may use.");
  Mesh copy = base;
  scene_.meshes.push_back(std::move(copy));
  scene_.rig.deformations.push_back(std::move(d));
  return true;
}

// EXT_mesh_gpu_instancing: the mesh once for each element, below the node.
inline bool GltfLoader::instancing(GltfRig::Shown node, uint32_t id, Standing place, Refusal& refusal) {
  uint32_t attributes = json_.member(gltf_.extension(id, "EXT_mesh_gpu_instancing"), "attributes");
  std::string what = words(" of the instances of node ", node.file);
  AccessorView views[3];
  static const char* const kKeys[3] = {"TRANSLATION", "ROTATION", "SCALE"};
  uint32_t count = ~0u;
  bool have[3];
  for (int i = 0; i < 3; i++) {
    Gltf::Found found = gltf_.attribute(attributes, kKeys[i], i == 1 ? 4 : 3, i == 1 ? 4 : 3, kKeys[i] + what, views[i], refusal);
    if (found == Gltf::Found::refused) return false;
    have[i] = found == Gltf::Found::yes;
    if (have[i]) count = std::min(count, views[i].count);
  }
  views[1].normalized = true;
  if (count == ~0u) count = 0;
  if (!budget_.take(uint64_t(count) * (sizeof(Instance) + sizeof(Affine) + 200))) return refusal.say("The scene has more instances than a task can hold.");
  for (uint32_t i = 0; i < count; i++) {
    Placement p;
    if (have[0]) p.translation = views[0].vector(i);
    for (uint32_t c = 0; have[1] && c < 4; c++) p.rotation[c] = views[1].real(i, c);
    if (have[2]) p.scale = views[2].vector(i);
    Affine offset = p.matrix();
    if (!finite(offset)) return refusal.say("The scene's node ", node.file, " has an instance whose transform is not numbers.");
    place.offset = uint32_t(scene_.rig.offsets.size());
    scene_.rig.meshes.push_back(place);
    scene_.rig.offsets.push_back(offset);
  }
  return true;
}

inline bool GltfLoader::camera(uint64_t index, std::string_view node_name, Refusal& refusal) {
  const std::vector<uint32_t>& cameras = gltf_.list("cameras");
  if (index >= cameras.size()) return refusal.say("The scene's nodes use a camera that does not exist.");
  uint32_t id = cameras[index];
  Camera camera;
  std::string_view name = json_.text(id, "name");
  camera.name = std::string(node_name.empty() ? name : node_name);
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

inline bool GltfLoader::light(uint32_t number, uint64_t index, Refusal& refusal) {
  PunctualLight light;
  if (lights_.empty()) lights_ = json_.items(gltf_.extension(0, "KHR_lights_punctual"), "lights");
  if (!read_light(json_, lights_, index, light, refusal)) return false;
  if (black(light.color)) return true;
  scene_.rig.lamps.push_back({number, uint32_t(scene_.punctual.size())});
  scene_.punctual.push_back(light);
  return true;
}

// Meshes that stand nowhere as stored, because only their deformed copies do.
inline void GltfLoader::drop_unplaced() {
  std::vector<bool> placed(scene_.meshes.size());
  for (const Standing& s : scene_.rig.meshes) placed[s.what] = true;
  for (size_t i = 0; i < placed.size(); i++)
    if (!placed[i]) scene_.meshes[i] = Mesh();
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
