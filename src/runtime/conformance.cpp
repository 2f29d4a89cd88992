#include "runtime/conformance.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "models/config.h"
#include "runtime/engine.h"
#include "runtime/image_inputs.h"
#include "runtime/model_files.h"
#include "runtime/span_vectors.h"
#include "runtime/vector_results.h"
#include "runtime/zero_shot.h"
#include "runtime/zero_shot_cases.h"
#include "text/load_tokenizer.h"

namespace medlar::runtime {
namespace {

using formats::SafetensorsFile;
using formats::StoredTensor;
using formats::to_floats;
using formats::to_integers;

/// The golden tensors of one input, whole or with a layer number, and what the model gave for them.
class CheckpointVerifier {
 public:
  CheckpointVerifier(Runner& runner, const formats::Checkpoint& checkpoint,
                     const SafetensorsFile& golden, const Json& meta, const Json& cases,
                     const std::string& variant)
      : runner_(runner),
        checkpoint_(checkpoint),
        golden_(golden),
        meta_(meta),
        cases_(cases),
        variant_(variant.empty() ? "" : "_" + variant) {
    if (meta.contains("relative_tolerance") && meta["relative_tolerance"].is_number()) {
      tolerance_ = meta["relative_tolerance"].get<double>();
    }
  }

  std::vector<VectorResult> run(const OnProgress& progress) {
    i64 inputs = 0;
    while (find("ids", inputs) != nullptr) ++inputs;
    for (i64 i = 0; i < inputs; ++i) {
      progress(i, inputs);
      run_input(i);
    }
    run_texts();
    run_dequantised();
    for (VectorResult& one : verify_span_vectors(golden_, models::label_names(runner_.config()),
                                                 calibration_beside(checkpoint_.path))) {
      results_.push_back(std::move(one));
    }
    run_zero_shot();
    return std::move(results_);
  }

 private:
  const StoredTensor* find(std::string_view name, i64 index) const {
    const auto found = golden_.tensors.find(fmt::format("{}_{}", name, index));
    return found == golden_.tensors.end() ? nullptr : &found->second;
  }

  void expect(const std::string& base, i64 index, std::span<const float> got) {
    const std::string name = base + variant_;
    const StoredTensor* expected = find(name, index);
    if (expected == nullptr) return;
    results_.push_back(
        compare_values(fmt::format("{}_{}", name, index), got, to_floats(*expected), tolerance_));
  }

  void expect_ids(const std::string& name, i64 index, const std::vector<i64>& got) {
    const StoredTensor* expected = find(name + variant_, index);
    if (expected == nullptr) return;
    results_.push_back(
        compare_ids(fmt::format("{}{}_{}", name, variant_, index), got, to_integers(*expected)));
  }

  void run_input(i64 i) {
    const auto integers = [&](std::string_view name) {
      const StoredTensor* stored = find(name, i);
      return stored != nullptr ? to_integers(*stored) : std::vector<i64>();
    };
    const std::vector<i64> ids = integers("ids");
    const std::vector<i64> types = integers("token_type");
    const std::vector<i64> words = integers("words_mask");
    const std::vector<i64> globals = integers("global");
    const ops::Observer observer = [&](i64 layer, const Tensor& hidden) {
      const auto expected = golden_.tensors.find(fmt::format("hidden_{}_{}", i, layer));
      if (expected == golden_.tensors.end() || !variant_.empty()) return;
      results_.push_back(compare_values(expected->first, hidden.values(),
                                        to_floats(expected->second), tolerance_));
    };
    const std::optional<ImageInput> images = image_input(runner_, golden_, i);
    const TokenInput input = {.ids = ids,
                              .token_types = types,
                              .words = words,
                              .global_tokens = globals,
                              .images = images ? &*images : nullptr};
    if (images) run_images(i, ids, *images);
    const models::Outputs outputs = runner_.run({&input, 1}, &observer);
    for (const models::Output& output : outputs) expect(output.name, i, output.value.values());
    if (outputs.front().name == "last_hidden_state") pooled(i, outputs.front().value);
    if (const StoredTensor* greedy = find("greedy" + variant_, i); greedy != nullptr) {
      const auto tokens = greedy->shape.count();
      expect_ids("greedy", i,
                 generate(runner_, {.prompt = ids,
                                    .max_tokens = tokens,
                                    .sampling = {},
                                    .stop_ids = {},
                                    .images = images}));
    }
  }

  void run_images(i64 i, const std::vector<i64>& ids, const ImageInput& input) {
    const PromptImages images = runner_.prepare(ids, input);
    expect("image_features", i, images.features.values());
    expect_ids("positions", i, images.positions.values);
    expect_ids("position_delta", i, {images.positions.next - ssize_of(ids)});
  }

  void pooled(i64 i, const Tensor& hidden) {
    ops::Context ctx = runner_.context();
    const i64 starts[] = {0, hidden.size(0)};
    expect("mean", i, ops::mean_rows(ctx, hidden, starts).values());
    expect("cls", i, hidden.values().first(static_cast<std::size_t>(hidden.size(1))));
  }

