// medlar parse: what a model said, taken apart into reasoning, answer and tool calls.
#include <memory>

#include "runtime/model_files.h"
#include "session.h"
#include "text/model_output.h"

namespace medlar::cli {
namespace {

struct ParseOptions {
  std::string model;
  std::string file = "-";
  bool ids = false;
  bool prompt_opened_thinking = false;
  bool keep_boxes = false;
};

Result parse(const ParseOptions& options, const Console& console) {
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  text::OutputFormat format =
      runtime::output_format_of(tokenizer, runtime::chat_template_of(options.model));
  if (options.prompt_opened_thinking) {
    format.thinks = true;
    format.thinking = text::Thinking::opened_by_prompt;
  }
  if (options.keep_boxes) format.boxes = text::Boxes::keep;
  const auto parser = text::make_output_parser(tokenizer, format);
  const std::string input = read_input(options.file);
  const text::ModelOutput output =
      options.ids
          ? text::parse_output(*parser, ids_of(parse_json(input, options.file), "the input"))
          : text::parse_output(*parser, input);
  Json data = text::to_json(output);
  console.line(data.dump(2, ' ', false, Json::error_handler_t::replace));
  return {.data = std::move(data)};
}

}  // namespace

Command add_parse(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("parse", "A model's output as JSON: reasoning, answer, tool calls");
  const auto options = std::make_shared<ParseOptions>();
  app->add_option("model", options->model, "Model folder, GGUF or tokenizer file")->required();
  app->add_option("file", options->file, "The output, - for stdin")->capture_default_str();
  app->add_flag("--ids", options->ids, "The input is a JSON array of token ids, not text");
  app->add_flag("--prompt-opened-thinking", options->prompt_opened_thinking,
                "The prompt ended with <think> (default: as the chat template does it)");
  app->add_flag("--keep-boxes", options->keep_boxes, "Keep the marks around boxed results");
  app->footer("Example: medlar parse model/ output.txt");
  return {app, [options](const Console& console) { return parse(*options, console); }};
}

}  // namespace medlar::cli
