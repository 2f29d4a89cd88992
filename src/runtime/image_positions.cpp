// Positions of prompts with pictures (M-RoPE) and of a tower's patches, against the reference's.
#include <map>
#include <set>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "models/glm_vision.h"
#include "ops/context.h"
#include "runtime/image_golden.h"
#include "runtime/vector_results.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;
using formats::SafetensorsFile;
using formats::StoredTensor;

/// A file of vectors "case.name", and what is needed to run ops.
class PositionFile {
 public:
  explicit PositionFile(const fs::path& path)
      : threads_(1), pool_(Device::cpu), comm_(comm::solo()) {
    const auto mapped = MappedFile::open(path);
    file_ = formats::parse_safetensors(mapped->bytes(), path.string(), mapped);
  }

  const StoredTensor* find(const std::string& name) const {
    const auto found = file_.tensors.find(name);
    return found == file_.tensors.end() ? nullptr : &found->second;
  }
  std::vector<i64> integers(const std::string& name) const {
    const StoredTensor* stored = find(name);
    return stored == nullptr ? std::vector<i64>() : formats::to_integers(*stored);
  }
  /// Cases that have `name`.
  std::set<std::string> cases_with(const std::string& name) const {
    std::set<std::string> cases;
    for (const auto& [key, tensor] : file_.tensors) {
      if (key.ends_with("." + name)) cases.insert(key.substr(0, key.size() - name.size() - 1));
    }
    return cases;
  }
  ops::Context context() { return {backend::kernels_named("auto"), {&threads_}, pool_, *comm_}; }

 private:
  SafetensorsFile file_;
  ThreadPool threads_;
  Pool pool_;
  std::unique_ptr<comm::Comm> comm_;
};

std::vector<models::Grid> grids_in(const std::vector<i64>& values) {
  std::vector<models::Grid> grids;
  for (std::size_t i = 0; i + 2 < values.size(); i += 3)
    grids.push_back({values[i], values[i + 1], values[i + 2]});
  return grids;
}

/// GLM's published ids: 4.5V has another placeholder.
models::PictureMarkers markers_of(const std::string& name) {
  return {.image = name.starts_with("glm45v") ? 151363 : 151343,
          .video_start = 151341,
          .video_end = 151342,
          .merge = 2};
}

/// Grids of pictures and of videos, in two lists, in the order in which prompts ask for them.
class GridLists {
 public:
  GridLists(std::vector<models::Grid> pictures, std::vector<models::Grid> videos)
      : pictures_(std::move(pictures)), videos_(std::move(videos)) {}

  std::vector<models::Grid> next(std::span<const i64> ids, const models::PictureMarkers& markers) {
    std::vector<models::Grid> grids;
    bool in_video = false;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] == markers.video_start && video_ < videos_.size())
        grids.push_back(videos_[video_++]);
      if (ids[i] == markers.video_start || ids[i] == markers.video_end)
        in_video = ids[i] == markers.video_start;
      const bool begins = ids[i] == markers.image && (i == 0 || ids[i - 1] != markers.image);
      if (begins && !in_video && picture_ < pictures_.size())
        grids.push_back(pictures_[picture_++]);
    }
    return grids;
  }

 private:
  std::vector<models::Grid> pictures_, videos_;
  std::size_t picture_ = 0, video_ = 0;
};

/// Positions of a padded batch [3, B, T]: 0 at the padding.
struct PaddedPositions {
  std::vector<i64> values;
  std::vector<i64> deltas;
};

PaddedPositions positions_of(const PositionFile& file, const std::string& name) {
  const StoredTensor* ids = file.find(name + ".input_ids");
  const std::vector<i64> all = formats::to_integers(*ids);
  const std::vector<i64> mask = file.integers(name + ".attention_mask");
  const i64 rows = ids->shape[0];
  const i64 tokens = ids->shape[1];
  if (mask.size() != all.size())
    fail(ErrorCode::shape_mismatch, "{}: attention_mask and input_ids differ", name);
  const models::PictureMarkers markers = markers_of(name);
  GridLists lists(grids_in(file.integers(name + ".image_grid_thw")),
                  grids_in(file.integers(name + ".video_grid_thw")));
  PaddedPositions result{.values = std::vector<i64>(all.size() * 3, 0), .deltas = {}};
  for (i64 row = 0; row < rows; ++row) {
    std::vector<i64> prompt;
    std::vector<std::size_t> places;
    for (i64 t = row * tokens; t < (row + 1) * tokens; ++t) {
      if (mask[static_cast<std::size_t>(t)] == 0) continue;
      prompt.push_back(all[static_cast<std::size_t>(t)]);
      places.push_back(static_cast<std::size_t>(t));
    }
    const models::PromptPositions positions =
        models::mrope_positions(prompt, lists.next(prompt, markers), markers);
    for (std::size_t i = 0; i < positions.values.size(); ++i) {
      result.values[i / prompt.size() * all.size() + places[i % prompt.size()]] =
          positions.values[i];
    }
    result.deltas.push_back(positions.next - ssize_of(prompt));
  }
  return result;
}

