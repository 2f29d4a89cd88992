// AWQ (Lin et al. 2023, arXiv 2306.00978; AutoAWQ's GEMM and GEMV files) and GPTQ (Frantar et al.
// 2022, arXiv 2210.17323; AutoGPTQ's files): groups of small whole numbers with a zero and a scale,
// eight or more to a 32-bit word.
#include "base/error.h"
#include "formats/quantised_layouts.h"
#include "formats/tensor_values.h"

namespace medlar::formats {
namespace {

/// The matrix of words [rows, columns], each holding `per_word` codes of `bits`.
struct Packed {
  StoredTensor words;
  i64 bits;

  u32 code(i64 word, i64 place) const {
    return (word_at(words.bytes, word) >> (place * bits)) & ((u32{1} << bits) - 1);
  }
};

i64 group_size_of(PieceStore& pieces, const std::string& base, const Json& settings, i64 in) {
  const i64 size = setting(settings, "group_size", 128);
  if (size == -1) return in;
  if (size < 1) pieces.misfit(base, fmt::format("a group size of {} makes no sense", size));
  return size;
}

constexpr i64 awq_bits = 4;
constexpr i64 awq_per_word = 8;
/// GEMM files: nibble n of a word is column order[n] of its eight.
constexpr i64 awq_order[awq_per_word] = {0, 2, 4, 6, 1, 3, 5, 7};

/// The nibble that holds column c of a GEMM word.
i64 awq_place(i64 column) {
  for (i64 n = 0; n < awq_per_word; ++n) {
    if (awq_order[n] == column % awq_per_word) return n;
  }
  return 0;
}

void join_awq_gemm(PieceStore& pieces, const std::string& base, const Json& settings) {
  const Packed q = {pieces.take(base + ".qweight", {-1, -1}), awq_bits};
  const i64 in = q.words.shape[0];
  const i64 out = q.words.shape[1] * awq_per_word;
  const i64 group = group_size_of(pieces, base, settings, in);
  const i64 groups = ceil_div(in, group);
  const Packed z = {pieces.take(base + ".qzeros", {groups, out / awq_per_word}), awq_bits};
  const StoredTensor scales = pieces.take(base + ".scales", {groups, out});
  pieces.put_floats(base + ".weight", {out, in}, [=](std::span<float> values) {
    const std::vector<float> s = to_floats(scales);
    for (i64 o = 0; o < out; ++o) {
      const i64 place = awq_place(o);
      for (i64 k = 0; k < in; ++k) {
        const i64 g = k / group;
        const i64 code = q.code(k * (out / awq_per_word) + o / awq_per_word, place);
        const i64 zero = z.code(g * (out / awq_per_word) + o / awq_per_word, place);
        values[static_cast<std::size_t>(o * in + k)] =
            static_cast<float>(code - zero) * s[static_cast<std::size_t>(g * out + o)];
      }
    }
  });
}

void join_awq_gemv(PieceStore& pieces, const std::string& base, const Json& settings) {
  const Packed q = {pieces.take(base + ".qweight", {-1, -1}), awq_bits};
  const i64 out = q.words.shape[0];
  const i64 in = q.words.shape[1] * awq_per_word;
  const i64 group = group_size_of(pieces, base, settings, in);
  const Packed z = {pieces.take(base + ".qzeros", {out, -1}), awq_bits};
  const i64 width = z.words.shape[1];
  const StoredTensor scales = pieces.take(base + ".scales", {out, width * awq_per_word});
  if (ceil_div(in, group) > width * awq_per_word)
    pieces.misfit(base + ".qzeros", "it has fewer zeros than the matrix has groups");
  pieces.put_floats(base + ".weight", {out, in}, [=](std::span<float> values) {
    const std::vector<float> s = to_floats(scales);
    for (i64 o = 0; o < out; ++o) {
      for (i64 k = 0; k < in; ++k) {
        const i64 g = k / group;
        const i64 code = q.code(o * (in / awq_per_word) + k / awq_per_word, k % awq_per_word);
        const i64 zero = z.code(o * width + g / awq_per_word, g % awq_per_word);
        values[static_cast<std::size_t>(o * in + k)] =
            static_cast<float>(code - zero) *
            s[static_cast<std::size_t>(o * width * awq_per_word + g)];
      }
    }
  });
}

/// The group of each input: as listed, or one after the other.
std::vector<i64> gptq_groups(PieceStore& pieces, const std::string& base, i64 in, i64 group) {
  std::vector<i64> group_of;
  if (pieces.has(base + ".g_idx")) {
    group_of = to_integers(pieces.take(base + ".g_idx", {in}));
  } else {
    for (i64 k = 0; k < in; ++k) group_of.push_back(k / group);
  }
  return group_of;
}

void join_gptq_matrix(PieceStore& pieces, const std::string& base, const Json& settings) {
  const i64 bits = setting(settings, "bits", 4);
  if (bits != 2 && bits != 4 && bits != 8)
    fail(ErrorCode::unsupported, "GPTQ with {} bits is not supported (2, 4 and 8 are)", bits);
  const i64 per_word = 32 / bits;
  const Packed q = {pieces.take(base + ".qweight", {-1, -1}), bits};
  const i64 in = q.words.shape[0] * per_word;
  const i64 out = q.words.shape[1];
  const std::vector<i64> group_of =
      gptq_groups(pieces, base, in, group_size_of(pieces, base, settings, in));
  const StoredTensor scales = pieces.take(base + ".scales", {-1, out});
  const i64 groups = scales.shape[0];
  const Packed z = {pieces.take(base + ".qzeros", {groups, ceil_div(out, per_word)}), bits};
  for (const i64 g : group_of) {
    if (g < 0 || g >= groups) pieces.misfit(base + ".g_idx", fmt::format("no group {}", g));
  }
  const i64 offset = text_setting(settings, "checkpoint_format", "gptq") == "gptq_v2" ? 0 : 1;
  pieces.put_floats(base + ".weight", {out, in}, [=](std::span<float> values) {
    const std::vector<float> s = to_floats(scales);
    for (i64 o = 0; o < out; ++o) {
      for (i64 k = 0; k < in; ++k) {
        const i64 g = group_of[static_cast<std::size_t>(k)];
        const i64 code = q.code(k / per_word * out + o, k % per_word);
        const i64 stored = z.code(g * z.words.shape[1] + o / per_word, o % per_word);
        values[static_cast<std::size_t>(o * in + k)] =
            static_cast<float>(code - (stored + offset)) * s[static_cast<std::size_t>(g * out + o)];
      }
    }
  });
}

}  // namespace

void join_awq(PieceStore& pieces, const Json& quantisation) {
  if (setting(quantisation, "bits", awq_bits) != awq_bits)
    fail(ErrorCode::unsupported, "AWQ with other than 4 bits is not supported");
  const std::string version = text_setting(quantisation, "version", "gemm");
  if (version != "gemm" && version != "gemv")
    fail(ErrorCode::unsupported, "AWQ version '{}' is not supported (gemm and gemv are)", version);
  for (const std::string& base : pieces.bases(".qweight", {QuantFormat::i32})) {
    if (version == "gemm") {
      join_awq_gemm(pieces, base, quantisation);
    } else {
      join_awq_gemv(pieces, base, quantisation);
    }
  }
}

void join_gptq(PieceStore& pieces, const Json& quantisation) {
  for (const std::string& base : pieces.bases(".qweight", {QuantFormat::i32}))
    join_gptq_matrix(pieces, base, quantisation);
}

}  // namespace medlar::formats
