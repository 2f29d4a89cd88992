#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/comm.h"
#include "formats/checkpoint.h"
#include "models/model.h"
#include "runtime/batch_builder.h"
#include "runtime/scheduler.h"

namespace medlar::runtime {

/// Formats of the matrices of a model that is not there.
struct ImaginedFormats {
  QuantFormat matrices = QuantFormat::bf16;
  QuantFormat experts = QuantFormat::bf16;
};

struct RunnerOptions {
  std::string isa = "auto";  ///< instruction set of the kernels, as backend::kernels_named takes it
  i64 threads = 1;           ///< of this rank
  nn::Training training = nn::Training::frozen;
  nn::AdapterTraining adapters = {};
  std::function<void(i64 bytes)> loaded =
      nullptr;  ///< told of the weights' bytes as they are ready
  /// With isa "meta": the checkpoint is a configuration alone, its matrices are imagined.
  std::optional<ImaginedFormats> imagined = std::nullopt;
};

/// Pictures of a prompt and the tokens that stand for their features.
struct ImageInput {
  models::Images images;
  std::vector<i64> rows;  ///< tokens of the prompt; empty: those with the model's image token
};

/// One encoder or prompt input.
struct TokenInput {
  std::span<const i64> ids;
  std::span<const i64> token_types;         ///< empty: all 0
  std::span<const i64> words = {};          ///< as Batch has them; empty: every token is a word
  std::span<const i64> global_tokens = {};  ///< as Batch has them; empty: as the model decides
  const ImageInput* images = nullptr;       ///< none where null
  std::span<const i64> logit_rows = {};     ///< tokens that need logits; empty: all
};

/// Throws limit_exceeded where a model has no positions for that many tokens.
void check_length(const models::ModelFacts& facts, i64 tokens);

/// A loaded model with what it needs to run on one rank: kernels, threads, memory. Used by one
/// thread.
class Runner {
 public:
  /// Loads the family that the checkpoint's configuration names. The checkpoint must outlive the
  /// runner.
  Runner(const formats::Checkpoint& checkpoint, comm::Comm& comm, const RunnerOptions& options);

  const models::Model& model() const { return *model_; }
  models::ModelFacts facts() const { return model_->facts(); }
  const Json& config() const { return config_; }
  const models::Family& family() const { return *family_; }
  /// Bytes of all weights on this rank; of those that every decoded token reads; values in
  /// matrices.
  i64 weight_bytes() const { return traffic_.bytes; }
  i64 decode_bytes() const { return traffic_.decode_bytes; }
  i64 matrix_values() const { return traffic_.matrix_values; }
  /// All parameters on this rank.
  i64 parameter_count() const { return traffic_.values; }
  /// What a trainer may change; empty unless the runner was made trainable.
  const std::vector<nn::Parameter>& parameters() const { return parameters_; }
  /// Stored tensors that the model has no use for.
  const std::vector<std::string>& unused_tensors() const { return unused_; }
  /// What the model asked for of the checkpoint, and where its matrices lie.
  const std::vector<nn::Use>& uses() const { return uses_; }
  const std::vector<nn::HeldMatrix>& held() const { return held_; }
  /// From now on `inputs` sees what matrices are multiplied by.
  void watch_inputs(ops::InputObserver inputs) { inputs_ = std::move(inputs); }
  ops::Context context() {
    return {.kernels = *kernels_,
            .stream = {&threads_},
            .pool = pool_,
            .comm = *comm_,
            .inputs = inputs_ ? &inputs_ : nullptr};
  }
  Pool& pool() { return pool_; }
  const backend::Kernels& kernels() const { return *kernels_; }

  /// All inputs as one batch without a cache; ids are checked against the vocabulary, lengths
  /// against the context. Throws invalid_argument and limit_exceeded.
  models::Outputs run(std::span<const TokenInput> inputs, const ops::Observer* observer = nullptr,
                      ops::Tape* tape = nullptr);

  /// Runs the pictures of a prompt. Throws unsupported for a model without pictures,
  /// invalid_argument where features and tokens do not fit.
  PromptImages prepare(std::span<const i64> ids, const ImageInput& input,
                       ops::Tape* tape = nullptr);

  /// One causal sequence through a cache, `chunk` tokens a step: the same bits as run().
  models::Outputs run_chunked(const TokenInput& input, i64 chunk,
                              const ops::Observer* observer = nullptr);

  /// The planned stretches of sequences over a cache; logits of the rows that sample, in order of
  /// the plan. `images`: by sequence id, of those that have any.
  Tensor run_step(const StepPlan& plan, const Scheduler& scheduler, const nn::KvCache& cache,
                  const std::map<i64, PromptImages>& images = {});

 private:
  enum class Rows { sampled, all };
  /// What the stretches of a plan run on, and which rows give logits.
  struct CachedRun {
    const Scheduler& scheduler;
    const nn::KvCache& cache;
    const std::map<i64, PromptImages>& images;
    Rows rows;
    const ops::Observer* observer;
  };
  models::Outputs run_cached(const StepPlan& plan, const CachedRun& what);
  void check_ids(std::span<const i64> ids) const;

  const backend::Kernels* kernels_;
  ThreadPool threads_;
  Pool pool_;
  comm::Comm* comm_;
  Json config_;
  const models::Family* family_;
  std::unique_ptr<models::Model> model_;
  nn::WeightTraffic traffic_;
  std::vector<nn::Parameter> parameters_;
  std::vector<std::string> unused_;
  std::vector<nn::Use> uses_;
  std::vector<nn::HeldMatrix> held_;
  ops::InputObserver inputs_;
};

}  // namespace medlar::runtime
