// gltf_material.hpp: images, textures, materials and punctual lights of a glTF
// file, and the extensions this renderer knows.
#pragma once

#include "gltf.hpp"
#include "scene.hpp"

// Blender's glTF exporter writes a lamp of W watts as W * 683 / (4 pi) candela
// (PBR_WATTS_TO_LUMENS in io_scene_gltf2); Cycles lets that lamp send out
// W / (4 pi) watts per steradian. 683 lm/W is the luminous efficacy of 555 nm.
constexpr float kLumensPerWatt = 683;

class GltfMaterials {
 public:
  GltfMaterials(Gltf& gltf, Scene& scene, Budget& budget, bool inspecting)
      : gltf_(gltf), json_(gltf.json), scene_(scene), budget_(budget), inspecting_(inspecting) {}

  bool load(Refusal& refusal) { return extensions(refusal) && images(refusal) && materials(refusal); }

  // The punctual light of a node, placed by the node's transform.
  bool light(uint64_t index, const Affine& placed, Refusal& refusal);

 private:
  bool extensions(Refusal& refusal);
  bool images(Refusal& refusal);
  bool materials(Refusal& refusal);
  bool material(uint32_t id, uint32_t index, Material& out, Refusal& refusal);
  bool texture(uint32_t owner, const char* key, const std::string& what, Texture& out, Refusal& refusal);
  bool number(uint32_t id, const char* key, float low, float high, float& value, const std::string& what, Refusal& refusal);

  Gltf& gltf_;
  Json& json_;
  Scene& scene_;
  Budget& budget_;
  bool inspecting_;
};

inline bool GltfMaterials::extensions(Refusal& refusal) {
  static const char* const kKnown[] = {"KHR_lights_punctual", "KHR_materials_emissive_strength", "KHR_materials_specular",
                                       "KHR_mesh_quantization", "KHR_texture_transform"};
  // Left out of the picture, with a word about it; the scene still renders.
  static const char* const kIgnorable[] = {"KHR_materials_transmission", "KHR_materials_ior", "KHR_materials_volume", "KHR_materials_clearcoat",
                                           "KHR_materials_sheen", "KHR_materials_iridescence", "KHR_materials_anisotropy", "KHR_materials_dispersion",
                                           "KHR_materials_variants", "KHR_materials_unlit", "KHR_animation_pointer", "KHR_xmp_json_ld"};
  auto listed = [](std::string_view name, const char* const* list, size_t n) {
    for (size_t i = 0; i < n; i++)
      if (name == list[i]) return true;
    return false;
  };
  auto known = [&](std::string_view name) { return listed(name, kKnown, sizeof kKnown / sizeof *kKnown); };
  auto ignorable = [&](std::string_view name) { return listed(name, kIgnorable, sizeof kIgnorable / sizeof *kIgnorable); };
  for (uint32_t id : json_.items(0, "extensionsRequired")) {
    std::string_view name = json_.at(id).text;
    if (name == "KHR_draco_mesh_compression")
      return refusal.say("The scene's meshes are compressed with Draco (KHR_draco_mesh_compression), which this renderer cannot read yet; export it without compression.");
    if (!known(name) && !ignorable(name)) return refusal.say("The scene requires the glTF extension ", quoted(name), ", which this renderer does not support.");
  }
  for (uint32_t id : json_.items(0, "extensionsUsed")) {
    std::string_view name = json_.at(id).text;
    if (!known(name)) scene_.warn(words("The glTF extension ", quoted(name), " is ignored: what it describes is drawn without it."));
  }
  return true;
}

inline bool GltfMaterials::images(Refusal& refusal) {
  uint32_t index = 0;
  for (uint32_t id : json_.items(0, "images")) {
    std::string what = words("image ", index++);
    std::string_view label = json_.text(id, "name");
    std::string name = label.empty() ? what : quoted(label);
    scene_.images.emplace_back();
    Bytes bytes;
    Gltf::Found found;
    uint64_t view;
    if (json_.has(id, "bufferView")) {
      if (!json_.whole(id, "bufferView", 0, view)) return refusal.say("The scene's ", what, " is damaged.");
      found = gltf_.view(view, what, bytes, nullptr, refusal);
    } else if (json_.has(id, "uri")) {
      found = gltf_.uri(json_.text(id, "uri"), what, bytes, scene_.missing, refusal);
    } else {
      return refusal.say("The scene's ", what, " has neither a file nor a bufferView.");
    }
    if (found == Gltf::Found::refused) return false;
    scene_.textures++;
    if (found == Gltf::Found::missing) {
      scene_.warn(words("The picture ", name, " is missing; white is used instead."));
      continue;
    }
    int width, height;
    if (inspecting_) {
      if (!measure_image(bytes, name, width, height, refusal)) return false;
      if (!budget_.take(uint64_t(width) * uint64_t(height) * 4)) return refusal.say("The scene's pictures need more memory than a task may use.");
    } else if (!decode_image(bytes, name, budget_, scene_.srgb, scene_.images.back(), refusal)) {
      return false;
    }
  }
  return true;
}

