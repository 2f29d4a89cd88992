#include "formats/tf1_checkpoint.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "formats/crc32c.h"
#include "formats/leveldb_table.h"
#include "formats/protobuf_wire.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

constexpr i64 max_tensors = 131'072;
constexpr i64 max_shards = 99'999;  // five digits in the files' names
constexpr i64 string_dtype = 7;

struct NumberedFormat {
  i64 number;
  QuantFormat format;
};

/// tensorflow/core/framework/types.proto
constexpr std::array dtypes{
    NumberedFormat{1, QuantFormat::f32},      NumberedFormat{2, QuantFormat::f64},
    NumberedFormat{3, QuantFormat::i32},      NumberedFormat{4, QuantFormat::u8},
    NumberedFormat{5, QuantFormat::i16},      NumberedFormat{6, QuantFormat::i8},
    NumberedFormat{9, QuantFormat::i64},      NumberedFormat{10, QuantFormat::boolean},
    NumberedFormat{14, QuantFormat::bf16},    NumberedFormat{17, QuantFormat::u16},
    NumberedFormat{19, QuantFormat::f16},     NumberedFormat{22, QuantFormat::u32},
    NumberedFormat{23, QuantFormat::u64},     NumberedFormat{24, QuantFormat::f8_e5m2},
    NumberedFormat{25, QuantFormat::f8_e4m3},
};

/// A field that must be zero or more.
i64 size_field(const WireReader& message, const WireField& field, std::string_view what) {
  const i64 value = message.integer(field, what);
  if (value < 0) {
    fail(ErrorCode::corrupt_file, "{}: {} of {} (at byte {})", message.source(), what, value,
         field.position);
  }
  return value;
}

/// BundleHeaderProto: 1 number of shards, 2 byte order (0 little).
i64 parse_header(WireReader message) {
  i64 shards = 0;
  while (const std::optional<WireField> field = message.next()) {
    if (field->number == 1) shards = size_field(message, *field, "number of shards");
    if (field->number == 2 && message.integer(*field, "byte order") != 0) {
      fail(ErrorCode::unsupported, "{}: is in big-endian byte order", message.source());
    }
  }
  if (shards < 1 || shards > max_shards) {
    fail(ErrorCode::corrupt_file, "{}: {} shards, expected 1 to {}", message.source(), shards,
         max_shards);
  }
  return shards;
}

/// TensorShapeProto: 2 dim {1 size}, 3 unknown rank.
std::vector<i64> parse_shape(WireReader message, std::string_view name) {
  std::vector<i64> dims;
  while (const std::optional<WireField> field = message.next()) {
    if (field->number == 3 && message.flag(*field, "unknown rank")) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' has no shape", message.source(),
           printable(name));
    }
    if (field->number != 2) continue;
    message.bytes(*field, "axis");
    WireReader axis(*field, message.source());
    i64 dim = 0;
    while (const std::optional<WireField> part = axis.next()) {
      if (part->number == 1) dim = axis.integer(*part, "axis size");
    }
    if (ssize_of(dims) > Shape::max_rank) break;  // refused with its rank by checked_shape
    dims.push_back(dim);
  }
  return dims;
}

/// BundleEntryProto: 1 dtype, 2 shape, 3 shard, 4 offset, 5 size, 6 masked CRC-32C, 7 slices. Empty
/// for a tensor of strings.
std::optional<Tf1Entry> parse_entry(WireReader message, std::string_view name) {
  Tf1Entry entry;
  entry.name = name;
  i64 dtype = 0;
  std::vector<i64> dims;
  while (const std::optional<WireField> field = message.next()) {
    switch (field->number) {
      case 1:
        dtype = message.integer(*field, "dtype");
        break;
      case 2:
        message.bytes(*field, "shape");
        dims = parse_shape(WireReader(*field, message.source()), name);
        break;
      case 3:
        entry.shard = size_field(message, *field, "shard");
        break;
      case 4:
        entry.offset = size_field(message, *field, "offset");
        break;
      case 5:
        entry.bytes = size_field(message, *field, "size");
        break;
      case 6:
        if (field->kind != WireField::Kind::fixed32) {
          fail(ErrorCode::corrupt_file, "{}: the CRC of tensor '{}' is no fixed32",
               message.source(), printable(name));
        }
        entry.masked_crc = static_cast<u32>(field->value);
        break;
      case 7:
        fail(ErrorCode::unsupported, "{}: tensor '{}' is stored in slices", message.source(),
             printable(name));
      default:
        break;
    }
  }
  if (dtype == string_dtype) return std::nullopt;
  for (const NumberedFormat& known : dtypes) {
    if (known.number != dtype) continue;
    entry.format = known.format;
    entry.shape = checked_shape(dims, name, message.source());
    const i64 bytes = checked_bytes(entry.format, entry.shape, name, message.source());
    if (bytes == entry.bytes) return entry;
    fail(ErrorCode::corrupt_file, "{}: tensor '{}' has {} bytes, {} {} needs {}", message.source(),
         printable(name), entry.bytes, layout_of(entry.format).name, entry.shape.to_string(),
         bytes);
  }
  fail(ErrorCode::unsupported, "{}: tensor '{}' has TensorFlow's dtype {}, which is not known here",
       message.source(), printable(name), dtype);
}

}  // namespace

