// tests/cases/sections and tests/cases/sentences, and what hostile texts do to both.
#include "clinical/sections.h"

#include <chrono>

#include "clinical/case_files.h"
#include "clinical/data_files.h"
#include "clinical/sentences.h"

namespace medlar::clinical {
namespace {

struct AnnotatedNote {
  std::string text;
  std::vector<std::pair<std::string, i64>> headings;  ///< name, begin of the line
};

AnnotatedNote annotated(const std::filesystem::path& file) {
  AnnotatedNote note;
  const std::string content = read_text_file(file);
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = content.find('\n', at);
    const std::string line = content.substr(at, end - at);
    at = end == std::string::npos ? content.size() : end + 1;
    if (line.starts_with("@@ ")) {
      note.headings.emplace_back(line.substr(3), ssize_of(note.text));
    } else {
      note.text += line + "\n";
    }
  }
  return note;
}

TEST(Sections, EndAtAHeadingThatNobodyKnows) {
  const std::string note =
      "Family History:\nFather had a stroke.\n\nFunctional Status:\nDyspnea\n"
      "She takes:\naspirin\nScore 3:\nnone\n";
  const std::vector<Section> sections = SectionFinder().find(note);
  ASSERT_EQ(sections.size(), 2U);  // neither "She takes" nor "Score 3" is a heading
  EXPECT_EQ(sections[0].name, "family_history");
  EXPECT_EQ(sections[1].name, "other");
}

TEST(Sections, AreThoseOfTheCases) {
  const SectionFinder finder;
  for (const auto& file : tests::case_files("sections")) {
    const AnnotatedNote note = annotated(file);
    const std::vector<Section> sections = finder.find(note.text);
    ASSERT_EQ(sections.size(), note.headings.size()) << file;
    for (std::size_t i = 0; i < sections.size(); ++i) {
      EXPECT_EQ(sections[i].name, note.headings[i].first) << file << " section " << i;
      const i64 before = sections[i].heading.begin - note.headings[i].second;
      EXPECT_TRUE(before >= 0 && before <= 4) << file << " section " << i;
    }
  }
}

TEST(Sections, CoverTheText) {
  const SectionFinder finder;
  const std::string text = "Seen today.\nPMH: gout\nPlan:\nrest";
  const std::vector<Section> sections = finder.find(text);
  ASSERT_EQ(sections.size(), 3U);
  EXPECT_EQ(sections[0].name, "");
  EXPECT_EQ(text_of(text, sections[1].heading), "PMH");
  EXPECT_EQ(text_of(text, sections[1].body), " gout\n");
  EXPECT_EQ(text_of(text, sections[2].body), "\nrest");
}

std::vector<std::string> expected_sentences(std::string content) {
  std::vector<std::string> sentences;
  for (std::size_t bar = 0; bar != std::string::npos;) {
    bar = content.find("||");
    sentences.emplace_back(trimmed(content.substr(0, bar)));
    if (bar != std::string::npos) content = content.substr(bar + 2);
  }
  return sentences;
}

/// The text without its bars, lines kept.
std::string without_bars(std::string text) {
  for (std::size_t bar = text.find(" ||"); bar != std::string::npos; bar = text.find(" ||"))
    text.erase(bar, 3);
  return text;
}

TEST(Sentences, EndWhereTheCasesSay) {
  const SentenceSplitter splitter;
  for (const auto& file : tests::case_files("sentences")) {
    const std::string content = read_text_file(file);
    const std::string text = without_bars(content);
    std::vector<std::string> found;
    for (const ByteRange range : splitter.split(text, {.begin = 0, .end = ssize_of(text)}))
      found.emplace_back(text_of(text, range));
    std::string expected_text = content;
    std::vector<std::string> expected;
    // A blank line ends a sentence without a bar.
    for (std::size_t gap = 0; gap != std::string::npos;) {
      gap = expected_text.find("\n\n");
      for (std::string& sentence : expected_sentences(expected_text.substr(0, gap))) {
        if (!sentence.empty()) expected.push_back(std::move(sentence));
      }
      if (gap != std::string::npos) expected_text = expected_text.substr(gap + 2);
    }
    EXPECT_EQ(found, expected) << file;
  }
}

TEST(Sentences, OneMegabyteTakesFarLessThanASecond) {
  const SectionFinder finder;
  const SentenceSplitter splitter;
  const std::vector<std::string> pieces = {"The patient denies fever. He has a cough.\n",
                                           "PLAN: ",
                                           ". ",
                                           "A",
                                           "1. ",
                                           "a,\n",
                                           " \n",
                                           "(",
                                           "A. ",
                                           "- x\n"};
  for (const std::string& piece : pieces) {
    std::string text;
    while (text.size() < (1U << 20U)) text += piece;
    const auto begin = std::chrono::steady_clock::now();
    i64 sentences = 0;
    for (const Section& section : finder.find(text))
      sentences += ssize_of(splitter.split(text, section.body));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    EXPECT_GE(sentences, 0);
    EXPECT_LT(seconds.count(), 5.0)
        << "piece of " << piece.size() << " bytes; an optimised build takes a tenth of a second";
  }
}

TEST(Words, AreComparedByTheirNormalForm) {
  EXPECT_EQ(normal_text("Crohn\u2019s Diseases"), "crohn disease");
  EXPECT_EQ(normal_text("Sj\u00F6gren's biopsies"), "sjogren biopsy");
  EXPECT_EQ(normal_text("non-Hodgkin lymphomas"), "non hodgkin lymphoma");
  EXPECT_EQ(normal_text("10mg q8h, 2.5%"), "10 mg q8h , 2.5 %");
}

}  // namespace
}  // namespace medlar::clinical