inline bool GltfMaterials::number(uint32_t id, const char* key, float low, float high, float& value, const std::string& what, Refusal& refusal) {
  uint32_t m = json_.member(id, key);
  if (m == Json::kNone) return true;
  if (!json_.is(m, Json::Kind::number) || !finite(float(json_.at(m).number)))
    return refusal.say("The scene's ", what, " has a ", key, " that is not a number.");
  value = clampf(float(json_.at(m).number), low, high);
  return true;
}

inline bool GltfMaterials::texture(uint32_t owner, const char* key, const std::string& what, Texture& out, Refusal& refusal) {
  uint32_t id = json_.member(owner, key);
  if (id == Json::kNone) return true;
  uint64_t index, source, sampler;
  std::vector<uint32_t> textures = json_.items(0, "textures");
  if (!json_.whole(id, "index", ~0u, index) || index >= textures.size()) return refusal.say("The scene's ", what, " uses a texture that does not exist.");
  uint32_t texture = textures[index];
  if (!json_.has(texture, "source")) {
    scene_.warn(words("Texture ", index, " has no PNG or JPEG source; white is used instead."));
    return true;
  }
  if (!json_.whole(texture, "source", ~0u, source) || source >= scene_.images.size()) return refusal.say("The scene's texture ", index, " uses an image that does not exist.");
  out.image = int32_t(source);
  std::vector<uint32_t> samplers = json_.items(0, "samplers");
  if (json_.has(texture, "sampler")) {
    if (!json_.whole(texture, "sampler", ~0u, sampler) || sampler >= samplers.size()) return refusal.say("The scene's texture ", index, " uses a sampler that does not exist.");
    auto wrap = [&](const char* name) {
      float mode = json_.number(samplers[sampler], name, 10497);
      return mode == 33071 ? Wrap::clamp : mode == 33648 ? Wrap::mirror : Wrap::repeat;
    };
    out.wrap_s = wrap("wrapS");
    out.wrap_t = wrap("wrapT");
    out.nearest = json_.number(samplers[sampler], "magFilter", 9729) == 9728;
  }
  uint32_t transform = json_.member(json_.member(id, "extensions"), "KHR_texture_transform");
  if (json_.number(id, "texCoord", 0) != 0 || json_.number(transform, "texCoord", 0) != 0)
    scene_.warn(words("A texture of ", what, " uses a second set of texture coordinates; the first is used instead."));
  float offset[2] = {0, 0}, scale[2] = {1, 1}, angle = json_.number(transform, "rotation", 0);
  if (!json_.floats(transform, "offset", offset, 2) || !json_.floats(transform, "scale", scale, 2)) return refusal.say("The scene's ", what, " has a damaged texture transform.");
  float c = cosf(angle), s = sinf(angle);  // translation * rotation * scale, as the extension defines it
  out.u_row[0] = c * scale[0]; out.u_row[1] = s * scale[1]; out.u_row[2] = offset[0];
  out.v_row[0] = -s * scale[0]; out.v_row[1] = c * scale[1]; out.v_row[2] = offset[1];
  return true;
}

