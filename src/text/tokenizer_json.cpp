#include <set>
#include <utility>

#include "base/error.h"
#include "text/bpe.h"
#include "text/json_fields.h"
#include "text/load_tokenizer.h"
#include "text/tokenizer_parts.h"
#include "text/unigram.h"
#include "text/vocabulary_file.h"
#include "text/wordpiece.h"

namespace medlar::text {
namespace {

std::vector<AddedToken> added_tokens_of(const Json& rest) {
  std::vector<AddedToken> tokens;
  const Json* list = find_field(rest, "added_tokens");
  if (list == nullptr) return tokens;
  for (const Json& entry : required_array(rest, "added_tokens")) {
    AddedToken token;
    required_field(entry, "id");
    token.id = integer_field(entry, "id", -1);
    token.content = required_text(entry, "content");
    token.special = bool_field(entry, "special", false);
    token.normalized = bool_field(entry, "normalized", !token.special);
    token.lstrip = bool_field(entry, "lstrip", false);
    token.rstrip = bool_field(entry, "rstrip", false);
    token.single_word = bool_field(entry, "single_word", false);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Vocabulary vocabulary_of(const TokenizerFile& file) {
  Vocabulary vocabulary;
  for (const auto& [token, id] : file.vocab) vocabulary.add(token, id);
  return vocabulary;
}

std::unique_ptr<const Model> bpe_of(const TokenizerFile& file, const Json& model,
                                    ByteAlphabet alphabet) {
  if (const Json* dropout = find_field(model, "dropout"); dropout != nullptr && *dropout != 0.0) {
    fail(ErrorCode::unsupported,
         "the tokenizer asks for BPE dropout, which makes encodings random");
  }
  Bpe::Options options;
  options.alphabet = alphabet;
  options.byte_fallback = bool_field(model, "byte_fallback", false);
  if (bool_field(model, "ignore_merges", false))
    options.whole_words = Bpe::WholeWords::looked_up_first;
  if (bool_field(model, "fuse_unk", false)) options.unknown_runs = Bpe::UnknownRuns::fused;
  if (find_field(model, "unk_token") != nullptr)
    options.unknown = text_field(model, "unk_token", "");
  options.prefix = text_field(model, "continuing_subword_prefix", "");
  options.suffix = text_field(model, "end_of_word_suffix", "");
  return std::make_unique<Bpe>(vocabulary_of(file), file.merges, std::move(options));
}

/// Pieces that stand twice keep their first id, as the list's order is the id.
std::unique_ptr<const Model> unigram_of(const TokenizerFile& file, const Json& model,
                                        const std::vector<AddedToken>& added) {
  Vocabulary vocabulary;
  std::vector<float> scores;
  for (const auto& [piece, score] : file.scores) {
    vocabulary.add(piece, ssize_of(scores));
    scores.push_back(score);
  }
  UnigramModel::Options options;
  options.byte_fallback = bool_field(model, "byte_fallback", false);
  if (find_field(model, "unk_id") != nullptr) {
    options.unknown_id = integer_field(model, "unk_id", -1);
    if (*options.unknown_id < 0 || *options.unknown_id >= ssize_of(scores)) {
      fail(ErrorCode::corrupt_file, "the tokenizer's unk_id {} is not in its vocabulary",
           *options.unknown_id);
    }
  }
  options.never.resize(scores.size());
  for (const AddedToken& token : added) {
    if (token.special && token.id < ssize_of(scores) && token.id >= 0)
      options.never[static_cast<std::size_t>(token.id)] = true;
  }
  return std::make_unique<UnigramModel>(std::move(vocabulary), scores, options);
}

/// Old files do not name the kind of their model: its fields tell.
std::string kind_of(const Json& model, const TokenizerFile& file) {
  if (find_field(model, "type") != nullptr) return text_field(model, "type", "");
  if (!file.scores.empty()) return "Unigram";
  if (find_field(model, "max_input_chars_per_word") != nullptr) return "WordPiece";
  return find_field(model, "fuse_unk") != nullptr || !file.merges.empty() ? "BPE" : "WordLevel";
}

std::unique_ptr<const Model> model_of(const TokenizerFile& file, const Json& model,
                                      ByteAlphabet alphabet, const std::vector<AddedToken>& added) {
  const std::string kind = kind_of(model, file);
  if (kind == "BPE") return bpe_of(file, model, alphabet);
  if (kind == "Unigram") return unigram_of(file, model, added);
  if (kind == "WordPiece") {
    return std::make_unique<WordPiece>(
        vocabulary_of(file),
        WordPiece::Options{
            .unknown = text_field(model, "unk_token", "[UNK]"),
            .prefix = text_field(model, "continuing_subword_prefix", "##"),
            .max_word_characters = integer_field(model, "max_input_chars_per_word", 100)});
  }
  if (kind == "WordLevel")
    return std::make_unique<WordLevel>(vocabulary_of(file),
                                       text_field(model, "unk_token", "<unk>"));
  fail(ErrorCode::unsupported, "the tokenizer asks for the model `{}`, which is not known here",
       kind);
}

/// The token string of a role in tokenizer_config.json: a text or an object with `content`.
std::optional<i64> role_in_config(const TokenizerParts& parts, const Json& config,
                                  std::string_view role) {
  const Json* entry = find_field(config, role);
  if (entry != nullptr && entry->is_object()) entry = find_field(*entry, "content");
  if (entry == nullptr || !entry->is_string()) return std::nullopt;
  return find_token(parts, entry->get_ref<const std::string&>());
}

void name_roles(const Json& config, TokenizerParts& parts) {
  SpecialIds& ids = parts.special_ids;
  const std::initializer_list<std::pair<std::string_view, std::optional<i64>*>> roles = {
      {"bos_token", &ids.bos},  {"eos_token", &ids.eos}, {"unk_token", &ids.unk},
      {"pad_token", &ids.pad},  {"cls_token", &ids.cls}, {"sep_token", &ids.sep},
      {"mask_token", &ids.mask}};
  for (const auto& [name, id] : roles) {
    if (const std::optional<i64> found = role_in_config(parts, config, name)) *id = found;
  }
  name_special_ids(parts);
}

}  // namespace

Tokenizer tokenizer_from_json(std::string_view json, const Json& config,
                              const std::string& source) {
  TokenizerFile file = parse_tokenizer_file(json, source);
  const auto section = [&](std::string_view key) -> Json {
    const Json* found = find_field(file.rest, key);
    return found == nullptr ? Json(nullptr) : *found;
  };
  try {
    const Json& model = required_field(file.rest, "model");
    const Json pre_tokenizer = section("pre_tokenizer");
    const bool is_raw = ends_in_byte_level(pre_tokenizer) && kind_of(model, file) == "BPE";
    const ByteAlphabet alphabet = is_raw ? ByteAlphabet::raw : ByteAlphabet::printable;
    std::vector<AddedToken> added = added_tokens_of(file.rest);
    Pipeline pipeline;
    pipeline.normalizer = normalizer_from_json(section("normalizer"));
    pipeline.pre_tokenizer = pre_tokenizer_from_json(pre_tokenizer, alphabet);
    pipeline.model = model_of(file, model, alphabet, added);
    pipeline.decoder = decoder_from_json(section("decoder"));
    TokenizerParts parts = assemble(std::move(pipeline), std::move(added),
                                    post_processor_from_json(section("post_processor")));
    name_roles(config, parts);
    return Tokenizer(std::move(parts));
  } catch (Error& error) {
    throw error.with_context(fmt::format("while loading the tokenizer {}", source));
  }
}

}  // namespace medlar::text
