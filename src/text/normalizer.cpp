#include "text/normalizer.h"

#include <utf8proc.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "text/byte_alphabet.h"
#include "text/charsmap.h"
#include "text/json_fields.h"
#include "text/normal_forms.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

using Change = AlignedText::Change;

class Form : public Normalizer {
 public:
  explicit Form(NormalForm form) : form_(form) {}
  void apply(AlignedText& text) const override { normalise(text, form_); }

 private:
  NormalForm form_;
};

/// Keeps, drops or maps each character on its own.
class CharacterMap : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    std::string result;
    std::vector<AlignedText::Span> spans;
    result.reserve(text.text().size());
    spans.reserve(text.text().size());
    std::vector<u32> mapped;
    for (i64 at = 0; at < ssize_of(text.text());) {
      const CodePoint point = code_point_at(text.text(), at);
      mapped.clear();
      map(point.value, mapped);
      for (u32 c : mapped) append_utf8(result, c);
      spans.resize(result.size(), text.span_at(at));
      at += point.bytes;
    }
    if (result != text.text()) text.assign(std::move(result), std::move(spans));
  }

 protected:
  /// Appends what stands in the character's place.
  virtual void map(u32 code_point, std::vector<u32>& result) const = 0;
};

class Lowercase : public CharacterMap {
 protected:
  void map(u32 code_point, std::vector<u32>& result) const override {
    for (u32 c : lower_case(code_point)) result.push_back(c);
  }
};

class StripAccents : public CharacterMap {
 protected:
  void map(u32 code_point, std::vector<u32>& result) const override {
    if ((character_class(code_point) & class_mark) == 0) result.push_back(code_point);
  }
};

/// The character clean-up of neural machine translation (SentencePiece's nmt rules).
class Nmt : public CharacterMap {
 protected:
  void map(u32 c, std::vector<u32>& result) const override {
    const bool dropped = (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) ||
                         c == 0x7f || c == 0x8f || c == 0x9f;
    if (dropped) return;
    const bool is_blank = c == 0x9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 ||
                          (c >= 0x200b && c <= 0x200f) || c == 0x2028 || c == 0x2029 ||
                          c == 0x2581 || c == 0xfeff || c == 0xfffd;
    result.push_back(is_blank ? u32{' '} : c);
  }
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  void apply(AlignedText& text) const override {
    const std::string& bytes = text.text();
    const auto is_space_at = [&](i64 at) {
      return (character_class(code_point_at(bytes, at).value) & class_space) != 0;
    };
    ByteRange kept{0, ssize_of(bytes)};
    while (left_ && kept.size() > 0 && is_space_at(kept.begin))
      kept.begin += code_point_at(bytes, kept.begin).bytes;
    while (right_ && kept.size() > 0) {
      const i64 last = character_begin_before(bytes, kept.end);
      if (!is_space_at(last)) break;
      kept.end = last;
    }
    if (kept.size() < ssize_of(bytes)) text = text.slice(kept);
  }

 private:
  bool left_;
  bool right_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string content) : content_(std::move(content)) {}
  void apply(AlignedText& text) const override { text.prepend(content_); }

 private:
  std::string content_;
};

class Replace : public Normalizer {
 public:
  Replace(std::string literal, std::string content)
      : literal_(std::move(literal)), content_(std::move(content)) {}
  Replace(std::unique_ptr<const Regex> regex, std::string content)
      : regex_(std::move(regex)), content_(std::move(content)) {}

  void apply(AlignedText& text) const override {
    const std::string& bytes = text.text();
    if (regex_) return text.replace(regex_->find_all(bytes, {0, ssize_of(bytes)}), content_);
    std::vector<ByteRange> ranges;
    for (std::size_t at = bytes.find(literal_); at != std::string::npos;
         at = bytes.find(literal_, at + literal_.size())) {
      ranges.push_back({static_cast<i64>(at), static_cast<i64>(at + literal_.size())});
    }
    text.replace(ranges, content_);
  }

 private:
  std::string literal_;
  std::unique_ptr<const Regex> regex_;
  std::string content_;
};

class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(AlignedText& text) const override {
    std::string result;
    std::vector<AlignedText::Span> spans;
    for (i64 at = 0; at < ssize_of(text.text()); ++at) {
      result +=
          to_byte_alphabet(std::string_view(text.text()).substr(static_cast<std::size_t>(at), 1));
      spans.resize(result.size(), text.span_at(at));
    }
    text.assign(std::move(result), std::move(spans));
  }
};

/// SentencePiece's map as Hugging Face applies it: by grapheme, then by character.
class Precompiled : public Normalizer {
 public:
  explicit Precompiled(std::string_view blob) : map_(blob) {}

