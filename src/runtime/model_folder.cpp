#include "runtime/model_folder.h"

#include <algorithm>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/pending_file.h"
#include "formats/safetensors.h"

namespace medlar::runtime {
namespace {

namespace fs = std::filesystem;
using formats::StoredTensor;

constexpr const char* recipe_name = "recipe.partial.txt";

i64 bytes_in(const StoredTensor& tensor) { return bytes_of(tensor.format, tensor.shape.count()); }

/// Tensors in order, cut where a file would grow over its limit.
std::vector<std::span<const StoredTensor>> shards_of(std::span<const StoredTensor> tensors,
                                                     i64 shard_bytes) {
  std::vector<std::span<const StoredTensor>> shards;
  std::size_t begin = 0;
  i64 bytes = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i > begin && bytes + bytes_in(tensors[i]) > shard_bytes) {
      shards.push_back(tensors.subspan(begin, i - begin));
      begin = i;
      bytes = 0;
    }
    bytes += bytes_in(tensors[i]);
  }
  shards.push_back(tensors.subspan(begin));
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  return count == 1 ? "model.safetensors"
                    : fmt::format("model-{:05}-of-{:05}.safetensors", index + 1, count);
}

void copy_companions(const fs::path& from, const fs::path& to) {
  std::error_code none;
  for (const char* name :
       {"generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt",
        "chat_template.jinja", "chat_template.json", "preprocessor_config.json",
        "processor_config.json"}) {
    if (fs::exists(from / name, none))
      fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing);
  }
}

/// The folder, empty or with what the same recipe left.
void begin_folder(const fs::path& folder, const std::string& recipe) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(ErrorCode::io, "cannot make {}: {}", folder.string(), error.message());
  const fs::path record = folder / recipe_name;
  if (fs::exists(record)) {
    if (read_text_file(record) == recipe) return;
    fail(ErrorCode::invalid_argument, "{} holds an unfinished model of another recipe",
         folder.string());
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".safetensors")
      fail(ErrorCode::invalid_argument, "{} holds a model already", folder.string());
  }
  formats::write_file(record, recipe);
}

}  // namespace

void write_model_folder(const fs::path& folder, const Json& config,
                        std::span<const StoredTensor> tensors, const fs::path& source,
                        const FolderOptions& options) {
  begin_folder(folder, options.recipe);
  i64 total = 0;
  for (const StoredTensor& tensor : tensors) total += bytes_in(tensor);
  const auto shards = shards_of(tensors, options.shard_bytes);
  Json weight_map = Json::object();
  i64 done = 0;
  for (std::size_t s = 0; s < shards.size(); ++s) {
    const std::string name = shard_name(s, shards.size());
    if (!fs::exists(folder / name)) {
      std::vector<StoredTensor> watched(shards[s].begin(), shards[s].end());
      i64 within = done;
      for (StoredTensor& tensor : watched) {
        if (!tensor.join) continue;
        tensor.join = [&, join = tensor.join, bytes = bytes_in(tensor)] {
          options.progress(within, total);
          within += bytes;
          return join();
        };
      }
      formats::write_safetensors(folder / name, watched, {{"format", "pt"}});
    }
    for (const StoredTensor& tensor : shards[s]) {
      weight_map[tensor.name] = name;
      done += bytes_in(tensor);
    }
  }
  if (shards.size() > 1) {
    const Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", weight_map}};
    formats::write_file(folder / "model.safetensors.index.json", index.dump(2) + "\n");
  }
  std::error_code none;
  copy_companions(fs::is_directory(source, none) ? source : source.parent_path(), folder);
  formats::write_file(folder / "config.json", config.dump(2) + "\n");
  fs::remove(folder / recipe_name);
}

}  // namespace medlar::runtime
