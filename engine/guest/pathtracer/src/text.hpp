// text.hpp: sentences for people, and the one way in which loading stops.
//
// There are no exceptions in a guest. A step that cannot go on calls
// `refusal.say(...)` once and returns false; the first sentence wins.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>

inline void append(std::string& out, std::string_view piece) { out += piece; }
inline void append(std::string& out, const char* piece) { out += piece; }
inline void append(std::string& out, const std::string& piece) { out += piece; }

template <class Integer, class = std::enable_if_t<std::is_integral_v<Integer>>>
inline void append(std::string& out, Integer value) {
  if constexpr (std::is_signed_v<Integer>) {
    if (value < 0) {
      out += '-';
      append(out, ~uint64_t(value) + 1);
      return;
    }
  }
  char digits[24];
  int count = 0;
  uint64_t rest = uint64_t(value);
  do {
    digits[count++] = char('0' + rest % 10);
    rest /= 10;
  } while (rest);
  while (count) out += digits[--count];
}

// The pieces joined: numbers in decimal, everything else as it is.
template <class... Pieces>
std::string words(const Pieces&... pieces) {
  std::string out;
  (append(out, pieces), ...);
  return out;
}

// A name from a foreign file made fit for a sentence: at most 80 bytes, no
// control characters, in quotes.
inline std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (size_t i = 0; i < name.size() && i < 80; i++) {
    unsigned char c = static_cast<unsigned char>(name[i]);
    out += c < 32 || c == 127 || c == '"' ? '?' : name[i];
  }
  while (!out.empty() && name.size() > 80 && (static_cast<unsigned char>(out.back()) & 0x80)) out.pop_back();
  if (name.size() > 80) out += "...";
  return out + "\"";
}

// Why loading stopped: one sentence, or nothing so far.
struct Refusal {
  std::string sentence;
  template <class... Pieces>
  bool say(const Pieces&... pieces) {
    if (sentence.empty()) sentence = words(pieces...);
    return false;
  }
};

// How much memory a scene may take before it is refused instead of trapped.
struct Budget {
  uint64_t left = 1400ull << 20;  // of the 2 GiB module maximum, less the input and the tasks' own
  uint64_t used = 0, peak = 0;
  bool take(uint64_t bytes) {
    if (bytes > left) return false;
    left -= bytes;
    used += bytes;
    if (used > peak) peak = used;
    return true;
  }
  void give(uint64_t bytes) {
    left += bytes;
    used -= bytes;
  }
};
