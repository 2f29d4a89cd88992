#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"
#include "train/distillation.h"
#include "train/lora.h"
#include "train/token_task.h"
#include "train/trainer.h"

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

/// Reads a head's corpora; its labels are those of all types that occur, in order of their names.
Corpus load_corpus(const HeadSource& source, const std::filesystem::path& data,
                   const text::Tokenizer& tokenizer);

/// What a trainer needs.
struct Prepared {
  formats::Checkpoint checkpoint;  ///< the base with the task's head and the recipe's adapters
  std::unique_ptr<const Task> task;
  std::vector<std::string> head = {};  ///< modules of the head that adapters do not touch
};

/// Opens the recipe's base and reads its data. Throws as their readers.
Prepared prepare(const Recipe& recipe, const text::Tokenizer& tokenizer);

/// The runner that a trainer needs.
runtime::RunnerOptions runner_options(const Recipe& recipe, const Prepared& prepared, i64 threads);

/// What goes into the folder, and nobody told.
Trainer::Output output_of(const Recipe& recipe, const Prepared& prepared,
                          const std::filesystem::path& folder);

}  // namespace medlar::train
