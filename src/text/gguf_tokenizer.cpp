#include "text/gguf_tokenizer.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/llama2c.h"
#include "formats/sentencepiece_model.h"
#include "text/json_fields.h"
#include "text/splitter.h"

namespace medlar::text {
namespace {

namespace fs = std::filesystem;
using formats::PieceType;

constexpr std::string_view word_mark = "\xe2\x96\x81";

/// What a vocabulary is written from.
struct Source {
  const Tokenizer& tokenizer;
  std::set<i64> user_defined;  ///< added tokens that are not special
  i64 rows;
};

PieceType type_of(const Source& source, i64 id, std::string_view text) {
  const bool is_byte = text.size() == 6 && text.starts_with("<0x") && text.ends_with('>');
  if (source.tokenizer.special_ids().unk == id) return PieceType::unknown;
  if (source.tokenizer.is_special(id)) return PieceType::control;
  if (source.user_defined.contains(id)) return PieceType::user_defined;
  return is_byte ? PieceType::byte : PieceType::normal;
}

/// "tokens" and "token_type"; ids without a token are padding.
void add_tokens(const Source& source, Json& keys) {
  Json tokens = Json::array();
  Json types = Json::array();
  for (i64 id = 0; id < std::max(source.rows, source.tokenizer.vocab_size()); ++id) {
    const std::optional<std::string_view> text = source.tokenizer.token_text(id);
    tokens.push_back(text ? std::string(*text) : fmt::format("[PAD{}]", id));
    const PieceType type = text ? type_of(source, id, *text) : PieceType::unused;
    types.push_back(static_cast<i32>(type));
  }
  keys["tokenizer.ggml.tokens"] = std::move(tokens);
  keys["tokenizer.ggml.token_type"] = std::move(types);
}

void add_roles(const Tokenizer& tokenizer, Json& keys) {
  const SpecialIds& ids = tokenizer.special_ids();
  const std::pair<const char*, std::optional<i64>> roles[] = {
      {"bos_token_id", ids.bos},     {"eos_token_id", ids.eos}, {"unknown_token_id", ids.unk},
      {"padding_token_id", ids.pad}, {"cls_token_id", ids.cls}, {"seperator_token_id", ids.sep},
      {"mask_token_id", ids.mask}};
  for (const auto& [name, id] : roles) {
    if (id) keys[fmt::format("tokenizer.ggml.{}", name)] = static_cast<u32>(*id);
  }
  const auto ids_around = tokenizer.encode("a", {.special_tokens = SpecialTokens::add}).ids;
  const bool has_ids = !ids_around.empty();
  keys["tokenizer.ggml.add_bos_token"] = has_ids && ids.bos == ids_around.front();
  keys["tokenizer.ggml.add_eos_token"] = has_ids && ids.eos == ids_around.back();
}

/// All regular expressions of a pre-tokenizer, in order.
void collect_patterns(const Json& node, std::vector<std::string>& patterns) {
  if (node.is_object() && node.contains("Regex") && node["Regex"].is_string())
    patterns.push_back(node["Regex"].get<std::string>());
  if (!node.is_structured()) return;
  for (const auto& child : node) collect_patterns(child, patterns);
}

std::string pre_tokenizer_name(const Json& json) {
  std::vector<std::string> patterns;
  if (const Json* node = find_field(json, "pre_tokenizer")) collect_patterns(*node, patterns);
  if (patterns.empty()) return "gpt-2";
  if (std::ranges::equal(patterns, deepseek_patterns())) return "deepseek-v3";
  const Json& model = required_field(json, "model");
  const std::optional<SplitPattern> pattern =
      patterns.size() == 1 ? known_pattern(patterns[0]) : std::nullopt;
  if (pattern == SplitPattern::gpt2) return "gpt-2";
  if (pattern == SplitPattern::qwen2) return "qwen2";
  if (pattern == SplitPattern::o200k) return "gpt-4o";
  if (pattern == SplitPattern::llama3)
    return bool_field(model, "ignore_merges", false) ? "llama-bpe" : "glm4";
  fail(ErrorCode::unsupported,
       "GGUF has no name known here for this tokenizer's way of cutting text into words");
}

/// "a b" or ["a", "b"].
std::string merge_text(const Json& merge) {
  if (merge.is_string()) return merge.get<std::string>();
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  fail(ErrorCode::corrupt_file, "tokenizer.json has a merge that is not two tokens");
}

void write_bpe(const Json& json, Json& keys) {
  keys["tokenizer.ggml.model"] = "gpt2";
  keys["tokenizer.ggml.pre"] = pre_tokenizer_name(json);
  Json merges = Json::array();
  for (const Json& merge : required_array(required_field(json, "model"), "merges"))
    merges.push_back(merge_text(merge));
  keys["tokenizer.ggml.merges"] = std::move(merges);
}

/// SentencePiece's byte-pair encoding as tokenizer.json has it: the score of a token is minus the
/// rank of the merge that makes it.
void write_sentencepiece_bpe(const Json& json, Json& keys) {
  std::unordered_map<std::string, float> rank;
  float next = 0;
  for (const Json& merge : required_array(required_field(json, "model"), "merges")) {
    std::string token = merge_text(merge);
    token.erase(token.find(' '), 1);
    rank.emplace(std::move(token), next++);
  }
  Json scores = Json::array();
  for (const Json& token : keys["tokenizer.ggml.tokens"]) {
    const auto found = rank.find(token.get<std::string>());
    scores.push_back(found == rank.end() ? 0.0f : -found->second);
  }
  keys["tokenizer.ggml.model"] = "llama";
  keys["tokenizer.ggml.scores"] = std::move(scores);
}

/// Scores of a .model file; tokens that were added later have none.
void write_pieces(const formats::SentencePieceModel& model, Json& keys) {
  using Algorithm = formats::SentencePieceModel::Algorithm;
  if (model.algorithm != Algorithm::bpe && model.algorithm != Algorithm::unigram)
    fail(ErrorCode::unsupported, "GGUF holds SentencePiece's bpe and unigram models only");
  const bool is_bpe = model.algorithm == Algorithm::bpe;
  keys["tokenizer.ggml.model"] = is_bpe ? "llama" : "t5";
  Json scores = Json::array();
  Json& types = keys["tokenizer.ggml.token_type"];
  for (std::size_t id = 0; id < types.size(); ++id) {
    const bool is_piece = id < model.pieces.size();
    scores.push_back(is_piece ? model.pieces[id].score : 0.0f);
    if (is_piece) types[id] = static_cast<i32>(model.pieces[id].type);
  }
  keys["tokenizer.ggml.scores"] = std::move(scores);
  keys["tokenizer.ggml.add_space_prefix"] = model.normalizer.add_dummy_prefix;
  keys["tokenizer.ggml.remove_extra_whitespaces"] = model.normalizer.remove_extra_whitespaces;
  if (!model.normalizer.precompiled_charsmap.empty()) {
    Json bytes = Json::array();
    for (const char byte : model.normalizer.precompiled_charsmap)
      bytes.push_back(static_cast<u32>(static_cast<u8>(byte)));
    keys["tokenizer.ggml.precompiled_charsmap"] = std::move(bytes);
  }
}

/// The pieces that begin a word are marked, where BERT marks the others by ##.
void write_wordpiece(Json& keys) {
  keys["tokenizer.ggml.model"] = "bert";
  keys["tokenizer.ggml.token_type_count"] = u32{2};
  Json& types = keys["tokenizer.ggml.token_type"];
  std::size_t id = 0;
  for (Json& token : keys["tokenizer.ggml.tokens"]) {
    const std::string text = token.get<std::string>();
    const bool is_bracketed = text.size() > 2 && text.starts_with('[') && text.ends_with(']');
    if (is_bracketed) types[id] = static_cast<i32>(PieceType::control);
    if (text.starts_with("##")) {
      token = text.substr(2);
    } else if (!is_bracketed) {
      token = std::string(word_mark) + text;
    }
    ++id;
  }
}

std::set<i64> user_defined_tokens(const Json& json) {
  std::set<i64> ids;
  const Json* added = find_field(json, "added_tokens");
  for (const Json& token : added != nullptr ? *added : Json::array()) {
    if (token.is_object() && !bool_field(token, "special", false))
      ids.insert(integer_field(token, "id", -1));
  }
  return ids;
}

Json json_of(const fs::path& folder) {
  std::error_code none;
  if (fs::exists(folder / "tokenizer.json", none)) return read_json_file(folder / "tokenizer.json");
  if (!fs::exists(folder / "merges.txt", none)) return nullptr;
  // GPT-2's files say the same in two parts.
  Json merges = Json::array();
  const std::string text = read_text_file(folder / "merges.txt");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (!line.empty() && !line.starts_with("#version")) merges.push_back(line);
    begin = end + 1;
  }
  return {{"model", {{"type", "BPE"}, {"merges", std::move(merges)}}}};
}

}  // namespace

