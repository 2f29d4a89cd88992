#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"
#include "nn/linear.h"
#include "ops/context.h"
#include "ops/weight.h"

namespace medlar::nn {

/// What a container did to a matrix that the family writes as [out, in].
enum class Stored {
  as_is,
  transposed,  ///< [in, out], as TensorFlow kernels are
  rope_pairs,  ///< rows of each head reordered so that pairs (2i, 2i + 1) turn: undone at load
  part,        ///< several matrices under one name, one below the other
  megatron,    ///< query, key and value under one name, their rows in the order of Megatron-LM's
             ///< "checkpoint_version": 0 part, head, row; 1 head, row, part; from 2 on head, part,
             ///< row
};

/// How one container names tensors: `ours` and `theirs` are patterns in which each `*` stands for
/// the same text on both sides, e.g. {"model.layers.*.mlp.down_proj.*", "blk.*.ffn_down.*"}; in it
/// TensorFlow has slashes for our dots.
struct NameRule {
  formats::Container container;
  std::string_view ours;
  std::string_view theirs;
  Stored stored = Stored::as_is;
  i64 part = 0;   ///< which of the matrices under their name is ours
  i64 parts = 1;  ///< how many they are
};

/// What a model's weights weigh, on one rank.
struct WeightTraffic {
  i64 bytes = 0;          ///< all of them
  i64 decode_bytes = 0;   ///< read for every decoded token: all but the tables that are looked up
  i64 matrix_values = 0;  ///< multiplied for every token
};

enum class Table { lookup, output_too };

enum class Training { frozen, trainable };

/// Where the weights of a model come from and how they are held.
struct WeightSource {
  const formats::Checkpoint* checkpoint = nullptr;  ///< null: shapes alone (meta)
  std::span<const NameRule> rules;
  QuantFormat imagined_format = QuantFormat::bf16;  ///< of matrices where there is no checkpoint
  Training training = Training::frozen;
  std::function<void(i64 bytes)> loaded = nullptr;  ///< told of each matrix as it is ready
};

/// A trainable tensor under its name.
struct Parameter {
  std::string name;
  Tensor values;
};

/// A scoped view of a checkpoint: each call checks the shape, takes this rank's slice, translates
/// names and layouts, and repacks for the kernels once. Throws not_found and shape_mismatch naming
/// the tensor.
class Weights {
 public:
  /// ctx and the parts of source must outlive the view; one thread.
  Weights(ops::Context& ctx, WeightSource source);

  /// The view below "scope." or "scope.index.".
  Weights at(std::string_view scope) const;
  Weights at(std::string_view scope, i64 index) const;

  /// "name.weight" [out, in], with "name.bias" [out] when asked for.
  Linear linear(std::string_view name, i64 out, i64 in, Split split = Split::none,
                Bias bias = Bias::none) const;
  /// "name.weight" [rows, columns] as a table for ops::embed and, when tied, for the output
  /// projection too.
  ops::Weight table(std::string_view name, i64 rows, i64 columns, Table use = Table::lookup) const;
  /// `name` [size] in f32.
  Tensor vector(std::string_view name, i64 size) const { return values(name, {size}); }
  /// `name` of any shape in f32, whole on every rank.
  Tensor values(std::string_view name, const Shape& shape) const;
  /// `name` in f32 if it is there, of whatever size.
  std::optional<Tensor> find_vector(std::string_view name) const;
  bool has(std::string_view name) const;
  /// Rows of the matrix `name`, or `otherwise` where there is no checkpoint to ask.
  i64 rows_of(std::string_view name, i64 otherwise) const;

  /// Heads that the rope_pairs and megatron orders of rows are undone by.
  Weights with_heads(i64 heads) const;

  i64 ranks() const { return ctx_->comm.size(); }
  /// Of the weights made so far.
  WeightTraffic traffic() const { return shared_->traffic; }
  /// What a trainer may change, by our names; empty where weights are frozen.
  const std::vector<Parameter>& parameters() const { return shared_->parameters; }
  /// Names in the checkpoint that nobody asked for, sorted.
  std::vector<std::string> unused() const;

 private:
  struct Found {
    const formats::StoredTensor* tensor;
    Stored stored = Stored::as_is;
    i64 part = 0;
    i64 parts = 1;
  };
  struct Shared {
    std::vector<std::string> used;
    WeightTraffic traffic;
    std::vector<Parameter> parameters;
  };
  struct Slice {
    i64 first;
    i64 count;
  };

  std::string full_name(std::string_view name) const { return scope_ + std::string(name); }
  std::optional<Found> look_up(const std::string& name) const;
  Found require(const std::string& name, const Shape& shape) const;
  ops::Weight matrix(const std::string& name, i64 out, i64 in, Slice rows) const;
  void count_use(const ops::Weight& weight) const;
  ops::Weight imagined(i64 out, i64 in) const;
  ops::Weight as_values(const Found& found, i64 in, const std::vector<i64>& row_of) const;
  std::vector<i64> row_order(const Found& found, i64 out, Slice rows) const;
  Tensor part_of(const Tensor& all, const Found& found, const Shape& shape) const;
  i64 megatron_row(const Found& found, i64 out, i64 row) const;
  Slice my_slice(i64 out, Split split) const;

  ops::Context* ctx_;
  WeightSource source_;
  std::shared_ptr<Shared> shared_;
  std::string scope_;
  i64 heads_ = 0;
};

/// `name` rewritten by a rule, or empty where the rule does not match.
std::optional<std::string> apply_rule(const NameRule& rule, std::string_view name);

}  // namespace medlar::nn
