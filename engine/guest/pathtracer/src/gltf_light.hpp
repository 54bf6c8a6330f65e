// gltf_light.hpp: the lamps of KHR_lights_punctual.
#pragma once

#include "bundle.hpp"
#include "scene.hpp"

// Blender's glTF exporter writes a lamp of W watts as W * 683 / (4 pi) candela
// (PBR_WATTS_TO_LUMENS in io_scene_gltf2); Cycles lets that lamp send out
// W / (4 pi) watts per steradian. 683 lm/W is the luminous efficacy of 555 nm.
constexpr float kLumensPerWatt = 683;

// The lamp of that number, not yet placed. `range` is only a hint to
// rasterizers and is not read: light falls off with the square of the distance.
inline bool read_light(const Json& json, const std::vector<uint32_t>& lights, uint64_t index, PunctualLight& light, Refusal& refusal) {
  if (index >= lights.size()) return refusal.say("The scene's nodes use light ", index, ", which does not exist.");
  uint32_t id = lights[index], spot = json.member(id, "spot");
  auto number = [&](uint32_t owner, const char* key, float most, float& value) {
    uint32_t m = json.member(owner, key);
    if (m == Json::kNone) return true;
    if (!json.is(m, Json::Kind::number) || !finite(float(json.at(m).number))) return refusal.say("The scene's light ", index, " has a ", key, " that is not a number.");
    value = clampf(float(json.at(m).number), 0, most);
    return true;
  };
  std::string_view type = json.text(id, "type");
  if (type == "point") light.kind = LightKind::point;
  else if (type == "spot") light.kind = LightKind::spot;
  else if (type == "directional") light.kind = LightKind::directional;
  else return refusal.say("The scene's light ", index, " has the unknown type ", quoted(type), ".");
  float intensity = 1, color[3] = {1, 1, 1}, inner = 0, outer = kPi / 4;
  if (!json.floats(id, "color", color, 3)) return refusal.say("The scene's light ", index, " has a colour that is not numbers.");
  if (!number(id, "intensity", 1e24f, intensity) || !number(spot, "innerConeAngle", kPi / 2, inner) || !number(spot, "outerConeAngle", kPi / 2, outer)) return false;
  light.color = Vec3{maxf(color[0], 0), maxf(color[1], 0), maxf(color[2], 0)} * (intensity / kLumensPerWatt);
  light.cos_inner = cosf(minf(inner, outer));
  light.cos_outer = cosf(outer);
  return true;
}
