// bvh.hpp: bounding volume hierarchies of four-wide nodes.
//
// One tree over the triangles of each mesh and one over the instances, both
// built by binned surface-area splits. Building is iterative and its depth is
// bounded, so that a hostile scene can exhaust no stack.
#pragma once

#include <algorithm>
#include "math.hpp"

// Four children: their boxes lane by lane, and where they lead.
struct Node4 {
  float bound[6][4];  // low x, y, z, then high x, y, z
  int32_t child[4];   // >= 0 a node, < 0 the leaf ~child
};

struct Ray {
  Vec3 origin, direction;
};

// Levels built by area; below that ranges are halved, 2^32 items at most.
constexpr uint32_t kAreaLevels = 40;
constexpr uint32_t kMaxPending = 3 * (kAreaLevels + 34);

class TreeBuilder {
 public:
  struct Range { uint32_t first, count; };
  std::vector<Node4> nodes;
  std::vector<Range> leaves;
  std::vector<uint32_t> order;  // leaves are ranges of this permutation

  // A tree over the boxes with up to `leaf_size` of them to a leaf.
  TreeBuilder(const std::vector<Bounds>& boxes, uint32_t leaf_size) : boxes_(boxes), leaf_size_(leaf_size) {
    order.resize(boxes.size());
    for (uint32_t i = 0; i < order.size(); i++) order[i] = i;
    if (!boxes.empty()) build();
  }

 private:
  struct Part { Range range; Bounds box; bool closed; };
  struct Pending { uint32_t node; Range range; uint32_t depth; };
  static constexpr int kBins = 16;

  Bounds around(Range r) const {
    Bounds out;
    for (uint32_t i = 0; i < r.count; i++) out.add(boxes_[order[r.first + i]]);
    return out;
  }

  void build() {
    std::vector<Pending> work{{0, {0, uint32_t(boxes_.size())}, 0}};
    nodes.emplace_back();
    while (!work.empty()) {
      Pending job = work.back();
      work.pop_back();
      Part parts[4];
      int count = divide(job, parts);
      Node4 node;
      for (int lane = 0; lane < 4; lane++) {
        bool used = lane < count;
        for (int axis = 0; axis < 3; axis++) {
          node.bound[axis][lane] = used ? parts[lane].box.low[axis] : kFar;
          node.bound[3 + axis][lane] = used ? parts[lane].box.high[axis] : -kFar;
        }
        node.child[lane] = 0;
        if (!used) continue;
        if (parts[lane].range.count <= leaf_size_) {
          node.child[lane] = ~int32_t(leaves.size());
          leaves.push_back(parts[lane].range);
        } else {
          node.child[lane] = int32_t(nodes.size());
          work.push_back({uint32_t(nodes.size()), parts[lane].range, job.depth + 1});
          nodes.emplace_back();
        }
      }
      nodes[job.node] = node;
    }
  }

  // Up to four parts of a range: the largest is cut until there are four.
  int divide(const Pending& job, Part* parts) {
    parts[0] = {job.range, around(job.range), job.range.count <= leaf_size_};
    int count = 1;
    while (count < 4) {
      int pick = -1;
      for (int i = 0; i < count; i++)
        if (!parts[i].closed && (pick < 0 || parts[i].box.half_area() > parts[pick].box.half_area())) pick = i;
      if (pick < 0) break;
      Range whole = parts[pick].range;
      uint32_t left = job.depth < kAreaLevels ? cut(whole) : whole.count / 2;
      Range halves[2] = {{whole.first, left}, {whole.first + left, whole.count - left}};
      for (int h = 0; h < 2; h++) parts[h ? count : pick] = {halves[h], around(halves[h]), halves[h].count <= leaf_size_};
      count++;
    }
    return count;
  }

  static int bin(float centre, float low, float scale) {
    float b = (centre - low) * scale;
    return b > 0 ? (b < kBins - 1 ? int(b) : kBins - 1) : 0;
  }

  float weight(uint32_t n) const { return float((n + leaf_size_ - 1) / leaf_size_); }

