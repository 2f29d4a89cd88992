// bitsandbytes: 4-bit codes (NF4, FP4) with a table and a largest value per block of the flattened
// matrix (Dettmers et al. 2023, arXiv 2305.14314), and 8-bit rows (arXiv 2208.07339).
#include "base/error.h"
#include "formats/quantised_layouts.h"
#include "formats/tensor_values.h"

namespace medlar::formats {
namespace {

constexpr i64 nested_block = 256;

/// What "quant_state.bitsandbytes__*" says.
struct QuantState {
  Shape shape;
  i64 block = 64;
  float nested_offset = 0.0f;
  i64 nested_size = nested_block;
};

QuantState read_state(PieceStore& pieces, const std::string& name) {
  const StoredTensor piece = pieces.take(name);
  const std::string_view text(reinterpret_cast<const char*>(piece.bytes.data()),
                              piece.bytes.size());
  const Json json = parse_json(text, name);
  QuantState state;
  const auto shape = json.find("shape");
  constexpr i64 most = i64{1} << 31;
  if (shape == json.end() || !shape->is_array() || shape->size() != 2 ||
      !(*shape)[0].is_number_integer() || !(*shape)[1].is_number_integer() ||
      (*shape)[0].get<i64>() < 1 || (*shape)[1].get<i64>() < 1 || (*shape)[0].get<i64>() > most ||
      (*shape)[1].get<i64>() > most) {
    pieces.misfit(name, "it names no shape of a matrix");
  }
  state.shape = {(*shape)[0].get<i64>(), (*shape)[1].get<i64>()};
  state.block = setting(json, "blocksize", 64);
  state.nested_size = setting(json, "nested_blocksize", nested_block);
  if (state.block < 1 || state.nested_size < 1) pieces.misfit(name, "its blocks have no size");
  const auto offset = json.find("nested_offset");
  if (offset != json.end() && offset->is_number()) state.nested_offset = offset->get<float>();
  return state;
}

/// The scales of all blocks; where they were quantised themselves, decoded.
std::vector<float> block_scales(const StoredTensor& absmax,
                                const std::optional<StoredTensor>& nested_absmax,
                                const std::optional<StoredTensor>& nested_map,
                                const QuantState& state) {
  if (!nested_absmax) return to_floats(absmax);
  const std::vector<i64> codes = to_integers(absmax);
  const std::vector<float> table = to_floats(*nested_map);
  const std::vector<float> outer = to_floats(*nested_absmax);
  std::vector<float> scales;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    scales.push_back(table[static_cast<std::size_t>(codes[i])] *
                         outer[i / static_cast<std::size_t>(state.nested_size)] +
                     state.nested_offset);
  }
  return scales;
}

void join_4bit(PieceStore& pieces, const std::string& base, const std::string& state_name) {
  const std::string weight = base + ".weight";
  const QuantState state = read_state(pieces, state_name);
  const i64 count = state.shape.count();
  const i64 blocks = ceil_div(count, state.block);
  const StoredTensor codes = pieces.take(weight);
  if (codes.format != QuantFormat::u8 || codes.shape.count() != ceil_div(count, i64{2}))
    pieces.misfit(weight, "it has not one byte for two values");
  const StoredTensor map = pieces.take(weight + ".quant_map", {16});
  const StoredTensor absmax = pieces.take(weight + ".absmax", {blocks});
  const std::optional<StoredTensor> nested_absmax = pieces.take_if(weight + ".nested_absmax");
  const std::optional<StoredTensor> nested_map = pieces.take_if(weight + ".nested_quant_map");
  const bool nested_fits = nested_map && nested_map->shape.count() == 256 &&
                           absmax.format == QuantFormat::u8 && nested_absmax &&
                           nested_absmax->shape.count() == ceil_div(blocks, state.nested_size);
  if ((nested_absmax || nested_map) && !nested_fits)
    pieces.misfit(weight + ".nested_absmax", "it does not fit the scales");
  pieces.put_floats(weight, state.shape, [=](std::span<float> values) {
    const std::vector<float> table = to_floats(map);
    const std::vector<float> scales = block_scales(absmax, nested_absmax, nested_map, state);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto byte = std::to_integer<unsigned>(codes.bytes[i / 2]);
      const unsigned code = i % 2 == 0 ? byte >> 4 : byte & 15;
      values[i] = table[code] * scales[i / static_cast<std::size_t>(state.block)];
    }
  });
}

void join_8bit(PieceStore& pieces, const std::string& base) {
  constexpr float largest_code = 127.0f;
  const StoredTensor codes = pieces.take(base + ".weight", {-1, -1});
  if (codes.format != QuantFormat::i8) pieces.misfit(base + ".weight", "expected 8-bit integers");
  const i64 columns = codes.shape[1];
  const StoredTensor scales = pieces.take(base + ".SCB", {codes.shape[0]});
  if (const auto format = pieces.take_if(base + ".weight_format")) {
    if (format->shape.count() != 1 || to_integers(*format)[0] != 0)
      fail(ErrorCode::unsupported, "bitsandbytes: 8-bit rows in another order than row-major");
  }
  pieces.put_floats(base + ".weight", codes.shape, [=](std::span<float> values) {
    dequantise(codes.format, codes.bytes, values);
    const std::vector<float> largest = to_floats(scales);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = values[i] * largest[i / static_cast<std::size_t>(columns)] / largest_code;
  });
}

}  // namespace

void join_bitsandbytes(PieceStore& pieces) {
  for (const char* kind : {"nf4", "fp4"}) {
    const std::string suffix = fmt::format(".weight.quant_state.bitsandbytes__{}", kind);
    for (const std::string& base : pieces.bases(suffix)) join_4bit(pieces, base, base + suffix);
  }
  for (const std::string& base : pieces.bases(".SCB")) join_8bit(pieces, base);
}

}  // namespace medlar::formats
