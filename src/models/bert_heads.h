#pragma once

#include <span>

#include "models/encoder_head.h"

namespace medlar::models {

/// The heads of BERT and Megatron-BERT, on an encoder named "bert".
std::span<const HeadOutput> bert_heads();

/// The heads of RoBERTa, XLM-R and Longformer, on an encoder named "roberta".
std::span<const HeadOutput> roberta_heads();

}  // namespace medlar::models
