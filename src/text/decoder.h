#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"

namespace medlar::text {

/// A step from token strings back to text. Immutable, safe to share between threads.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual void apply(std::vector<std::string>& tokens) const = 0;
};

/// The `decoder` of a tokenizer.json; null: tokens are joined by spaces. Throws unsupported for an
/// unknown kind, corrupt_file for a malformed one.
std::unique_ptr<const Decoder> decoder_from_json(const Json& json);

}  // namespace medlar::text
