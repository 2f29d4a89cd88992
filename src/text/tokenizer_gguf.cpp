#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "text/bpe.h"
#include "text/json_fields.h"
#include "text/load_tokenizer.h"
#include "text/sentencepiece.h"
#include "text/tokenizer_parts.h"
#include "text/wordpiece.h"

namespace medlar::text {
namespace {

constexpr i64 type_unknown = 2;  // token types of the GGUF specification, as SentencePiece's
constexpr i64 type_control = 3;
constexpr i64 type_user_defined = 4;

/// Reads the tokenizer.ggml.* keys.
class Keys {
 public:
  explicit Keys(const Json& metadata) : metadata_(metadata) {}

  std::string text(std::string_view key, std::string_view otherwise) const {
    return text_field(metadata_, full(key), otherwise);
  }
  bool flag(std::string_view key, bool otherwise) const {
    return bool_field(metadata_, full(key), otherwise);
  }

  std::optional<i64> id(std::string_view key) const {
    const i64 value = integer_field(metadata_, full(key), -1);
    const bool is_token = value >= 0 && value < ssize_of(required_array(metadata_, full("tokens")));
    return is_token ? std::optional<i64>(value) : std::nullopt;
  }

  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> result;
    for (const Json& entry : required_array(metadata_, full(key))) {
      if (!entry.is_string())
        fail(ErrorCode::corrupt_file, "{} has an entry that is not a text", full(key));
      result.push_back(entry.get<std::string>());
    }
    return result;
  }

  /// Types of the tokens; all normal where the file has none.
  std::vector<i64> types(std::size_t count) const {
    std::vector<i64> result(count, 1);
    if (find_field(metadata_, full("token_type")) == nullptr) return result;
    const Json& list = required_array(metadata_, full("token_type"));
    if (list.size() != count)
      fail(ErrorCode::corrupt_file, "{} tokens and {} types", count, list.size());
    for (std::size_t i = 0; i < count; ++i) {
      if (!list[i].is_number_integer())
        fail(ErrorCode::corrupt_file, "the type of token {} is not a number", i);
      result[i] = list[i].get<i64>();
    }
    return result;
  }

  std::vector<float> scores(std::size_t count) const {
    std::vector<float> result(count, 0.0f);
    if (find_field(metadata_, full("scores")) == nullptr) return result;
    const Json& list = required_array(metadata_, full("scores"));
    if (list.size() != count)
      fail(ErrorCode::corrupt_file, "{} tokens and {} scores", count, list.size());
    for (std::size_t i = 0; i < count; ++i) {
      if (!list[i].is_number())
        fail(ErrorCode::corrupt_file, "the score of token {} is not a number", i);
      result[i] = list[i].get<float>();
    }
    return result;
  }

  /// A list of small numbers as bytes; empty where absent.
  std::string bytes(std::string_view key) const {
    std::string result;
    if (find_field(metadata_, full(key)) == nullptr) return result;
    for (const Json& entry : required_array(metadata_, full(key))) {
      if (!entry.is_number_integer())
        fail(ErrorCode::corrupt_file, "{} has an entry that is not a number", full(key));
      result.push_back(static_cast<char>(static_cast<u8>(entry.get<i64>() & 0xff)));
    }
    return result;
  }

 private:
  static std::string full(std::string_view key) { return fmt::format("tokenizer.ggml.{}", key); }

  const Json& metadata_;
};

std::vector<AddedToken> added_tokens_of(const std::vector<std::string>& tokens,
                                        const std::vector<i64>& types) {
  std::vector<AddedToken> added;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (types[i] != type_control && types[i] != type_user_defined && types[i] != type_unknown)
      continue;
    AddedToken token;
    token.id = static_cast<i64>(i);
    token.content = tokens[i];
    token.special = types[i] != type_user_defined;
    added.push_back(std::move(token));
  }
  return added;
}

PostProcessor around(std::optional<i64> before, std::optional<i64> after) {
  using Kind = SpecialTemplate::Item::Kind;
  PostProcessor result;
  result.special_template.single.clear();
  result.special_template.pair.clear();
  std::vector<SpecialTemplate::Item>& pair = result.special_template.pair;
  for (const Kind kind : {Kind::first_text, Kind::second_text}) {
    const i64 type_id = kind == Kind::first_text ? 0 : 1;
    if (before && kind == Kind::first_text)
      pair.push_back(SpecialTemplate::special(*before, type_id));
    pair.push_back(SpecialTemplate::text(kind, type_id));
    if (after) pair.push_back(SpecialTemplate::special(*after, type_id));
    if (kind == Kind::first_text) result.special_template.single = pair;
  }
  return result;
}

