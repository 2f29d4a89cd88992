// Fine-tuning of a small Llama: what of texts and conversations is learnt, and that it is.
#include "train/causal_task.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/open_checkpoint.h"
#include "tiny_run.h"
#include "train/conversations.h"

namespace medlar::train {
namespace {

using tests::TinyRun;

const std::filesystem::path stories =
    std::filesystem::path(MEDLAR_SOURCE_DIR) / "models/stories260K/stories260K.bin";

constexpr const char* growing =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";
// Earlier answers lose their mark once another turn follows; so do questions in the last one.
constexpr const char* rewriting =
    "{% for m in messages %}<{{ m.role }}>{% if loop.last and m.role == 'assistant' %}!{% endif %}"
    "{{ m.content }}</>"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

constexpr const char* forgetting =
    "{% for m in messages %}{% if loop.last %}!{% endif %}{{ m.content }}{% endfor %}";

const Json talk = {{{"role", "user"}, {"content", "Hi"}},
                   {{"role", "assistant"}, {"content", "Lily"}},
                   {{"role", "user"}, {"content", "Bye"}},
                   {{"role", "assistant"}, {"content", "Tom"}}};

std::string learnt_part(const text::Tokenizer& tokenizer, const LanguageText& text) {
  std::vector<i64> ids;
  for (std::size_t i = 0; i < text.ids.size(); ++i) {
    if (text.learnt[i]) ids.push_back(text.ids[i]);
  }
  return tokenizer.decode(ids);
}

TEST(Conversation, IsLearntWhereTheAssistantSpeaks) {
  const text::Tokenizer tokenizer = runtime::tokenizer_of(stories);
  const std::vector<LanguageText> one =
      conversation(tokenizer, text::ChatTemplate(growing), talk, "here");
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(tokenizer.decode(one[0].ids),
            "<user>Hi</><assistant>Lily</><user>Bye</><assistant>Tom</>");
  EXPECT_EQ(learnt_part(tokenizer, one[0]), "Lily</>Tom</>");
  const std::vector<LanguageText> two =
      conversation(tokenizer, text::ChatTemplate(rewriting), talk, "here");
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(learnt_part(tokenizer, two[0]), "!Lily</>");
  EXPECT_EQ(learnt_part(tokenizer, two[1]), "!Tom</>");
  EXPECT_THROW(conversation(tokenizer, text::ChatTemplate(forgetting), talk, "here"), Error);
  EXPECT_TRUE(conversation(tokenizer, text::ChatTemplate(growing),
                           {{{"role", "user"}, {"content", "Hi"}}}, "here")
                  .empty());
  const Json wrong = {{{"role", "user"}, {"content", 7}}};
  EXPECT_THROW(conversation(tokenizer, text::ChatTemplate(growing), wrong, "here"), Error);
}

TEST(NextTokenSequences, PredictEveryLearntTokenOnce) {
  const std::vector<LanguageText> texts = {
      {.ids = {5, 6, 7, 8, 9}, .learnt = {true, true, false, true, true}},
      {.ids = {1, 2}, .learnt = {true, false}}};
  const std::vector<TokenSequence> sequences = next_token_sequences(texts, 3, 100);
  ASSERT_EQ(sequences.size(), 2u);
  EXPECT_EQ(sequences[0].ids, (std::vector<i64>{5, 6, 7}));
  EXPECT_EQ(sequences[0].rows, (std::vector<i64>{0, 2}));
  EXPECT_EQ(sequences[0].targets[1].column, 8);
  EXPECT_EQ(sequences[1].ids, (std::vector<i64>{8}));
  EXPECT_EQ(sequences[1].targets[0].column, 9);
}

struct StoriesRun : TinyRun {
  explicit StoriesRun(const std::string& name) : TinyRun(name) {
    write("a.jsonl",
          "{\"text\": \"The nurse gave Lily one red pill.\"}\n"
          "{\"text\": \"The nurse gave Tom one blue pill.\"}\n"
          "{\"text\": \"The doctor gave Lily two pills.\"}\n");
  }
  Recipe causal(const std::string& training) const {
    Recipe recipe =
        this->recipe("task = \"causal-lm\"\ntrain = \"a.jsonl\"\ndevel = \"a.jsonl\"\n", training);
    recipe.base = stories;
    return recipe;
  }
};

TEST(CausalTask, LearnsATextAndGoesOnToTheSameBits) {
  const StoriesRun run("causal");
  const Recipe recipe = run.causal("epochs = 5\n");
  const Prepared prepared = prepare(recipe, runtime::tokenizer_of(stories));
  const auto untrained = run.runner(recipe, prepared);
  const double before = prepared.task->measure(*untrained)->report["perplexity"];
  const Json last = run.run(recipe, "out");
  EXPECT_LT(last.value("perplexity", 1e9), before / 3.0) << before;
  run.run(recipe, "parts", 2, 3);
  run.run(recipe, "parts");
  EXPECT_EQ(run.bytes("parts/best/model.safetensors"), run.bytes("out/best/model.safetensors"));
  // The folder is a model of its own.
  const formats::Checkpoint tuned = formats::open_checkpoint(run / "out/best");
  runtime::Runner reader(tuned, *run.comm, {});
  EXPECT_DOUBLE_EQ(prepared.task->measure(reader)->report["perplexity"].get<double>(),
                   last.value("perplexity", 0.0));
}

TEST(CausalTask, AdaptsALlama) {
  const StoriesRun run("causal_lora");
  Recipe recipe = run.causal("epochs = 1\n");
  run.run(recipe, "folder");  // adapters need the names of a published folder
  recipe = run.causal("epochs = 4\n[lora]\nrank = 4\ntargets = [\"q_proj\", \"down_proj\"]\n");
  recipe.base = run / "folder/best";
  const Json last = run.run(recipe, "out");
  const formats::Checkpoint tuned =
      runtime::open_model(recipe.base, {.adapters = {run / "out/best"}});
  runtime::Runner reader(tuned, *run.comm, {});
  const Prepared prepared = prepare(recipe, runtime::tokenizer_of(stories));
  // The pair is added to the matrix before the product here, after it while it was trained.
  EXPECT_NEAR(prepared.task->measure(reader)->report["perplexity"].get<double>(),
              last.value("perplexity", 0.0), 1e-3);
}

}  // namespace
}  // namespace medlar::train
