#include "runtime/encoder_runs.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <tuple>

#include "base/error.h"
#include "models/config.h"
#include "runtime/head_decoding.h"
#include "text/unicode.h"

namespace medlar::runtime {
namespace {

constexpr i64 batch_tokens = 4096;

/// What the model is told of segments: nothing where it knows but one.
TokenInput input_of(const Runner& runner, const text::Encoding& window) {
  const Json& config = runner.config();
  const auto types = config.find("type_vocab_size");
  const bool has_types = types != config.end() && types->is_number_integer() && *types > 1;
  return {
      .ids = window.ids,
      .token_types = has_types ? std::span<const i64>(window.type_ids) : std::span<const i64>()};
}

/// Calls `visit(window, outputs, first row)` for each window, run in batches.
template <typename Visit>
void run_windows(Runner& runner, const std::vector<text::Encoding>& windows,
                 const OnProgress& progress, const Visit& visit) {
  for (std::size_t next = 0; next < windows.size();) {
    progress(static_cast<i64>(next), ssize_of(windows));
    std::vector<TokenInput> batch;
    std::vector<i64> starts = {0};
    const std::size_t first = next;
    while (next < windows.size() &&
           (batch.empty() || starts.back() + ssize_of(windows[next].ids) <= batch_tokens)) {
      batch.push_back(input_of(runner, windows[next]));
      starts.push_back(starts.back() + ssize_of(windows[next].ids));
      ++next;
    }
    const models::Outputs outputs = runner.run(batch);
    for (std::size_t i = 0; i < batch.size(); ++i) visit(windows[first + i], outputs, starts[i]);
  }
}

std::span<const float> rows_of(const models::Output& output, i64 first, i64 count) {
  const i64 width = output.value.size(1);
  return output.value.values().subspan(static_cast<std::size_t>(first * width),
                                       static_cast<std::size_t>(count * width));
}

[[noreturn]] void fail_head(const Runner& runner, std::string_view wanted) {
  fail(ErrorCode::unsupported, "this needs a model that {}; {} is not one", wanted,
       models::architecture(runner.config()).empty() ? std::string(runner.family().name)
                                                     : models::architecture(runner.config()));
}

std::vector<std::string> labels_of(const Runner& runner, std::string_view suffix,
                                   std::string_view wanted) {
  const std::string name = models::architecture(runner.config());
  const bool fits = name.empty() || name.ends_with(suffix);
  std::vector<std::string> labels = models::label_names(runner.config());
  if (runner.facts().generates || !fits || labels.empty()) fail_head(runner, wanted);
  return labels;
}

void check_width(const Runner& runner, const models::Output& output, models::Per per, i64 width,
                 std::string_view wanted) {
  if (output.name != "logits" || output.per != per || output.value.size(1) != width)
    fail_head(runner, wanted);
}

/// Tokens of a window where nobody says: as long as the sequences that the model learnt from.
i64 usual_window(const Runner& runner) {
  const auto learnt = runner.config().find("medlar_window");
  const bool known = learnt != runner.config().end() && learnt->is_number_integer() && *learnt > 2;
  return std::min(runner.facts().context, known ? learnt->get<i64>() : 512);
}

/// The request with its window and stride settled for the model.
EntityRequest sized(EntityRequest request, const Runner& runner) {
  const i64 context = runner.facts().context;
  if (request.window <= 0) request.window = usual_window(runner);
  if (request.stride < 0) request.stride = request.window / 4;
  if (request.window > context) {
    fail(ErrorCode::invalid_argument, "windows of {} tokens: the model takes {}", request.window,
         context);
  }
  return request;
}

/// The range without white space at its ends, whole characters.
text::ByteRange tidy(std::string_view text, text::ByteRange range) {
  const auto is_inside = [&](i64 at) {
    return at < ssize_of(text) &&
           (static_cast<u8>(text[static_cast<std::size_t>(at)]) & 0xc0u) == 0x80u;
  };
  while (range.begin > 0 && is_inside(range.begin)) --range.begin;
  while (is_inside(range.end)) ++range.end;
  const auto is_space = [&](i64 at) {
    return std::string_view(" \t\r\n").find(text[static_cast<std::size_t>(at)]) !=
           std::string_view::npos;
  };
  while (range.begin < range.end && is_space(range.begin)) ++range.begin;
  while (range.begin < range.end && is_space(range.end - 1)) --range.end;
  return range;
}

/// All tokens of a text once, each with the scores of the window in which it has most neighbours.
struct Stitched {
  std::vector<text::ByteRange> ranges;
  std::vector<float> logits;  ///< [T, L]
  std::vector<i64> margin;    ///< distance to the nearer end of the window the scores are from

