#pragma once

#include <string_view>

#include "ops/ops.h"

namespace medlar::nn {

/// A pointwise function of ops.h.
using Activation = Tensor (*)(ops::Context&, const Tensor&);

/// The function that a configuration names ("gelu", "gelu_new", "silu", ...). Throws unsupported
/// naming it and the known ones.
Activation activation_named(std::string_view name);

}  // namespace medlar::nn
