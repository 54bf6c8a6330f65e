// main.cpp: the path tracer as a native command, for tests, profiles and the
// bench. It drives the same ABI functions as the sandbox does.
//
//   pathtracer SCENE [-w W] [-h H] [-s SAMPLES] [-b BOUNCES] [-o OUT.pfm]
//              [--job JOB.json] [--sky R,G,B | --sky FILE.hdr] [--inspect] [--trees] [--bundle OUT] [--raw OUT]
//
// The scene's folder is searched for the files that inspect reports missing.
// Prints one line of key=value figures: samples per CPU second, rays, work,
// peak memory. --trees times the building of the trees and renders nothing.
// --raw writes the film as float32 sums, --bundle the packed job.
#include <cstdio>
#include <ctime>
#include <map>
#include <sys/resource.h>

#include "../src/guest.cpp"

namespace {

struct Options {
  std::string scene, out, raw, bundle_out, job, sky;
  uint32_t width = 256, height = 256, samples = 16, bounces = 8;
  bool inspect = false, trees = false;
};

bool read_file(const std::string& path, std::string& out) {
  FILE* f = fopen(path.c_str(), "rb");
  if (!f) return false;
  char block[65536];
  out.clear();
  for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;) out.append(block, n);
  fclose(f);
  return true;
}

bool write_file(const std::string& path, const std::string& bytes) {
  FILE* f = fopen(path.c_str(), "wb");
  if (!f) return false;
  bool ok = fwrite(bytes.data(), 1, bytes.size(), f) == bytes.size();
  return fclose(f) == 0 && ok;
}

