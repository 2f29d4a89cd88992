#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/llama2c.h"
#include "formats/open_checkpoint.h"
#include "formats/shard_index.h"
#include "formats/tf1_checkpoint.h"

namespace medlar::formats {
namespace {

using Path = std::filesystem::path;

/// Files of a folder by name, so that the answer does not depend on the order of the directory.
std::vector<Path> files_of(const Path& folder) {
  std::vector<Path> files;
  try {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (!entry.is_directory()) files.push_back(entry.path());
    }
  } catch (const std::filesystem::filesystem_error& error) {
    fail(ErrorCode::io, "cannot list {}: {}", folder.string(), error.code().message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Path> with_extension(const std::vector<Path>& files, std::string_view extension) {
  std::vector<Path> chosen;
  for (const Path& file : files) {
    if (file.extension() == extension) chosen.push_back(file);
  }
  return chosen;
}

[[noreturn]] void ambiguous(const Path& folder, const std::vector<Path>& files) {
  fail(ErrorCode::unsupported, "{}: holds {} checkpoints ({}, {}, ...); name one of them",
       folder.string(), files.size(), files[0].filename().string(), files[1].filename().string());
}

/// The first of these names that is in the folder; empty if none is.
Path first_of(const Path& folder, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (is_there(folder / name)) return folder / name;
  }
  return {};
}

Path safetensors_or_pickle(const Path& folder, const std::vector<Path>& files) {
  const Path named =
      first_of(folder, {"model.safetensors.index.json", "model.safetensors", "weights.safetensors",
                        "adapter_model.safetensors", "pytorch_model.bin.index.json",
                        "pytorch_model.bin", "adapter_model.bin"});
  if (!named.empty()) return named;
  const std::vector<Path> pickles = with_extension(files, ".pt");
  if (pickles.size() > 1) ambiguous(folder, pickles);
  return pickles.empty() ? Path() : pickles.front();
}

/// The one GGUF file, or the first of the shards of one model.
Path gguf_file(const Path& folder, const std::vector<Path>& files) {
  const std::vector<Path> found = with_extension(files, ".gguf");
  if (found.empty()) return {};
  const std::string last_number = fmt::format("-of-{:05}.gguf", found.size());
  const std::string first = found.front().filename().string();
  const bool one_model = found.size() == 1 || first.ends_with("-00001" + last_number);
  if (!one_model) ambiguous(folder, found);
  return found.front();
}

/// The table that the `checkpoint` file calls the latest, or the only one.
Path tensorflow_index(const Path& folder, const std::vector<Path>& files) {
  constexpr i64 max_bytes = i64{1} << 20;
  if (is_there(folder / "checkpoint")) {
    const std::string source = (folder / "checkpoint").string();
    const std::string prefix = tf1_latest_prefix(read_text_file(source, max_bytes), source);
    check_file_name(prefix, source);
    const Path named = folder / (prefix + ".index");
    if (is_there(named)) return named;
  }
  const std::vector<Path> found = with_extension(files, ".index");
  if (found.size() > 1) ambiguous(folder, found);
  return found.empty() ? Path() : found.front();
}

/// The .bin that is a llama2.c model by header and length: its vocabulary, tok*.bin, is not.
Path llama2c_file(const Path& folder, const std::vector<Path>& files) {
  std::vector<Path> found;
  for (const Path& file : with_extension(files, ".bin")) {
    if (looks_like_llama2c(MappedFile::open(file)->bytes())) found.push_back(file);
  }
  if (found.size() > 1) ambiguous(folder, found);
  return found.empty() ? Path() : found.front();
}

}  // namespace

Checkpoint open_folder(const Path& folder) {
  const std::vector<Path> files = files_of(folder);
  Path file = safetensors_or_pickle(folder, files);
  if (file.empty()) file = gguf_file(folder, files);
  if (file.empty()) file = tensorflow_index(folder, files);
  if (file.empty()) file = llama2c_file(folder, files);
  if (file.empty()) {
    fail(ErrorCode::not_found,
         "{}: no checkpoint here; looked for model.safetensors (or its index.json), "
         "weights.safetensors, adapter_model.safetensors, pytorch_model.bin (or its index.json), "
         "adapter_model.bin, *.pt, *.gguf, checkpoint or *.index of TensorFlow 1, and a *.bin of "
         "llama2.c",
         folder.string());
  }
  Checkpoint checkpoint = open_file(file);
  checkpoint.path = folder;
  if (checkpoint.config.empty()) read_configs(folder, checkpoint);
  return checkpoint;
}

}  // namespace medlar::formats
