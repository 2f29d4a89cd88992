#include "runtime/image_golden.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "runtime/vector_results.h"
#include "vision/smart_resize.h"
#include "vision/video_sampling.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

i64 number_in(const std::string& cell) {
  i64 value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size())
    fail(ErrorCode::corrupt_file, "'{}' is no whole number", cell);
  return value;
}

std::string resized_text(const std::vector<std::string>& cells) {
  try {
    const vision::Size size = vision::smart_resize(
        number_in(cells[0]), {number_in(cells[1]), number_in(cells[2])},
        {.min_pixels = number_in(cells[3]), .max_pixels = number_in(cells[4])});
    return fmt::format("{},{}", size.height, size.width);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    return "error,";
  }
}

/// Rows frames,height,width,min_pixels,max_pixels,resized_height,resized_width; "error" where
/// refused.
void verify_sizes(const fs::path& file, std::vector<VectorResult>& results) {
  const auto mapped = MappedFile::open(file);
  const std::string_view text(reinterpret_cast<const char*>(mapped->bytes().data()),
                              mapped->bytes().size());
  constexpr std::string_view header =
      "frames,height,width,min_pixels,max_pixels,resized_height,resized_width";
  if (!text.starts_with(header)) return;
  for (std::size_t at = text.find('\n'); at != std::string_view::npos && at + 1 < text.size();) {
    const std::size_t end = std::min(text.find('\n', at + 1), text.size());
    const std::vector<std::string> cells = cells_of(text.substr(at + 1, end - at - 1));
    at = end;
    if (cells.size() != 7) continue;
    results.push_back(compare_text(fmt::format("size of {} x {} x {} within {} to {}", cells[0],
                                               cells[1], cells[2], cells[3], cells[4]),
                                   resized_text(cells), cells[5] + "," + cells[6]));
  }
}

/// A list whole, or as count, ends and hash.
VectorResult compare_frames(const std::string& name, const std::vector<i64>& got,
                            const Json& expected) {
  if (expected.is_array()) return compare_ids(name, got, expected.get<std::vector<i64>>());
  const std::string list = fmt::format("{}", fmt::join(got, ","));
  return compare_text(
      name, fmt::format("{} frames, {}", got.size(), sha256_hex(std::as_bytes(std::span(list)))),
      fmt::format("{} frames, {}", expected.value("count", i64{0}),
                  expected.value("sha256_of_comma_list", std::string())));
}

/// Texts whole, or with "..." for those in the middle.
VectorResult compare_times(const std::string& name, std::vector<std::string> got,
                           const std::vector<std::string>& expected) {
  const auto gap = std::ranges::find(expected, "...");
  if (gap != expected.end() && got.size() > expected.size()) {
    const auto before = gap - expected.begin();
    const auto after = expected.end() - gap - 1;
    got.erase(got.begin() + before, got.end() - after);
    got.insert(got.begin() + before, "...");
  }
  return compare_text(name, fmt::format("{}", fmt::join(got, ", ")),
                      fmt::format("{}", fmt::join(expected, ", ")));
}

void verify_sampling(const Json& entries, std::vector<VectorResult>& results) {
  for (const Json& entry : entries) {
    if (!entry.is_object() || !entry.contains("frames_taken")) continue;
    const std::string model = entry.value("model", std::string());
    const auto rule =
        model.ends_with("4.6V") ? vision::VideoRule::glm46v : vision::VideoRule::glm4v;
    vision::VideoFacts video = {.frames = entry.value("total_frames", i64{0}),
                                .fps = entry.value("fps", 0.0),
                                .duration_s = std::nullopt};
    if (entry.contains("duration") && entry["duration"].is_number())
      video.duration_s = entry["duration"].get<double>();
    const std::string name =
        fmt::format("{}, {} frames at {} a second", model, video.frames, video.fps);
    const std::vector<i64> frames = vision::sample_frames(rule, video);
    results.push_back(compare_frames(name + ": frames", frames, entry["frames_taken"]));
    results.push_back(compare_times(name + ": seconds",
                                    vision::frame_times(rule, frames, video.fps),
                                    entry.value("prompt_seconds", std::vector<std::string>())));
  }
}

void verify_file(const fs::path& file, std::vector<VectorResult>& results) {
  const std::string name = file.filename().string();
  if (name == "case.json") {
    verify_picture_case(file.parent_path(), results);
  } else if (name == "language.safetensors") {
    verify_prompt_positions(file, results);
  } else if (name == "vision.safetensors") {
    verify_patch_positions(file, results);
  } else if (file.extension() == ".csv") {
    verify_sizes(file, results);
  } else if (name == "video_sampling.json") {
    verify_sampling(read_json_file(file), results);
  }
}

/// What lies in a folder and below it, by path.
std::vector<fs::path> files_below(const fs::path& folder) {
  constexpr std::size_t most_files = 1 << 16;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
    if (files.size() > most_files)
      fail(ErrorCode::limit_exceeded, "{} holds more than {} files", folder.string(), most_files);
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

std::vector<VectorResult> verify_image_golden(const fs::path& golden) {
  std::vector<VectorResult> results;
  std::error_code none;
  if (fs::is_directory(golden, none)) {
    for (const fs::path& file : files_below(golden)) verify_file(file, results);
    return results;
  }
  verify_file(golden, results);
  if (!results.empty()) return results;
  const fs::path folder = golden.parent_path();
  if (golden.filename() == "golden.safetensors" && fs::exists(folder / "case.json", none))
    verify_picture_case(folder, results);
  if (golden.filename() == "positions.json")
    return verify_image_golden(folder.empty() ? "." : folder);
  return results;
}

}  // namespace medlar::runtime
