// A small path tracer: triangles in a tree of boxes, diffuse surfaces, light
// from the sky.
#include <math.h>

#include "kernel.h"

enum { LEAF = 4, SAMPLES = 4, BOUNCES = 4, STACK = 64 };

static const float FAR = 1e30f;

typedef struct {
  float x, y, z;
} vec;

typedef struct {
  vec corner, edge[2], normal, colour;
} triangle;

// A box is a leaf with count triangles from first on, or, with no triangles,
// has the boxes first and first + 1 in it.
typedef struct {
  vec low, high;
  uint32_t first, count;
} box;

static triangle *triangles; // in the order of the leaves
static box *boxes;
static uint32_t boxes_used;

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

static inline float axis(vec a, int n) { return n == 0 ? a.x : n == 1 ? a.y : a.z; }

// anywhere is a point of the cube from -1 to 1.
static inline vec anywhere(uint64_t *state) {
  float x = 2 * unit(state) - 1, y = 2 * unit(state) - 1;
  return (vec){x, y, 2 * unit(state) - 1};
}

// --- the tree

static inline float centre(const triangle *t, int n) { return axis(add(t->corner, scale(add(t->edge[0], t->edge[1]), 1.0f / 3)), n); }

static void wrap(box *b) {
  b->low = (vec){FAR, FAR, FAR};
  b->high = (vec){-FAR, -FAR, -FAR};
  for (uint32_t n = b->first; n < b->first + b->count; n++) {
    const triangle *t = &triangles[n];
    vec p = t->corner, q = add(p, t->edge[0]), r = add(p, t->edge[1]);
    b->low = lower(b->low, lower(p, lower(q, r)));
    b->high = higher(b->high, higher(p, higher(q, r)));
  }
}

// part sorts triangles from first to last so far that the one at middle is
// where it belongs, with none behind that should be before (Hoare's select).
static void part(int64_t first, int64_t last, int64_t middle, int by) {
  while (first < last) {
    float pivot = centre(&triangles[(first + last) / 2], by);
    int64_t n = first, m = last;
    while (n <= m) {
      while (centre(&triangles[n], by) < pivot) n++;
      while (centre(&triangles[m], by) > pivot) m--;
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

// divide halves a box across its longest side.
static void divide(box *b) {
  vec size = sub(b->high, b->low);
  int by = size.x > size.y ? (size.x > size.z ? 0 : 2) : (size.y > size.z ? 1 : 2);
  uint32_t half = b->count / 2;
  part(b->first, (int64_t)b->first + b->count - 1, (int64_t)b->first + half, by);
  box *in = &boxes[boxes_used];
  in[0].first = b->first, in[0].count = half;
  in[1].first = b->first + half, in[1].count = b->count - half;
  b->first = boxes_used, b->count = 0;
  boxes_used += 2;
  wrap(&in[0]);
  wrap(&in[1]);
}

void build(uint64_t seed, uint32_t size) {
  triangles = take((size_t)size * sizeof *triangles);
  boxes = take((size_t)2 * size * sizeof *boxes);
  for (uint32_t n = 0; n < size; n++) {
    triangle *t = &triangles[n];
    t->corner = scale(anywhere(&seed), 5);
    t->edge[0] = scale(anywhere(&seed), 0.3f);
    t->edge[1] = scale(anywhere(&seed), 0.3f);
    t->normal = unitary(cross(t->edge[0], t->edge[1]));
    t->colour = add((vec){0.6f, 0.6f, 0.6f}, scale(anywhere(&seed), 0.35f));
  }
  boxes_used = 1;
  boxes[0].first = 0, boxes[0].count = size;
  wrap(&boxes[0]);
  for (uint32_t n = 0; n < boxes_used; n++)
    if (boxes[n].count > LEAF) divide(&boxes[n]);
}

// --- rays

typedef struct {
  vec from, to, inverse; // to is the direction, inverse one by it
} ray;

// enters is how far it is to the box, FAR if the ray misses it or something
// nearer was hit.
static inline float enters(const box *b, const ray *r, float nearest) {
  vec p = times(sub(b->low, r->from), r->inverse), q = times(sub(b->high, r->from), r->inverse);
  vec in = lower(p, q), out = higher(p, q);
  float first = most(most(in.x, in.y), in.z), last = least(least(out.x, out.y), out.z);
  return last >= first && last > 0 && first < nearest ? first : FAR;
}

// meets is how far it is to the triangle, FAR if the ray misses it (Möller and
// Trumbore's test).
static inline float meets(const triangle *t, const ray *r) {
  vec h = cross(r->to, t->edge[1]);
  float a = dot(t->edge[0], h);
  if (a > -1e-7f && a < 1e-7f) return FAR;
  float f = 1 / a;
  vec s = sub(r->from, t->corner);
  float u = f * dot(s, h);
  if (u < 0 || u > 1) return FAR;
  vec q = cross(s, t->edge[0]);
  float v = f * dot(r->to, q);
  if (v < 0 || u + v > 1) return FAR;
  float far = f * dot(t->edge[1], q);
  return far > 1e-4f ? far : FAR;
}

// hit finds the nearest triangle, or none.
static const triangle *hit(const ray *r, float *far) {
  uint32_t open[STACK], waiting = 0, at = 0;
  const triangle *found = 0;
  *far = FAR;
  for (;;) {
    const box *b = &boxes[at];
    if (b->count > 0) {
      for (uint32_t n = b->first; n < b->first + b->count; n++) {
        float there = meets(&triangles[n], r);
        if (there < *far) {
          *far = there;
          found = &triangles[n];
        }
      }
    } else {
      uint32_t near = b->first, other = near + 1;
      float d = enters(&boxes[near], r, *far), e = enters(&boxes[other], r, *far);
      if (d > e) {
        float f = d;
        d = e, e = f;
        near = other, other = b->first;
      }
      if (e < FAR) open[waiting++] = other; // the tree is never STACK deep: each box has half of the one around it
      if (d < FAR) {
        at = near;
        continue;
      }
    }
    if (waiting == 0) return found;
    at = open[--waiting];
  }
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
    ray r = {from, to, {1 / to.x, 1 / to.y, 1 / to.z}};
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
