// A small path tracer: triangles in a tree of boxes, four of either looked at
// at a time, with diffuse surfaces and light from the sky.
#include <math.h>

#include "kernel.h"

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#endif

enum { SAMPLES = 4, BOUNCES = 4, STACK = 64 };

static const float FAR = 1e30f;

typedef float four __attribute__((vector_size(16)));
typedef int32_t mask __attribute__((vector_size(16))); // 0 or -1

typedef struct {
  float x, y, z;
} vec;

typedef struct {
  four x, y, z;
} vec4;

typedef struct {
  vec corner, edge[2], normal, colour;
} triangle;

// A leaf has up to four triangles; those it lacks have no area.
typedef struct {
  vec4 corner, edge[2];
  uint32_t first;
} leaf;

// A node has four boxes with a node or, below zero, ~ a leaf in each.
typedef struct {
  vec4 low, high;
  int32_t in[4];
} node;

static triangle *triangles; // in the order of the leaves
static leaf *leaves;
static node *nodes;
static uint32_t leaves_used, nodes_used;

static inline vec add(vec a, vec b) { return (vec){a.x + b.x, a.y + b.y, a.z + b.z}; }
static inline vec sub(vec a, vec b) { return (vec){a.x - b.x, a.y - b.y, a.z - b.z}; }
static inline vec scale(vec a, float s) { return (vec){a.x * s, a.y * s, a.z * s}; }
static inline vec times(vec a, vec b) { return (vec){a.x * b.x, a.y * b.y, a.z * b.z}; }
static inline float dot(vec a, vec b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline vec unitary(vec a) { return scale(a, 1 / sqrtf(dot(a, a))); }
static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }
static inline vec lower(vec a, vec b) { return (vec){least(a.x, b.x), least(a.y, b.y), least(a.z, b.z)}; }
static inline vec higher(vec a, vec b) { return (vec){most(a.x, b.x), most(a.y, b.y), most(a.z, b.z)}; }

