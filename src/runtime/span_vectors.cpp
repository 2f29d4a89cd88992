#include "runtime/span_vectors.h"

#include <cmath>

#include "base/error.h"
#include "formats/tensor_values.h"
#include "text/entities.h"

namespace medlar::runtime {
namespace {

using formats::StoredTensor;
using text::TransitionBiases;

VectorResult compare(std::string name, const std::vector<i64>& expected,
                     const std::vector<i64>& got) {
  VectorResult result = {
      .name = std::move(name), .pass = expected == got, .expected = {}, .got = {}};
  if (!result.pass) {
    result.expected = Json(expected).dump();
    result.got = Json(got).dump();
  }
  return result;
}

/// Rows (type, first token, end) one after the other.
std::vector<i64> flat(const std::vector<text::TokenSpan>& spans) {
  std::vector<i64> numbers;
  for (const text::TokenSpan& span : spans)
    numbers.insert(numbers.end(), {span.type, span.begin, span.end});
  return numbers;
}

class SpanVerifier {
 public:
  SpanVerifier(const formats::SafetensorsFile& golden, const std::vector<std::string>& labels)
      : golden_(golden), labels_(labels), width_(ssize_of(labels)) {}

  std::vector<VectorResult> run(const TransitionBiases& calibration) {
    for (i64 i = 0; find("logits", i) != nullptr; ++i) {
      run_logits(i, "zero", {});
      run_logits(i, "cal", calibration);
    }
    for (i64 k = 0; find("dec_logprob", k) != nullptr; ++k) {
      const std::vector<float> rows = formats::to_floats(*find("dec_logprob", k));
      run_path(rows, biases_of(k), fmt::format("dec_path_{}", k), fmt::format("dec_spans_{}", k));
    }
    return std::move(results_);
  }

 private:
  const StoredTensor* find(const std::string& name) const {
    const auto found = golden_.tensors.find(name);
    return found == golden_.tensors.end() ? nullptr : &found->second;
  }
  const StoredTensor* find(std::string_view name, i64 index) const {
    return find(fmt::format("{}_{}", name, index));
  }

  /// In the order of the fields.
  TransitionBiases biases_of(i64 k) const {
    const StoredTensor* stored = find("dec_bias", k);
    if (stored == nullptr) return {};
    const std::vector<float> b = formats::to_floats(*stored);
    if (b.size() != 6)
      fail(ErrorCode::shape_mismatch, "dec_bias_{} has {} values, not 6", k, b.size());
    return {.background_stay = static_cast<double>(b[0]),
            .background_to_start = static_cast<double>(b[1]),
            .inside_to_continue = static_cast<double>(b[2]),
            .inside_to_end = static_cast<double>(b[3]),
            .end_to_background = static_cast<double>(b[4]),
            .end_to_start = static_cast<double>(b[5])};
  }

  void run_logits(i64 i, std::string_view biased, const TransitionBiases& biases) {
    const std::string path_name = fmt::format("path_{}_{}", biased, i);
    const StoredTensor* stored = find("logits", i);
    if (find(path_name) == nullptr || stored->shape.rank() != 2) return;
    const std::vector<float> logits = formats::to_floats(*stored);
    const std::vector<i64> path = run_path(text::log_softmax_rows(logits, width_), biases,
                                           path_name, fmt::format("spans_{}_{}", biased, i));
    run_scores(logits, path, fmt::format("scores_{}_{}", biased, i));
  }

  std::vector<i64> run_path(const std::vector<float>& log_probabilities,
                            const TransitionBiases& biases, const std::string& path_name,
                            const std::string& spans_name) {
    std::vector<i64> path = text::viterbi_path(log_probabilities, labels_, biases);
    if (const StoredTensor* expected = find(path_name))
      results_.push_back(compare(path_name, formats::to_integers(*expected), path));
    if (const StoredTensor* expected = find(spans_name)) {
      results_.push_back(compare(spans_name, formats::to_integers(*expected),
                                 flat(text::spans_of(path, labels_))));
    }
    return path;
  }

  /// The mean probability of a span's labels.
  void run_scores(const std::vector<float>& logits, const std::vector<i64>& path,
                  const std::string& name) {
    const StoredTensor* stored = find(name);
    if (stored == nullptr) return;
    const std::vector<float> expected = formats::to_floats(*stored);
    const std::vector<text::TokenSpan> spans = text::spans_of(path, labels_);
    constexpr double tolerance = 1e-5;  // single precision sums of at most some hundred tokens
    VectorResult result = {.name = name,
                           .pass = spans.size() == expected.size(),
                           .tolerance = tolerance,
                           .expected = {},
                           .got = {}};
    for (std::size_t i = 0; result.pass && i < spans.size(); ++i) {
      const double got = text::span_score(logits, path, spans[i], width_);
      result.error = std::max(result.error, std::fabs(got - static_cast<double>(expected[i])));
    }
    result.pass = result.pass && result.error <= tolerance;
    if (!result.pass) {
      result.expected = fmt::format("{} scores", expected.size());
      result.got = fmt::format("{} scores, the farthest off by {}", spans.size(), result.error);
    }
    results_.push_back(std::move(result));
  }

  const formats::SafetensorsFile& golden_;
  text::SpanLabels labels_;
  i64 width_;
  std::vector<VectorResult> results_;
};

}  // namespace

std::vector<VectorResult> verify_span_vectors(const formats::SafetensorsFile& golden,
                                              const std::vector<std::string>& labels,
                                              const TransitionBiases& calibration) {
  const bool has_any =
      golden.tensors.contains("path_zero_0") || golden.tensors.contains("dec_path_0");
  if (!has_any || labels.empty()) return {};
  return SpanVerifier(golden, labels).run(calibration);
}

TransitionBiases calibration_beside(const std::filesystem::path& model) {
  std::error_code none;
  const std::filesystem::path folder =
      std::filesystem::is_directory(model, none) ? model : model.parent_path();
  const std::filesystem::path file = folder / "viterbi_calibration.json";
  if (!std::filesystem::exists(file, none)) return {};
  return text::transition_biases_from_json(read_json_file(file));
}

}  // namespace medlar::runtime
