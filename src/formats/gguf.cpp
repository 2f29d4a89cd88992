#include "formats/gguf.h"

#include <array>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/gguf_values.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

constexpr i64 max_keys = 65'536;
constexpr i64 max_metadata_values = i64{1} << 24;  // the largest vocabularies need under 2^22
constexpr i64 max_array_depth = 4;
constexpr i64 max_alignment = 65'536;
constexpr i64 max_name_bytes = 65'535;

constexpr u32 value_types = 13;

/// The least bytes that one value takes, so that a count can be checked before anything is stored.
i64 least_bytes(ValueType type) {
  switch (type) {
    case ValueType::u8:
    case ValueType::i8:
    case ValueType::boolean:
      return 1;
    case ValueType::u16:
    case ValueType::i16:
      return 2;
    case ValueType::u32:
    case ValueType::i32:
    case ValueType::f32:
      return 4;
    case ValueType::array:
      return 12;
    case ValueType::string:
    case ValueType::u64:
    case ValueType::i64:
    case ValueType::f64:
      return 8;
  }
  return 8;
}

struct TypeName {
  u32 number;
  QuantFormat format;
};

constexpr std::array tensor_types{
    TypeName{0, QuantFormat::f32},      TypeName{1, QuantFormat::f16},
    TypeName{2, QuantFormat::q4_0},     TypeName{3, QuantFormat::q4_1},
    TypeName{6, QuantFormat::q5_0},     TypeName{7, QuantFormat::q5_1},
    TypeName{8, QuantFormat::q8_0},     TypeName{9, QuantFormat::q8_1},
    TypeName{10, QuantFormat::q2_k},    TypeName{11, QuantFormat::q3_k},
    TypeName{12, QuantFormat::q4_k},    TypeName{13, QuantFormat::q5_k},
    TypeName{14, QuantFormat::q6_k},    TypeName{15, QuantFormat::q8_k},
    TypeName{16, QuantFormat::iq2_xxs}, TypeName{17, QuantFormat::iq2_xs},
    TypeName{18, QuantFormat::iq3_xxs}, TypeName{19, QuantFormat::iq1_s},
    TypeName{20, QuantFormat::iq4_nl},  TypeName{21, QuantFormat::iq3_s},
    TypeName{22, QuantFormat::iq2_s},   TypeName{23, QuantFormat::iq4_xs},
    TypeName{24, QuantFormat::i8},      TypeName{25, QuantFormat::i16},
    TypeName{26, QuantFormat::i32},     TypeName{27, QuantFormat::i64},
    TypeName{28, QuantFormat::f64},     TypeName{29, QuantFormat::iq1_m},
    TypeName{30, QuantFormat::bf16},    TypeName{34, QuantFormat::tq1_0},
    TypeName{35, QuantFormat::tq2_0},   TypeName{39, QuantFormat::mxfp4},
    TypeName{40, QuantFormat::nvfp4},
};

struct RemovedType {
  u32 number;
  std::string_view name;
};

constexpr std::array removed_types{
    RemovedType{4, "Q4_2"},        RemovedType{5, "Q4_3"},        RemovedType{31, "Q4_0_4_4"},
    RemovedType{32, "Q4_0_4_8"},   RemovedType{33, "Q4_0_8_8"},   RemovedType{36, "IQ4_NL_4_4"},
    RemovedType{37, "IQ4_NL_4_8"}, RemovedType{38, "IQ4_NL_8_8"},
};

/// A tensor's description, before its place in the file is known.
struct TensorInfo {
  StoredTensor tensor;
  i64 offset;
  i64 bytes;
};

/// Reads a file from front to back. Not thread-safe; used for one file.
class GgufReader {
 public:
  GgufReader(Bytes file, const std::string& source) : file_(file), reader_(file, source) {}

  GgufFile read(std::shared_ptr<const void> owner);

 private:
  void read_header();
  Json read_metadata();
  Json read_value(ValueType type, i64 depth);
  Json read_array(i64 depth);
  ValueType read_value_type();
  std::string_view read_string(std::string_view what, i64 max_bytes);
  std::vector<TensorInfo> read_tensor_infos(i64 alignment);
  TensorInfo read_tensor_info(i64 alignment);
  i64 alignment_of(const Json& metadata) const;

  Bytes file_;
  ByteReader reader_;
  i64 tensor_count_ = 0;
  i64 key_count_ = 0;
  i64 values_left_ = max_metadata_values;
};

