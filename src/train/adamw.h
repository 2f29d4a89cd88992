#pragma once

#include <vector>

#include "nn/weights.h"
#include "ops/context.h"

namespace medlar::train {

/// Loshchilov and Hutter 2019 (arXiv 1711.05101); decay only for matrices, as usual for encoders.
struct AdamWOptions {
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  float weight_decay = 0.01f;
};

/// How the learning rate goes to zero after the warm-up.
enum class Decay { linear, cosine, none };

/// The learning rate as a share of the highest: up over `warmup` steps, held, then down over the
/// last share `falling` of the steps after the warm-up (1: nothing is held). While it is held it
/// does not depend on `steps`, so that a training can be made longer or shorter until it falls
/// (Hu and others 2024, arXiv 2404.06395).
struct Schedule {
  i64 steps = 0;
  i64 warmup = 0;
  double falling = 1.0;
  Decay decay = Decay::linear;

  double at(i64 step) const;  ///< step of [0, steps)
};

/// Changes parameters in place. Owns the moments; one thread calls, those of the context work. The
/// same gradients give the same bits at any number of threads.
class AdamW {
 public:
  /// A parameter's moments, of its shape.
  struct Moments {
    Tensor first;
    Tensor second;
  };

  AdamW(Pool& pool, std::vector<nn::Parameter> parameters, const AdamWOptions& options);

  /// Step `number` (1, 2, ..) with the gradients of the tape, scaled by `factor`. Parameters
  /// without a gradient stay.
  void step(ops::Context& ctx, const ops::Tape& tape, i64 number, float learning_rate,
            float factor);

  const std::vector<nn::Parameter>& parameters() const { return parameters_; }
  std::vector<Moments>& moments() { return moments_; }
  const std::vector<Moments>& moments() const { return moments_; }

 private:
  std::vector<nn::Parameter> parameters_;
  std::vector<Moments> moments_;
  AdamWOptions options_;
};

/// The Euclidean length of all gradients together.
double global_norm(ops::Context& ctx, const ops::Tape& tape,
                   std::span<const nn::Parameter> parameters);

}  // namespace medlar::train
