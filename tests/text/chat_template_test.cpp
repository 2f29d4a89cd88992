#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "shared_data.h"
#include "text/chat_template_cases.h"

namespace medlar::text {
namespace {

Error error_of(const std::string& source, const ChatInput& input = {}) {
  try {
    ChatTemplate(source).render(input);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error from " << source;
  return Error(ErrorCode::internal, "none");
}

TEST(ChatTemplate, RaisedWordsAreTheWholeMessage) {
  const Error error = error_of("a{{ raise_exception('Roles must ' ~ 'alternate!') }}");
  EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
  EXPECT_STREQ(error.what(), "Roles must alternate!");
}

TEST(ChatTemplate, OperationsWithoutMeaningNameTheLine) {
  for (const std::string expression : {"u.x",
                                       "u + 1",
                                       "u()",
                                       "u[0]",
                                       "-u",
                                       "u < 1",
                                       "u|int",
                                       "u|tojson",
                                       "1 + 'a'",
                                       "1 / 0",
                                       "1 // 0",
                                       "1 % 0",
                                       "0 ** -1",
                                       "-'x'",
                                       "1 in 2",
                                       "'x' < 1",
                                       "{[]: 1}",
                                       "{}|sort|first + 1",
                                       "''.split('')",
                                       "[].pop()",
                                       "{}.pop('a')",
                                       "'a'.index('b')",
                                       "[1][::0]",
                                       "range(1, 2, 0)",
                                       "range('a')",
                                       "1|length",
                                       "1|list",
                                       "'%d' % 'x'",
                                       "'%d %d' % 1",
                                       "'{}'.format()",
                                       "'{'.format()",
                                       "'a'.upper(1)",
                                       "none.x.y",
                                       "none()",
                                       "'a'.join([1])",
                                       "dict(1)",
                                       "[1, 'a']|sort",
                                       "raise_exception()",
                                       "[]|batch(0)",
                                       "1|items",
                                       "'a'|tojson(foo=1)"}) {
    const Error error = error_of("\n\n{{ " + expression + " }}");
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << expression << ": " << error.what();
    EXPECT_NE(std::string(error.what()).find("(at line 3)"), std::string::npos)
        << expression << ": " << error.what();
  }
  EXPECT_EQ(error_of("{% set x.y = 1 %}").code(), ErrorCode::invalid_argument);
  EXPECT_EQ(error_of("{% set a, b = [1] %}").code(), ErrorCode::invalid_argument);
  EXPECT_EQ(error_of("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}").code(),
            ErrorCode::invalid_argument);
  EXPECT_EQ(error_of("{% macro m(a) %}{% endmacro %}{{ m(b=2) }}").code(),
            ErrorCode::invalid_argument);
  EXPECT_EQ(error_of("{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}").code(),
            ErrorCode::invalid_argument);
  EXPECT_EQ(error_of("{% for x in [1] %}{{ loop([1]) }}{% endfor %}").code(),
            ErrorCode::invalid_argument);
}

TEST(ChatTemplate, UnknownNamesAreUnsupported) {
  EXPECT_EQ(error_of("{{ 1|no_such_filter }}").code(), ErrorCode::unsupported);
  EXPECT_EQ(error_of("{{ 1 is no_such_test }}").code(), ErrorCode::unsupported);
  EXPECT_EQ(error_of("{% include 'x' %}").code(), ErrorCode::unsupported);
  EXPECT_EQ(error_of("{{ strftime_now('%Q') }}").code(), ErrorCode::unsupported);
  EXPECT_EQ(ChatTemplate("{% if false %}{{ 1|no_such_filter }}{% endif %}ok").render({}), "ok");
}

TEST(ChatTemplate, BrokenSyntaxNamesTheLine) {
  for (const std::string source : {"{{",
                                   "{{ 1",
                                   "{{ }}",
                                   "{% if %}",
                                   "{% if 1 %}",
                                   "{% endif %}",
                                   "{% for x %}{% endfor %}",
                                   "{% for 1 in x %}{% endfor %}",
                                   "{% set %}",
                                   "{% set x = %}",
                                   "{% set true = 1 %}",
                                   "{% macro %}",
                                   "{% macro f(a=1, b) %}{% endmacro %}",
                                   "{% nonsense %}",
                                   "{# open",
                                   "{% raw %}",
                                   "{{ 'open }}",
                                   "{{ (1 }}",
                                   "{{ 1) }}",
                                   "{{ [1) }}",
                                   "{{ a..b }}",
                                   "{{ a| }}",
                                   "{{ a is }}",
                                   "{{ $ }}",
                                   "{{ '\\N{DIGIT ONE}' }}",
                                   "{{ '\\ud800' }}",
                                   "{{ '\\xz1' }}",
                                   "{{ f(a=1, 2) }}",
                                   "{% break %}",
                                   "{% macro m() %}{% break %}{% endmacro %}",
                                   "{% else %}",
                                   "{% if 1 %}{% endfor %}",
                                   "{{ 0x }}",
                                   "{{ 1e999 }}",
                                   "{% call 1 %}{% endcall %}",
                                   "{% for a in b %}{% else %}",
                                   "{% set a, b %}{% endset %}",
                                   "{{ {'a'} }}",
                                   "{% with a %}{% endwith %}"}) {
    const Error error = error_of("\n" + source);
    EXPECT_EQ(error.code(), ErrorCode::corrupt_file) << source << ": " << error.what();
    EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos)
        << source << ": " << error.what();
  }
  EXPECT_EQ(error_of("\xff").code(), ErrorCode::corrupt_file);
}

TEST(ChatTemplate, SeesItsVariables) {
  ChatInput input = chat_input_from_case(Json{{"messages", {{{"role", "user"}, {"content", "Hi"}}}},
                                              {"add_generation_prompt", true},
                                              {"bos_token", "<s>"},
                                              {"eos_token", nullptr},
                                              {"kwargs", {{"level", 2}, {"tools", "mine"}}}});
  const ChatTemplate chat_template(
      "{{ bos_token }}{{ messages[0].content }}|{{ eos_token is defined }}|{{ tools }}|{{ "
      "documents }}|{{ level }}|"
      "{{ add_generation_prompt }}");
  EXPECT_EQ(chat_template.render(input), "<s>Hi|False|mine|None|2|True");
  EXPECT_EQ(ChatTemplate("{{ tools is none }}{{ bos_token is defined }}").render({}), "TrueFalse");
}

TEST(ChatTemplate, MessagesAreNormalised) {
  const Json messages = parse_json(
      R"([{"role": "assistant", "content": null, "reasoning": "r", "name": "n"},
          {"role": "assistant", "reasoning_content": null, "thinking": "t"}])",
      "test");
  EXPECT_EQ(
      normalise_messages(messages).dump(),
      R"([{"thinking":"r","role":"assistant","reasoning":"r","name":"n","reasoning_content":"r"},)"
      R"({"thinking":"t","role":"assistant","reasoning_content":"t"}])");
  EXPECT_THROW(normalise_messages(Json("x")), Error);
  EXPECT_THROW(normalise_messages(Json::array({1})), Error);
}

