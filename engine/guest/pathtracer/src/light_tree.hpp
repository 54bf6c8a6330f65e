// light_tree.hpp: picks one of many lights by what it may send to a point.
//
// A tree of four-wide nodes over the lights that have a place; each lane knows
// the sphere around its lights, the cone of their directions and their power
// (Conty Estevez and Kulla 2018, "Importance sampling of many lights with
// adaptive tree splitting"). A pick walks down one lane at a time, in
// proportion to a bound of each lane's irradiance.
#pragma once

#include "bvh.hpp"

// Where light is gathered: a place and, unless both sides count, a normal.
struct Gathering {
  Vec3 position, normal;
  bool both_sides;
};

// One light as the tree sees it.
struct LightBound {
  Bounds box;
  Vec3 axis{0, 0, 1};
  float cos_spread = 1;    // the cone of normals around the axis
  float cos_reach = 0;     // how far beyond a normal light is sent: 0 = a quarter turn
  bool two_sided = true;   // light leaves along -axis as well
  float power = 0;         // luminance * area, or luminous intensity
};

class LightTree {
 public:
  void build(const std::vector<LightBound>& lights) {
    lights_of_nodes(lights);
    for (size_t n = nodes_.size(); n-- > 0;)  // children come after their parents
      for (int lane = 0; lane < 4; lane++) fill(n, lane, lights);
  }

  bool empty() const { return nodes_.empty(); }

  // A bound of the irradiance at a place, all lights together.
  float irradiance(const Gathering& at) const {
    if (nodes_.empty()) return 0;
    float part[4];
    importance(nodes_[0], at, part);
    return part[0] + part[1] + part[2] + part[3];
  }

  // The light that a number in [0, 1) falls on, and its probability; false if
  // no light reaches the place.
  bool pick(const Gathering& at, float u, uint32_t& light, float& chance) const {
    int32_t current = 0;
    chance = 1;
    for (;;) {
      float part[4];
      importance(nodes_[size_t(current)], at, part);
      float total = part[0] + part[1] + part[2] + part[3];
      if (!(total > 0)) return false;
      float target = u * total;
      int lane = 0, last = 0;
      float below = 0;
      for (; lane < 4; lane++) {
        if (!(part[lane] > 0)) continue;
        last = lane;
        if (target < below + part[lane]) break;
        below += part[lane];
      }
      if (lane == 4) { lane = last; below = total - part[last]; }
      u = clampf((target - below) / part[lane], 0, 0.9999999f);
      chance *= part[lane] / total;
      int32_t child = nodes_[size_t(current)].child[lane];
      if (child < 0) {
        light = uint32_t(~child);
        return true;
      }
      current = child;
    }
  }

  // The probability with which pick() chooses a light.
  float chance(const Gathering& at, uint32_t light) const {
    float chance = 1;
    for (Place p = of_light_[light]; p.node != kNone; p = of_node_[p.node]) {
      float part[4];
      importance(nodes_[p.node], at, part);
      if (!(part[p.lane] > 0)) return 0;
      chance *= part[p.lane] / (part[0] + part[1] + part[2] + part[3]);
    }
    return chance;
  }

  static uint64_t estimate(uint64_t lights) { return lights * (sizeof(Node) / 2 + sizeof(LightBound) + 64); }

 private:
  static constexpr uint32_t kNone = ~0u;
  struct Node {
    float centre[3][4], radius2[4];
    float axis[3][4], cos_spread[4], sin_spread[4], cos_reach[4], sides[4];  // sides: 1 = both, -1 = one
    float power[4];
    int32_t child[4];
  };
  struct Place { uint32_t node, lane; };

  void lights_of_nodes(const std::vector<LightBound>& lights) {
    std::vector<Bounds> boxes;
    for (const LightBound& light : lights) boxes.push_back(light.box);
    TreeBuilder builder(boxes, 1);
    nodes_.resize(builder.nodes.size());
    bounds_.resize(nodes_.size());
    of_node_.assign(nodes_.size(), {kNone, 0});
    of_light_.assign(lights.size(), {kNone, 0});
    for (uint32_t n = 0; n < nodes_.size(); n++)
      for (uint32_t lane = 0; lane < 4; lane++) {
        const Node4& from = builder.nodes[n];
        bool used = from.bound[0][lane] <= from.bound[3][lane];
        int32_t child = from.child[lane];
        if (child < 0) child = ~int32_t(builder.order[builder.leaves[uint32_t(~child)].first]);
        nodes_[n].child[lane] = used ? child : 0;
        if (!used) continue;
        if (child < 0) of_light_[uint32_t(~child)] = {n, lane};
        else of_node_[uint32_t(child)] = {n, lane};
      }
  }

