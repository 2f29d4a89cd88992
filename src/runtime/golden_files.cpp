// Golden files that need no model: tokenizers, chat templates, weight blocks, number formats.
#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/numeric.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"
#include "runtime/conformance.h"
#include "runtime/image_golden.h"
#include "runtime/model_files.h"
#include "text/chat_template_cases.h"
#include "text/entity_cases.h"
#include "text/harmony_cases.h"
#include "text/load_tokenizer.h"
#include "text/tokenizer_cases.h"

namespace medlar::runtime {
namespace {

using formats::SafetensorsFile;

/// Same value, or both NaN: the payload of a NaN is nobody's promise.
bool same_float(float a, float b) {
  return std::bit_cast<u32>(a) == std::bit_cast<u32>(b) || (std::isnan(a) && std::isnan(b));
}

VectorResult compare_floats(const std::string& name, const std::vector<float>& got,
                            const std::vector<float>& expected) {
  VectorResult result = {
      .name = name, .pass = got.size() == expected.size(), .expected = {}, .got = {}};
  for (std::size_t i = 0; result.pass && i < got.size(); ++i) {
    if (same_float(got[i], expected[i])) continue;
    result.pass = false;
    result.expected = fmt::format("{} at {}", expected[i], i);
    result.got = fmt::format("{}", got[i]);
  }
  return result;
}

VectorResult compare_codes(const std::string& name, const std::vector<u32>& got,
                           const std::vector<float>& expected) {
  VectorResult result = {
      .name = name, .pass = got.size() == expected.size(), .expected = {}, .got = {}};
  for (std::size_t i = 0; result.pass && i < got.size(); ++i) {
    if (static_cast<float>(got[i]) == expected[i]) continue;
    result.pass = false;
    result.expected = fmt::format("{:#x} at {}", static_cast<u32>(expected[i]), i);
    result.got = fmt::format("{:#x}", got[i]);
  }
  return result;
}

void verify_blocks(const SafetensorsFile& file, std::vector<VectorResult>& results) {
  for (const auto& [name, values] : file.tensors) {
    if (!name.ends_with(".values")) continue;
    const std::string type = name.substr(0, name.size() - std::string_view(".values").size());
    const auto blocks = file.tensors.find(type + ".blocks");
    const auto format = quant_format_named(type);
    if (blocks == file.tensors.end()) continue;
    if (!format) {
      results.push_back(
          {.name = name, .pass = false, .expected = "a known format", .got = "an unknown one"});
      continue;
    }
    std::vector<float> got(static_cast<std::size_t>(values.shape.count()));
    dequantise(*format, blocks->second.bytes, got);
    results.push_back(compare_floats(type + " values", got, formats::to_floats(values)));
  }
}

void verify_quantised(const SafetensorsFile& file, std::vector<VectorResult>& results) {
  for (const auto& [name, input] : file.tensors) {
    if (!name.ends_with(".input")) continue;
    const std::string type = name.substr(0, name.size() - std::string_view(".input").size());
    const auto expected = file.tensors.find(type + ".blocks");
    const auto format = quant_format_named(type);
    if (expected == file.tensors.end() || !format || !can_quantise(*format)) continue;
    const std::vector<float> values = formats::to_floats(input);
    std::vector<std::byte> got(expected->second.bytes.size());
    quantise(*format, values, got);
    const bool pass = std::memcmp(got.data(), expected->second.bytes.data(), got.size()) == 0;
    results.push_back({.name = type + " blocks",
                       .pass = pass,
                       .expected = pass ? "" : "the reference's bytes",
                       .got = pass ? "" : "other bytes"});
  }
}

/// Codes 0, 1, 2, .. of a small format against the table of their values.
template <typename Decode>
void verify_table(const SafetensorsFile& file, const std::string& name, Decode decode,
                  std::vector<VectorResult>& results) {
  const auto expected = file.tensors.find(name);
  if (expected == file.tensors.end()) return;
  std::vector<float> got;
  for (i64 code = 0; code < expected->second.shape.count(); ++code)
    got.push_back(decode(static_cast<u8>(code)));
  results.push_back(compare_floats(name, got, formats::to_floats(expected->second)));
}

template <typename Encode>
void verify_codes(const SafetensorsFile& file, const std::string& input, const std::string& codes,
                  Encode encode, std::vector<VectorResult>& results) {
  const auto values = file.tensors.find(input);
  const auto expected = file.tensors.find(codes);
  if (values == file.tensors.end() || expected == file.tensors.end()) return;
  const std::vector<float> inputs = formats::to_floats(values->second);
  std::vector<float> wanted = formats::to_floats(expected->second);
  std::vector<u32> got;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const u32 code = encode(inputs[i]);
    got.push_back(code);
    if (std::isnan(inputs[i]) && i < wanted.size()) wanted[i] = static_cast<float>(code);
  }
  results.push_back(compare_codes(codes, got, wanted));
}

void verify_numeric(const SafetensorsFile& file, std::vector<VectorResult>& results) {
  verify_table(file, "e4m3fn_values", f8_e4m3_to_f32, results);
  verify_table(file, "e5m2_values", f8_e5m2_to_f32, results);
  verify_table(file, "e8m0_values", e8m0_to_f32, results);
  verify_codes(file, "bf16_input", "bf16_codes", f32_to_bf16, results);
  verify_codes(file, "fp16_input", "fp16_codes", f32_to_f16, results);
  verify_codes(file, "e4m3fn_input", "e4m3fn_codes_saturating", f32_to_f8_e4m3, results);
  verify_codes(file, "e5m2_input", "e5m2_codes_saturating", f32_to_f8_e5m2, results);
  verify_codes(file, "e8m0_input", "e8m0_codes_torch", f32_to_e8m0, results);
  verify_codes(file, "e8m0_input", "e8m0_codes_floor", f32_to_e8m0_floor, results);
  const auto codes = file.tensors.find("fp16_decode_codes");
  const auto values = file.tensors.find("fp16_decode_values");
  if (codes != file.tensors.end() && values != file.tensors.end()) {
    std::vector<float> got;
    for (const float code : formats::to_floats(codes->second))
      got.push_back(f16_to_f32(static_cast<u16>(code)));
    results.push_back(
        compare_floats("fp16_decode_values", got, formats::to_floats(values->second)));
  }
}

/// The tokenizers of cases: NAME.tokenizer.json in a folder of them, else the one of the subject;
/// none where the golden file stands for itself.
class CaseTokenizers {
 public:
  CaseTokenizers(std::filesystem::path subject, const std::filesystem::path& golden)
      : subject_(std::move(subject)), has_none_(subject_ == golden) {}

