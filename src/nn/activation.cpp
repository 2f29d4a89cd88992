#include "nn/activation.h"

#include <utility>

#include "base/error.h"

namespace medlar::nn {

Activation activation_named(std::string_view name) {
  static constexpr std::pair<std::string_view, Activation> known[] = {
      {"gelu", ops::gelu},
      {"gelu_new", ops::gelu_tanh},
      {"gelu_fast", ops::gelu_tanh},
      {"gelu_pytorch_tanh", ops::gelu_tanh},
      {"quick_gelu", ops::quick_gelu},
      {"relu", ops::relu},
      {"silu", ops::silu},
      {"swish", ops::silu},
      {"tanh", ops::tanh},
      {"sigmoid", ops::sigmoid},
  };
  std::string names;
  for (const auto& [theirs, function] : known) {
    if (name == theirs) return function;
    names += (names.empty() ? "" : ", ") + std::string(theirs);
  }
  fail(ErrorCode::unsupported, "config: no activation '{}' (known: {})", name, names);
}

}  // namespace medlar::nn
