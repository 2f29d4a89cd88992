// medlar tokenize, detokenize: text to ids and back.
#include <fmt/compile.h>

#include <iterator>
#include <memory>

#include "session.h"

namespace medlar::cli {
namespace {

struct TokenizeOptions {
  std::string model;
  std::string file = "-";
  bool jsonl = false;
  bool no_special = false;
  bool parse_special = false;

  text::EncodeOptions encode() const {
    return {.special_tokens = no_special ? text::SpecialTokens::none : text::SpecialTokens::add,
            .special_text = parse_special ? text::SpecialText::parse : text::SpecialText::plain};
  }
};

/// {"ids":[..],"offsets":[[b,e],..]} and a newline, written as text: building and freeing a tree of
/// JSON values takes longer than the tokenizer (10 MB of notes, BERT: 6.2 MB/s through the
/// tree, 11.5 so).
std::string encoding_line(const text::Encoding& encoding) {
  std::string line;
  const auto out = std::back_inserter(line);
  line += "{\"ids\":[";
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    if (i > 0) line += ',';
    fmt::format_to(out, FMT_COMPILE("{}"), encoding.ids[i]);
  }
  line += "],\"offsets\":[";
  for (std::size_t i = 0; i < encoding.offsets.size(); ++i) {
    if (i > 0) line += ',';
    fmt::format_to(out, FMT_COMPILE("[{},{}]"), encoding.offsets[i].begin, encoding.offsets[i].end);
  }
  line += "]}\n";
  return line;
}

Json offsets_json(const text::Encoding& encoding) {
  Json offsets = Json::array();
  for (const auto& range : encoding.offsets) offsets.push_back({range.begin, range.end});
  return offsets;
}

Result tokenize_lines(const TokenizeOptions& options, const text::Tokenizer& tokenizer) {
  i64 lines = 0;
  for_each_line(options.file, [&](const std::string& line) {
    const Json value = parse_json(line, fmt::format("line {}", ++lines));
    if (!value.is_string()) fail(ErrorCode::invalid_argument, "line {} is no JSON string", lines);
    const std::string out =
        encoding_line(tokenizer.encode(value.get_ref<const std::string&>(), options.encode()));
    std::fwrite(out.data(), 1, out.size(), stdout);
  });
  return {};
}

/// A token as people see it: control characters and bytes that are no text escaped.
std::string shown(std::string_view token) {
  return Json(std::string(token)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result tokenize(const TokenizeOptions& options, const Console& console) {
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  if (options.jsonl) return tokenize_lines(options, tokenizer);
  const text::Encoding encoding = tokenizer.encode(read_input(options.file), options.encode());
  Json tokens = Json::array();
  for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
    const std::string token(tokenizer.token_text(encoding.ids[i]).value_or(""));
    const auto range = encoding.offsets[i];
    console.line(fmt::format("{:>8}  {:>6}-{:<6}  {}", encoding.ids[i], range.begin, range.end,
                             shown(token)));
    tokens.push_back(token);
  }
  console.line(fmt::format("{} tokens", encoding.ids.size()));
  return {.data = {{"ids", encoding.ids}, {"tokens", tokens}, {"offsets", offsets_json(encoding)}}};
}

struct DetokenizeOptions {
  std::string model;
  std::string file = "-";
  bool jsonl = false;
  bool skip_special = false;
};

Result detokenize(const DetokenizeOptions& options, const Console& console) {
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  const auto specials =
      options.skip_special ? text::SpecialsInText::skip : text::SpecialsInText::keep;
  if (!options.jsonl) {
    const std::string text = tokenizer.decode(
        ids_of(parse_json(read_input(options.file), options.file), "the input"), specials);
    console.line(text);
    return {.data = {{"text", text}}};
  }
  i64 lines = 0;
  for_each_line(options.file, [&](const std::string& line) {
    const std::string where = fmt::format("line {}", ++lines);
    const std::string text = tokenizer.decode(ids_of(parse_json(line, where), where), specials);
    const std::string out =
        Json({{"text", text}}).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    std::fwrite(out.data(), 1, out.size(), stdout);
  });
  return {};
}

}  // namespace

Command add_tokenize(CLI::App& root) {
  CLI::App* app = root.add_subcommand("tokenize", "Text to token ids with byte offsets");
  const auto options = std::make_shared<TokenizeOptions>();
  app->add_option("model", options->model, "Model folder, GGUF or tokenizer file")->required();
  app->add_option("file", options->file, "Text file, - for stdin")->capture_default_str();
  app->add_flag("--jsonl", options->jsonl,
                "Each input line is a JSON string, each output line {\"ids\",\"offsets\"}");
  app->add_flag("--no-special", options->no_special,
                "Leave out the tokens put around the text (BOS, CLS, SEP)");
  app->add_flag("--parse-special", options->parse_special,
                "Recognise special tokens typed in the text");
  app->footer("Example: echo 'BP 120/80' | medlar tokenize models/stories260K -");
  return {app, [options](const Console& console) { return tokenize(*options, console); }};
}

Command add_detokenize(CLI::App& root) {
  CLI::App* app = root.add_subcommand("detokenize", "Token ids to text");
  const auto options = std::make_shared<DetokenizeOptions>();
  app->add_option("model", options->model, "Model folder, GGUF or tokenizer file")->required();
  app->add_option("file", options->file, "File with JSON arrays of ids, - for stdin")
      ->capture_default_str();
  app->add_flag("--jsonl", options->jsonl,
                "Each input line is a JSON array of ids, each output line {\"text\"}");
  app->add_flag("--skip-special", options->skip_special, "Leave special tokens out of the text");
  app->footer("Example: echo '[1, 403, 407]' | medlar detokenize models/stories260K --jsonl");
  return {app, [options](const Console& console) { return detokenize(*options, console); }};
}

}  // namespace medlar::cli
