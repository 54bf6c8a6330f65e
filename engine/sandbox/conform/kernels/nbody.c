// Gravity: bodies that all attract each other, two at a time, in double
// precision, with a square root and a division for each pair.
#include <math.h>

#include "kernel.h"

enum { MOST = 64 }; // bodies

typedef double two __attribute__((vector_size(16)));

typedef struct {
  two x[MOST / 2], y[MOST / 2], z[MOST / 2], vx[MOST / 2], vy[MOST / 2], vz[MOST / 2], mass[MOST / 2];
} bodies;

static bodies built, moving; // the task moves a copy
static uint32_t twos;        // how many are used

static two random2(uint64_t *seed) {
  double first = real(seed);
  return (two){first, real(seed)};
}

void build(uint64_t seed, uint32_t size) {
  twos = 1 + (size - 1) % (MOST / 2);
  for (uint32_t n = 0; n < twos; n++) {
    built.x[n] = 20 * random2(&seed) - 10;
    built.y[n] = 20 * random2(&seed) - 10;
    built.z[n] = 20 * random2(&seed) - 10;
    built.vx[n] = random2(&seed) - 0.5;
    built.vy[n] = random2(&seed) - 0.5;
    built.vz[n] = random2(&seed) - 0.5;
    built.mass[n] = 0.01 + random2(&seed);
  }
}

static inline double sum(two v) { return v[0] + v[1]; }

// pull changes the speed of a body, lane k of two n, by what all attract it in
// a time of dt; itself it attracts with a force of zero.
static void pull(bodies *b, uint32_t n, int k, double dt) {
  double x = b->x[n][k], y = b->y[n][k], z = b->z[n][k];
  two ax = {0, 0}, ay = {0, 0}, az = {0, 0};
  for (uint32_t m = 0; m < twos; m++) {
    two dx = b->x[m] - x, dy = b->y[m] - y, dz = b->z[m] - z;
    two square = dx * dx + dy * dy + dz * dz + 1e-3; // softened: no pair comes too close
    two force = b->mass[m] / (square * (two){sqrt(square[0]), sqrt(square[1])});
    ax += dx * force;
    ay += dy * force;
    az += dz * force;
  }
  b->vx[n][k] += dt * sum(ax);
  b->vy[n][k] += dt * sum(ay);
  b->vz[n][k] += dt * sum(az);
}

uint64_t work(uint64_t seed, uint32_t size) {
  const double dt = 0.01;
  moving = built;
  moving.vx[0] += real(&seed);
  for (uint32_t step = 0; step < size; step++) {
    for (uint32_t n = 0; n < twos; n++)
      for (int k = 0; k < 2; k++) pull(&moving, n, k, dt);
    for (uint32_t n = 0; n < twos; n++) {
      moving.x[n] += dt * moving.vx[n];
      moving.y[n] += dt * moving.vy[n];
      moving.z[n] += dt * moving.vz[n];
    }
  }
  uint64_t digest = 0;
  for (uint32_t n = 0; n < twos; n++) {
    two state[] = {moving.x[n], moving.y[n], moving.z[n], moving.vx[n], moving.vy[n], moving.vz[n]};
    for (int k = 0; k < 6; k++) digest = mix(mix(digest, canonical(state[k][0])), canonical(state[k][1]));
  }
  put(digest);
  put(canonical(moving.x[0][0]));
  return (uint64_t)size * twos * twos * 4;
}
