// include/medlar/engine.h as a program uses it.
#include <thread>

#include "e2e/cli.h"
#include "medlar/engine.h"

namespace medlar::tests {
namespace {

std::string code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const EngineError& error) {
    EXPECT_NE(std::string(error.what()), "");
    return error.code();
  }
  return "";
}

TEST(Library, SaysWhatTheProgramSays) {
  Engine engine = Engine::open(stories(), {.threads = 1});
  const std::string story = bytes_of(source("tests/cases/stories260K/greedy_200.txt"));
  std::string streamed;
  EXPECT_EQ(engine.generate("", {.max_tokens = 200},
                            [&](std::string_view text) {
                              streamed += text;
                              return true;
                            }),
            story);
  EXPECT_EQ(streamed, story);
  const ModelInfo info = engine.info();
  EXPECT_EQ(info.family, "llama");
  EXPECT_TRUE(info.generates);
  EXPECT_EQ(info.context, 512);
  EXPECT_EQ(info.vocabulary, 512);
  EXPECT_EQ(info.layers, 5);
  EXPECT_EQ(info.dimensions, 64);
  EXPECT_GE(info.weight_bytes, 260032 * 4);
}

TEST(Library, ACallbackEndsTheTextOrThrowsThrough) {
  Engine engine = Engine::open(stories());
  int pieces = 0;
  const std::string text = engine.generate("", {}, [&](std::string_view) { return ++pieces < 3; });
  EXPECT_EQ(pieces, 3);
  EXPECT_LT(text.size(), 40u);
  EXPECT_THROW(
      engine.generate("", {}, [](std::string_view) -> bool { throw std::domain_error("mine"); }),
      std::domain_error);
  // Neither leaves anything behind.
  EXPECT_EQ(engine.generate("", {.max_tokens = 3}), engine.generate("", {.max_tokens = 3}));
}

TEST(Library, TokensCoverTheirBytes) {
  const Engine engine = Engine::open(stories());
  const std::string text = "Temp 38.7 °C";
  const std::vector<Token> tokens = engine.tokenize(text, {.add_special = false});
  ASSERT_FALSE(tokens.empty());
  EXPECT_EQ(tokens.back().end, static_cast<i64>(text.size()));
  EXPECT_EQ(engine.tokenize(text).size(), tokens.size() + 1);
  std::vector<std::int64_t> ids;
  for (const Token& token : tokens) ids.push_back(token.id);
  EXPECT_EQ(engine.detokenize(ids), text);
}

TEST(Library, EntitiesStandInBytes) {
  Engine engine = Engine::open(source("models/medlar-ner/medlar-ner.gguf"), {.threads = 1});
  const std::string text = "Née 1950: aspirin for migraine.";
  const std::vector<Entity> entities = engine.entities(text);
  ASSERT_EQ(entities.size(), 2u);
  EXPECT_EQ(entities[0].begin, static_cast<i64>(text.find("aspirin")));
  EXPECT_EQ(entities[1].end, static_cast<i64>(text.find(".")));
  EXPECT_GT(entities[0].score, 0.5F);
  EXPECT_EQ(code_of([&] { engine.entities(text, "all"); }), "usage");
  EXPECT_EQ(code_of([&] { engine.entities("migraine \xff"); }), "invalid_argument");
  EXPECT_EQ(code_of([] { Engine::open(stories()).entities("migraine"); }), "unsupported");
}

TEST(Library, ErrorsHaveCodesAndNoTextOfARecord) {
  EXPECT_EQ(code_of([] { Engine::open("/no/such/model"); }), "not_found");
  EXPECT_EQ(code_of([] { Engine::open(stories(), {.threads = -1}); }), "invalid_argument");
  EXPECT_EQ(code_of([] { Engine::open(stories(), {.step_tokens = 0}); }), "invalid_argument");
  EXPECT_NE(code_of([] { Engine::open(stories(), {.isa = "quantum"}); }), "");
  Engine engine = Engine::open(stories());
  EXPECT_EQ(code_of([&] { engine.generate("", {.max_tokens = 0}); }), "invalid_argument");
  EXPECT_EQ(code_of([&] { engine.generate("", {.temperature = -1.0f}); }), "invalid_argument");
  EXPECT_EQ(code_of([&] { engine.embed({"chest pain"}); }), "unsupported");
  try {
    engine.generate("Quirinius \xff");
    ADD_FAILURE() << "a prompt that is no UTF-8 was taken";
  } catch (const EngineError& error) {
    EXPECT_EQ(error.code(), "invalid_argument");
    EXPECT_EQ(std::string(error.what()).find("Quirinius"), std::string::npos);
  }
}

TEST(Library, ManyThreadsMayShareAnEngineAndItMayMove) {
  Engine first = Engine::open(stories(), {.threads = 2});
  const std::string alone = first.generate("The fox", {.max_tokens = 20});
  Engine engine = std::move(first);
  std::vector<std::string> texts(4);
  {
    std::vector<std::jthread> threads;
    for (std::string& text : texts) {
      threads.emplace_back([&] {
        engine.tokenize("The fox");
        text = engine.generate("The fox", {.max_tokens = 20});
      });
    }
  }
  for (const std::string& text : texts) EXPECT_EQ(text, alone);
}

}  // namespace
}  // namespace medlar::tests
