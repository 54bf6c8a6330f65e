// gltf_rig.hpp: the nodes, skins and animations of a glTF file become a Rig.
#pragma once

#include <set>
#include "gltf_numbers.hpp"
#include "scene.hpp"

class GltfRig {
 public:
  GltfRig(Gltf& gltf, Scene& scene, Budget& budget) : gltf_(gltf), json_(gltf.json), scene_(scene), rig_(scene.rig), budget_(budget) {}

  struct Shown { uint32_t file, rig; };  // the numbers of a node

  // Reads all nodes. `shown` are those of the chosen scene, in the order of its
  // tree; the others can still be joints.
  bool nodes(std::vector<Shown>& shown, Refusal& refusal);
  // The skin of that number, which is read when it is first asked for.
  bool skin(uint64_t index, uint32_t& out, Refusal& refusal);
  // Lists the animations and reads those that play: the one that is wanted, by
  // name or number, or all that move something of their own.
  bool animations(const std::string& wanted, Refusal& refusal);

 private:
  static constexpr uint32_t kUnread = ~0u;

  bool roots(std::vector<uint32_t>& out, Refusal& refusal);
  bool walk(std::vector<uint32_t> roots, bool strict, std::vector<Shown>* shown, Refusal& refusal);
  bool node(uint32_t number, uint32_t parent, Refusal& refusal);
  bool index_of(uint32_t item, uint32_t& out) const;
  bool claim(uint32_t animation, std::set<std::pair<uint64_t, std::string_view>>& taken) const;
  bool track(uint32_t animation, uint32_t channel, const std::string& what, bool keep, float& seconds, Refusal& refusal);
  bool values(Track& track, uint32_t sampler, const AccessorView& times, const std::string& what, Refusal& refusal);
  uint32_t morph_targets(uint32_t node) const;

  Gltf& gltf_;
  Json& json_;
  Scene& scene_;
  Rig& rig_;
  Budget& budget_;
  std::vector<uint32_t> number_;  // of a node in the rig, or kUnread
  std::vector<uint32_t> skins_;   // of a skin in the rig, or kUnread
};

inline bool GltfRig::index_of(uint32_t item, uint32_t& out) const {
  double v = json_.at(item).number;
  if (!json_.is(item, Json::Kind::number) || !(v >= 0) || v >= double(number_.size()) || v != double(uint32_t(v))) return false;
  out = uint32_t(v);
  return true;
}

// The roots of the chosen scene; of a file without scenes, all nodes that are nobody's child.
inline bool GltfRig::roots(std::vector<uint32_t>& out, Refusal& refusal) {
  const std::vector<uint32_t>& scenes = gltf_.list("scenes");
  uint64_t chosen;
  uint32_t index;
  if (!json_.whole(0, "scene", 0, chosen)) return refusal.say("The scene's default scene is damaged.");
  if (!scenes.empty() && chosen >= scenes.size()) return refusal.say("The scene names scene ", chosen, ", which does not exist.");
  if (!scenes.empty()) {
    for (uint32_t item : json_.items(scenes[chosen], "nodes")) {
      if (!index_of(item, index)) return refusal.say("The scene's node tree names a node that does not exist.");
      out.push_back(index);
    }
    return true;
  }
  std::vector<bool> child(number_.size());
  for (uint32_t id : gltf_.list("nodes"))
    for (uint32_t item : json_.items(id, "children"))
      if (index_of(item, index)) child[index] = true;
  for (uint32_t i = 0; i < child.size(); i++)
    if (!child[i]) out.push_back(i);
  return true;
}

inline bool GltfRig::nodes(std::vector<Shown>& shown, Refusal& refusal) {
  number_.assign(gltf_.list("nodes").size(), kUnread);
  std::vector<uint32_t> first, rest;
  if (!roots(first, refusal) || !walk(first, true, &shown, refusal)) return false;
  std::vector<bool> child(number_.size());
  uint32_t index;
  for (uint32_t id : gltf_.list("nodes"))
    for (uint32_t item : json_.items(id, "children"))
      if (index_of(item, index)) child[index] = true;
  for (uint32_t i = 0; i < child.size(); i++)
    if (!child[i] && number_[i] == kUnread) rest.push_back(i);
  return walk(rest, false, nullptr, refusal);
}

