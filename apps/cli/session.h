#pragma once

#include <functional>
#include <optional>
#include <string>

#include "command.h"
#include "formats/checkpoint.h"
#include "runtime/model_files.h"
#include "runtime/runner.h"
#include "runtime/sampler.h"
#include "runtime/text_runs.h"
#include "text/tokenizer.h"

namespace medlar::cli {

/// Loads the model on every rank, each on its own thread, and runs `body` there; only rank 0 may
/// print. With one rank everything runs on the caller. Says on stderr what the checkpoint holds
/// beyond the model.
void with_model(
    const std::string& path, const MachineOptions& machine, const Console& console,
    const std::function<void(runtime::Runner&, const formats::Checkpoint&, i64 rank)>& body);

using runtime::tokenizer_of;

/// Ends long work at Ctrl-C (throws cancelled), and on rank 0 draws a bar for it.
runtime::OnProgress progress_of(const Console& console, const std::string& label, i64 rank = 0);

/// A JSON array of token ids. Throws invalid_argument naming `where`.
std::vector<i64> ids_of(const Json& value, const std::string& where);

/// --temperature, --top-k, --top-p, --seed.
void add_sampling(CLI::App& app, runtime::SamplingParameters& sampling);

}  // namespace medlar::cli