inline bool GltfMaterials::material(uint32_t id, uint32_t index, Material& out, Refusal& refusal) {
  std::string_view label = json_.text(id, "name");
  std::string what = label.empty() ? words("material ", index) : words("material ", quoted(label));
  auto color = [&](uint32_t owner, const char* key, Vec3& value) {
    float v[3] = {value.x, value.y, value.z};
    if (!json_.floats(owner, key, v, 3)) return refusal.say("The scene's ", what, " has a ", key, " that is not numbers.");
    value = {clampf(v[0], 0, 1e6f), clampf(v[1], 0, 1e6f), clampf(v[2], 0, 1e6f)};
    return true;
  };
  uint32_t pbr = json_.member(id, "pbrMetallicRoughness"), extensions = json_.member(id, "extensions");
  if (!color(pbr, "baseColorFactor", out.base_color) || !number(pbr, "metallicFactor", 0, 1, out.metallic, what, refusal) ||
      !number(pbr, "roughnessFactor", 0, 1, out.roughness, what, refusal) ||
      !texture(pbr, "baseColorTexture", what, out.base_texture, refusal) ||
      !texture(pbr, "metallicRoughnessTexture", what, out.roughness_texture, refusal))
    return false;
  out.base_color = {minf(out.base_color.x, 1), minf(out.base_color.y, 1), minf(out.base_color.z, 1)};
  float strength = 1;
  uint32_t specular = json_.member(extensions, "KHR_materials_specular");
  if (!color(id, "emissiveFactor", out.emission) || !texture(id, "emissiveTexture", what, out.emission_texture, refusal) ||
      !number(json_.member(extensions, "KHR_materials_emissive_strength"), "emissiveStrength", 0, 1e9f, strength, what, refusal) ||
      !number(specular, "specularFactor", 0, 1, out.specular, what, refusal) || !color(specular, "specularColorFactor", out.specular_color) ||
      !texture(id, "normalTexture", what, out.normal_texture, refusal) ||
      !number(json_.member(id, "normalTexture"), "scale", -100, 100, out.normal_scale, what, refusal))
    return false;
  out.emission = out.emission * strength;
  if (json_.has(specular, "specularTexture") || json_.has(specular, "specularColorTexture")) scene_.warn(words("The specular texture of ", what, " is ignored."));
  std::string_view alpha = json_.text(id, "alphaMode");
  if (!alpha.empty() && alpha != "OPAQUE") scene_.warn(words("The transparency (", quoted(alpha), ") of ", what, " is ignored: it is drawn opaque."));
  return true;
}

inline bool GltfMaterials::materials(Refusal& refusal) {
  uint32_t index = 0;
  for (uint32_t id : json_.items(0, "materials")) {
    scene_.materials.emplace_back();
    if (!material(id, index++, scene_.materials.back(), refusal)) return false;
  }
  for (Material& m : scene_.materials)  // a missing picture is white
    for (Texture* t : {&m.base_texture, &m.roughness_texture, &m.emission_texture, &m.normal_texture})
      if (t->image >= 0 && !scene_.images[size_t(t->image)].loaded()) t->image = -1;
  scene_.materials.emplace_back();  // the default material, for primitives that name none
  return true;
}

inline bool GltfMaterials::light(uint64_t index, const Affine& placed, Refusal& refusal) {
  uint32_t extension = json_.member(json_.member(0, "extensions"), "KHR_lights_punctual");
  std::vector<uint32_t> lights = json_.items(extension, "lights");
  if (index >= lights.size()) return refusal.say("The scene's nodes use light ", index, ", which does not exist.");
  uint32_t id = lights[index];
  std::string what = words("light ", index);
  PunctualLight light;
  std::string_view type = json_.text(id, "type");
  if (type == "point") light.kind = LightKind::point;
  else if (type == "spot") light.kind = LightKind::spot;
  else if (type == "directional") light.kind = LightKind::directional;
  else return refusal.say("The scene's ", what, " has the unknown type ", quoted(type), ".");
  float intensity = 1, color[3] = {1, 1, 1}, inner = 0, outer = kPi / 4;
  uint32_t spot = json_.member(id, "spot");
  if (!json_.floats(id, "color", color, 3)) return refusal.say("The scene's ", what, " has a colour that is not numbers.");
  if (!number(id, "intensity", 0, 1e12f, intensity, what, refusal) || !number(spot, "innerConeAngle", 0, kPi / 2, inner, what, refusal) ||
      !number(spot, "outerConeAngle", 0, kPi / 2, outer, what, refusal))
    return false;
  light.color = Vec3{maxf(color[0], 0), maxf(color[1], 0), maxf(color[2], 0)} * (intensity / kLumensPerWatt);
  light.position = placed.origin;
  light.direction = normalized(-placed.z, {0, 0, -1});
  light.cos_inner = cosf(minf(inner, outer));
  light.cos_outer = cosf(outer);
  if (!black(light.color)) scene_.punctual.push_back(light);
  return true;
}
