// gltf.hpp: the glTF 2.0 container: .glb chunks, buffers, views, accessors.
//
// Nothing here trusts a number: an accessor is handed out only when every
// element it claims lies inside the bytes that are really there.
#pragma once

#include "bundle.hpp"

// Typed access to the elements of an accessor; all bounds were checked.
struct AccessorView {
  const char* data = nullptr;
  uint64_t stride = 0;
  uint32_t count = 0;
  uint32_t component_type = 5126;
  bool normalized = false;

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
};

inline uint32_t component_bytes(uint64_t type) {
  return type == 5120 || type == 5121 ? 1 : type == 5122 || type == 5123 ? 2 : type == 5125 || type == 5126 ? 4 : 0;
}

inline bool decode_base64(std::string_view text, std::string& out) {
  auto value = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0, held = 0;
  for (char c : text) {
    int v = value(c);
    if (v < 0) return false;
    bits = bits << 6 | uint32_t(v);
    if ((held += 6) >= 8) out += char(bits >> (held -= 8) & 255);
  }
  return true;
}

// The container of one scene file.
class Gltf {
 public:
  Json json;

  Gltf(const Bundle& bundle, Budget& budget, bool inspecting) : bundle_(bundle), budget_(budget), inspecting_(inspecting) {}

  bool open(const std::string& scene, std::vector<std::string>& missing, Refusal& refusal);

  enum class Found { yes, missing, refused };
  // The bytes behind a URI or a bufferView of an image.
  Found uri(std::string_view uri, const std::string& what, Bytes& out, std::vector<std::string>& missing, Refusal& refusal);
  Found view(uint64_t index, const std::string& what, Bytes& out, uint64_t* stride, Refusal& refusal);
  // An accessor with `components` per element.
  Found accessor(uint64_t index, uint32_t components, const std::string& what, AccessorView& out, Refusal& refusal);

 private:
  struct Buffer { Bytes data; bool present = false; };
  bool container(Bytes file, const std::string& name, Refusal& refusal);
  bool buffers(std::vector<std::string>& missing, Refusal& refusal);

  const Bundle& bundle_;
  Budget& budget_;
  bool inspecting_;
  std::string folder_;
  Bytes binary_;
  bool has_binary_ = false;
  std::vector<Buffer> buffers_;
  std::vector<uint32_t> views_, accessors_;
  std::vector<std::unique_ptr<std::string>> owned_;
};

inline bool Gltf::container(Bytes file, const std::string& name, Refusal& refusal) {
  if (file.empty()) return refusal.say("The scene ", name, " is empty.");
  if (file.substr(0, 4) != "glTF") {
    if (file.substr(0, 3) == "\xEF\xBB\xBF") file.remove_prefix(3);
    size_t first = file.find_first_not_of(" \t\r\n");
    if (first == Bytes::npos || file[first] != '{') return refusal.say("The scene ", name, " is not a glTF file.");
    return json.parse(file, "The scene " + name, refusal);
  }
  if (file.size() < 20) return refusal.say("The scene ", name, " is truncated: a .glb has at least 20 bytes, this one ", file.size(), ".");
  uint32_t version = read_u32(file.data() + 4);
  if (version != 2) return refusal.say("The scene ", name, " is a .glb of version ", version, "; this renderer reads version 2.");
  uint64_t total = read_u32(file.data() + 8), json_length = read_u32(file.data() + 12);
  if (total > file.size() || json_length > file.size() - 20)
    return refusal.say("The scene ", name, " is truncated: it claims ", total, " bytes and has ", file.size(), ".");
  if (read_u32(file.data() + 16) != 0x4E4F534A) return refusal.say("The scene ", name, " has no JSON chunk first.");
  uint64_t at = 20 + json_length;
  while (file.size() - at >= 8 && at < total) {
    uint64_t length = read_u32(file.data() + at);
    uint32_t type = read_u32(file.data() + at + 4);
    at += 8;
    if (length > file.size() - at) return refusal.say("The scene ", name, " is truncated within its binary chunk.");
    if (type == 0x004E4942 && !has_binary_) {
      binary_ = file.substr(at, length);
      has_binary_ = true;
    }
    at += length;
  }
  return json.parse(file.substr(20, json_length), "The scene " + name, refusal);
}

