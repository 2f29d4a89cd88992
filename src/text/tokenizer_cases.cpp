#include "text/tokenizer_cases.h"

#include <functional>

#include "base/error.h"
#include "text/json_fields.h"

namespace medlar::text {
namespace {

Json to_json(const std::vector<ByteRange>& offsets) {
  Json list = Json::array();
  for (const ByteRange& range : offsets) list.push_back(Json::array({range.begin, range.end}));
  return list;
}

Json special_mask(const Encoding& encoding) {
  Json list = Json::array();
  for (i64 sequence : encoding.sequences) list.push_back(sequence < 0 ? 1 : 0);
  return list;
}

Json sequences(const Encoding& encoding) {
  Json list = Json::array();
  for (i64 sequence : encoding.sequences)
    list.push_back(sequence < 0 ? Json(nullptr) : Json(sequence));
  return list;
}

std::vector<i64> ids_of(const Json& list) {
  std::vector<i64> ids;
  for (const Json& id : list) {
    if (!id.is_number_integer())
      fail(ErrorCode::corrupt_file, "the golden file has an id that is not a number");
    ids.push_back(id.get<i64>());
  }
  return ids;
}

std::string text_of(const Json& json, std::string_view key) { return required_text(json, key); }

class Checker {
 public:
  Checker(const Tokenizer& tokenizer, const Json& golden) : tokenizer_(tokenizer) {
    const bool is_sentencepiece = text_field(golden, "reference", "").starts_with("sentencepiece");
    parsed_ = is_sentencepiece ? SpecialText::plain : SpecialText::parse;
  }

  std::vector<CaseResult> take() { return std::move(results_); }

  void check_case(const Json& entry) {
    const std::string name = text_field(entry, "name", "?");
    const std::string text = text_of(entry, "text");
    const Json& ids = required_array(entry, "ids");
    compare(name + " ids", ids,
            [&] { return Json(encode(text, SpecialTokens::none, parsed_).ids); });
    if (const Json* offsets = find_field(entry, "offsets")) {
      compare(name + " offsets", *offsets,
              [&] { return to_json(encode(text, SpecialTokens::none, parsed_).offsets); });
    }
    const Json* ids_special = find_field(entry, "ids_special");
    if (ids_special != nullptr) {
      compare(name + " ids_special", *ids_special,
              [&] { return Json(encode(text, SpecialTokens::add, parsed_).ids); });
    }
    const Json* ids_plain = find_field(entry, "ids_plain");
    compare(name + " ids_plain", ids_plain != nullptr ? *ids_plain : ids, [&] {
      return Json(encode(text, SpecialTokens::none, SpecialText::plain_special).ids);
    });
    if (const Json* decoded = find_field(entry, "decoded")) {
      compare(name + " decoded", *decoded,
              [&] { return Json(tokenizer_.decode(ids_of(ids), SpecialsInText::keep)); });
    }
    if (const Json* skipped = find_field(entry, "decoded_skip");
        skipped != nullptr && ids_special != nullptr) {
      compare(name + " decoded_skip", *skipped,
              [&] { return Json(tokenizer_.decode(ids_of(*ids_special), SpecialsInText::skip)); });
    }
    if (const Json* stream = find_field(entry, "stream")) {
      compare(name + " stream", *stream, [&] { return streamed(ids_of(ids)); });
    }
  }

  void check_pair(const Json& entry, i64 number) {
    const Encoding pair =
        tokenizer_.encode_pair(text_of(entry, "text"), text_of(entry, "pair"),
                               {.special_tokens = SpecialTokens::add, .special_text = parsed_});
    check_encoding(fmt::format("pair {}", number), entry, pair);
  }

  void check_windows(const Json& entry, i64 number) {
    const std::vector<Encoding> windows =
        tokenizer_.windows(text_of(entry, "text"), integer_field(entry, "max_length", 0),
                           integer_field(entry, "stride", 0),
                           {.special_tokens = SpecialTokens::add, .special_text = parsed_});
    const Json& expected = required_array(entry, "windows");
    compare(fmt::format("windows {} count", number), Json(expected.size()),
            [&] { return Json(windows.size()); });
    for (std::size_t i = 0; i < std::min(windows.size(), expected.size()); ++i) {
      check_encoding(fmt::format("windows {} part {}", number, i), expected[i], windows[i]);
    }
  }

  void check_special(const Json& entry) {
    const std::string text = text_of(entry, "text");
    compare("special " + text, required_field(entry, "id"), [&] {
      const std::optional<i64> id = tokenizer_.id_of(text);
      return id && tokenizer_.is_special(*id) ? Json(*id) : Json(nullptr);
    });
  }

 private:
  Encoding encode(const std::string& text, SpecialTokens special_tokens,
                  SpecialText special_text) const {
    return tokenizer_.encode(text,
                             {.special_tokens = special_tokens, .special_text = special_text});
  }

  /// One chunk or null an id.
  Json streamed(const std::vector<i64>& ids) const {
    StreamDecoder decoder(tokenizer_, SpecialsInText::keep);
    Json chunks = Json::array();
    for (i64 id : ids) {
      const std::optional<std::string> chunk = decoder.push(id);
      chunks.push_back(chunk ? Json(*chunk) : Json(nullptr));
    }
    return chunks;
  }

  void check_encoding(const std::string& name, const Json& expected, const Encoding& encoding) {
    const auto check = [&](std::string_view field, const Json& got) {
      if (const Json* wanted = find_field(expected, field))
        compare(fmt::format("{} {}", name, field), *wanted, [&] { return got; });
    };
    check("ids", Json(encoding.ids));
    check("offsets", to_json(encoding.offsets));
    check("type_ids", Json(encoding.type_ids));
    check("special_tokens_mask", special_mask(encoding));
    check("sequence", sequences(encoding));
  }

  void compare(std::string name, const Json& expected, const std::function<Json()>& produce) {
    CaseResult result{.name = std::move(name), .expected = {}, .got = {}, .pass = false};
    try {
      const Json got = produce();
      result.pass = got == expected;
      if (!result.pass) result.got = got.dump();
    } catch (const Error& error) {
      result.got = error.what();
    }
    if (!result.pass) result.expected = expected.dump();
    results_.push_back(std::move(result));
  }

  const Tokenizer& tokenizer_;
  SpecialText parsed_;
  std::vector<CaseResult> results_;
};

}  // namespace

std::vector<CaseResult> verify_tokenizer_cases(const Tokenizer& tokenizer, const Json& golden) {
  Checker checker(tokenizer, golden);
  for (const Json& entry : required_array(golden, "cases")) checker.check_case(entry);
  i64 number = 0;
  for (std::string_view key : {"pairs", "windows", "specials"}) {
    if (find_field(golden, key) == nullptr) continue;
    for (const Json& entry : required_array(golden, key)) {
      if (key == "pairs") checker.check_pair(entry, number++);
      if (key == "windows") checker.check_windows(entry, number++);
      if (key == "specials") checker.check_special(entry);
    }
  }
  return checker.take();
}

}  // namespace medlar::text
