#include "clinical/deid/detect.h"

#include <algorithm>

#include "clinical/deid/names.h"
#include "clinical/deid/patterns.h"
#include "clinical/deid/places.h"
#include "clinical/deid/words.h"

namespace medlar::clinical {
namespace {

void append(std::vector<Span>& spans, std::vector<Span> more) {
  std::move(more.begin(), more.end(), std::back_inserter(spans));
}

/// True if `a` says better than `b` what the text is.
bool is_surer(const Span& a, const Span& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.range.size() > b.range.size();
}

}  // namespace

std::vector<Span> united(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return a.range.begin != b.range.begin ? a.range.begin < b.range.begin : is_surer(a, b);
  });
  std::vector<Span> result;
  for (Span& span : spans) {
    if (result.empty() || span.range.begin >= result.back().range.end) {
      result.push_back(std::move(span));
      continue;
    }
    Span& last = result.back();
    const text::ByteRange range = {.begin = last.range.begin,
                                   .end = std::max(last.range.end, span.range.end)};
    if (is_surer(span, last)) last = std::move(span);
    last.range = range;
  }
  return result;
}

std::vector<Span> detect(const Document& document, std::vector<Span> more) {
  const std::vector<KnownWord> words = words_of(document.text(), Lexicon::embedded());
  std::vector<Span> spans = find_patterns(document.text());
  append(spans, find_places(words));
  append(spans, find_names(words));
  append(spans, std::move(more));
  return united(std::move(spans));
}

}  // namespace medlar::clinical
