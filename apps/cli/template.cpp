// medlar template: renders a conversation with a model's chat template.
#include <memory>

#include "formats/checkpoint.h"
#include "session.h"
#include "text/chat_template.h"

namespace medlar::cli {
namespace {

struct TemplateOptions {
  std::string model;
  std::string input;
};

text::ChatTemplate template_of(const std::string& path, text::TemplateUse use) {
  if (path.ends_with(".gguf"))
    return text::chat_template_from_gguf(formats::open_checkpoint(path).metadata, use);
  return text::load_chat_template(path, use);
}

Result render(const TemplateOptions& options, const Console& console) {
  const Json stored = parse_json(read_input(options.input), options.input);
  const text::ChatInput input = text::chat_input_from_case(stored);
  const auto use = input.tools.is_null() ? text::TemplateUse::plain : text::TemplateUse::tools;
  const std::string text = template_of(options.model, use).render(input);
  console.write(text);
  return {.data = {{"text", text}}};
}

}  // namespace

Command add_template(CLI::App& root) {
  CLI::App* app = root.add_subcommand(
      "template", "Render a conversation with a chat template; prints the text and nothing else");
  const auto options = std::make_shared<TemplateOptions>();
  app->add_option("model", options->model, "Model folder, GGUF, .jinja or tokenizer_config.json")
      ->required();
  app->add_option("--input", options->input,
                  "JSON: messages, tools, documents, add_generation_prompt, kwargs, bos_token, "
                  "eos_token, now (- for stdin)")
      ->required();
  app->footer("Example: medlar template chat_template.jinja --input case.json");
  return {app, [options](const Console& console) { return render(*options, console); }};
}

}  // namespace medlar::cli
