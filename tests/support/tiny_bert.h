#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "formats/open_checkpoint.h"
#include "formats/safetensors.h"
#include "support/random.h"

namespace medlar::tests {

/// Writes an untrained BertModel of 2 layers of width 32 with a vocabulary of whole words.
inline void write_tiny_bert(const std::filesystem::path& folder) {
  constexpr i64 width = 32, inner = 64, layers = 2;
  const std::vector<std::string> words = {
      "[PAD]",  "[UNK]", "[CLS]",   "[SEP]",  "[MASK]",  "the",     "patient",
      "has",    "had",   "no",      "severe", "acute",   "fever",   "cough",
      "asthma", "renal", "failure", "takes",  "aspirin", "heparin", "and",
      "of",     ".",     "##s",     "p",      "##53",    "-",       "mutant"};
  std::ofstream vocabulary(folder / "vocab.txt");
  for (const std::string& word : words) vocabulary << word << '\n';
  std::ofstream(folder / "config.json")
      << Json{{"model_type", "bert"},          {"architectures", {"BertModel"}},
              {"hidden_size", width},          {"num_attention_heads", 2},
              {"intermediate_size", inner},    {"num_hidden_layers", layers},
              {"max_position_embeddings", 64}, {"type_vocab_size", 2},
              {"vocab_size", ssize_of(words)}, {"hidden_act", "gelu"}}
             .dump();
  std::vector<std::pair<std::string, std::vector<float>>> values;
  std::vector<Shape> shapes;
  const auto add = [&](const std::string& name, Shape shape, float scale, float base = 0.0f) {
    std::vector<float> numbers = normal_values(shape.count(), values.size() + 1, scale);
    for (float& number : numbers) number += base;
    values.emplace_back(name, std::move(numbers));
    shapes.push_back(shape);
  };
  const auto add_linear = [&](const std::string& name, i64 out, i64 in) {
    add(name + ".weight", {out, in}, 0.15f);
    add(name + ".bias", {out}, 0.02f);
  };
  const auto add_norm = [&](const std::string& name) {
    add(name + ".weight", {width}, 0.05f, 1.0f);
    add(name + ".bias", {width}, 0.05f);
  };
  add("embeddings.word_embeddings.weight", {ssize_of(words), width}, 0.3f);
  add("embeddings.position_embeddings.weight", {64, width}, 0.1f);
  add("embeddings.token_type_embeddings.weight", {2, width}, 0.1f);
  add_norm("embeddings.LayerNorm");
  for (i64 layer = 0; layer < layers; ++layer) {
    const std::string scope = "encoder.layer." + std::to_string(layer) + ".";
    for (const char* name : {"query", "key", "value"})
      add_linear(scope + "attention.self." + name, width, width);
    add_linear(scope + "attention.output.dense", width, width);
    add_norm(scope + "attention.output.LayerNorm");
    add_linear(scope + "intermediate.dense", inner, width);
    add_linear(scope + "output.dense", width, inner);
    add_norm(scope + "output.LayerNorm");
  }
  std::vector<formats::StoredTensor> tensors;
  for (std::size_t i = 0; i < values.size(); ++i) {
    tensors.push_back({.name = values[i].first,
                       .format = QuantFormat::f32,
                       .shape = shapes[i],
                       .bytes = std::as_bytes(std::span(values[i].second)),
                       .owner = nullptr});
  }
  formats::write_safetensors(folder / "model.safetensors", tensors);
}

/// Sentences in CoNLL form whose diseases and drugs any learner can tell by their words.
inline std::string tiny_corpus() {
  const std::vector<std::string> subjects = {"the patient has", "patient had no",
                                             "the patient had"};
  const std::vector<std::string> findings = {"fever/B-Disease", "severe/O cough/B-Disease",
                                             "acute/B-Disease renal/I-Disease failure/I-Disease",
                                             "asthma/B-Disease"};
  const std::vector<std::string> ends = {"./O", "and/O takes/O aspirin/B-Drug ./O",
                                         "and/O takes/O heparin/B-Drug ./O"};
  std::string text;
  const auto add = [&](std::string part, bool tagged) {
    for (std::size_t at = 0; at < part.size();) {
      const std::size_t end = std::min(part.find(' ', at), part.size());
      const std::string word = part.substr(at, end - at);
      const std::size_t slash = word.find('/');
      text += tagged ? word.substr(0, slash) + "\t" + word.substr(slash + 1) : word + "\tO";
      text += "\n";
      at = end + 1;
    }
  };
  for (const std::string& subject : subjects) {
    for (const std::string& finding : findings) {
      for (const std::string& end : ends) {
        add(subject, false);
        add(finding, true);
        add(end, true);
        text += "\n";
      }
    }
  }
  return text;
}

}  // namespace medlar::tests
