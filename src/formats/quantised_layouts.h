#pragma once

#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checkpoint.h"

/// Quantised matrices that safetensors and pickles hold in several tensors (codes, scales, zeros):
/// each layout finds its pieces, checks their shapes, and puts the matrix "X.weight" in their
/// place, to be joined when a model asks for it. Non-goal: GGUF, whose blocks are formats of their
/// own.
namespace medlar::formats {

/// Applies every layout that the checkpoint's configuration or tensor names tell of. Throws
/// corrupt_file where pieces do not fit together, unsupported for a variant that is not known.
void join_quantised(Checkpoint& checkpoint);

/// The pieces of a checkpoint, and the matrices that replace them.
class PieceStore {
 public:
  explicit PieceStore(Checkpoint& checkpoint) : checkpoint_(&checkpoint) {}

  /// X for every tensor "X<suffix>" whose format is one of `formats` (any if empty).
  std::vector<std::string> bases(std::string_view suffix,
                                 std::initializer_list<QuantFormat> formats = {}) const;
  bool has(const std::string& name) const { return checkpoint_->find(name) != nullptr; }
  /// Takes a piece out. Throws corrupt_file if it is not there or its shape differs; an axis of -1
  /// is free.
  StoredTensor take(const std::string& name, std::initializer_list<i64> shape);
  StoredTensor take(const std::string& name);
  std::optional<StoredTensor> take_if(const std::string& name);
  void put(const std::string& name, QuantFormat format, const Shape& shape,
           std::function<std::vector<std::byte>()> join);
  /// The same for a matrix that is decoded to f32: `fill` writes all values.
  void put_floats(const std::string& name, const Shape& shape,
                  std::function<void(std::span<float>)> fill);
  [[noreturn]] void misfit(const std::string& name, std::string_view why) const;

 private:
  Checkpoint* checkpoint_;
};

/// Little-endian 32-bit words of a piece.
inline u32 word_at(Bytes bytes, i64 index) {
  u32 word = 0;
  std::memcpy(&word, bytes.data() + index * 4, 4);
  return word;
}

/// A value of a layout's settings, `otherwise` where it is absent or of another kind.
i64 setting(const Json& settings, const char* key, i64 otherwise);
std::string text_setting(const Json& settings, const char* key, const char* otherwise);

void join_mxfp4(PieceStore& pieces);
void join_fp8(PieceStore& pieces, const Json& quantisation);
void join_awq(PieceStore& pieces, const Json& quantisation);
void join_gptq(PieceStore& pieces, const Json& quantisation);
void join_bitsandbytes(PieceStore& pieces);
void join_mlx(PieceStore& pieces, const Json& quantisation);

}  // namespace medlar::formats
