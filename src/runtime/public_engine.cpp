// include/medlar/engine.h over the runtime. Errors leave as EngineError here and nowhere else.
#include <mutex>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "medlar/engine.h"
#include "runtime/encoder_runs.h"
#include "runtime/engine.h"
#include "runtime/model_files.h"
#include "runtime/public_errors.h"
#include "runtime/text_runs.h"
#include "text/unicode.h"

namespace medlar {
namespace {

runtime::RunnerOptions runner_options(const EngineOptions& options) {
  constexpr i64 most_threads = 1024;
  if (options.threads < 0 || options.threads > most_threads) {
    fail(ErrorCode::invalid_argument, "threads must be 0 (all processors) to {}, not {}",
         most_threads, options.threads);
  }
  if (options.step_tokens < 1) {
    fail(ErrorCode::invalid_argument, "step_tokens must be at least 1, not {}",
         options.step_tokens);
  }
  return {.isa = options.isa,
          .threads = options.threads > 0 ? options.threads : available_processors()};
}

text::EncodeOptions encode_options(const TokenizeOptions& options) {
  return {
      .special_tokens = options.add_special ? text::SpecialTokens::add : text::SpecialTokens::none,
      .special_text = options.parse_special ? text::SpecialText::parse : text::SpecialText::plain};
}

}  // namespace

struct Engine::Parts {
  Parts(const std::filesystem::path& model, const EngineOptions& options)
      : step_tokens(options.step_tokens),
        checkpoint(formats::open_checkpoint(model)),
        tokenizer(runtime::tokenizer_of(model)),
        comm(comm::solo()),
        runner(checkpoint, *comm, runner_options(options)) {}

  i64 step_tokens;
  formats::Checkpoint checkpoint;
  text::Tokenizer tokenizer;
  std::unique_ptr<comm::Comm> comm;
  std::mutex running;  ///< held while the runner works
  runtime::Runner runner;
};

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Engine Engine::open(const std::filesystem::path& model, const EngineOptions& options) {
  return translated([&] { return Engine(std::make_unique<Parts>(model, options)); });
}

std::string Engine::generate(std::string_view prompt, const GenerateOptions& options,
                             const OnText& on_text) {
  return translated([&] {
    Parts& parts = *parts_;
    const std::vector<i64> ids =
        parts.tokenizer
            .encode(prompt,
                    encode_options({.add_special = true, .parse_special = options.parse_special}))
            .ids;
    constexpr i64 most_tokens = i64{1} << 24;
    if (options.max_tokens < 1 || options.max_tokens > most_tokens) {
      fail(ErrorCode::invalid_argument, "max_tokens must be 1 to {}, not {}", most_tokens,
           options.max_tokens);
    }
    const std::lock_guard lock(parts.running);
    const runtime::GenerateRequest request = {
        .prompt = ids,
        .max_tokens = options.max_tokens,
        .sampling = {.temperature = options.temperature,
                     .top_k = options.top_k,
                     .top_p = options.top_p,
                     .seed = options.seed},
        .stop_ids = runtime::stop_ids(parts.tokenizer, parts.checkpoint, parts.runner.config())};
    return runtime::continue_prompt(parts.runner, parts.tokenizer, request,
                                    {.step_tokens = parts.step_tokens, .on_text = on_text})
        .text;
  });
}

std::vector<Token> Engine::tokenize(std::string_view text, const TokenizeOptions& options) const {
  return translated([&] {
    const text::Encoding encoding = parts_->tokenizer.encode(text, encode_options(options));
    std::vector<Token> tokens;
    tokens.reserve(encoding.ids.size());
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      tokens.push_back({.id = encoding.ids[i],
                        .begin = encoding.offsets[i].begin,
                        .end = encoding.offsets[i].end});
    }
    return tokens;
  });
}

std::string Engine::detokenize(const std::vector<std::int64_t>& ids) const {
  return translated([&] { return parts_->tokenizer.decode(ids); });
}

std::vector<std::vector<float>> Engine::embed(const std::vector<std::string>& texts,
                                              const EmbedOptions& options) {
  return translated([&] {
    const runtime::EmbedOptions how = {
        .pooling = options.pooling == Pooling::cls ? runtime::Pooling::cls : runtime::Pooling::mean,
        .normalise = options.normalise ? runtime::Normalise::yes : runtime::Normalise::no};
    const std::lock_guard lock(parts_->running);
    return runtime::embed(parts_->runner, parts_->tokenizer, texts, how).rows;
  });
}

std::vector<Entity> Engine::entities(std::string_view text, const std::string& aggregation) {
  return translated([&] {
    const runtime::EntityRequest request = {.aggregation = text::aggregation_named(aggregation)};
    text::check_utf8(text);
    const std::lock_guard lock(parts_->running);
    std::vector<Entity> entities;
    for (text::Entity& found :
         runtime::find_entities(parts_->runner, parts_->tokenizer, std::string(text), request)) {
      entities.push_back({.begin = found.range.begin,
                          .end = found.range.end,
                          .label = std::move(found.label),
                          .score = found.score});
    }
    return entities;
  });
}

ModelInfo Engine::info() const {
  const models::ModelFacts facts = parts_->runner.facts();
  return {.family = std::string(parts_->runner.family().name),
          .generates = facts.generates,
          .context = facts.context,
          .vocabulary = facts.vocabulary,
          .layers = facts.layers,
          .dimensions = facts.hidden,
          .weight_bytes = parts_->runner.weight_bytes()};
}

}  // namespace medlar
