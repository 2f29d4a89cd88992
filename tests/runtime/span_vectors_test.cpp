#include "runtime/span_vectors.h"

#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "models/config.h"
#include "shared_data.h"

namespace medlar::runtime {
namespace {

TEST(SpanVectors, GiveTheReferencesPathsSpansAndScores) {
  MEDLAR_NEEDS_SHARED();
  const std::filesystem::path folder = tests::shared_folder() / "golden/privacy_filter/token";
  const auto mapped = MappedFile::open(folder / "golden.safetensors");
  const formats::SafetensorsFile golden =
      formats::parse_safetensors(mapped->bytes(), "golden", mapped);
  const std::vector<std::string> labels =
      models::label_names(read_json_file(folder / "config.json"));
  const std::vector<VectorResult> results =
      verify_span_vectors(golden, labels, calibration_beside(folder));
  EXPECT_EQ(results.size(), 2u * 2u * 3u + 14u * 2u);
  for (const VectorResult& result : results) {
    EXPECT_TRUE(result.pass) << result.name << "\nexpected " << result.expected << "\ngot      "
                             << result.got;
  }
}

TEST(SpanVectors, AFolderWithoutCalibrationHasNoBiases) {
  EXPECT_EQ(calibration_beside(MEDLAR_SOURCE_DIR).background_stay, 0.0);
}

}  // namespace
}  // namespace medlar::runtime
