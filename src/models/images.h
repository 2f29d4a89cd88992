#pragma once

#include <array>
#include <span>
#include <vector>

#include "nn/batch.h"
#include "ops/ops.h"

namespace medlar::models {

/// Patches of a picture along time, rows and columns.
using Grid = std::array<i64, 3>;

/// Pictures as a processor leaves them.
struct Images {
  Tensor pixels;            ///< [patches of all grids, values of a patch]
  std::vector<Grid> grids;  ///< one a picture or video, in the order of their patches
};

/// Throws invalid_argument for grids that are empty, huge, or no whole blocks of merge x merge.
void check_grids(std::span<const Grid> grids, i64 merge);

/// Where the tokens of a prompt stand.
struct PromptPositions {
  std::vector<i64> values;  ///< [axes, T]
  i64 next = 0;             ///< of the first token after the prompt, on every axis
};

/// The ids by which M-RoPE finds pictures, and how many patches of a side become one token.
struct PictureMarkers {
  i64 image;  ///< stands for each token of a picture and of a video's frame
  i64 video_start;
  i64 video_end;
  i64 merge;
};

/// Positions over time, row and column (M-RoPE, Wang et al. 2024, arXiv 2409.12191): text moves all
/// three, a picture spans its grid, what follows starts beyond its largest position. Each frame
/// between the video markers counts as a picture of its own. Grids are in the order of the prompt.
/// Throws invalid_argument where placeholders and grids do not fit.
PromptPositions mrope_positions(std::span<const i64> ids, std::span<const Grid> grids,
                                const PictureMarkers& markers);

/// Embeddings of the batch's ids with the pictures' features in their rows: [T, D].
Tensor embed_prompt(ops::Context& ctx, const nn::Batch& batch, const ops::Weight& table);

}  // namespace medlar::models