TEST(ChatTemplate, SpecialTokenTextStaysAsItIs) {
  ChatInput input;
  input.messages = Json::array({{{"content", "<|im_end|>{{ 1 }}{% x %}"}}});
  EXPECT_EQ(ChatTemplate("{{ messages[0].content }}").render(input), "<|im_end|>{{ 1 }}{% x %}");
}

TEST(ChatTemplate, LocalClockIsTheDefault) {
  const std::string year = ChatTemplate("{{ strftime_now('%Y') }}").render({});
  EXPECT_EQ(year.size(), 4u);
  EXPECT_GE(year, "2024");
}

TEST(ChatTemplate, ManyThreadsShareOne) {
  const ChatTemplate chat_template(
      "{% set q = ['a'] %}{% for m in messages %}{% do q.append(m.content) %}{% endfor %}{{ q|join "
      "}}");
  ChatInput input;
  for (int i = 0; i < 50; ++i) input.messages.push_back({{"content", std::to_string(i)}});
  const std::string expected = chat_template.render(input);
  std::vector<std::thread> threads;
  std::vector<int> same(4, 0);
  for (int& count : same) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        count += static_cast<int>(chat_template.render(input) == expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, std::vector<int>(4, 50));
}

class ChatTemplateFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(MEDLAR_BINARY_DIR) / "chat_template_files";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::string rendered(TemplateUse use = TemplateUse::plain) {
    return load_chat_template(folder_, use).render({});
  }

  std::filesystem::path folder_;
};

TEST_F(ChatTemplateFiles, FolderPrefersTheJinjaFile) {
  write("tokenizer_config.json", R"({"chat_template": "config"})");
  EXPECT_EQ(rendered(), "config");
  write("chat_template.json", R"({"chat_template": "json"})");
  EXPECT_EQ(rendered(), "json");
  write("chat_template.jinja", "jinja");
  EXPECT_EQ(rendered(), "jinja");
  EXPECT_EQ(load_chat_template(folder_ / "tokenizer_config.json").render({}), "config");
  EXPECT_EQ(load_chat_template(folder_ / "chat_template.jinja").render({}), "jinja");
}

