#include "text/decoder.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "text/byte_alphabet.h"
#include "text/json_fields.h"
#include "text/regex.h"
#include "text/unicode.h"

namespace medlar::text {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  std::size_t at = 0;
  while (true) {
    const std::size_t found = text.find(from, at);
    if (found == std::string_view::npos) break;
    result.append(text.substr(at, found - at)).append(to);
    at = found + from.size();
  }
  return result.append(text.substr(at));
}

class JoinWithSpaces : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 1; i < tokens.size(); ++i) tokens[i].insert(0, 1, ' ');
  }
};

/// Joins the tokens' bytes; one with characters outside of the byte alphabet stands for itself.
class ByteLevelDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) bytes += from_byte_alphabet(token).value_or(token);
    tokens = {lossy_utf8(bytes)};
  }
};

class WordPieceDecoder : public Decoder {
 public:
  WordPieceDecoder(std::string prefix, bool cleans) : prefix_(std::move(prefix)), cleans_(cleans) {}

  void apply(std::vector<std::string>& tokens) const override {
    bool is_first = true;
    for (std::string& token : tokens) {
      if (!is_first) {
        if (!prefix_.empty() && token.starts_with(prefix_)) {
          token.erase(0, prefix_.size());
        } else {
          token.insert(0, 1, ' ');
        }
      }
      is_first = false;
      if (cleans_) token = cleaned(token);
    }
  }

 private:
  /// The spaces that English punctuation and contractions do not have; in this order.
  static std::string cleaned(std::string text) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 11> rules{
        {{" .", "."},
         {" ?", "?"},
         {" !", "!"},
         {" ,", ","},
         {" ' ", "'"},
         {" n't", "n't"},
         {" 'm", "'m"},
         {" do not", " don't"},
         {" 's", "'s"},
         {" 've", "'ve"},
         {" 're", "'re"}}};
    for (const auto& [from, to] : rules) text = replaced(text, from, to);
    return text;
  }

  std::string prefix_;
  bool cleans_;
};

class MetaspaceDecoder : public Decoder {
 public:
  MetaspaceDecoder(std::string replacement, bool prepends)
      : replacement_(std::move(replacement)), prepends_(prepends) {}

  void apply(std::vector<std::string>& tokens) const override {
    bool is_first = true;
    for (std::string& token : tokens) {
      token = replaced(token, replacement_, is_first && prepends_ ? "" : " ");
      is_first = false;
    }
  }

 private:
  std::string replacement_;
  bool prepends_;
};

class BpeDecoder : public Decoder {
 public:
  explicit BpeDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!suffix_.empty())
        tokens[i] = replaced(tokens[i], suffix_, i + 1 == tokens.size() ? "" : " ");
    }
  }

 private:
  std::string suffix_;
};

/// Tokens <0xNN> become the characters that their bytes make, or U+FFFD a byte.
class ByteFallbackDecoder : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> result;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      const std::string text = lossy_utf8(bytes);
      if (text == bytes) {
        result.push_back(text);
      } else {
        for (std::size_t i = 0; i < bytes.size(); ++i) result.emplace_back("\xef\xbf\xbd");
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const int byte = byte_of(token); byte >= 0) {
        bytes.push_back(static_cast<char>(static_cast<u8>(byte)));
        continue;
      }
      flush();
      result.push_back(std::move(token));
    }
    flush();
    tokens = std::move(result);
  }

 private:
  static int byte_of(const std::string& token) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    const auto digit = [](char c) {
      if (c >= '0' && c <= '9') return c - '0';
      if (c >= 'A' && c <= 'F') return c - 'A' + 10;
      return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    const int high = digit(token[3]);
    const int low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
  }
};

class Fuse : public Decoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string joined;
    for (const std::string& token : tokens) joined += token;
    tokens = {std::move(joined)};
  }
};

