#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "runtime/runner.h"

namespace medlar::runtime {

/// One reference vector held against what came out here.
struct VectorResult {
  std::string name;  ///< "logits_0", "gptoss case 3 ids", ...
  bool pass = false;
  double error = 0.0;  ///< max |a - b| / max |b|, 0 for exact kinds
  double tolerance = 0.0;
  std::string expected;  ///< where it differs: what the reference says, shortened
  std::string got;       ///< and what came out
};

struct Certificate {
  std::string subject;    ///< file or folder under test
  std::string reference;  ///< what made the vectors, as their file says
  std::vector<VectorResult> vectors;

  bool passed() const;
  Json to_json() const;
};

/// Runs a checkpoint's golden.safetensors: ids_i (token_type_i) -> logits_i, hidden_i_L, greedy_i,
/// pooled vectors, dequantised matrices, where meta.json has texts, text_ids_k, and for GLiNER the
/// prompts and spans of the golden.json beside it. The tolerance is meta.json's relative_tolerance,
/// else 1e-4.
Certificate verify_checkpoint(Runner& runner, const formats::Checkpoint& checkpoint,
                              const std::filesystem::path& golden);

/// Runs a golden file of another kind against `subject`: tokenizer cases (.json), chat template
/// cases (.json), GGUF blocks (TYPE.blocks, TYPE.values), quantised blocks (TYPE.input), number
/// formats (.safetensors). Throws unsupported for a file of no known kind.
Certificate verify_golden_file(const std::filesystem::path& subject,
                               const std::filesystem::path& golden);

}  // namespace medlar::runtime
