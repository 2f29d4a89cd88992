#include "formats/safetensors.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

constexpr i64 max_header_bytes = 100'000'000;  // the reference's limit

struct NamedDtype {
  std::string_view name;
  QuantFormat format;
};

constexpr std::array dtypes{
    NamedDtype{"F64", QuantFormat::f64},         NamedDtype{"F32", QuantFormat::f32},
    NamedDtype{"F16", QuantFormat::f16},         NamedDtype{"BF16", QuantFormat::bf16},
    NamedDtype{"F8_E4M3", QuantFormat::f8_e4m3}, NamedDtype{"F8_E5M2", QuantFormat::f8_e5m2},
    NamedDtype{"I64", QuantFormat::i64},         NamedDtype{"I32", QuantFormat::i32},
    NamedDtype{"I16", QuantFormat::i16},         NamedDtype{"I8", QuantFormat::i8},
    NamedDtype{"U64", QuantFormat::u64},         NamedDtype{"U32", QuantFormat::u32},
    NamedDtype{"U16", QuantFormat::u16},         NamedDtype{"U8", QuantFormat::u8},
    NamedDtype{"BOOL", QuantFormat::boolean},
};

/// One tensor as the header describes it.
struct HeaderEntry {
  std::optional<QuantFormat> format;
  std::optional<std::vector<i64>> dims;
  std::optional<std::vector<i64>> offsets;
};

/// Takes the events of the JSON parser and accepts only what a header may hold, so that no tree is
/// built and a repeated key, which a tree would silently swallow, is seen.
class HeaderBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderBuilder(const std::string& source) : source_(source) {}

  std::map<std::string, HeaderEntry, std::less<>> entries;
  std::map<std::string, std::string, std::less<>> metadata;

  bool null() override {
    // How MLX writes that there is no metadata.
    if (place_ != Place::header || key_ != "__metadata__") unexpected("null");
    if (std::exchange(has_metadata_, true)) repeated(key_);
    return true;
  }
  bool boolean(bool) override { unexpected("a boolean"); }
  bool number_float(double, const std::string&) override { unexpected("a fraction"); }
  bool binary(nlohmann::json::binary_t&) override { unexpected("binary"); }
  bool number_integer(std::int64_t) override { unexpected("a negative number"); }

  bool number_unsigned(std::uint64_t value) override {
    if (numbers_ == nullptr) unexpected("a number");
    if (value > INT64_MAX) unexpected("a number over 63 bits");
    if (ssize_of(*numbers_) > Shape::max_rank) unexpected("more numbers than any shape has");
    numbers_->push_back(static_cast<i64>(value));
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::metadata) {
      if (!metadata.emplace(key_, value).second) repeated(key_);
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype" || numbers_ != nullptr) unexpected("a string");
    if (entry_->format) repeated(field_);
    const auto named = std::find_if(dtypes.begin(), dtypes.end(),
                                    [&](const NamedDtype& dtype) { return dtype.name == value; });
    if (named == dtypes.end()) {
      fail(ErrorCode::unsupported, "{}: tensor '{}' has the dtype '{}', which is not known here",
           source_, printable(key_), printable(value));
    }
    entry_->format = named->format;
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::header;
    } else if (place_ == Place::header && key_ == "__metadata__") {
      if (std::exchange(has_metadata_, true)) repeated(key_);
      place_ = Place::metadata;
    } else if (place_ == Place::header) {
      const auto [place, added] = entries.emplace(key_, HeaderEntry{});
      if (!added) repeated(key_);
      entry_ = &place->second;
      place_ = Place::tensor;
      field_.clear();
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(std::string& value) override {
    (place_ == Place::tensor ? field_ : key_) = value;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor && (!entry_->format || !entry_->dims || !entry_->offsets)) {
      fail(ErrorCode::corrupt_file, "{}: tensor '{}' lacks its dtype, shape or data_offsets",
           source_, printable(key_));
    }
    place_ = place_ == Place::header ? Place::outside : Place::header;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || numbers_ != nullptr) unexpected("an array");
    if (field_ != "shape" && field_ != "data_offsets") unexpected("an array");
    std::optional<std::vector<i64>>& list = field_ == "shape" ? entry_->dims : entry_->offsets;
    if (list) repeated(field_);
    numbers_ = &list.emplace();
    return true;
  }

  bool end_array() override {
    numbers_ = nullptr;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception&) override {
    fail(ErrorCode::corrupt_file, "{}: the header is not valid JSON (at byte {})", source_,
         position + 8);
  }

 private:
  enum class Place { outside, header, metadata, tensor };

  [[noreturn]] void unexpected(std::string_view what) const {
    fail(ErrorCode::corrupt_file,
         "{}: the header has {} where none may be, near key '{}' field '{}'", source_, what,
         printable(key_), printable(field_));
  }
  [[noreturn]] void repeated(std::string_view name) const {
    fail(ErrorCode::corrupt_file, "{}: the header has the key '{}' twice, near '{}'", source_,
         printable(name), printable(key_));
  }

  const std::string& source_;
  Place place_ = Place::outside;
  std::string key_;    ///< tensor or metadata key
  std::string field_;  ///< key inside a tensor
  HeaderEntry* entry_ = nullptr;
  std::vector<i64>* numbers_ = nullptr;
  bool has_metadata_ = false;
};

