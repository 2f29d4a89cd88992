// chat, parse.
#include <csignal>

#include "e2e/cli.h"

namespace medlar::tests {
namespace {

/// The stories model with a chat template, so that it continues what was said.
class StoryTeller {
 public:
  StoryTeller() {
    for (const char* name : {"stories260K.bin", "tok512.bin"})
      fs::copy(fs::path(stories()) / name, folder_ / name);
    write_bytes(folder_ / "chat_template.jinja",
                "{{ bos_token }}{% for m in messages %}{{ m.content }}"
                "{% if not loop.last %} {% endif %}{% endfor %}");
  }
  std::string path() const {
    return fs::path(folder_ / "chat_template.jinja").parent_path().string();
  }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TemporaryFolder folder_;
};

TEST(Chat, SaysWhatGenerateSays) {
  const StoryTeller model;
  const Json data =
      data_of({"chat", model.path(), "--prompt", "Once upon a time", "--max-tokens", "20"});
  ASSERT_EQ(data["messages"].size(), 2u);
  EXPECT_EQ(data["messages"][1]["role"], "assistant");
  EXPECT_EQ(data["messages"][1]["content"],
            data_of({"generate", stories(), "--prompt", "Once upon a time", "--max-tokens",
                     "20"})["text"]);
}

TEST(Chat, LinesAreMessagesAndCommands) {
  const StoryTeller model;
  const Json data = data_of({"chat", model.path(), "--max-tokens", "5", "--system", "Tell."},
                            "One day\n\n/reset\nLily\n/exit\nnot said\n");
  ASSERT_EQ(data["messages"].size(), 3u);
  EXPECT_EQ(data["messages"][0]["content"], "Tell.");
  EXPECT_EQ(data["messages"][1]["content"], "Lily");
}

TEST(Chat, AConversationIsSavedAndGoesOn) {
  const StoryTeller model;
  data_of({"chat", model.path(), "--prompt", "One", "--max-tokens", "4", "--save",
           model / "talk.json"});
  const Json data = data_of({"chat", model.path(), "--prompt", "Two", "--max-tokens", "4", "--load",
                             model / "talk.json"});
  EXPECT_EQ(data["messages"].size(), 4u);
  write_bytes(model / "broken.json", "{\"messages\": 3}");
  EXPECT_EQ(
      error_code_of({"chat", model.path(), "--prompt", "x", "--load", model / "broken.json"}, 1),
      "invalid_argument");
}

TEST(Chat, SpecialTokensThatAUserTypesStayText) {
  const StoryTeller model;
  const Json data = data_of({"chat", model.path(), "--prompt", "</s>Lily", "--max-tokens", "3"});
  EXPECT_EQ(data["messages"][0]["content"], "</s>Lily");
  EXPECT_FALSE(data["messages"][1]["content"].get<std::string>().empty());
}

TEST(Chat, WhatTheModelCannotIsSaid) {
  const StoryTeller model;
  EXPECT_EQ(error_code_of({"chat", model.path(), "--prompt", "x", "--image", "x.png"}, 1),
            "unsupported");
  EXPECT_EQ(error_code_of({"chat", stories(), "--prompt", "x"}, 1), "unsupported");
  EXPECT_EQ(error_code_of({"chat", model.path(), "--reasoning", "extreme"}, 2), "usage");
}

TEST(Chat, InterruptStopsTheAnswerNotTheProgram) {
  const StoryTeller model;
  Process process(
      command_of({"chat", model.path(), "--temperature", "1", "--max-tokens", "400", "--json"}),
      "One day\nLily\n");
  for (int i = 0; i < 2000 && !process.catches(SIGINT); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  process.send(SIGINT);
  const ProcessResult result = process.wait(std::chrono::minutes(1));
  // Loading may have been what was stopped; an answer that was stopped leaves both messages.
  if (result.exit_code == 0) {
    EXPECT_EQ(envelope_of(result)["data"]["messages"].size(), 4u);
  } else {
    EXPECT_EQ(envelope_of(result)["error"]["code"], "cancelled");
  }
}

TEST(Parse, PlainOutputIsAnswer) {
  const Json data = data_of({"parse", stories(), "-"}, "Lily went home.");
  EXPECT_EQ(data["answer"], "Lily went home.");
  EXPECT_EQ(data["reasoning"], "");
  EXPECT_EQ(data_of({"parse", stories(), "--prompt-opened-thinking"}, "a</think>b")["answer"], "b");
  const Json ids = data_of({"tokenize", stories(), "--no-special"}, "Lily")["ids"];
  EXPECT_EQ(data_of({"parse", stories(), "--ids"}, ids.dump())["answer"], "Lily");
  EXPECT_EQ(error_code_of({"parse", stories(), "--ids"}, 1, "3"), "invalid_argument");
}

TEST(Parse, TheTemplateSaysWhetherThePromptOpenedTheThinking) {
  const StoryTeller model;
  write_bytes(model / "chat_template.jinja",
              "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}"
              "{% if add_generation_prompt %}<think>\n{% endif %}");
  const Json data = data_of({"parse", model.path()}, "Hm.\n</think>\n\nYes.");
  EXPECT_EQ(data["reasoning"], "Hm.");
  EXPECT_EQ(data["answer"], "Yes.");
}

}  // namespace
}  // namespace medlar::tests
