#include "base/quant.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "base/error.h"
#include "base/numeric.h"
#include "base/quant_blocks.h"

namespace medlar {
namespace {

constexpr std::array<QuantLayout, 40> layouts{{
    // plain
    {"F64", 1, 8},
    {"F32", 1, 4},
    {"F16", 1, 2},
    {"BF16", 1, 2},
    {"F8_E4M3", 1, 1},
    {"F8_E5M2", 1, 1},
    {"I64", 1, 8},
    {"I32", 1, 4},
    {"I16", 1, 2},
    {"I8", 1, 1},
    {"U64", 1, 8},
    {"U32", 1, 4},
    {"U16", 1, 2},
    {"U8", 1, 1},
    {"BOOL", 1, 1},
    // blocks
    {"Q4_0", 32, 18},
    {"Q4_1", 32, 20},
    {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},
    {"Q8_0", 32, 34},
    {"Q8_1", 32, 36},
    {"Q2_K", 256, 84},
    {"Q3_K", 256, 110},
    {"Q4_K", 256, 144},
    {"Q5_K", 256, 176},
    {"Q6_K", 256, 210},
    {"Q8_K", 256, 292},
    {"IQ1_S", 256, 50},
    {"IQ1_M", 256, 56},
    {"IQ2_XXS", 256, 66},
    {"IQ2_XS", 256, 74},
    {"IQ2_S", 256, 82},
    {"IQ3_XXS", 256, 98},
    {"IQ3_S", 256, 110},
    {"IQ4_NL", 32, 18},
    {"IQ4_XS", 256, 136},
    {"TQ1_0", 256, 54},
    {"TQ2_0", 256, 66},
    {"MXFP4", 32, 17},
    {"NVFP4", 64, 36},
}};
static_assert(layouts.size() == static_cast<std::size_t>(QuantFormat::nvfp4) + 1);

/// Loads of plain elements go through memcpy: stored tensors need not be aligned.
template <typename Stored, typename Convert>
void decode_plain(Bytes bytes, std::span<float> values, Convert convert) {
  const std::byte* from = bytes.data();
  for (float& value : values) {
    Stored stored;
    std::memcpy(&stored, from, sizeof(stored));
    value = convert(stored);
    from += sizeof(stored);
  }
}

template <typename Stored, typename Convert>
void encode_plain(std::span<const float> values, std::span<std::byte> bytes, Convert convert) {
  std::byte* to = bytes.data();
  for (const float value : values) {
    const Stored stored = convert(value);
    std::memcpy(to, &stored, sizeof(stored));
    to += sizeof(stored);
  }
}

template <typename Stored>
void decode_number(Bytes bytes, std::span<float> values) {
  decode_plain<Stored>(bytes, values, [](Stored stored) { return static_cast<float>(stored); });
}

void check_sizes(QuantFormat format, i64 values, i64 bytes) {
  const i64 expected = bytes_of(format, values);
  if (bytes != expected) {
    fail(ErrorCode::invalid_argument, "{} values of {} take {} bytes, {} were given", values,
         layout_of(format).name, expected, bytes);
  }
}

}  // namespace

const QuantLayout& layout_of(QuantFormat format) {
  const std::size_t index = static_cast<std::size_t>(format);
  MEDLAR_CHECK(index < layouts.size());
  return layouts[index];
}

std::optional<QuantFormat> quant_format_named(std::string_view name) {
  const auto same_letter = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) ==
           std::toupper(static_cast<unsigned char>(b));
  };
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    const std::string_view known = layouts[i].name;
    if (std::equal(name.begin(), name.end(), known.begin(), known.end(), same_letter)) {
      return static_cast<QuantFormat>(i);
    }
  }
  return std::nullopt;
}

i64 bytes_of(QuantFormat format, i64 count) {
  const QuantLayout& layout = layout_of(format);
  if (count < 0 || count % layout.block_values != 0) {
    fail(ErrorCode::invalid_argument, "{} values are not whole {} blocks of {}", count, layout.name,
         layout.block_values);
  }
  i64 bytes = 0;
  if (__builtin_mul_overflow(count / layout.block_values, layout.block_bytes, &bytes)) {
    fail(ErrorCode::invalid_argument, "{} values of {} overflow 63 bits of bytes", count,
         layout.name);
  }
  return bytes;
}