  // Reorders a range and returns how many items go left (1 to count - 1).
  uint32_t cut(Range range) {
    Bounds centres;
    for (uint32_t i = 0; i < range.count; i++) centres.add(boxes_[order[range.first + i]].centre());
    float best = kFar;
    int best_axis = -1, best_bin = 0;
    for (int axis = 0; axis < 3; axis++) {
      float width = centres.high[axis] - centres.low[axis];
      if (!(width > 0)) continue;
      float scale = kBins / width;
      if (!finite(scale)) continue;
      Bounds box[kBins];
      uint32_t number[kBins] = {};
      for (uint32_t i = 0; i < range.count; i++) {
        const Bounds& item = boxes_[order[range.first + i]];
        int b = bin(item.centre()[axis], centres.low[axis], scale);
        box[b].add(item);
        number[b]++;
      }
      float right_cost[kBins];
      Bounds sum;
      uint32_t n = 0;
      for (int b = kBins - 1; b > 0; b--) {
        sum.add(box[b]);
        n += number[b];
        right_cost[b] = sum.half_area() * weight(n);
      }
      sum = Bounds();
      n = 0;
      for (int b = 0; b + 1 < kBins; b++) {
        sum.add(box[b]);
        n += number[b];
        if (n == 0 || n == range.count) continue;
        float cost = sum.half_area() * weight(n) + right_cost[b + 1];
        if (cost < best) {
          best = cost;
          best_axis = axis;
          best_bin = b;
        }
      }
    }
    if (best_axis < 0) return range.count / 2;
    float low = centres.low[best_axis], scale = kBins / (centres.high[best_axis] - low);
    auto begin = order.begin() + range.first;
    auto middle = std::partition(begin, begin + range.count, [&](uint32_t i) {
      return bin(boxes_[i].centre()[best_axis], low, scale) <= best_bin;
    });
    uint32_t left = uint32_t(middle - begin);
    return left == 0 || left == range.count ? range.count / 2 : left;
  }

  const std::vector<Bounds>& boxes_;
  uint32_t leaf_size_;
};

// Never zero and never huge, so that slab tests stay free of NaN.
inline float safe_inverse(float d) {
  if (fabsf(d) < 1e-18f) return d < 0 ? -1e18f : 1e18f;
  return 1 / d;
}

// Visits the leaves that a ray enters before `reach`, nearest first.
// leaf(index) may shorten reach, and stops the walk by returning true.
template <class Leaf>
SONM_HOT inline bool walk(const std::vector<Node4>& nodes, const Ray& ray, const float& reach, Leaf&& leaf) {
  if (nodes.empty()) return false;
  struct Entry { int32_t child; float distance; };
  Entry stack[kMaxPending];
  uint32_t pending = 0;
  Vec3 inverse{safe_inverse(ray.direction.x), safe_inverse(ray.direction.y), safe_inverse(ray.direction.z)};
  int near_x = inverse.x < 0 ? 3 : 0, near_y = inverse.y < 0 ? 4 : 1, near_z = inverse.z < 0 ? 5 : 2;
  int far_x = 3 - near_x, far_y = 5 - near_y, far_z = 7 - near_z;
  Float4 ox = splat(ray.origin.x), oy = splat(ray.origin.y), oz = splat(ray.origin.z);
  Float4 ix = splat(inverse.x), iy = splat(inverse.y), iz = splat(inverse.z);
  const Float4 zero = splat(0), slack = splat(1.0000005f);  // 4 ulp: no cracks between boxes
  int32_t current = 0;
  for (;;) {
    if (current < 0) {
      if (leaf(uint32_t(~current))) return true;
    } else {
      const Node4& node = nodes[uint32_t(current)];
      Float4 enter = max4(max4((load4(node.bound[near_x]) - ox) * ix, (load4(node.bound[near_y]) - oy) * iy),
                          max4((load4(node.bound[near_z]) - oz) * iz, zero));
      Float4 leave = min4(min4((load4(node.bound[far_x]) - ox) * ix, (load4(node.bound[far_y]) - oy) * iy),
                          (load4(node.bound[far_z]) - oz) * iz);
      uint32_t hits = bits(at_most(enter, min4(leave * slack, splat(reach))));
      if (hits) {
        float distance[4];
        store4(distance, enter);
        uint32_t lane = uint32_t(__builtin_ctz(hits));
        hits &= hits - 1;
        Entry nearest{node.child[lane], distance[lane]};
        if (hits) {
          lane = uint32_t(__builtin_ctz(hits));
          hits &= hits - 1;
          Entry other{node.child[lane], distance[lane]};
          bool turned = other.distance < nearest.distance;  // two at once, without a branch
          Entry& farther = stack[pending];
          farther.child = turned ? nearest.child : other.child;
          farther.distance = turned ? nearest.distance : other.distance;
          nearest.child = turned ? other.child : nearest.child;
          nearest.distance = turned ? other.distance : nearest.distance;
          uint32_t floor = pending++;
          for (; hits; hits &= hits - 1) {
            lane = uint32_t(__builtin_ctz(hits));
            other = {node.child[lane], distance[lane]};
            if (other.distance < nearest.distance) std::swap(other, nearest);
            uint32_t slot = pending++;
            for (; slot > floor && stack[slot - 1].distance < other.distance; slot--) stack[slot] = stack[slot - 1];
            stack[slot] = other;
          }
        }
        current = nearest.child;
        continue;
      }
    }
    do {
      if (!pending) return false;
      pending--;
    } while (stack[pending].distance > reach);
    current = stack[pending].child;
  }
}

// Where a ray met a triangle: distance in units of its direction, and the
// barycentric weights of the second and third corner.
struct TriangleHit {
  float t = kFar, u = 0, v = 0;
  uint32_t triangle = 0;
};