GgufFile GgufReader::read(std::shared_ptr<const void> owner) {
  read_header();
  GgufFile result;
  result.metadata = read_metadata();
  const i64 alignment = alignment_of(result.metadata);
  std::vector<TensorInfo> infos = read_tensor_infos(alignment);

  const i64 begin = round_up(reader_.position(), alignment);
  // A file of metadata alone may end without the padding.
  const i64 data_bytes = std::max(i64{0}, reader_.size() - begin);
  const Bytes data = file_.last(static_cast<std::size_t>(data_bytes));
  std::vector<ClaimedRange> ranges;
  for (const TensorInfo& info : infos) {
    if (info.offset > data_bytes || info.bytes > data_bytes - info.offset) {
      fail(ErrorCode::corrupt_file,
           "{}: tensor '{}' claims {} bytes at byte {} of the data, which has {}", reader_.source(),
           printable(info.tensor.name), info.bytes, info.offset, data_bytes);
    }
    ranges.push_back({info.offset, info.offset + info.bytes, info.tensor.name});
  }
  check_ranges(ranges, data_bytes, Gaps::allowed, reader_.source());
  for (TensorInfo& info : infos) {
    info.tensor.bytes =
        data.subspan(static_cast<std::size_t>(info.offset), static_cast<std::size_t>(info.bytes));
    info.tensor.owner = owner;
    add_tensor(result.tensors, std::move(info.tensor), reader_.source());
  }
  return result;
}

void GgufReader::read_header() {
  if (reader_.take_text(4, "magic") != "GGUF") reader_.corrupt("does not begin with 'GGUF'");
  const u32 version = reader_.read<u32>("version");
  if (version != 2 && version != 3) {
    const bool swapped = version == 0x02000000u || version == 0x03000000u;
    fail(ErrorCode::unsupported, "{}: {} (at byte 4), expected version 2 or 3", reader_.source(),
         swapped ? "GGUF in big-endian byte order" : fmt::format("GGUF version {}", version));
  }
  constexpr i64 least_info_bytes = 8 + 4 + 8 + 4 + 8;
  constexpr i64 least_key_bytes = 8 + 4 + 1;
  tensor_count_ = reader_.read_count("tensor count", least_info_bytes);
  key_count_ = reader_.read_count("key count", least_key_bytes);
  if (key_count_ > max_keys) {
    fail(ErrorCode::limit_exceeded, "{}: {} metadata keys, the limit is {}", reader_.source(),
         key_count_, max_keys);
  }
}

Json GgufReader::read_metadata() {
  Json metadata = Json::object();
  // Keys are appended without the ordered object's own search, whose time is the square of their
  // number.
  Json::object_t& entries = metadata.get_ref<Json::object_t&>();
  std::set<std::string_view> seen;
  for (i64 i = 0; i < key_count_; ++i) {
    const std::string_view key = read_string("key", max_name_bytes);
    if (key.empty()) reader_.corrupt("a key is empty");
    if (!seen.insert(key).second)
      reader_.corrupt(fmt::format("key '{}' is there twice", printable(key)));
    const ValueType type = read_value_type();
    try {
      entries.emplace_back(std::string(key), read_value(type, 0));
    } catch (Error& error) {
      throw error.with_context(fmt::format("in key '{}'", printable(key)));
    }
  }
  return metadata;
}

Json GgufReader::read_value(ValueType type, i64 depth) {
  if (--values_left_ < 0) {
    fail(ErrorCode::limit_exceeded, "{}: more than {} values of metadata", reader_.source(),
         max_metadata_values);
  }
  switch (type) {
    case ValueType::u8:
      return reader_.read<u8>("value");
    case ValueType::i8:
      return reader_.read<i8>("value");
    case ValueType::u16:
      return reader_.read<u16>("value");
    case ValueType::i16:
      return reader_.read<i16>("value");
    case ValueType::u32:
      return reader_.read<u32>("value");
    case ValueType::i32:
      return reader_.read<i32>("value");
    case ValueType::u64:
      return reader_.read<u64>("value");
    case ValueType::i64:
      return reader_.read<i64>("value");
    case ValueType::f32:
      return reader_.read<float>("value");
    case ValueType::f64:
      return reader_.read<double>("value");
    case ValueType::boolean: {
      const u8 value = reader_.read<u8>("value");
      if (value > 1) reader_.corrupt(fmt::format("a boolean of {}, expected 0 or 1", value));
      return value == 1;
    }
    case ValueType::string:
      return std::string(read_string("string", std::numeric_limits<i64>::max()));
    case ValueType::array:
      return read_array(depth);
  }
  return nullptr;
}

Json GgufReader::read_array(i64 depth) {
  if (depth >= max_array_depth) {
    fail(ErrorCode::limit_exceeded, "{}: arrays nested deeper than {} (at byte {})",
         reader_.source(), max_array_depth, reader_.position());
  }
  const ValueType type = read_value_type();
  const i64 count = reader_.read_count("array length", least_bytes(type));
  if (count > values_left_) {
    fail(ErrorCode::limit_exceeded, "{}: an array of {} values, {} values of metadata are allowed",
         reader_.source(), count, max_metadata_values);
  }
  Json list = Json::array();
  Json::array_t& values = list.get_ref<Json::array_t&>();
  values.reserve(static_cast<std::size_t>(count));
  for (i64 i = 0; i < count; ++i) values.push_back(read_value(type, depth + 1));
  return list;
}

ValueType GgufReader::read_value_type() {
  const u32 type = reader_.read<u32>("value type");
  if (type >= value_types) {
    reader_.corrupt(fmt::format("value type {}, expected 0 to {}", type, value_types - 1));
  }
  return static_cast<ValueType>(type);
}

