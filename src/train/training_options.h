#pragma once

#include "train/adamw.h"

namespace medlar::train {

/// Whether a state may be gone on with by a training of another length, whose learning rate holds
/// from there on.
enum class OtherLength { refused, taken };

struct TrainingOptions {
  i64 epochs = 3;
  i64 steps = 0;              ///< the end, where all epochs would be more; 0: none
  i64 batch_tokens = 1024;    ///< of one pass forward and back
  i64 accumulate = 1;         ///< passes for each step of the optimizer
  i64 sequence_tokens = 128;  ///< sentences share sequences up to this
  double learning_rate = 3e-4;
  double warmup = 0.06;  ///< share of the steps; from 1 on, steps
  Decay decay = Decay::linear;
  double falling = 1.0;  ///< last share of the steps after the warm-up, in which the rate falls
  double clip = 1.0;     ///< largest global norm of the gradient
  float dropout = 0.1f;
  float label_smoothing = 0.0f;
  AdamWOptions adamw = {};
  u64 seed = 1;
  i64 evaluations = 1;       ///< on devel, in each epoch
  double devel_share = 1.0;  ///< of devel that these take, its first part
  i64 patience = 0;          ///< evaluations without a better score before training stops; 0: never
  double save_minutes = 10.0;
  OtherLength other_length = OtherLength::refused;
};

}  // namespace medlar::train