  const text::Tokenizer* named(const std::string& name) {
    if (has_none_) return nullptr;
    const std::filesystem::path own = subject_ / (name + ".tokenizer.json");
    std::error_code none;
    const bool is_in_folder =
        name.find('/') == std::string::npos && std::filesystem::exists(own, none);
    const std::filesystem::path& path = is_in_folder ? own : subject_;
    auto found = loaded_.find(path);
    if (found == loaded_.end()) {
      found = loaded_.emplace(path, is_in_folder ? text::load_tokenizer(path) : tokenizer_of(path))
                  .first;
    }
    return &found->second;
  }

 private:
  std::filesystem::path subject_;
  bool has_none_;
  std::map<std::filesystem::path, text::Tokenizer> loaded_;
};

void add_cases(std::vector<text::CaseResult> cases, std::vector<VectorResult>& results) {
  for (text::CaseResult& c : cases) {
    results.push_back({.name = std::move(c.name),
                       .pass = c.pass,
                       .expected = std::move(c.expected),
                       .got = std::move(c.got)});
  }
}

void verify_template(const std::filesystem::path& subject, const Json& golden,
                     std::vector<VectorResult>& results) {
  const text::ChatTemplate chat_template = text::load_chat_template(subject);
  for (text::TemplateCaseResult& c : text::verify_template_cases(chat_template, golden)) {
    results.push_back({.name = fmt::format("case {} {}", c.index, c.name),
                       .pass = c.pass,
                       .expected = c.pass ? "" : std::move(c.expected),
                       .got = c.pass ? "" : std::move(c.got)});
  }
}

void verify_text_or_weights(const std::filesystem::path& subject,
                            const std::filesystem::path& golden, Certificate& certificate) {
  if (golden.extension() == ".json") {
    const Json json = read_json_file(golden);
    if (text::is_harmony_golden(json)) {
      if (json.is_object()) certificate.reference = json.value("reference", std::string());
      add_cases(text::verify_harmony_cases(tokenizer_of(subject), json), certificate.vectors);
    } else if (json.is_array()) {
      verify_template(subject, json, certificate.vectors);
    } else if (text::is_entity_golden(json)) {
      certificate.reference = json.value("reference", std::string());
      CaseTokenizers tokenizers(subject, golden);
      add_cases(text::verify_entity_cases(
                    [&](const std::string& name) { return tokenizers.named(name); }, json),
                certificate.vectors);
    } else if (json.is_object() && json.contains("cases")) {
      certificate.reference = json.value("reference", std::string());
      add_cases(text::verify_tokenizer_cases(text::load_tokenizer(subject), json),
                certificate.vectors);
    }
    return;
  }
  const auto mapped = MappedFile::open(golden);
  const SafetensorsFile file = formats::parse_safetensors(mapped->bytes(), golden.string(), mapped);
  const auto reference = file.metadata.find("reference");
  if (reference != file.metadata.end()) certificate.reference = reference->second;
  verify_blocks(file, certificate.vectors);
  verify_quantised(file, certificate.vectors);
  verify_numeric(file, certificate.vectors);
}

}  // namespace

Certificate verify_golden_file(const std::filesystem::path& subject,
                               const std::filesystem::path& golden) {
  Certificate certificate = {
      .subject = subject.string(), .reference = {}, .vectors = verify_image_golden(golden)};
  if (certificate.vectors.empty() && !std::filesystem::is_directory(golden))
    verify_text_or_weights(subject, golden, certificate);
  if (certificate.vectors.empty()) {
    fail(ErrorCode::unsupported, "{} holds no reference vectors of a kind that can be run here",
         golden.string());
  }
  return certificate;
}

}  // namespace medlar::runtime
