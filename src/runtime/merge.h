#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"

/// Several fine-tuned models of one architecture as one, tensor by tensor. All arithmetic is in
/// double and each value is rounded once.
namespace medlar::runtime {

enum class MergeMethod {
  linear,           ///< sum w x / sum w (model soups: Wortsman et al. 2022, arXiv 2203.05482)
  slerp,            ///< along the arc between two (Shoemake 1985)
  task_arithmetic,  ///< base + sum w (x - base) (Ilharco et al. 2022, arXiv 2212.04089)
  ties,  ///< the same of trimmed differences that agree in sign (Yadav et al. 2023, 2306.01708)
  dare_linear,  ///< the same of differences dropped at random and rescaled (Yu et al. 2023,
                ///< 2311.03099)
  dare_ties,    ///< dropped at random, then as ties without trimming
};

/// Throws usage for a name that is none of them.
MergeMethod merge_method_named(std::string_view name);

struct MergeInput {
  const formats::Checkpoint* checkpoint;
  double weight = 1.0;
};

struct MergeRequest {
  MergeMethod method = MergeMethod::linear;
  const formats::Checkpoint* base = nullptr;  ///< of all but linear and slerp
  std::vector<MergeInput> models;
  double density = 0.5;  ///< share of each difference that is kept (ties, dare)
  double t = 0.5;        ///< slerp: 0 is the first model, 1 the second
  u64 seed = 0;          ///< dare
};

/// The merged tensors, each made when it is written; in the format of the base, or else of the
/// first model. Tensors of whole numbers are taken from there too. Throws usage for a request that
/// does not fit its method, not_found and shape_mismatch naming the tensor where models differ.
std::vector<formats::StoredTensor> merged(const MergeRequest& request);

}  // namespace medlar::runtime
