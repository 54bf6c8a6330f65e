// Hash join: rows are looked up by key in a table with open addressing, and the
// values of those found are summed.
#include "kernel.h"

typedef struct {
  uint64_t key; // 0 is an empty place
  uint64_t value;
} entry;

static entry *table;
static uint64_t *probes; // a quarter of them is in the table
static uint32_t bits, count;

static inline uint32_t place(uint64_t key) { return (uint32_t)(key * 0x9e3779b97f4a7c15u >> (64 - bits)); }

static const entry *find(uint64_t key) {
  uint32_t mask = (1u << bits) - 1;
  for (uint32_t at = place(key);; at = (at + 1) & mask) {
    const entry *e = &table[at];
    if (e->key == key || e->key == 0) return e;
  }
}

void build(uint64_t seed, uint32_t size) {
  count = size;
  for (bits = 1; 1u << bits < 2 * count;) bits++; // at most half full
  table = take(sizeof *table << bits);
  probes = take((size_t)4 * count * sizeof *probes);
  for (uint32_t n = 0; n < 1u << bits; n++) table[n] = (entry){0, 0};
  for (uint32_t n = 0; n < count; n++) {
    uint64_t key = random64(&seed) | 1;
    entry *e = (entry *)find(key);
    *e = (entry){key, n};
    probes[n] = key;
  }
  for (uint32_t n = count; n < 4 * count; n++) probes[n] = random64(&seed) | 1;
  for (uint32_t n = 4 * count - 1; n > 0; n--) { // shuffle
    uint32_t m = (uint32_t)(random64(&seed) % (n + 1));
    uint64_t was = probes[n];
    probes[n] = probes[m];
    probes[m] = was;
  }
}

// work looks up size rows times 1024, from the one on that seed names.
uint64_t work(uint64_t seed, uint32_t size) {
  uint64_t sum = 0, found = 0, rows = (uint64_t)size * 1024;
  uint32_t at = (uint32_t)(seed % (4 * (uint64_t)count));
  for (uint64_t n = 0; n < rows; n++) {
    const entry *e = find(probes[at]);
    if (e->key != 0) {
      found++;
      sum += e->value + n;
    }
    if (++at == 4 * count) at = 0;
  }
  put(sum);
  put(found);
  return rows;
}