void dequantise(QuantFormat format, Bytes blocks, std::span<float> values) {
  check_sizes(format, ssize_of(values), ssize_of(blocks));
  switch (format) {
    case QuantFormat::f64:
      return decode_number<double>(blocks, values);
    case QuantFormat::f32:
      return decode_number<float>(blocks, values);
    case QuantFormat::f16:
      return decode_plain<u16>(blocks, values, f16_to_f32);
    case QuantFormat::bf16:
      return decode_plain<u16>(blocks, values, bf16_to_f32);
    case QuantFormat::f8_e4m3:
      return decode_plain<u8>(blocks, values, f8_e4m3_to_f32);
    case QuantFormat::f8_e5m2:
      return decode_plain<u8>(blocks, values, f8_e5m2_to_f32);
    case QuantFormat::i64:
      return decode_number<i64>(blocks, values);
    case QuantFormat::i32:
      return decode_number<i32>(blocks, values);
    case QuantFormat::i16:
      return decode_number<i16>(blocks, values);
    case QuantFormat::i8:
      return decode_number<i8>(blocks, values);
    case QuantFormat::u64:
      return decode_number<u64>(blocks, values);
    case QuantFormat::u32:
      return decode_number<u32>(blocks, values);
    case QuantFormat::u16:
      return decode_number<u16>(blocks, values);
    case QuantFormat::u8:
      return decode_number<u8>(blocks, values);
    case QuantFormat::boolean:
      return decode_plain<u8>(blocks, values, [](u8 stored) { return stored != 0 ? 1.0f : 0.0f; });
    default:
      break;
  }
  const QuantLayout& layout = layout_of(format);
  const BlockDecoder decode = block_decoder(format);
  const u8* from = reinterpret_cast<const u8*>(blocks.data());
  float* to = values.data();
  for (i64 block = 0; block < ssize_of(values) / layout.block_values; ++block) {
    decode(from + block * layout.block_bytes, to + block * layout.block_values);
  }
}

bool can_quantise(QuantFormat format) {
  switch (format) {
    case QuantFormat::f64:
    case QuantFormat::f32:
    case QuantFormat::f16:
    case QuantFormat::bf16:
    case QuantFormat::f8_e4m3:
    case QuantFormat::f8_e5m2:
      return true;
    default:
      return block_encoder(format) != nullptr || searching_encoder(format) != nullptr;
  }
}

void quantise(QuantFormat format, std::span<const float> values, std::span<std::byte> blocks,
              std::span<const float> importance) {
  if (!can_quantise(format)) {
    fail(ErrorCode::unsupported, "nothing here encodes {}", layout_of(format).name);
  }
  check_sizes(format, ssize_of(values), ssize_of(blocks));
  switch (format) {
    case QuantFormat::f64:
      return encode_plain<double>(values, blocks, [](float v) { return static_cast<double>(v); });
    case QuantFormat::f32:
      return encode_plain<float>(values, blocks, [](float v) { return v; });
    case QuantFormat::f16:
      return encode_plain<u16>(values, blocks, f32_to_f16);
    case QuantFormat::bf16:
      return encode_plain<u16>(values, blocks, f32_to_bf16);
    case QuantFormat::f8_e4m3:
      return encode_plain<u8>(values, blocks, f32_to_f8_e4m3);
    case QuantFormat::f8_e5m2:
      return encode_plain<u8>(values, blocks, f32_to_f8_e5m2);
    default:
      break;
  }
  const QuantLayout& layout = layout_of(format);
  const i64 row = ssize_of(importance);
  if (row > 0 && (row % layout.block_values != 0 || ssize_of(values) % row != 0)) {
    fail(ErrorCode::invalid_argument, "{} values cannot be weighed by rows of {} in blocks of {}",
         values.size(), row, layout.block_values);
  }
  const BlockEncoder encode = block_encoder(format);
  const SearchingEncoder search = searching_encoder(format);
  u8* to = reinterpret_cast<u8*>(blocks.data());
  for (i64 at = 0; at < ssize_of(values); at += layout.block_values, to += layout.block_bytes) {
    if (search == nullptr) {
      encode(values.data() + at, to);
    } else {
      search(values.data() + at, row > 0 ? importance.data() + at % row : nullptr, to);
    }
  }
}

}  // namespace medlar