StoredTensor checked_tensor(const std::string& name, const HeaderEntry& entry, Bytes data,
                            const std::string& source) {
  StoredTensor tensor;
  tensor.name = name;
  tensor.format = *entry.format;
  tensor.shape = checked_shape(*entry.dims, name, source);
  const i64 bytes = checked_bytes(tensor.format, tensor.shape, name, source);
  if (entry.offsets->size() != 2) {
    fail(ErrorCode::corrupt_file, "{}: tensor '{}' has {} data_offsets, expected 2", source,
         printable(name), entry.offsets->size());
  }
  const i64 begin = (*entry.offsets)[0];
  const i64 end = (*entry.offsets)[1];
  if (begin > end || end > ssize_of(data)) {
    fail(ErrorCode::corrupt_file, "{}: tensor '{}' claims bytes {} to {} of the {} bytes of data",
         source, printable(name), begin, end, data.size());
  }
  if (end - begin != bytes) {
    fail(ErrorCode::corrupt_file, "{}: tensor '{}' has {} bytes, {} {} needs {}", source,
         printable(name), end - begin, layout_of(tensor.format).name, tensor.shape.to_string(),
         bytes);
  }
  tensor.bytes = data.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(bytes));
  return tensor;
}

}  // namespace

SafetensorsFile parse_safetensors(Bytes file, const std::string& source,
                                  std::shared_ptr<const void> owner) {
  ByteReader reader(file, source);
  const u64 header_bytes = reader.read<u64>("header size");
  if (header_bytes > static_cast<u64>(reader.remaining())) {
    reader.corrupt(fmt::format("a header of {} bytes does not fit the {} bytes left", header_bytes,
                               reader.remaining()));
  }
  if (header_bytes > static_cast<u64>(max_header_bytes)) {
    fail(ErrorCode::limit_exceeded, "{}: a header of {} bytes is over the limit of {}", source,
         header_bytes, max_header_bytes);
  }
  const std::string_view header = reader.take_text(static_cast<i64>(header_bytes), "header");
  if (header.empty() || header.front() != '{') reader.corrupt("the header does not begin with '{'");
  const Bytes data = reader.take(reader.remaining(), "data");

  HeaderBuilder builder(source);
  nlohmann::json::sax_parse(header, &builder);

  SafetensorsFile result;
  result.metadata = std::move(builder.metadata);
  std::vector<ClaimedRange> ranges;
  for (const auto& [name, entry] : builder.entries) {
    StoredTensor tensor = checked_tensor(name, entry, data, source);
    tensor.owner = owner;
    ranges.push_back({(*entry.offsets)[0], (*entry.offsets)[1], name});
    add_tensor(result.tensors, std::move(tensor), source);
  }
  check_ranges(ranges, ssize_of(data), Gaps::refused, source);
  return result;
}

std::string_view safetensors_dtype(QuantFormat format) {
  const auto named = std::find_if(dtypes.begin(), dtypes.end(),
                                  [&](const NamedDtype& dtype) { return dtype.format == format; });
  if (named == dtypes.end()) {
    fail(ErrorCode::unsupported, "safetensors cannot hold {}", layout_of(format).name);
  }
  return named->name;
}

}  // namespace medlar::formats
