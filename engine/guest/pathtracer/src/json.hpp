// json.hpp: a JSON reader for foreign bytes.
//
// One array of values, linked by index: no recursion, no allocation per
// value. Depth, count and size are bounded; strings that hold no escape stay
// where they are in the source text, which must outlive the document.
#pragma once

#include <memory>
#include "text.hpp"
#include "math.hpp"

class Json {
 public:
  enum class Kind : uint8_t { null, boolean, number, string, array, object };
  static constexpr uint32_t kNone = ~0u;
  static constexpr uint32_t kMaxValues = 4u << 20;
  static constexpr uint32_t kMaxDepth = 64;

  struct Value {
    Kind kind = Kind::null;
    uint32_t first = kNone, next = kNone, count = 0;
    double number = 0;
    std::string_view text, key;
  };

  // Reads the whole text; `what` names it in the refusal.
  bool parse(std::string_view source, std::string_view what, Refusal& refusal);

  uint32_t root() const { return 0; }
  const Value& at(uint32_t id) const { return values_[id]; }

  // The member of an object, or kNone. kNone goes in and out harmlessly.
  uint32_t member(uint32_t id, std::string_view key) const {
    if (id == kNone || values_[id].kind != Kind::object) return kNone;
    for (uint32_t i = values_[id].first; i != kNone; i = values_[i].next)
      if (values_[i].key == key) return i;
    return kNone;
  }
  bool has(uint32_t id, std::string_view key) const { return member(id, key) != kNone; }
  bool is(uint32_t id, Kind kind) const { return id != kNone && values_[id].kind == kind; }

  // The items of an array member; none if it is not there or not an array.
  std::vector<uint32_t> items(uint32_t id) const {
    std::vector<uint32_t> out;
    if (!is(id, Kind::array)) return out;
    out.reserve(values_[id].count);
    for (uint32_t i = values_[id].first; i != kNone; i = values_[i].next) out.push_back(i);
    return out;
  }
  std::vector<uint32_t> items(uint32_t id, std::string_view key) const { return items(member(id, key)); }

  std::string_view text(uint32_t id, std::string_view key) const {
    uint32_t m = member(id, key);
    return is(m, Kind::string) ? values_[m].text : std::string_view{};
  }
  // A finite number, or the default.
  float number(uint32_t id, std::string_view key, float otherwise) const {
    uint32_t m = member(id, key);
    if (!is(m, Kind::number)) return otherwise;
    float v = float(values_[m].number);
    return finite(v) ? v : otherwise;
  }
  // An index or a count: a whole number in [0, 2^53], or `otherwise` when the
  // member is not there. False when it is there and is something else.
  bool whole(uint32_t id, std::string_view key, uint64_t otherwise, uint64_t& out) const {
    uint32_t m = member(id, key);
    out = otherwise;
    if (m == kNone) return true;
    double v = values_[m].number;
    if (!is(m, Kind::number) || !(v >= 0) || v > 9007199254740992.0 || v != double(uint64_t(v))) return false;
    out = uint64_t(v);
    return true;
  }
  // Fills as many floats as both sides hold; false if a number is not finite.
  bool floats(uint32_t id, std::string_view key, float* out, uint32_t count) const {
    uint32_t m = member(id, key), n = 0;
    if (!is(m, Kind::array)) return true;
    for (uint32_t i = values_[m].first; i != kNone && n < count; i = values_[i].next, n++) {
      float v = float(values_[i].number);
      if (!is(i, Kind::number) || !finite(v)) return false;
      out[n] = v;
    }
    return true;
  }

 private:
  bool scalar(Value& value);
  bool string(std::string_view& out);
  bool number(double& out);
  bool unescaped(size_t start, std::string_view& out);
  void space() {
    while (at_ < source_.size() && (source_[at_] == ' ' || source_[at_] == '\n' || source_[at_] == '\r' || source_[at_] == '\t')) at_++;
  }
  bool take(std::string_view word) {
    if (source_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  std::string_view source_;
  size_t at_ = 0;
  std::vector<Value> values_;
  std::vector<std::unique_ptr<std::string>> owned_;
};

inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

inline void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += char(code);
  } else if (code < 0x800) {
    out += char(0xC0 | code >> 6);
    out += char(0x80 | (code & 63));
  } else if (code < 0x10000) {
    out += char(0xE0 | code >> 12);
    out += char(0x80 | (code >> 6 & 63));
    out += char(0x80 | (code & 63));
  } else {
    out += char(0xF0 | code >> 18);
    out += char(0x80 | (code >> 12 & 63));
    out += char(0x80 | (code >> 6 & 63));
    out += char(0x80 | (code & 63));
  }
}

