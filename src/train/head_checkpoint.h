#pragma once

#include <filesystem>
#include <vector>

#include "formats/checkpoint.h"
#include "nn/weights.h"
#include "runtime/head_decoding.h"

/// Encoders with the heads of a task as checkpoints: an encoder gets a head, a trained one is
/// written down as any tool of the field reads it. What a head lacks is made anew: matrices are
/// drawn from a normal distribution of the configuration's "initializer_range" by `seed`, biases
/// are 0, the scales of norms 1. What is there with the right shape stays.
namespace medlar::train {

/// Gives heads their columns, side by side in this order.
void place_heads(std::vector<runtime::TokenHead>& heads);

/// Linear chains go on from what a head of the same name and labels learned before.
void adopt_transitions(std::vector<runtime::TokenHead>& heads, const Json& config);

/// As a ForTokenClassification checkpoint with these heads. Throws unsupported for a model whose
/// configuration names no architecture.
formats::Checkpoint with_token_heads(formats::Checkpoint encoder,
                                     const std::vector<runtime::TokenHead>& heads, u64 seed);

/// As a ForMaskedLM checkpoint: transform, norm and bias, the decoder tied to the word embeddings.
/// Throws unsupported for a family other than those of BERT and RoBERTa.
formats::Checkpoint with_mask_head(formats::Checkpoint encoder, u64 seed);

/// As a ForSequenceClassification checkpoint: pooled first token and a classifier. Throws as
/// with_mask_head.
formats::Checkpoint with_sequence_head(formats::Checkpoint encoder,
                                       const std::vector<std::string>& labels, u64 seed);

/// A tensor of a checkpoint in memory.
formats::StoredTensor tensor_of(const std::string& name, const Shape& shape,
                                std::vector<float> values);

/// A parameter as it is stored; a view of it.
formats::StoredTensor view_of(const nn::Parameter& parameter, const std::string& name);

/// Makes the folder and copies the files of the tokenizer and the chat template there. Throws io.
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& folder);

/// Writes config.json and model.safetensors (f32) to `folder` and copies the tokenizer's files from
/// `tokenizer_folder`. Throws io.
void write_model(const std::filesystem::path& folder, const Json& config,
                 std::span<const nn::Parameter> parameters,
                 const std::filesystem::path& tokenizer_folder);

}  // namespace medlar::train
