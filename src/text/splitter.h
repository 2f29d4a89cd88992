#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/types.h"

/// Hand-made splitters for the regular expressions by which published byte-level tokenizers cut
/// text into words. Goals: exactly the pieces of the pattern, tens of times faster than a regular
/// expression engine, linear time. Non-goal: any other pattern (those go through text/regex.h).
namespace medlar::text {

enum class SplitPattern {
  gpt2,      ///< GPT-2, RoBERTa, ModernBERT
  llama3,    ///< cl100k, Llama 3, GLM-4: numbers in groups of three
  qwen2,     ///< as llama3 with single digits
  o200k,     ///< gpt-oss, GPT-4o: case changes split words
  deepseek,  ///< DeepSeek-V3's three splits in a row: numbers, CJK, words
};

/// The splitter for a published pattern text; empty for an unknown one.
std::optional<SplitPattern> known_pattern(std::string_view regex);

/// The patterns of DeepSeek-V3's three splits, in order.
std::vector<std::string_view> deepseek_patterns();

/// The regular expression that a splitter stands for (gpt2, llama3, qwen2, o200k).
std::string_view regex_of(SplitPattern pattern);

/// Appends the end of each piece of text[begin, end); the pieces lie side by side and cover it.
/// The range is split as if it were the whole text.
void split_words(SplitPattern pattern, std::string_view text, i64 begin, i64 end,
                 std::vector<i64>& ends);

}  // namespace medlar::text
