#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "comm/comm.h"
#include "folder.h"
#include "runtime/model_files.h"
#include "train/prepare.h"
#include "train/trainer.h"

namespace medlar::tests {

/// A recipe in a folder of its own, run as often as one likes.
struct TinyRun {
  TemporaryFolder folder;
  std::unique_ptr<comm::Comm> comm = comm::solo();

  explicit TinyRun(const std::string& name) : folder(name) {
    std::filesystem::create_directories(folder.path / "base");
  }

  std::filesystem::path operator/(const std::string& name) const { return folder.path / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder.path / name, std::ios::binary) << text;
  }

  /// `keys` stand before [training], whose other keys are `training`; tables may follow them.
  train::Recipe recipe(const std::string& keys, const std::string& training = "") const {
    write("recipe.toml", "name = \"tiny\"\ndata = \"" + folder.path.string() + "\"\nbase = \"" +
                             (folder.path / "base").string() + "\"\n" + keys +
                             "\n[training]\nbatch_tokens = 64\nsequence_tokens = 32\n"
                             "learning_rate = 5e-3\nsave_minutes = 0.0\n" +
                             training);
    return train::read_recipe(folder.path / "recipe.toml");
  }

  /// A runner of what the recipe prepared.
  std::unique_ptr<runtime::Runner> runner(const train::Recipe& recipe,
                                          const train::Prepared& prepared, i64 threads = 1) const {
    return std::make_unique<runtime::Runner>(prepared.checkpoint, *comm,
                                             train::runner_options(recipe, prepared, threads));
  }

  /// Trains to the end, or for some steps; the last report.
  Json run(const train::Recipe& recipe, const std::string& out, i64 threads = 1,
           i64 steps = 1 << 30) const {
    train::Prepared prepared = train::prepare(recipe, runtime::tokenizer_of(recipe.base.string()));
    const auto runner = this->runner(recipe, prepared, threads);
    train::Trainer::Output output = train::output_of(recipe, prepared, folder.path / out);
    std::unique_ptr<const train::Teacher> teacher;
    if (!recipe.teacher.model.empty())
      teacher = train::load_teacher(recipe.teacher, runner->config(), *comm, {.threads = threads});
    train::Trainer trainer(*runner, std::move(prepared.task), std::move(teacher));
    output.stop = [&] { return trainer.steps_done() == steps; };
    return trainer.run(output);
  }

  std::string bytes(const std::string& name) const {
    std::ifstream file(folder.path / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
};

}  // namespace medlar::tests
