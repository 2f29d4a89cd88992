#include "runtime/shipped_models.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace medlar::runtime {
namespace {

TEST(ShippedModels, AreThoseOfTheCheckoutThatTheProgramWasBuiltIn) {
  const auto found = shipped_model("medlar-ner");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->filename(), "medlar-ner.gguf");
  EXPECT_FALSE(shipped_model("no-such-model").has_value());
}

TEST(ShippedModels, AreInTheFolderOfTheEnvironmentAndNowhereElse) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "shipped";
  std::filesystem::create_directories(folder / "own");
  std::ofstream(folder / "own" / "own.gguf") << "GGUF";
  ::setenv("MEDLAR_MODELS", folder.c_str(), 1);
  EXPECT_EQ(shipped_model("own"), folder / "own" / "own.gguf");
  EXPECT_FALSE(shipped_model("medlar-ner").has_value());
  ::unsetenv("MEDLAR_MODELS");
}

}  // namespace
}  // namespace medlar::runtime
