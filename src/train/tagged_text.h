#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/types.h"

/// Labelled sentences as corpora of named entities hold them.
namespace medlar::train {

/// Words and a label each, in the scheme O, B-type, I-type.
struct TaggedSentence {
  std::vector<std::string> words;
  std::vector<std::string> labels;
};

/// Labels of the styles IO, IOB1, IOB2, BIOES (BILOU, BMES) and bare B, I, O as B-type, I-type and
/// O. A tag without a type gets `bare_type`. Throws invalid_argument for another tag.
std::vector<std::string> normal_labels(std::span<const std::string> tags,
                                       const std::string& bare_type);

/// The sentences of a CoNLL file: a word and, in the last column, its tag on each line, columns by
/// tab or spaces, an empty line between sentences; -DOCSTART- lines are left out. Throws io,
/// corrupt_file naming file and line.
std::vector<TaggedSentence> read_conll(const std::filesystem::path& path,
                                       const std::string& bare_type = "entity");

}  // namespace medlar::train
