// reference.cpp: a bundle rendered by the tracer and by the obvious integrator.
//
//   reference BUNDLE SAMPLES
//
// Prints the mean of each channel over the frame by both, and the standard
// error of their difference, from 64 independent parts of the reference.
#include <cstdio>

#include "../src/guest.cpp"
#include "../src/reference.hpp"

int main(int count, char** arguments) {
  constexpr int kParts = 64;
  if (count != 3) return fprintf(stderr, "usage: reference BUNDLE SAMPLES\n"), 2;
  std::string bundle;
  FILE* f = fopen(arguments[1], "rb");
  if (!f) return fprintf(stderr, "cannot read %s\n", arguments[1]), 1;
  char block[65536];
  for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) bundle.append(block, n);
  fclose(f);
  Renderer renderer;
  Refusal refusal;
  if (!renderer.open(std::string(SONM_SEED_BYTES, 0), bundle, refusal)) return fprintf(stderr, "%s\n", refusal.sentence.c_str()), 1;
  const Settings& settings = renderer.settings();
  uint32_t width = settings.width, height = settings.height, log2 = 0;
  while (2u << log2 <= uint32_t(atoi(arguments[2]))) log2++;
  std::vector<float> sums;
  uint64_t work;
  TaskSpec spec{1, 0, 0, 0, width, height, 0, log2, 0, kRadiance};
  if (!renderer.task(spec, sums, work, refusal)) return fprintf(stderr, "%s\n", refusal.sentence.c_str()), 1;
  double tracer[3] = {}, mean[3] = {}, square[3] = {}, pixels = double(width) * height;
  for (size_t i = 0; i < sums.size(); i++) tracer[i % 3] += sums[i] / double(1u << log2) / pixels;
  Reference reference(renderer.scene(), renderer.lights().sky, settings.max_bounces);
  for (int part = 0; part < kParts; part++) {
    double sum[3] = {};
    uint32_t samples = (1u << log2) / kParts;
    for (uint32_t s = 0; s < samples; s++)
      for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
          float u = (float(x) + reference.random()) / float(width), v = (float(y) + reference.random()) / float(height);
          Vec3 light = reference.radiance(renderer.camera_ray(u, v, float(width) / float(height)));
          for (int c = 0; c < 3; c++) sum[c] += light[c];
        }
    for (int c = 0; c < 3; c++) {
      double value = sum[c] / samples / pixels;
      mean[c] += value / kParts;
      square[c] += value * value / kParts;
    }
  }
  for (int c = 0; c < 3; c++) printf("%.9g %.9g %.3g\n", tracer[c], mean[c], sqrt(maxf(0, float(square[c] - mean[c] * mean[c])) / (kParts - 1)));
  return 0;
}
