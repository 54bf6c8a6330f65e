// Gravity: bodies that all attract each other, in double precision, with a
// square root and a division for each pair.
#include <math.h>
#include <string.h>

#include "kernel.h"

typedef struct {
  double x, y, z, vx, vy, vz, mass;
} body;

static body *bodies, *moving; // as built, and as the task moves them
static uint32_t count;

void build(uint64_t seed, uint32_t size) {
  count = size + 1;
  bodies = take(count * sizeof *bodies);
  moving = take(count * sizeof *moving);
  for (uint32_t n = 0; n < count; n++) {
    double *v = &bodies[n].x;
    for (int k = 0; k < 6; k++) v[k] = (real(&seed) - 0.5) * (k < 3 ? 20 : 1);
    bodies[n].mass = 0.01 + real(&seed);
  }
}

static void pull(body *restrict a, body *restrict b, double dt) {
  double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
  double square = dx * dx + dy * dy + dz * dz + 1e-3; // softened: no pair comes too close
  double force = dt / (square * sqrt(square));
  double to = b->mass * force, from = a->mass * force;
  a->vx -= dx * to;
  a->vy -= dy * to;
  a->vz -= dz * to;
  b->vx += dx * from;
  b->vy += dy * from;
  b->vz += dz * from;
}

static void step(double dt) {
  for (uint32_t n = 0; n < count; n++)
    for (uint32_t m = n + 1; m < count; m++) pull(&moving[n], &moving[m], dt);
  for (uint32_t n = 0; n < count; n++) {
    body *b = &moving[n];
    b->x += dt * b->vx;
    b->y += dt * b->vy;
    b->z += dt * b->vz;
  }
}

uint64_t work(uint64_t seed, uint32_t size) {
  memcpy(moving, bodies, count * sizeof *bodies);
  moving[0].vx += real(&seed);
  for (uint32_t n = 0; n < size; n++) step(0.01);
  uint64_t digest = 0;
  for (uint32_t n = 0; n < count; n++)
    for (int k = 0; k < 6; k++) digest = mix(digest, canonical((&moving[n].x)[k]));
  put(digest);
  put(canonical(moving[0].x));
  return (uint64_t)size * count * (count - 1) / 2;
}
