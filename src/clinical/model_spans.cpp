#include "clinical/model_spans.h"

#include <algorithm>
#include <set>

#include "clinical/data_files.h"
#include "clinical/deid/detect.h"
#include "clinical/words.h"

namespace medlar::clinical {
namespace {

/// Below it a model of the literature is mostly wrong in notes ("by mouth", a title).
constexpr float least_score = 0.6F;

/// "Disease" and "DISEASE" are "disease".
std::string label_of(std::string label) {
  for (char& c : label) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return label;
}

const std::set<std::string_view>& human_words() {
  static const std::set<std::string_view> words = [] {
    const std::vector<std::string_view> lines = data_lines(data::human_words());
    return std::set<std::string_view>(lines.begin(), lines.end());
  }();
  return words;
}

bool says_who(const Span& span) {
  constexpr float unsure = 0.5F;  // a word of no dictionary is no name yet
  return span.score > unsure && span.label != "DATE" && span.label != "AGE" &&
         span.label != "PROFESSION";
}

}  // namespace

std::vector<Span> model_spans(runtime::Runner& runner, const text::Tokenizer& tokenizer,
                              const Document& note, const std::string& producer,
                              const runtime::OnProgress& progress) {
  // The first token of a word decides: pieces of one word never get two labels.
  const runtime::EntityRequest request = {.aggregation = text::Aggregation::first};
  std::vector<Span> spans;
  for (const text::Entity& entity :
       runtime::find_entities(runner, tokenizer, std::string(note.text()), request, progress)) {
    if (entity.range.size() == 0) continue;
    spans.push_back({.range = entity.range,
                     .label = label_of(entity.label),
                     .score = std::clamp(entity.score, 0.0F, 1.0F),
                     .producer = producer,
                     .evidence = "token classifier"});
  }
  return spans;
}

std::vector<Span> plausible(const Document& note, std::vector<Span> found) {
  if (found.empty()) return found;
  std::vector<Span> identity = detect(note);
  std::erase_if(identity, [](const Span& span) { return !says_who(span); });
  std::erase_if(found, [&](const Span& span) {
    const std::string_view words = trimmed(text_of(note.text(), span.range));
    if (span.score < least_score || human_words().contains(label_of(std::string(words))))
      return true;
    const auto next = std::partition_point(identity.begin(), identity.end(), [&](const Span& who) {
      return who.range.end <= span.range.begin;
    });
    return next != identity.end() && next->range.begin < span.range.end;
  });
  return found;
}

}  // namespace medlar::clinical
