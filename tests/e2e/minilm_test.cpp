// all-MiniLM-L6-v2 on 200 clinical sentences, against PyTorch (tools/make_minilm_reference.py).
#include <cmath>

#include "base/mapped_file.h"
#include "e2e/cli.h"
#include "formats/safetensors.h"
#include "formats/tensor_values.h"

namespace medlar::tests {
namespace {

bool is_model(const fs::path& folder) {
  return fs::exists(folder / "model.safetensors") && fs::exists(folder / "tokenizer.json");
}

/// $MEDLAR_MINILM, or where ./dev setup unpacks the package; empty where it is absent.
fs::path minilm_folder() {
  const char* named = std::getenv("MEDLAR_MINILM");
  if (named != nullptr) return is_model(named) ? fs::path(named) : fs::path();
  const fs::path packages = source(".cache/pip-packages");
  if (!fs::is_directory(packages)) return {};
  for (const auto& entry : fs::recursive_directory_iterator(packages)) {
    if (entry.is_directory() && is_model(entry.path())) return entry.path();
  }
  return {};
}

TEST(Embed, ClinicalSentencesAsPyTorchHasThem) {
  const fs::path model = minilm_folder();
  if (model.empty())
    GTEST_SKIP() << "all-MiniLM-L6-v2 is not here: ./dev setup fetches it, or $MEDLAR_MINILM names "
                    "its folder";
  const std::string sentences = source("tests/cases/minilm/sentences.txt").string();
  const auto mapped = MappedFile::open(source("tests/cases/minilm/embeddings.safetensors"));
  const formats::SafetensorsFile reference =
      formats::parse_safetensors(mapped->bytes(), "embeddings", mapped);
  const std::vector<float> expected = formats::to_floats(reference.tensors.at("embeddings"));
  const Json data = data_of({"embed", model.string(), sentences});
  ASSERT_EQ(data["dimensions"], 384);
  ASSERT_EQ(data["embeddings"].size(), 200u);
  ASSERT_EQ(expected.size(), 200u * 384u);
  // PyTorch adds in another order; 1e-5 is some forty times the largest difference seen (2.3e-7).
  double largest = 0.0;
  for (std::size_t row = 0; row < 200; ++row) {
    for (std::size_t i = 0; i < 384; ++i) {
      largest = std::max(largest, std::abs(data["embeddings"][row][i].get<double>() -
                                           static_cast<double>(expected[row * 384 + i])));
    }
  }
  EXPECT_LT(largest, 1e-5);
}

TEST(Embed, RelatedComplaintsAreNearer) {
  const fs::path model = minilm_folder();
  if (model.empty()) GTEST_SKIP() << "all-MiniLM-L6-v2 is not here";
  const Json rows = data_of({"embed", model.string(), "--text", "chest pain", "--text",
                             "angina pectoris", "--text", "sprained ankle"})["embeddings"];
  const auto cosine = [&](std::size_t a, std::size_t b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < rows[a].size(); ++i)
      sum += rows[a][i].get<double>() * rows[b][i].get<double>();
    return sum;
  };
  EXPECT_GT(cosine(0, 1), cosine(0, 2));
  // One vector a line, whatever else is in the batch the same bits.
  const ProcessResult alone = medlar({"embed", model.string(), "-"}, "angina pectoris\n");
  EXPECT_EQ(alone.out, rows[1].dump() + "\n");
}

}  // namespace
}  // namespace medlar::tests
