#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/types.h"

namespace medlar {

/// How the values of a stored matrix lie in memory: plain elements (one value a block) or blocks
/// that share scales. Names are GGML's for its block types; sources: ggml's gguf.md and block
/// definitions, OCP MX specification (MXFP4), NVIDIA NVFP4.
enum class QuantFormat {
  // plain
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean,
  // blocks
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q8_1,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
  q8_k,
  iq1_s,
  iq1_m,
  iq2_xxs,
  iq2_xs,
  iq2_s,
  iq3_xxs,
  iq3_s,
  iq4_nl,
  iq4_xs,
  tq1_0,
  tq2_0,
  mxfp4,
  nvfp4,
};

struct QuantLayout {
  std::string_view name;  ///< e.g. "Q4_K"
  i64 block_values;       ///< values in one block, 1 for plain formats
  i64 block_bytes;        ///< bytes of one block
};

/// Name, values and bytes of a block.
const QuantLayout& layout_of(QuantFormat format);

/// The format with this name ("Q4_K", "BF16", ...), case ignored; empty if there is none.
std::optional<QuantFormat> quant_format_named(std::string_view name);

/// Bytes of `count` consecutive values. Throws invalid_argument unless whole blocks.
i64 bytes_of(QuantFormat format, i64 count);

/// Decodes whole blocks to float, the definition every kernel is held to: bit-equal to ggml's C
/// code (no fused multiply-add). values.size() must be the values of `blocks`; integers convert to
/// float.
void dequantise(QuantFormat format, Bytes blocks, std::span<float> values);

/// True if `quantise` can encode the format.
bool can_quantise(QuantFormat format);

/// Encodes values to blocks: plain floats, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, MXFP4, TQ1_0 and TQ2_0 by
/// the rounding rules of ggml; Q4_K, Q5_K, Q6_K, IQ4_NL and IQ4_XS by a search of our own for the
/// least squared error, that of each value weighed by `importance`: one number for each value of a
/// row, the same for all rows; empty: all alike. Throws unsupported for another format,
/// invalid_argument for a wrong size.
void quantise(QuantFormat format, std::span<const float> values, std::span<std::byte> blocks,
              std::span<const float> importance = {});

}  // namespace medlar
