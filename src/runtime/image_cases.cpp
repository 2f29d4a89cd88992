// Cases of picture processing: what is decoded, resized and normalised, against the reference's
// hashes and values.
#include <charconv>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "runtime/image_golden.h"
#include "runtime/picture_prompt.h"
#include "runtime/vector_results.h"
#include "vision/processor.h"
#include "vision/video_sampling.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;
using vision::Picture;

std::string hash_of(const Picture& picture) {
  return sha256_hex(std::as_bytes(std::span(picture.rgb)));
}

std::string described(const Picture& picture) {
  return fmt::format("{} x {} {}", picture.height, picture.width, hash_of(picture));
}

/// "<|image|>" n times in a row as "<|image|>*n", which is how cases write prompts.
std::string shortened_placeholders(const std::string& prompt) {
  constexpr std::string_view image = "<|image|>";
  std::string text;
  for (std::size_t at = 0; at < prompt.size();) {
    i64 count = 0;
    while (prompt.compare(at, image.size(), image) == 0) {
      ++count;
      at += image.size();
    }
    if (count > 0) {
      text += fmt::format("{}*{}", image, count);
    } else {
      text += prompt[at++];
    }
  }
  return text;
}

const Json& at(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) fail(ErrorCode::corrupt_file, "case.json: {} is missing", key);
  return *found;
}

std::string text_at(const Json& object, const char* key) {
  const Json& value = at(object, key);
  if (!value.is_string()) fail(ErrorCode::corrupt_file, "case.json: {} must be a string", key);
  return value.get<std::string>();
}

std::vector<i64> numbers_at(const Json& object, const char* key) {
  std::vector<i64> numbers;
  for (const Json& value : at(object, key)) {
    if (!value.is_number_integer())
      fail(ErrorCode::corrupt_file, "case.json: {} must be whole numbers", key);
    numbers.push_back(value.get<i64>());
  }
  return numbers;
}

/// One folder: its case.json, its pictures, the reference's values.
class PictureCase {
 public:
  PictureCase(const fs::path& folder, std::vector<VectorResult>& results)
      : folder_(folder),
        name_((folder.parent_path().filename() / folder.filename()).string()),
        case_(read_json_file(folder / "case.json")),
        results_(results) {
    const fs::path golden = folder / "golden.safetensors";
    std::error_code none;
    if (!fs::exists(golden, none)) return;
    const auto mapped = MappedFile::open(golden);
    golden_ = formats::parse_safetensors(mapped->bytes(), golden.string(), mapped);
  }

  void run() {
    if (case_.contains("models")) {
      run_video();
    } else if (case_.contains("inputs")) {
      run_smart();
    } else if (case_.contains("input")) {
      run_crop();
    }
  }

 private:
  void expect_text(const std::string& what, const std::string& got, const std::string& expected) {
    results_.push_back(compare_text(name_ + " " + what, got, expected));
  }

  Picture read(const Json& input) {
    const fs::path file = folder_ / text_at(input, "file");
    Picture picture = formats::read_picture(file);
    const std::vector<i64> sides = numbers_at(input, "decoded_height_width");
    expect_text(
        file.filename().string(), described(picture),
        fmt::format("{} {}", fmt::join(sides, " x "), text_at(input, "decoded_rgb_sha256")));
    return picture;
  }

  /// Values whole, or every n-th as "name_sn".
  void expect_values(const std::string& name, std::span<const float> got) {
    constexpr double tolerance = 2e-6;  // of values computed from equal bytes
    for (const auto& [key, stored] : golden_.tensors) {
      if (!key.starts_with(name)) continue;
      const std::string rest = key.substr(name.size());
      std::size_t step = rest.empty() ? 1 : 0;
      if (rest.starts_with("_s")) std::from_chars(rest.data() + 2, rest.data() + rest.size(), step);
      if (step == 0) continue;
      std::vector<float> picked;
      for (std::size_t i = 0; i < got.size(); i += step) picked.push_back(got[i]);
      results_.push_back(
          compare_values(name_ + " " + key, picked, formats::to_floats(stored), tolerance));
    }
  }

  void run_smart() {
    vision::ProcessorConfig config = smart_config();
    std::vector<Picture> pictures;
    for (const Json& input : case_["inputs"]) pictures.push_back(read(input));
    if (case_.contains("refused")) return expect_refused(config, pictures);
    const Json& resized = at(case_, "resized");
    for (std::size_t i = 0; i < pictures.size() && i < resized.size(); ++i) {
      expect_text(
          fmt::format("resized {}", i), described(fit_picture(config, pictures[i])),
          fmt::format("{} x {} {}", resized[i].value("height", i64{0}),
                      resized[i].value("width", i64{0}), text_at(resized[i], "rgb_sha256")));
    }
    const vision::Patches patches = process_pictures(config, pictures);
    expect_grids(patches, at(case_, "image_grid_thw"));
    expect_values("pixel_values", patches.values);
    run_pillow(config, pictures);
  }

  vision::ProcessorConfig smart_config() const {
    return vision::processor_config({{"image_processor_type", "Glm4vImageProcessor"},
                                     {"size", at(case_, "size")},
                                     {"patch_size", case_.value("patch_size", 14)},
                                     {"temporal_patch_size", case_.value("temporal_patch_size", 2)},
                                     {"merge_size", case_.value("merge_size", 2)}});
  }

