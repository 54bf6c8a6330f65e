// scene.hpp: a scene as the tracer holds it. Filled by gltf_scene.hpp.
#pragma once

#include "bvh.hpp"
#include "image.hpp"
#include "sampler.hpp"

enum class AlphaMode : uint8_t { opaque, mask, blend };

// A glTF material. A texture multiplies the factor above it; image -1 is white.
// `*_texture` channels are those of the specification and its extensions.
struct Material {
  Vec3 base_color{1, 1, 1};
  float base_alpha = 1;
  Texture base_texture;              // sRGB colour, linear alpha
  AlphaMode alpha_mode = AlphaMode::opaque;
  float alpha_cutoff = 0.5f;
  bool double_sided = false;         // told to buyers; both sides are drawn either way
  bool unlit = false;                // KHR_materials_unlit: sends out its base colour, reflects nothing
  float metallic = 1, roughness = 1;
  Texture roughness_texture;         // green roughness, blue metallic
  Vec3 emission{0, 0, 0};            // emissiveFactor * emissiveStrength, W/(sr m2)
  Texture emission_texture;          // sRGB
  Texture normal_texture;
  float normal_scale = 1;
  float specular = 1;                // KHR_materials_specular
  Vec3 specular_color{1, 1, 1};
  Texture specular_texture;          // alpha
  Texture specular_color_texture;    // sRGB
  float ior = 1.5f;                  // KHR_materials_ior; 0 = perfect mirror at all angles
  float transmission = 0;            // KHR_materials_transmission
  Texture transmission_texture;      // red
  float thickness = 0;               // KHR_materials_volume: 0 = thin walled, else the mesh is a body
  Vec3 absorption{0, 0, 0};          // per scene unit: -ln(attenuationColor) / attenuationDistance
  float coat = 0, coat_roughness = 0;  // KHR_materials_clearcoat
  Texture coat_texture;              // red
  Texture coat_roughness_texture;    // green
  Texture coat_normal_texture;
  float coat_normal_scale = 1;

  bool emits() const { return !black(emission); }
  bool lets_through() const { return alpha_mode != AlphaMode::opaque; }
};

struct Triangle {
  uint32_t vertex[3];
  uint32_t material;
};

// A mesh: all primitives of one glTF mesh, in its own space.
struct Mesh {
  std::vector<Vec3> positions;
  std::vector<Vec3> normals;    // per vertex; (0,0,0) means flat; empty = all flat
  std::vector<float> uvs;       // two per vertex; empty = none
  std::vector<Triangle> triangles;
  std::vector<uint32_t> emitters;  // triangles whose material emits, ascending
  MeshTree tree;
};

// One placing of a mesh.
struct Instance {
  uint32_t mesh = 0;
  Affine to_world, to_object;
  uint32_t first_light = 0;  // index of its first emissive triangle in Lights
  bool moves = false;        // its place or its mesh's shape differs from frame to frame
  bool fixed = false;        // its triangles are in Scene::fixed
};

constexpr uint32_t kFixed = ~0u;

enum class LightKind : uint8_t { triangle, point, spot, directional };

struct PunctualLight {
  LightKind kind = LightKind::point;
  Vec3 color{1, 1, 1};     // radiant intensity W/sr, or irradiance W/m2 if directional
  Vec3 position, direction{0, 0, -1};
  float cos_inner = 1, cos_outer = 0;
};

struct Camera {
  std::string name;
  bool orthographic = false;
  float tan_half_height = 0.4f;  // perspective: tan(yfov / 2)
  float half_height = 1;         // orthographic: ymag
  Affine to_world;
};

// The sky as it was decoded; sky.hpp samples it.
struct SkyPicture {
  int width = 0, height = 0;  // 0 = constant
  std::vector<float> rgb;
};

struct Scene {
  std::vector<Material> materials;
  std::vector<Image> images;
  std::vector<Mesh> meshes;
  std::vector<Instance> instances;
  std::vector<PunctualLight> punctual;
  std::vector<Camera> cameras;
  SkyPicture sky;
  MeshTree fixed;                           // triangles of the fixed instances, one after the other
  std::vector<uint32_t> fixed_first, fixed_instance;  // where each begins there, and which it is
  InstanceTree tree;                        // over all other instances
  Bounds bounds;
  SrgbTable srgb;
  // What inspect reports.
  std::vector<std::string> warnings, missing;
  uint64_t instanced_triangles = 0, unique_triangles = 0;
  uint32_t textures = 0;

  void warn(std::string sentence) {
    for (const std::string& known : warnings)
      if (known == sentence) return;
    if (warnings.size() < 100) warnings.push_back(std::move(sentence));
  }
};