/// Cosines [T, pairs] as the reference lays them out: each twice in a row for pairs, else the whole
/// row twice.
std::vector<float> repeated(const Tensor& values, ops::RopeLayout layout) {
  std::vector<float> out;
  const i64 pairs = values.size(1);
  for (i64 row = 0; row < values.size(0); ++row) {
    for (i64 i = 0; i < 2 * pairs; ++i) {
      const i64 pair = layout == ops::RopeLayout::pairs ? i / 2 : i % pairs;
      out.push_back(values.f32()[row * pairs + pair]);
    }
  }
  return out;
}

void expect(const PositionFile& file, const std::string& name, std::span<const float> got,
            double tolerance, std::vector<VectorResult>& results) {
  if (const StoredTensor* expected = file.find(name))
    results.push_back(compare_values(name, got, formats::to_floats(*expected), tolerance));
}

/// A cosine of the same angle, rounded to single precision.
constexpr double angle_tolerance = 1e-6;

}  // namespace

void verify_prompt_positions(const fs::path& path, std::vector<VectorResult>& results) {
  PositionFile file(path);
  ops::Context ctx = file.context();
  for (const std::string& name : file.cases_with("input_ids")) {
    const PaddedPositions positions = positions_of(file, name);
    const auto compare = [&](const std::string& what, const std::vector<i64>& got) {
      if (file.find(name + what) != nullptr)
        results.push_back(compare_ids(name + what, got, file.integers(name + what)));
    };
    compare(".position_ids", positions.values);
    compare(".rope_deltas", positions.deltas);
    if (file.find(name + ".text_cos") == nullptr) continue;
    const auto layout =
        name.starts_with("glm45v") ? ops::RopeLayout::halves : ops::RopeLayout::pairs;
    const nn::Rope rope({.rotary = 64, .layout = layout, .sections = {8, 12, 12}});
    const i64 tokens = ssize_of(positions.values) / 3;
    const nn::RopeAngles angles =
        rope.angles(ctx, Tensor::of(ctx.pool, {3, tokens}, std::span<const i64>(positions.values)));
    expect(file, name + ".text_cos", repeated(angles.cos, layout), angle_tolerance, results);
    expect(file, name + ".text_sin", repeated(angles.sin, layout), angle_tolerance, results);
  }
}

void verify_patch_positions(const fs::path& path, std::vector<VectorResult>& results) {
  constexpr double table_tolerance = 3e-5;
  constexpr i64 merge = 2;
  PositionFile file(path);
  ops::Context ctx = file.context();
  const StoredTensor* stored = file.find("table");
  if (stored == nullptr || stored->shape.rank() != 2) return;
  const std::vector<float> values = formats::to_floats(*stored);
  const Tensor table = Tensor::of(ctx.pool, stored->shape, std::span<const float>(values));
  const auto side = static_cast<i64>(std::lround(std::sqrt(static_cast<double>(table.size(0)))));
  for (const std::string& name : file.cases_with("grid_thw")) {
    const std::vector<models::Grid> grids = grids_in(file.integers(name + ".grid_thw"));
    models::check_grids(grids, merge);
    const models::PatchPlaces places = models::patch_places(grids, merge);
    const models::PositionTaps taps = models::position_taps(ctx.pool, grids, places, side);
    expect(file, name + ".position_embedding",
           ops::mix_rows(ctx, table, taps.index, taps.weight).values(), table_tolerance, results);
    std::vector<i64> rotary;
    for (std::size_t i = 0; i < places.rows.size(); ++i) {
      rotary.push_back(places.rows[i]);
      rotary.push_back(places.columns[i]);
    }
    results.push_back(compare_ids(name + ".rotary_position_ids", rotary,
                                  file.integers(name + ".rotary_position_ids")));
    results.push_back(
        compare_ids(name + ".cu_seqlens", places.starts, file.integers(name + ".cu_seqlens")));
  }
  const std::vector<i64> pairs = file.integers("rotary.position_ids");
  const StoredTensor* cos = file.find("rotary.cos");
  if (cos == nullptr) return;
  models::PatchPlaces places;
  for (std::size_t i = 0; i + 1 < pairs.size(); i += 2) {
    places.rows.push_back(pairs[i]);
    places.columns.push_back(pairs[i + 1]);
  }
  const nn::RopeAngles angles = models::axial_angles(ctx.pool, places, cos->shape[-1], 10000.0);
  expect(file, "rotary.cos", repeated(angles.cos, ops::RopeLayout::halves), angle_tolerance,
         results);
  expect(file, "rotary.sin", repeated(angles.sin, ops::RopeLayout::halves), angle_tolerance,
         results);
}

}  // namespace medlar::runtime
