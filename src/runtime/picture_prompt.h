#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "runtime/runner.h"
#include "text/tokenizer.h"
#include "vision/processor.h"

namespace medlar::runtime {

/// A question about pictures, ready to run.
struct PicturePrompt {
  std::vector<i64> ids;
  ImageInput images;
};

/// How the model at `path` wants its pictures: by its preprocessor_config.json or the
/// image_processor of its processor_config.json, else as the reference processor of its family
/// does. Throws unsupported for a model without pictures.
vision::ProcessorConfig processor_of(const Runner& runner, const std::filesystem::path& path);

/// The model's own prompt for pictures and a question: its chat template where it has one, else
/// LLaVA-Med's. Throws unsupported, invalid_argument.
PicturePrompt picture_prompt(Runner& runner, const std::filesystem::path& path,
                             const text::Tokenizer& tokenizer,
                             std::span<const formats::Picture> pictures,
                             const std::string& question);

/// "[INST] <image>\n..question [/INST]" as LLaVA-Med reads it: the text before, between and after
/// the pictures is tokenised apart, each piece with its own leading space, and only the first has
/// the token that begins a text. `tokens`: of each picture; their ids are `filler`.
struct ChunkedPrompt {
  std::vector<i64> ids;
  std::vector<i64> rows;  ///< tokens of pictures
};
ChunkedPrompt llava_med_prompt(const text::Tokenizer& tokenizer, std::span<const i64> tokens,
                               const std::string& question, i64 filler);

/// A prompt with a token for each row of features in the place of each picture's placeholder.
/// Throws invalid_argument where placeholders and pictures differ in number.
std::string expand_pictures(const std::string& prompt, std::string_view placeholder,
                            std::span<const i64> tokens);

/// A prompt of GLM with the frames of a video in the place of "<|video|>": for each pair of frames
/// its tokens between the picture's markers, then its time.
std::string expand_video(const std::string& prompt, const models::Grid& grid, i64 merge,
                         std::span<const std::string> times);

}  // namespace medlar::runtime
