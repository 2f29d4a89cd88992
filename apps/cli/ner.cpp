// medlar ner: the entities of a text by a token classifier.
#include <memory>

#include "runtime/encoder_runs.h"
#include "runtime/span_vectors.h"
#include "session.h"
#include "text/unicode.h"

namespace medlar::cli {
namespace {

struct NerOptions {
  std::string model;
  std::string file = "-";
  std::string aggregation = "simple";
  std::vector<std::string> ignored = {"O"};
  bool viterbi = false;
  std::string calibration;
  bool code_points = false;
  i64 window = 0;
  i64 stride = -1;
  MachineOptions machine;
};

runtime::EntityRequest request_of(const NerOptions& options) {
  runtime::EntityRequest request = {.decoding = options.viterbi
                                                    ? runtime::SpanDecoding::viterbi
                                                    : runtime::SpanDecoding::aggregation,
                                    .aggregation = text::aggregation_named(options.aggregation),
                                    .ignored = options.ignored,
                                    .biases = {},
                                    .window = options.window,
                                    .stride = options.stride};
  if (options.viterbi) {
    request.biases = options.calibration.empty()
                         ? runtime::calibration_beside(options.model)
                         : text::transition_biases_from_json(read_json_file(options.calibration));
  }
  return request;
}

i64 code_points(std::string_view text, i64 end) {
  i64 count = 0;
  for (i64 at = 0; at < end; at += text::code_point_at(text, at).bytes) ++count;
  return count;
}

Json entity_json(const text::Entity& entity, std::string_view text, const NerOptions& options) {
  const auto [begin, end] = entity.range;
  Json json = {{"label", entity.label},
               {"score", entity.score},
               {"start_byte", begin},
               {"end_byte", end},
               {"text", text.substr(static_cast<std::size_t>(begin),
                                    static_cast<std::size_t>(end - begin))}};
  if (options.code_points) {
    json["start"] = code_points(text, begin);
    json["end"] = code_points(text, end);
  }
  return json;
}

std::string row(const Json& entity, bool code_points) {
  const char* start = code_points ? "start" : "start_byte";
  const char* end = code_points ? "end" : "end_byte";
  return fmt::format("{:>6}-{:<6}  {:<24}  {:.4f}  {}", entity[start].get<i64>(),
                     entity[end].get<i64>(), entity["label"].get<std::string>(),
                     entity["score"].get<double>(),
                     entity["text"].dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result ner(const NerOptions& options, const Console& console) {
  const std::string text = read_input(options.file);
  text::check_utf8(text);
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  const runtime::EntityRequest request = request_of(options);
  std::vector<text::Entity> entities;
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64 rank) {
               std::vector<text::Entity> found = runtime::find_entities(
                   runner, tokenizer, text, request, progress_of(console, "reading", rank));
               if (rank == 0) entities = std::move(found);
             });
  Json list = Json::array();
  for (const text::Entity& entity : entities) {
    list.push_back(entity_json(entity, text, options));
    console.line(row(list.back(), options.code_points));
  }
  console.line(fmt::format("{} entities, offsets in {}", list.size(),
                           options.code_points ? "code points" : "bytes"));
  return {
      .data = {{"decoding", options.viterbi ? "viterbi" : options.aggregation},
               {"offsets", options.code_points ? "code points (start, end) and bytes" : "bytes"},
               {"entities", std::move(list)}}};
}

}  // namespace

Command add_ner(CLI::App& root) {
  CLI::App* app = root.add_subcommand("ner", "Entities of a text by a token classifier");
  const auto options = std::make_shared<NerOptions>();
  app->add_option("model", options->model, "Token classifier, folder or file")->required();
  app->add_option("file", options->file, "Text file, - for stdin")->capture_default_str();
  app->add_option("--aggregation", options->aggregation,
                  "How tokens are put together: none, simple, first, average, max")
      ->check(CLI::IsMember({"none", "simple", "first", "average", "max"}))
      ->capture_default_str();
  app->add_flag("--viterbi", options->viterbi,
                "The best path of well-formed spans (labels B-, I-, E-, S-)");
  app->add_option("--calibration", options->calibration,
                  "Biases of --viterbi (default: viterbi_calibration.json beside the model)");
  app->add_option("--ignore", options->ignored,
                  "Labels (none) or types to leave out; may be repeated")
      ->capture_default_str();
  app->add_option(
         "--window", options->window,
         "Tokens of a window (default: as the model learnt, else its context, at most 512)")
      ->check(CLI::Range(3, 1 << 20));
  app->add_option("--stride", options->stride,
                  "Tokens that windows share (default: a quarter of the window)")
      ->check(CLI::Range(0, 1 << 20));
  app->add_flag("--code-points", options->code_points,
                "Also offsets in Unicode code points; the table shows these");
  options->machine.add_threads(*app);
  options->machine.add_adapters(*app);
  options->machine.add_ranks(*app);
  app->footer("Example: medlar ner model/ note.txt --aggregation first");
  return {app, [options](const Console& console) { return ner(*options, console); }};
}

}  // namespace medlar::cli
