// trees.hpp: the trees of a loaded scene, and rays cast into them.
//
// Meshes that are placed once and stay where they are share one tree in world
// space: nothing has to be turned to meet them. Every other mesh has a tree of
// its own, and a tree over instances leads there; those are the ones that
// repeat, move or change their shape.
#pragma once

#include "shading.hpp"

// The tree over the instances that are not fixed: all that a new pose of the
// scene needs, as long as no mesh changes its shape.
inline void build_instance_tree(Scene& scene) {
  std::vector<Bounds> boxes;
  std::vector<uint32_t> placed;
  for (uint32_t i = 0; i < scene.instances.size(); i++) {
    const Instance& instance = scene.instances[i];
    if (instance.fixed) continue;
    boxes.push_back(transformed(instance.to_world, scene.meshes[instance.mesh].tree.bounds));
    placed.push_back(i);
  }
  scene.tree.build(boxes);
  for (uint32_t& leaf : scene.tree.leaf_instance) leaf = placed[leaf];
}

// Sorts the instances into fixed and placed ones and builds all trees.
inline void build_trees(Scene& scene) {
  std::vector<uint32_t> uses(scene.meshes.size());
  for (const Instance& instance : scene.instances) uses[instance.mesh]++;
  scene.fixed_first.clear();
  scene.fixed_instance.clear();
  uint32_t triangles = 0;
  for (uint32_t i = 0; i < scene.instances.size(); i++) {
    Instance& instance = scene.instances[i];
    uint64_t count = scene.meshes[instance.mesh].triangles.size();
    instance.fixed = uses[instance.mesh] == 1 && !instance.moves && triangles + count < kFixed;
    if (!instance.fixed) continue;
    scene.fixed_first.push_back(triangles);
    scene.fixed_instance.push_back(i);
    triangles += uint32_t(count);
  }
  uint32_t part = 0;
  auto corner = [&](uint32_t t, int k) {
    while (part + 1 < scene.fixed_first.size() && t >= scene.fixed_first[part + 1]) part++;
    while (t < scene.fixed_first[part]) part--;
    const Instance& instance = scene.instances[scene.fixed_instance[part]];
    const Mesh& mesh = scene.meshes[instance.mesh];
    return instance.to_world.point(mesh.positions[mesh.triangles[t - scene.fixed_first[part]].vertex[k]]);
  };
  scene.fixed = MeshTree();
  scene.fixed.build(triangles, corner);
  std::vector<bool> built(scene.meshes.size());
  for (const Instance& instance : scene.instances) {
    if (instance.fixed || built[instance.mesh]) continue;
    Mesh& mesh = scene.meshes[instance.mesh];
    mesh.tree = MeshTree();
    mesh.tree.build(uint32_t(mesh.triangles.size()), [&](uint32_t t, int k) { return mesh.positions[mesh.triangles[t].vertex[k]]; });
    built[instance.mesh] = true;
  }
  build_instance_tree(scene);
}

// The nearest meeting of a ray with the scene before hit.at.t; with any = true,
// whichever is found first.
template <bool any>
inline bool cast(const Scene& scene, const Ray& ray, Hit& hit) {
  bool found = scene.fixed.intersect<any>(ray, hit.at);
  hit.instance = kFixed;
  if (!(any && found) && !scene.tree.nodes.empty()) {
    walk(scene.tree.nodes, ray, hit.at.t, [&](uint32_t leaf) {
      uint32_t index = scene.tree.leaf_instance[leaf];
      const Instance& instance = scene.instances[index];
      Ray local{instance.to_object.point(ray.origin), instance.to_object.vector(ray.direction)};
      if (!scene.meshes[instance.mesh].tree.intersect<any>(local, hit.at)) return false;
      hit.instance = index;
      found = true;
      return any;
    });
  }
  if (!any && found && hit.instance == kFixed) {
    auto after = std::upper_bound(scene.fixed_first.begin(), scene.fixed_first.end(), hit.at.triangle);
    size_t part = size_t(after - scene.fixed_first.begin()) - 1;
    hit.instance = scene.fixed_instance[part];
    hit.at.triangle -= scene.fixed_first[part];
  }
  return found;
}
