#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

/// The two halves of open_checkpoint(); private to formats/.
namespace medlar::formats {

/// Opens a folder by the names of the files in it. Throws not_found listing what was looked for.
Checkpoint open_folder(const std::filesystem::path& folder);

/// Opens one file by its first bytes, or by its name where the format has no mark.
Checkpoint open_file(const std::filesystem::path& file);

/// Reads config.json (or bert_config.json, gliner_config.json) and generation_config.json of a
/// folder where present.
void read_configs(const std::filesystem::path& folder, Checkpoint& checkpoint);

/// True if the path names something; false too where that cannot be known.
bool is_there(const std::filesystem::path& path);

/// Opens the files that an index names and checks them against it.
void add_shards(const std::filesystem::path& index_file, Checkpoint& checkpoint);

/// Opens a GGUF file and, if it is a shard, its siblings; metadata is the first shard's.
void add_gguf(const std::filesystem::path& file, Checkpoint& checkpoint);

}  // namespace medlar::formats
