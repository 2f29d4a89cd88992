#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "train/token_trainer.h"

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

struct Recipe {
  std::string name;
  std::filesystem::path base;  ///< the encoder to start from
  std::filesystem::path data;
  TrainingOptions options;
  std::vector<HeadSource> heads;
};

/// Reads recipe.toml. Throws corrupt_file naming file, line and key.
Recipe read_recipe(const std::filesystem::path& path);

/// Reads a head's corpora; its labels are those of all types that occur, in order of their names.
Corpus load_corpus(const HeadSource& source, const std::filesystem::path& data,
                   const text::Tokenizer& tokenizer);

}  // namespace medlar::train
