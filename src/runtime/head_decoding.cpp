#include "runtime/head_decoding.h"

#include <algorithm>

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

std::span<const float> columns_of(const TokenHead& head, const HeadLogits& logits, i64 row) {
  return logits.values.subspan(static_cast<std::size_t>(row * logits.columns + head.first),
                               head.labels.size());
}

TokenHead head_from(const Json& json, i64 columns) {
  TokenHead head;
  try {
    head = {.name = json.at("name").get<std::string>(),
            .labels = json.at("labels").get<std::vector<std::string>>(),
            .first = json.at("first").get<i64>(),
            .renamed = json.value("renamed", std::map<std::string, std::string>())};
  } catch (const Json::exception&) {
    fail(ErrorCode::corrupt_file, "config: an entry of medlar_heads lacks name, labels or first");
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

std::vector<i64> best_path(std::span<const float> scores, const Transitions& transitions) {
  const std::size_t labels = transitions.start.size();
  const std::size_t tokens = scores.size() / labels;
  if (tokens == 0) return {};
  std::vector<float> best(labels);
  std::vector<i64> came_from(tokens * labels);
  for (std::size_t b = 0; b < labels; ++b) best[b] = transitions.start[b] + scores[b];
  for (std::size_t t = 1; t < tokens; ++t) {
    std::vector<float> next(labels);
    for (std::size_t b = 0; b < labels; ++b) {
      std::size_t from = 0;
      for (std::size_t a = 1; a < labels; ++a) {
        if (best[a] + transitions.between[a * labels + b] >
            best[from] + transitions.between[from * labels + b]) {
          from = a;
        }
      }
      next[b] = best[from] + transitions.between[from * labels + b] + scores[t * labels + b];
      came_from[t * labels + b] = static_cast<i64>(from);
    }
    best = std::move(next);
  }
  for (std::size_t b = 0; b < labels; ++b) best[b] += transitions.end[b];
  std::vector<i64> path(tokens);
  path.back() = std::ranges::max_element(best) - best.begin();
  for (std::size_t t = tokens - 1; t > 0; --t)
    path[t - 1] = came_from[t * labels + static_cast<std::size_t>(path[t])];
  return path;
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
  std::vector<float> scores;
  for (const i64 row : logits.rows) {
    const auto own = columns_of(head, logits, row);
    scores.insert(scores.end(), own.begin(), own.end());
  }
  const std::vector<i64> path =
      best_path(text::log_softmax_rows(scores, head.width()), well_formed(head.labels));
  std::vector<std::string> labels;
  for (const i64 label : path) labels.push_back(head.labels[static_cast<std::size_t>(label)]);
  return spans_of_labels(labels);
}

double span_probability(const TokenHead& head, const HeadLogits& logits, const LabelledSpan& span) {
  double sum = 0.0;
  for (i64 i = span.begin; i < span.end; ++i) {
    const std::vector<float> p =
        text::softmax(columns_of(head, logits, logits.rows[static_cast<std::size_t>(i)]));
    const auto label = std::ranges::find(head.labels, (i == span.begin ? "B-" : "I-") + span.type);
    if (label != head.labels.end())
      sum += static_cast<double>(p[static_cast<std::size_t>(label - head.labels.begin())]);
  }
  return sum / static_cast<double>(span.end - span.begin);
}

bool continues_word(const text::Tokenizer& tokenizer, i64 id) {
  return tokenizer.marks_continuation() && tokenizer.token_text(id).value_or("").starts_with("##");
}

}  // namespace medlar::runtime
