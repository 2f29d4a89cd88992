#include "formats/torch_pickle.h"

#include <optional>
#include <utility>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/tensor_checks.h"
#include "formats/torch_graph.h"
#include "formats/zip_reader.h"

namespace medlar::formats {
namespace {

using Kind = PickleValue::Kind;

/// torch/serialization.py MAGIC_NUMBER 0x1950a86a20f9469cfc6c, little-endian.
constexpr std::string_view legacy_magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr i64 legacy_protocol = 1001;

/// The part of a storage that a view (old form) shows.
StorageContent viewed(const TorchStorage& storage, StorageContent content) {
  if (storage.view_count < 0) return content;
  const i64 element = layout_of(storage.format).block_bytes;
  content.bytes = content.bytes.subspan(static_cast<std::size_t>(storage.view_offset * element),
                                        static_cast<std::size_t>(storage.view_count * element));
  return content;
}

/// "NAME/data.pkl" -> "NAME/".
std::string archive_prefix(const ZipReader& archive) {
  constexpr std::string_view pickle_name = "data.pkl";
  std::string prefix;
  for (const auto& [name, entry] : archive.entries()) {
    if (!name.ends_with("/data.pkl") || name.find('/') + 1 + pickle_name.size() != name.size())
      continue;
    if (!prefix.empty()) {
      fail(ErrorCode::corrupt_file, "{}: holds more than one data.pkl", archive.source());
    }
    prefix = name.substr(0, name.size() - pickle_name.size());
  }
  if (prefix.empty()) {
    fail(ErrorCode::corrupt_file, "{}: a zip archive without data.pkl, not from PyTorch",
         archive.source());
  }
  return prefix;
}

TorchFile parse_zip(Bytes file, const std::string& source,
                    const std::shared_ptr<const void>& owner) {
  const ZipReader archive(file, source);
  const std::string prefix = archive_prefix(archive);
  const auto content_of = [&](const std::string& name, StoredCrc stored_crc) {
    const auto found = archive.entries().find(name);
    if (found == archive.entries().end()) {
      fail(ErrorCode::corrupt_file, "{}: has no entry '{}'", source, printable(name));
    }
    return unpack(found->second, name, source, stored_crc);
  };
  if (archive.entries().contains(prefix + "byteorder")) {
    const ZipContent order = content_of(prefix + "byteorder", StoredCrc::checked);
    if (ByteReader(order.bytes, source).take_text(ssize_of(order.bytes), "byteorder") != "little") {
      fail(ErrorCode::unsupported, "{}: is in big-endian byte order", source);
    }
  }
  const ZipContent pickle = content_of(prefix + "data.pkl", StoredCrc::checked);
  ByteReader reader(pickle.bytes, source + ":data.pkl");
  const PickleGraph graph = read_pickle(reader);

  // Storages are shared between tensors; a deflated one is unpacked once.
  std::map<std::string, StorageContent, std::less<>> contents;
  const FindStorage find_storage = [&](const TorchStorage& storage) {
    const std::string name = fmt::format("{}data/{}", prefix, storage.key);
    auto found = contents.find(name);
    if (found == contents.end()) {
      const ZipContent content = content_of(name, StoredCrc::skipped);
      found =
          contents
              .emplace(name, StorageContent{content.bytes, content.owner ? content.owner : owner})
              .first;
    }
    if (storage_bytes(storage, source) != ssize_of(found->second.bytes)) {
      fail(ErrorCode::corrupt_file, "{}: entry '{}' has {} bytes, {} {} need {}", source,
           printable(name), found->second.bytes.size(), storage.count,
           layout_of(storage.format).name, storage_bytes(storage, source));
    }
    return viewed(storage, found->second);
  };
  return {.tensors = torch_tensors(graph, find_storage, ssize_of(file), source),
          .numbers = torch_numbers(graph)};
}

/// The third pickle of the old form says how the machine that wrote it stores numbers.
void check_system(const PickleGraph& system, const std::string& source) {
  const PickleValue& dict = system[system.root];
  for (std::size_t i = 0; i + 1 < dict.items.size(); i += 2) {
    const PickleValue& value = system[dict.items[i + 1]];
    if (system[dict.items[i]].text == "little_endian" && value.kind == Kind::boolean &&
        value.integer == 0) {
      fail(ErrorCode::unsupported, "{}: is in big-endian byte order", source);
    }
  }
}

/// Pickles of magic, protocol, system, the objects and the storage keys, then count and bytes of
/// each.
TorchFile parse_legacy(Bytes file, const std::string& source,
                       const std::shared_ptr<const void>& owner) {
  ByteReader reader(file, source);
  const PickleGraph magic = read_pickle(reader);
  const PickleGraph protocol = read_pickle(reader);
  if (magic[magic.root].text != legacy_magic ||
      protocol[protocol.root].integer != legacy_protocol) {
    reader.corrupt("does not begin with PyTorch's magic number and protocol 1001");
  }
  check_system(read_pickle(reader), source);
  const PickleGraph graph = read_pickle(reader);
  const PickleGraph keys = read_pickle(reader);

  std::map<std::string_view, TorchStorage> storages;
  for (const PickleValue& value : graph.values) {
    if (value.kind != Kind::persistent) continue;
    const TorchStorage storage = torch_storage(graph, value, source);
    const auto [known, added] = storages.emplace(storage.key, storage);
    if (!added &&
        (known->second.count != storage.count || known->second.format != storage.format)) {
      fail(ErrorCode::corrupt_file, "{}: storage '{}' is described in two ways", source,
           printable(storage.key));
    }
  }
  std::map<std::string_view, Bytes> contents;
  for (const i64 index : keys[keys.root].items) {
    const std::string_view key = keys[index].text;
    const auto storage = storages.find(key);
    if (storage == storages.end()) {
      reader.corrupt(fmt::format("storage '{}' is not of any tensor", printable(key)));
    }
    const i64 count = reader.read<i64>("storage count");
    if (count != storage->second.count) {
      reader.corrupt(fmt::format("storage '{}' has {} elements, expected {}", printable(key), count,
                                 storage->second.count));
    }
    if (!contents.emplace(key, reader.take(storage_bytes(storage->second, source), "storage"))
             .second) {
      reader.corrupt(fmt::format("storage '{}' is there twice", printable(key)));
    }
  }
  if (reader.remaining() != 0) reader.corrupt("bytes behind the last storage");
  const FindStorage find_storage = [&](const TorchStorage& storage) {
    const auto content = contents.find(storage.key);
    if (content == contents.end()) {
      fail(ErrorCode::corrupt_file, "{}: storage '{}' is missing", source, printable(storage.key));
    }
    return viewed(storage, {content->second, owner});
  };
  return {.tensors = torch_tensors(graph, find_storage, ssize_of(file), source),
          .numbers = torch_numbers(graph)};
}

bool starts_with(Bytes file, std::string_view mark) {
  return file.size() >= mark.size() &&
         std::string_view(reinterpret_cast<const char*>(file.data()), mark.size()) == mark;
}

}  // namespace

TorchFile parse_torch(Bytes file, const std::string& source, std::shared_ptr<const void> owner) {
  if (starts_with(file, "PK")) return parse_zip(file, source, owner);
  return parse_legacy(file, source, owner);
}

bool looks_like_torch(Bytes file) {
  return starts_with(file, "PK\x03\x04") || starts_with(file, "\x80\x02\x8a\x0a");
}

}  // namespace medlar::formats
