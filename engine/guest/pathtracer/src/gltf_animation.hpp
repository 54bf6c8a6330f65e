// gltf_animation.hpp: the animations of a glTF file, and which of them play.
#pragma once

#include "gltf_rig.hpp"

// Exporters write either one animation for the whole scene, one for each object,
// or several for the same objects to choose from. So all are played but those
// that move what one before them moves; a name or a number plays that one alone.
inline bool GltfRig::animations(const std::string& wanted, Refusal& refusal) {
  const std::vector<uint32_t>& list = gltf_.list("animations");
  size_t chosen = list.size();
  for (size_t i = 0; i < list.size() && chosen == list.size(); i++)
    if (json_.text(list[i], "name") == wanted && !wanted.empty()) chosen = i;
  for (size_t i = 0; i < list.size() && chosen == list.size(); i++)
    if (words(i) == wanted) chosen = i;
  if (chosen == list.size() && !wanted.empty()) return refusal.say("The scene has no animation ", quoted(wanted), ".");
  std::set<std::pair<uint64_t, std::string_view>> taken;
  for (size_t i = 0; i < list.size(); i++) {
    Animation animation{std::string(json_.text(list[i], "name")), 0};
    bool keep = wanted.empty() ? claim(list[i], taken) : i == chosen;
    for (uint32_t channel : json_.items(list[i], "channels"))
      if (!track(list[i], channel, words("animation ", i), keep, animation.seconds, refusal)) return false;
    if (wanted.empty() && !keep) scene_.warn(words("Animation ", i, " is not played: it moves what one before it moves."));
    scene_.animations.push_back(std::move(animation));
  }
  return true;
}

// Whether an animation moves nothing that is taken; takes what it moves.
inline bool GltfRig::claim(uint32_t animation, std::set<std::pair<uint64_t, std::string_view>>& taken) const {
  std::set<std::pair<uint64_t, std::string_view>> moved;
  for (uint32_t channel : json_.items(animation, "channels")) {
    uint32_t target = json_.member(channel, "target");
    uint64_t node;
    if (json_.has(target, "node") && json_.whole(target, "node", 0, node)) moved.insert({node, json_.text(target, "path")});
  }
  for (const auto& one : moved)
    if (taken.count(one)) return false;
  taken.insert(moved.begin(), moved.end());
  return true;
}

// How many weights an animation of the node's mesh gives for each key.
inline uint32_t GltfRig::morph_targets(uint32_t node) const {
  const std::vector<uint32_t>&nodes = gltf_.list("nodes"), &meshes = gltf_.list("meshes");
  uint64_t mesh;
  size_t most = 0;
  if (!json_.has(nodes[node], "mesh") || !json_.whole(nodes[node], "mesh", 0, mesh) || mesh >= meshes.size()) return 0;
  for (uint32_t primitive : json_.items(meshes[mesh], "primitives")) most = std::max(most, json_.items(primitive, "targets").size());
  return uint32_t(most);
}

// One channel; of an animation that is not played only the length counts.
inline bool GltfRig::track(uint32_t animation, uint32_t channel, const std::string& what, bool keep, float& seconds, Refusal& refusal) {
  uint64_t sampler, node;
  std::vector<uint32_t> samplers = json_.items(animation, "samplers");
  uint32_t target = json_.member(channel, "target");
  std::string_view path = json_.text(target, "path");
  if (!json_.whole(channel, "sampler", ~0u, sampler) || sampler >= samplers.size()) return refusal.say("The scene's ", what, " uses a sampler that does not exist.");
  AccessorView times;
  Gltf::Found found = gltf_.attribute(samplers[sampler], "input", 1, 1, "times of " + what, times, refusal);
  if (found != Gltf::Found::yes) return found == Gltf::Found::missing;
  seconds = maxf(seconds, clampf(times.real(times.count - 1, 0), 0, 1e9f));
  if (path == "pointer") scene_.warn(words("What the ", what, " moves other than nodes stands still (KHR_animation_pointer)."));
  if (!keep || !json_.has(target, "node") || path == "pointer") return true;
  if (!json_.whole(target, "node", ~0u, node) || node >= number_.size()) return refusal.say("The scene's ", what, " moves a node that does not exist.");
  if (number_[node] == kUnread) return true;
  Track track;
  track.node = number_[node];
  static const std::string_view kPaths[] = {"translation", "rotation", "scale", "weights"};
  size_t which = size_t(std::find(kPaths, kPaths + 4, path) - kPaths);
  if (which == 4) return refusal.say("The scene's ", what, " moves the unknown property ", quoted(path), ".");
  track.moved = Moved(which);
  track.width = track.moved == Moved::weights ? morph_targets(uint32_t(node)) : track.moved == Moved::rotation ? 4 : 3;
  if (track.width == 0) return true;
  if (rig_.nodes[track.node].has_matrix && track.moved != Moved::weights) {
    scene_.warn(words("Node ", node, " is placed by a matrix; its animation is ignored."));
    return true;
  }
  return values(track, samplers[sampler], times, what, refusal);
}

inline bool GltfRig::values(Track& track, uint32_t sampler, const AccessorView& times, const std::string& what, Refusal& refusal) {
  std::string_view mode = json_.text(sampler, "interpolation");
  track.interpolation = mode == "STEP" ? Interpolation::step : mode == "CUBICSPLINE" ? Interpolation::cubic : Interpolation::linear;
  if (!mode.empty() && mode != "STEP" && mode != "CUBICSPLINE" && mode != "LINEAR") return refusal.say("The scene's ", what, " has the unknown interpolation ", quoted(mode), ".");
  bool weights = track.moved == Moved::weights;
  uint32_t components = weights ? 1 : track.width;
  AccessorView view;
  Gltf::Found found = gltf_.attribute(sampler, "output", components, components, "values of " + what, view, refusal);
  if (found != Gltf::Found::yes) return found == Gltf::Found::missing;
  if (weights || track.moved == Moved::rotation) view.normalized = true;  // whole numbers stand for fractions there
  uint64_t count = uint64_t(times.count) * track.width * (track.interpolation == Interpolation::cubic ? 3 : 1);
  if (uint64_t(view.count) * components < count) return refusal.say("The scene's ", what, " has fewer values than times.");
  if (!budget_.take((count + times.count) * sizeof(float))) return refusal.say("The scene's animations need more memory than a task may use.");
  track.times.resize(times.count);
  track.values.resize(count);
  for (uint32_t i = 0; i < times.count; i++) {
    track.times[i] = times.real(i, 0);
    bool rising = finite(track.times[i]) && (i == 0 || track.times[i] > track.times[i - 1]);
    if (!rising) return refusal.say("The scene's ", what, " has times that do not rise (key ", i, ").");
  }
  for (uint64_t i = 0; i < count; i++) {
    float v = view.real(uint32_t(i / components), uint32_t(i % components));
    if (!finite(v)) return refusal.say("The scene's ", what, " has a value that is not a number.");
    track.values[i] = v;
  }
  rig_.tracks.push_back(std::move(track));
  return true;
}
