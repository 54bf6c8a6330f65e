// image.hpp: decoding PNG, JPEG and Radiance HDR, and looking textures up.
//
// The decoder is stb_image (public domain), built into the guest with hard
// limits. Textures stay 8 bits a channel; sRGB becomes linear at look-up.
#pragma once

#define STBI_NO_STDIO
#define STBI_NO_SIMD
#define STBI_NO_THREAD_LOCALS
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_HDR
#define STBI_MAX_DIMENSIONS 16384
#define STBI_ASSERT(claim) ((claim) ? (void)0 : __builtin_trap())
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#include "bundle.hpp"

// The sRGB transfer function (IEC 61966-2-1), as a table of all 8-bit values.
struct SrgbTable {
  float linear[256];
  SrgbTable() {
    for (int i = 0; i < 256; i++) {
      float v = float(i) / 255;
      linear[i] = v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f);
    }
  }
};

// An 8-bit RGBA picture, row-major from the top left.
struct Image {
  uint32_t width = 0, height = 0;
  std::vector<uint8_t> rgba;
  Vec3 mean_linear{1, 1, 1};  // mean of the sRGB-decoded colour: weighs emissive textures
  bool loaded() const { return !rgba.empty(); }
};

enum class Wrap : uint8_t { repeat, clamp, mirror };

// How a material uses an image: sampler and KHR_texture_transform.
struct Texture {
  int32_t image = -1;
  uint8_t uv_set = 0;  // which TEXCOORD_n
  Wrap wrap_s = Wrap::repeat, wrap_t = Wrap::repeat;
  bool nearest = false;
  float u_row[3] = {1, 0, 0}, v_row[3] = {0, 1, 0};  // (u, v, 1) -> transformed
};

inline uint32_t wrapped(int64_t i, uint32_t size, Wrap mode) {
  int64_t n = int64_t(size);
  if (mode == Wrap::clamp) return uint32_t(i < 0 ? 0 : i >= n ? n - 1 : i);
  if (mode == Wrap::repeat) {
    int64_t r = i % n;
    return uint32_t(r < 0 ? r + n : r);
  }
  int64_t r = i % (2 * n);
  if (r < 0) r += 2 * n;
  return uint32_t(r < n ? r : 2 * n - 1 - r);
}

struct Texel { float channel[4]; };

// The texture at (u, v); srgb decodes the three colour channels, not alpha.
inline Texel look_up(const Image& image, const Texture& texture, float u, float v, const SrgbTable* srgb) {
  float s = texture.u_row[0] * u + texture.u_row[1] * v + texture.u_row[2];
  float t = texture.v_row[0] * u + texture.v_row[1] * v + texture.v_row[2];
  // Beyond this a float has no fraction left, and a cast would overflow.
  if (!(s > -1e6f && s < 1e6f)) s = 0;
  if (!(t > -1e6f && t < 1e6f)) t = 0;
  float x = s * float(image.width) - 0.5f, y = t * float(image.height) - 0.5f;
  if (texture.nearest) { x = floorf(x + 0.5f); y = floorf(y + 0.5f); }
  float x0 = floorf(x), y0 = floorf(y), fx = x - x0, fy = y - y0;
  Texel out{};
  for (int corner = 0; corner < 4; corner++) {
    int dx = corner & 1, dy = corner >> 1;
    float weight = (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy);
    if (weight == 0) continue;
    uint32_t column = wrapped(int64_t(x0) + dx, image.width, texture.wrap_s);
    uint32_t row = wrapped(int64_t(y0) + dy, image.height, texture.wrap_t);
    const uint8_t* p = &image.rgba[(size_t(row) * image.width + column) * 4];
    for (int c = 0; c < 4; c++)
      out.channel[c] += weight * (srgb && c < 3 ? srgb->linear[p[c]] : float(p[c]) / 255);
  }
  return out;
}

