#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "formats/checkpoint.h"
#include "text/tokenizer.h"
#include "train/recipe.h"
#include "train/token_task.h"
#include "train/trainer.h"

/// From a recipe to what a trainer needs.
namespace medlar::train {

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
