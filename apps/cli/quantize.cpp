// medlar quantize, medlar convert: a checkpoint in another number format or container.
#include <filesystem>
#include <memory>

#include "comm/comm.h"
#include "formats/gguf.h"
#include "runtime/model_folder.h"
#include "runtime/quantisation.h"
#include "session.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;

struct StoreOptions {
  std::string model;
  std::string out;
  std::string type;
  std::string imatrix;  ///< a text
  std::string compare;  ///< a text
  i64 context = 512;
  MachineOptions machine;
};

runtime::Importance importance_of(const StoreOptions& options, const Console& console) {
  runtime::Importance importance;
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  with_model(options.model, options.machine, console,
             [&](runtime::Runner& runner, const formats::Checkpoint&, i64) {
               importance =
                   runtime::importance_of(runner, tokenizer, read_input(options.imatrix),
                                          options.context, progress_of(console, "importance"));
             });
  return importance;
}

Json divergence_of(const StoreOptions& options, const Console& console) {
  runtime::Divergence d;
  const text::Tokenizer tokenizer = tokenizer_of(options.model);
  const std::string text = read_input(options.compare);
  const auto body = [&](runtime::Runner& before, const formats::Checkpoint&, i64) {
    with_model(options.out, options.machine, console,
               [&](runtime::Runner& after, const formats::Checkpoint&, i64) {
                 d = runtime::divergence(before, after, tokenizer, text, options.context,
                                         progress_of(console, "comparing"));
               });
  };
  with_model(options.model, options.machine, console, body);
  console.line(fmt::format(
      "KL divergence {:.6f} nats a token (largest {:.4f}), same first token {:.2f} %, perplexity "
      "{:.4f} -> {:.4f} over {} tokens",
      d.mean, d.largest, 100.0 * d.same_first, d.before.value(), d.after.value(), d.predicted));
  return {{"mean_kl", d.mean},
          {"largest_kl", d.largest},
          {"same_first_token", d.same_first},
          {"perplexity_before", d.before.value()},
          {"perplexity_after", d.after.value()},
          {"predicted_tokens", d.predicted}};
}

QuantFormat format_named(const std::string& name) {
  const std::optional<QuantFormat> format = quant_format_named(name);
  if (!format || !can_quantise(*format))
    fail(ErrorCode::usage, "no number format that can be written is called {}", name);
  return *format;
}

Result store(const StoreOptions& options, const Console& console) {
  const bool to_gguf = fs::path(options.out).extension() == ".gguf";
  const formats::Checkpoint checkpoint = runtime::open_model(
      options.model,
      {.adapters = {options.machine.adapters.begin(), options.machine.adapters.end()}});
  std::error_code none;
  if (fs::equivalent(options.model, options.out, none))
    fail(ErrorCode::usage, "the model would be written over itself");
  runtime::Importance importance;
  if (!options.imatrix.empty()) importance = importance_of(options, console);
  ThreadPool threads(options.machine.threads_per_rank());
  Json errors = Json::array();
  const runtime::OnProgress progress = progress_of(console, "writing");
  i64 tensors = 0;
  runtime::StorageRequest request;
  request.importance = importance.empty() ? nullptr : &importance;
  request.threads = &threads;
  request.stored = [&](const runtime::StorageError& error) {
    errors.push_back({{"name", error.name},
                      {"from", layout_of(error.from).name},
                      {"to", layout_of(error.to).name},
                      {"relative_error", error.relative},
                      {"largest_error", error.largest}});
    progress(ssize_of(errors), tensors);
  };
  if (!options.type.empty()) request.format = format_named(options.type);
  const runtime::Converted converted = to_gguf ? runtime::to_gguf(checkpoint, request)
                                               : runtime::to_huggingface(checkpoint, request);
  tensors = ssize_of(converted.tensors);
  if (to_gguf) {
    formats::write_gguf(options.out, converted.metadata, converted.tensors);
  } else {
    runtime::write_model_folder(options.out, converted.metadata, converted.tensors, checkpoint.path,
                                {.recipe = "convert " + options.model + " " + options.type});
  }
  for (const Json& error : errors) {
    if (error["from"] == error["to"]) continue;
    console.line(fmt::format("{:<48} {:>8} -> {:<8} relative error {:.6f}, largest {:.6f}",
                             error["name"].get<std::string>(), error["from"].get<std::string>(),
                             error["to"].get<std::string>(), error["relative_error"].get<double>(),
                             error["largest_error"].get<double>()));
  }
  i64 bytes = 0;
  for (const formats::StoredTensor& tensor : converted.tensors)
    bytes += bytes_of(tensor.format, tensor.shape.count());
  console.line(fmt::format("{}: {} tensors, {:.1f} MB", options.out, tensors,
                           static_cast<double>(bytes) / 1e6));
  Result result = {
      .data = {{"out", options.out}, {"bytes", bytes}, {"tensors", std::move(errors)}}};
  if (!options.compare.empty()) result.data["divergence"] = divergence_of(options, console);
  return result;
}

}  // namespace

Command add_quantize(CLI::App& root) {
  CLI::App* app = root.add_subcommand("quantize", "A model's matrices in fewer bits, as GGUF");
  const auto options = std::make_shared<StoreOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--type", options->type,
                  "Q8_0, Q6_K, Q5_K, Q4_K, Q4_0, IQ4_XS, MXFP4, BF16, ...; rows that are no whole "
                  "blocks get the nearest smaller ones")
      ->required();
  app->add_option("--out", options->out, "The .gguf file to write")->required();
  app->add_option("--imatrix", options->imatrix,
                  "A text: inputs that matter when the model reads it lose less (K and IQ4 types)");
  app->add_option("--compare", options->compare,
                  "A text: prints the KL divergence of the predictions from the original's");
  app->add_option("--context", options->context, "Tokens of a window of these texts")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  options->machine.add_threads(*app);
  options->machine.add_adapters(*app);
  app->footer(
      "Example: medlar quantize model/ --type Q4_K --out model-q4_k.gguf --compare notes.txt");
  return {app, [options](const Console& console) {
            if (fs::path(options->out).extension() != ".gguf")
              fail(ErrorCode::usage, "--out must be a .gguf file");
            return store(*options, console);
          }};
}

Command add_convert(CLI::App& root) {
  CLI::App* app = root.add_subcommand("convert", "A model from safetensors to GGUF, or back");
  const auto options = std::make_shared<StoreOptions>();
  app->add_option("model", options->model, "Model folder or file")->required();
  app->add_option("--out", options->out, "A .gguf file, or a folder for safetensors")->required();
  app->add_option(
      "--type", options->type,
      "Number format of matrices (default: as they are; BF16 for blocks that safetensors "
      "cannot hold)");
  options->machine.add_threads(*app);
  options->machine.add_adapters(*app);
  app->footer("Example: medlar convert model/ --out model.gguf");
  return {app, [options](const Console& console) { return store(*options, console); }};
}

}  // namespace medlar::cli
