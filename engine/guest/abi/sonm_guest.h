/* sonm_guest.h: the guest ABI, version 1, as a C header.
 *
 * A guest is a wasm32 reactor module that exports `memory`, optionally
 * `_initialize`, and the functions declared here. The host writes the input
 * into the buffer that sonm_alloc returned, then calls inspect, open or task
 * with that buffer. Every one of the three answers with
 * (pointer << 32 | length) of a reply that stays valid until the next call.
 *
 * inspect(bundle)            what is in this scene, what is missing
 * open(seed[32] + bundle)    prepare the scene; the host snapshots memory
 * task(task spec)            one unit of work, a function of
 *                            (module, open input, task spec) and nothing else
 */
#ifndef SONM_GUEST_H
#define SONM_GUEST_H

#include <stdint.h>

#define SONM_ABI_VERSION 1
#define SONM_SEED_BYTES 32

/* What a reply starts with, little-endian; the payload follows. */
struct sonm_reply_header {
  uint32_t status; /* SONM_OK or SONM_REFUSED */
  uint32_t zero;
  uint64_t work; /* units of work done, deterministic: what is sold */
};

enum {
  SONM_OK = 0,     /* the payload is the result */
  SONM_REFUSED = 1 /* the payload is one UTF-8 sentence for a person */
};

#ifdef __wasm__
#define SONM_EXPORT(name) __attribute__((export_name(#name), visibility("default")))
#else
#define SONM_EXPORT(name)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI version this guest speaks: SONM_ABI_VERSION. */
SONM_EXPORT(sonm_abi) int32_t sonm_abi(void);

/* A buffer of size bytes for the host to fill, as an address; valid until the
 * next inspect, open or task returns. 0 means no memory. */
SONM_EXPORT(sonm_alloc) uintptr_t sonm_alloc(uint32_t size);

SONM_EXPORT(inspect) uint64_t sonm_inspect(uintptr_t input, uint32_t length);
SONM_EXPORT(open) uint64_t sonm_open(uintptr_t input, uint32_t length);
SONM_EXPORT(task) uint64_t sonm_task(uintptr_t input, uint32_t length);

#ifdef __cplusplus
}
#endif
#endif
