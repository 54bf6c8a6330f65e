// gltf_uri.hpp: what a URI of a glTF file says: base64 data, or a path within
// the scene's folder.
#pragma once

#include "bundle.hpp"

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
