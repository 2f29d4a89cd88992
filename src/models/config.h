#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "formats/checkpoint.h"
#include "nn/rope.h"

namespace medlar::models {

/// A model's configuration under the names of config.json, whatever container it came from: GGUF's
/// metadata keys are translated, nothing is guessed.
Json model_config(const formats::Checkpoint& checkpoint);

/// Typed, ranged reading of a configuration. Keys that are null count as absent. Throws
/// corrupt_file naming the key and what was expected. A view: the JSON must outlive it.
class ConfigReader {
 public:
  explicit ConfigReader(const Json& config) : config_(&config) {}

  bool has(std::string_view key) const;
  /// A whole number in [1, 2^31].
  i64 size(std::string_view key) const;
  i64 size_or(std::string_view key, i64 otherwise) const;
  /// A whole number in [0, 2^31], `otherwise` where the key is absent.
  i64 count_or(std::string_view key, i64 otherwise) const;
  /// A finite number.
  double number_or(std::string_view key, double otherwise) const;
  bool flag_or(std::string_view key, bool otherwise) const;
  std::string text_or(std::string_view key, std::string_view otherwise) const;
  const Json& json() const { return *config_; }

 private:
  const Json* find(std::string_view key) const;
  const Json* config_;
};

/// Rotary parameters in the older style (rope_theta, rope_scaling) or the newer (rope_parameters).
/// partial is the share of a head that turns where the file does not say. Throws unsupported naming
/// a scaling that nothing here computes.
nn::RopeConfig rope_config(const ConfigReader& config, i64 head_size, double partial = 1.0);

/// Tokens that each layer sees back, 0 for all: by "layer_types" where the file has it, else the
/// sliding window (where "use_sliding_window" is on) from layer "max_window_layers" on.
std::vector<i64> layer_windows(const ConfigReader& config, i64 layers);

/// The same where sliding and full layers take turns, a sliding one first, unless "layer_types"
/// says otherwise.
std::vector<i64> alternating_windows(const ConfigReader& config, i64 layers, i64 otherwise);

/// Label names in the order of their ids: id2label, else LABEL_0.. up to num_labels; empty if
/// neither is there.
std::vector<std::string> label_names(const Json& config);

/// The first entry of "architectures", or "".
std::string architecture(const Json& config);

}  // namespace medlar::models
