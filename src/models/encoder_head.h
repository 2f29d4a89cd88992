#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "models/model.h"
#include "nn/activation.h"
#include "nn/norm.h"

namespace medlar::models {

/// Which rows of the last hidden states an output of a head is made of.
enum class Pooling {
  none,          ///< every token gives a row
  first,         ///< each sequence's first token
  mean,          ///< the mean over each sequence
  mean_of_rows,  ///< every token, and the mean over each sequence at the end
};

enum class Final {
  none,        ///< no matrix: what came so far is the output
  labels,      ///< as many columns as the checkpoint's matrix has rows
  ends,        ///< two columns, given out as "start_logits" and "end_logits"
  vocabulary,  ///< the word embeddings where they are tied, else a matrix of its own
};

/// One output of an encoder: pooling, then where named a dense layer, an activation, a norm and a
/// final matrix. Names are full, as the family writes them.
struct HeadOutput {
  std::string_view architecture;  ///< end of the architecture's name: "ForTokenClassification"
  std::string_view name = "logits";
  Pooling pooling = Pooling::none;
  std::string_view dense = {};
  nn::Activation activation = nullptr;
  std::string_view activation_key = {};  ///< the configuration's key instead, "gelu" by default
  std::string_view norm = {};
  Final final = Final::none;
  std::string_view matrix = {};
  std::string_view bias = {};           ///< of the final matrix, where it is not "matrix.bias"
  bool tied = true;                     ///< vocabulary: unless "tie_word_embeddings" says otherwise
  nn::Bias biases = nn::Bias::present;  ///< of dense, norm and final matrix
  bool if_stored = false;               ///< left out where the checkpoint has no such dense layer
};

/// What stands on an encoder's last hidden states: those outputs of the family's table that belong
/// to the configuration's architecture. A checkpoint that names none (TensorFlow, GGUF) is told by
/// its tensors: the first architecture of the table whose tensors are all there.
class EncoderHead {
 public:
  struct Sizes {
    i64 hidden;
    float epsilon;  ///< of the norms
  };

  /// w is the root of the checkpoint, words the embedding table that a tied head shares. Throws
  /// unsupported for an architecture that is not in the table.
  EncoderHead(const Json& config, const nn::Weights& w, std::span<const HeadOutput> table,
              const ops::Weight& words, const Sizes& sizes);

  /// x [T, D] -> the outputs under the reference's names.
  Outputs operator()(Context& ctx, const Tensor& x, const Batch& batch) const;

 private:
  struct Layer {
    HeadOutput spec;
    std::optional<nn::Linear> dense;
    nn::Activation activation = nullptr;
    std::optional<nn::LayerNorm> norm;
    std::optional<nn::Linear> final;

    Layer(const Json& config, const nn::Weights& w, const HeadOutput& spec,
          const ops::Weight& words, const Sizes& sizes);
    Tensor operator()(Context& ctx, const Tensor& x, const Batch& batch) const;
  };

  std::vector<Layer> layers_;
};

}  // namespace medlar::models
