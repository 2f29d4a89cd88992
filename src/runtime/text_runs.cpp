#include "runtime/text_runs.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace medlar::runtime {
Continuation continue_prompt(Runner& runner, const text::Tokenizer& tokenizer,
                             const GenerateRequest& request, const ContinueOptions& options) {
  if (request.prompt.empty()) {
    fail(ErrorCode::invalid_argument, "the prompt has no tokens, and the tokenizer adds none");
  }
  Engine engine(runner, {.cache_tokens = ssize_of(request.prompt) + request.max_tokens,
                         .step_tokens = options.step_tokens,
                         .sequences = 1});
  engine.submit(request);
  Continuation result;
  const auto goes_on = [&](const std::string& piece) {
    result.text += piece;
    return piece.empty() || !options.on_text || options.on_text(piece);
  };
  text::StreamDecoder stream(tokenizer);
  // The decoder joins tokens as a whole text would: after the prompt, a leading space is a space.
  for (const i64 id : request.prompt) stream.push(id);
  while (!engine.idle()) {
    options.between();
    for (const TokenEvent& event : engine.step()) {
      result.finish = event.finish;
      if (event.finish == Finish::stop) continue;
      result.ids.push_back(event.id);
      if (options.on_token) options.on_token(event.id);
      const std::optional<std::string> piece = stream.push(event.id);
      if (piece && !goes_on(*piece)) {
        result.finish = Finish::none;
        return result;
      }
    }
  }
  goes_on(stream.finish());
  return result;
}

double negative_log_likelihood(std::span<const float> row, i64 target) {
  const double highest = static_cast<double>(*std::ranges::max_element(row));
  double total = 0.0;
  for (const float x : row) total += std::exp(static_cast<double>(x) - highest);
  return highest + std::log(total) - static_cast<double>(row[static_cast<std::size_t>(target)]);
}

double Perplexity::value() const { return std::exp(nll / static_cast<double>(predicted)); }

std::vector<std::vector<i64>> causal_windows(const text::Tokenizer& tokenizer,
                                             const std::string& text, i64 context) {
  std::vector<i64> first = tokenizer.encode("", {.special_tokens = text::SpecialTokens::add}).ids;
  if (first.size() > 1) first.resize(1);
  const std::vector<i64> tokens = tokenizer.encode(text).ids;
  const i64 per_window = context - ssize_of(first);
  if (ssize_of(tokens) + ssize_of(first) < 2 || per_window < 1) {
    fail(ErrorCode::invalid_argument, "this needs a text and a context of at least two tokens");
  }
  std::vector<std::vector<i64>> windows;
  for (i64 begin = 0; begin < ssize_of(tokens); begin += per_window) {
    const i64 end = std::min(begin + per_window, ssize_of(tokens));
    std::vector<i64> window = first;
    window.insert(window.end(), tokens.begin() + begin, tokens.begin() + end);
    if (window.size() > 1) windows.push_back(std::move(window));
  }
  return windows;
}

Perplexity perplexity(Runner& runner, const text::Tokenizer& tokenizer, const std::string& text,
                      i64 context, const OnProgress& progress) {
  if (!runner.facts().generates)
    fail(ErrorCode::unsupported, "perplexity needs a model that predicts tokens");
  const std::vector<std::vector<i64>> windows = causal_windows(tokenizer, text, context);
  Perplexity result;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    progress(static_cast<i64>(w), ssize_of(windows));
    const std::vector<i64>& window = windows[w];
    const TokenInput input = {.ids = window, .token_types = {}};
    const models::Outputs outputs = runner.run({&input, 1});
    const Tensor& logits = outputs.front().value;
    const auto width = static_cast<std::size_t>(logits.size(1));
    for (std::size_t i = 0; i + 1 < window.size(); ++i) {
      result.nll +=
          negative_log_likelihood(logits.values().subspan(i * width, width), window[i + 1]);
      ++result.predicted;
    }
  }
  return result;
}

Embeddings embed(Runner& runner, const text::Tokenizer& tokenizer,
                 const std::vector<std::string>& texts, const EmbedOptions& options,
                 const OnProgress& progress) {
  Embeddings result;
  const i64 context = runner.facts().context;
  std::vector<std::vector<i64>> ids;
  for (const std::string& text : texts) {
    ids.push_back(tokenizer.encode(text, {.special_tokens = text::SpecialTokens::add}).ids);
    if (ssize_of(ids.back()) > context) {
      ids.back() = tokenizer.windows(text, context, 0).front().ids;
      ++result.truncated;
    }
  }
  for (std::size_t next = 0; next < ids.size();) {
    progress(static_cast<i64>(next), ssize_of(ids));
    std::vector<TokenInput> batch;
    std::vector<i64> starts = {0};
    while (next < ids.size() &&
           (batch.empty() || starts.back() + ssize_of(ids[next]) <= options.batch_tokens)) {
      batch.push_back({.ids = ids[next], .token_types = {}});
      starts.push_back(starts.back() + ssize_of(ids[next]));
      ++next;
    }
    const models::Outputs outputs = runner.run(batch);
    if (outputs.front().name != "last_hidden_state") {
      fail(ErrorCode::unsupported,
           "this {} model has a task head; embeddings need the bare encoder", runner.family().name);
    }
    ops::Context ctx = runner.context();
    const Tensor& hidden = outputs.front().value;
    const std::span<const i64> firsts(starts.data(), starts.size() - 1);
    Tensor pooled =
        options.pooling == Pooling::mean
            ? ops::mean_rows(ctx, hidden, starts)
            : ops::gather_rows(ctx, hidden, Tensor::of(ctx.pool, {ssize_of(firsts)}, firsts));
    if (options.normalise == Normalise::yes) pooled = ops::l2_normalise(ctx, pooled);
    result.dimensions = pooled.size(1);
    for (i64 row = 0; row < pooled.size(0); ++row) {
      const float* from = pooled.f32() + row * pooled.size(1);
      result.rows.emplace_back(from, from + pooled.size(1));
    }
  }
  return result;
}

}  // namespace medlar::runtime