  void apply(AlignedText& text) const override {
    const std::string& bytes = text.text();
    std::vector<Change> changes;
    bool is_changed = false;
    for (i64 at = 0; at < ssize_of(bytes);) {
      const i64 end = grapheme_end(bytes, at);
      const std::string_view grapheme = std::string_view(bytes).substr(
          static_cast<std::size_t>(at), static_cast<std::size_t>(end - at));
      const std::optional<CharsMap::Match> whole =
          grapheme.size() < 6 ? map_.shortest(grapheme) : std::nullopt;
      if (whole) {
        put(grapheme, whole->replacement, changes);
        is_changed = true;
      } else {
        is_changed = put_characters(grapheme, changes) || is_changed;
      }
      at = end;
    }
    if (is_changed) text.transform(changes);
  }

 private:
  static i64 grapheme_end(const std::string& bytes, i64 at) {
    utf8proc_int32_t state = 0;
    CodePoint previous = code_point_at(bytes, at);
    at += previous.bytes;
    while (at < ssize_of(bytes)) {
      const CodePoint next = code_point_at(bytes, at);
      if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous.value),
                                           static_cast<utf8proc_int32_t>(next.value),
                                           &state) != 0) {
        break;
      }
      previous = next;
      at += next.bytes;
    }
    return at;
  }

  bool put_characters(std::string_view grapheme, std::vector<Change>& changes) const {
    bool is_changed = false;
    for (i64 at = 0; at < ssize_of(grapheme);) {
      const CodePoint point = code_point_at(grapheme, at);
      const std::string_view character =
          grapheme.substr(static_cast<std::size_t>(at), static_cast<std::size_t>(point.bytes));
      if (const std::optional<CharsMap::Match> match = map_.shortest(character)) {
        put(character, match->replacement, changes);
        is_changed = true;
      } else {
        changes.push_back({point.value, 0});
      }
      at += point.bytes;
    }
    return is_changed;
  }

  /// As many replaced characters as both have; the rest is inserted or removed at the end.
  static void put(std::string_view old_part, std::string_view new_part,
                  std::vector<Change>& changes) {
    const auto count = [](std::string_view part) {
      i64 characters = 0;
      for (i64 at = 0; at < ssize_of(part); at += code_point_at(part, at).bytes) ++characters;
      return characters;
    };
    const i64 old_count = count(old_part);
    i64 number = 0;
    for (i64 at = 0; at < ssize_of(new_part);) {
      const CodePoint point = code_point_at(new_part, at);
      changes.push_back({point.value, number++ < old_count ? 0 : 1});
      at += point.bytes;
    }
    if (number < old_count && !changes.empty()) changes.back().change += number - old_count;
  }

  CharsMap map_;
};

class Bert : public Normalizer {
 public:
  struct Options {
    bool cleans_text = true;
    bool spaces_cjk = true;
    bool strips_accents = false;
    bool lowers = false;
  };

  explicit Bert(Options options) : options_(options) {}

  void apply(AlignedText& text) const override {
    const std::string& bytes = text.text();
    std::string result;
    std::vector<AlignedText::Span> spans;
    result.reserve(bytes.size() + 16);
    bool in_place =
        text.is_identity();  // until a character changes its length, no spans are needed
    for (i64 at = 0; at < ssize_of(bytes);) {
      const u8 byte = static_cast<u8>(bytes[static_cast<std::size_t>(at)]);
      const i64 next = byte < 0x80 ? at + 1 : at + code_point_at(bytes, at).bytes;
      const std::size_t before = result.size();
      if (byte < 0x80) {
        put_ascii(byte, result);
      } else {
        put_wide(code_point_at(bytes, at).value, result);
      }
      if (in_place && static_cast<i64>(result.size() - before) != next - at) {
        in_place = false;
        spans.reserve(bytes.size() + 16);
        for (i64 i = 0; i < at; ++i) spans.push_back(text.span_at(i));
      }
      if (!in_place) spans.resize(result.size(), text.span_at(at));
      at = next;
    }
    if (in_place) {
      text.assign_in_place(std::move(result));
    } else {
      text.assign(std::move(result), std::move(spans));
    }
  }

 private:
  static bool is_kept_control(u32 c) { return c == '\t' || c == '\n' || c == '\r'; }

  void put_ascii(u8 c, std::string& result) const {
    if (options_.cleans_text) {
      if (is_kept_control(c)) c = ' ';
      if (c < 0x20 || c == 0x7f) return;
    }
    if (options_.lowers && c >= 'A' && c <= 'Z') c = static_cast<u8>(c + 32);
    result.push_back(static_cast<char>(c));
  }

