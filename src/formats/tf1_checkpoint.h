#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/checkpoint.h"

namespace medlar::formats {

/// One tensor as the index describes it.
struct Tf1Entry {
  std::string name;
  QuantFormat format = QuantFormat::f32;
  Shape shape;
  i64 shard = 0;
  i64 offset = 0;
  i64 bytes = 0;
  u32 masked_crc = 0;
};

/// The .index file of a checkpoint: a sorted table of names and descriptions. Tensors of strings,
/// which hold no weights, are left out.
struct Tf1Index {
  i64 shard_count = 1;
  std::vector<Tf1Entry> entries;  ///< by rising name
};

/// Parses an .index file. Throws corrupt_file, unsupported (snappy blocks, big-endian, sliced
/// variables, another dtype) and limit_exceeded (131,072 tensors, names over 512 bytes). Source:
/// tensorflow/core/util/tensor_bundle, tensorflow/core/lib/io/table_format.txt.
Tf1Index parse_tf1_index(Bytes file, const std::string& source);

/// A .data file.
struct Tf1Shard {
  Bytes bytes;
  std::shared_ptr<const void> owner;
  std::string source;
};

/// The tensors as views of the shards, under TensorFlow's names; ranges and CRCs are checked.
std::map<std::string, StoredTensor, std::less<>> tf1_tensors(const Tf1Index& index,
                                                             std::span<const Tf1Shard> shards);

/// Opens PREFIX.index and the PREFIX.data-?????-of-????? that it needs.
std::map<std::string, StoredTensor, std::less<>> read_tf1_checkpoint(
    const std::filesystem::path& index_file);

/// The first line's path in a `checkpoint` file, without its folder: "model.ckpt-1000". Throws
/// corrupt_file.
std::string tf1_latest_prefix(std::string_view text, const std::string& source);

}  // namespace medlar::formats
