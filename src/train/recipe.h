#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "train/distillation.h"
#include "train/lora.h"
#include "train/training_options.h"

/// How a model was made, so that it can be made again: recipe.toml beside each model that the
/// project ships. Keys that are not known are refused.
namespace medlar::train {

/// A [[head]]: a corpus and what it teaches.
struct HeadSource {
  std::string name;
  std::string train;  ///< files below the recipe's data folder
  std::string devel = {};
  double share = 1.0;
  double weight = 1.0;
  bool crf = false;                               ///< a linear chain
  std::map<std::string, std::string> types = {};  ///< names for its types; others in small letters
};

/// What a model learns.
enum class TaskKind { tokens, masked_lm, sequence, causal_lm };

struct Recipe {
  std::string name;
  TaskKind task = TaskKind::tokens;
  std::filesystem::path base;  ///< the encoder to start from
  std::filesystem::path data;
  TrainingOptions options;
  LoraOptions lora;
  TeacherOptions teacher;
  std::vector<HeadSource> heads;  ///< of tokens
  std::string train;              ///< of the other tasks: files below the data folder
  std::string devel;
};

/// Reads recipe.toml. Throws corrupt_file naming file, line and key.
Recipe read_recipe(const std::filesystem::path& path);

}  // namespace medlar::train