// Walks trees without recursion, parents before children; every node is placed
// at most once, so cycles and shared children are found.
inline bool GltfRig::walk(std::vector<uint32_t> roots, bool strict, std::vector<Shown>* shown, Refusal& refusal) {
  struct Pending { uint32_t node, parent; };
  std::vector<Pending> work;
  for (size_t i = roots.size(); i-- > 0;) work.push_back({roots[i], ~0u});
  while (!work.empty()) {
    Pending job = work.back();
    work.pop_back();
    if (number_[job.node] != kUnread) {
      if (!strict) continue;
      return refusal.say("The scene's node ", job.node, " is reached twice: its node tree is cyclic or shared.");
    }
    number_[job.node] = uint32_t(rig_.nodes.size());
    if (!node(job.node, job.parent, refusal)) return false;
    if (shown) shown->push_back({job.node, number_[job.node]});
    std::vector<uint32_t> children = json_.items(gltf_.list("nodes")[job.node], "children");
    for (size_t i = children.size(); i-- > 0;) {
      uint32_t child;
      if (!index_of(children[i], child)) return refusal.say("The scene's node tree names a node that does not exist.");
      work.push_back({child, number_[job.node]});
    }
  }
  return true;
}

inline bool GltfRig::node(uint32_t number, uint32_t parent, Refusal& refusal) {
  uint32_t id = gltf_.list("nodes")[number];
  RigNode node;
  node.number = number;
  node.parent = parent;
  node.has_matrix = json_.has(id, "matrix");
  float m[16] = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, t[3] = {0, 0, 0}, s[3] = {1, 1, 1};
  if (!json_.floats(id, "matrix", m, 16) || !json_.floats(id, "translation", t, 3) || !json_.floats(id, "rotation", node.rest.rotation, 4) || !json_.floats(id, "scale", s, 3))
    return refusal.say("The scene's node ", number, " has a transform that is not numbers.");
  node.fixed = {{m[0], m[1], m[2]}, {m[4], m[5], m[6]}, {m[8], m[9], m[10]}, {m[12], m[13], m[14]}};
  node.rest.translation = {t[0], t[1], t[2]};
  node.rest.scale = {s[0], s[1], s[2]};
  if (!budget_.take(sizeof(RigNode) + sizeof(Placement) + sizeof(Affine) + 64)) return refusal.say("The scene has more nodes than a task can hold.");
  rig_.nodes.push_back(node);
  return true;
}

inline bool GltfRig::skin(uint64_t index, uint32_t& out, Refusal& refusal) {
  const std::vector<uint32_t>& skins = gltf_.list("skins");
  if (index >= skins.size()) return refusal.say("The scene's nodes use skin ", index, ", which does not exist.");
  skins_.resize(skins.size(), kUnread);
  if ((out = skins_[index]) != kUnread) return true;
  Skin skin;
  for (uint32_t item : json_.items(skins[index], "joints")) {
    uint32_t joint;
    if (!index_of(item, joint) || number_[joint] == kUnread) return refusal.say("The scene's skin ", index, " names a joint that does not exist.");
    skin.joints.push_back(number_[joint]);
  }
  skin.inverse_bind.resize(skin.joints.size());
  if (!budget_.take(skin.joints.size() * (sizeof(Affine) * 2 + 4))) return refusal.say("The scene has more joints than a task can hold.");
  AccessorView view;
  Gltf::Found found = gltf_.attribute(skins[index], "inverseBindMatrices", 16, 16, words("inverse bind matrices of skin ", index), view, refusal);
  if (found == Gltf::Found::refused) return false;
  if (found == Gltf::Found::yes && (view.count < skin.joints.size() || view.component_type != 5126))
    return refusal.say("The scene's skin ", index, " has fewer inverse bind matrices than joints.");
  for (uint32_t j = 0; found == Gltf::Found::yes && j < skin.joints.size(); j++) {
    auto column = [&](uint32_t c) { return Vec3{view.real(j, c * 4), view.real(j, c * 4 + 1), view.real(j, c * 4 + 2)}; };
    skin.inverse_bind[j] = {column(0), column(1), column(2), column(3)};
    if (!finite(skin.inverse_bind[j])) return refusal.say("The scene's skin ", index, " has an inverse bind matrix that is not numbers.");
  }
  out = skins_[index] = uint32_t(rig_.skins.size());
  rig_.skins.push_back(std::move(skin));
  return true;
}
