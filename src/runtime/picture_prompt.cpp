#include "runtime/picture_prompt.h"

#include <cmath>

#include "base/error.h"
#include "models/config.h"
#include "text/chat_template.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view glm_image = "<|image|>";
constexpr std::string_view llava_image = "<image>";

fs::path folder_of(const fs::path& model) {
  std::error_code none;
  return fs::is_directory(model, none) ? model : model.parent_path();
}

/// What the folder says of pictures, or null.
Json stated_processor(const fs::path& folder) {
  std::error_code none;
  if (fs::exists(folder / "preprocessor_config.json", none))
    return read_json_file(folder / "preprocessor_config.json");
  if (!fs::exists(folder / "processor_config.json", none)) return nullptr;
  const Json processor = read_json_file(folder / "processor_config.json");
  return processor.is_object() ? processor.value("image_processor", Json()) : Json();
}

/// As the families' own processors are where no file says otherwise.
Json usual_processor(const Runner& runner) {
  if (runner.family().stock_vision.empty())
    return {{"image_processor_type", "Glm4vImageProcessor"}};
  const Json vision = runner.config().value("vision_config", Json::object());
  const i64 side = models::ConfigReader(vision).size_or("image_size", 336);
  return {{"image_processor_type", "CLIPImageProcessor"},
          {"size", {{"shortest_edge", side}}},
          {"crop_size", {{"height", side}, {"width", side}}}};
}

std::vector<i64> tokens_of(const vision::Patches& patches, i64 merge) {
  std::vector<i64> tokens;
  for (const auto& grid : patches.grids)
    tokens.push_back(grid[0] * grid[1] * grid[2] / (merge * merge));
  return tokens;
}

/// The template, or none where the folder has none.
std::optional<text::ChatTemplate> template_of(const fs::path& folder) {
  try {
    return text::load_chat_template(folder);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::not_found) throw;
    return std::nullopt;
  }
}

std::optional<std::string> token_text(const text::Tokenizer& tokenizer, std::optional<i64> id) {
  const auto text = id ? tokenizer.token_text(*id) : std::nullopt;
  return text ? std::optional(std::string(*text)) : std::nullopt;
}

/// Text that a special token would be read from is none of a question's: it could move the
/// pictures.
void check_question(const text::Tokenizer& tokenizer, const std::string& question) {
  const auto parsed = tokenizer.encode(question, {.special_text = text::SpecialText::parse}).ids;
  if (parsed == tokenizer.encode(question).ids) return;
  fail(ErrorCode::invalid_argument, "the question holds the text of a special token");
}

std::vector<i64> template_ids(const text::ChatTemplate& chat, const text::Tokenizer& tokenizer,
                              std::span<const i64> tokens, const std::string& question) {
  Json content = Json::array();
  for (std::size_t i = 0; i < tokens.size(); ++i) content.push_back({{"type", "image"}});
  content.push_back({{"type", "text"}, {"text", question}});
  text::ChatInput input;
  input.messages = Json::array({{{"role", "user"}, {"content", content}}});
  input.add_generation_prompt = text::GenerationPrompt::add;
  input.bos_token = token_text(tokenizer, tokenizer.special_ids().bos);
  input.eos_token = token_text(tokenizer, tokenizer.special_ids().eos);
  const std::string prompt = chat.render(input);
  // The reference puts the tokens around a text where the template has not begun it.
  const bool begins = input.bos_token && prompt.starts_with(*input.bos_token);
  const bool is_glm = prompt.find(glm_image) != std::string::npos;
  return tokenizer
      .encode(expand_pictures(prompt, is_glm ? glm_image : llava_image, tokens),
              {.special_tokens = begins ? text::SpecialTokens::none : text::SpecialTokens::add,
               .special_text = text::SpecialText::parse})
      .ids;
}

}  // namespace

vision::ProcessorConfig processor_of(const Runner& runner, const fs::path& path) {
  const std::optional<models::ImageFacts> images = runner.facts().images;
  if (!images) fail(ErrorCode::unsupported, "a {} model takes no pictures", runner.family().name);
  const Json stated = stated_processor(folder_of(path));
  vision::ProcessorConfig config =
      vision::processor_config(stated.is_object() ? stated : usual_processor(runner));
  if (config.crop) {
    const auto area = static_cast<double>(images->patch_values) / 3.0;
    config.patch = std::lround(std::sqrt(area));
    const models::ConfigReader model(runner.config());
    if (model.text_or("image_aspect_ratio", "") == "pad") config.crop->pad_to_square = true;
  }
  const i64 values = 3 * config.frames_a_patch * config.patch * config.patch;
  if (values != images->patch_values) {
    fail(ErrorCode::shape_mismatch, "the processor makes patches of {} values, the model takes {}",
         values, images->patch_values);
  }
  return config;
}

