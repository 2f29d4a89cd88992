#include "formats/llama2c.h"

#include <optional>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/error.h"
#include "formats/tensor_checks.h"

namespace medlar::formats {
namespace {

constexpr i64 header_bytes = 7 * 4;

/// The header of the file; the names are run.c's.
struct Header {
  i64 dim = 0;
  i64 hidden_dim = 0;
  i64 layers = 0;
  i64 heads = 0;
  i64 kv_heads = 0;
  i64 vocab = 0;
  i64 context = 0;
  bool is_tied = true;

  i64 head_dim() const { return dim / heads; }
  i64 kv_dim() const { return head_dim() * kv_heads; }
};

/// A matrix or vector that every layer has; the file holds it for all layers before the next one.
struct LayerWeight {
  std::string_view name;
  Shape shape;
};

/// Bounds keep every product below in 63 bits: 2^20 * 2^20 * 2^10 floats.
Header read_header(ByteReader& reader) {
  constexpr i64 max_width = i64{1} << 20;
  constexpr i64 max_layers = 1024;
  Header header;
  const auto read = [&](std::string_view what, i64 largest) {
    const i64 value = reader.read<i32>(what);
    if (value < 1 || value > largest) {
      reader.corrupt(fmt::format("{} of {}, expected 1 to {}", what, value, largest));
    }
    return value;
  };
  header.dim = read("dim", max_width);
  header.hidden_dim = read("hidden_dim", max_width);
  header.layers = read("n_layers", max_layers);
  header.heads = read("n_heads", header.dim);
  header.kv_heads = read("n_kv_heads", header.heads);
  const i64 vocab = reader.read<i32>("vocab_size");
  header.is_tied = vocab > 0;
  header.vocab = vocab < 0 ? -vocab : vocab;
  if (header.vocab < 1 || header.vocab > 16 * max_width) {
    reader.corrupt(fmt::format("vocab_size of {}", vocab));
  }
  header.context = read("seq_len", 16 * max_width);
  if (header.dim % header.heads != 0 || header.heads % header.kv_heads != 0 ||
      header.head_dim() % 2 != 0) {
    reader.corrupt(fmt::format("{} heads and {} kv heads do not divide a dim of {}", header.heads,
                               header.kv_heads, header.dim));
  }
  return header;
}

std::vector<LayerWeight> layer_weights(const Header& header) {
  const i64 dim = header.dim;
  return {{"attention_norm", {dim}},
          {"wq", {dim, dim}},
          {"wk", {header.kv_dim(), dim}},
          {"wv", {header.kv_dim(), dim}},
          {"wo", {dim, dim}},
          {"ffn_norm", {dim}},
          {"w1", {header.hidden_dim, dim}},
          {"w2", {dim, header.hidden_dim}},
          {"w3", {header.hidden_dim, dim}}};
}

/// Floats of the two rope tables, which are not used.
i64 rope_floats(const Header& header) { return header.context * header.head_dim(); }

i64 expected_bytes(const Header& header) {
  i64 floats =
      header.vocab * header.dim * (header.is_tied ? 1 : 2) + header.dim + rope_floats(header);
  for (const LayerWeight& weight : layer_weights(header)) {
    floats += header.layers * weight.shape.count();
  }
  return header_bytes + 4 * floats;
}

Json config_of(const Header& header) {
  return {{"model_type", "llama"},
          {"hidden_size", header.dim},
          {"intermediate_size", header.hidden_dim},
          {"num_hidden_layers", header.layers},
          {"num_attention_heads", header.heads},
          {"num_key_value_heads", header.kv_heads},
          {"vocab_size", header.vocab},
          {"max_position_embeddings", header.context},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 10000.0},
          {"tie_word_embeddings", header.is_tied},
          {"bos_token_id", 1},
          {"eos_token_id", 2}};
}

}  // namespace

Llama2cFile parse_llama2c(Bytes file, const std::string& source,
                          std::shared_ptr<const void> owner) {
  ByteReader reader(file, source);
  const Header header = read_header(reader);
  if (expected_bytes(header) != ssize_of(file)) {
    reader.corrupt(
        fmt::format("{} bytes, the header needs {}", file.size(), expected_bytes(header)));
  }
  Llama2cFile result;
  result.config = config_of(header);
  const auto add = [&](const std::string& name, const Shape& shape) {
    const Bytes bytes = reader.take(4 * shape.count(), name);
    add_tensor(result.tensors, {name, QuantFormat::f32, shape, bytes, owner}, source);
  };
  add("token_embedding_table.weight", {header.vocab, header.dim});
  for (const LayerWeight& weight : layer_weights(header)) {
    for (i64 layer = 0; layer < header.layers; ++layer) {
      add(fmt::format("layers.{}.{}.weight", layer, weight.name), weight.shape);
    }
  }
  add("norm.weight", {header.dim});
  reader.take(4 * rope_floats(header), "rope tables");
  if (!header.is_tied) add("output.weight", {header.vocab, header.dim});
  return result;
}

bool looks_like_llama2c(Bytes file) {
  if (ssize_of(file) < header_bytes) return false;
  ByteReader reader(file, "");
  try {
    return expected_bytes(read_header(reader)) == ssize_of(file);
  } catch (const Error&) {
    return false;  // a header out of bounds is one of another format
  }
}

SentencePieceModel parse_llama2c_vocabulary(Bytes bytes, const std::string& source) {
  ByteReader reader(bytes, source);
  const i32 longest = reader.read<i32>("length of the longest token");
  SentencePieceModel model;
  model.algorithm = SentencePieceModel::Algorithm::bpe;
  model.byte_fallback = true;
  model.normalizer.remove_extra_whitespaces = false;
  while (reader.remaining() > 0) {
    const i64 id = ssize_of(model.pieces);
    SentencePiece piece;
    piece.score = reader.read<float>("score of a token");
    const i32 size = reader.read<i32>("length of a token");
    if (size > longest) reader.corrupt("a token is longer than the longest");
    std::string_view text = reader.take_text(size, "token");
    if (id <= 2)
      text = id == 0 ? "<unk>" : id == 1 ? "<s>" : "</s>";  // the file pads them with newlines
    for (char c : text) piece.text += c == ' ' ? std::string("▁") : std::string(1, c);
    if (id == 0) piece.type = PieceType::unknown;
    if (id == 1 || id == 2) piece.type = PieceType::control;
    if (id >= 3 && id < 259 && piece.text == fmt::format("<0x{:02X}>", id - 3))
      piece.type = PieceType::byte;
    model.pieces.push_back(std::move(piece));
  }
  if (model.pieces.size() < 3) reader.corrupt("fewer than the three tokens <unk>, <s>, </s>");
  return model;
}

}  // namespace medlar::formats
