#pragma once

#include <array>
#include <optional>
#include <vector>

#include "ops/ops.h"

namespace medlar::nn {

enum class RopeScaling { none, linear, llama3, yarn };

/// Rotary position parameters as configurations state them.
struct RopeConfig {
  i64 rotary = 0;  ///< dimensions that turn, even
  double theta = 10000.0;
  ops::RopeLayout layout = ops::RopeLayout::halves;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double original_context = 0.0;      ///< tokens
  double low_frequency_factor = 1.0;  ///< llama3
  double high_frequency_factor = 4.0;
  double beta_fast = 32.0;  ///< yarn
  double beta_slow = 1.0;
  bool truncate = true;
  double attention_factor = 1.0;  ///< multiplies cosine and sine
  double score_factor = 1.0;      ///< multiplies q.k where the architecture asks for it
  /// Pairs that turn by time, by row and by column (M-RoPE, Wang et al. 2024, arXiv 2409.12191).
  std::array<i64, 3> sections = {};
};

/// Cosines and sines of a batch, each [T, rotary / 2].
struct RopeAngles {
  Tensor cos;
  Tensor sin;
  ops::RopeLayout layout;
};

/// Rotary embedding (Su et al. 2021, arXiv 2104.09864) with the frequency scalings of Llama 3
/// (arXiv 2407.21783) and YaRN (Peng et al. 2023, arXiv 2309.00071).
class Rope {
 public:
  /// divisors: per frequency, as GGUF's rope_freqs.weight holds them; the configured scaling if
  /// absent.
  explicit Rope(const RopeConfig& config, const std::optional<Tensor>& divisors = std::nullopt);

  /// positions [T] (i64), or [3, T] where the configuration has sections; the same on all three
  /// axes they give the same bits.
  RopeAngles angles(ops::Context& ctx, const Tensor& positions) const;
  /// Radians per token for each pair.
  const std::vector<float>& frequencies() const { return frequencies_; }

 private:
  RopeConfig config_;
  std::vector<float> frequencies_;
};

/// x [T, H, d] turned by the angles.
inline Tensor turn(ops::Context& ctx, const Tensor& x, const RopeAngles& angles) {
  return ops::rope(ctx, x, angles.cos, angles.sin, angles.layout);
}

}  // namespace medlar::nn