void name_roles(const Keys& keys, TokenizerParts& parts) {
  SpecialIds& ids = parts.special_ids;
  const auto set = [&](std::optional<i64>& role, std::string_view key) {
    if (const std::optional<i64> id = keys.id(key)) role = id;
  };
  set(ids.bos, "bos_token_id");
  set(ids.eos, "eos_token_id");
  set(ids.unk, "unknown_token_id");
  set(ids.pad, "padding_token_id");
  set(ids.cls, "cls_token_id");
  set(ids.sep, "seperator_token_id");  // spelt so in the specification
  set(ids.mask, "mask_token_id");
  name_special_ids(parts);
}

/// How llama.cpp's name of a pre-tokenizer splits text.
struct PreTokenization {
  std::unique_ptr<const PreTokenizer> splitter;
  bool takes_whole_words = false;  ///< a word of the vocabulary is taken before any merge
  bool adds_bos = false;
};

PreTokenization pre_tokenization_named(const std::string& name) {
  const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (is_one_of({"llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral"})) {
    return {pattern_splitter(SplitPattern::llama3), true, true};
  }
  if (is_one_of({"chatglm-bpe", "glm4", "dbrx", "smaug-bpe", "olmo2"})) {
    return {pattern_splitter(SplitPattern::llama3), false, false};
  }
  if (is_one_of({"gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat",
                 "mpt", "olmo", "roberta-bpe"})) {
    return {pattern_splitter(SplitPattern::gpt2), false, false};
  }
  if (is_one_of({"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2", "hunyuan"})) {
    return {pattern_splitter(SplitPattern::qwen2), false, false};
  }
  if (is_one_of({"gpt-4o", "llama4"})) return {pattern_splitter(SplitPattern::o200k), false, false};
  if (name == "deepseek-v3") return {pattern_splitter(SplitPattern::deepseek), false, false};
  if (is_one_of({"command-r", "starcoder", "refact", "smollm", "codeshell", "exaone"})) {
    return {regex_splitter({R"(\p{N})", std::string(regex_of(SplitPattern::gpt2))}), false, false};
  }
  fail(ErrorCode::unsupported,
       "the GGUF file asks for the pre-tokenizer `{}`, which is not known here", name);
}

Tokenizer from_bpe(const Keys& keys) {
  const std::vector<std::string> tokens = keys.texts("tokens");
  const std::vector<i64> types = keys.types(tokens.size());
  const std::string pre = keys.text("pre", "");
  if (pre.empty())
    fail(ErrorCode::unsupported,
         "the GGUF file names no pre-tokenizer (tokenizer.ggml.pre): convert it anew");
  PreTokenization pre_tokenization = pre_tokenization_named(pre);
  Vocabulary vocabulary;
  for (std::size_t i = 0; i < tokens.size(); ++i) vocabulary.add(tokens[i], static_cast<i64>(i));
  std::vector<std::pair<std::string, std::string>> merges;
  for (const std::string& merge : keys.texts("merges")) {
    const std::size_t space = merge.find(' ', 1);
    if (space == std::string::npos)
      fail(ErrorCode::corrupt_file, "merge {} of the GGUF file is not two tokens", merges.size());
    merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  Bpe::Options options;
  options.alphabet = ByteAlphabet::raw;
  if (pre_tokenization.takes_whole_words) options.whole_words = Bpe::WholeWords::looked_up_first;
  Pipeline pipeline;
  pipeline.normalizer = normalizer_from_json(nullptr);
  pipeline.pre_tokenizer = std::move(pre_tokenization.splitter);
  pipeline.model = std::make_unique<Bpe>(std::move(vocabulary), merges, options);
  pipeline.decoder = decoder_from_json(Json{{"type", "ByteLevel"}});
  const std::optional<i64> bos = keys.flag("add_bos_token", pre_tokenization.adds_bos)
                                     ? keys.id("bos_token_id")
                                     : std::nullopt;
  const std::optional<i64> eos =
      keys.flag("add_eos_token", false) ? keys.id("eos_token_id") : std::nullopt;
  TokenizerParts parts =
      assemble(std::move(pipeline), added_tokens_of(tokens, types), around(bos, eos));
  name_roles(keys, parts);
  return Tokenizer(std::move(parts));
}

/// GGUF marks the pieces that begin a word by U+2581 where BERT marks the others by ##.
std::string bert_token(const std::string& token, i64 type) {
  constexpr std::string_view mark = "\xe2\x96\x81";
  if (token.starts_with(mark)) return token.substr(mark.size());
  const bool is_bracketed = token.size() > 2 && token.starts_with('[') && token.ends_with(']');
  return type == type_control || type == type_unknown || is_bracketed ? token : "##" + token;
}

Tokenizer from_bert(const Keys& keys) {
  std::vector<std::string> tokens = keys.texts("tokens");
  const std::vector<i64> types = keys.types(tokens.size());
  std::vector<AddedToken> added = added_tokens_of(tokens, types);
  Vocabulary vocabulary;
  bool has_capitals = false;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string token = bert_token(tokens[i], types[i]);
    vocabulary.add(token, static_cast<i64>(i));
    const bool is_bracketed = token.starts_with('[') && token.ends_with(']');
    has_capitals =
        has_capitals || (!is_bracketed && std::any_of(token.begin(), token.end(),
                                                      [](char c) { return c >= 'A' && c <= 'Z'; }));
  }
  std::optional<i64> cls = keys.id("cls_token_id");
  std::optional<i64> sep = keys.id("seperator_token_id");
  if (!cls) cls = vocabulary.find("[CLS]");
  if (!sep) sep = vocabulary.find("[SEP]");
  Pipeline pipeline;
  pipeline.normalizer = has_capitals ? bert_normalizer(LetterCase::kept, Accents::kept)
                                     : bert_normalizer(LetterCase::lowered, Accents::stripped);
  pipeline.pre_tokenizer = bert_pre_tokenizer();
  pipeline.model = std::make_unique<WordPiece>(std::move(vocabulary), WordPiece::Options{});
  pipeline.decoder = decoder_from_json(Json{{"type", "WordPiece"}});
  TokenizerParts parts = assemble(std::move(pipeline), std::move(added), around(cls, sep));
  name_roles(keys, parts);
  return Tokenizer(std::move(parts));
}