Tf1Index parse_tf1_index(Bytes file, const std::string& source) {
  Tf1Index index;
  bool has_header = false;
  read_leveldb_table(file, source, [&](std::string_view key, Bytes value, i64 position) {
    const WireReader message(value, source, position);
    if (key.empty()) {
      index.shard_count = parse_header(message);
      has_header = true;
      return;
    }
    if (!has_header) fail(ErrorCode::corrupt_file, "{}: the table begins without a header", source);
    if (ssize_of(index.entries) >= max_tensors) {
      fail(ErrorCode::limit_exceeded, "{}: more than {} tensors", source, max_tensors);
    }
    if (!is_utf8(key)) fail(ErrorCode::corrupt_file, "{}: a name is not UTF-8", source);
    std::optional<Tf1Entry> entry = parse_entry(message, key);
    if (!entry) return;
    if (entry->shard >= index.shard_count) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' is in shard {} of {}", source, printable(key),
           entry->shard, index.shard_count);
    }
    index.entries.push_back(std::move(*entry));
  });
  if (!has_header) fail(ErrorCode::corrupt_file, "{}: the table has no header", source);
  return index;
}

std::map<std::string, StoredTensor, std::less<>> tf1_tensors(const Tf1Index& index,
                                                             std::span<const Tf1Shard> shards) {
  std::map<std::string, StoredTensor, std::less<>> tensors;
  std::vector<std::vector<ClaimedRange>> ranges(shards.size());
  for (const Tf1Entry& entry : index.entries) {
    MEDLAR_CHECK(entry.shard < ssize_of(shards));
    const std::size_t place = static_cast<std::size_t>(entry.shard);
    const Tf1Shard& shard = shards[place];
    const i64 available = ssize_of(shard.bytes);
    if (entry.offset > available || entry.bytes > available - entry.offset) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' claims {} bytes at byte {} of {}",
           shard.source, printable(entry.name), entry.bytes, entry.offset, available);
    }
    ranges[place].push_back({entry.offset, entry.offset + entry.bytes, entry.name});
  }
  // Before the CRCs: tensors that overlap could make them take the square of the file's size.
  for (std::size_t place = 0; place < shards.size(); ++place) {
    check_ranges(ranges[place], ssize_of(shards[place].bytes), Gaps::allowed, shards[place].source);
  }
  for (const Tf1Entry& entry : index.entries) {
    const Tf1Shard& shard = shards[static_cast<std::size_t>(entry.shard)];
    const Bytes bytes = shard.bytes.subspan(static_cast<std::size_t>(entry.offset),
                                            static_cast<std::size_t>(entry.bytes));
    if (masked_crc32c(crc32c(bytes)) != entry.masked_crc) {
      fail(ErrorCode::corrupt_file, "{}: the CRC of tensor '{}' does not agree (at byte {})",
           shard.source, printable(entry.name), entry.offset);
    }
    add_tensor(tensors, {entry.name, entry.format, entry.shape, bytes, shard.owner}, shard.source);
  }
  return tensors;
}

std::map<std::string, StoredTensor, std::less<>> read_tf1_checkpoint(
    const std::filesystem::path& index_file) {
  const std::shared_ptr<const MappedFile> file = MappedFile::open(index_file);
  const Tf1Index index = parse_tf1_index(file->bytes(), index_file.string());
  std::filesystem::path prefix = index_file;
  prefix.replace_extension();
  std::vector<Tf1Shard> shards;
  for (i64 shard = 0; shard < index.shard_count; ++shard) {
    const std::string name =
        fmt::format("{}.data-{:05}-of-{:05}", prefix.string(), shard, index.shard_count);
    const std::shared_ptr<const MappedFile> data = MappedFile::open(name);
    shards.push_back({data->bytes(), data, name});
  }
  return tf1_tensors(index, shards);
}

std::string tf1_latest_prefix(std::string_view text, const std::string& source) {
  constexpr std::string_view key = "model_checkpoint_path:";
  const std::size_t begin = text.starts_with(key) ? text.find('"', key.size()) : text.npos;
  const std::size_t end = begin == text.npos ? begin : text.find('"', begin + 1);
  if (end == text.npos) {
    fail(ErrorCode::corrupt_file, "{}: does not begin with model_checkpoint_path: \"...\"", source);
  }
  std::string_view path = text.substr(begin + 1, end - begin - 1);
  // The folder is that of the machine that trained.
  const std::size_t separator = path.find_last_of('/');
  if (separator != path.npos) path.remove_prefix(separator + 1);
  return std::string(path);
}

}  // namespace medlar::formats
