// gltf_material.hpp: the materials of a glTF file.
#pragma once

#include "gltf_texture.hpp"

class GltfMaterials {
 public:
  GltfMaterials(Gltf& gltf, Scene& scene, Budget& budget, bool inspecting)
      : gltf_(gltf), json_(gltf.json), scene_(scene), textures_(gltf, scene, budget, inspecting) {}

  // All materials, and after them the default one, for primitives that name none.
  bool load(Refusal& refusal) {
    for (uint32_t id : gltf_.list("materials")) {
      uint64_t index = scene_.materials.size();
      std::string_view label = json_.text(id, "name");
      std::string what = label.empty() ? words("material ", index) : words("material ", quoted(label));
      scene_.materials.emplace_back();
      Reader reader{*this, what, refusal};
      if (!reader.material(id, scene_.materials.back())) return false;
    }
    scene_.materials.emplace_back();
    return true;
  }

 private:
  // The members of one material; all functions are false once it is refused.
  struct Reader {
    GltfMaterials& owner;
    const std::string& what;
    Refusal& refusal;

    bool number(uint32_t id, const char* key, float low, float high, float& value) const;
    bool color(uint32_t id, const char* key, float most, Vec3& value) const;
    bool texture(uint32_t id, const char* key, Texture& out) const { return owner.textures_.read(id, key, what, out, refusal); }
    uint32_t extension(uint32_t id, std::string_view name) const { return owner.gltf_.extension(id, name); }

    bool material(uint32_t id, Material& out) const;
    bool surface(uint32_t id, Material& out) const;
    bool alpha(uint32_t id, Material& out) const;
    bool specular(uint32_t id, Material& out) const;
    bool transmission(uint32_t id, Material& out) const;
    bool clearcoat(uint32_t id, Material& out) const;
    bool glossy(uint32_t id, Material& out) const;
  };

  Gltf& gltf_;
  Json& json_;
  Scene& scene_;
  GltfTextures textures_;
};

inline bool GltfMaterials::Reader::number(uint32_t id, const char* key, float low, float high, float& value) const {
  const Json& json = owner.json_;
  uint32_t m = json.member(id, key);
  if (m == Json::kNone) return true;
  if (!json.is(m, Json::Kind::number) || !finite(float(json.at(m).number))) return refusal.say("The scene's ", what, " has a ", key, " that is not a number.");
  value = clampf(float(json.at(m).number), low, high);
  return true;
}

inline bool GltfMaterials::Reader::color(uint32_t id, const char* key, float most, Vec3& value) const {
  float v[3] = {value.x, value.y, value.z};
  if (!owner.json_.floats(id, key, v, 3)) return refusal.say("The scene's ", what, " has a ", key, " that is not numbers.");
  value = {clampf(v[0], 0, most), clampf(v[1], 0, most), clampf(v[2], 0, most)};
  return true;
}

inline bool GltfMaterials::Reader::material(uint32_t id, Material& out) const {
  out.unlit = extension(id, "KHR_materials_unlit") != Json::kNone;
  if (!surface(id, out) || !alpha(id, out) || !specular(extension(id, "KHR_materials_specular"), out) || !transmission(id, out) ||
      !clearcoat(extension(id, "KHR_materials_clearcoat"), out) || !glossy(extension(id, "KHR_materials_pbrSpecularGlossiness"), out))
    return false;
  if (out.unlit) out.emission = {0, 0, 0};  // it sends out its base colour and nothing else
  return true;
}

inline bool GltfMaterials::Reader::surface(uint32_t id, Material& out) const {
  uint32_t pbr = owner.json_.member(id, "pbrMetallicRoughness");
  float strength = 1;
  if (!color(pbr, "baseColorFactor", 1, out.base_color) || !number(pbr, "metallicFactor", 0, 1, out.metallic) ||
      !number(pbr, "roughnessFactor", 0, 1, out.roughness) || !texture(pbr, "baseColorTexture", out.base_texture) ||
      !texture(pbr, "metallicRoughnessTexture", out.roughness_texture) || !color(id, "emissiveFactor", 1e6f, out.emission) ||
      !texture(id, "emissiveTexture", out.emission_texture) ||
      !number(extension(id, "KHR_materials_emissive_strength"), "emissiveStrength", 0, 1e9f, strength) ||
      !texture(id, "normalTexture", out.normal_texture) ||
      !number(owner.json_.member(id, "normalTexture"), "scale", -100, 100, out.normal_scale))
    return false;
  out.emission = out.emission * strength;
  return true;
}

