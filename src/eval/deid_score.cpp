#include "eval/deid_score.h"

#include <algorithm>
#include <array>

#include "base/rng.h"
#include "clinical/deid/words.h"

namespace medlar::eval {
namespace {

using clinical::Shape;
using clinical::Word;
using text::ByteRange;

bool overlap(ByteRange a, ByteRange b) { return a.begin < b.end && b.begin < a.end; }

/// Counts of one text: hits and totals of recall, precision, over-redaction.
struct Counts {
  std::array<i64, 3> hits = {};
  std::array<i64, 3> totals = {};
};

std::vector<Word> words_in(const GoldText& gold) {
  return clinical::words_of(gold.text, clinical::Lexicon::embedded());
}

bool covered(const Word& word, const std::vector<clinical::Span>& spans) {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const clinical::Span& s) { return overlap(s.range, word.range); });
}

bool identifies(const Word& word) {
  if (word.shape == Shape::mark || word.is(clinical::cue_title | clinical::cue_suffix))
    return false;
  return word.shape != Shape::lower ||
         !word.is(clinical::word_common | clinical::cue_facility | clinical::cue_facility_tail);
}

bool hidden(const GoldSpan& gold, const std::vector<Word>& words,
            const std::vector<clinical::Span>& spans) {
  return std::all_of(words.begin(), words.end(), [&](const Word& word) {
    return !overlap(word.range, gold.range) || !identifies(word) || covered(word, spans);
  });
}

bool in_gold(ByteRange range, const GoldText& gold) {
  return std::any_of(gold.spans.begin(), gold.spans.end(),
                     [&](const GoldSpan& g) { return overlap(g.range, range); });
}

Counts counts_of(const DeidCase& one, std::map<std::string, Share>& kinds) {
  const std::vector<Word> words = words_in(*one.gold);
  Counts counts;
  for (const GoldSpan& gold : one.gold->spans) {
    const bool hit = hidden(gold, words, one.spans);
    Share& kind = kinds[gold.kind];
    ++kind.total;
    kind.hits += hit ? 1 : 0;
    if (!gold.direct) continue;
    ++counts.totals[0];
    counts.hits[0] += hit ? 1 : 0;
  }
  for (const clinical::Span& span : one.spans) {
    ++counts.totals[1];
    counts.hits[1] += in_gold(span.range, *one.gold) ? 1 : 0;
  }
  for (const Word& word : words) {
    if (word.shape == Shape::mark || in_gold(word.range, *one.gold)) continue;
    ++counts.totals[2];
    counts.hits[2] += covered(word, one.spans) ? 1 : 0;
  }
  return counts;
}

/// The 2.5th and 97.5th percentile of the share over resampled texts.
void set_interval(Share& share, const std::vector<Counts>& counts, std::size_t which, i64 samples) {
  std::vector<double> values;
  constexpr u64 seed = 95;
  for (i64 sample = 0; sample < samples; ++sample) {
    i64 hits = 0;
    i64 total = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const u64 drawn = philox(seed, static_cast<u64>(sample), i)[0];
      const Counts& c = counts[drawn * counts.size() >> 32];
      hits += c.hits[which];
      total += c.totals[which];
    }
    if (total > 0) values.push_back(static_cast<double>(hits) / static_cast<double>(total));
  }
  if (values.empty()) return;
  std::sort(values.begin(), values.end());
  const auto at = [&](double p) {
    return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1))];
  };
  share.low = at(0.025);
  share.high = at(0.975);
}

}  // namespace

double DeidScore::f1() const {
  const double r = recall.value();
  const double p = precision.value();
  return r + p == 0.0 ? 0.0 : 2.0 * r * p / (r + p);
}

DeidScore score_deid(const std::vector<DeidCase>& cases, i64 samples) {
  DeidScore score;
  std::vector<Counts> counts;
  counts.reserve(cases.size());
  for (const DeidCase& one : cases) counts.push_back(counts_of(one, score.kinds));
  const std::array shares = {&score.recall, &score.precision, &score.over_redaction};
  for (std::size_t which = 0; which < shares.size(); ++which) {
    for (const Counts& c : counts) {
      shares[which]->hits += c.hits[which];
      shares[which]->total += c.totals[which];
    }
    set_interval(*shares[which], counts, which, samples);
  }
  return score;
}

std::vector<std::string> missed_values(const DeidCase& one) {
  const std::vector<Word> words = words_in(*one.gold);
  std::vector<std::string> missed;
  for (const GoldSpan& gold : one.gold->spans) {
    if (!gold.direct || hidden(gold, words, one.spans)) continue;
    missed.push_back(gold.kind + ": " +
                     one.gold->text.substr(static_cast<std::size_t>(gold.range.begin),
                                           static_cast<std::size_t>(gold.range.size())));
  }
  return missed;
}

std::vector<std::string> needless_spans(const DeidCase& one) {
  std::vector<std::string> needless;
  for (const clinical::Span& span : one.spans) {
    if (in_gold(span.range, *one.gold)) continue;
    needless.push_back(span.label + " (" + span.producer + ", " + span.evidence + "): " +
                       one.gold->text.substr(static_cast<std::size_t>(span.range.begin),
                                             static_cast<std::size_t>(span.range.size())));
  }
  return needless;
}

}  // namespace medlar::eval
