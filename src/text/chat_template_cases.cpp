#include "text/chat_template_cases.h"

#include <string_view>

#include "base/error.h"

namespace medlar::text {
namespace {

std::string text_member(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// What a rendering gave: a text, or the message of an error.
struct Outcome {
  std::string text;
  std::optional<ErrorCode> error;
};

Outcome render_case(const ChatTemplate& chat_template, const Json& stored) {
  try {
    return {.text = chat_template.render(chat_input_from_case(stored)), .error = {}};
  } catch (const Error& error) {  // an expected outcome here, not a failure of the verification
    return {.text = error.what(), .error = error.code()};
  }
}

bool passes(const Outcome& outcome, const Json& stored, const Json& expected) {
  if (expected.is_string())
    return !outcome.error && outcome.text == expected.get_ref<const std::string&>();
  const auto lenient = stored.find("expected_lenient");
  if (!outcome.error) return lenient != stored.end() && *lenient == outcome.text;
  if (*outcome.error == ErrorCode::internal) return false;
  const bool same_words = outcome.error == ErrorCode::invalid_argument &&
                          outcome.text == text_member(expected, "error");
  return same_words || text_member(expected, "kind") != "raised";
}

}  // namespace

std::vector<TemplateCaseResult> verify_template_cases(const ChatTemplate& chat_template,
                                                      const Json& cases) {
  if (!cases.is_array()) fail(ErrorCode::invalid_argument, "template cases must be a list");
  std::vector<TemplateCaseResult> results;
  for (const Json& stored : cases) {
    const auto expected = stored.is_object() ? stored.find("expected") : stored.end();
    if (expected == stored.end() || !(expected->is_string() || expected->is_object())) {
      fail(ErrorCode::invalid_argument, "template case {}: no expected text", results.size());
    }
    const Outcome outcome = render_case(chat_template, stored);
    results.push_back({
        .index = ssize_of(results),
        .name = text_member(stored, "name"),
        .expected = expected->is_string() ? expected->get<std::string>()
                                          : "error: " + text_member(*expected, "error"),
        .got = (outcome.error ? "error: " : "") + outcome.text,
        .pass = passes(outcome, stored, *expected),
    });
  }
  return results;
}

}  // namespace medlar::text
