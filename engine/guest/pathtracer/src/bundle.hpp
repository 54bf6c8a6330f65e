// bundle.hpp: the files of a job, and its settings (job.json).
//
// A bundle is "SNMB", version, count, then entries sorted by path. Entries are
// views into the input buffer, which therefore lives as long as loading does.
#pragma once

#include "json.hpp"

using Bytes = std::string_view;  // foreign bytes, not necessarily text

inline uint32_t read_u32(const char* p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return v;
}
inline uint64_t read_u64(const char* p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

// Whether a path may stand in a bundle: relative, '/' separated, no "..".
inline bool plain_path(std::string_view path) {
  if (path.empty() || path.size() > 4096 || path.front() == '/' || path.back() == '/') return false;
  if (path.find('\0') != std::string_view::npos || path.find('\\') != std::string_view::npos) return false;
  size_t start = 0;
  while (start <= path.size()) {
    size_t end = path.find('/', start);
    if (end == std::string_view::npos) end = path.size();
    std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  return true;
}

struct Bundle {
  struct Entry {
    std::string_view path;
    Bytes data;
  };
  std::vector<Entry> entries;

  bool parse(Bytes input, Refusal& refusal) {
    constexpr uint32_t kMaxEntries = 65536;
    if (input.size() < 12 || input.substr(0, 4) != "SNMB") return refusal.say("The job's bundle does not start with SNMB.");
    if (read_u32(input.data() + 4) != 1) return refusal.say("The job's bundle has version ", read_u32(input.data() + 4), "; this renderer reads version 1.");
    uint32_t count = read_u32(input.data() + 8);
    if (count > kMaxEntries) return refusal.say("The job's bundle claims ", count, " files; the limit is ", kMaxEntries, ".");
    size_t at = 12;
    for (uint32_t i = 0; i < count; i++) {
      if (input.size() - at < 12) return refusal.say("The job's bundle ends within file ", i, ".");
      uint64_t path_length = read_u32(input.data() + at), length = read_u64(input.data() + at + 4);
      at += 12;
      uint64_t left = input.size() - at;
      if (path_length > left || length > left - path_length) return refusal.say("The job's bundle ends within file ", i, ".");
      Entry entry{input.substr(at, path_length), input.substr(at + path_length, length)};
      at += path_length + length;
      if (!plain_path(entry.path)) return refusal.say("The job's bundle holds the path ", quoted(entry.path), ", which is not a plain relative path.");
      if (i && entries.back().path >= entry.path) return refusal.say("The job's bundle is not sorted at ", quoted(entry.path), ".");
      entries.push_back(entry);
    }
    if (at != input.size()) return refusal.say("The job's bundle has ", input.size() - at, " bytes after its last file.");
    return true;
  }

  const Entry* find(std::string_view path) const {
    size_t low = 0, high = entries.size();
    while (low < high) {
      size_t middle = (low + high) / 2;
      if (entries[middle].path < path) low = middle + 1;
      else high = middle;
    }
    return low < entries.size() && entries[low].path == path ? &entries[low] : nullptr;
  }
};

// What job.json says.
struct Settings {
  std::string scene, camera, animation, sky_file;
  uint32_t width = 0, height = 0, samples = 0, max_bounces = 8;
  uint32_t first_frame = 0;  // the frame, or the first of the frames
  float frames_per_second = 24;
  bool has_sky = false;
  Vec3 sky_color{1, 1, 1};
  float sky_strength = 1, sky_rotation = 0;  // rotation in degrees about +Y

  bool parse(const Bundle& bundle, Refusal& refusal) {
    const Bundle::Entry* entry = bundle.find("job.json");
    if (!entry) return refusal.say("The job's bundle holds no job.json.");
    Json json;
    if (!json.parse(entry->data, "job.json", refusal)) return false;
    if (!json.is(0, Json::Kind::object)) return refusal.say("job.json is not a JSON object.");
    scene = std::string(json.text(0, "scene"));
    if (!plain_path(scene)) return refusal.say("job.json names no scene file.");
    if (!size(json, "width", 1, 32768, width, refusal) || !size(json, "height", 1, 32768, height, refusal) ||
        !size(json, "samples", 1, 1u << 24, samples, refusal) || !size(json, "max_bounces", 0, 1024, max_bounces, refusal))
      return false;
    camera = name(json, "camera");
    animation = name(json, "animation");
    return frames(json, refusal) && sky(json, refusal);
  }

  // When a frame is: frame 0 at the start.
  float seconds(uint32_t frame) const { return float(double(frame) / double(frames_per_second)); }

 private:
  // A whole number within [low, high]; what is not there keeps its default.
  static bool size(const Json& json, const char* key, uint64_t low, uint64_t high, uint32_t& out, Refusal& refusal) {
    uint64_t value;
    if (!json.whole(0, key, out, value) || value < low || value > high)
      return refusal.say("job.json needs a whole number from ", low, " to ", high, " as ", key, ".");
    out = uint32_t(value);
    return true;
  }

  // Something of the scene by its name or its number.
  static std::string name(const Json& json, const char* key) {
    uint32_t named = json.member(0, key);
    if (json.is(named, Json::Kind::number)) return words(uint64_t(clampf(float(json.at(named).number), 0, 1e6f)));
    return std::string(json.text(0, key));
  }

  bool frames(const Json& json, Refusal& refusal) {
    uint32_t range = json.member(0, "frames");
    uint64_t first = 0;
    if (!size(json, "frame", 0, 1u << 30, first_frame, refusal)) return false;
    if (!json.whole(range, "first", first_frame, first) || first > 1u << 30) return refusal.say("job.json gives a first frame that does not exist.");
    first_frame = uint32_t(first);
    frames_per_second = json.number(0, "fps", 24);
    if (!(frames_per_second >= 0.001f && frames_per_second <= 1e6f)) return refusal.say("job.json needs a number from 0.001 to 1000000 as fps.");
    return true;
  }

  bool sky(const Json& json, Refusal& refusal) {
    uint32_t id = json.member(0, "sky");
    if (!json.is(id, Json::Kind::object)) return true;
    has_sky = true;
    float color[3] = {1, 1, 1};
    if (!json.floats(id, "color", color, 3)) return refusal.say("job.json gives a sky colour that is not three numbers.");
    sky_color = {maxf(color[0], 0), maxf(color[1], 0), maxf(color[2], 0)};
    sky_strength = clampf(json.number(id, "strength", 1), 0, 1e6f);
    sky_rotation = clampf(json.number(id, "rotation", 0), -36000, 36000);
    sky_file = std::string(json.text(id, "file"));
    if (!sky_file.empty() && !plain_path(sky_file)) return refusal.say("job.json names the sky ", quoted(sky_file), ", which is not a file of the scene's folder.");
    return true;
  }
};
