#include "text/entity_cases.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "text/decoder.h"
#include "text/entities.h"
#include "text/json_fields.h"

namespace medlar::text {
namespace {

[[noreturn]] void fail_form(const std::string& what) {
  fail(ErrorCode::corrupt_file, "a token-classification case: {}", what);
}

std::vector<std::string> texts_at(const Json& object, std::string_view key) {
  std::vector<std::string> texts;
  for (const Json& text : required_array(object, key)) {
    if (!text.is_string()) fail_form("a text is expected");
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

std::vector<i64> numbers_at(const Json& object, std::string_view key) {
  std::vector<i64> numbers;
  for (const Json& number : required_array(object, key)) {
    if (!number.is_number_integer()) fail_form("a whole number is expected");
    numbers.push_back(number.get<i64>());
  }
  return numbers;
}

std::vector<ByteRange> ranges_at(const Json& object, std::string_view key, i64 text_size) {
  std::vector<ByteRange> ranges;
  for (const Json& pair : required_array(object, key)) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
        !pair[1].is_number_integer()) {
      fail_form("a pair of offsets is expected");
    }
    const ByteRange range = {pair[0].get<i64>(), pair[1].get<i64>()};
    if (range.begin < 0 || range.end < range.begin || range.end > text_size)
      fail_form("offsets lie outside of the text");
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<float> floats_of(const Json& row) {
  if (!row.is_array()) fail_form("a row of logits is expected");
  std::vector<float> values;
  for (const Json& value : row) {
    if (!value.is_number()) fail_form("a logit is no number");
    values.push_back(value.get<float>());
  }
  return values;
}

/// A window as the file has it.
struct Window {
  std::vector<std::string> tokens;
  std::vector<i64> ids;
  std::vector<ByteRange> offsets;
  std::vector<i64> specials;
  const Json* logits = nullptr;
};

Window window_from_json(const Json& json, i64 text_size) {
  Window window = {.tokens = texts_at(json, "tokens"),
                   .ids = numbers_at(json, "ids"),
                   .offsets = ranges_at(json, "offsets_bytes", text_size),
                   .specials = numbers_at(json, "special_tokens_mask"),
                   .logits = &required_array(json, "logits")};
  const std::size_t count = window.tokens.size();
  if (window.ids.size() != count || window.offsets.size() != count ||
      window.specials.size() != count || window.logits->size() != count) {
    fail_form("its lists differ in length");
  }
  return window;
}

/// True where the vocabulary has the case's tokens under its ids.
bool fits(const Tokenizer& tokenizer, const std::vector<Window>& windows) {
  return std::ranges::all_of(windows, [&](const Window& window) {
    for (std::size_t i = 0; i < window.ids.size(); ++i) {
      if (tokenizer.token_text(window.ids[i]) != std::string_view(window.tokens[i])) return false;
    }
    return true;
  });
}

bool is_word_piece(const std::vector<Window>& windows) {
  return std::ranges::any_of(windows, [](const Window& window) {
    return std::ranges::any_of(window.tokens, [](const std::string& token) {
      return token == "[CLS]" || token.starts_with("##");
    });
  });
}

/// The usual joining of tokens of a kind, where the tokenizer itself is not at hand.
WordForm usual_form(bool word_piece) {
  const std::shared_ptr<const Decoder> decoder =
      decoder_from_json(Json{{"type", word_piece ? "WordPiece" : "ByteLevel"}});
  return {.marks_continuation = word_piece, .join = [decoder](std::vector<std::string> tokens) {
            decoder->apply(tokens);
            std::string text;
            for (const std::string& token : tokens) text += token;
            return text;
          }};
}

std::vector<ScoredToken> scored(const Window& window) {
  std::vector<ScoredToken> tokens;
  for (std::size_t i = 0; i < window.tokens.size(); ++i) {
    if (window.specials[i] != 0) continue;
    tokens.push_back({.text = window.tokens[i],
                      .range = window.offsets[i],
                      .index = static_cast<i64>(i),
                      .is_unknown = window.tokens[i] == "[UNK]" || window.tokens[i] == "<unk>",
                      .probabilities = softmax(floats_of((*window.logits)[i]))});
  }
  return tokens;
}

Json entity_json(const Entity& entity, Aggregation aggregation) {
  const bool is_token = aggregation == Aggregation::none;
  Json json = {{is_token ? "entity" : "entity_group", entity.label}, {"score", entity.score}};
  if (is_token) json["index"] = entity.index;
  json["word"] = entity.word;
  json["start_byte"] = entity.range.begin;
  json["end_byte"] = entity.range.end;
  return json;
}

/// The same fields, the score within the tolerance.
bool agrees(const Json& expected, const Json& got, double tolerance) {
  if (!expected.is_array() || expected.size() != got.size()) return false;
  for (std::size_t i = 0; i < got.size(); ++i) {
    for (const auto& [key, value] : got[i].items()) {
      const Json* wanted = find_field(expected[i], key);
      if (wanted == nullptr) return false;
      if (key != "score" && *wanted != value) return false;
      if (key != "score") continue;
      if (!wanted->is_number()) return false;
      if (!(std::fabs(wanted->get<double>() - value.get<double>()) <= tolerance)) return false;
    }
  }
  return true;
}

CaseResult compare(std::string name, const Json& expected, const Json& got, bool pass) {
  CaseResult result = {.name = std::move(name), .expected = {}, .got = {}, .pass = pass};
  if (!pass) {
    result.expected = expected.dump(-1, ' ', false, Json::error_handler_t::replace);
    result.got = got.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return result;
}

Json tokens_json(const std::vector<i64>& ids, const std::vector<ByteRange>& offsets) {
  Json json = {{"ids", ids}, {"offsets", Json::array()}};
  for (const ByteRange& range : offsets) json["offsets"].push_back({range.begin, range.end});
  return json;
}

/// Special tokens that the file has behind the last one of the encoding: padding to a common
/// length.
std::size_t padding_of(const Window& window, const Encoding& encoding) {
  if (window.ids.size() <= encoding.ids.size()) return 0;
  const std::size_t count = window.ids.size() - encoding.ids.size();
  const bool all_special =
      std::ranges::all_of(window.specials.end() - static_cast<std::ptrdiff_t>(count),
                          window.specials.end(), [](i64 special) { return special != 0; });
  return all_special ? count : 0;
}

template <typename T>
std::vector<T> without_last(const std::vector<T>& list, std::size_t count) {
  return {list.begin(), list.end() - static_cast<std::ptrdiff_t>(count)};
}

/// The tokenizer's own windows of the text against the case's.
void verify_tokens(const Tokenizer& tokenizer, const Json& stored, const std::string& text,
                   const std::vector<Window>& windows, std::vector<CaseResult>& results) {
  const std::string name = text_field(stored, "name", "");
  // The reference takes a special token that is typed in the text for one.
  const EncodeOptions with_specials = {.special_tokens = SpecialTokens::add,
                                       .special_text = SpecialText::parse};
  std::vector<Encoding> encodings;
  if (stored.contains("chunks")) {
    encodings = tokenizer.windows(text, integer_field(stored, "max_length", 0),
                                  integer_field(stored, "stride", 0), with_specials);
  } else {
    encodings.push_back(tokenizer.encode(text, with_specials));
  }
  Json expected = Json::array();
  Json got = Json::array();
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::size_t padding = i < encodings.size() ? padding_of(windows[i], encodings[i]) : 0;
    expected.push_back(tokens_json(without_last(windows[i].ids, padding),
                                   without_last(windows[i].offsets, padding)));
  }
  for (const Encoding& one : encodings) got.push_back(tokens_json(one.ids, one.offsets));
  results.push_back(compare(name + " tokens", expected, got, expected == got));
}

void verify_case(const Tokenizer* tokenizer, const Json& stored, double tolerance,
                 std::vector<CaseResult>& results) {
  const std::string name = text_field(stored, "name", "");
  const std::string text = required_text(stored, "text");
  std::vector<Window> windows;
  const bool is_cut = stored.contains("chunks");
  if (is_cut) {
    for (const Json& chunk : required_array(stored, "chunks"))
      windows.push_back(window_from_json(chunk, ssize_of(text)));
  } else {
    windows.push_back(window_from_json(stored, ssize_of(text)));
  }
  EntityOptions options = {.labels = texts_at(stored, "labels")};
  if (stored.contains("ignore_labels")) options.ignored = texts_at(stored, "ignore_labels");
  const bool own = tokenizer != nullptr && fits(*tokenizer, windows);
  if (own) verify_tokens(*tokenizer, stored, text, windows, results);
  const WordForm form = own ? word_form_of(*tokenizer) : usual_form(is_word_piece(windows));
  for (const auto& [strategy, expected] : required_field(stored, "expected").items()) {
    options.aggregation = aggregation_named(strategy);
    std::vector<Entity> entities;
    for (const Window& window : windows) {
      for (Entity& entity : entities_of(text, scored(window), options, form))
        entities.push_back(std::move(entity));
    }
    if (windows.size() > 1) entities = merge_windows(text, std::move(entities));
    Json got = Json::array();
    for (const Entity& entity : entities) got.push_back(entity_json(entity, options.aggregation));
    results.push_back(compare(fmt::format("{} {}", name, strategy), expected, got,
                              agrees(expected, got, tolerance)));
  }
}

}  // namespace

bool is_entity_golden(const Json& golden) {
  if (!golden.is_object() || !golden.contains("cases")) return false;
  const Json& cases = golden["cases"];
  return cases.is_array() && !cases.empty() && cases.front().is_object() &&
         cases.front().contains("labels") && cases.front().contains("expected");
}

std::vector<CaseResult> verify_entity_cases(const TokenizerByName& tokenizer_named,
                                            const Json& golden) {
  const Json* tolerance = find_field(golden, "score_tolerance");
  std::vector<CaseResult> results;
  for (const Json& stored : required_array(golden, "cases")) {
    if (!stored.is_object()) fail_form("it is no object");
    verify_case(tokenizer_named(text_field(stored, "tokenizer", "")), stored,
                tolerance != nullptr && tolerance->is_number() ? tolerance->get<double>() : 2e-6,
                results);
  }
  return results;
}

}  // namespace medlar::text
