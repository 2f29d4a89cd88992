#include "text/words.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace medlar::text {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (const ByteRange& word : split_words(text))
    words.push_back(
        text.substr(static_cast<std::size_t>(word.begin), static_cast<std::size_t>(word.size())));
  return words;
}

using Words = std::vector<std::string>;

TEST(SplitWords, KeepsHyphensInsideAndSplitsOtherSigns) {
  EXPECT_EQ(words_of("low-dose ACE-inhibitor, 5mg"),
            (Words{"low-dose", "ACE-inhibitor", ",", "5mg"}));
  EXPECT_EQ(words_of("BRCA1_mut non-small-cell"), (Words{"BRCA1_mut", "non-small-cell"}));
  EXPECT_EQ(words_of("Sjögren's"), (Words{"Sjögren", "'", "s"}));
}

TEST(SplitWords, AHyphenWithoutAWordBehindStandsAlone) {
  EXPECT_EQ(words_of("a- b --c -"), (Words{"a", "-", "b", "-", "-", "c", "-"}));
  EXPECT_EQ(words_of("a--b"), (Words{"a", "-", "-", "b"}));
}

TEST(SplitWords, TakesLettersAndNumbersOfAllScripts) {
  EXPECT_EQ(words_of("β-blockers\u00a0½ Ⅳ→x"), (Words{"β-blockers", "½", "Ⅳ", "→", "x"}));
  // A combining mark is no word character to Python's re.
  EXPECT_EQ(words_of("e\u0301a"), (Words{"e", "\u0301", "a"}));
}

TEST(SplitWords, SpaceAloneHasNoWords) {
  EXPECT_EQ(words_of(""), Words{});
  EXPECT_EQ(words_of(" \t\r\n\u2003\x1c"), Words{});
}

TEST(SplitWords, RefusesBytesThatAreNotText) { EXPECT_THROW(split_words("a\xff"), Error); }

}  // namespace
}  // namespace medlar::text
