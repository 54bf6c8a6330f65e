// gltf_accessor.hpp: typed access to the elements of a glTF accessor.
#pragma once

#include "bundle.hpp"

// Typed access to the elements of an accessor; all bounds were checked.
struct AccessorView {
  const char* data = nullptr;
  uint64_t stride = 0;
  uint32_t count = 0, components = 1;
  uint32_t component_type = 5126;
  bool normalized = false;
  std::shared_ptr<char> owned;  // the bytes, where they are a copy

  bool unsigned_whole() const { return component_type == 5121 || component_type == 5123 || component_type == 5125; }

  uint32_t whole(uint32_t element, uint32_t component = 0) const {
    const char* p = data + element * stride;
    if (component_type == 5125) return read_u32(p + component * 4);
    if (component_type == 5123) {
      uint16_t v;
      memcpy(&v, p + component * 2, 2);
      return v;
    }
    return uint8_t(p[component]);
  }

  float real(uint32_t element, uint32_t component) const {
    const char* p = data + element * stride;
    switch (component_type) {
      case 5126: {
        float v;
        memcpy(&v, p + component * 4, 4);
        return v;
      }
      case 5120: {
        float v = float(int8_t(p[component]));
        return normalized ? maxf(v / 127, -1) : v;
      }
      case 5121: return float(uint8_t(p[component])) / (normalized ? 255.0f : 1.0f);
      case 5122: {
        int16_t v;
        memcpy(&v, p + component * 2, 2);
        return normalized ? maxf(float(v) / 32767, -1) : float(v);
      }
      case 5123: return float(whole(element, component)) / (normalized ? 65535.0f : 1.0f);
      default: return float(whole(element, component));
    }
  }
  Vec3 vector(uint32_t element) const { return {real(element, 0), real(element, 1), real(element, 2)}; }
};

// Bytes of one component; 0 for a type that does not exist.
inline uint32_t component_bytes(uint64_t type) {
  return type == 5120 || type == 5121 ? 1 : type == 5122 || type == 5123 ? 2 : type == 5125 || type == 5126 ? 4 : 0;
}
