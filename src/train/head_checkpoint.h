#pragma once

#include <filesystem>
#include <vector>

#include "formats/checkpoint.h"
#include "nn/weights.h"
#include "runtime/head_decoding.h"

/// Token classifiers with several heads as checkpoints: an encoder gets heads, a trained one is
/// written down as any tool of the field reads it.
namespace medlar::train {

/// Gives heads their columns, side by side in this order.
void place_heads(std::vector<runtime::TokenHead>& heads);

/// Linear chains go on from what a head of the same name and labels learned before.
void adopt_transitions(std::vector<runtime::TokenHead>& heads, const Json& config);

/// The encoder as a ForTokenClassification checkpoint with these heads: the classifier's weights
/// are drawn from a normal distribution of the configuration's "initializer_range" by `seed`, its
/// bias is 0. A classifier that is there with the right shape stays. Throws unsupported for a model
/// whose configuration names no architecture.
formats::Checkpoint with_token_heads(formats::Checkpoint encoder,
                                     const std::vector<runtime::TokenHead>& heads, u64 seed);

/// Writes config.json and model.safetensors (f32) to `folder` and copies the tokenizer's files from
/// `tokenizer_folder`. Throws io.
void write_model(const std::filesystem::path& folder, const Json& config,
                 std::span<const nn::Parameter> parameters,
                 const std::filesystem::path& tokenizer_folder);

}  // namespace medlar::train