// A string with escapes: decoded into memory of its own.
inline bool Json::unescaped(size_t start, std::string_view& out) {
  auto copy = std::make_unique<std::string>(source_.substr(start, at_ - start));
  auto unit = [&](uint32_t& code) {
    code = 0;
    for (int i = 0; i < 4; i++, at_++) {
      int digit = at_ < source_.size() ? hex_digit(source_[at_]) : -1;
      if (digit < 0) return false;
      code = code << 4 | uint32_t(digit);
    }
    return true;
  };
  while (at_ < source_.size() && source_[at_] != '"') {
    char c = source_[at_++];
    if (static_cast<unsigned char>(c) < 32) return false;
    if (c != '\\') { *copy += c; continue; }
    if (at_ >= source_.size()) return false;
    char e = source_[at_++];
    static const std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    size_t known = from.find(e);
    if (known != std::string_view::npos) { *copy += to[known]; continue; }
    uint32_t code = 0, low = 0;
    if (e != 'u' || !unit(code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
      if (!take("\\u") || !unit(low) || low < 0xDC00 || low > 0xDFFF) return false;
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code < 0xE000) {
      return false;
    }
    append_utf8(*copy, code);
  }
  if (at_ >= source_.size()) return false;
  at_++;
  out = *copy;
  owned_.push_back(std::move(copy));
  return true;
}

inline bool Json::string(std::string_view& out) {
  if (at_ >= source_.size() || source_[at_] != '"') return false;
  size_t start = ++at_;
  for (; at_ < source_.size(); at_++) {
    char c = source_[at_];
    if (c == '"') {
      out = source_.substr(start, at_++ - start);
      return true;
    }
    if (c == '\\') return unescaped(start, out);
    if (static_cast<unsigned char>(c) < 32) return false;
  }
  return false;
}

inline bool Json::number(double& out) {
  char digits[64];
  size_t n = 0;
  while (at_ < source_.size() && n < sizeof digits - 1) {
    char c = source_[at_];
    if (!((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E')) break;
    digits[n++] = c;
    at_++;
  }
  if (n == 0 || n == sizeof digits - 1 || digits[0] == '+' || digits[0] == '.') return false;
  digits[n] = 0;
  char* end = nullptr;
  out = strtod(digits, &end);
  return end == digits + n;
}

inline bool Json::scalar(Value& value) {
  char c = at_ < source_.size() ? source_[at_] : 0;
  if (c == '"') {
    value.kind = Kind::string;
    return string(value.text);
  }
  if (take("null")) return true;
  value.kind = Kind::boolean;
  if (take("true")) { value.number = 1; return true; }
  if (take("false")) return true;
  value.kind = Kind::number;
  return number(value.number);
}

inline bool Json::parse(std::string_view source, std::string_view what, Refusal& refusal) {
  source_ = source;
  struct Open { uint32_t id, last; };
  std::vector<Open> stack;
  auto broken = [&] { return refusal.say(what, " is not valid JSON near byte ", at_, "."); };
  for (;;) {
    space();
    std::string_view key;
    bool inside_object = !stack.empty() && values_[stack.back().id].kind == Kind::object;
    if (inside_object && (!string(key) || (space(), !take(":")))) return broken();
    space();
    if (values_.size() >= kMaxValues) return refusal.say(what, " holds more than ", kMaxValues, " JSON values.");
    uint32_t id = uint32_t(values_.size());
    Value value;
    value.key = key;
    bool object = take("{"), array = !object && take("[");
    if (object || array) value.kind = object ? Kind::object : Kind::array;
    else if (!scalar(value)) return broken();
    values_.push_back(value);
    if (!stack.empty()) {
      Open& parent = stack.back();
      if (parent.last == kNone) values_[parent.id].first = id;
      else values_[parent.last].next = id;
      parent.last = id;
      values_[parent.id].count++;
    }
    if (object || array) {
      if (stack.size() >= kMaxDepth) return refusal.say(what, " nests JSON deeper than ", kMaxDepth, " levels.");
      stack.push_back({id, kNone});
      space();
      bool closed = take(object ? "}" : "]");
      if (!closed) continue;
      stack.pop_back();
    }
    // After a value: close what ends here, then go on after a comma.
    for (space(); !stack.empty(); space()) {
      if (take(values_[stack.back().id].kind == Kind::object ? "}" : "]")) { stack.pop_back(); continue; }
      if (take(",")) break;
      return broken();
    }
    if (stack.empty()) break;
  }
  space();
  while (at_ < source_.size() && source_[at_] == 0) at_++;  // some writers pad a .glb with zeros
  return at_ == source_.size() || broken();
}