inline Vec3 mean_of(const Image& image, const SrgbTable& srgb) {
  double sum[3] = {0, 0, 0};
  size_t pixels = size_t(image.width) * image.height;
  for (size_t i = 0; i < pixels; i++)
    for (int c = 0; c < 3; c++) sum[c] += srgb.linear[image.rgba[i * 4 + c]];
  return {float(sum[0] / double(pixels)), float(sum[1] / double(pixels)), float(sum[2] / double(pixels))};
}

// Width and height of a picture that stb_image can read, within our limits.
inline bool measure_image(Bytes file, const std::string& name, int& width, int& height, Refusal& refusal) {
  int channels = 0;
  constexpr int64_t kMaxPixels = 64ll << 20;  // 256 MiB decoded
  if (file.size() > (256u << 20)) return refusal.say("The picture ", name, " is larger than 256 MiB.");
  const stbi_uc* data = reinterpret_cast<const stbi_uc*>(file.data());
  if (file.empty() || !stbi_info_from_memory(data, int(file.size()), &width, &height, &channels))
    return refusal.say("The picture ", name, " is not a readable PNG, JPEG or HDR file.");
  if (width < 1 || height < 1 || width > STBI_MAX_DIMENSIONS || height > STBI_MAX_DIMENSIONS || int64_t(width) * height > kMaxPixels)
    return refusal.say("The picture ", name, " is ", width, " by ", height, " pixels, which is too large.");
  return true;
}

inline bool decode_image(Bytes file, const std::string& name, Budget& budget, const SrgbTable& srgb, Image& out, Refusal& refusal) {
  int width = 0, height = 0, channels = 0;
  if (!measure_image(file, name, width, height, refusal)) return false;
  size_t bytes = size_t(width) * size_t(height) * 4;
  if (!budget.take(bytes * 2)) return refusal.say("The scene's pictures need more memory than a task may use.");
  const stbi_uc* data = reinterpret_cast<const stbi_uc*>(file.data());
  stbi_uc* pixels = stbi_load_from_memory(data, int(file.size()), &width, &height, &channels, 4);
  if (!pixels) return refusal.say("The picture ", name, " is damaged.");
  out.width = uint32_t(width);
  out.height = uint32_t(height);
  out.rgba.assign(pixels, pixels + bytes);
  stbi_image_free(pixels);
  out.mean_linear = mean_of(out, srgb);
  budget.left += bytes;  // the decoder's own copy is gone
  budget.used -= bytes;
  return true;
}

// A sky picture as linear RGB floats, row-major from the top.
inline bool decode_sky(Bytes file, const std::string& name, Budget& budget, const SrgbTable& srgb, int& width, int& height, std::vector<float>& rgb, Refusal& refusal) {
  int channels = 0;
  if (!measure_image(file, name, width, height, refusal)) return false;
  size_t pixels = size_t(width) * size_t(height);
  if (!budget.take(pixels * 3 * sizeof(float) * 2)) return refusal.say("The sky ", name, " needs more memory than a task may use.");
  const stbi_uc* data = reinterpret_cast<const stbi_uc*>(file.data());
  if (stbi_is_hdr_from_memory(data, int(file.size()))) {
    float* decoded = stbi_loadf_from_memory(data, int(file.size()), &width, &height, &channels, 3);
    if (!decoded) return refusal.say("The sky ", name, " is damaged.");
    rgb.assign(decoded, decoded + pixels * 3);
    stbi_image_free(decoded);
  } else {
    stbi_uc* decoded = stbi_load_from_memory(data, int(file.size()), &width, &height, &channels, 3);
    if (!decoded) return refusal.say("The sky ", name, " is damaged.");
    rgb.resize(pixels * 3);
    for (size_t i = 0; i < pixels * 3; i++) rgb[i] = srgb.linear[decoded[i]];
    stbi_image_free(decoded);
  }
  for (float& v : rgb) v = v >= 0 && finite(v) ? v : 0;
  return true;
}