Json gguf_tokenizer(const fs::path& files, const Tokenizer& tokenizer, i64 rows) {
  std::error_code none;
  Json keys = Json::object();
  const bool is_folder = fs::is_directory(files, none);
  const fs::path folder = is_folder ? files : files.parent_path();
  const Json json = is_folder ? json_of(folder) : Json();
  const Source source = {tokenizer, user_defined_tokens(json), rows};
  add_tokens(source, keys);
  add_roles(tokenizer, keys);
  if (files.extension() == ".bin") {
    const auto mapped = MappedFile::open(files);
    write_pieces(formats::parse_llama2c_vocabulary(mapped->bytes(), files.string()), keys);
    return keys;
  }
  if (fs::exists(folder / "tokenizer.model", none)) {
    write_pieces(formats::read_sentencepiece_model(folder / "tokenizer.model"), keys);
    return keys;
  }
  if (json.is_null()) {
    if (!fs::exists(folder / "vocab.txt", none))
      fail(ErrorCode::not_found, "{} has no tokenizer files", folder.string());
    write_wordpiece(keys);
    return keys;
  }
  const Json& model = required_field(json, "model");
  const std::string type = text_field(model, "type", "BPE");
  if (type == "WordPiece") {
    write_wordpiece(keys);
  } else if (type == "BPE" && bool_field(model, "byte_fallback", false)) {
    write_sentencepiece_bpe(json, keys);
  } else if (type == "BPE") {
    write_bpe(json, keys);
  } else {
    fail(ErrorCode::unsupported, "a {} tokenizer needs its tokenizer.model to go into a GGUF file",
         type);
  }
  return keys;
}

}  // namespace medlar::text
