#include "session.h"

#include <cstdio>
#include <memory>
#include <optional>

#include "comm/comm.h"
#include "progress.h"
#include "runtime/catalogue.h"

namespace medlar::cli {
namespace {

void warn_of_unused(const runtime::Runner& runner, const Console& console) {
  const auto& names = runner.unused_tensors();
  if (names.empty() || console.json) return;
  std::fprintf(stderr, "note: %zu stored tensors are not part of this model, e.g. %s\n",
               names.size(), names.front().c_str());
}

/// A licence that forbids use in care, or authors that advise against it.
void warn_of_licence(const std::string& path, const Console& console) {
  const Json* entry = runtime::catalogue_entry_at(path);
  if (entry == nullptr || console.json) return;
  const std::string warning = runtime::care_warning(*entry);
  if (!warning.empty()) std::fprintf(stderr, "note: %s\n", warning.c_str());
}

i64 stored_bytes(const formats::Checkpoint& checkpoint) {
  i64 bytes = 0;
  for (const auto& [name, tensor] : checkpoint.tensors) bytes += ssize_of(tensor.bytes);
  return bytes;
}

}  // namespace

std::vector<i64> ids_of(const Json& value, const std::string& where) {
  if (!value.is_array()) fail(ErrorCode::invalid_argument, "{} is no JSON array of ids", where);
  std::vector<i64> ids;
  for (const Json& id : value) {
    if (!id.is_number_integer())
      fail(ErrorCode::invalid_argument, "{} holds something that is no id", where);
    ids.push_back(id.get<i64>());
  }
  return ids;
}

void add_sampling(CLI::App& app, runtime::SamplingParameters& sampling) {
  app.add_option("--temperature", sampling.temperature, "0 takes the most likely token each time")
      ->capture_default_str();
  app.add_option("--top-k", sampling.top_k, "Sample among the k most likely tokens, 0 for all")
      ->capture_default_str();
  app.add_option("--top-p", sampling.top_p,
                 "Sample among the most likely tokens that together reach p")
      ->capture_default_str();
  app.add_option("--seed", sampling.seed, "Seed of the sampling: the same seed draws the same text")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
}

runtime::OnProgress progress_of(const Console& console, const std::string& label, i64 rank) {
  const auto bar = std::make_shared<Progress>(console, label);
  return [bar, rank](i64 done, i64 total) {
    stop_if_interrupted();
    if (rank == 0) bar->at(done, total);
  };
}

void with_model(
    const std::string& path, const MachineOptions& machine, const Console& console,
    const std::function<void(runtime::Runner&, const formats::Checkpoint&, i64 rank)>& body) {
  warn_of_licence(path, console);
  const bool stock = machine.vision_weights == "stock";
  const formats::Checkpoint checkpoint = runtime::open_model(
      path, {.vision = stock ? runtime::VisionWeights::stock : runtime::VisionWeights::checkpoint,
             .adapters = {machine.adapters.begin(), machine.adapters.end()}});
  const auto run = [&](comm::Comm& comm) {
    std::optional<Progress> progress;
    if (comm.rank() == 0) progress.emplace(console, "loading");
    const i64 bytes_to_load = stored_bytes(checkpoint) / comm.size();
    runtime::Runner runner(
        checkpoint, comm,
        {.isa = machine.isa, .threads = machine.threads_per_rank(), .loaded = [&](i64 bytes) {
           stop_if_interrupted();
           if (progress) progress->at(bytes, bytes_to_load);
         }});
    progress.reset();
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