  /// Rows of one window; its first token is the `first`th of the text.
  void add(i64 first, std::span<const text::ByteRange> offsets, std::span<const float> rows,
           i64 width) {
    const i64 count = ssize_of(offsets);
    for (i64 i = 0; i < count; ++i) {
      const auto at = static_cast<std::size_t>(first + i);
      const i64 here = std::min(i, count - 1 - i);
      if (at >= ranges.size()) {
        ranges.push_back(offsets[static_cast<std::size_t>(i)]);
        margin.push_back(-1);
        logits.resize(logits.size() + static_cast<std::size_t>(width));
      }
      if (here <= margin[at]) continue;
      margin[at] = here;
      std::ranges::copy(
          rows.subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width)),
          logits.begin() + static_cast<std::ptrdiff_t>(at) * width);
    }
  }
};

std::vector<text::Entity> entities_of_path(std::string_view text, const Stitched& tokens,
                                           const text::SpanLabels& labels,
                                           const EntityRequest& request) {
  const i64 width = ssize_of(labels.classes());
  const std::vector<i64> path =
      text::viterbi_path(text::log_softmax_rows(tokens.logits, width), labels, request.biases);
  std::vector<text::Entity> entities;
  for (const text::TokenSpan& span : text::spans_of(path, labels)) {
    const std::string& type = labels.types()[static_cast<std::size_t>(span.type)];
    if (std::ranges::find(request.ignored, type) != request.ignored.end()) continue;
    const text::ByteRange range =
        tidy(text, {tokens.ranges[static_cast<std::size_t>(span.begin)].begin,
                    tokens.ranges[static_cast<std::size_t>(span.end - 1)].end});
    entities.push_back(
        {.label = type,
         .score = static_cast<float>(text::span_score(tokens.logits, path, span, width)),
         .index = -1,
         .word = std::string(text.substr(static_cast<std::size_t>(range.begin),
                                         static_cast<std::size_t>(range.size()))),
         .range = range});
  }
  return entities;
}

std::vector<text::Entity> by_viterbi(Runner& runner, const std::vector<text::Encoding>& windows,
                                     const std::string& text, const EntityRequest& request,
                                     const OnProgress& progress) {
  const std::vector<std::string> names = models::label_names(runner.config());
  const text::SpanLabels labels(names);
  if (!labels.is_bioes())
    fail(ErrorCode::unsupported,
         "viterbi needs labels of the kind B-, I-, E-, S-; this model has others");
  const i64 stride = request.stride;
  Stitched tokens;
  i64 first = 0;
  run_windows(
      runner, windows, progress,
      [&](const text::Encoding& window, const models::Outputs& outputs, i64 row) {
        check_width(runner, outputs.front(), models::Per::token, ssize_of(names), "labels tokens");
        const i64 begin = std::ranges::find(window.sequences, 0) - window.sequences.begin();
        const i64 count = std::ranges::count(window.sequences, 0);
        tokens.add(first,
                   std::span(window.offsets)
                       .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count)),
                   rows_of(outputs.front(), row + begin, count), ssize_of(names));
        first += count - stride;
      });
  return entities_of_path(text, tokens, labels, request);
}

/// Rows of a window's tokens that begin a word.
std::vector<i64> word_starts(const text::Tokenizer& tokenizer, const text::Encoding& window) {
  std::vector<i64> tokens;
  for (i64 t = 0; t < ssize_of(window.ids); ++t) {
    const auto at = static_cast<std::size_t>(t);
    if (window.sequences[at] == 0 && !continues_word(tokenizer, window.ids[at]))
      tokens.push_back(t);
  }
  return tokens;
}

/// What the heads find in one window, words labelled by their first token.
void add_entities_of_heads(const std::string& text, const text::Encoding& window,
                           const HeadLogits& logits, std::span<const TokenHead> heads,
                           std::map<std::string, std::vector<text::Entity>>& by_label) {
  for (const TokenHead& head : heads) {
    const std::vector<float> probabilities = label_probabilities(head, logits);
    for (const LabelledSpan& span : spans_of_head(head, logits)) {
      const i64 first = logits.rows[static_cast<std::size_t>(span.begin)] - logits.first_row;
      i64 last = logits.rows[static_cast<std::size_t>(span.end - 1)] - logits.first_row;
      const i64 next = span.end < ssize_of(logits.rows)
                           ? logits.rows[static_cast<std::size_t>(span.end)] - logits.first_row
                           : ssize_of(window.ids);
      while (last + 1 < next && window.sequences[static_cast<std::size_t>(last + 1)] == 0) ++last;
      const text::ByteRange range =
          tidy(text, {window.offsets[static_cast<std::size_t>(first)].begin,
                      window.offsets[static_cast<std::size_t>(last)].end});
      if (range.size() == 0) continue;
      by_label[span.type].push_back(
          {.label = span.type,
           .score = static_cast<float>(span_probability(head, probabilities, span)),
           .index = -1,
           .word = text.substr(static_cast<std::size_t>(range.begin),
                               static_cast<std::size_t>(range.size())),
           .range = range});
    }
  }
}

