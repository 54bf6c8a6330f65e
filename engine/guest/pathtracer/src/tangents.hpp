// tangents.hpp: how texture coordinates run over a mesh, and the tangents of
// meshes whose file gives none.
//
// glTF 2.0 (3.7.2.1) leaves those to MikkTSpace, whose rule this follows: M. S.
// Mikkelsen, "Simulation of Wrinkled Surfaces Revisited" (2008). Corners of one
// position, normal and texture coordinate share a tangent as far as their
// triangles turn the texture the same way. It is the sum of the directions in
// which u rises over these triangles, each laid into the plane of the normal
// and weighted by the angle that its triangle has there. Corners count as joined
// even where no edge joins their triangles. Texture coordinates are those that
// the normal map is looked up with: after KHR_texture_transform.
#pragma once

#include "scene.hpp"

// The directions over a triangle in which a texture's u and v rise, of any
// length; the determinant is 0 or not finite where they do not exist, and
// negative where the front shows the texture unmirrored (v runs down).
struct UvSlope { Vec3 along_u, along_v; float determinant; };

inline float uv_determinant(const Mesh& mesh, const Triangle& t, const Texture& texture, Pair& d1, Pair& d2) {
  const std::vector<float>& uvs = mesh.uvs[texture.uv_set];
  const float *uv0 = &uvs[size_t(t.vertex[0]) * 2], *uv1 = &uvs[size_t(t.vertex[1]) * 2], *uv2 = &uvs[size_t(t.vertex[2]) * 2];
  Pair side1{uv1[0] - uv0[0], uv1[1] - uv0[1]}, side2{uv2[0] - uv0[0], uv2[1] - uv0[1]};
  const float *u = texture.u_row, *v = texture.v_row;
  d1 = {u[0] * side1.x + u[1] * side1.y, v[0] * side1.x + v[1] * side1.y};
  d2 = {u[0] * side2.x + u[1] * side2.y, v[0] * side2.x + v[1] * side2.y};
  return d1.x * d2.y - d2.x * d1.y;
}

inline UvSlope uv_slope(const Mesh& mesh, const Triangle& t, const Texture& texture) {
  Pair d1, d2;
  float determinant = uv_determinant(mesh, t, texture, d1, d2), sign = determinant < 0 ? -1.0f : 1.0f;
  Vec3 a = mesh.positions[t.vertex[0]], e1 = mesh.positions[t.vertex[1]] - a, e2 = mesh.positions[t.vertex[2]] - a;
  return {(e1 * d2.y - e2 * d1.y) * sign, (e2 * d1.x - e1 * d2.x) * sign, determinant};
}

// The handedness of a triangle's tangents: kComputedHand, -kComputedHand, or 0
// where the texture has no area on it.
inline int16_t uv_hand(const Mesh& mesh, const Triangle& t, const Texture& texture) {
  Pair d1, d2;
  float determinant = uv_determinant(mesh, t, texture, d1, d2);
  if (determinant == 0 || !finite(determinant)) return 0;
  return determinant < 0 ? kComputedHand : int16_t(-kComputedHand);
}

// Finds the vertices of a range that are one: alike in position, normal and
// texture coordinate. 12 to 20 bytes a vertex while it stands.
class Weld {
 public:
  Weld(const Mesh& mesh, const ComputedTangents& part, uint32_t uv_set) : mesh_(mesh), first_(part.first), uv_set_(uv_set) {
    size_t slots = 4;
    while (slots < size_t(part.count) * 2) slots *= 2;
    std::vector<uint32_t> table(slots, ~0u);
    one_.resize(part.count);
    for (uint32_t i = 0; i < part.count; i++) {
      size_t at = hash(i) & (slots - 1);
      while (table[at] != ~0u && !same(table[at], i)) at = (at + 1) & (slots - 1);
      if (table[at] == ~0u) table[at] = i;
      one_[i] = table[at];
    }
  }

  // The first of the range that is the same as a vertex, counted within the range.
  uint32_t operator()(uint32_t vertex) const { return one_[vertex - first_]; }

  static uint64_t most_bytes(uint64_t count) { return count * 20 + 16; }

 private:
  struct Key { float value[8]; };
  Key key(uint32_t i) const {
    size_t v = size_t(first_) + i;
    Vec3 p = mesh_.positions[v], n = mesh_.normals[v];
    const float* uv = &mesh_.uvs[uv_set_][v * 2];
    return {{p.x, p.y, p.z, n.x, n.y, n.z, uv[0], uv[1]}};
  }
  bool same(uint32_t a, uint32_t b) const {
    Key x = key(a), y = key(b);
    return std::equal(x.value, x.value + 8, y.value);
  }
  size_t hash(uint32_t i) const {
    uint64_t h = 0;
    for (float value : key(i).value) {
      uint32_t bits;
      value += 0.0f;  // -0 is the same as 0
      memcpy(&bits, &value, sizeof bits);
      h = (h ^ bits) * 0x9e3779b97f4a7c15;  // 2^64 over the golden ratio
      h ^= h >> 32;
    }
    return size_t(h);
  }

  const Mesh& mesh_;
  uint32_t first_, uv_set_;
  std::vector<uint32_t> one_;
};

// The angle at a corner between two edges laid into the plane of a unit normal,
// in radians; 0 if one of them has no length there.
inline float angle_between(Vec3 edge1, Vec3 edge2, Vec3 normal) {
  Vec3 a = normalized(edge1 - normal * dot(edge1, normal), {0, 0, 0}), b = normalized(edge2 - normal * dot(edge2, normal), {0, 0, 0});
  if (dot(a, a) == 0 || dot(b, b) == 0) return 0;
  return acosf(clampf(dot(a, b), -1, 1));
}

// Writes the directions of a range's tangents as the mesh stands now. A vertex
// without handedness, because the texture has no area around it, takes what its
// likes have.
inline void compute_tangents(Mesh& mesh, const ComputedTangents& part, const Texture& texture) {
  Weld weld(mesh, part, texture.uv_set);
  auto left = [&](uint32_t v) { return mesh.tangents[size_t(v) * 4 + 3] < 0; };
  std::vector<Vec3> sums(size_t(part.count) * 2);  // for each vertex: of handedness 1, and -1
  for (uint32_t i = 0; i < part.triangles; i++) {
    const Triangle& t = mesh.triangles[part.first_triangle + i];
    UvSlope slope = uv_slope(mesh, t, texture);
    if (slope.determinant == 0 || !finite(slope.determinant)) continue;
    for (int k = 0; k < 3; k++) {
      uint32_t v = t.vertex[k];
      Vec3 here = mesh.positions[v], n = mesh.normals[v];
      float angle = angle_between(mesh.positions[t.vertex[(k + 1) % 3]] - here, mesh.positions[t.vertex[(k + 2) % 3]] - here, n);
      Vec3& sum = sums[size_t(weld(v)) * 2 + left(v)];
      sum = sum + normalized(slope.along_u - n * dot(slope.along_u, n), {0, 0, 0}) * angle;
    }
  }
  for (uint32_t v = part.first; v < part.first + part.count; v++) {
    const Vec3* both = &sums[size_t(weld(v)) * 2];
    int16_t* out = &mesh.tangents[size_t(v) * 4];
    auto any = [](Vec3 sum) { return dot(sum, sum) > 0; };
    if (out[3] == 0 && (any(both[0]) || any(both[1]))) out[3] = any(both[0]) ? kComputedHand : int16_t(-kComputedHand);
    store_tangent(out, both[left(v)]);
  }
}
