#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "models/images.h"
#include "nn/batch.h"
#include "nn/kv_cache.h"
#include "nn/weights.h"
#include "ops/context.h"

namespace medlar::models {

using nn::Batch;
using nn::KvCache;
using ops::Context;

enum class Per { token, sequence, part };

/// One named result: [R, width] with a row per token (of Batch::logit_rows) or per sequence, or the
/// sequences' parts one after the other in one column.
struct Output {
  std::string name;  ///< as the reference implementation calls it: "logits", "start_logits", ...
  Per per = Per::token;
  Tensor value;
  std::vector<Shape> parts = {};  ///< Per::part: the shape of each sequence's part
};

/// The results of a step, the main one first.
using Outputs = std::vector<Output>;

enum class Direction { causal, bidirectional };

/// What a model that takes pictures makes of them.
struct ImageFacts {
  std::optional<i64> token;  ///< id that stands for each row of features; none: the caller says
                             ///< which rows of the prompt are pictures
  i64 patch_values = 0;      ///< of one patch
  i64 merge = 1;             ///< merge * merge patches give one row of features
};

/// What the runtime must know of a model.
struct ModelFacts {
  Direction direction = Direction::causal;
  bool generates = false;  ///< "logits" are over the vocabulary and predict the next token
  i64 layers = 0;
  i64 hidden = 0;
  i64 vocabulary = 0;         ///< rows of the embedding: ids beyond are refused
  i64 context = 0;            ///< positions that the model was made for
  bool context_ends = false;  ///< there are no positions beyond: they come from a table
  nn::KvShape kv;             ///< of this rank; what a cache holds
  i64 position_axes = 1;      ///< 3: tokens of pictures stand at a time, a row and a column
  std::optional<ImageFacts> images = std::nullopt;  ///< of a model that takes pictures
};

/// A network: a function from a batch to outputs. Immutable after construction; forward may run on
/// several threads at once, each with its own context. With an empty cache every sequence attends
/// within the batch.
class Model {
 public:
  Model() = default;
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  virtual Outputs forward(Context& ctx, const Batch& batch, const KvCache& cache) const = 0;
  virtual ModelFacts facts() const = 0;

  /// What stands in a prompt for pictures: [features, D], picture after picture. Throws unsupported
  /// for a model without, shape_mismatch, invalid_argument.
  virtual Tensor image_features(Context& ctx, const Images& images) const;
  /// Where a prompt's tokens stand; one after the other where the model does not say otherwise.
  virtual PromptPositions prompt_positions(std::span<const i64> ids,
                                           std::span<const Grid> grids) const;
};

/// A family of architectures: names, and how to build one. One file per family, one line in
/// registry.cpp.
struct Family {
  std::string_view name;
  std::span<const std::string_view> model_types;  ///< config.json "model_type", GGUF architecture
  std::span<const nn::NameRule> rules;            ///< how containers name the tensors
  std::unique_ptr<Model> (*make)(const Json& config, const nn::Weights& weights);
  /// The architecture that GGUF files name; the last of model_types where empty.
  std::string_view gguf = {};
  /// Where tensors of another vision tower go to be taken before the checkpoint's own; empty where
  /// a tower cannot be exchanged.
  std::string_view stock_vision = {};
  /// A configuration that names no model_type under the published names; null where it is none of
  /// this family's older forms.
  Json (*adopt)(const Json& config) = nullptr;
};

/// The family of a configuration. Throws unsupported naming the model type and the known ones.
const Family& family_of(const Json& config);

std::span<const Family* const> all_families();

}  // namespace medlar::models