static inline vec cross(vec a, vec b) {
  return (vec){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

static inline four all(float v) { return (four){v, v, v, v}; }
static inline vec4 all3(vec v) { return (vec4){all(v.x), all(v.y), all(v.z)}; }
static inline vec4 sub4(vec4 a, vec4 b) { return (vec4){a.x - b.x, a.y - b.y, a.z - b.z}; }
static inline vec4 times4(vec4 a, vec4 b) { return (vec4){a.x * b.x, a.y * b.y, a.z * b.z}; }
static inline four dot4(vec4 a, vec4 b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

static inline vec4 cross4(vec4 a, vec4 b) {
  return (vec4){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}

// least4 is a < b ? a : b, one instruction where there is one.
static inline four least4(four a, four b) {
#if defined __wasm_simd128__
  return (four)wasm_f32x4_pmin((v128_t)b, (v128_t)a);
#elif defined __SSE__
  return __builtin_ia32_minps(a, b);
#else
  mask less = a < b;
  return (four)((less & (mask)a) | (~less & (mask)b));
#endif
}

// most4 is a > b ? a : b.
static inline four most4(four a, four b) {
#if defined __wasm_simd128__
  return (four)wasm_f32x4_pmax((v128_t)b, (v128_t)a);
#elif defined __SSE__
  return __builtin_ia32_maxps(a, b);
#else
  mask more = a > b;
  return (four)((more & (mask)a) | (~more & (mask)b));
#endif
}

// lanes has a bit for each lane of m that is -1.
static inline int lanes(mask m) {
#if defined __wasm_simd128__
  return (int)wasm_i32x4_bitmask((v128_t)m);
#elif defined __SSE__
  return __builtin_ia32_movmskps((four)m);
#else
  return (m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8);
#endif
}

// anywhere is a point of the cube from -1 to 1.
static inline vec anywhere(uint64_t *state) {
  float x = 2 * unit(state) - 1, y = 2 * unit(state) - 1;
  return (vec){x, y, 2 * unit(state) - 1};
}

// --- the tree

// range is count triangles from first on, and the box around them.
typedef struct {
  uint32_t first, count;
  vec low, high;
} range;

static float centre(const triangle *t, int axis) {
  vec v = add(t->corner, scale(add(t->edge[0], t->edge[1]), 1.0f / 3));
  return axis == 0 ? v.x : axis == 1 ? v.y : v.z;
}

static range wrap(uint32_t first, uint32_t count) {
  range r = {first, count, {FAR, FAR, FAR}, {-FAR, -FAR, -FAR}};
  for (uint32_t n = first; n < first + count; n++) {
    const triangle *t = &triangles[n];
    vec a = t->corner, b = add(a, t->edge[0]), c = add(a, t->edge[1]);
    r.low = lower(r.low, lower(a, lower(b, c)));
    r.high = higher(r.high, higher(a, higher(b, c)));
  }
  return r;
}

// part sorts the triangles from first to last as far as needed for none before
// middle to be behind one after it (Hoare's select).
static void part(int64_t first, int64_t last, int64_t middle, int axis) {
  while (first < last) {
    float pivot = centre(&triangles[(first + last) / 2], axis);
    int64_t n = first, m = last;
    while (n <= m) {
      while (centre(&triangles[n], axis) < pivot) n++;
      while (centre(&triangles[m], axis) > pivot) m--;
      if (n > m) break;
      triangle was = triangles[n];
      triangles[n++] = triangles[m];
      triangles[m--] = was;
    }
    if (middle <= m) last = m;
    else if (middle >= n) first = n;
    else return;
  }
}

// halve cuts a range across the longest side of its box.
static void halve(range r, range *a, range *b) {
  vec size = sub(r.high, r.low);
  int axis = size.x > size.y ? (size.x > size.z ? 0 : 2) : (size.y > size.z ? 1 : 2);
  uint32_t half = r.count / 2;
  if (r.count > 0) part(r.first, (int64_t)r.first + r.count - 1, (int64_t)r.first + half, axis);
  *a = wrap(r.first, half);
  *b = wrap(r.first + half, r.count - half);
}

static void set(vec4 *to, int lane, vec v) {
  to->x[lane] = v.x;
  to->y[lane] = v.y;
  to->z[lane] = v.z;
}

static int32_t new_leaf(range r) {
  leaf *l = &leaves[leaves_used];
  l->first = r.first;
  for (uint32_t n = 0; n < 4; n++) {
    static const triangle none;
    const triangle *t = n < r.count ? &triangles[r.first + n] : &none;
    set(&l->corner, n, t->corner);
    set(&l->edge[0], n, t->edge[0]);
    set(&l->edge[1], n, t->edge[1]);
  }
  return ~(int32_t)leaves_used++;
}

// grow makes the tree of a range, nodes of one level after those of the level above.
static void grow(range whole, range *waiting) {
  waiting[0] = whole;
  nodes_used = 1;
  for (uint32_t at = 0; at < nodes_used; at++) {
    range half[2], quarter[4];
    halve(waiting[at], &half[0], &half[1]);
    halve(half[0], &quarter[0], &quarter[1]);
    halve(half[1], &quarter[2], &quarter[3]);
    for (int n = 0; n < 4; n++) {
      range r = quarter[n];
      set(&nodes[at].low, n, r.low);
      set(&nodes[at].high, n, r.high);
      if (r.count <= 4) {
        nodes[at].in[n] = new_leaf(r);
      } else {
        waiting[nodes_used] = r;
        nodes[at].in[n] = (int32_t)nodes_used++;
      }
    }
  }
}

void build(uint64_t seed, uint32_t size) {
  triangles = take((size_t)size * sizeof *triangles);
  for (uint32_t n = 0; n < size; n++) {
    triangle *t = &triangles[n];
    t->corner = scale(anywhere(&seed), 5);
    t->edge[0] = scale(anywhere(&seed), 0.3f);
    t->edge[1] = scale(anywhere(&seed), 0.3f);
    t->normal = unitary(cross(t->edge[0], t->edge[1]));
    t->colour = add((vec){0.6f, 0.6f, 0.6f}, scale(anywhere(&seed), 0.35f));
  }
  uint32_t most_nodes = size + 1; // each but the root has five triangles or more below it
  leaves = take((size_t)4 * most_nodes * sizeof *leaves);
  nodes = take((size_t)most_nodes * sizeof *nodes);
  leaves_used = 0;
  grow(wrap(0, size), take((size_t)most_nodes * sizeof(range)));
}

// --- rays

typedef struct {
  vec4 from, to, inverse; // to is the direction, inverse one by it
} ray;

// enter says into which of the boxes the ray goes before it is as far as
// nearest, and how far it is to them.
static inline int enter(const node *n, const ray *r, float nearest, four *far) {
  vec4 a = times4(sub4(n->low, r->from), r->inverse), b = times4(sub4(n->high, r->from), r->inverse);
  four in = most4(most4(least4(a.x, b.x), least4(a.y, b.y)), least4(a.z, b.z));
  four out = least4(least4(most4(a.x, b.x), most4(a.y, b.y)), most4(a.z, b.z));
  *far = in;
  return lanes((out >= in) & (out > 0) & (in < nearest));
}

// meet says which of the triangles the ray meets before it is as far as nearest,
// and how far it is to them (Möller and Trumbore's test).
static inline int meet(const leaf *l, const ray *r, float nearest, four *far) {
  vec4 h = cross4(r->to, l->edge[1]);
  four a = dot4(l->edge[0], h), f = 1 / a;
  vec4 s = sub4(r->from, l->corner);
  four u = f * dot4(s, h);
  vec4 q = cross4(s, l->edge[0]);
  four v = f * dot4(r->to, q);
  mask inside = (u >= 0) & (v >= 0) & (u + v <= 1) & ((a < -1e-7f) | (a > 1e-7f));
  *far = f * dot4(l->edge[1], q);
  return lanes(inside & (*far > 1e-4f) & (*far < nearest));
}

typedef struct {
  int32_t at; // as in node.in
  float far;
} step;

// hit finds the nearest triangle, or none.
static const triangle *hit(const ray *r, float *far) {
  step stack[STACK];
  int used = 1;
  const triangle *found = 0;
  *far = FAR;
  stack[0] = (step){0, 0};
  while (used > 0) {
    step next = stack[--used];
    if (next.far >= *far) continue;
    union {
      four all;
      float one[4];
    } there;
    if (next.at < 0) {
      const leaf *l = &leaves[~next.at];
      for (int left = meet(l, r, *far, &there.all); left; left &= left - 1) {
        int n = __builtin_ctz(left);
        if (there.one[n] < *far) {
          *far = there.one[n];
          found = &triangles[l->first + n];
        }
      }
      continue;
    }
    const node *box = &nodes[next.at];
    int base = used;
    for (int left = enter(box, r, *far, &there.all); left; left &= left - 1) {
      int n = __builtin_ctz(left);
      step new = {box->in[n], there.one[n]};
      if (used > base && stack[used - 1].far < new.far) { // the nearest one stays on top
        stack[used] = stack[used - 1];
        stack[used - 1] = new;
      } else {
        stack[used] = new;
      }
      used++;
    }
  }
  return found;
}

static vec sky(vec to) {
  float up = 0.5f * (to.y + 1);
  return (vec){1 - 0.5f * up, 1 - 0.3f * up, 1};
}

// bounce is a direction away from a diffuse surface.
static vec bounce(vec normal, uint64_t *state) {
  for (;;) {
    vec v = anywhere(state);
    float square = dot(v, v);
    if (square <= 1 && square > 1e-6f) return unitary(add(normal, scale(v, 0.999f / sqrtf(square))));
  }
}

static vec light(vec from, vec to, uint64_t *state, uint64_t *rays) {
  vec rest = {1, 1, 1};
  for (int n = 0; n < BOUNCES; n++) {
    ray r = {all3(from), all3(to), all3((vec){1 / to.x, 1 / to.y, 1 / to.z})};
    float far;
    const triangle *t = hit(&r, &far);
    ++*rays;
    if (!t) return times(rest, sky(to));
    rest = times(rest, t->colour);
    from = add(from, scale(to, far));
    to = bounce(dot(t->normal, to) < 0 ? t->normal : scale(t->normal, -1), state);
  }
  return (vec){0, 0, 0};
}

// work renders a picture of size x size pixels.
uint64_t work(uint64_t seed, uint32_t size) {
  uint64_t digest = 0, rays = 0;
  vec eye = {0, 0, -12};
  for (uint32_t row = 0; row < size; row++)
    for (uint32_t col = 0; col < size; col++) {
      uint64_t state = mix(seed, (uint64_t)row << 32 | col);
      vec sum = {0, 0, 0};
      for (int n = 0; n < SAMPLES; n++) {
        float x = (col + unit(&state)) / size - 0.5f, y = (row + unit(&state)) / size - 0.5f;
        sum = add(sum, light(eye, unitary((vec){x, y, 1}), &state, &rays));
      }
      digest = mix(mix(mix(digest, canonical(sum.x)), canonical(sum.y)), canonical(sum.z));
    }
  put(digest);
  return rays;
}
