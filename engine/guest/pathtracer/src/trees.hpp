// trees.hpp: the trees of a loaded scene, and rays cast into them.
//
// Meshes that are placed once and stay where they are share one tree in world
// space: nothing has to be turned to meet them. Every other mesh has a tree of
// its own, and a tree over instances leads there; those are the ones that
// repeat, move or change their shape.
#pragma once

#include "shading.hpp"

// Where the triangles of each fixed instance are, one instance after the other.
inline uint32_t list_fixed(Scene& scene) {
  scene.fixed_first.clear();
  scene.fixed_instance.clear();
  uint32_t triangles = 0;
  for (uint32_t i = 0; i < scene.instances.size(); i++) {
    Instance& instance = scene.instances[i];
    uint64_t count = scene.meshes[instance.mesh].triangles.size();
    instance.fixed = instance.fixed && triangles + count < kFixed;
    if (!instance.fixed) continue;
    scene.fixed_first.push_back(triangles);
    scene.fixed_instance.push_back(i);
    triangles += uint32_t(count);
  }
  return triangles;
}

// A bound of the relative error that a place found on a triangle gathers: some
// dozen roundings of float32, doubled.
constexpr float kRounding = 2e-6f;

// How far rays have to start from an instance that has a tree of its own: they
// are turned into its space, and that mixes the axes.
inline float clearance_of(const Instance& instance, const Bounds& box) {
  const Affine& m = instance.to_world;
  Vec3 corner = largest_of(magnitudes(box.low), magnitudes(box.high));
  return 2 * kRounding * largest(magnitudes(m.x) * corner.x + magnitudes(m.y) * corner.y + magnitudes(m.z) * corner.z + magnitudes(m.origin));
}

// How far rays have to start from a fixed triangle: what float32 may have moved
// its corners and a place on it across its plane, and by how much the test of it
// may be wrong there.
inline float clearance_of(const Instance& instance, Vec3 a, Vec3 b, Vec3 c) {
  const Affine& m = instance.to_world;
  Vec3 corner = largest_of(largest_of(magnitudes(a), magnitudes(b)), magnitudes(c));
  Vec3 reach = magnitudes(m.x) * corner.x + magnitudes(m.y) * corner.y + magnitudes(m.z) * corner.z + magnitudes(m.origin);
  Vec3 edge1 = m.vector(b - a), edge2 = m.vector(c - a), area = cross(edge1, edge2);
  float size = length(area);
  if (!(size > 0) || !finite(size)) return kRounding * largest(reach);
  Vec3 e1 = magnitudes(edge1), e2 = magnitudes(edge2);
  Vec3 terms{e1.y * e2.z + e1.z * e2.y, e1.z * e2.x + e1.x * e2.z, e1.x * e2.y + e1.y * e2.x};
  float clearance = kRounding * (dot(magnitudes(area), reach) + dot(e1 + e2, terms)) / size;
  return finite(clearance) ? clearance : kRounding * largest(reach);
}

inline void measure_clearances(Scene& scene, bool fixed_ones) {
  for (Instance& instance : scene.instances) {
    Mesh& mesh = scene.meshes[instance.mesh];
    instance.clearance = clearance_of(instance, mesh.bounds);
    if (!instance.fixed || !fixed_ones) continue;
    for (Triangle& t : mesh.triangles)
      t.clearance = clearance_of(instance, mesh.positions[t.vertex[0]], mesh.positions[t.vertex[1]], mesh.positions[t.vertex[2]]);
  }
}

inline void build_fixed_tree(Scene& scene, uint32_t triangles) {
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
  scene.fixed_is_old = false;
}

// The tree over the instances that are not fixed.
inline void build_instance_tree(Scene& scene) {
  std::vector<Bounds> boxes;
  std::vector<uint32_t> placed;
  for (uint32_t i = 0; i < scene.instances.size(); i++) {
    const Instance& instance = scene.instances[i];
    if (instance.fixed) continue;
    boxes.push_back(transformed(instance.to_world, scene.meshes[instance.mesh].tree.bounds));
    placed.push_back(i);
  }
  scene.tree = InstanceTree();
  scene.tree.build(boxes);
  for (uint32_t& leaf : scene.tree.leaf_instance) leaf = placed[leaf];
}

// All trees of a posed scene that are not as they have to be: after another
// pose, those of meshes that changed their shape, and the one over instances.
inline void build_trees(Scene& scene) {
  uint32_t triangles = list_fixed(scene);
  measure_clearances(scene, scene.fixed_is_old);
  if (scene.fixed_is_old) build_fixed_tree(scene, triangles);
  for (const Instance& instance : scene.instances) {
    Mesh& mesh = scene.meshes[instance.mesh];
    if (instance.fixed || !mesh.tree_is_old) continue;
    mesh.tree = MeshTree();
    mesh.tree.build(uint32_t(mesh.triangles.size()), [&](uint32_t t, int k) { return mesh.positions[mesh.triangles[t].vertex[k]]; });
    mesh.tree_is_old = false;
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
