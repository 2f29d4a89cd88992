#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/llama2c.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/json_fields.h"
#include "text/load_tokenizer.h"
#include "text/sentencepiece.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"
#include "text/vocabulary_file.h"
#include "text/wordpiece.h"

namespace medlar::text {
namespace {

using TokenPairs = std::vector<std::pair<std::string, std::string>>;

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Lines "a b"; a first line that names the version and blank lines are skipped.
TokenPairs parse_merges(std::string_view text, const std::string& source) {
  TokenPairs merges;
  for (i64 number = 1; !text.empty(); ++number) {
    const std::string_view line = next_line(text);
    if (line.empty() || (number == 1 && line.find("#version") != std::string_view::npos)) continue;
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      fail(ErrorCode::corrupt_file, "{}: line {} is not a merge of two tokens", source, number);
    }
    merges.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  return merges;
}

AddedToken special_token(std::string content, i64 id) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = true;
  return token;
}

/// The special tokens of the names that the vocabulary has.
std::vector<AddedToken> specials_named(const Vocabulary& vocabulary,
                                       std::initializer_list<std::string_view> names) {
  std::vector<AddedToken> tokens;
  for (std::string_view name : names) {
    if (const std::optional<i64> id = vocabulary.find(name))
      tokens.push_back(special_token(std::string(name), *id));
  }
  return tokens;
}

Json byte_level() {
  return Json{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}};
}

PostProcessor roberta_processing(const Vocabulary& vocabulary) {
  return post_processor_from_json(
      Json{{"type", "RobertaProcessing"},
           {"cls", Json::array({"<s>", vocabulary.find("<s>").value_or(0)})},
           {"sep", Json::array({"</s>", vocabulary.find("</s>").value_or(0)})},
           {"trim_offsets", true},
           {"add_prefix_space", false}});
}

bool has_capital_letters(const Vocabulary& vocabulary) {
  for (i64 id = 0; id < vocabulary.size(); ++id) {
    const std::string_view token = vocabulary.token(id).value_or("");
    if (token.starts_with('[') && token.ends_with(']')) continue;
    if (std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
      return true;
  }
  return false;
}

}  // namespace

Tokenizer tokenizer_from_vocab_and_merges(std::string_view vocab_json, std::string_view merges,
                                          const std::string& source) {
  Vocabulary vocabulary;
  for (const auto& [token, id] : parse_vocab_json(vocab_json, source)) vocabulary.add(token, id);
  for (u32 character : byte_alphabet()) {
    if (vocabulary.find(to_utf8(character))) continue;
    fail(ErrorCode::unsupported,
         "{}: a vocabulary without all byte symbols is not of the byte-level kind (GPT-2, RoBERTa)",
         source);
  }
  const bool is_roberta =
      vocabulary.find("<s>") && vocabulary.find("</s>") && vocabulary.find("<mask>");
  std::vector<AddedToken> added =
      is_roberta ? specials_named(vocabulary, {"<s>", "<pad>", "</s>", "<unk>", "<mask>"})
                 : specials_named(vocabulary, {"<|endoftext|>"});
  for (AddedToken& token : added) token.lstrip = token.content == "<mask>";
  PostProcessor post_processor =
      is_roberta ? roberta_processing(vocabulary) : post_processor_from_json(byte_level());
  Pipeline pipeline;
  pipeline.normalizer = normalizer_from_json(nullptr);
  pipeline.pre_tokenizer = pre_tokenizer_from_json(byte_level(), ByteAlphabet::raw);
  Bpe::Options options;
  options.alphabet = ByteAlphabet::raw;
  pipeline.model =
      std::make_unique<Bpe>(std::move(vocabulary), parse_merges(merges, source), options);
  pipeline.decoder = decoder_from_json(byte_level());
  TokenizerParts parts = assemble(std::move(pipeline), std::move(added), std::move(post_processor));
  name_special_ids(parts);
  return Tokenizer(std::move(parts));
}

