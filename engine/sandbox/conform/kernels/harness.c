// A kernel as a native program. Each line of its input is a call, "open SEED
// SIZE" or "task SEED SIZE"; it answers a task with a line of the work, the
// answer's bytes in hex and the processor time of the task in nanoseconds.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel.h"

enum { ARENA = 512 << 20, WORDS = 64 };

static unsigned char arena[ARENA] __attribute__((aligned(64)));
static size_t used;
static uint64_t answer[WORDS];
static int words;

void *take(size_t bytes) {
  size_t at = (used + 15) & ~(size_t)15;
  if (bytes > ARENA - at) abort();
  used = at + bytes;
  return arena + at;
}

void put(uint64_t word) {
  if (words == WORDS) abort();
  answer[words++] = word;
}

static int64_t processor(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int main(void) {
  char call[8];
  uint64_t seed;
  uint32_t size;
  while (scanf("%7s %" SCNu64 " %" SCNu32, call, &seed, &size) == 3) {
    if (strcmp(call, "open") == 0) {
      used = 0;
      build(seed, size);
      continue;
    }
    words = 0;
    int64_t before = processor();
    uint64_t did = work(seed, size);
    int64_t took = processor() - before;
    printf("%" PRIu64 " ", did);
    for (int n = 0; n < 8 * words; n++) printf("%02x", ((unsigned char *)answer)[n]);
    printf(" %" PRId64 "\n", took);
    fflush(stdout);
  }
}
