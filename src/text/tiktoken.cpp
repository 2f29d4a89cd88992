#include <algorithm>
#include <utility>

#include "base/error.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/charsmap.h"
#include "text/load_tokenizer.h"
#include "text/tokenizer_parts.h"

namespace medlar::text {
namespace {

/// What OpenAI's and Meta's code knows about a rank file that the file does not say.
struct Publication {
  SplitPattern pattern;
  std::vector<std::pair<std::string, i64>> specials;
  bool adds_bos = false;  ///< the first of the specials
};

/// Llama 3 (Meta): five names, the reserved ones fill the other places to 256.
Publication llama3(i64 ranks) {
  Publication result{SplitPattern::llama3, {}, true};
  const std::vector<std::pair<i64, std::string>> named = {{0, "<|begin_of_text|>"},
                                                          {1, "<|end_of_text|>"},
                                                          {6, "<|start_header_id|>"},
                                                          {7, "<|end_header_id|>"},
                                                          {9, "<|eot_id|>"}};
  i64 reserved = 0;
  for (i64 place = 0; place < 256; ++place) {
    std::string name;
    for (const auto& [at, text] : named) {
      if (at == place) name = text;
    }
    if (name.empty()) name = fmt::format("<|reserved_special_token_{}|>", reserved++);
    result.specials.emplace_back(name, ranks + place);
  }
  return result;
}

/// o200k_base with the special tokens of harmony (openai/harmony), up to <|endofprompt|>.
Publication o200k() {
  Publication result{SplitPattern::o200k, {}, false};
  const std::vector<std::pair<i64, std::string>> named = {
      {199998, "<|startoftext|>"}, {199999, "<|endoftext|>"}, {200002, "<|return|>"},
      {200003, "<|constrain|>"},   {200005, "<|channel|>"},   {200006, "<|start|>"},
      {200007, "<|end|>"},         {200008, "<|message|>"},   {200012, "<|call|>"},
      {200018, "<|endofprompt|>"}};
  for (i64 id = 199998; id <= 200018; ++id) {
    std::string name = fmt::format("<|reserved_{}|>", id);
    for (const auto& [at, text] : named) {
      if (at == id) name = text;
    }
    result.specials.emplace_back(name, id);
  }
  return result;
}

Publication publication_with(i64 ranks, const std::string& source) {
  switch (ranks) {
    case 50256:
      return {SplitPattern::gpt2, {{"<|endoftext|>", 50256}}, false};  // r50k_base
    case 50280:
      return {SplitPattern::gpt2, {{"<|endoftext|>", 50256}}, false};  // p50k_base
    case 100256:                                                       // cl100k_base
      return {SplitPattern::llama3,
              {{"<|endoftext|>", 100257},
               {"<|fim_prefix|>", 100258},
               {"<|fim_middle|>", 100259},
               {"<|fim_suffix|>", 100260},
               {"<|endofprompt|>", 100276}},
              false};
    case 128000:
      return llama3(ranks);
    case 199998:
      return o200k();
    default:
      fail(ErrorCode::unsupported,
           "{}: a rank file of {} tokens is of no known tokenizer (r50k, p50k, cl100k, o200k, "
           "Llama 3), and the file "
           "does not say how text is split",
           source, ranks);
  }
}

/// Lines of base64 and a rank; blank lines are skipped.
Vocabulary parse_ranks(std::string_view text, const std::string& source) {
  Vocabulary vocabulary;
  i64 line_number = 0;
  while (!text.empty()) {
    ++line_number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::size_t space = line.find(' ');
    const std::string_view digits = space == std::string_view::npos ? "" : line.substr(space + 1);
    i64 rank = 0;
    bool is_number = !digits.empty() && digits.size() <= 9;
    for (char c : digits) {
      is_number = is_number && c >= '0' && c <= '9';
      if (is_number) rank = 10 * rank + (c - '0');
    }
    if (!is_number || space > 1024) {
      fail(ErrorCode::corrupt_file, "{}: line {} is not base64, a space and a rank", source,
           line_number);
    }
    const std::string bytes = decode_base64(line.substr(0, space));
    if (bytes.empty())
      fail(ErrorCode::corrupt_file, "{}: line {} has an empty token", source, line_number);
    vocabulary.add(to_byte_alphabet(bytes), rank);
  }
  return vocabulary;
}

}  // namespace

Tokenizer tokenizer_from_ranks(std::string_view ranks, const std::string& source) {
  Vocabulary vocabulary = parse_ranks(ranks, source);
  const Publication publication = publication_with(vocabulary.count(), source);
  Pipeline pipeline;
  pipeline.normalizer = normalizer_from_json(nullptr);
  pipeline.pre_tokenizer = pattern_splitter(publication.pattern);
  pipeline.model = std::make_unique<Bpe>(Bpe::from_ranks(std::move(vocabulary)));
  pipeline.decoder = decoder_from_json(Json{{"type", "ByteLevel"}});
  pipeline.offset_unit = OffsetUnit::bytes;
  std::vector<AddedToken> added;
  for (const auto& [content, id] : publication.specials) {
    AddedToken token;
    token.id = id;
    token.content = content;
    token.special = true;
    added.push_back(std::move(token));
  }
  PostProcessor post_processor;
  if (publication.adds_bos) {
    const SpecialTemplate::Item bos = SpecialTemplate::special(publication.specials.front().second);
    post_processor.special_template.single.insert(post_processor.special_template.single.begin(),
                                                  bos);
    post_processor.special_template.pair.insert(post_processor.special_template.pair.begin(), bos);
  }
  TokenizerParts parts = assemble(std::move(pipeline), std::move(added), std::move(post_processor));
  name_special_ids(parts);
  return Tokenizer(std::move(parts));
}

}  // namespace medlar::text