/// Entities of all heads. Those of one label are merged where they overlap, whichever window or
/// head they come from; those of different labels are all kept.
std::vector<text::Entity> by_heads(Runner& runner, const text::Tokenizer& tokenizer,
                                   const std::vector<text::Encoding>& windows,
                                   const std::string& text, const OnProgress& progress) {
  const i64 columns = ssize_of(models::label_names(runner.config()));
  const std::vector<TokenHead> heads = token_heads(runner.config(), columns);
  std::map<std::string, std::vector<text::Entity>> by_label;
  run_windows(runner, windows, progress,
              [&](const text::Encoding& window, const models::Outputs& outputs, i64 row) {
                check_width(runner, outputs.front(), models::Per::token, columns, "labels tokens");
                HeadLogits logits = {.values = outputs.front().value.values(),
                                     .columns = columns,
                                     .rows = word_starts(tokenizer, window),
                                     .first_row = row};
                for (i64& at : logits.rows) at += row;
                add_entities_of_heads(text, window, logits, heads, by_label);
              });
  std::vector<text::Entity> entities;
  for (auto& [label, found] : by_label) {
    for (text::Entity& entity : text::merge_windows(text, std::move(found)))
      entities.push_back(std::move(entity));
  }
  std::ranges::sort(entities, {}, [](const text::Entity& entity) {
    return std::tuple(entity.range.begin, entity.range.end, std::string_view(entity.label));
  });
  return entities;
}

std::vector<float> label_scores(const Json& config, std::span<const float> logits) {
  const std::string problem = models::ConfigReader(config).text_or("problem_type", "");
  if (problem == "regression") return {logits.begin(), logits.end()};
  if (problem != "multi_label_classification" && logits.size() > 1) return text::softmax(logits);
  std::vector<float> scores;
  for (const float x : logits) scores.push_back(1.0F / (1.0F + std::exp(-x)));
  return scores;
}

