// gltf_numbers.hpp: how a glTF file's accessors are found and checked: plain
// ones where they lie, sparse and empty ones as copies.
#pragma once

#include "gltf.hpp"

inline Gltf::Found Gltf::attribute(uint32_t owner, std::string_view key, uint32_t least, uint32_t most, const std::string& what, AccessorView& out, Refusal& refusal) {
  if (!json.has(owner, key)) return Found::missing;
  uint64_t index;
  if (json.whole(owner, key, 0, index)) return accessor(index, least, most, what, out, refusal);
  refusal.say("The scene names no valid accessor for ", what, ".");
  return Found::refused;
}

inline Gltf::Found Gltf::accessor(uint64_t index, uint32_t least, uint32_t most, const std::string& what, AccessorView& out, Refusal& refusal) {
  auto refused = [&](auto... pieces) { refusal.say(pieces...); return Found::refused; };
  const std::vector<uint32_t>& accessors = list("accessors");
  if (index >= accessors.size()) return refused("The scene's ", what, " uses accessor ", index, ", which does not exist.");
  uint32_t id = accessors[index];
  std::string_view type = json.text(id, "type");
  uint32_t have = type == "SCALAR" ? 1 : type == "VEC2" ? 2 : type == "VEC3" ? 3 : type == "VEC4" ? 4 : type == "MAT4" ? 16 : 0;
  uint64_t component, count;
  if (!json.whole(id, "componentType", 0, component) || !json.whole(id, "count", 0, count)) return refused("The scene's accessor ", index, " is damaged.");
  if (have < least || have > most || !component_bytes(component)) return refused("The scene's accessor ", index, " has the wrong type for ", what, ".");
  if (count == 0) return refused("The scene's accessor ", index, " has no elements.");
  if (count >= ~0u) return refused("The scene's accessor ", index, " claims ", count, " elements, which is more than its data holds.");
  out.components = have;
  out.count = uint32_t(count);
  out.component_type = uint32_t(component);
  uint32_t normalized = json.member(id, "normalized");
  out.normalized = json.is(normalized, Json::Kind::boolean) && json.at(normalized).number != 0;
  bool as_stored = json.has(id, "bufferView") && !json.has(id, "sparse");
  return as_stored ? plain(id, index, out, refusal) : filled(id, index, out, refusal);
}

// An accessor whose elements are used where they lie in their buffer.
inline Gltf::Found Gltf::plain(uint32_t id, uint64_t index, AccessorView& out, Refusal& refusal) {
  auto refused = [&](auto... pieces) { refusal.say(pieces...); return Found::refused; };
  uint64_t offset, view_index, stride;
  if (!json.whole(id, "byteOffset", 0, offset) || !json.whole(id, "bufferView", 0, view_index)) return refused("The scene's accessor ", index, " is damaged.");
  Bytes bytes;
  Found found = view(view_index, words("accessor ", index), bytes, &stride, refusal);
  if (found != Found::yes) return found;
  uint64_t element = uint64_t(component_bytes(out.component_type)) * out.components;
  if (stride == 0) stride = element;
  if (stride < element || offset > bytes.size() || bytes.size() - offset < element || (out.count - 1) > (bytes.size() - offset - element) / stride)
    return refused("The scene's accessor ", index, " claims ", out.count, " elements, which is more than its data holds.");
  out.data = bytes.data() + offset;
  out.stride = stride;
  return Found::yes;
}

// A copy of an accessor's elements, or zeros, with the sparse ones put in place.
inline Gltf::Found Gltf::filled(uint32_t id, uint64_t index, AccessorView& out, Refusal& refusal) {
  AccessorView base = out;
  if (json.has(id, "bufferView")) {
    Found found = plain(id, index, base, refusal);
    if (found != Found::yes) return found;
  }
  uint64_t element = uint64_t(component_bytes(out.component_type)) * out.components;
  if (!budget_.take(element * out.count)) {  // until the view is gone
    refusal.say("The scene's accessor ", index, " claims ", out.count, " elements, which need more memory than a task may use.");
    return Found::refused;
  }
  uint64_t bytes = element * out.count;
  char* data = new char[bytes]();
  out.owned = std::shared_ptr<char>(data, [this, bytes](char* p) {
    delete[] p;
    budget_.give(bytes);
  });
  out.data = data;
  out.stride = element;
  for (uint32_t i = 0; base.data && i < out.count; i++) memcpy(data + i * element, base.data + i * base.stride, element);
  return json.has(id, "sparse") ? overridden(json.member(id, "sparse"), index, data, out, refusal) : Found::yes;
}

inline Gltf::Found Gltf::overridden(uint32_t sparse, uint64_t index, char* data, const AccessorView& out, Refusal& refusal) {
  auto damaged = [&] { refusal.say("The scene's accessor ", index, " is sparse and damaged."); return Found::refused; };
  uint64_t count, type;
  uint32_t places = json.member(sparse, "indices"), changes = json.member(sparse, "values");
  if (!json.whole(sparse, "count", 0, count) || count > out.count || !json.whole(places, "componentType", 0, type)) return damaged();
  if (count == 0) return Found::yes;
  AccessorView which, values = out;
  which.component_type = uint32_t(type);
  which.count = values.count = uint32_t(count);
  if (!which.unsigned_whole() || !json.has(places, "bufferView") || !json.has(changes, "bufferView")) return damaged();
  Found found = plain(places, index, which, refusal);
  if (found == Found::yes) found = plain(changes, index, values, refusal);
  for (uint32_t i = 0; found == Found::yes && i < count; i++) {
    uint32_t at = which.whole(i);
    if (at >= out.count) return damaged();
    memcpy(data + at * out.stride, values.data + i * values.stride, out.stride);
  }
  return found;
}
