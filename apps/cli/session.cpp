#include "session.h"

#include <cstdio>
#include <filesystem>

#include "comm/comm.h"
#include "text/load_tokenizer.h"

namespace medlar::cli {
namespace {

namespace fs = std::filesystem;

void warn_of_unused(const runtime::Runner& runner, const Console& console) {
  const auto& names = runner.unused_tensors();
  if (names.empty() || console.json) return;
  std::fprintf(stderr, "note: %zu stored tensors are not part of this model, e.g. %s\n", names.size(),
               names.front().c_str());
}

}  // namespace

void with_model(const std::string& path, const MachineOptions& machine, const Console& console,
                const std::function<void(runtime::Runner&, const formats::Checkpoint&, i64 rank)>& body) {
  const formats::Checkpoint checkpoint = formats::open_checkpoint(path);
  const runtime::RunnerOptions options = {.isa = machine.isa, .threads = machine.threads_per_rank()};
  const auto run = [&](comm::Comm& comm) {
    runtime::Runner runner(checkpoint, comm, options);
    if (comm.rank() == 0) warn_of_unused(runner, console);
    body(runner, checkpoint, comm.rank());
  };
  if (machine.ranks == 1) {
    const auto alone = comm::solo();
    run(*alone);
  } else {
    comm::run_ranks(machine.ranks, run);
  }
}

text::Tokenizer tokenizer_of(const std::string& path) {
  const fs::path model(path);
  // A llama2.c folder or file keeps its vocabulary in tok<size>.bin.
  const fs::path folder = fs::is_directory(model) ? model : model.parent_path();
  if (fs::is_directory(model) || model.extension() == ".bin") {
    if (model.filename().string().starts_with("tok")) return text::load_tokenizer(model);
    for (const char* name : {"tokenizer.json", "tokenizer.model"}) {
      if (fs::exists(folder / name)) return text::load_tokenizer(folder);
    }
    for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("tok") && name.ends_with(".bin")) return text::load_tokenizer(entry.path());
    }
  }
  if (model.extension() == ".safetensors") return text::load_tokenizer(folder);
  return text::load_tokenizer(model);
}

}  // namespace medlar::cli
