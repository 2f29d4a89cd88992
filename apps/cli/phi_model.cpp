#include "phi_model.h"

#include "runtime/shipped_models.h"

namespace medlar::cli {

void PhiModelOptions::add_to(CLI::App& app) {
  CLI::Option* named = app.add_option(
      "--model", model, "Token classifier that looks too (default: medlar-deid, if it is there)");
  app.add_flag("--no-model", none, "Rules alone")->excludes(named);
  machine.add_threads(app);
}

std::shared_ptr<const clinical::PhiModel> open_phi_model(const PhiModelOptions& options) {
  if (options.none) return nullptr;
  const auto path = options.model.empty() ? runtime::shipped_model("medlar-deid")
                                          : std::filesystem::path(options.model);
  if (!path) return nullptr;
  return std::make_shared<const clinical::PhiModel>(
      *path,
      runtime::RunnerOptions{.isa = options.machine.isa,
                             .threads = options.machine.threads_per_rank()},
      [](i64, i64) { stop_if_interrupted(); });
}

}  // namespace medlar::cli