/// SentencePiece models: "llama" is byte-pair encoding, "t5" unigram.
Tokenizer from_sentencepiece(const Keys& keys, formats::SentencePieceModel::Algorithm algorithm) {
  const bool is_bpe = algorithm == formats::SentencePieceModel::Algorithm::bpe;
  const std::vector<std::string> tokens = keys.texts("tokens");
  const std::vector<i64> types = keys.types(tokens.size());
  const std::vector<float> scores = keys.scores(tokens.size());
  formats::SentencePieceModel model;
  model.algorithm = algorithm;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (types[i] < 1 || types[i] > 6)
      fail(ErrorCode::corrupt_file, "token {} of the GGUF file has the type {}", i, types[i]);
    model.pieces.push_back({tokens[i], scores[i], static_cast<formats::PieceType>(types[i])});
    model.byte_fallback =
        model.byte_fallback || model.pieces.back().type == formats::PieceType::byte;
  }
  model.unk_id = keys.id("unknown_token_id").value_or(is_bpe ? 0 : 2);
  model.bos_id = keys.id("bos_token_id").value_or(-1);
  model.eos_id = keys.id("eos_token_id").value_or(-1);
  model.pad_id = keys.id("padding_token_id").value_or(-1);
  model.normalizer.add_dummy_prefix = keys.flag("add_space_prefix", true);
  model.normalizer.remove_extra_whitespaces = keys.flag("remove_extra_whitespaces", !is_bpe);
  model.normalizer.precompiled_charsmap = keys.bytes("precompiled_charsmap");
  return tokenizer_from_sentencepiece_model(model, {.bos = keys.flag("add_bos_token", is_bpe),
                                                    .eos = keys.flag("add_eos_token", !is_bpe)});
}

}  // namespace

Tokenizer tokenizer_from_gguf(const Json& metadata) {
  const Keys keys(metadata);
  const std::string model = keys.text("model", "");
  if (model == "gpt2") return from_bpe(keys);
  if (model == "bert") return from_bert(keys);
  if (model == "llama")
    return from_sentencepiece(keys, formats::SentencePieceModel::Algorithm::bpe);
  if (model == "t5")
    return from_sentencepiece(keys, formats::SentencePieceModel::Algorithm::unigram);
  if (model.empty())
    fail(ErrorCode::not_found, "the GGUF file holds no tokenizer (tokenizer.ggml.model)");
  fail(ErrorCode::unsupported,
       "the GGUF file asks for the tokenizer model `{}`, which is not known here", model);
}

}  // namespace medlar::text
