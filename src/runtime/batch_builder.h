#pragma once

#include <span>
#include <vector>

#include "models/model.h"

namespace medlar::runtime {

/// Pictures of a prompt, ready for its steps.
struct PromptImages {
  Tensor features;        ///< [R, D]
  std::vector<i64> rows;  ///< [R] tokens of the prompt that they stand for, ascending
  models::PromptPositions positions;
};

/// Packs stretches of sequences, one after the other, into a batch. One thread.
class BatchBuilder {
 public:
  /// ctx must outlive the builder; axes are those of the model's positions.
  BatchBuilder(ops::Context& ctx, i64 axes)
      : ctx_(ctx), axes_(axes), positions_(static_cast<std::size_t>(axes)) {}

  /// Tokens [first, first + ids.size()) of a sequence; its pictures, which must outlive build(), or
  /// null.
  void add(std::span<const i64> ids, i64 first, const PromptImages* images);
  /// Rows so far.
  i64 rows() const { return ssize_of(ids_); }

  /// ids, positions, starts and pictures of the batch; positions have one axis where no sequence
  /// has pictures.
  nn::Batch build() const;

 private:
  /// Features [first, first + count) of a sequence, from row `at` of image_rows_ on.
  struct Stretch {
    const PromptImages* images;
    i64 first;
    i64 count;
    i64 at;
  };
  void add_positions(i64 first, i64 count, const PromptImages* images);
  void add_features(i64 first, i64 count, const PromptImages& images);
  Tensor positions() const;
  Tensor features() const;

  ops::Context& ctx_;
  i64 axes_;
  std::vector<i64> ids_;
  std::vector<std::vector<i64>> positions_;  ///< by axis
  std::vector<i64> starts_ = {0};
  std::vector<i64> image_rows_;
  std::vector<Stretch> stretches_;
};

}  // namespace medlar::runtime