  void expect_refused(const vision::ProcessorConfig& config, const std::vector<Picture>& pictures) {
    std::string got = "accepted";
    try {
      process_pictures(config, pictures);
    } catch (const Error& error) {
      got = name_of(error.code());
    }
    expect_text("refused", got, std::string(name_of(ErrorCode::invalid_argument)));
  }

  void expect_grids(const vision::Patches& patches, const Json& expected) {
    std::vector<i64> got;
    for (const auto& grid : patches.grids) got.insert(got.end(), grid.begin(), grid.end());
    std::vector<i64> wanted;
    for (const Json& grid : expected)
      for (const Json& side : grid) wanted.push_back(side.get<i64>());
    results_.push_back(compare_ids(name_ + " grid_thw", got, wanted));
  }

  /// The same by Pillow's weights; the case says which pass came first.
  void run_pillow(vision::ProcessorConfig config, const std::vector<Picture>& pictures) {
    if (!case_.contains("pil_backend")) return;
    const Json& images = at(case_["pil_backend"], "images");
    vision::Patches all;
    for (std::size_t i = 0; i < pictures.size() && i < images.size(); ++i) {
      config.resampler = pillow(images[i]);
      expect_text(fmt::format("resized {} by Pillow's rule", i),
                  hash_of(fit_picture(config, pictures[i])),
                  text_at(images[i], "resized_rgb_sha256"));
      const vision::Patches one = process_pictures(config, {&pictures[i], 1});
      all.values.insert(all.values.end(), one.values.begin(), one.values.end());
    }
    expect_values("pil_pixel_values", all.values);
  }

  static vision::Resampler pillow(const Json& backend) {
    const bool vertical = backend.contains("pass_order") && backend["pass_order"].is_string() &&
                          backend["pass_order"] == "vertical first";
    return {.rule = vision::WeightRule::pillow,
            .order =
                vertical ? vision::PassOrder::vertical_first : vision::PassOrder::horizontal_first};
  }

  void run_crop() {
    const Picture picture = read(case_["input"]);
    const bool pads = case_.contains("pad_colour") && case_["pad_colour"].is_array();
    vision::ProcessorConfig config = vision::processor_config(
        {{"image_processor_type", "CLIPImageProcessor"}, {"do_pad", pads}});
    if (pads) {
      expect_text("squared", hash_of(padded_square(config, picture)),
                  text_at(case_, "squared_rgb_sha256"));
    }
    const Picture cropped = fit_picture(config, picture);
    expect_text("cropped", hash_of(cropped), text_at(case_, "cropped_rgb_sha256"));
    expect_values("pixel_values", normalised(config, cropped));
    if (!case_.contains("pil_backend")) return;
    config.resampler = pillow(case_["pil_backend"]);
    const Picture other = fit_picture(config, picture);
    expect_text("cropped by Pillow's rule", hash_of(other),
                text_at(case_["pil_backend"], "cropped_rgb_sha256"));
    expect_values("pil_pixel_values", normalised(config, other));
  }

  void run_video() {
    std::vector<Picture> frames;
    const i64 count = case_.value("frames", i64{0});
    for (i64 i = 0; i < count; ++i)
      frames.push_back(formats::read_picture(folder_ / fmt::format("frame_{:02}.png", i)));
    for (const auto& [model, expected] : case_["models"].items())
      run_sampled(model, expected, frames);
  }

  void run_sampled(const std::string& model, const Json& expected,
                   const std::vector<Picture>& frames) {
    const auto rule = model == "glm46v" ? vision::VideoRule::glm46v : vision::VideoRule::glm4v;
    const double fps = case_.value("fps", 1.0);
    const vision::VideoFacts facts = {.frames = ssize_of(frames),
                                      .fps = fps,
                                      .duration_s = static_cast<double>(frames.size()) / fps};
    const std::vector<i64> taken = vision::sample_frames(rule, facts);
    results_.push_back(
        compare_ids(name_ + " " + model + " frames", taken, numbers_at(expected, "frames_taken")));
    const vision::ProcessorConfig config = smart_config();
    std::vector<Picture> sampled;
    for (const i64 frame : taken) sampled.push_back(frames[static_cast<std::size_t>(frame)]);
    const vision::Patches patches = process_video(config, sampled);
    expect_grids(patches, Json::array({at(expected, "video_grid_thw")}));
    expect_text(model + " pixel_values_videos",
                sha256_hex(std::as_bytes(std::span(patches.values))),
                text_at(at(expected, "pixel_values_videos"), "sha256_f32le"));
    expect_values(model + ".pixel_values_videos", patches.values);
    expect_text(model + " prompt",
                shortened_placeholders(expand_video(text_at(case_, "prompt_before"),
                                                    patches.grids.front(), config.merge,
                                                    vision::frame_times(rule, taken, facts.fps))),
                text_at(expected, "prompt_after"));
  }

  fs::path folder_;
  std::string name_;
  Json case_;
  formats::SafetensorsFile golden_;
  std::vector<VectorResult>& results_;
};

}  // namespace

void verify_picture_case(const fs::path& folder, std::vector<VectorResult>& results) {
  PictureCase(folder, results).run();
}

}  // namespace medlar::runtime