  void run_texts() {
    if (!meta_.contains("texts") || find("text_ids", 0) == nullptr) return;
    const text::Tokenizer tokenizer = text::tokenizer_from_gguf(checkpoint_.metadata);
    i64 k = 0;
    for (const Json& entry : meta_["texts"]) {
      const StoredTensor* expected = find("text_ids", k);
      if (expected != nullptr) {
        const auto encoding = tokenizer.encode(
            entry.get<std::string>(),
            {.special_tokens = text::SpecialTokens::add, .special_text = text::SpecialText::parse});
        results_.push_back(
            compare_ids(fmt::format("text_ids_{}", k), encoding.ids, to_integers(*expected)));
      }
      ++k;
    }
  }

  void run_dequantised() {
    constexpr std::string_view prefix = "dequantised.";
    for (const auto& [name, expected] : golden_.tensors) {
      if (!name.starts_with(prefix)) continue;
      const StoredTensor* stored = checkpoint_.find(name.substr(prefix.size()));
      if (stored == nullptr) continue;
      results_.push_back(compare_values(name, to_floats(*stored), to_floats(expected), 1e-6));
    }
  }

  /// Prompts, words and spans of texts with free labels.
  void run_zero_shot() {
    if (!cases_.contains("texts") || !cases_.contains("labels")) return;
    const text::Tokenizer tokenizer = tokenizer_of(checkpoint_.path);
    const std::vector<std::string> labels = cases_.value("labels", std::vector<std::string>());
    i64 number = 0;
    for (const Json& stored : cases_["texts"]) {
      const ZeroShotPrompt prompt =
          zero_shot_prompt(tokenizer, runner_.config(), stored.value("text", ""), labels);
      for (const auto& [name, got] :
           {std::pair{"ids", prompt.ids}, {"words_mask", prompt.words_mask}}) {
        if (const StoredTensor* expected = find(name, number)) {
          results_.push_back(
              compare_ids(fmt::format("prompt {}_{}", name, number), got, to_integers(*expected)));
        }
      }
      ++number;
    }
    for (VectorResult& result : verify_zero_shot(runner_, tokenizer, cases_, tolerance_))
      results_.push_back(std::move(result));
  }

  Runner& runner_;
  const formats::Checkpoint& checkpoint_;
  const SafetensorsFile& golden_;
  const Json& meta_;
  const Json& cases_;
  std::string variant_;  ///< of the names, with an underscore before it
  double tolerance_ = 1e-4;
  std::vector<VectorResult> results_;
};

}  // namespace

bool Certificate::passed() const {
  return !vectors.empty() &&
         std::ranges::all_of(vectors, [](const VectorResult& v) { return v.pass; });
}

Json Certificate::to_json() const {
  Json list = Json::array();
  for (const VectorResult& v : vectors) {
    Json entry = {{"name", v.name}, {"pass", v.pass}};
    if (v.tolerance > 0.0) {
      entry["error"] = std::isfinite(v.error) ? Json(v.error) : Json("infinite");
      entry["tolerance"] = v.tolerance;
    }
    if (!v.pass) {
      entry["expected"] = v.expected;
      entry["got"] = v.got;
    }
    list.push_back(std::move(entry));
  }
  const auto passing = std::ranges::count_if(vectors, [](const VectorResult& v) { return v.pass; });
  return {{"subject", subject},
          {"reference", reference},
          {"conformant", passed()},
          {"passed", passing},
          {"failed", ssize_of(vectors) - passing},
          {"vectors", std::move(list)}};
}

bool has_variant(const std::filesystem::path& golden, const std::string& variant) {
  const auto mapped = MappedFile::open(golden);
  const SafetensorsFile file = formats::parse_safetensors(mapped->bytes(), golden.string(), mapped);
  return file.tensors.contains(fmt::format("logits_{}_0", variant));
}

Certificate verify_checkpoint(Runner& runner, const formats::Checkpoint& checkpoint,
                              const std::filesystem::path& golden, const std::string& variant,
                              const OnProgress& progress) {
  const auto mapped = MappedFile::open(golden);
  const SafetensorsFile file = formats::parse_safetensors(mapped->bytes(), golden.string(), mapped);
  const std::filesystem::path meta_path = golden.parent_path() / "meta.json";
  const Json meta = std::filesystem::exists(meta_path) ? read_json_file(meta_path) : Json::object();
  const std::filesystem::path cases_path = golden.parent_path() / "golden.json";
  const Json cases =
      std::filesystem::exists(cases_path) ? read_json_file(cases_path) : Json::object();
  Certificate certificate = {
      .subject = checkpoint.path.string(),
      .reference = meta.value("reference", std::string()),
      .vectors = CheckpointVerifier(runner, checkpoint, file, meta, cases, variant).run(progress)};
  if (certificate.vectors.empty()) {
    fail(ErrorCode::unsupported, "{} holds no vectors for a {} model", golden.string(),
         runner.family().name);
  }
  return certificate;
}

}  // namespace medlar::runtime
