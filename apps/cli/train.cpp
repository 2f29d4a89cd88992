// medlar train: makes a model again from its recipe.
#include <memory>

#include "comm/comm.h"
#include "command.h"
#include "runtime/model_files.h"
#include "train/prepare.h"
#include "train/trainer.h"

namespace medlar::cli {
namespace {

struct TrainOptions {
  std::string recipe;
  std::string base;
  std::string data;
  std::string out;
  bool fresh = false;
  bool reschedule = false;
  MachineOptions machine;
};

std::string duration(double seconds) {
  const auto minutes = static_cast<i64>(seconds / 60.0);
  return minutes > 0 ? fmt::format("{} min", minutes) : fmt::format("{:.0f} s", seconds);
}

std::string line_of(const Json& report) {
  const auto at = [&](const char* key) { return report.value(key, 0.0); };
  std::string line = fmt::format("step {:.0f}/{:.0f}", at("step"), at("steps"));
  if (report.contains("loss")) {
    return line + fmt::format("  loss {:.4f}  {:.0f} tokens/s  {} left", at("loss"),
                              at("tokens_per_second"), duration(at("seconds_left")));
  }
  if (report.contains("perplexity")) {
    return line + fmt::format("  devel loss {:.4f}  perplexity {:.3f}", at("devel_loss"),
                              at("perplexity"));
  }
  line += fmt::format("  devel mean F1 {:.2f} ", 100.0 * at("mean_f1"));
  for (const auto& [head, f1] : report["devel_f1"].items())
    line += fmt::format(" {} {:.2f}", head, 100.0 * f1.get<double>());
  return line;
}

Result train_model(const TrainOptions& options, const Console& console) {
  train::Recipe recipe = train::read_recipe(options.recipe);
  if (!options.base.empty()) recipe.base = options.base;
  if (!options.data.empty()) recipe.data = options.data;
  const std::filesystem::path folder = options.out.empty()
                                           ? std::filesystem::path("build/train") / recipe.name
                                           : std::filesystem::path(options.out);
  if (options.reschedule) recipe.options.other_length = train::OtherLength::taken;
  if (options.fresh) std::filesystem::remove(folder / "state.safetensors");
  const text::Tokenizer tokenizer = runtime::tokenizer_of(recipe.base.string());
  train::Prepared prepared = train::prepare(recipe, tokenizer);
  const std::unique_ptr<comm::Comm> comm = comm::solo();
  runtime::RunnerOptions machine =
      train::runner_options(recipe, prepared, options.machine.threads_per_rank());
  machine.isa = options.machine.isa;
  runtime::Runner runner(prepared.checkpoint, *comm, machine);
  train::Trainer::Output output = train::output_of(recipe, prepared, folder);
  output.report = [&](const Json& report) { console.line(line_of(report)); };
  output.stop = interrupted;
  std::unique_ptr<const train::Teacher> teacher;
  if (!recipe.teacher.model.empty())
    teacher = train::load_teacher(recipe.teacher, runner.config(), *comm, machine);
  train::Trainer trainer(runner, std::move(prepared.task), std::move(teacher));
  const Json last = trainer.run(output);
  console.line(fmt::format("{} after step {}: {}", interrupted() ? "stopped" : "done",
                           trainer.steps_done(), folder.string()));
  return {.data = {{"folder", folder.string()},
                   {"steps", trainer.steps_done()},
                   {"finished", !interrupted()},
                   {"last", last}}};
}

}  // namespace

Command add_train(CLI::App& root) {
  CLI::App* app = root.add_subcommand("train", "Make a model again from its recipe");
  const auto options = std::make_shared<TrainOptions>();
  app->add_option("--recipe", options->recipe, "recipe.toml: base model, data, how to train")
      ->required();
  app->add_option("--base", options->base, "Encoder to start from (default: the recipe's)");
  app->add_option("--data", options->data, "Folder of the corpora (default: the recipe's)");
  app->add_option("--out", options->out,
                  "Folder for the model, log and state; a state there is gone on with "
                  "(default: build/train/<name>)");
  app->add_flag("--fresh", options->fresh, "Start anew, whatever state there is");
  app->add_flag("--reschedule", options->reschedule,
                "Go on with a state although the recipe now has another length: the learning rate "
                "follows the new one");
  options->machine.add_threads(*app);
  app->footer("Example: medlar train --recipe models/medlar-ner/recipe.toml --data corpora/");
  return {app, [options](const Console& console) { return train_model(*options, console); }};
}

}  // namespace medlar::cli
