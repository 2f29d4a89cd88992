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
#include "nn/stored_matrix.h"
#include "ops/context.h"
#include "ops/weight.h"

namespace medlar::nn {

/// How one container names tensors: `ours` and `theirs` are patterns in which each `*` stands for
/// the same text on both sides, e.g. {"model.layers.*.mlp.down_proj.*", "blk.*.ffn_down.*"}; in it
/// TensorFlow has slashes for our dots.
struct NameRule {
  formats::Container container;
  std::string_view ours;
  std::string_view theirs;
  Stored stored = Stored::as_is;
  Rows rows = Rows::all;
};

/// What a model's weights weigh, on one rank.
struct WeightTraffic {
  i64 bytes = 0;          ///< all of them
  i64 decode_bytes = 0;   ///< read for every decoded token: all but the tables that are looked up
                          ///< and the experts that it does not choose
  i64 matrix_values = 0;  ///< multiplied for every token
  i64 values = 0;         ///< all parameters
};

enum class Table { lookup, output_too };

/// What a trainer may change: nothing, everything, or the pairs "name.lora_A.weight" [rank, in] and
/// "name.lora_B.weight" [out, rank] that the checkpoint has beside "name.weight".
enum class Training { frozen, trainable, adapters };

/// With Training::adapters.
struct AdapterTraining {
  float scale = 1.0f;                   ///< of B A
  std::vector<std::string> whole = {};  ///< modules that are trained whole beside them
};

/// Where the weights of a model come from and how they are held.
struct WeightSource {
  const formats::Checkpoint* checkpoint = nullptr;  ///< null: shapes alone (meta)
  std::span<const NameRule> rules;
  QuantFormat imagined_format = QuantFormat::bf16;   ///< of matrices where there is no checkpoint
  QuantFormat imagined_experts = QuantFormat::bf16;  ///< of those that tokens choose among
  Training training = Training::frozen;
  AdapterTraining adapters = {};
  std::function<void(i64 bytes)> loaded = nullptr;  ///< told of each matrix as it is ready
};

/// A trainable tensor under its name.
struct Parameter {
  std::string name;
  Tensor values;
};

/// A tensor that a model asked for, and where the checkpoint has it.
struct Use {
  std::string name;  ///< ours
  StoredMatrix stored;
  Shape shape;    ///< of one, ours: [size] or [out, in]
  i64 count = 1;  ///< one after the other, where it is a stack
  i64 heads = 0;
  std::string stack = {};  ///< of one of several experts' matrices: the name they have together
  i64 index = 0;           ///< in the stack
};

/// Where the values of a matrix lie that a model multiplies by; "name.weight.3" in a stack.
struct HeldMatrix {
  std::string name;
  const std::byte* data;
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

  /// "name.weight" [out, in], with "name.bias" [out] when asked for. The kernel of a convolution,
  /// [out, c, ..], counts as [out, in] with its values in the order they are stored in.
  Linear linear(std::string_view name, i64 out, i64 in, Split split = Split::none,
                Bias bias = Bias::none) const;
  /// `count` maps [out, in]: "0.name.weight", "1.name.weight", ..., or the stack "name.weight"
  /// [count, out, in] ([count, in, out] where the container transposes); biases alike. A token uses
  /// `chosen` of them.
  GroupedLinear grouped_linear(std::string_view name, i64 count, i64 chosen, i64 out, i64 in,
                               Split split = Split::none, Bias bias = Bias::none) const;
  /// One map [out, in] for each of `heads` heads, this rank's heads: the stack "name.weight"
  /// [heads, out, in], or one matrix with the heads' rows one after the other.
  GroupedLinear per_head(std::string_view name, i64 heads, i64 out, i64 in) const;
  /// "name.weight" [rows, columns] as a table for ops::embed and, when tied, for the output
  /// projection too.
  ops::Weight table(std::string_view name, i64 rows, i64 columns, Table use = Table::lookup) const;
  /// `name` [size] in f32, or with Split::out this rank's part of it.
  Tensor vector(std::string_view name, i64 size, Split split = Split::none) const;
  /// `name` of any shape in f32, whole on every rank.
  Tensor values(std::string_view name, const Shape& shape) const;
  /// `name` in f32 if it is there, of whatever size.
  std::optional<Tensor> find_vector(std::string_view name) const;
  bool has(std::string_view name) const;
  /// Rows of the matrix `name`, or `otherwise` where there is no checkpoint to ask.
  i64 rows_of(std::string_view name, i64 otherwise) const;

  /// Heads that the rope_pairs and megatron orders of rows are undone by, and that Split::heads
  /// shares out.
  Weights with_heads(i64 heads) const;

  i64 ranks() const { return ctx_->comm.size(); }
  /// Of the weights made so far.
  WeightTraffic traffic() const { return shared_->traffic; }
  /// What a trainer may change, by our names; empty where weights are frozen.
  const std::vector<Parameter>& parameters() const { return shared_->parameters; }
  /// All that was asked for and found, in order.
  const std::vector<Use>& uses() const { return shared_->uses; }
  const std::vector<HeldMatrix>& held() const { return shared_->held; }
  /// Names in the checkpoint that nobody asked for, sorted.
  std::vector<std::string> unused() const;

 private:
  struct Shared {
    std::vector<Use> uses;
    std::vector<HeldMatrix> held;
    WeightTraffic traffic;
    std::vector<Parameter> parameters;
    std::optional<formats::StoredTensor> joined;  ///< the last one: gate and up come from the same
  };

  bool trains(const std::string& name) const;
  std::optional<LowRank> low_rank(const std::string& name, i64 out, i64 in) const;
  std::string full_name(std::string_view name) const { return scope_ + std::string(name); }
  std::optional<StoredMatrix> look_up(const std::string& name) const;
  StoredMatrix require(const std::string& name, const Shape& shape, i64 count = 1) const;
  double megatron_version() const;
  Tensor stacked_values(const std::string& name, i64 count, i64 size) const;
  formats::StoredTensor in_memory(const formats::StoredTensor& tensor) const;
  std::vector<ops::Weight> stack(const std::string& name, i64 count, RowRange wanted, i64 out,
                                 i64 in, RowRange rows) const;
  ops::Weight matrix(const std::string& name, i64 out, i64 in, RowRange rows) const;
  ops::Weight matrix(const StoredMatrix& stored, const std::string& name, i64 out, i64 in,
                     RowRange rows) const;
  void count_use(const ops::Weight& weight) const;
  void count_use(std::span<const ops::Weight> weights, i64 chosen) const;
  ops::Weight imagined(i64 out, i64 in, QuantFormat format) const;
  RowRange my_rows(i64 out, Split split) const;

  ops::Context* ctx_;
  WeightSource source_;
  std::shared_ptr<Shared> shared_;
  std::string scope_;
  i64 heads_ = 0;
};

/// `name` rewritten by a rule, or empty where the rule does not match.
std::optional<std::string> apply_rule(const NameRule& rule, std::string_view name);

}  // namespace medlar::nn