  // Sets a lane, and widens the node's own bound by it.
  void fill(size_t n, int lane, const std::vector<LightBound>& lights) {
    Node& node = nodes_[n];
    int32_t child = node.child[lane];
    LightBound bound;
    if (child != 0) bound = child < 0 ? lights[size_t(~child)] : bounds_[size_t(child)];
    Vec3 centre = bound.box.empty() ? Vec3{0, 0, 0} : bound.box.centre(), half = bound.box.empty() ? Vec3{0, 0, 0} : bound.box.high - centre;
    for (int k = 0; k < 3; k++) {
      node.centre[k][lane] = centre[k];
      node.axis[k][lane] = bound.axis[k];
    }
    node.radius2[lane] = maxf(dot(half, half), 1e-30f);
    node.cos_spread[lane] = bound.cos_spread;
    node.sin_spread[lane] = sqrtf(maxf(0, 1 - bound.cos_spread * bound.cos_spread));
    node.cos_reach[lane] = bound.cos_reach;
    node.sides[lane] = bound.two_sided ? 1 : -1;
    node.power[lane] = bound.power;
    if (bound.power > 0) bounds_[n] = joined(bounds_[n], bound);
  }

  static LightBound joined(const LightBound& a, const LightBound& b) {
    if (!(a.power > 0)) return b;
    LightBound out = a;
    out.box.add(b.box);
    out.power = a.power + b.power;
    out.two_sided = a.two_sided || b.two_sided;
    out.cos_reach = minf(a.cos_reach, b.cos_reach);
    Vec3 axis = b.axis;
    if (out.two_sided && dot(a.axis, axis) < 0) axis = -axis;
    join_cones(out, axis, b.cos_spread);
    return out;
  }

  // The smallest cone around two, or all directions.
  static void join_cones(LightBound& out, Vec3 axis, float cos_spread) {
    float between = acosf(clampf(dot(out.axis, axis), -1, 1)), a = acosf(clampf(out.cos_spread, -1, 1)), b = acosf(clampf(cos_spread, -1, 1));
    if (between + b <= a) return;
    if (between + a <= b) {
      out.axis = axis;
      out.cos_spread = cos_spread;
      return;
    }
    float spread = 0.5f * (a + b + between);
    Vec3 side = axis - out.axis * dot(axis, out.axis);
    if (spread >= kPi || !(dot(side, side) > 1e-12f)) {
      out.cos_spread = -1;
      return;
    }
    out.axis = normalized(out.axis * cosf(spread - a) + normalized(side) * sinf(spread - a));
    out.cos_spread = cosf(spread);
  }

  // cos(max(0, a - b)) of angles in [0, pi].
  static Float4 narrowed(Float4 cos_a, Float4 sin_a, Float4 cos_b, Float4 sin_b) {
    return pick4(less(cos_b, cos_a), splat(1), cos_a * cos_b + sin_a * sin_b);
  }
  static Float4 sine_of(Float4 cosine) { return sqrt4(max4(splat(0), splat(1) - cosine * cosine)); }

  SONM_HOT static void importance(const Node& n, const Gathering& at, float* part) {
    const Float4 zero = splat(0), one = splat(1);
    Float4 vx = splat(at.position.x) - load4(n.centre[0]), vy = splat(at.position.y) - load4(n.centre[1]), vz = splat(at.position.z) - load4(n.centre[2]);
    Float4 radius2 = load4(n.radius2), distance2 = vx * vx + vy * vy + vz * vz;
    Mask4 within = at_most(distance2, radius2);
    Float4 scale = one / sqrt4(max4(distance2, splat(1e-30f)));
    Float4 sine2 = min4(radius2 / max4(distance2, splat(1e-30f)), one);
    Float4 cos_size = sqrt4(one - sine2), sin_size = sqrt4(sine2);  // the angle that the lights fill
    Float4 along = (vx * load4(n.axis[0]) + vy * load4(n.axis[1]) + vz * load4(n.axis[2])) * scale;
    Float4 cosine = min4(max4(along, along * (zero - load4(n.sides))), one);
    Float4 cos_spread = load4(n.cos_spread), sin_spread = load4(n.sin_spread);
    Float4 outside = narrowed(cosine, sine_of(cosine), cos_spread, sin_spread);
    Float4 leaving = pick4(within, one, narrowed(outside, sine_of(outside), cos_size, sin_size));
    Float4 result = load4(n.power) / max4(distance2, radius2);
    result = pick4(less(load4(n.cos_reach), leaving), result * max4(leaving, splat(0.05f)), zero);
    Float4 arriving = (vx * splat(at.normal.x) + vy * splat(at.normal.y) + vz * splat(at.normal.z)) * scale;
    arriving = at.both_sides ? max4(arriving, zero - arriving) : zero - arriving;
    arriving = max4(min4(arriving, one), splat(-1));
    Float4 received = pick4(within, one, narrowed(arriving, sine_of(arriving), cos_size, sin_size));
    store4(part, result * max4(received, zero));
  }

  std::vector<Node> nodes_;
  std::vector<LightBound> bounds_;  // of whole nodes, while building
  std::vector<Place> of_node_, of_light_;
};