Tokenizer tokenizer_from_bert_vocab(std::string_view vocab, const Json& config,
                                    const std::string& source) {
  check_utf8(vocab);
  Vocabulary vocabulary;
  for (i64 id = 0; !vocab.empty(); ++id) vocabulary.add(next_line(vocab), id);
  std::vector<AddedToken> added =
      specials_named(vocabulary, {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"});
  const std::optional<i64> cls = vocabulary.find("[CLS]");
  const std::optional<i64> sep = vocabulary.find("[SEP]");
  if (!cls || !sep)
    fail(ErrorCode::unsupported, "{}: a vocabulary without [CLS] and [SEP] is not BERT's", source);
  const bool lowers = bool_field(config, "do_lower_case", !has_capital_letters(vocabulary));
  const bool strips = bool_field(config, "strip_accents", lowers);
  Pipeline pipeline;
  pipeline.normalizer = bert_normalizer(lowers ? LetterCase::lowered : LetterCase::kept,
                                        strips ? Accents::stripped : Accents::kept);
  pipeline.pre_tokenizer = bert_pre_tokenizer();
  pipeline.model = std::make_unique<WordPiece>(std::move(vocabulary), WordPiece::Options{});
  pipeline.decoder = decoder_from_json(Json{{"type", "WordPiece"}});
  PostProcessor post_processor =
      post_processor_from_json(Json{{"type", "BertProcessing"},
                                    {"cls", Json::array({"[CLS]", static_cast<u64>(*cls)})},
                                    {"sep", Json::array({"[SEP]", static_cast<u64>(*sep)})}});
  TokenizerParts parts = assemble(std::move(pipeline), std::move(added), std::move(post_processor));
  name_special_ids(parts);
  return Tokenizer(std::move(parts));
}

Tokenizer tokenizer_from_clip_merges(std::string_view merges, const std::string& source) {
  // openai/CLIP simple_tokenizer.py: 256 bytes, the same at the end of words, 48,894 merges, 2
  // specials.
  constexpr std::size_t merge_count = 49152 - 256 - 2;
  TokenPairs pairs;
  next_line(merges);
  while (!merges.empty() && pairs.size() < merge_count) {
    const std::string_view line = next_line(merges);
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos)
      fail(ErrorCode::corrupt_file, "{}: line {} is not a merge", source, pairs.size() + 2);
    pairs.emplace_back(line.substr(0, space), line.substr(space + 1));
  }
  if (pairs.size() < merge_count)
    fail(ErrorCode::corrupt_file, "{}: {} merges, CLIP has {}", source, pairs.size(), merge_count);
  Vocabulary vocabulary;
  i64 id = 0;
  const std::array<u32, 256> alphabet = byte_alphabet();
  std::vector<std::string> symbols;
  for (const bool printable : {true, false}) {
    for (u32 byte = 0; byte < 256; ++byte) {
      if ((alphabet[byte] == byte) == printable) symbols.push_back(to_utf8(alphabet[byte]));
    }
  }
  for (std::string_view suffix : {"", "</w>"}) {
    for (const std::string& symbol : symbols)
      vocabulary.add(std::string(symbol).append(suffix), id++);
  }
  for (const auto& [left, right] : pairs) vocabulary.add(left + right, id++);
  std::vector<AddedToken> added = {special_token("<|startoftext|>", id),
                                   special_token("<|endoftext|>", id + 1)};
  for (const AddedToken& token : added) vocabulary.add(token.content, token.id);
  Pipeline pipeline;
  pipeline.normalizer = normalizer_from_json(
      Json{{"type", "Sequence"},
           {"normalizers",
            Json::array(
                {Json{{"type", "NFC"}},
                 Json{{"type", "Replace"}, {"pattern", Json{{"Regex", "\\s+"}}}, {"content", " "}},
                 Json{{"type", "Lowercase"}}})}});
  pipeline.pre_tokenizer = pre_tokenizer_from_json(
      Json{
          {"type", "Sequence"},
          {"pretokenizers",
           Json::array(
               {Json{
                    {"type", "Split"},
                    {"pattern",
                     Json{
                         {"Regex",
                          R"(<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)"}}},
                    {"behavior", "Removed"},
                    {"invert", true}},
                Json{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}})}},
      ByteAlphabet::raw);
  Bpe::Options options;
  options.alphabet = ByteAlphabet::raw;
  options.suffix = "</w>";
  options.unknown = "<|endoftext|>";
  pipeline.model = std::make_unique<Bpe>(std::move(vocabulary), pairs, options);
  pipeline.decoder = decoder_from_json(byte_level());
  PostProcessor post_processor =
      post_processor_from_json(Json{{"type", "RobertaProcessing"},
                                    {"cls", Json::array({"", static_cast<u64>(id)})},
                                    {"sep", Json::array({"", static_cast<u64>(id + 1)})},
                                    {"trim_offsets", false},
                                    {"add_prefix_space", false}});
  TokenizerParts parts = assemble(std::move(pipeline), std::move(added), std::move(post_processor));
  name_special_ids(parts);
  return Tokenizer(std::move(parts));
}

Tokenizer tokenizer_from_llama2c(Bytes bytes, const std::string& source) {
  return tokenizer_from_sentencepiece_model(formats::parse_llama2c_vocabulary(bytes, source),
                                            {.bos = true, .eos = false});
}

}  // namespace medlar::text