std::string_view GgufReader::read_string(std::string_view what, i64 max_bytes) {
  const i64 length = reader_.read_count(what, 1);
  if (length > max_bytes) {
    reader_.corrupt(fmt::format("{} of {} bytes, the limit is {}", what, length, max_bytes));
  }
  const std::string_view text = reader_.take_text(length, what);
  if (!is_utf8(text)) reader_.corrupt(fmt::format("{} is not UTF-8", what));
  return text;
}

std::vector<TensorInfo> GgufReader::read_tensor_infos(i64 alignment) {
  std::vector<TensorInfo> infos;
  infos.reserve(static_cast<std::size_t>(tensor_count_));
  for (i64 i = 0; i < tensor_count_; ++i) infos.push_back(read_tensor_info(alignment));
  return infos;
}

TensorInfo GgufReader::read_tensor_info(i64 alignment) {
  TensorInfo info;
  const std::string name(read_string("tensor name", max_name_bytes));
  info.tensor.name = name;
  const u32 rank = reader_.read<u32>("rank");
  if (rank < 1 || rank > Shape::max_rank) {
    fail(rank == 0 ? ErrorCode::corrupt_file : ErrorCode::limit_exceeded,
         "{}: tensor '{}' has rank {}, expected 1 to {} (at byte {})", reader_.source(),
         printable(name), rank, Shape::max_rank, reader_.position());
  }
  std::vector<i64> dims(rank);
  for (u32 axis = 0; axis < rank; ++axis) {
    const u64 dim = reader_.read<u64>("axis");
    if (dim > static_cast<u64>(std::numeric_limits<i64>::max())) {
      reader_.corrupt(fmt::format("tensor '{}' has an axis of {}", printable(name), dim));
    }
    dims[rank - 1 - axis] = static_cast<i64>(dim);  // the file has the fastest axis first
  }
  info.tensor.format = gguf_tensor_type(reader_.read<u32>("tensor type"), name, reader_.source());
  info.tensor.shape = checked_shape(dims, name, reader_.source());
  info.bytes = checked_bytes(info.tensor.format, info.tensor.shape, name, reader_.source());
  const u64 offset = reader_.read<u64>("tensor offset");
  if (offset % static_cast<u64>(alignment) != 0 || offset > static_cast<u64>(reader_.size())) {
    reader_.corrupt(
        fmt::format("tensor '{}' has the offset {}, expected a multiple of {} within the file",
                    printable(name), offset, alignment));
  }
  info.offset = static_cast<i64>(offset);
  return info;
}

i64 GgufReader::alignment_of(const Json& metadata) const {
  const auto named = metadata.find("general.alignment");
  if (named == metadata.end()) return gguf_alignment;
  const i64 alignment = named->is_number_unsigned() ? named->get<i64>() : 0;
  if (alignment < 1 || alignment > max_alignment || (alignment & (alignment - 1)) != 0) {
    fail(ErrorCode::corrupt_file, "{}: general.alignment is {}, expected a power of two up to {}",
         reader_.source(), alignment, max_alignment);
  }
  return alignment;
}

i64 split_number(const Json& metadata, std::string_view key, i64 absent,
                 const std::string& source) {
  const auto named = metadata.find(key);
  if (named == metadata.end()) return absent;
  const i64 value = named->is_number_integer() ? named->get<i64>() : -1;
  if (value < 0 || value > std::numeric_limits<i32>::max()) {
    fail(ErrorCode::corrupt_file, "{}: {} is not a count", source, key);
  }
  return value;
}

}  // namespace

GgufFile parse_gguf(Bytes file, const std::string& source, std::shared_ptr<const void> owner) {
  return GgufReader(file, source).read(std::move(owner));
}

GgufSplit gguf_split(const Json& metadata, const std::string& source) {
  constexpr i64 max_shards = 99'999;  // five digits in the files' names
  GgufSplit split;
  split.number = split_number(metadata, "split.no", 0, source);
  split.count = split_number(metadata, "split.count", 1, source);
  split.tensor_count = split_number(metadata, "split.tensors.count", -1, source);
  if (split.count == 0) split.count = 1;  // what a merge of shards leaves behind
  if (split.number >= split.count || split.count > max_shards) {
    fail(ErrorCode::corrupt_file, "{}: shard number {} of {}", source, split.number, split.count);
  }
  return split;
}

QuantFormat gguf_tensor_type(u32 number, std::string_view tensor, const std::string& source) {
  for (const TypeName& type : tensor_types) {
    if (type.number == number) return type.format;
  }
  for (const RemovedType& type : removed_types) {
    if (type.number == number) {
      fail(ErrorCode::unsupported, "{}: tensor '{}' has the type {} ({}), which GGUF has withdrawn",
           source, printable(tensor), number, type.name);
    }
  }
  fail(ErrorCode::unsupported, "{}: tensor '{}' has the type {}, which is not known here", source,
       printable(tensor), number);
}

u32 gguf_type_number(QuantFormat format) {
  for (const TypeName& type : tensor_types) {
    if (type.format == format) return type.number;
  }
  fail(ErrorCode::unsupported, "a GGUF file cannot hold {}", layout_of(format).name);
}

}  // namespace medlar::formats
