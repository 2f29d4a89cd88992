// medlar merge: several tuned models, or a base and its adapters, as one.
#include "runtime/merge.h"

#include <memory>

#include "runtime/model_folder.h"
#include "session.h"

namespace medlar::cli {
namespace {

struct MergeOptions {
  std::string method = "linear";
  std::string base;
  std::vector<std::string> models;
  std::vector<double> weights;
  std::vector<std::string> adapters;
  std::string out;
  double density = 0.5;
  double t = 0.5;
  u64 seed = 0;
  i64 shard_megabytes = 5000;
};

/// All that the result depends on: the same recipe goes on where it was interrupted.
std::string recipe_of(const MergeOptions& o) {
  return Json({{"method", o.method},
               {"base", o.base},
               {"models", o.models},
               {"weights", o.weights},
               {"adapters", o.adapters},
               {"density", o.density},
               {"t", o.t},
               {"seed", o.seed},
               {"shard_megabytes", o.shard_megabytes}})
      .dump();
}

formats::Checkpoint open_folder(const std::string& path,
                                const std::vector<std::string>& adapters = {}) {
  formats::Checkpoint checkpoint =
      runtime::open_model(path, {.adapters = {adapters.begin(), adapters.end()}});
  if (checkpoint.container != formats::Container::huggingface) {
    fail(ErrorCode::usage, "{} has no published names to merge by: convert it to a folder first",
         path);
  }
  return checkpoint;
}

std::vector<formats::StoredTensor> tensors_of(const MergeOptions& options,
                                              const formats::Checkpoint* base,
                                              const std::vector<formats::Checkpoint>& models) {
  std::vector<formats::StoredTensor> tensors;
  if (models.empty()) {
    for (const auto& [name, tensor] : base->tensors) tensors.push_back(tensor);
    return tensors;
  }
  runtime::MergeRequest request = {.method = runtime::merge_method_named(options.method),
                                   .base = base,
                                   .models = {},
                                   .density = options.density,
                                   .t = options.t,
                                   .seed = options.seed};
  for (std::size_t i = 0; i < models.size(); ++i)
    request.models.push_back({&models[i], options.weights.empty() ? 1.0 : options.weights[i]});
  return runtime::merged(request);
}

Result merge(const MergeOptions& options, const Console& console) {
  if (!options.weights.empty() && options.weights.size() != options.models.size())
    fail(ErrorCode::usage, "{} weights for {} models", options.weights.size(),
         options.models.size());
  if (options.models.empty() && (options.base.empty() || options.adapters.empty()))
    fail(ErrorCode::usage, "give --models to merge, or --base with --adapter");
  std::optional<formats::Checkpoint> base;
  if (!options.base.empty()) base = open_folder(options.base, options.adapters);
  std::vector<formats::Checkpoint> models;
  models.reserve(options.models.size());
  for (const std::string& path : options.models) models.push_back(open_folder(path));
  const formats::Checkpoint& lead = base ? *base : models.front();
  const std::vector<formats::StoredTensor> tensors =
      tensors_of(options, base ? &*base : nullptr, models);
  Json config = lead.config;
  config.erase("quantization_config");
  runtime::write_model_folder(options.out, config, tensors, lead.path,
                              {.shard_bytes = options.shard_megabytes * 1'000'000,
                               .recipe = recipe_of(options),
                               .progress = progress_of(console, "merging")});
  console.line(fmt::format("{}: {} tensors", options.out, tensors.size()));
  return {.data = {{"out", options.out}, {"tensors", tensors.size()}}};
}

}  // namespace

Command add_merge(CLI::App& root) {
  CLI::App* app =
      root.add_subcommand("merge", "Several tuned models, or a base and adapters, as one");
  const auto options = std::make_shared<MergeOptions>();
  app->add_option("--method", options->method,
                  "linear, slerp, task_arithmetic, ties, dare_linear or dare_ties")
      ->check(
          CLI::IsMember({"linear", "slerp", "task_arithmetic", "ties", "dare_linear", "dare_ties"}))
      ->capture_default_str();
  app->add_option("--base", options->base, "The model that the others were tuned from");
  app->add_option("--models", options->models, "Folders of the models to merge");
  app->add_option("--weights", options->weights, "A weight for each of them (default: 1)");
  app->add_option("--adapter", options->adapters, "Folder of a LoRA adapter to put on the base");
  app->add_option("--out", options->out, "Folder to write; goes on where it was interrupted")
      ->required();
  app->add_option("--density", options->density,
                  "Share of each model's differences that is kept (ties, dare)")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app->add_option("--t", options->t, "slerp: 0 is the first model, 1 the second")
      ->capture_default_str();
  app->add_option("--seed", options->seed, "dare: which differences are dropped")
      ->capture_default_str();
  app->add_option("--shard-megabytes", options->shard_megabytes, "Tensors in one file")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app->footer(
      "Example: medlar merge --method ties --base mistral/ --models a/ b/ --density 0.5 --out ab/");
  return {app, [options](const Console& console) { return merge(*options, console); }};
}

}  // namespace medlar::cli
