// Every model of the catalogue is built on shapes alone, at its published size.
#include "runtime/catalogue.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/error.h"

namespace medlar::runtime {
namespace {

double billions(const std::string& id, bool active = false) {
  const Json& entry = catalogue_entry(id);
  const ModelSize size = model_size(entry["config"], published_formats(entry), {});
  return static_cast<double>(active ? size.active : size.parameters) / 1e9;
}

TEST(Catalogue, HoldsThirteenSystemsUnderIdsOfTheirOwn) {
  std::set<std::string> ids, systems;
  for (const Json& entry : catalogue()) {
    EXPECT_TRUE(ids.insert(entry["id"].get<std::string>()).second) << entry["id"];
    systems.insert(entry["system"].get<std::string>());
  }
  EXPECT_EQ(systems.size(), 13u);
  EXPECT_EQ(catalogue_entry("openai/gpt-oss-20b")["id"], "gpt-oss-20b");
  EXPECT_THROW(catalogue_entry("gpt-oss-7b"), Error);
}

TEST(Catalogue, SizesAreThePublishedOnes) {
  EXPECT_NEAR(billions("gpt-oss-120b"), 116.8, 0.2);
  EXPECT_NEAR(billions("gpt-oss-120b", true), 5.1, 0.6);
  EXPECT_NEAR(billions("gpt-oss-20b"), 20.9, 0.1);
  EXPECT_NEAR(billions("deepseek-r1"), 671.0, 1.0);
  EXPECT_NEAR(billions("deepseek-r1", true), 37.0, 1.0);
  EXPECT_NEAR(billions("glm-4.5v"), 107.0, 2.0);
  EXPECT_NEAR(billions("glm-4.1v-9b-thinking"), 10.3, 0.5);
  EXPECT_NEAR(billions("meditron-70b"), 69.0, 0.5);
  EXPECT_NEAR(billions("biomistral-7b"), 7.24, 0.02);
  EXPECT_NEAR(billions("pmc-llama-13b"), 13.0, 0.1);
  EXPECT_NEAR(billions("gatortron-large"), 8.9, 0.2);
  EXPECT_NEAR(billions("llava-med-v1.5"), 7.57, 0.1);
  EXPECT_NEAR(billions("biobert-base"), 0.108, 0.002);
}

TEST(Catalogue, EveryModelIsBuiltAndSharedAmongTwoRanks) {
  for (const Json& entry : catalogue()) {
    SCOPED_TRACE(entry["id"].get<std::string>());
    const ImaginedFormats formats = published_formats(entry);
    const ModelSize one = model_size(entry["config"], formats, {});
    EXPECT_GT(one.memory.weights, one.parameters / 4);
    EXPECT_GT(one.memory.activations, 0);
    EXPECT_GT(one.context, 0);
    const ModelSize half = model_size(entry["config"], formats, {.ranks = 2});
    EXPECT_LT(half.memory.weights, one.memory.weights);
  }
}

TEST(Catalogue, DeepSeekKeeps576NumbersATokenAndLayer) {
  const Json& entry = catalogue_entry("deepseek-r1");
  const MemoryNeed need =
      model_size(entry["config"], published_formats(entry), {.context = 64 * 1024}).memory;
  EXPECT_EQ(need.cache, i64{64} * 1024 * 61 * 576 * 4);
}

TEST(Catalogue, KnowsAModelByItsPathAndWarnsOfItsLicence) {
  const Json* llava =
      catalogue_entry_at("/hub/models--microsoft--llava-med-v1.5-mistral-7b/snapshots/1");
  ASSERT_NE(llava, nullptr);
  EXPECT_EQ((*llava)["id"], "llava-med-v1.5");
  EXPECT_NE(care_warning(*llava).find("forbidden: research only"), std::string::npos);
  const Json* biobert = catalogue_entry_at("models/biobert-v1.1");
  ASSERT_NE(biobert, nullptr);
  EXPECT_EQ(care_warning(*biobert), "");
  EXPECT_EQ(catalogue_entry_at("models/stories260K"), nullptr);
}

TEST(Recommend, SaysWhatFitsAndWhyTheRestDoesNot) {
  const auto all = recommend({.task = "chat", .memory = 24'000'000'000});
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(all.front().fits);
  for (const Recommendation& r : all) {
    EXPECT_FALSE(r.reason.empty());
    if (r.fits) {
      EXPECT_LE(r.size.memory.total(), 24'000'000'000);
    }
    EXPECT_FALSE(r.fits && (*r.entry)["id"] == "deepseek-r1");
  }
  const auto clinical =
      recommend({.task = "images", .memory = i64{1} << 40, .context = 4096, .clinical = true});
  for (const Recommendation& r : clinical) {
    EXPECT_FALSE(r.fits && (*r.entry)["system"] == "LLaVA-Med") << r.reason;
  }
}

}  // namespace
}  // namespace medlar::runtime
