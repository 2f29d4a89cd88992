#pragma once

#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "runtime/conformance.h"
#include "text/viterbi.h"

namespace medlar::runtime {

/// Viterbi vectors of a token classifier's golden file, decoded from the reference's own logits:
/// path_zero_i, spans_zero_i, scores_zero_i without biases, path_cal_i, ... with `calibration`, and
/// decoding alone, dec_logprob_k with dec_bias_k -> dec_path_k, dec_spans_k. Empty where the file
/// has none.
std::vector<VectorResult> verify_span_vectors(const formats::SafetensorsFile& golden,
                                              const std::vector<std::string>& labels,
                                              const text::TransitionBiases& calibration);

/// The biases of viterbi_calibration.json in a model's folder; none where there is no such file.
text::TransitionBiases calibration_beside(const std::filesystem::path& model);

}  // namespace medlar::runtime
