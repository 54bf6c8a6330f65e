// The smallest guest; linked in ways the gate has to refuse.
#include "guest.h"
EXPORT(task) uint64_t task(const unsigned char *p, uint32_t n) { return reply(0, 0, 0); }