inline bool Gltf::open(const std::string& scene, std::vector<std::string>& missing, Refusal& refusal) {
  std::string name = quoted(scene);
  const Bundle::Entry* entry = bundle_.find(scene);
  if (!entry) return refusal.say("The scene ", name, " is not in the job's bundle.");
  size_t slash = scene.rfind('/');
  folder_ = slash == std::string::npos ? "" : scene.substr(0, slash + 1);
  if (!container(entry->data, name, refusal)) return false;
  if (!json.is(0, Json::Kind::object) || !json.is(json.member(0, "asset"), Json::Kind::object))
    return refusal.say("The scene ", name, " is not a glTF file: it has no asset entry.");
  std::string_view version = json.text(json.member(0, "asset"), "version");
  if (version.substr(0, 2) != "2.") return refusal.say("The scene ", name, " is glTF ", quoted(version), "; this renderer reads 2.0.");
  views_ = json.items(0, "bufferViews");
  accessors_ = json.items(0, "accessors");
  return buffers(missing, refusal);
}

inline bool Gltf::buffers(std::vector<std::string>& missing, Refusal& refusal) {
  uint32_t index = 0;
  for (uint32_t id : json.items(0, "buffers")) {
    std::string what = words("buffer ", index);
    Buffer buffer;
    uint64_t length;
    if (!json.whole(id, "byteLength", 0, length)) return refusal.say("The scene's ", what, " has no valid byteLength.");
    if (json.has(id, "uri")) {
      Found found = uri(json.text(id, "uri"), what, buffer.data, missing, refusal);
      if (found == Found::refused) return false;
      buffer.present = found == Found::yes;
    } else {
      if (index != 0 || !has_binary_) return refusal.say("The scene's ", what, " has no data: neither a URI nor a binary chunk.");
      buffer.data = binary_;
      buffer.present = true;
    }
    if (buffer.present && length > buffer.data.size())
      return refusal.say("The scene's ", what, " claims ", length, " bytes, but only ", buffer.data.size(), " are there.");
    if (buffer.present) buffer.data = buffer.data.substr(0, length);
    buffers_.push_back(buffer);
    index++;
  }
  return true;
}

// Percent-decoded and resolved against the scene's folder; false if it leaves the bundle.
inline bool resolve(std::string_view folder, std::string_view uri, std::string& path) {
  std::string plain;
  for (size_t i = 0; i < uri.size(); i++) {
    int high = uri[i] == '%' && i + 2 < uri.size() ? hex_digit(uri[i + 1]) : -1;
    int low = high >= 0 ? hex_digit(uri[i + 2]) : -1;
    if (low < 0) { plain += uri[i]; continue; }
    plain += char(high << 4 | low);
    i += 2;
  }
  for (char c : plain)
    if (c == '\\' || c == ':' || c == 0) return false;  // schemes, drives, other separators
  if (plain.empty() || plain[0] == '/') return false;
  std::vector<std::string> parts;
  std::string joined = std::string(folder) + plain;
  for (size_t start = 0; start <= joined.size();) {
    size_t end = joined.find('/', start);
    if (end == std::string::npos) end = joined.size();
    std::string part = joined.substr(start, end - start);
    start = end + 1;
    if (part.empty() || part == ".") continue;
    if (part != "..") { parts.push_back(part); continue; }
    if (parts.empty()) return false;
    parts.pop_back();
  }
  path.clear();
  for (const std::string& part : parts) path += (path.empty() ? "" : "/") + part;
  return !path.empty();
}

