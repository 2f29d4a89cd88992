#include "models/images.h"

#include <algorithm>

#include "base/error.h"
#include "models/model.h"

namespace medlar::models {
namespace {

/// Hands out the grids of a prompt's groups of placeholders: pictures whole, videos by frame.
class GridQueue {
 public:
  explicit GridQueue(std::span<const Grid> grids) : grids_(grids) {}

  bool empty() const { return next_ == ssize_of(grids_); }
  i64 taken() const { return next_; }
  Grid take_picture() { return grids_[static_cast<std::size_t>(next_++)]; }
  Grid take_frame() {
    const Grid& video = grids_[static_cast<std::size_t>(next_)];
    if (++frames_ >= video[0]) {
      ++next_;
      frames_ = 0;
    }
    return {1, video[1], video[2]};
  }

 private:
  std::span<const Grid> grids_;
  i64 next_ = 0;
  i64 frames_ = 0;  ///< of the video at next_
};

}  // namespace

void check_grids(std::span<const Grid> grids, i64 merge) {
  constexpr i64 side_limit = 1 << 14;
  for (const Grid& grid : grids) {
    for (const i64 side : grid) {
      if (side >= 1 && side <= side_limit && grid[1] % merge == 0 && grid[2] % merge == 0) continue;
      fail(
          ErrorCode::invalid_argument,
          "a picture of {} x {} x {} patches; rows and columns must be multiples of {}, at most {}",
          grid[0], grid[1], grid[2], merge, side_limit);
    }
  }
}

PromptPositions mrope_positions(std::span<const i64> ids, std::span<const Grid> grids,
                                const PictureMarkers& markers) {
  check_grids(grids, markers.merge);
  const i64 tokens = ssize_of(ids);
  PromptPositions positions{.values = std::vector<i64>(ids.size() * 3)};
  const auto id = [&](i64 token) { return ids[static_cast<std::size_t>(token)]; };
  const auto place = [&](i64 token, const Grid& at) {
    for (std::size_t axis = 0; axis < 3; ++axis)
      positions.values[axis * ids.size() + static_cast<std::size_t>(token)] = at[axis];
  };
  GridQueue queue(grids);
  bool in_video = false;
  for (i64 i = 0; i < tokens;) {
    const i64 from = positions.next;
    if (id(i) == markers.video_start) in_video = true;
    if (id(i) == markers.video_end) in_video = false;
    if (id(i) != markers.image || queue.empty()) {
      place(i++, {from, from, from});
      ++positions.next;
      continue;
    }
    const Grid grid = in_video ? queue.take_frame() : queue.take_picture();
    const i64 rows = grid[1] / markers.merge;
    const i64 columns = grid[2] / markers.merge;
    for (i64 k = 0; k < grid[0] * rows * columns; ++k, ++i) {
      if (i == tokens || id(i) != markers.image) {
        fail(ErrorCode::invalid_argument,
             "picture {} needs {} placeholder tokens, the prompt has {}", queue.taken(),
             grid[0] * rows * columns, k);
      }
      place(i, {from + k / (rows * columns), from + k / columns % rows, from + k % columns});
    }
    positions.next = from + std::max({grid[0], rows, columns});
  }
  if (!queue.empty()) {
    fail(ErrorCode::invalid_argument, "the prompt has placeholders for {} of {} pictures",
         queue.taken(), grids.size());
  }
  return positions;
}

Tensor embed_prompt(ops::Context& ctx, const nn::Batch& batch, const ops::Weight& table) {
  const Tensor h_TD = ops::embed(ctx, batch.ids, table);
  if (!batch.image_rows) return h_TD;
  return ops::replace_rows(ctx, h_TD, *batch.image_rows, *batch.image_features);
}

Tensor Model::image_features(Context&, const Images&) const {
  fail(ErrorCode::unsupported, "this model takes no pictures");
}

PromptPositions Model::prompt_positions(std::span<const i64> ids, std::span<const Grid>) const {
  PromptPositions positions{.values = {}, .next = ssize_of(ids)};
  for (i64 i = 0; i < positions.next; ++i) positions.values.push_back(i);
  return positions;
}

}  // namespace medlar::models
