// gltf.hpp: the glTF 2.0 container: .glb chunks, buffers, views, accessors.
//
// Nothing here trusts a number: an accessor is handed out only when every
// element it claims lies inside the bytes that are really there.
#pragma once

#include <map>
#include "gltf_accessor.hpp"
#include "gltf_uri.hpp"

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
  // An accessor of `least` to `most` components (16: a matrix) per element.
  Found accessor(uint64_t index, uint32_t least, uint32_t most, const std::string& what, AccessorView& out, Refusal& refusal);
  // The accessor that a member of an object names; also missing if there is no such member.
  Found attribute(uint32_t owner, std::string_view key, uint32_t least, uint32_t most, const std::string& what, AccessorView& out, Refusal& refusal);
  // The objects of an array at the top of the file; read once.
  const std::vector<uint32_t>& list(std::string_view key);
  // The meshopt compression of a buffer or a bufferView, or Json::kNone.
  uint32_t meshopt(uint32_t id) const {
    uint32_t found = extension(id, "EXT_meshopt_compression");
    return found != Json::kNone ? found : extension(id, "KHR_meshopt_compression");
  }
  // Whether Blender's own exporter wrote the scene.
  bool from_blender() const { return json.text(json.member(0, "asset"), "generator").substr(0, 23) == "Khronos glTF Blender I/"; }
  // The member of an object's extensions, or Json::kNone.
  uint32_t extension(uint32_t id, std::string_view name) const { return json.member(json.member(id, "extensions"), name); }

 private:
  struct Buffer { Bytes data; bool present = false, compressed = false; };
  bool container(Bytes file, const std::string& name, Refusal& refusal);
  bool buffers(std::vector<std::string>& missing, Refusal& refusal);
  Found plain(uint32_t id, uint64_t index, AccessorView& out, Refusal& refusal);
  Found filled(uint32_t id, uint64_t index, AccessorView& out, Refusal& refusal);
  Found overridden(uint32_t sparse, uint64_t index, char* data, const AccessorView& out, Refusal& refusal);

  const Bundle& bundle_;
  Budget& budget_;
  bool inspecting_;
  std::string folder_;
  Bytes binary_;
  bool has_binary_ = false;
  std::vector<Buffer> buffers_;
  std::map<std::string, std::vector<uint32_t>, std::less<>> lists_;
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
  return buffers(missing, refusal);
}

inline const std::vector<uint32_t>& Gltf::list(std::string_view key) {
  auto at = lists_.find(key);
  if (at == lists_.end()) at = lists_.emplace(std::string(key), json.items(0, key)).first;
  return at->second;
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
    } else if (meshopt(id) != Json::kNone) {
      buffer.compressed = true;  // a place holder for what is decoded elsewhere
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
  const std::vector<uint32_t>& views = list("bufferViews");
  if (index >= views.size()) return refused("The scene's ", what, " uses bufferView ", index, ", which does not exist.");
  uint32_t id = views[index];
  uint64_t buffer, offset, length, step;
  if (!json.whole(id, "buffer", ~0u, buffer) || !json.whole(id, "byteOffset", 0, offset) || !json.whole(id, "byteLength", 0, length) || !json.whole(id, "byteStride", 0, step))
    return refused("The scene's bufferView ", index, " is damaged.");
  if (buffer >= buffers_.size()) return refused("The scene's bufferView ", index, " uses buffer ", buffer, ", which does not exist.");
  if (buffers_[buffer].compressed) return refused("The scene's bufferView ", index, " is compressed (EXT_meshopt_compression), which has to be undone before rendering.");
  if (!buffers_[buffer].present) return Found::missing;
  uint64_t size = buffers_[buffer].data.size();
  if (offset > size || length > size - offset) return refused("The scene's bufferView ", index, " reaches beyond its buffer.");
  if (step > 252) return refused("The scene's bufferView ", index, " has a stride above 252.");
  out = buffers_[buffer].data.substr(offset, length);
  if (stride) *stride = step;
  return Found::yes;
}