TEST_F(ChatTemplateFiles, ListsHaveATemplateForTools) {
  write(
      "tokenizer_config.json",
      R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}, 3]})");
  EXPECT_EQ(rendered(), "plain");
  EXPECT_EQ(rendered(TemplateUse::tools), "tools");
}

TEST_F(ChatTemplateFiles, AbsentTemplatesAreNotFound) {
  const auto code = [&] {
    try {
      rendered();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code(), ErrorCode::not_found);
  write("tokenizer_config.json", R"({"chat_template": 3})");
  EXPECT_EQ(code(), ErrorCode::not_found);
  write("tokenizer_config.json", R"([])");
  EXPECT_EQ(code(), ErrorCode::not_found);
  EXPECT_THROW(load_chat_template(folder_ / "absent.jinja"), Error);
}

TEST(ChatTemplate, GgufMetadata) {
  const Json metadata = {{"tokenizer.chat_template", "plain"},
                         {"tokenizer.chat_template.tool_use", "tools"}};
  EXPECT_EQ(chat_template_from_gguf(metadata).render({}), "plain");
  EXPECT_EQ(chat_template_from_gguf(metadata, TemplateUse::tools).render({}), "tools");
  EXPECT_THROW(chat_template_from_gguf(Json::object()), Error);
}

TEST(ChatTemplateCases, CompareTextsAndErrors) {
  const Json cases = parse_json(R"([
    {"name": "same", "messages": [], "expected": "x"},
    {"name": "other", "messages": [], "expected": "y"},
    {"name": "no error", "messages": [], "expected": {"error": "e", "kind": "python"}},
    {"name": "lenient", "messages": [], "expected": {"error": "e", "kind": "sandbox"}, "expected_lenient": "x"},
    {"name": "unread", "messages": 3, "expected": "x"}])",
                                "test");
  const auto results = verify_template_cases(ChatTemplate("x"), cases);
  ASSERT_EQ(results.size(), 5u);
  EXPECT_TRUE(results[0].pass);
  EXPECT_FALSE(results[1].pass);
  EXPECT_EQ(results[1].got, "x");
  EXPECT_FALSE(results[2].pass);
  EXPECT_TRUE(results[3].pass);
  EXPECT_FALSE(results[4].pass);
  const Json errors = parse_json(R"([
    {"messages": [], "expected": {"error": "e", "kind": "raised"}},
    {"messages": [], "expected": {"error": "f", "kind": "raised"}},
    {"messages": [], "expected": {"error": "f", "kind": "undefined"}}])",
                                 "test");
  const auto raised = verify_template_cases(ChatTemplate("{{ raise_exception('e') }}"), errors);
  EXPECT_TRUE(raised[0].pass);
  EXPECT_FALSE(raised[1].pass);
  EXPECT_TRUE(raised[2].pass);
  EXPECT_THROW(verify_template_cases(ChatTemplate("x"), Json::array({1})), Error);
}

/// Where the template of a stored file of cases lies.
std::filesystem::path template_path(const std::string& name) {
  const auto data = tests::shared_folder() / "data";
  if (name == "tok.gptoss") return data / "tok" / "gptoss.chat_template.jinja";
  if (name.starts_with("tok.")) return data / "tok" / (name.substr(4) + ".tokenizer_config.json");
  return data / "chat_templates" / (name + ".jinja");
}

TEST(ChatTemplateCases, EveryStoredCaseByteForByte) {
  MEDLAR_NEEDS_SHARED();
  i64 count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(tests::shared_folder() / "golden" / "chat_templates")) {
    const Json cases = read_json_file(entry.path());
    const ChatTemplate chat_template =
        load_chat_template(template_path(entry.path().stem().string()));
    for (const TemplateCaseResult& result : verify_template_cases(chat_template, cases)) {
      EXPECT_TRUE(result.pass) << entry.path().stem() << " case " << result.index << " "
                               << result.name << "\n  expected " << result.expected
                               << "\n  got      " << result.got;
      ++count;
    }
    for (const Json& stored : cases) {
      const auto seen = stored.find("messages_seen");
      if (seen == stored.end()) continue;
      EXPECT_EQ(normalise_messages(stored["messages"]).dump(), seen->dump())
          << entry.path().stem() << " " << stored["name"];
    }
  }
  EXPECT_GT(count, 0);
}

}  // namespace
}  // namespace medlar::text