// The tree over the triangles of one mesh.
class MeshTree {
 public:
  // corner(i, k) is corner k of triangle i.
  template <class Corner>
  void build(uint32_t triangles, Corner&& corner) {
    std::vector<Bounds> boxes(triangles);
    for (uint32_t i = 0; i < triangles; i++) {
      for (int k = 0; k < 3; k++) boxes[i].add(corner(i, k));
      bounds.add(boxes[i]);
    }
    TreeBuilder builder(boxes, 4);
    nodes_ = std::vector<Node4>(builder.nodes);
    blocks_.resize(builder.leaves.size());
    for (size_t leaf = 0; leaf < blocks_.size(); leaf++) {
      Block block{};
      TreeBuilder::Range range = builder.leaves[leaf];
      for (uint32_t lane = 0; lane < range.count; lane++) {
        uint32_t id = builder.order[range.first + lane];
        Vec3 a = corner(id, 0), e1 = corner(id, 1) - a, e2 = corner(id, 2) - a;
        for (int axis = 0; axis < 3; axis++) {
          block.corner[axis][lane] = a[axis];
          block.edge1[axis][lane] = e1[axis];
          block.edge2[axis][lane] = e2[axis];
        }
        block.triangle[lane] = id;
      }
      blocks_[leaf] = block;
    }
  }

  Bounds bounds;

  // The nearest hit closer than hit.t; with any = true, whichever comes first.
  template <bool any>
  bool intersect(const Ray& ray, TriangleHit& hit) const {
    bool found = false;
    walk(nodes_, ray, hit.t, [&](uint32_t leaf) {
      if (!meet(blocks_[leaf], ray, hit)) return false;
      found = true;
      return any;
    });
    return found;
  }

  uint64_t bytes() const { return nodes_.size() * sizeof(Node4) + blocks_.size() * sizeof(Block); }
  // What a tree over n triangles takes, building included.
  static uint64_t estimate(uint64_t n) { return n * (sizeof(Bounds) + 4) + n / 2 * (sizeof(Block) + 8) + n / 4 * 2 * sizeof(Node4); }

 private:
  // Up to four triangles; unused lanes have no area and are never hit.
  struct Block {
    float corner[3][4], edge1[3][4], edge2[3][4];
    uint32_t triangle[4];
  };

  // Moeller and Trumbore's test, four triangles at a time.
  SONM_HOT static bool meet(const Block& b, const Ray& ray, TriangleHit& hit) {
    Float4 dx = splat(ray.direction.x), dy = splat(ray.direction.y), dz = splat(ray.direction.z);
    Float4 e1x = load4(b.edge1[0]), e1y = load4(b.edge1[1]), e1z = load4(b.edge1[2]);
    Float4 e2x = load4(b.edge2[0]), e2y = load4(b.edge2[1]), e2z = load4(b.edge2[2]);
    Float4 px = dy * e2z - dz * e2y, py = dz * e2x - dx * e2z, pz = dx * e2y - dy * e2x;
    Float4 inverse = splat(1) / (e1x * px + e1y * py + e1z * pz);
    Float4 tx = splat(ray.origin.x) - load4(b.corner[0]), ty = splat(ray.origin.y) - load4(b.corner[1]),
           tz = splat(ray.origin.z) - load4(b.corner[2]);
    Float4 u = (tx * px + ty * py + tz * pz) * inverse;
    Float4 qx = ty * e1z - tz * e1y, qy = tz * e1x - tx * e1z, qz = tx * e1y - ty * e1x;
    Float4 v = (dx * qx + dy * qy + dz * qz) * inverse;
    Float4 t = (e2x * qx + e2y * qy + e2z * qz) * inverse;
    Float4 zero = splat(0);
    Mask4 inside = both(both(at_most(zero, u), at_most(zero, v)), at_most(u + v, splat(1)));
    uint32_t hits = bits(both(inside, both(less(zero, t), less(t, splat(hit.t)))));
    if (!hits) return false;
    float ts[4], us[4], vs[4];
    store4(ts, t);
    store4(us, u);
    store4(vs, v);
    for (; hits; hits &= hits - 1) {
      uint32_t lane = uint32_t(__builtin_ctz(hits));
      if (ts[lane] < hit.t) hit = {ts[lane], us[lane], vs[lane], b.triangle[lane]};
    }
    return true;
  }

  std::vector<Node4> nodes_;
  std::vector<Block> blocks_;
};

// The tree over the placed meshes; a leaf is one instance.
struct InstanceTree {
  std::vector<Node4> nodes;
  std::vector<uint32_t> leaf_instance;

  void build(const std::vector<Bounds>& boxes) {
    TreeBuilder builder(boxes, 1);
    nodes = std::vector<Node4>(builder.nodes);
    leaf_instance.reserve(builder.leaves.size());
    for (TreeBuilder::Range leaf : builder.leaves) leaf_instance.push_back(builder.order[leaf.first]);
  }
};
