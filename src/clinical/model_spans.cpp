#include "clinical/model_spans.h"

#include <algorithm>

namespace medlar::clinical {
namespace {

/// "Disease" and "DISEASE" are "disease".
std::string label_of(std::string label) {
  for (char& c : label) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return label;
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

}  // namespace medlar::clinical
