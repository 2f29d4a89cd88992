#include "eval/deid_score.h"

#include <algorithm>

#include "base/scores.h"
#include "clinical/deid/words.h"

namespace medlar::eval {
namespace {

using clinical::KnownWord;
using clinical::Shape;
using text::ByteRange;

bool overlap(ByteRange a, ByteRange b) { return a.begin < b.end && b.begin < a.end; }

/// Counts of one text. Every share is a recall: hits of what was wanted.
struct CaseCounts {
  Counts recall;
  Counts precision;
  Counts over_redaction;
};

void count(Counts& counts, bool hit) { counts += {.right = hit ? 1 : 0, .wanted = 1, .found = 0}; }

std::vector<KnownWord> words_in(const GoldText& gold) {
  return clinical::words_of(gold.text, clinical::Lexicon::embedded());
}

bool covered(const KnownWord& word, const std::vector<clinical::Span>& spans) {
  return std::any_of(spans.begin(), spans.end(),
                     [&](const clinical::Span& s) { return overlap(s.range, word.range); });
}

bool identifies(const KnownWord& word) {
  if (word.shape == Shape::mark || word.is(clinical::cue_title | clinical::cue_suffix))
    return false;
  return word.shape != Shape::lower ||
         !word.is(clinical::word_common | clinical::cue_facility | clinical::cue_facility_tail);
}

bool hidden(const GoldSpan& gold, const std::vector<KnownWord>& words,
            const std::vector<clinical::Span>& spans) {
  return std::all_of(words.begin(), words.end(), [&](const KnownWord& word) {
    return !overlap(word.range, gold.range) || !identifies(word) || covered(word, spans);
  });
}

bool in_gold(ByteRange range, const GoldText& gold) {
  return std::any_of(gold.spans.begin(), gold.spans.end(),
                     [&](const GoldSpan& g) { return overlap(g.range, range); });
}

void count(Share& share, bool hit) {
  ++share.total;
  share.hits += hit ? 1 : 0;
}

/// Counts of one text; those of kinds and rows go into `score`.
CaseCounts counts_of(const DeidCase& one, DeidScore& score) {
  const std::vector<KnownWord> words = words_in(*one.gold);
  CaseCounts counts;
  for (const GoldSpan& gold : one.gold->spans) {
    const bool hit = hidden(gold, words, one.spans);
    count(score.kinds[gold.kind], hit);
    if (!gold.direct) continue;
    count(counts.recall, hit);
    count(score.rows[static_cast<std::size_t>(gold.row)], hit);
  }
  for (const clinical::Span& span : one.spans)
    count(counts.precision, in_gold(span.range, *one.gold));
  for (const KnownWord& word : words) {
    if (word.shape == Shape::mark || in_gold(word.range, *one.gold)) continue;
    count(counts.over_redaction, covered(word, one.spans));
  }
  return counts;
}

Share share_of(const std::vector<CaseCounts>& cases, Counts CaseCounts::* which, i64 samples) {
  std::vector<Counts> units;
  Counts sum;
  for (const CaseCounts& one : cases) {
    units.push_back(one.*which);
    sum += one.*which;
  }
  const Interval interval = bootstrap(units, &Counts::recall, samples);
  return {.hits = sum.right, .total = sum.wanted, .low = interval.low, .high = interval.high};
}

}  // namespace

double DeidScore::f1() const {
  const double r = recall.value();
  const double p = precision.value();
  return r + p == 0.0 ? 0.0 : 2.0 * r * p / (r + p);
}

DeidScore score_deid(const std::vector<DeidCase>& cases, i64 samples) {
  DeidScore score;
  std::vector<CaseCounts> counts;
  counts.reserve(cases.size());
  for (const DeidCase& one : cases) counts.push_back(counts_of(one, score));
  for (Share& row : score.rows) {
    const Interval interval = wilson(row.hits, row.total);
    row.low = interval.low;
    row.high = interval.high;
  }
  score.recall = share_of(counts, &CaseCounts::recall, samples);
  score.precision = share_of(counts, &CaseCounts::precision, samples);
  score.over_redaction = share_of(counts, &CaseCounts::over_redaction, samples);
  return score;
}

std::vector<std::string> missed_values(const DeidCase& one) {
  const std::vector<KnownWord> words = words_in(*one.gold);
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