inline Gltf::Found Gltf::uri(std::string_view uri, const std::string& what, Bytes& out, std::vector<std::string>& missing, Refusal& refusal) {
  auto refused = [&](auto... pieces) { refusal.say(pieces...); return Found::refused; };
  if (uri.substr(0, 5) == "data:") {
    size_t comma = uri.find(',');
    if (comma == std::string_view::npos || uri.substr(0, comma).find(";base64") == std::string_view::npos)
      return refused("The scene's ", what, " is a data: URI that is not base64.");
    if (!budget_.take(uri.size())) return refused("The scene's ", what, " needs more memory than a task may use.");
    auto decoded = std::make_unique<std::string>();
    if (!decode_base64(uri.substr(comma + 1), *decoded)) return refused("The scene's ", what, " is a data: URI with broken base64.");
    out = *decoded;
    owned_.push_back(std::move(decoded));
    return Found::yes;
  }
  std::string path;
  if (uri.size() > 4096 || !resolve(folder_, uri, path)) return refused("The scene's ", what, " points to ", quoted(uri), ", which is outside the scene's folder.");
  if (const Bundle::Entry* entry = bundle_.find(path)) {
    out = entry->data;
    return Found::yes;
  }
  bool known = false;
  for (const std::string& name : missing) known = known || name == path;
  if (!known) missing.push_back(path);
  if (!inspecting_ && what.substr(0, 6) == "buffer") return refused("The scene needs the file ", quoted(path), ", which is not there.");
  return Found::missing;
}

inline Gltf::Found Gltf::view(uint64_t index, const std::string& what, Bytes& out, uint64_t* stride, Refusal& refusal) {
  auto refused = [&](auto... pieces) { refusal.say(pieces...); return Found::refused; };
  if (index >= views_.size()) return refused("The scene's ", what, " uses bufferView ", index, ", which does not exist.");
  uint32_t id = views_[index];
  uint64_t buffer, offset, length, step;
  if (!json.whole(id, "buffer", ~0u, buffer) || !json.whole(id, "byteOffset", 0, offset) || !json.whole(id, "byteLength", 0, length) || !json.whole(id, "byteStride", 0, step))
    return refused("The scene's bufferView ", index, " is damaged.");
  if (buffer >= buffers_.size()) return refused("The scene's bufferView ", index, " uses buffer ", buffer, ", which does not exist.");
  if (!buffers_[buffer].present) return Found::missing;
  uint64_t size = buffers_[buffer].data.size();
  if (offset > size || length > size - offset) return refused("The scene's bufferView ", index, " reaches beyond its buffer.");
  if (step > 252) return refused("The scene's bufferView ", index, " has a stride above 252.");
  out = buffers_[buffer].data.substr(offset, length);
  if (stride) *stride = step;
  return Found::yes;
}

inline Gltf::Found Gltf::accessor(uint64_t index, uint32_t components, const std::string& what, AccessorView& out, Refusal& refusal) {
  auto refused = [&](auto... pieces) { refusal.say(pieces...); return Found::refused; };
  if (index >= accessors_.size()) return refused("The scene's ", what, " uses accessor ", index, ", which does not exist.");
  uint32_t id = accessors_[index];
  std::string_view type = json.text(id, "type");
  uint32_t have = type == "SCALAR" ? 1 : type == "VEC2" ? 2 : type == "VEC3" ? 3 : type == "VEC4" ? 4 : 0;
  uint64_t component, count, offset, view_index;
  if (!json.whole(id, "componentType", 0, component) || !json.whole(id, "count", 0, count) || !json.whole(id, "byteOffset", 0, offset) || !json.whole(id, "bufferView", ~0ull >> 12, view_index))
    return refused("The scene's accessor ", index, " is damaged.");
  if (have != components || !component_bytes(component)) return refused("The scene's accessor ", index, " has the wrong type for ", what, ".");
  if (json.has(id, "sparse")) return refused("The scene's accessor ", index, " is sparse, which this renderer does not read yet.");
  if (!json.has(id, "bufferView")) return refused("The scene's accessor ", index, " has no data.");
  if (count == 0) return refused("The scene's accessor ", index, " has no elements.");
  Bytes bytes;
  uint64_t stride;
  Found found = view(view_index, words("accessor ", index), bytes, &stride, refusal);
  if (found != Found::yes) return found;
  uint64_t element = uint64_t(component_bytes(component)) * components;
  if (stride == 0) stride = element;
  if (stride < element || offset > bytes.size() || bytes.size() - offset < element || (count - 1) > (bytes.size() - offset - element) / stride)
    return refused("The scene's accessor ", index, " claims ", count, " elements, which is more than its data holds.");
  out.data = bytes.data() + offset;
  out.stride = stride;
  out.count = uint32_t(count);
  out.component_type = uint32_t(component);
  out.normalized = json.is(json.member(id, "normalized"), Json::Kind::boolean) && json.at(json.member(id, "normalized")).number != 0;
  return Found::yes;
}
