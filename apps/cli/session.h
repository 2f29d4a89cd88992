#pragma once

#include <functional>
#include <optional>
#include <string>

#include "command.h"
#include "formats/checkpoint.h"
#include "runtime/model_files.h"
#include "runtime/runner.h"
#include "text/tokenizer.h"

namespace medlar::cli {

/// Loads the model on every rank, each on its own thread, and runs `body` there; only rank 0 may
/// print. With one rank everything runs on the caller. Says on stderr what the checkpoint holds
/// beyond the model.
void with_model(
    const std::string& path, const MachineOptions& machine, const Console& console,
    const std::function<void(runtime::Runner&, const formats::Checkpoint&, i64 rank)>& body);

using runtime::tokenizer_of;

}  // namespace medlar::cli
