// medlar classify, qa, fill-mask: what an encoder says of a text.
#include <memory>

#include "runtime/encoder_runs.h"
#include "session.h"

namespace medlar::cli {
namespace {

std::string shown(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string part(const std::string& text, text::ByteRange range) {
  return text.substr(static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.size()));
}

struct ClassifyOptions {
  std::string model;
  std::string file = "-";
  i64 top_k = 0;
  MachineOptions machine;
};

Result classify(const ClassifyOptions& options, const Console& console) {
  const std::string text = read_input(options.file);
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  runtime::Classification classes;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               runtime::Classification mine = runtime::classify(runner, tokenizer, text);
               if (rank == 0) classes = std::move(mine);
             });
  if (options.top_k > 0 && options.top_k < ssize_of(classes.scores))
    classes.scores.resize(static_cast<std::size_t>(options.top_k));
  Json list = Json::array();
  for (const auto& [label, score] : classes.scores) {
    console.line(fmt::format("{:.6f}  {}", score, label));
    list.push_back({{"label", label}, {"score", score}});
  }
  if (classes.truncated)
    console.line("the text is longer than the model's context; its begin was read");
  return {.data = {{"scores", std::move(list)}, {"truncated", classes.truncated}}};
}

struct QaOptions {
  std::string model;
  std::string file = "-";
  runtime::QuestionRequest request;
  MachineOptions machine;
};

Result qa(const QaOptions& options, const Console& console) {
  runtime::QuestionRequest request = options.request;
  request.context = read_input(options.file);
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  runtime::Answers answers;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               runtime::Answers mine = runtime::answer_question(
                   runner, tokenizer, request, progress_of(console, "reading", rank));
               if (rank == 0) answers = std::move(mine);
             });
  Json list = Json::array();
  for (const text::AnswerSpan& span : answers.spans) {
    const std::string answer = part(request.context, span.range);
    console.line(fmt::format("{:>6}-{:<6}  {:.6f}  {}", span.range.begin, span.range.end,
                             span.score, shown(answer)));
    list.push_back({{"answer", answer},
                    {"score", span.score},
                    {"start_byte", span.range.begin},
                    {"end_byte", span.range.end}});
  }
  console.line(fmt::format("no answer in the text: {:.6f}", answers.no_answer));
  return {.data = {{"answers", std::move(list)}, {"no_answer", answers.no_answer}}};
}

struct FillMaskOptions {
  std::string model;
  std::string file = "-";
  i64 top_k = 5;
  MachineOptions machine;
};

Result fill_mask(const FillMaskOptions& options, const Console& console) {
  std::string text = read_input(options.file);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  const text::Encoding encoding = tokenizer.encode(
      text, {.special_tokens = text::SpecialTokens::add, .special_text = text::SpecialText::parse});
  std::vector<std::vector<runtime::MaskFill>> masks;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               auto mine = runtime::fill_masks(runner, tokenizer, encoding, options.top_k);
               if (rank == 0) masks = std::move(mine);
             });
  Json list = Json::array();
  for (const std::vector<runtime::MaskFill>& fills : masks) {
    Json choices = Json::array();
    for (const runtime::MaskFill& fill : fills) {
      const std::string token =
          tokenizer.decode(std::span(&fill.id, 1), text::SpecialsInText::keep);
      console.line(fmt::format("mask {}  {:.6f}  {:>7}  {}", list.size(), fill.score, fill.id,
                               shown(token)));
      choices.push_back({{"token", fill.id}, {"text", token}, {"score", fill.score}});
    }
    list.push_back(std::move(choices));
  }
  return {.data = {{"masks", std::move(list)}}};
}

}  // namespace

Command add_classify(CLI::App& root) {
  CLI::App* app = root.add_subcommand("classify", "Labels of a whole text with their scores");
  const auto options = std::make_shared<ClassifyOptions>();
  app->add_option("model", options->model, "Text classifier, folder or file")->required();
  app->add_option("file", options->file, "Text file, - for stdin")->capture_default_str();
  app->add_option("--top-k", options->top_k, "Show the k best labels (default: all)")
      ->check(CLI::Range(1, 1 << 20));
  options->machine.add_threads(*app);
  options->machine.add_adapters(*app);
  options->machine.add_ranks(*app);
  app->footer("Example: medlar classify model/ note.txt");
  return {app, [options](const Console& console) { return classify(*options, console); }};
}

Command add_qa(CLI::App& root) {
  CLI::App* app = root.add_subcommand("qa", "Where in a text the answer to a question stands");
  const auto options = std::make_shared<QaOptions>();
  app->add_option("model", options->model, "Question-answering model, folder or file")->required();
  app->add_option("file", options->file, "Text file, - for stdin")->capture_default_str();
  app->add_option("--question", options->request.question, "What is asked")->required();
  app->add_option("--top-k", options->request.answers.top_k, "Answers to show")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--max-answer", options->request.answers.max_answer_tokens,
                  "Most tokens of an answer")
      ->check(CLI::Range(1, 1 << 16))
      ->capture_default_str();
  app->add_option("--window", options->request.window,
                  "Tokens of a window, the question's among them; at most the model's context")
      ->check(CLI::Range(3, 1 << 20))
      ->capture_default_str();
  app->add_option("--stride", options->request.stride, "Tokens that windows share")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  app->footer("Example: medlar qa model/ note.txt --question 'Which dose was given?'");
  return {app, [options](const Console& console) { return qa(*options, console); }};
}

Command add_fill_mask(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("fill-mask", "The likeliest tokens where a text says [MASK] or <mask>");
  const auto options = std::make_shared<FillMaskOptions>();
  app->add_option("model", options->model, "Masked language model, folder or file")->required();
  app->add_option("file", options->file, "Text file, - for stdin")->capture_default_str();
  app->add_option("--top-k", options->top_k, "Tokens to show for each mask")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  options->machine.add_threads(*app);
  options->machine.add_ranks(*app);
  app->footer("Example: echo 'The [MASK] is inflamed.' | medlar fill-mask model/");
  return {app, [options](const Console& console) { return fill_mask(*options, console); }};
}

}  // namespace medlar::cli