  void put_wide(u32 c, std::string& result) const {
    const u32 bits = character_class(c);
    if (options_.cleans_text) {
      if (c == 0xfffd || (bits & class_control) != 0) return;
      if ((bits & class_space) != 0) return result.push_back(' ');
    }
    const bool spaced = options_.spaces_cjk && is_cjk_ideograph(c);
    if (spaced) result.push_back(' ');
    if (options_.strips_accents) {
      for (u32 part : decomposition(c, false)) {
        if ((character_class(part) & class_nonspacing) == 0) put_case(part, result);
      }
    } else {
      put_case(c, result);
    }
    if (spaced) result.push_back(' ');
  }

  void put_case(u32 c, std::string& result) const {
    if (!options_.lowers) return append_utf8(result, c);
    for (u32 lower : lower_case(c)) append_utf8(result, lower);
  }

  Options options_;
};

class Steps : public Normalizer {
 public:
  explicit Steps(std::vector<std::unique_ptr<const Normalizer>> steps) : steps_(std::move(steps)) {}
  void apply(AlignedText& text) const override {
    for (const auto& step : steps_) step->apply(text);
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> steps_;
};

std::unique_ptr<const Normalizer> replace_from_json(const Json& json) {
  const Json& pattern = required_field(json, "pattern");
  std::string content = text_field(json, "content", "");
  if (const Json* literal = find_field(pattern, "String");
      literal != nullptr && literal->is_string()) {
    if (literal->get_ref<const std::string&>().empty())
      fail(ErrorCode::unsupported, "the normaliser replaces the empty text");
    return std::make_unique<Replace>(literal->get<std::string>(), std::move(content));
  }
  const Json* regex = find_field(pattern, "Regex");
  if (regex == nullptr || !regex->is_string()) {
    fail(ErrorCode::corrupt_file, "a normaliser's pattern is neither `Regex` nor `String`");
  }
  return std::make_unique<Replace>(std::make_unique<Regex>(regex->get<std::string>()),
                                   std::move(content));
}

std::unique_ptr<const Normalizer> bert_from_json(const Json& json) {
  Bert::Options options;
  options.cleans_text = bool_field(json, "clean_text", true);
  options.spaces_cjk = bool_field(json, "handle_chinese_chars", true);
  options.lowers = bool_field(json, "lowercase", true);
  options.strips_accents = bool_field(json, "strip_accents", options.lowers);
  return std::make_unique<Bert>(options);
}

}  // namespace

std::unique_ptr<const Normalizer> normalizer_from_json(const Json& json) {
  std::vector<std::unique_ptr<const Normalizer>> steps;
  if (json.is_null()) return std::make_unique<Steps>(std::move(steps));
  const std::string type = required_text(json, "type");
  if (type == "Sequence") {
    for (const Json& step : required_array(json, "normalizers"))
      steps.push_back(normalizer_from_json(step));
    return std::make_unique<Steps>(std::move(steps));
  }
  if (type == "NFC") return std::make_unique<Form>(NormalForm::nfc);
  if (type == "NFD") return std::make_unique<Form>(NormalForm::nfd);
  if (type == "NFKC") return std::make_unique<Form>(NormalForm::nfkc);
  if (type == "NFKD") return std::make_unique<Form>(NormalForm::nfkd);
  if (type == "Lowercase") return std::make_unique<Lowercase>();
  if (type == "StripAccents") return std::make_unique<StripAccents>();
  if (type == "Strip") {
    return std::make_unique<Strip>(bool_field(json, "strip_left", true),
                                   bool_field(json, "strip_right", true));
  }
  if (type == "Prepend") return std::make_unique<Prepend>(required_text(json, "prepend"));
  if (type == "Replace") return replace_from_json(json);
  if (type == "BertNormalizer") return bert_from_json(json);
  if (type == "Nmt") return std::make_unique<Nmt>();
  if (type == "ByteLevel") return std::make_unique<ByteLevelNormalizer>();
  if (type == "Precompiled")
    return std::make_unique<Precompiled>(
        decode_base64(text_field(json, "precompiled_charsmap", "")));
  fail(ErrorCode::unsupported,
       "the tokenizer asks for the normaliser `{}`, which is not known here", type);
}

std::unique_ptr<const Normalizer> bert_normalizer(LetterCase letter_case, Accents accents) {
  return std::make_unique<Bert>(Bert::Options{.cleans_text = true,
                                              .spaces_cjk = true,
                                              .strips_accents = accents == Accents::stripped,
                                              .lowers = letter_case == LetterCase::lowered});
}

}  // namespace medlar::text