template <class Number>
void append_raw(std::string& out, Number value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string pack(const std::map<std::string, std::string>& files) {
  std::string out = "SNMB";
  append_raw(out, uint32_t(1));
  append_raw(out, uint32_t(files.size()));
  for (const auto& [path, data] : files) {
    append_raw(out, uint32_t(path.size()));
    append_raw(out, uint64_t(data.size()));
    out += path;
    out += data;
  }
  return out;
}

struct Reply {
  uint32_t status;
  uint64_t work;
  std::string payload;
};

// On a 64-bit host the packed pointer of a reply has no room: read it in place.
Reply reply_of(uint64_t) {
  const std::vector<char>& r = guest().reply;
  sonm_reply_header header;
  memcpy(&header, r.data(), sizeof header);
  return {header.status, header.work, std::string(r.begin() + sizeof header, r.end())};
}

Reply call(uint64_t (*function)(uintptr_t, uint32_t), const std::string& input) {
  uintptr_t p = sonm_alloc(uint32_t(input.size()));
  memcpy(reinterpret_cast<void*>(p), input.data(), input.size());
  return reply_of(function(p, uint32_t(input.size())));
}

bool parse_options(int count, char** words_in, Options& o) {
  for (int i = 1; i < count; i++) {
    std::string word = words_in[i], value = i + 1 < count ? words_in[i + 1] : "";
    if (word == "--inspect") { o.inspect = true; continue; }
    if (word == "--trees") { o.trees = true; continue; }
    if (word[0] != '-') { o.scene = word; continue; }
    i++;
    if (word == "-w") o.width = uint32_t(atoi(value.c_str()));
    else if (word == "-h") o.height = uint32_t(atoi(value.c_str()));
    else if (word == "-s") o.samples = uint32_t(atoi(value.c_str()));
    else if (word == "-b") o.bounces = uint32_t(atoi(value.c_str()));
    else if (word == "-o") o.out = value;
    else if (word == "--raw") o.raw = value;
    else if (word == "--bundle") o.bundle_out = value;
    else if (word == "--job") o.job = value;
    else if (word == "--sky") o.sky = value;
    else return false;
  }
  return !o.scene.empty();
}

// The bundle: the scene, its settings, and what inspect says is missing.
bool gather(const Options& o, std::string& bundle) {
  size_t slash = o.scene.rfind('/');
  std::string folder = slash == std::string::npos ? "" : o.scene.substr(0, slash + 1), name = o.scene.substr(folder.size());
  std::map<std::string, std::string> files;
  if (!read_file(o.scene, files[name])) return fprintf(stderr, "cannot read %s\n", o.scene.c_str()), false;
  std::string& job = files["job.json"];
  if (!o.job.empty() && !read_file(o.job, job)) return fprintf(stderr, "cannot read %s\n", o.job.c_str()), false;
  if (o.job.empty()) {
    job = words("{\"scene\":\"", name, "\",\"width\":", o.width, ",\"height\":", o.height, ",\"samples\":", o.samples, ",\"max_bounces\":", o.bounces);
    if (o.sky.find(',') != std::string::npos) job += words(",\"sky\":{\"color\":[", o.sky, "]}");
    else if (!o.sky.empty()) {
      if (!read_file(o.sky, files["sky.hdr"])) return fprintf(stderr, "cannot read %s\n", o.sky.c_str()), false;
      job += ",\"sky\":{\"file\":\"sky.hdr\"}";
    }
    job += "}";
  }
  bundle = pack(files);
  Reply inspected = call(sonm_inspect, bundle);
  if (inspected.status != SONM_OK) return fprintf(stderr, "%s\n", inspected.payload.c_str()), false;
  Json report;
  Refusal refusal;
  if (!report.parse(inspected.payload, "The inspection", refusal)) return fprintf(stderr, "%s\n", refusal.sentence.c_str()), false;
  for (uint32_t id : report.items(0, "missing")) {
    std::string path(report.at(id).text), data;
    if (read_file(folder + path, data)) files[path] = data;
  }
  bundle = pack(files);
  if (o.inspect) printf("%s\n", call(sonm_inspect, bundle).payload.c_str());
  return true;
}

double cpu_seconds() { return double(clock()) / CLOCKS_PER_SEC; }

// Builds the trees of an opened scene once more, by themselves.
void time_trees() {
  Scene scene = guest().renderer->scene();
  scene.fixed_is_old = true;
  for (Mesh& mesh : scene.meshes) mesh.tree_is_old = true;
  double start = cpu_seconds();
  build_trees(scene);
  printf("trees_s=%.3f triangles=%llu\n", cpu_seconds() - start, static_cast<unsigned long long>(scene.unique_triangles));
}

// Renders all samples as the blocks of their binary digits, whole frame each.
bool render(uint32_t width, uint32_t height, uint32_t samples, std::vector<float>& film, uint64_t& work, uint64_t& rays) {
  film.assign(size_t(width) * height * 3, 0);
  for (uint32_t first = 0; first < samples;) {
    uint32_t log2 = 0;
    while (first % (2u << log2) == 0 && first + (2u << log2) <= samples && log2 < 12) log2++;
    TaskSpec spec{1, 0, 0, 0, width, height, first, log2, 0, 0};
    Reply reply = call(sonm_task, std::string(reinterpret_cast<char*>(&spec), sizeof spec));
    if (reply.status != SONM_OK) return fprintf(stderr, "%s\n", reply.payload.c_str()), false;
    const float* sums = reinterpret_cast<const float*>(reply.payload.data());
    for (size_t i = 0; i < film.size(); i++) film[i] += sums[i];
    work += reply.work;
    rays += guest().renderer->rays_of_last_task();
    first += 1u << log2;
  }
  return true;
}

std::string pfm(const std::vector<float>& film, uint32_t width, uint32_t height, uint32_t samples) {
  std::string out = words("PF\n", width, " ", height, "\n-1.0\n");
  for (uint32_t y = height; y-- > 0;)
    for (size_t i = 0; i < size_t(width) * 3; i++) append_raw(out, film[size_t(y) * width * 3 + i] / float(samples));
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  Options o;
  std::string bundle;
  if (!parse_options(count, arguments, o)) return fprintf(stderr, "usage: pathtracer SCENE [-w W] [-h H] [-s SAMPLES] [-o OUT.pfm] ...\n"), 2;
  if (!gather(o, bundle)) return 1;
  if (!o.bundle_out.empty() && !write_file(o.bundle_out, bundle)) return fprintf(stderr, "cannot write %s\n", o.bundle_out.c_str()), 1;
  if (o.inspect) return 0;
  double start = cpu_seconds();
  Reply opened = call(sonm_open, std::string(SONM_SEED_BYTES, 0) + bundle);
  if (opened.status != SONM_OK) return fprintf(stderr, "%s\n", opened.payload.c_str()), 1;
  if (o.trees) return time_trees(), 0;
  const Settings& settings = guest().renderer->settings();
  double ready = cpu_seconds();
  std::vector<float> film;
  uint64_t work = 0, rays = 0;
  if (!render(settings.width, settings.height, settings.samples, film, work, rays)) return 1;
  double seconds = cpu_seconds() - ready, taken = double(settings.width) * settings.height * settings.samples;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("open_s=%.3f render_s=%.3f msamples_per_cpu_s=%.3f mrays_per_cpu_s=%.2f rays=%llu work=%llu peak_mb=%.1f\n", ready - start, seconds, taken / seconds / 1e6,
         double(rays) / seconds / 1e6, static_cast<unsigned long long>(rays), static_cast<unsigned long long>(work), double(usage.ru_maxrss) / 1024);
  if (!o.raw.empty() && !write_file(o.raw, std::string(reinterpret_cast<char*>(film.data()), film.size() * 4))) return fprintf(stderr, "cannot write %s\n", o.raw.c_str()), 1;
  if (!o.out.empty() && !write_file(o.out, pfm(film, settings.width, settings.height, settings.samples))) return fprintf(stderr, "cannot write %s\n", o.out.c_str()), 1;
  return 0;
}