class StripDecoder : public Decoder {
 public:
  StripDecoder(std::string content, i64 start, i64 stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      for (i64 i = 0; i < start_ && token.starts_with(content_); ++i)
        token.erase(0, content_.size());
      for (i64 i = 0; i < stop_ && token.ends_with(content_); ++i)
        token.resize(token.size() - content_.size());
    }
  }

 private:
  std::string content_;
  i64 start_;
  i64 stop_;
};

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(std::string literal, std::unique_ptr<const Regex> regex, std::string content)
      : literal_(std::move(literal)), regex_(std::move(regex)), content_(std::move(content)) {}

  void apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens)
      token = regex_ ? by_regex(token) : replaced(token, literal_, content_);
  }

 private:
  std::string by_regex(const std::string& token) const {
    std::string result;
    std::size_t at = 0;
    for (const ByteRange& match : regex_->find_all(token, {0, ssize_of(token)})) {
      result.append(token, at, static_cast<std::size_t>(match.begin) - at).append(content_);
      at = static_cast<std::size_t>(match.end);
    }
    return result.append(token, at);
  }

  std::string literal_;
  std::unique_ptr<const Regex> regex_;
  std::string content_;
};

class Steps : public Decoder {
 public:
  explicit Steps(std::vector<std::unique_ptr<const Decoder>> steps) : steps_(std::move(steps)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& step : steps_) step->apply(tokens);
  }

 private:
  std::vector<std::unique_ptr<const Decoder>> steps_;
};

std::unique_ptr<const Decoder> replace_from_json(const Json& json) {
  const Json& pattern = required_field(json, "pattern");
  const Json* literal = find_field(pattern, "String");
  const Json* regex = find_field(pattern, "Regex");
  std::string content = text_field(json, "content", "");
  if (literal != nullptr && literal->is_string() &&
      !literal->get_ref<const std::string&>().empty()) {
    return std::make_unique<ReplaceDecoder>(literal->get<std::string>(), nullptr,
                                            std::move(content));
  }
  if (regex != nullptr && regex->is_string()) {
    return std::make_unique<ReplaceDecoder>("", std::make_unique<Regex>(regex->get<std::string>()),
                                            std::move(content));
  }
  fail(ErrorCode::corrupt_file,
       "a decoder's pattern is neither `Regex` nor a `String` that is not empty");
}

std::unique_ptr<const Decoder> metaspace_from_json(const Json& json) {
  const std::string replacement = text_field(json, "replacement", "▁");
  const std::string scheme = text_field(
      json, "prepend_scheme", bool_field(json, "add_prefix_space", true) ? "always" : "never");
  if (replacement.empty())
    fail(ErrorCode::corrupt_file, "the Metaspace decoder's replacement is empty");
  return std::make_unique<MetaspaceDecoder>(replacement, scheme != "never");
}

}  // namespace

std::unique_ptr<const Decoder> decoder_from_json(const Json& json) {
  if (json.is_null()) return std::make_unique<JoinWithSpaces>();
  const std::string type = required_text(json, "type");
  if (type == "Sequence") {
    std::vector<std::unique_ptr<const Decoder>> steps;
    for (const Json& step : required_array(json, "decoders"))
      steps.push_back(decoder_from_json(step));
    return std::make_unique<Steps>(std::move(steps));
  }
  if (type == "ByteLevel") return std::make_unique<ByteLevelDecoder>();
  if (type == "WordPiece") {
    return std::make_unique<WordPieceDecoder>(text_field(json, "prefix", "##"),
                                              bool_field(json, "cleanup", true));
  }
  if (type == "Metaspace") return metaspace_from_json(json);
  if (type == "BPEDecoder") return std::make_unique<BpeDecoder>(text_field(json, "suffix", "</w>"));
  if (type == "ByteFallback") return std::make_unique<ByteFallbackDecoder>();
  if (type == "Fuse") return std::make_unique<Fuse>();
  if (type == "Strip") {
    const std::string content = text_field(json, "content", " ");
    if (content.empty()) fail(ErrorCode::corrupt_file, "the Strip decoder's content is empty");
    return std::make_unique<StripDecoder>(content, integer_field(json, "start", 0),
                                          integer_field(json, "stop", 0));
  }
  if (type == "Replace") return replace_from_json(json);
  fail(ErrorCode::unsupported, "the tokenizer asks for the decoder `{}`, which is not known here",
       type);
}

}  // namespace medlar::text
