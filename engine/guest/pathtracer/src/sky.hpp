// sky.hpp: what surrounds the scene: black, one colour, or a lat-long picture
// that is sampled in proportion to its brightness.
//
// The middle column of the picture lies towards +X, as in Blender (whose +Y is
// glTF's -Z); the top row is +Y. rotation turns the sky about +Y.
#pragma once

#include "sampler.hpp"
#include "scene.hpp"

class Sky {
 public:
  struct Sample { Vec3 direction, radiance; float pdf; };

  void set_constant(Vec3 radiance) {
    scale_ = radiance;
    lit_ = !black(radiance);
    mean_ = luminance(radiance);
  }

  void set_picture(SkyPicture picture, Vec3 scale, float rotation_degrees) {
    picture_ = std::move(picture);
    scale_ = scale;
    float angle = rotation_degrees * (kPi / 180);
    cos_ = cosf(angle);
    sin_ = sinf(angle);
    build();
    lit_ = total_ > 0 && !black(scale);
  }

  bool lit() const { return lit_; }
  // Luminance, averaged over all directions.
  float mean_luminance() const { return mean_; }

  SONM_HOT Vec3 radiance(Vec3 d) const {
    if (!lit_) return {0, 0, 0};
    if (!picture_.width) return scale_;
    Vec3 s = to_sky(d);
    float x = column(s) - 0.5f, y = row(s) - 0.5f;
    float x0 = floorf(x), y0 = floorf(y), fx = x - x0, fy = y - y0;
    Vec3 sum{0, 0, 0};
    for (int corner = 0; corner < 4; corner++) {
      int dx = corner & 1, dy = corner >> 1;
      float weight = (dx ? fx : 1 - fx) * (dy ? fy : 1 - fy);
      sum = sum + texel(int(x0) + dx, int(y0) + dy) * weight;
    }
    return sum * scale_;
  }

  // The density of sample() towards d, per steradian.
  SONM_HOT float pdf(Vec3 d) const {
    if (!lit_) return 0;
    if (!picture_.width) return kInvPi / 4;
    Vec3 s = to_sky(d);
    int x = std::min(picture_.width - 1, int(column(s))), y = std::min(picture_.height - 1, int(row(s)));
    return cell_pdf(x, y, s.y);
  }

  Sample sample(Pair u) const {
    if (!picture_.width) {
      float z = 1 - 2 * u.x, r = sqrtf(maxf(0, 1 - z * z)), phi = 2 * kPi * u.y;
      return {{r * cosf(phi), z, r * sinf(phi)}, scale_, kInvPi / 4};
    }
    int w = picture_.width, h = picture_.height;
    float fx, fy;
    int y = find(rows_.data(), h, u.x, fy);
    int x = find(&cells_[size_t(y) * size_t(w)], w, u.y, fx);
    float theta = (float(y) + fy) / float(h) * kPi;
    float phi = ((float(x) + fx) / float(w) - 0.5f) * 2 * kPi;
    float r = sinf(theta);
    Vec3 s{r * cosf(phi), cosf(theta), r * sinf(phi)};
    Vec3 d{cos_ * s.x + sin_ * s.z, s.y, cos_ * s.z - sin_ * s.x};
    return {d, radiance(d), cell_pdf(x, y, s.y)};
  }

 private:
  Vec3 to_sky(Vec3 d) const { return {cos_ * d.x - sin_ * d.z, d.y, cos_ * d.z + sin_ * d.x}; }
  float column(Vec3 s) const {
    float u = 0.5f + atan2f(s.z, s.x) * (0.5f * kInvPi);
    return clampf(u, 0, 1) * float(picture_.width);
  }
  float row(Vec3 s) const { return acosf(clampf(s.y, -1, 1)) * kInvPi * float(picture_.height); }
  Vec3 texel(int x, int y) const {
    uint32_t column = wrapped(x, uint32_t(picture_.width), Wrap::repeat), row = wrapped(y, uint32_t(picture_.height), Wrap::clamp);
    const float* p = &picture_.rgb[(size_t(row) * uint32_t(picture_.width) + column) * 3];
    return {p[0], p[1], p[2]};
  }

  // Index of the step of a rising sum where u falls, and how far into it.
  static int find(const float* sums, int n, float u, float& fraction) {
    float target = u * sums[n - 1];
    int i = int(std::upper_bound(sums, sums + n, target) - sums);
    if (i >= n) i = n - 1;
    while (i > 0 && sums[i] == sums[i - 1]) i--;  // never a step of no width
    float low = i ? sums[i - 1] : 0, width = sums[i] - low;
    fraction = width > 0 ? clampf((target - low) / width, 0, 0.999999f) : 0.5f;
    return i;
  }

  float cell_pdf(int x, int y, float height) const {
    const float* row = &cells_[size_t(y) * size_t(picture_.width)];
    float in_row = row[picture_.width - 1];
    float low_y = y ? rows_[size_t(y) - 1] : 0, low_x = x ? row[x - 1] : 0;
    if (!(in_row > 0)) return 0;
    float share = (rows_[size_t(y)] - low_y) / total_ * ((row[x] - low_x) / in_row);
    float sine = maxf(sqrtf(maxf(0, 1 - height * height)), 1e-5f);
    return share * float(picture_.width) * float(picture_.height) / (2 * kPi * kPi * sine);
  }

  // Rising sums of brightness: within each row, and over the rows. Brightness
  // is blurred by one pixel because look-ups interpolate.
  void build() {
    int w = picture_.width, h = picture_.height;
    rows_.resize(size_t(h));
    cells_.resize(size_t(w) * size_t(h));
    double total = 0;
    for (int y = 0; y < h; y++) {
      double sum = 0;
      float sine = sinf((float(y) + 0.5f) / float(h) * kPi);
      for (int x = 0; x < w; x++) {
        float blurred = 0;
        for (int k = 0; k < 9; k++) blurred += luminance(texel(x + k % 3 - 1, y + k / 3 - 1)) * (k == 4 ? 0.25f : k & 1 ? 0.125f : 0.0625f);
        sum += blurred;
        cells_[size_t(y) * size_t(w) + size_t(x)] = float(sum);
      }
      total += sum * sine;
      rows_[size_t(y)] = float(total);
    }
    total_ = float(total);
    mean_ = total_ * kPi / (2 * float(w) * float(h)) * luminance(scale_);  // each row counts by its sine
  }

  SkyPicture picture_;
  Vec3 scale_{0, 0, 0};
  float cos_ = 1, sin_ = 0, total_ = 0, mean_ = 0;
  bool lit_ = false;
  std::vector<float> rows_, cells_;
};
