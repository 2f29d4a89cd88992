#include "text/viterbi.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "text/entities.h"

namespace medlar::text {
namespace {

using Tag = SpanLabels::Tag;
using Class = SpanLabels::Class;

// So low that no allowed path loses against one that is not, and finite, so that labels which allow
// no path at all still give the one that breaks the fewest rules (openmed,
// core/decoding/viterbi.py).
constexpr double forbidden = -1e9;

Tag tag_named(char letter) {
  switch (letter) {
    case 'B':
      return Tag::begin;
    case 'I':
      return Tag::inside;
    case 'E':
      return Tag::end;
    case 'S':
      return Tag::single;
    default:
      return Tag::outside;
  }
}

bool starts_span(Tag tag) { return tag == Tag::begin || tag == Tag::single; }
bool may_start(Tag tag) { return tag == Tag::outside || starts_span(tag); }
bool may_end(Tag tag) { return tag == Tag::outside || tag == Tag::end || tag == Tag::single; }

/// The bias of a transition.
double transition(const Class& from, const Class& to, const TransitionBiases& biases) {
  if (from.tag == Tag::begin || from.tag == Tag::inside) {
    if (from.type != to.type) return forbidden;
    if (to.tag == Tag::inside) return biases.inside_to_continue;
    return to.tag == Tag::end ? biases.inside_to_end : forbidden;
  }
  const bool from_outside = from.tag == Tag::outside;
  if (to.tag == Tag::outside)
    return from_outside ? biases.background_stay : biases.end_to_background;
  if (!starts_span(to.tag)) return forbidden;
  return from_outside ? biases.background_to_start : biases.end_to_start;
}

/// [L, L]: from, to.
std::vector<double> transition_table(const std::vector<Class>& classes,
                                     const TransitionBiases& biases) {
  std::vector<double> table;
  table.reserve(classes.size() * classes.size());
  for (const Class& from : classes) {
    for (const Class& to : classes) table.push_back(transition(from, to, biases));
  }
  return table;
}

std::vector<i64> best_of_each(std::span<const float> scores, std::size_t width) {
  std::vector<i64> path;
  for (std::size_t at = 0; at < scores.size(); at += width) {
    const std::span<const float> row = scores.subspan(at, width);
    path.push_back(std::ranges::max_element(row) - row.begin());
  }
  return path;
}

}  // namespace

TransitionBiases transition_biases_from_json(const Json& calibration, const std::string& point) {
  const Json::json_pointer place = Json::json_pointer("/operating_points") / point / "biases";
  if (!calibration.is_object() || !calibration.contains(place) || !calibration[place].is_object()) {
    fail(ErrorCode::invalid_argument, "the calibration has no operating point '{}' with biases",
         point);
  }
  const Json& biases = calibration[place];
  const auto read = [&](const std::string& name) {
    const auto found = biases.find("transition_bias_" + name);
    if (found == biases.end() || found->is_null()) return 0.0;
    if (!found->is_number() || !std::isfinite(found->get<double>()))
      fail(ErrorCode::corrupt_file, "the calibration's transition_bias_{} is no finite number",
           name);
    return found->get<double>();
  };
  return {.background_stay = read("background_stay"),
          .background_to_start = read("background_to_start"),
          .inside_to_continue = read("inside_to_continue"),
          .inside_to_end = read("inside_to_end"),
          .end_to_background = read("end_to_background"),
          .end_to_start = read("end_to_start")};
}

SpanLabels::SpanLabels(std::span<const std::string> labels) {
  for (const std::string& label : labels) {
    if (label == "O") {
      classes_.emplace_back();
      continue;
    }
    const bool has_prefix =
        label.size() > 2 && label[1] == '-' && tag_named(label[0]) != Tag::outside;
    const std::string type = has_prefix ? label.substr(2) : label;
    auto found = std::ranges::find(types_, type);
    if (found == types_.end()) found = types_.insert(types_.end(), type);
    classes_.push_back(
        {.tag = has_prefix ? tag_named(label[0]) : Tag::begin, .type = found - types_.begin()});
  }
}

bool SpanLabels::is_bioes() const {
  return std::ranges::all_of(
      std::array{Tag::begin, Tag::inside, Tag::end, Tag::single},
      [this](Tag tag) { return std::ranges::find(classes_, tag, &Class::tag) != classes_.end(); });
}

std::vector<i64> viterbi_path(std::span<const float> log_probabilities, const SpanLabels& labels,
                              const TransitionBiases& biases) {
  const std::vector<Class>& classes = labels.classes();
  const std::size_t width = classes.size();
  if (width == 0 || log_probabilities.size() % width != 0) {
    fail(ErrorCode::shape_mismatch, "{} scores are no rows of {} labels", log_probabilities.size(),
         width);
  }
  const std::size_t count = log_probabilities.size() / width;
  if (count == 0) return {};
  const std::vector<double> table = transition_table(classes, biases);
  std::vector<double> best(width);
  for (std::size_t k = 0; k < width; ++k)
    best[k] =
        static_cast<double>(log_probabilities[k]) + (may_start(classes[k].tag) ? 0.0 : forbidden);
  std::vector<i64> previous(count * width, 0);
  for (std::size_t t = 1; t < count; ++t) {
    std::vector<double> next(width, -std::numeric_limits<double>::infinity());
    for (std::size_t to = 0; to < width; ++to) {
      for (std::size_t from = 0; from < width; ++from) {
        const double score = best[from] + table[from * width + to];
        if (score <= next[to]) continue;
        next[to] = score;
        previous[t * width + to] = static_cast<i64>(from);
      }
      next[to] += static_cast<double>(log_probabilities[t * width + to]);
    }
    best = std::move(next);
  }
  for (std::size_t k = 0; k < width; ++k) {
    if (!may_end(classes[k].tag)) best[k] += forbidden;
  }
  const auto last = std::ranges::max_element(best);
  if (!std::isfinite(*last)) return best_of_each(log_probabilities, width);
  std::vector<i64> path(count);
  path.back() = last - best.begin();
  for (std::size_t t = count - 1; t > 0; --t)
    path[t - 1] = previous[t * width + static_cast<std::size_t>(path[t])];
  return path;
}

std::vector<float> log_softmax_rows(std::span<const float> logits, i64 width) {
  std::vector<float> result(logits.size());
  const auto row_size = static_cast<std::size_t>(width);
  for (std::size_t at = 0; at + row_size <= logits.size(); at += row_size) {
    const std::span<const float> row = logits.subspan(at, row_size);
    const float top = *std::ranges::max_element(row);
    double total = 0.0;
    for (const float x : row) total += std::exp(static_cast<double>(x) - static_cast<double>(top));
    for (std::size_t k = 0; k < row_size; ++k) {
      result[at + k] = static_cast<float>(static_cast<double>(row[k]) - static_cast<double>(top) -
                                          std::log(total));
    }
  }
  return result;
}

double span_score(std::span<const float> logits, std::span<const i64> path, const TokenSpan& span,
                  i64 width) {
  double total = 0.0;
  for (i64 t = span.begin; t < span.end; ++t) {
    const auto row = static_cast<std::size_t>(t * width);
    const auto chosen = static_cast<std::size_t>(path[static_cast<std::size_t>(t)]);
    total +=
        static_cast<double>(softmax(logits.subspan(row, static_cast<std::size_t>(width)))[chosen]);
  }
  return total / static_cast<double>(span.end - span.begin);
}

std::vector<TokenSpan> spans_of(std::span<const i64> path, const SpanLabels& labels) {
  std::vector<TokenSpan> spans;
  bool is_open = false;
  for (i64 t = 0; t < ssize_of(path); ++t) {
    const Class& label =
        labels.classes()[static_cast<std::size_t>(path[static_cast<std::size_t>(t)])];
    if (label.tag == Tag::outside) {
      is_open = false;
      continue;
    }
    const bool goes_on = is_open && !starts_span(label.tag) && spans.back().type == label.type;
    if (!goes_on) spans.push_back({.type = label.type, .begin = t, .end = t});
    spans.back().end = t + 1;
    is_open = label.tag == Tag::begin || label.tag == Tag::inside;
  }
  return spans;
}

}  // namespace medlar::text
