// gltf_extensions.hpp: which glTF extensions this renderer reads, and what it
// says about the others.
#pragma once

#include "gltf.hpp"
#include "scene.hpp"

enum class Known : uint8_t { read, told, refused, unknown };

struct KnownExtension {
  std::string_view name;
  Known known;
  std::string_view sentence;  // said when the file names it: a warning, or the refusal where it is required
};

inline const KnownExtension& known_extension(std::string_view name) {
  static const std::string_view kDrawnWithout = " is ignored: what it describes is drawn without it.";
  static const std::string_view kDraco = " compresses the scene's meshes with Draco, which has to be undone before rendering; export the scene without compression.";
  static const std::string_view kMeshopt = " compresses the scene's buffers with meshopt, which has to be undone before rendering; export the scene without compression.";
  static const KnownExtension kAll[] = {
      {"KHR_lights_punctual", Known::read, ""},
      {"KHR_materials_emissive_strength", Known::read, ""},
      {"KHR_materials_specular", Known::read, ""},
      {"KHR_materials_ior", Known::read, ""},
      {"KHR_materials_transmission", Known::read, ""},
      {"KHR_materials_volume", Known::read, ""},
      {"KHR_materials_clearcoat", Known::read, ""},
      {"KHR_materials_unlit", Known::read, ""},
      {"KHR_materials_pbrSpecularGlossiness", Known::read, ""},
      {"KHR_mesh_quantization", Known::read, ""},
      {"KHR_texture_transform", Known::read, ""},
      {"KHR_xmp_json_ld", Known::read, ""},  // this and the next ones change no picture
      {"KHR_xmp", Known::read, ""},
      {"EXT_mesh_features", Known::read, ""},
      {"EXT_instance_features", Known::read, ""},
      {"EXT_structural_metadata", Known::read, ""},
      {"EXT_mesh_manifold", Known::read, ""},
      {"FB_ngon_encoding", Known::read, ""},
      {"MSFT_lod", Known::read, ""},  // the node itself is the finest
      {"EXT_mesh_gpu_instancing", Known::read, ""},
      {"KHR_texture_basisu", Known::read, ""},  // its textures are refused one by one, where there is no other picture
      {"EXT_texture_webp", Known::read, ""},
      {"EXT_texture_avif", Known::read, ""},
      {"KHR_materials_variants", Known::told, " is ignored: each object is drawn with its default material."},
      {"KHR_animation_pointer", Known::told, " is ignored: what it moves, other than nodes, stands still."},
      {"KHR_materials_sheen", Known::told, kDrawnWithout},
      {"KHR_materials_iridescence", Known::told, kDrawnWithout},
      {"KHR_materials_anisotropy", Known::told, kDrawnWithout},
      {"KHR_materials_dispersion", Known::told, kDrawnWithout},
      {"KHR_materials_diffuse_transmission", Known::told, kDrawnWithout},
      {"KHR_draco_mesh_compression", Known::refused, kDraco},
      {"EXT_meshopt_compression", Known::refused, kMeshopt},
      {"KHR_meshopt_compression", Known::refused, kMeshopt},
  };
  static const KnownExtension kUnknown{"", Known::unknown, kDrawnWithout};
  for (const KnownExtension& e : kAll)
    if (e.name == name) return e;
  return kUnknown;
}

// Refuses what is required and cannot be read; warns of what is left out.
inline bool check_extensions(const Json& json, Scene& scene, Refusal& refusal) {
  for (uint32_t id : json.items(0, "extensionsRequired")) {
    std::string_view name = json.at(id).text;
    const KnownExtension& e = known_extension(name);
    if (e.known == Known::refused) return refusal.say("The glTF extension ", quoted(name), e.sentence);
    if (e.known == Known::unknown) return refusal.say("The scene requires the glTF extension ", quoted(name), ", which this renderer does not support.");
  }
  for (uint32_t id : json.items(0, "extensionsUsed")) {
    std::string_view name = json.at(id).text;
    const KnownExtension& e = known_extension(name);
    if (e.known == Known::told || e.known == Known::unknown) scene.warn(words("The glTF extension ", quoted(name), e.sentence));
  }
  return true;
}
