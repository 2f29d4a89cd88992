#include "runtime/head_decoding.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "text/entities.h"
#include "text/viterbi.h"

namespace medlar::runtime {
namespace {

constexpr float impossible = -std::numeric_limits<float>::infinity();

/// "B-x" -> "x"; of O nothing.
std::string_view type_of(std::string_view label) {
  return label.size() > 2 && label[1] == '-' ? label.substr(2) : std::string_view();
}

bool may_follow(std::string_view before, std::string_view label) {
  return !label.starts_with("I-") ||
         (!type_of(before).empty() && type_of(before) == type_of(label));
}

/// The head's columns of the rows, [rows, L].
std::vector<float> columns_of(const TokenHead& head, const HeadLogits& logits) {
  std::vector<float> scores;
  for (const i64 row : logits.rows) {
    const auto own = logits.values.subspan(
        static_cast<std::size_t>(row * logits.columns + head.first), head.labels.size());
    scores.insert(scores.end(), own.begin(), own.end());
  }
  return scores;
}

/// What of the learned transitions well-formed spans allow.
Transitions transitions_of(const TokenHead& head) {
  Transitions t = well_formed(head.labels);
  if (!head.learned) return t;
  const auto add = [](std::vector<float>& to, const std::vector<float>& from) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
  };
  add(t.between, head.learned->between);
  add(t.start, head.learned->start);
  add(t.end, head.learned->end);
  return t;
}

/// Throws corrupt_file unless they fit `labels` labels and are finite.
Transitions transitions_from(const Json& json, i64 labels) {
  Transitions t = {.between = json.at("between").get<std::vector<float>>(),
                   .start = json.at("start").get<std::vector<float>>(),
                   .end = json.at("end").get<std::vector<float>>()};
  bool fits = ssize_of(t.between) == labels * labels && ssize_of(t.start) == labels &&
              ssize_of(t.end) == labels;
  for (const auto* part : {&t.between, &t.start, &t.end})
    fits = fits && std::ranges::all_of(*part, [](float x) { return std::isfinite(x); });
  if (!fits)
    fail(ErrorCode::corrupt_file, "config: the transitions of a head of {} labels do not fit it",
         labels);
  return t;
}

TokenHead head_from(const Json& json, i64 columns) {
  TokenHead head;
  try {
    head = {.name = json.at("name").get<std::string>(),
            .labels = json.at("labels").get<std::vector<std::string>>(),
            .first = json.at("first").get<i64>(),
            .renamed = json.value("renamed", std::map<std::string, std::string>())};
    const auto transitions = json.find("transitions");
    if (transitions != json.end()) head.learned = transitions_from(*transitions, head.width());
  } catch (const Json::exception&) {
    fail(ErrorCode::corrupt_file,
         "config: an entry of medlar_heads lacks name, labels, first or a part of its transitions");
  }
  const bool inside = head.first >= 0 && head.first <= columns && head.width() > 0 &&
                      head.width() <= columns - head.first;
  const bool starts = std::ranges::any_of(
      head.labels, [](const std::string& label) { return !label.starts_with("I-"); });
  if (!inside || !starts) {
    fail(ErrorCode::corrupt_file, "config: head '{}' of {} labels from column {} on, of {} columns",
         head.name, head.width(), head.first, columns);
  }
  return head;
}

}  // namespace

std::vector<TokenHead> token_heads(const Json& config, i64 columns) {
  std::vector<TokenHead> heads;
  const auto found = config.find("medlar_heads");
  if (found == config.end() || !found->is_array()) return heads;
  for (const Json& json : *found) heads.push_back(head_from(json, columns));
  return heads;
}

Json to_json(const TokenHead& head) {
  Json json = {{"name", head.name}, {"labels", head.labels}, {"first", head.first}};
  if (!head.renamed.empty()) json["renamed"] = head.renamed;
  if (head.learned) {
    json["transitions"] = {{"between", head.learned->between},
                           {"start", head.learned->start},
                           {"end", head.learned->end}};
  }
  return json;
}

Transitions well_formed(std::span<const std::string> labels) {
  Transitions t;
  t.end.assign(labels.size(), 0.0f);
  for (const std::string& before : labels) {
    t.start.push_back(before.starts_with("I-") ? impossible : 0.0f);
    for (const std::string& label : labels)
      t.between.push_back(may_follow(before, label) ? 0.0f : impossible);
  }
  return t;
}

std::vector<LabelledSpan> spans_of_labels(std::span<const std::string> labels) {
  std::vector<LabelledSpan> spans;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string_view type = type_of(labels[i]);
    if (type.empty()) continue;
    const auto at = static_cast<i64>(i);
    const bool goes_on = labels[i].starts_with("I-") && !spans.empty() && spans.back().end == at &&
                         spans.back().type == type;
    if (goes_on) {
      spans.back().end = at + 1;
    } else {
      spans.push_back({at, at + 1, std::string(type)});
    }
  }
  return spans;
}

std::vector<LabelledSpan> spans_of_head(const TokenHead& head, const HeadLogits& logits) {
  const std::vector<float> scores = text::log_softmax_rows(columns_of(head, logits), head.width());
  std::vector<std::string> labels;
  for (const i64 label : best_path(scores, transitions_of(head)))
    labels.push_back(head.labels[static_cast<std::size_t>(label)]);
  return spans_of_labels(labels);
}

std::vector<float> label_probabilities(const TokenHead& head, const HeadLogits& logits) {
  const std::vector<float> scores = columns_of(head, logits);
  if (head.learned) {
    const std::vector<double> marginals = chain_sums(scores, transitions_of(head)).labels;
    return {marginals.begin(), marginals.end()};
  }
  std::vector<float> all;
  for (auto rest = std::span(scores); !rest.empty(); rest = rest.subspan(head.labels.size())) {
    const std::vector<float> p = text::softmax(rest.first(head.labels.size()));
    all.insert(all.end(), p.begin(), p.end());
  }
  return all;
}

double span_probability(const TokenHead& head, std::span<const float> probabilities,
                        const LabelledSpan& span) {
  double sum = 0.0;
  for (i64 i = span.begin; i < span.end; ++i) {
    const auto label = std::ranges::find(head.labels, (i == span.begin ? "B-" : "I-") + span.type);
    if (label != head.labels.end()) {
      const i64 at = i * head.width() + (label - head.labels.begin());
      sum += static_cast<double>(probabilities[static_cast<std::size_t>(at)]);
    }
  }
  return sum / static_cast<double>(span.end - span.begin);
}

bool continues_word(const text::Tokenizer& tokenizer, i64 id) {
  return tokenizer.marks_continuation() && tokenizer.token_text(id).value_or("").starts_with("##");
}

}  // namespace medlar::runtime