inline bool GltfMaterials::Reader::alpha(uint32_t id, Material& out) const {
  float factor[4] = {1, 1, 1, 1};
  uint32_t pbr = owner.json_.member(id, "pbrMetallicRoughness"), two = owner.json_.member(id, "doubleSided");
  if (!owner.json_.floats(pbr, "baseColorFactor", factor, 4)) return refusal.say("The scene's ", what, " has a baseColorFactor that is not numbers.");
  out.base_alpha = clampf(factor[3], 0, 1);
  std::string_view mode = owner.json_.text(id, "alphaMode");
  out.alpha_mode = mode == "MASK" ? AlphaMode::mask : mode == "BLEND" ? AlphaMode::blend : AlphaMode::opaque;
  if (!mode.empty() && mode != "OPAQUE" && mode != "MASK" && mode != "BLEND") return refusal.say("The scene's ", what, " has the unknown alphaMode ", quoted(mode), ".");
  out.double_sided = owner.json_.is(two, Json::Kind::boolean) && owner.json_.at(two).number != 0;
  return number(id, "alphaCutoff", 0, 1e6f, out.alpha_cutoff);
}

inline bool GltfMaterials::Reader::specular(uint32_t id, Material& out) const {
  return number(id, "specularFactor", 0, 1, out.specular) && color(id, "specularColorFactor", 1e6f, out.specular_color) &&
         texture(id, "specularTexture", out.specular_texture) && texture(id, "specularColorTexture", out.specular_color_texture);
}

// KHR_materials_transmission, _ior and _volume. The thickness texture serves
// rasterizers; a path tracer meets the body's true back side. What has no volume
// is a thin wall, except in a file of Blender, where all glass is solid and the
// exporter writes a volume only for glass that absorbs.
inline bool GltfMaterials::Reader::transmission(uint32_t id, Material& out) const {
  uint32_t through = extension(id, "KHR_materials_transmission"), volume = extension(id, "KHR_materials_volume");
  float distance = 0;  // 0 stands for none given: infinite
  Vec3 color_there{1, 1, 1};
  if (!number(extension(id, "KHR_materials_ior"), "ior", 0, 100, out.ior) || !number(through, "transmissionFactor", 0, 1, out.transmission) ||
      !texture(through, "transmissionTexture", out.transmission_texture) || !number(volume, "thicknessFactor", 0, 1e9f, out.thickness) ||
      !number(volume, "attenuationDistance", 0, 1e30f, distance) || !color(volume, "attenuationColor", 1, color_there))
    return false;
  if (volume == Json::kNone && out.transmission > 0 && owner.gltf_.from_blender()) out.thickness = 1;
  if (out.ior != 0 && out.ior < 1) out.ior = 1;  // 0 is the extension's own sign for a perfect mirror
  if (!(distance > 0)) return true;
  auto absorption = [&](float c) { return c >= 1 ? 0 : minf(-logf(maxf(c, 1e-30f)) / distance, 1e9f); };
  out.absorption = {absorption(color_there.x), absorption(color_there.y), absorption(color_there.z)};
  return true;
}

inline bool GltfMaterials::Reader::clearcoat(uint32_t id, Material& out) const {
  return number(id, "clearcoatFactor", 0, 1, out.coat) && number(id, "clearcoatRoughnessFactor", 0, 1, out.coat_roughness) &&
         texture(id, "clearcoatTexture", out.coat_texture) && texture(id, "clearcoatRoughnessTexture", out.coat_roughness_texture) &&
         texture(id, "clearcoatNormalTexture", out.coat_normal_texture) &&
         number(owner.json_.member(id, "clearcoatNormalTexture"), "scale", -100, 100, out.coat_normal_scale);
}

// KHR_materials_pbrSpecularGlossiness, which older exporters write instead of
// metal and roughness: diffuse under a reflection whose f0 is the specular colour.
inline bool GltfMaterials::Reader::glossy(uint32_t id, Material& out) const {
  if (id == Json::kNone) return true;
  float diffuse[4] = {1, 1, 1, 1}, gloss = 1;
  out.base_texture = out.roughness_texture = out.specular_texture = out.specular_color_texture = Texture();
  out.metallic = 0;
  out.ior = 0;  // f0 and f90 of 1, which the colour scales
  out.specular = 1;
  out.specular_color = {1, 1, 1};
  if (!owner.json_.floats(id, "diffuseFactor", diffuse, 4)) return refusal.say("The scene's ", what, " has a diffuseFactor that is not numbers.");
  out.base_color = {clampf(diffuse[0], 0, 1), clampf(diffuse[1], 0, 1), clampf(diffuse[2], 0, 1)};
  out.base_alpha = clampf(diffuse[3], 0, 1);
  if (!texture(id, "diffuseTexture", out.base_texture) || !color(id, "specularFactor", 1, out.specular_color) ||
      !number(id, "glossinessFactor", 0, 1, gloss) || !texture(id, "specularGlossinessTexture", out.specular_color_texture))
    return false;
  out.roughness = 1 - gloss;
  out.gloss_texture = out.specular_color_texture;
  return true;
}
