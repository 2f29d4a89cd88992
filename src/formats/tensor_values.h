#pragma once

#include <vector>

#include "formats/checkpoint.h"

namespace medlar::formats {

/// All values of a stored tensor, decoded.
std::vector<float> to_floats(const StoredTensor& tensor);

/// All values of a tensor of whole numbers (I64, I32, U8, ...). Throws invalid_argument for other
/// formats.
std::vector<i64> to_integers(const StoredTensor& tensor);

}  // namespace medlar::formats
