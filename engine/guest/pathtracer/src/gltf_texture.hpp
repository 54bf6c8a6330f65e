// gltf_texture.hpp: the textures of a glTF file: pictures, samplers, transforms.
//
// A picture is read when the first material asks for it; what no material uses
// is not needed.
#pragma once

#include "gltf_numbers.hpp"
#include "scene.hpp"

class GltfTextures {
 public:
  GltfTextures(Gltf& gltf, Scene& scene, Budget& budget, bool inspecting)
      : gltf_(gltf), json_(gltf.json), scene_(scene), budget_(budget), inspecting_(inspecting) {}

  // The textureInfo `key` of an object; `what` is the material, for sentences.
  // A picture that is not there stays white.
  bool read(uint32_t owner, const char* key, const std::string& what, Texture& out, Refusal& refusal);

 private:
  bool source(uint32_t texture, uint64_t index, Texture& out, Refusal& refusal);
  bool sampler(uint32_t texture, uint64_t index, Texture& out, Refusal& refusal);
  bool place(uint32_t info, const std::string& what, Texture& out, Refusal& refusal);
  bool picture(uint64_t index, Refusal& refusal);
  bool required(std::string_view extension) const;

  Gltf& gltf_;
  Json& json_;
  Scene& scene_;
  Budget& budget_;
  bool inspecting_;
  std::vector<bool> seen_;  // pictures that were read, or tried
};

inline bool GltfTextures::read(uint32_t owner, const char* key, const std::string& what, Texture& out, Refusal& refusal) {
  uint32_t info = json_.member(owner, key);
  if (info == Json::kNone) return true;
  uint64_t index;
  const std::vector<uint32_t>& textures = gltf_.list("textures");
  if (!json_.whole(info, "index", ~0u, index) || index >= textures.size()) return refusal.say("The scene's ", what, " uses a texture that does not exist.");
  return source(textures[index], index, out, refusal) && sampler(textures[index], index, out, refusal) && place(info, what, out, refusal);
}

inline bool GltfTextures::required(std::string_view extension) const {
  for (uint32_t id : json_.items(0, "extensionsRequired"))
    if (json_.at(id).text == extension) return true;
  return false;
}

inline bool GltfTextures::source(uint32_t texture, uint64_t index, Texture& out, Refusal& refusal) {
  if (!json_.has(texture, "source")) {
    static const char* const kOthers[][2] = {{"KHR_texture_basisu", "KTX2"}, {"EXT_texture_webp", "WebP"}, {"EXT_texture_avif", "AVIF"}};
    for (auto [extension, format] : kOthers)
      if (gltf_.extension(texture, extension) != Json::kNone && required(extension))
        return refusal.say("The scene's texture ", index, " is a ", format, " picture (", extension, "), which this renderer does not read; save it as PNG or JPEG.");
    scene_.warn(words("Texture ", index, " has no PNG or JPEG source; white is used instead."));
    return true;
  }
  uint64_t image;
  if (!json_.whole(texture, "source", ~0u, image) || image >= gltf_.list("images").size())
    return refusal.say("The scene's texture ", index, " uses an image that does not exist.");
  if (!picture(image, refusal)) return false;
  if (inspecting_ || scene_.images[image].loaded()) out.image = int32_t(image);
  return true;
}

inline bool GltfTextures::sampler(uint32_t texture, uint64_t index, Texture& out, Refusal& refusal) {
  if (!json_.has(texture, "sampler")) return true;
  const std::vector<uint32_t>& samplers = gltf_.list("samplers");
  uint64_t sampler;
  if (!json_.whole(texture, "sampler", ~0u, sampler) || sampler >= samplers.size()) return refusal.say("The scene's texture ", index, " uses a sampler that does not exist.");
  auto wrap = [&](const char* name) {
    float mode = json_.number(samplers[sampler], name, 10497);
    return mode == 33071 ? Wrap::clamp : mode == 33648 ? Wrap::mirror : Wrap::repeat;
  };
  out.wrap_s = wrap("wrapS");
  out.wrap_t = wrap("wrapT");
  out.nearest = json_.number(samplers[sampler], "magFilter", 9729) == 9728;
  return true;
}

// Which coordinates the texture takes, and KHR_texture_transform.
inline bool GltfTextures::place(uint32_t info, const std::string& what, Texture& out, Refusal& refusal) {
  uint32_t transform = gltf_.extension(info, "KHR_texture_transform");
  uint64_t set;
  if (!json_.whole(json_.has(transform, "texCoord") ? transform : info, "texCoord", 0, set)) return refusal.say("The scene's ", what, " has a damaged texCoord.");
  if (set >= kUvSets) {
    scene_.warn(words("A texture of ", what, " uses TEXCOORD_", set, "; of sets above ", kUvSets - 1, " none is read, and the first is used instead."));
    set = 0;
  }
  out.uv_set = uint8_t(set);
  float offset[2] = {0, 0}, scale[2] = {1, 1}, angle = json_.number(transform, "rotation", 0);
  if (!json_.floats(transform, "offset", offset, 2) || !json_.floats(transform, "scale", scale, 2)) return refusal.say("The scene's ", what, " has a damaged texture transform.");
  float c = cosf(angle), s = sinf(angle);  // translation * rotation * scale, as the extension defines it
  out.u_row[0] = c * scale[0]; out.u_row[1] = s * scale[1]; out.u_row[2] = offset[0];
  out.v_row[0] = -s * scale[0]; out.v_row[1] = c * scale[1]; out.v_row[2] = offset[1];
  return true;
}

inline bool GltfTextures::picture(uint64_t index, Refusal& refusal) {
  scene_.images.resize(gltf_.list("images").size());
  seen_.resize(scene_.images.size());
  if (seen_[index]) return true;
  seen_[index] = true;
  scene_.textures++;
  uint32_t id = gltf_.list("images")[index];
  std::string what = words("image ", index);
  std::string_view label = json_.text(id, "name");
  std::string name = label.empty() ? what : quoted(label);
  Bytes bytes;
  Gltf::Found found;
  uint64_t view;
  if (json_.has(id, "bufferView")) {
    if (!json_.whole(id, "bufferView", 0, view)) return refusal.say("The scene's ", what, " is damaged.");
    found = gltf_.view(view, what, bytes, nullptr, refusal);
  } else if (json_.has(id, "uri")) {
    found = gltf_.uri(json_.text(id, "uri"), what, bytes, scene_.missing, refusal);
  } else {
    return refusal.say("The scene's ", what, " has neither a file nor a bufferView.");
  }
  if (found == Gltf::Found::refused) return false;
  if (found == Gltf::Found::missing) {
    scene_.warn(words("The picture ", name, " is missing; white is used instead."));
    return true;
  }
  if (!inspecting_) return decode_image(bytes, name, budget_, scene_.srgb, scene_.images[index], refusal);
  int width, height;
  if (!measure_image(bytes, name, width, height, refusal)) return false;
  return budget_.take(uint64_t(width) * uint64_t(height) * 4) || refusal.say("The scene's pictures need more memory than a task may use.");
}