/// Places of the k highest, highest first, the lower place of equals first, NaN last.
std::vector<std::size_t> top_places(std::span<const float> values, i64 k) {
  const auto key = [&](std::size_t place) {
    return std::isnan(values[place]) ? -INFINITY : values[place];
  };
  std::vector<std::size_t> places(values.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  const auto count = std::min(values.size(), static_cast<std::size_t>(k));
  std::ranges::partial_sort(
      places, places.begin() + static_cast<std::ptrdiff_t>(count),
      [&](std::size_t a, std::size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  places.resize(count);
  return places;
}

const models::Output& output_named(const Runner& runner, const models::Outputs& outputs,
                                   std::string_view name, std::string_view wanted) {
  const auto found = std::ranges::find(outputs, name, &models::Output::name);
  if (found == outputs.end()) fail_head(runner, wanted);
  return *found;
}

}  // namespace

std::vector<text::Entity> find_entities(Runner& runner, const text::Tokenizer& tokenizer,
                                        const std::string& text, const EntityRequest& asked,
                                        const OnProgress& progress) {
  const std::vector<std::string> labels =
      labels_of(runner, "ForTokenClassification", "labels tokens");
  const EntityRequest request = sized(asked, runner);
  const std::vector<text::Encoding> windows =
      tokenizer.windows(text, request.window, request.stride);
  if (runner.config().contains("medlar_heads")) {
    std::vector<text::Entity> entities = by_heads(runner, tokenizer, windows, text, progress);
    std::erase_if(entities, [&](const text::Entity& entity) {
      return std::ranges::find(request.ignored, entity.label) != request.ignored.end();
    });
    return entities;
  }
  if (request.decoding == SpanDecoding::viterbi)
    return by_viterbi(runner, windows, text, request, progress);
  const text::EntityOptions options = {
      .aggregation = request.aggregation, .labels = labels, .ignored = request.ignored};
  const text::WordForm form = text::word_form_of(tokenizer);
  std::vector<text::Entity> entities;
  run_windows(runner, windows, progress,
              [&](const text::Encoding& window, const models::Outputs& outputs, i64 row) {
                check_width(runner, outputs.front(), models::Per::token, ssize_of(labels),
                            "labels tokens");
                const std::vector<text::ScoredToken> tokens = text::scored_tokens(
                    tokenizer, window, rows_of(outputs.front(), row, ssize_of(window.ids)),
                    ssize_of(labels));
                for (text::Entity& entity : text::entities_of(text, tokens, options, form))
                  entities.push_back(std::move(entity));
              });
  if (windows.size() == 1) return entities;
  // A token without characters stands for nothing, and would never overlap its double.
  std::erase_if(entities, [](const text::Entity& entity) { return entity.range.size() == 0; });
  return text::merge_windows(text, std::move(entities));
}

Classification classify(Runner& runner, const text::Tokenizer& tokenizer, const std::string& text) {
  const std::vector<std::string> labels =
      labels_of(runner, "ForSequenceClassification", "labels texts");
  const std::vector<text::Encoding> windows = tokenizer.windows(text, runner.facts().context, 0);
  const TokenInput input = input_of(runner, windows.front());
  const models::Outputs outputs = runner.run({&input, 1});
  check_width(runner, outputs.front(), models::Per::sequence, ssize_of(labels), "labels texts");
  const std::vector<float> scores = label_scores(runner.config(), outputs.front().value.values());
  Classification result = {.scores = {}, .truncated = windows.size() > 1};
  for (const std::size_t place : top_places(scores, ssize_of(scores)))
    result.scores.push_back({.label = labels[place], .score = scores[place]});
  return result;
}

Answers answer_question(Runner& runner, const text::Tokenizer& tokenizer,
                        const QuestionRequest& request, const OnProgress& progress) {
  constexpr std::string_view wanted = "answers questions";
  const std::string name = models::architecture(runner.config());
  if (runner.facts().generates || (!name.empty() && !name.ends_with("ForQuestionAnswering")))
    fail_head(runner, wanted);
  const i64 window = std::min(request.window, runner.facts().context);
  const std::vector<text::Encoding> windows = text::question_windows(
      tokenizer, request.question, request.context, window, std::min(request.stride, window / 2));
  Answers answers = {.spans = {}, .no_answer = 1.0F};
  run_windows(
      runner, windows, progress,
      [&](const text::Encoding& one, const models::Outputs& outputs, i64 row) {
        const i64 count = ssize_of(one.ids);
        const auto start =
            rows_of(output_named(runner, outputs, "start_logits", wanted), row, count);
        const auto end = rows_of(output_named(runner, outputs, "end_logits", wanted), row, count);
        answers.no_answer = std::min(answers.no_answer, text::no_answer_score(one, start, end));
        for (const text::AnswerSpan& span :
             text::answer_spans(tokenizer, request.context, one, start, end, request.answers)) {
          answers.spans.push_back(span);
        }
      });
  answers.spans = text::best_answers(std::move(answers.spans), request.answers.top_k);
  return answers;
}

std::vector<std::vector<MaskFill>> fill_masks(Runner& runner, const text::Tokenizer& tokenizer,
                                              const text::Encoding& text, i64 top_k) {
  constexpr std::string_view wanted = "fills masks";
  const std::optional<i64> mask = tokenizer.special_ids().mask;
  if (!mask || runner.facts().generates) fail_head(runner, wanted);
  const i64 count = std::ranges::count(text.ids, *mask);
  if (count == 0) {
    fail(ErrorCode::invalid_argument, "the text has no {}",
         tokenizer.token_text(*mask).value_or("mask"));
  }
  const TokenInput input = input_of(runner, text);
  const models::Outputs outputs = runner.run({&input, 1});
  const models::Output& output = outputs.front();
  const bool fits = (output.name == "logits" || output.name == "prediction_logits") &&
                    output.per == models::Per::token &&
                    output.value.size(1) == runner.facts().vocabulary;
  if (!fits) fail_head(runner, wanted);
  std::vector<std::vector<MaskFill>> fills;
  for (i64 t = 0; t < ssize_of(text.ids); ++t) {
    if (text.ids[static_cast<std::size_t>(t)] != *mask) continue;
    const std::vector<float> scores = text::softmax(rows_of(output, t, 1));
    fills.emplace_back();
    for (const std::size_t place : top_places(scores, top_k))
      fills.back().push_back({.id = static_cast<i64>(place), .score = scores[place]});
  }
  return fills;
}

}  // namespace medlar::runtime
