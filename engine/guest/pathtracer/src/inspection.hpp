// inspection.hpp: what is in a scene, told before anybody pays for it.
#pragma once

#include "renderer.hpp"

inline void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 32) {
      static const char hex[] = "0123456789abcdef";
      out += "\\u00";
      out += hex[byte >> 4];
      out += hex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

inline void append_json_strings(std::string& out, const char* key, const std::vector<std::string>& list) {
  out += words("\"", key, "\":[");
  for (size_t i = 0; i < list.size(); i++) {
    if (i) out += ',';
    append_json_string(out, list[i]);
  }
  out += ']';
}

// ,"animations":[{"name":"walk","seconds":1.5}]
inline void append_animations(std::string& out, const std::vector<Animation>& animations) {
  out += ",\"animations\":[";
  for (size_t i = 0; i < animations.size(); i++) {
    uint64_t thousandths = uint64_t(double(animations[i].seconds) * 1000 + 0.5);
    out += i ? ",{\"name\":" : "{\"name\":";
    append_json_string(out, animations[i].name);
    std::string fraction = words(1000 + thousandths % 1000);
    out += words(",\"seconds\":", thousandths / 1000, ".", fraction.substr(1), "}");
  }
  out += ']';
}

// Loads a bundle without decoding pictures or building trees, and writes the
// JSON answer of the ABI's inspect.
inline bool inspect_bundle(Bytes input, std::string& json, Refusal& refusal) {
  Bundle bundle;
  Settings settings;
  if (!bundle.parse(input, refusal) || !settings.parse(bundle, refusal)) return false;
  Scene scene;
  Budget budget;
  GltfLoader loader(bundle, settings, budget, true, scene);
  if (!loader.load(refusal)) return false;
  uint64_t lights = scene.punctual.size();
  for (const Instance& instance : scene.instances) lights += !scene.meshes[instance.mesh].emitters.empty();
  if (scene.cameras.empty()) scene.warn("The scene has no camera: it is framed as a whole.");
  if (!settings.has_sky && Renderer::unlit(scene)) scene.warn("The scene has no light: a soft white sky is used.");
  uint64_t sky = uint64_t(scene.sky.width) * uint64_t(scene.sky.height) * 28;  // decoded twice for a moment, and its sums
  uint64_t memory = (4u << 20) + input.size() + budget.peak + sky;
  std::vector<std::string> cameras;
  for (const Camera& camera : scene.cameras) cameras.push_back(camera.name);
  json = "{";
  append_json_strings(json, "missing", scene.missing);
  json += ',';
  append_json_strings(json, "cameras", cameras);
  append_animations(json, scene.animations);
  json += words(",\"triangles\":", scene.instanced_triangles, ",\"unique_triangles\":", scene.unique_triangles, ",\"instances\":", scene.instances.size(),
                ",\"materials\":", scene.materials.size() - 1, ",\"textures\":", scene.textures, ",\"lights\":", lights, ",");
  append_json_strings(json, "warnings", scene.warnings);
  json += words(",\"memory\":", memory, "}");
  return true;
}
