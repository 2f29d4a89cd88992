#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "runtime/model_files.h"
#include "runtime/runner.h"
#include "runtime/text_runs.h"

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

/// Runs a checkpoint's golden.safetensors: ids_i (token_type_i; pixel_rows_i with grid_thw_i, or
/// pixel_values_i) -> logits_i, hidden_i_L, greedy_i, pooled vectors, image_features_i,
/// positions_i, dequantised matrices, where meta.json has texts, text_ids_k, and for GLiNER the
/// prompts and spans of the golden.json beside it. Of a variant V of the model (a tower's "stock"
/// weights, the name of an adapter's folder) logits_V_i, image_features_V_i, greedy_V_i. The
/// tolerance is meta.json's relative_tolerance, else 1e-4.
Certificate verify_checkpoint(
    Runner& runner, const formats::Checkpoint& checkpoint, const std::filesystem::path& golden,
    const std::string& variant = {}, const OnProgress& progress = [](i64, i64) {});

/// Whether a golden.safetensors has vectors for a variant of the model.
bool has_variant(const std::filesystem::path& golden, const std::string& variant);

/// Runs a golden file of another kind against `subject`: tokenizer cases (.json), chat template
/// cases (.json), GGUF blocks (TYPE.blocks, TYPE.values), quantised blocks (TYPE.input), number
/// formats (.safetensors). Throws unsupported for a file of no known kind.
Certificate verify_golden_file(const std::filesystem::path& subject,
                               const std::filesystem::path& golden);

}  // namespace medlar::runtime
