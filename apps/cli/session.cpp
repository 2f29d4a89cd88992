#include "session.h"

#include <cstdio>

#include "comm/comm.h"

namespace medlar::cli {
namespace {

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

}  // namespace medlar::cli
