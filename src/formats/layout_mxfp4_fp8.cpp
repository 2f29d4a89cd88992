// MXFP4 as gpt-oss publishes it (OCP MX specification 1.0), and 8-bit floats with a scale per block
// as DeepSeek-V3 does (arXiv 2412.19437, section 3.3).
#include "base/error.h"
#include "formats/quantised_layouts.h"
#include "formats/tensor_checks.h"
#include "formats/tensor_values.h"

namespace medlar::formats {
namespace {

constexpr i64 block_values = 32;
constexpr i64 block_codes = 16;

/// Published: byte b holds values 2b and 2b + 1. Ours (as GGUF): scale, then byte k holds values k
/// and k + 16.
std::vector<std::byte> our_mxfp4_blocks(Bytes codes, Bytes scales) {
  std::vector<std::byte> out(scales.size() * (block_codes + 1));
  for (std::size_t block = 0; block < scales.size(); ++block) {
    const std::byte* from = codes.data() + block * block_codes;
    std::byte* to = out.data() + block * (block_codes + 1);
    *to++ = scales[block];
    const auto code = [&](std::size_t value) {
      return value % 2 == 0 ? from[value / 2] & std::byte{15} : from[value / 2] >> 4;
    };
    for (std::size_t k = 0; k < block_codes; ++k) to[k] = code(k) | code(k + block_codes) << 4;
  }
  return out;
}

void join_blocks(PieceStore& pieces, const std::string& base, const char* blocks,
                 const char* scales) {
  if (!pieces.has(base + scales)) return;
  const StoredTensor codes = pieces.take(base + blocks);
  const StoredTensor exponents = pieces.take(base + scales);
  const i64 rank = codes.shape.rank();
  if (codes.format != QuantFormat::u8 || exponents.format != QuantFormat::u8 || rank < 3 ||
      rank > 4 || codes.shape[-1] != block_codes || exponents.shape.rank() != rank - 1 ||
      codes.shape.count() != exponents.shape.count() * block_codes) {
    pieces.misfit(base + blocks,
                  "expected bytes [.., rows, blocks, 16] and scales [.., rows, blocks]");
  }
  for (i64 axis = 0; axis + 1 < rank; ++axis) {
    if (codes.shape[axis] != exponents.shape[axis])
      pieces.misfit(base + blocks, "blocks and scales differ in shape");
  }
  const i64 columns = exponents.shape[-1] * block_values;
  const Shape shape =
      rank == 3 ? Shape{codes.shape[0], columns} : Shape{codes.shape[0], codes.shape[1], columns};
  pieces.put(base + ".weight", QuantFormat::mxfp4, shape,
             [codes, exponents] { return our_mxfp4_blocks(codes.bytes, exponents.bytes); });
}

/// Rows and columns that share a scale: as the configuration says, else as the shapes tell.
struct ScaleBlock {
  i64 rows;
  i64 columns;
};

ScaleBlock scale_block(const StoredTensor& codes, const StoredTensor& scale, const Json& settings) {
  const auto sizes = settings.find("weight_block_size");
  if (scale.shape.rank() == 2 && sizes != settings.end() && sizes->is_array() &&
      sizes->size() == 2 && (*sizes)[0].is_number_integer() && (*sizes)[1].is_number_integer()) {
    return {(*sizes)[0].get<i64>(), (*sizes)[1].get<i64>()};
  }
  const bool per_row = scale.shape.count() == codes.shape[0];
  return {per_row ? 1 : codes.shape[0], codes.shape[1]};
}

void join_scaled(PieceStore& pieces, const std::string& base, const char* suffix,
                 const Json& settings) {
  if (!pieces.has(base + suffix)) return;
  const StoredTensor codes = pieces.take(base + ".weight", {-1, -1});
  const StoredTensor scale = pieces.take(base + suffix);
  const i64 rows = codes.shape[0];
  const i64 columns = codes.shape[1];
  const ScaleBlock block = scale_block(codes, scale, settings);
  if (block.rows < 1 || block.columns < 1 || codes.shape.count() == 0 ||
      scale.shape.count() != ceil_div(rows, block.rows) * ceil_div(columns, block.columns)) {
    pieces.misfit(base + suffix, "it has not one scale for each block of the matrix");
  }
  pieces.put_floats(base + ".weight", codes.shape, [=](std::span<float> values) {
    dequantise(codes.format, codes.bytes, values);
    const std::vector<float> scales = to_floats(scale);
    const i64 across = ceil_div(columns, block.columns);
    for (i64 r = 0; r < rows; ++r) {
      for (i64 c = 0; c < columns; ++c) {
        const i64 place = r / block.rows * across + c / block.columns;
        values[static_cast<std::size_t>(r * columns + c)] *=
            scales[static_cast<std::size_t>(place)];
      }
    }
  });
}

}  // namespace

void join_mxfp4(PieceStore& pieces) {
  for (const std::string& base : pieces.bases("_blocks", {QuantFormat::u8}))
    join_blocks(pieces, base, "_blocks", "_scales");
  for (const std::string& base : pieces.bases(".blocks", {QuantFormat::u8}))
    join_blocks(pieces, base, ".blocks", ".scales");
}

void join_fp8(PieceStore& pieces, const Json& quantisation) {
  for (const std::string& base :
       pieces.bases(".weight", {QuantFormat::f8_e4m3, QuantFormat::f8_e5m2})) {
    join_scaled(pieces, base, ".weight_scale_inv", quantisation);
    join_scaled(pieces, base, ".weight_scale", quantisation);
  }
}

}  // namespace medlar::formats
