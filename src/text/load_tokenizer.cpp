#include "text/load_tokenizer.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/checkpoint.h"
#include "text/gzip.h"

namespace medlar::text {
namespace {

namespace fs = std::filesystem;

std::string read_maybe_gzip(const fs::path& path) {
  std::string bytes = read_text_file(path);
  return is_gzip(bytes) ? gunzip(bytes, path.string()) : bytes;
}

/// tokenizer_config.json beside the file; with a prefix "x." before the file's name,
/// x.tokenizer_config.json.
Json config_beside(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::size_t dot = name.find(".tokenizer");
  const std::string prefix =
      dot == std::string::npos || name.starts_with("tokenizer") ? "" : name.substr(0, dot + 1);
  const fs::path config = path.parent_path() / (prefix + "tokenizer_config.json");
  return fs::is_regular_file(config) ? read_json_file(config) : Json(nullptr);
}

/// The merges.txt that belongs to a vocab.json: gpt2.vocab.json -> gpt2.merges.txt.
fs::path merges_beside(const fs::path& vocab) {
  std::string name = vocab.filename().string();
  name.replace(name.find("vocab.json"), std::string_view("vocab.json").size(), "merges.txt");
  return vocab.parent_path() / name;
}

/// Lines of base64, a space, a number: a rank file of tiktoken.
bool looks_like_ranks(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, std::min(bytes.find('\n'), bytes.size()));
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0 || space + 1 >= line.size()) return false;
  return std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

Bytes as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Tokenizer load_file(const fs::path& path);

Tokenizer load_folder(const fs::path& folder) {
  for (std::string_view name :
       {"tokenizer.json", "tokenizer.json.gz", "tokenizer.model", "spiece.model",
        "sentencepiece.bpe.model", "vocab.json", "vocab.txt"}) {
    if (fs::is_regular_file(folder / name)) return load_file(folder / name);
  }
  std::vector<fs::path> others;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".tiktoken" || extension == ".gguf") others.push_back(entry.path());
  }
  std::sort(others.begin(), others.end());
  if (!others.empty()) return load_file(others.front());
  fail(ErrorCode::not_found,
       "{} has no tokenizer: looked for tokenizer.json, *.model, vocab.json, vocab.txt, "
       "*.tiktoken, *.gguf",
       folder.string());
}

Tokenizer load_file(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string source = path.string();
  if (name.ends_with(".gguf")) return tokenizer_from_gguf(formats::open_checkpoint(path).metadata);
  const std::string bytes = read_maybe_gzip(path);
  if (name.ends_with("vocab.json")) {
    return tokenizer_from_vocab_and_merges(bytes, read_text_file(merges_beside(path)), source);
  }
  if (name.ends_with(".json") || name.ends_with(".json.gz"))
    return tokenizer_from_json(bytes, config_beside(path), source);
  if (name.ends_with("vocab.txt"))
    return tokenizer_from_bert_vocab(bytes, config_beside(path), source);
  if (name.ends_with(".bin")) return tokenizer_from_llama2c(as_bytes(bytes), source);
  if (name.ends_with(".txt.gz") || bytes.starts_with("\"bpe_simple_vocab"))
    return tokenizer_from_clip_merges(bytes, source);
  if (looks_like_ranks(bytes)) return tokenizer_from_ranks(bytes, source);
  return tokenizer_from_sentencepiece(as_bytes(bytes), source);
}

}  // namespace

Tokenizer load_tokenizer(const fs::path& path) {
  if (fs::is_directory(path)) return load_folder(path);
  if (!fs::exists(path)) fail(ErrorCode::not_found, "no tokenizer at {}", path.string());
  return load_file(path);
}

}  // namespace medlar::text
