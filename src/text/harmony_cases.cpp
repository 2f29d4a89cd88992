#include "text/harmony_cases.h"

#include "base/error.h"
#include "text/harmony_parser.h"
#include "text/json_fields.h"

namespace medlar::text {
namespace {

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The order of keys does not count.
CaseResult compare(std::string name, const Json& expected, const Json& got) {
  const bool same = nlohmann::json(got) == nlohmann::json(expected);
  CaseResult result = {.name = std::move(name), .expected = {}, .got = {}, .pass = same};
  if (!result.pass) {
    result.expected = dumped(expected);
    result.got = dumped(got);
  }
  return result;
}

Json error_json(const Error& error) { return {{"error", error.what()}}; }

std::vector<i64> rendered(const HarmonyFormat& format, const Json& golden) {
  const std::vector<HarmonyMessage> conversation =
      harmony_conversation_from_json(required_field(golden, "conversation"));
  const auto old_analysis =
      bool_field(golden, "auto_drop_analysis", true) ? OldAnalysis::drop : OldAnalysis::keep;
  const std::string method = text_field(golden, "method", "render_conversation_for_completion");
  if (method == "render_conversation") return format.render(conversation, old_analysis);
  if (method == "render_conversation_for_training")
    return format.render_for_training(conversation, old_analysis);
  if (method != "render_conversation_for_completion")
    fail(ErrorCode::corrupt_file, "a harmony case asks for a method that is not known");
  const std::string next = text_field(golden, "next_turn_role", "assistant");
  const std::optional<HarmonyRole> role = harmony_role_named(next);
  if (!role) fail(ErrorCode::invalid_argument, "unknown role: {}", next);
  return format.render_for_completion(conversation, *role, old_analysis);
}

void verify_render(const HarmonyFormat& format, const Tokenizer& tokenizer, const Json& golden,
                   std::vector<CaseResult>& results) {
  const Json* error = find_field(golden, "error");
  std::vector<i64> ids;
  try {
    ids = rendered(format, golden);
  } catch (const Error& raised) {  // an outcome here: it is held against the expected one
    const Json expected =
        error != nullptr ? Json{{"error", *error}} : golden.value("ids", Json(nullptr));
    results.push_back(compare("render", expected, error_json(raised)));
    // Where the JSON itself is refused, the reference's words are those of its JSON library.
    const bool is_form = error != nullptr && error->is_string() &&
                         error->get_ref<const std::string&>().starts_with("invalid conversation");
    if (is_form && raised.code() == ErrorCode::invalid_argument)
      results.back() = {.name = "render", .expected = {}, .got = {}, .pass = true};
    return;
  }
  if (error != nullptr) {
    results.push_back(compare("render", {{"error", *error}}, ids));
    return;
  }
  const Json* expected = find_field(golden, "ids");
  if (expected != nullptr) results.push_back(compare("ids", *expected, ids));
  if (const Json* text = find_field(golden, "text"))
    results.push_back(compare("text", *text, tokenizer.decode(ids, SpecialsInText::keep)));
}

std::string_view name_of(HarmonyParser::State state) {
  switch (state) {
    case HarmonyParser::State::expect_start:
      return "ExpectStart";
    case HarmonyParser::State::header:
      return "Header";
    case HarmonyParser::State::content:
      break;
  }
  return "Content";
}

Json stream_entry(const HarmonyParser& parser, const Json& id) {
  Json entry = {{"id", id},
                {"state", name_of(parser.state())},
                {"delta", parser.delta() ? Json(*parser.delta()) : Json(nullptr)}};
  if (parser.role()) entry["role"] = name_of(*parser.role());
  if (parser.channel()) entry["channel"] = *parser.channel();
  if (parser.recipient()) entry["recipient"] = *parser.recipient();
  if (parser.content_type()) entry["content_type"] = *parser.content_type();
  entry["messages_done"] = parser.messages().size();
  return entry;
}

/// What the parser said at each token, and its messages or its error.
struct ParseOutcome {
  Json stream = Json::array();
  Json end;
};

ParseOutcome parsed(HarmonyParser& parser, const Json& ids) {
  ParseOutcome outcome;
  const auto step = [&](const Json& id, auto&& action) {
    try {
      action();
      outcome.stream.push_back(stream_entry(parser, id));
      return true;
    } catch (const Error& raised) {  // an outcome here: it is held against the expected one
      outcome.stream.push_back({{"id", id}, {"error", raised.what()}});
      outcome.end = error_json(raised);
      return false;
    }
  };
  for (const Json& id : ids) {
    if (!id.is_number_integer())
      fail(ErrorCode::corrupt_file, "a harmony case has an id that is no number");
    if (!step(id, [&] { parser.push(id.get<i64>()); })) return outcome;
  }
  if (!step(nullptr, [&] { parser.finish(); })) return outcome;
  Json messages = Json::array();
  for (const HarmonyMessage& message : parser.messages()) messages.push_back(to_json(message));
  outcome.end = std::move(messages);
  return outcome;
}

void verify_parse(const HarmonyFormat& format, const Tokenizer& tokenizer, const Json& golden,
                  std::vector<CaseResult>& results) {
  const std::string role_name = text_field(golden, "role", "");
  const std::optional<HarmonyRole> role =
      role_name.empty() ? std::nullopt : harmony_role_named(role_name);
  const auto strictness =
      bool_field(golden, "strict", true) ? HarmonyStrictness::strict : HarmonyStrictness::tolerant;
  HarmonyParser parser(format, role, strictness);
  const Json* stored_ids = find_field(golden, "ids");
  const ParseOutcome outcome =
      parsed(parser, stored_ids != nullptr ? required_array(golden, "ids")
                                           : Json(tokenizer
                                                      .encode(required_text(golden, "text"),
                                                              {.special_text = SpecialText::parse})
                                                      .ids));
  const Json* error = find_field(golden, "error");
  results.push_back(error != nullptr
                        ? compare("error", {{"error", *error}}, outcome.end)
                        : compare("messages", required_field(golden, "messages"), outcome.end));
  const Json* stream = find_field(golden, "stream");
  if (stream == nullptr) return;
  for (std::size_t i = 0; i < std::max(stream->size(), outcome.stream.size()); ++i) {
    const auto at = [i](const Json& list) { return i < list.size() ? list[i] : Json(nullptr); };
    results.push_back(compare(fmt::format("stream {}", i), at(*stream), at(outcome.stream)));
  }
}

void verify_case(const HarmonyFormat& format, const Tokenizer& tokenizer, const Json& golden,
                 std::vector<CaseResult>& results) {
  const std::string kind = text_field(golden, "kind", "");
  if (kind == "render") return verify_render(format, tokenizer, golden, results);
  if (kind == "parse") return verify_parse(format, tokenizer, golden, results);
  fail(ErrorCode::corrupt_file, "a harmony case is of kind render or parse");
}

}  // namespace

bool is_harmony_golden(const Json& golden) {
  const Json& first = golden.is_array() && !golden.empty() ? golden.front() : golden;
  return first.is_object() && first.contains("kind");
}

std::vector<CaseResult> verify_harmony_cases(const Tokenizer& tokenizer, const Json& golden) {
  const HarmonyFormat format(tokenizer);
  std::vector<CaseResult> results;
  if (!golden.is_array()) {
    verify_case(format, tokenizer, golden, results);
    return results;
  }
  for (std::size_t i = 0; i < golden.size(); ++i) {
    const std::size_t before = results.size();
    verify_case(format, tokenizer, golden[i], results);
    for (std::size_t k = before; k < results.size(); ++k)
      results[k].name = fmt::format("case {} {}", i, results[k].name);
  }
  return results;
}

}  // namespace medlar::text
