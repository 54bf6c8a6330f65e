// scene.hpp: a scene as the tracer holds it. Filled by gltf_scene.hpp.
#pragma once

#include <array>
#include "bvh.hpp"
#include "image.hpp"
#include "rig.hpp"
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
  Texture gloss_texture;             // alpha: scales 1 - roughness; KHR_materials_pbrSpecularGlossiness
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

  std::array<Texture*, 11> textures() {
    return {&base_texture, &roughness_texture, &emission_texture, &normal_texture, &specular_texture, &specular_color_texture,
            &transmission_texture, &coat_texture, &coat_roughness_texture, &coat_normal_texture, &gloss_texture};
  }
  // The sets of texture coordinates that its textures take, one bit for each.
  uint32_t uv_sets() {
    uint32_t sets = 0;
    for (const Texture* t : textures()) sets |= t->image >= 0 ? 1u << t->uv_set : 0;
    return sets;
  }
  // Whose texture coordinates tangents follow that the file does not give.
  const Texture& tangent_texture() const { return normal_texture.image >= 0 ? normal_texture : coat_normal_texture; }
  // Whether the coat's normal map lies on the surface in another way than the other.
  bool coat_lies_apart() const {
    const Texture &a = tangent_texture(), &b = coat_normal_texture;
    return a.uv_set != b.uv_set || !std::equal(a.u_row, a.u_row + 2, b.u_row) || !std::equal(a.v_row, a.v_row + 2, b.v_row);
  }
  bool bends_normals() const { return normal_texture.image >= 0 || coat_normal_texture.image >= 0; }
};

struct Triangle {
  uint32_t vertex[3];
  uint32_t material;
  float clearance = 0;  // as of an instance, but of this one; where the instance is fixed
};

constexpr uint32_t kUvSets = 4;  // TEXCOORD_0 to TEXCOORD_3

// The vertices and triangles of a primitive whose tangents are computed: see tangents.hpp.
struct ComputedTangents { uint32_t first, count, first_triangle, triangles; };

// The handedness 1 of a tangent, given by the file and computed.
constexpr int16_t kGivenHand = 32767, kComputedHand = 1;

// A mesh: all primitives of one glTF mesh, in its own space. Attributes that
// its materials do not look at are left out.
struct Mesh {
  std::vector<Vec3> positions;
  std::vector<Vec3> normals;        // per vertex; (0,0,0) means flat; empty = all flat
  std::vector<float> uvs[kUvSets];  // two per vertex; empty = none
  std::vector<uint16_t> colors;     // linear RGBA of COLOR_0, 65535 = 1; empty = white
  std::vector<int16_t> tangents;    // x, y, z, 32767 = 1, and handedness, whose 0 means none; empty = none
  std::vector<Triangle> triangles;
  std::vector<ComputedTangents> computed;
  std::vector<uint32_t> emitters;   // triangles whose material emits, ascending
  Bounds bounds;
  MeshTree tree;
  bool tree_is_old = true;          // the vertices have changed since the tree was built

  void measure() {
    bounds = Bounds();
    for (const Triangle& t : triangles)
      for (uint32_t v : t.vertex) bounds.add(positions[v]);
  }
};

// Barycentric weights of the three corners of a triangle.
struct Corners {
  float weight[3];
  Corners(float u, float v) : weight{1 - u - v, u, v} {}
};

// Writes a tangent's direction; the handedness after it stays.
inline void store_tangent(int16_t* out, Vec3 tangent) {
  Vec3 t = normalized(tangent, {0, 0, 0}) * 32767;
  out[0] = int16_t(lrintf(t.x));
  out[1] = int16_t(lrintf(t.y));
  out[2] = int16_t(lrintf(t.z));
}

// The texture coordinates that a texture uses at a place; (0, 0) if there are none.
inline Pair uv_at(const Mesh& mesh, const Triangle& t, const Corners& at, const Texture& texture) {
  const std::vector<float>& uvs = mesh.uvs[texture.uv_set];
  Pair uv{0, 0};
  if (uvs.empty()) return uv;
  for (int k = 0; k < 3; k++) {
    const float* corner = &uvs[size_t(t.vertex[k]) * 2];
    uv.x += at.weight[k] * corner[0];
    uv.y += at.weight[k] * corner[1];
  }
  return uv;
}

// One channel (0 to 3) of the vertex colours at a place; white if there are none.
inline float color_at(const Mesh& mesh, const Triangle& t, const Corners& at, size_t channel) {
  if (mesh.colors.empty()) return 1;
  float sum = 0;
  for (int k = 0; k < 3; k++) sum += at.weight[k] * float(mesh.colors[size_t(t.vertex[k]) * 4 + channel]);
  return sum / 65535;
}

// One placing of a mesh.
struct Instance {
  uint32_t mesh = 0;
  bool mirrored = false;  // to_world turns left into right: the other winding is the front
  Affine to_world, to_object;
  float clearance = 0;    // how far a ray has to start from it so as not to meet it at once
  uint32_t first_light = 0;  // index of its first emissive triangle in Lights
  bool fixed = false;        // its triangles are in Scene::fixed: its mesh stands nowhere else and never moves
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

// What inspect tells about an animation.
struct Animation {
  std::string name;
  float seconds = 0;  // where its last key stands
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
  std::vector<Animation> animations;
  Rig rig;
  SkyPicture sky;
  MeshTree fixed;                           // triangles of the fixed instances, one after the other
  std::vector<uint32_t> fixed_first, fixed_instance;  // where each begins there, and which it is
  bool fixed_is_old = true;                 // the tree over them has to be built
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
