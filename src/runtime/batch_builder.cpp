#include "runtime/batch_builder.h"

#include <algorithm>
#include <numeric>

namespace medlar::runtime {
namespace {

Tensor indices(Pool& pool, const std::vector<i64>& values) {
  return Tensor::of(pool, {ssize_of(values)}, std::span<const i64>(values));
}

Tensor range(Pool& pool, i64 first, i64 count) {
  std::vector<i64> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), first);
  return indices(pool, values);
}

}  // namespace

void BatchBuilder::add(std::span<const i64> ids, i64 first, const PromptImages* images) {
  if (images != nullptr) add_features(first, ssize_of(ids), *images);
  add_positions(first, ssize_of(ids), images);
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  starts_.push_back(rows());
}

void BatchBuilder::add_positions(i64 first, i64 count, const PromptImages* images) {
  const i64 prompt = images == nullptr ? 0 : ssize_of(images->positions.values) / axes_;
  const i64 shift = images == nullptr ? 0 : images->positions.next - prompt;
  for (i64 axis = 0; axis < axes_; ++axis) {
    std::vector<i64>& all = positions_[static_cast<std::size_t>(axis)];
    for (i64 i = first; i < first + count; ++i) {
      all.push_back(i < prompt
                        ? images->positions.values[static_cast<std::size_t>(axis * prompt + i)]
                        : i + shift);
    }
  }
}

void BatchBuilder::add_features(i64 first, i64 count, const PromptImages& images) {
  const auto begin = std::ranges::lower_bound(images.rows, first);
  const auto end = std::ranges::lower_bound(images.rows, first + count);
  if (begin == end) return;
  stretches_.push_back({.images = &images,
                        .first = begin - images.rows.begin(),
                        .count = end - begin,
                        .at = ssize_of(image_rows_)});
  for (auto row = begin; row != end; ++row) image_rows_.push_back(rows() + *row - first);
}

nn::Batch BatchBuilder::build() const {
  nn::Batch batch = {.ids = indices(ctx_.pool, ids_),
                     .positions = positions(),
                     .token_types = std::nullopt,
                     .starts = starts_,
                     .logit_rows = std::nullopt,
                     .slots = std::nullopt,
                     .sequences = {}};
  if (!image_rows_.empty()) {
    batch.image_rows = indices(ctx_.pool, image_rows_);
    batch.image_features = features();
  }
  return batch;
}

Tensor BatchBuilder::positions() const {
  const std::vector<i64>& first = positions_.front();
  if (std::ranges::all_of(positions_, [&](const auto& axis) { return axis == first; }))
    return indices(ctx_.pool, first);
  std::vector<i64> all;
  for (const std::vector<i64>& axis : positions_) all.insert(all.end(), axis.begin(), axis.end());
  return Tensor::of(ctx_.pool, {axes_, rows()}, std::span<const i64>(all));
}

Tensor BatchBuilder::features() const {
  const Tensor& some = stretches_.front().images->features;
  if (stretches_.size() == 1 && stretches_.front().count == some.size(0)) return some;
  Tensor joined = Tensor::zeros(ctx_.pool, {ssize_of(image_rows_), some.size(1)});
  for (const Stretch& s : stretches_) {
    const Tensor rows =
        ops::gather_rows(ctx_, s.images->features, range(ctx_.pool, s.first, s.count));
    joined = ops::replace_rows(ctx_, joined, range(ctx_.pool, s.at, s.count), rows);
  }
  return joined;
}

}  // namespace medlar::runtime