std::string expand_pictures(const std::string& prompt, std::string_view placeholder,
                            std::span<const i64> tokens) {
  std::string expanded;
  std::size_t from = 0;
  for (std::size_t i = 0;; ++i) {
    const std::size_t at = prompt.find(placeholder, from);
    expanded += prompt.substr(from, at - from);
    if ((at == std::string::npos) != (i == tokens.size())) {
      fail(ErrorCode::invalid_argument, "the prompt has {} {} places than {} pictures",
           at == std::string::npos ? "fewer" : "more", placeholder, tokens.size());
    }
    if (at == std::string::npos) return expanded;
    for (i64 k = 0; k < tokens[i]; ++k) expanded += placeholder;
    from = at + placeholder.size();
  }
}

std::string expand_video(const std::string& prompt, const models::Grid& grid, i64 merge,
                         std::span<const std::string> times) {
  std::string frames;
  for (i64 slice = 0; slice < grid[0]; ++slice) {
    frames += "<|begin_of_image|>";
    for (i64 k = 0; k < grid[1] * grid[2] / (merge * merge); ++k) frames += glm_image;
    frames += "<|end_of_image|>";
    if (slice < ssize_of(times)) frames += times[static_cast<std::size_t>(slice)];
  }
  constexpr std::string_view placeholder = "<|video|>";
  const std::size_t at = prompt.find(placeholder);
  if (at == std::string::npos)
    fail(ErrorCode::invalid_argument, "the prompt has no place for a video");
  return prompt.substr(0, at) + frames + prompt.substr(at + placeholder.size());
}

ChunkedPrompt llava_med_prompt(const text::Tokenizer& tokenizer, std::span<const i64> tokens,
                               const std::string& question, i64 filler) {
  const std::vector<i64> begin =
      tokenizer.encode("", {.special_tokens = text::SpecialTokens::add}).ids;
  ChunkedPrompt prompt;
  if (!begin.empty()) prompt.ids.push_back(begin.front());
  const auto add_text = [&](const std::string& piece) {
    const std::vector<i64> ids = tokenizer.encode(piece).ids;
    prompt.ids.insert(prompt.ids.end(), ids.begin(), ids.end());
  };
  add_text("[INST] ");
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    for (i64 k = 0; k < tokens[i]; ++k) {
      prompt.rows.push_back(ssize_of(prompt.ids));
      prompt.ids.push_back(filler);
    }
    if (i + 1 < tokens.size()) add_text("\n");
  }
  add_text("\n" + question + " [/INST]");
  return prompt;
}

PicturePrompt picture_prompt(Runner& runner, const fs::path& path, const text::Tokenizer& tokenizer,
                             std::span<const formats::Picture> pictures,
                             const std::string& question) {
  const vision::ProcessorConfig config = processor_of(runner, path);
  const vision::Patches patches = process_pictures(config, pictures);
  const models::ImageFacts facts = *runner.facts().images;
  const std::vector<i64> tokens = tokens_of(patches, facts.merge);
  PicturePrompt prompt = {
      .ids = {},
      .images = {.images = {.pixels = Tensor::of(runner.pool(), {patches.rows(), patches.width},
                                                 std::span<const float>(patches.values)),
                            .grids = patches.grids},
                 .rows = {}}};
  check_question(tokenizer, question);
  const std::optional<text::ChatTemplate> chat = template_of(folder_of(path));
  if (chat && facts.token) {
    prompt.ids = template_ids(*chat, tokenizer, tokens, question);
    return prompt;
  }
  if (runner.family().stock_vision.empty()) {
    fail(ErrorCode::not_found, "{} has no chat template to put pictures into", path.string());
  }
  ChunkedPrompt chunks = llava_med_prompt(tokenizer, tokens, question, facts.token.value_or(0));
  prompt.ids = std::move(chunks.ids);
  prompt.images.rows = std::move(chunks.rows);
  return prompt;
}

}  // namespace medlar::runtime
