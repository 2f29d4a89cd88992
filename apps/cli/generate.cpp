// medlar generate, perplexity, embed: what a model says, how well it predicts, what a text means to
// it.
#include <unistd.h>

#include <memory>

#include "runtime/engine.h"
#include "runtime/model_files.h"
#include "runtime/picture_prompt.h"
#include "runtime/text_runs.h"
#include "session.h"

namespace medlar::cli {
namespace {

struct GenerateOptions {
  std::string model;
  std::string prompt;
  i64 max_tokens = 256;
  runtime::SamplingParameters sampling;
  bool parse_special = false;
  std::vector<std::string> images;
  MachineOptions machine;
};

std::vector<formats::Picture> pictures_of(const GenerateOptions& options) {
  std::vector<formats::Picture> pictures;
  for (const std::string& image : options.images) pictures.push_back(formats::read_picture(image));
  return pictures;
}

Result generate(const GenerateOptions& options, const Console& console) {
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  const auto special_text =
      options.parse_special ? text::SpecialText::parse : text::SpecialText::plain;
  const std::vector<i64> prompt =
      tokenizer
          .encode(options.prompt,
                  {.special_tokens = text::SpecialTokens::add, .special_text = special_text})
          .ids;
  const std::vector<formats::Picture> pictures = pictures_of(options);
  Result result;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint& checkpoint, i64 rank) {
               runtime::GenerateRequest request = {
                   .prompt = prompt,
                   .max_tokens = options.max_tokens,
                   .sampling = options.sampling,
                   .stop_ids = runtime::stop_ids(tokenizer, checkpoint, runner.config())};
               if (!pictures.empty()) {
                 runtime::PicturePrompt asked = runtime::picture_prompt(
                     runner, options.model, tokenizer, pictures, options.prompt);
                 request.prompt = std::move(asked.ids);
                 request.images = std::move(asked.images);
               }
               const auto show = [&](std::string_view piece) {
                 if (rank == 0) console.write(std::string(piece));
                 return true;
               };
               const runtime::Continuation continuation =
                   runtime::continue_prompt(runner, tokenizer, request,
                                            {.step_tokens = options.machine.chunk,
                                             .on_text = show,
                                             .between = stop_if_interrupted});
               if (rank == 0) {
                 result.data = {
                     {"text", continuation.text},
                     {"ids", continuation.ids},
                     {"prompt_tokens", request.prompt.size()},
                     {"finish", continuation.finish == runtime::Finish::stop ? "stop" : "length"}};
               }
             });
  // On a terminal the prompt of the shell wants a line of its own; a file gets the text and nothing
  // else.
  if (::isatty(STDOUT_FILENO) == 1) console.line("");
  return result;
}

struct PerplexityOptions {
  std::string model;
  std::string text;
  i64 context = 0;
  MachineOptions machine;
};

Result perplexity(const PerplexityOptions& options, const Console& console) {
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  std::string text = read_input(options.text);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  Result result;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               const i64 context = options.context > 0
                                       ? options.context
                                       : std::min(runner.facts().context, i64{2048});
               const runtime::Perplexity p = runtime::perplexity(
                   runner, tokenizer, text, context, progress_of(console, "reading", rank));
               if (rank != 0) return;
               result.data = {{"perplexity", p.value()},
                              {"nll", p.nll},
                              {"predicted_tokens", p.predicted},
                              {"context", context}};
             });
  console.line(
      fmt::format("perplexity {:.6f}  (nll {:.6f} over {} predicted tokens, context {})",
                  result.data["perplexity"].get<double>(), result.data["nll"].get<double>(),
                  result.data["predicted_tokens"].get<i64>(), result.data["context"].get<i64>()));
  return result;
}

struct EmbedOptions {
  std::string model;
  std::vector<std::string> texts;
  std::string file;
  runtime::EmbedOptions embed;
  bool raw = false;
  MachineOptions machine;
};

std::vector<std::string> texts_of(const EmbedOptions& options) {
  std::vector<std::string> texts = options.texts;
  if (!options.file.empty()) {
    for_each_line(options.file, [&](const std::string& line) {
      if (!line.empty()) texts.push_back(line);
    });
  }
  if (texts.empty())
    fail(ErrorCode::usage,
         "nothing to embed: give --text TEXT or a FILE with a text per line (- for stdin)");
  return texts;
}

Result embed(const EmbedOptions& options, const Console& console) {
  const std::vector<std::string> texts = texts_of(options);
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  runtime::EmbedOptions how = options.embed;
  how.normalise = options.raw ? runtime::Normalise::no : runtime::Normalise::yes;
  Result result;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               const runtime::Embeddings embeddings = runtime::embed(
                   runner, tokenizer, texts, how, progress_of(console, "embedding", rank));
               if (rank != 0) return;
               result.data = {{"dimensions", embeddings.dimensions},
                              {"truncated", embeddings.truncated},
                              {"embeddings", embeddings.rows}};
             });
  for (const Json& row : result.data["embeddings"]) console.line(row.dump());
  return result;
}

}  // namespace

Command add_generate(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("generate", "Continue a prompt; the text streams as it is decoded");
  const auto options = std::make_shared<GenerateOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--prompt", options->prompt, "Text to continue (default: the start of a text)");
  app->add_option("--image", options->images,
                  "A PNG or JPEG that the prompt asks about; may be repeated");
  app->add_option("--max-tokens", options->max_tokens, "Most tokens to generate")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  add_sampling(*app, options->sampling);
  app->add_flag("--parse-special", options->parse_special,
                "Recognise special tokens typed in the prompt");
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  options->machine.add_chunk(*app);
  options->machine.add_vision_weights(*app);
  options->machine.add_adapters(*app);
  app->footer(
      "Example: medlar generate models/stories260K --prompt 'Once upon a time' --max-tokens 50");
  return {app, [options](const Console& console) { return generate(*options, console); }};
}

Command add_perplexity(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "perplexity", "How well a model predicts a text: exp of the mean negative log-likelihood");
  const auto options = std::make_shared<PerplexityOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--text", options->text, "Text file, - for stdin")->required();
  app->add_option("--context", options->context,
                  "Tokens of each window (default: the model's, at most 2048)")
      ->check(CLI::Range(2, 1 << 24));
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  app->footer("Example: medlar perplexity models/stories260K --text story.txt");
  return {app, [options](const Console& console) { return perplexity(*options, console); }};
}

Command add_embed(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("embed", "Vectors of texts: mean of the last hidden states, of length 1");
  const auto options = std::make_shared<EmbedOptions>();
  app->add_option("model", options->model, "Encoder folder or file")->required();
  app->add_option("file", options->file, "A text per line, - for stdin");
  app->add_option("--text", options->texts, "A text; may be repeated");
  const std::map<std::string, runtime::Pooling> poolings = {{"mean", runtime::Pooling::mean},
                                                            {"cls", runtime::Pooling::cls}};
  app->add_option("--pooling", options->embed.pooling, "mean or cls")
      ->transform(CLI::CheckedTransformer(poolings));
  app->add_flag("--raw", options->raw, "Do not scale to length 1");
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  app->footer(
      "Example: medlar embed all-minilm-l6-v2 --text 'chest pain' --text 'angina pectoris'");
  return {app, [options](const Console& console) { return embed(*options, console); }};
}

}  // namespace medlar::cli
