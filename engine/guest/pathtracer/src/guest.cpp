// guest.cpp: the path tracer as a guest of ABI version 1. The only file that is
// compiled; everything else is a header, so that one compiler call makes the
// module.
#include <new>

#include "../../abi/sonm_guest.h"
#include "inspection.hpp"

#ifdef __wasm__
// Nothing of the C++ library's own may reach for a terminal: out of memory, a
// broken container and abort all end in a trap, which the host reports.
void* operator new(size_t size) {
  void* p = malloc(size ? size : 1);
  if (!p) __builtin_trap();
  return p;
}
void* operator new[](size_t size) { return operator new(size); }
void operator delete(void* p) noexcept { free(p); }
void operator delete[](void* p) noexcept { free(p); }
void operator delete(void* p, size_t) noexcept { free(p); }
void operator delete[](void* p, size_t) noexcept { free(p); }
_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(char const*, ...) { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD
extern "C" void abort() { __builtin_trap(); }
#endif

namespace {

struct Freed {
  void operator()(char* p) const { free(p); }
};

// What lives between calls: input buffers the host asked for, the opened job,
// and the last reply.
struct Guest {
  std::vector<std::unique_ptr<char, Freed>> inputs;
  std::unique_ptr<Renderer> renderer;
  std::vector<char> reply;
};

Guest& guest() {
  static Guest* one = new Guest;  // never destroyed: a reactor has no end
  return *one;
}

uint64_t answer(uint32_t status, const void* payload, size_t size, uint64_t work) {
  Guest& g = guest();
  sonm_reply_header header{status, 0, work};
  g.reply.resize(sizeof header + size);
  memcpy(g.reply.data(), &header, sizeof header);
  if (size) memcpy(g.reply.data() + sizeof header, payload, size);
  g.inputs.clear();
  return uint64_t(reinterpret_cast<uintptr_t>(g.reply.data())) << 32 | g.reply.size();
}

uint64_t refuse(const Refusal& refusal) { return answer(SONM_REFUSED, refusal.sentence.data(), refusal.sentence.size(), 0); }

Bytes bytes_at(uintptr_t input, uint32_t length) { return {reinterpret_cast<const char*>(input), length}; }

}  // namespace

extern "C" {

int32_t sonm_abi() { return SONM_ABI_VERSION; }

uintptr_t sonm_alloc(uint32_t size) {
  char* p = static_cast<char*>(malloc(size ? size : 1));
  if (!p) return 0;
  guest().inputs.emplace_back(p);
  return reinterpret_cast<uintptr_t>(p);
}

uint64_t sonm_inspect(uintptr_t input, uint32_t length) {
  Refusal refusal;
  std::string json;
  if (!inspect_bundle(bytes_at(input, length), json, refusal)) return refuse(refusal);
  return answer(SONM_OK, json.data(), json.size(), 0);
}

uint64_t sonm_open(uintptr_t input, uint32_t length) {
  Refusal refusal;
  Guest& g = guest();
  g.renderer.reset();
  Bytes bytes = bytes_at(input, length);
  if (bytes.size() < SONM_SEED_BYTES) {
    refusal.say("The job's input is shorter than its seed.");
    return refuse(refusal);
  }
  auto renderer = std::make_unique<Renderer>();
  if (!renderer->open(bytes.substr(0, SONM_SEED_BYTES), bytes.substr(SONM_SEED_BYTES), refusal)) return refuse(refusal);
  g.renderer = std::move(renderer);
  return answer(SONM_OK, nullptr, 0, 0);
}

uint64_t sonm_task(uintptr_t input, uint32_t length) {
  Refusal refusal;
  Guest& g = guest();
  TaskSpec spec;
  if (!g.renderer) {
    refusal.say("No job is open.");
    return refuse(refusal);
  }
  if (length != sizeof spec) {
    refusal.say("The task has ", length, " bytes instead of ", sizeof spec, ".");
    return refuse(refusal);
  }
  memcpy(&spec, reinterpret_cast<const void*>(input), sizeof spec);
  std::vector<float> rgb;
  uint64_t work = 0;
  if (!g.renderer->task(spec, rgb, work, refusal)) return refuse(refusal);
  return answer(SONM_OK, rgb.data(), rgb.size() * sizeof(float), work);
}

}  // extern "C"
