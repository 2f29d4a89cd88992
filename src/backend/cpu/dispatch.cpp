// Chooses a backend by what the processor can do.
#include <cpuid.h>

#include "backend/cpu/shared.h"
#include "backend/kernels.h"
#include "base/error.h"

namespace medlar::backend {
namespace cpu {

// Filled in avx2.cpp and avx512.cpp, which hold nothing else: their code may run only after the
// check here.
void fill_avx2(Kernels& kernels);
void fill_avx512(Kernels& kernels);

const Kernels* avx2_kernels() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("f16c")) {
    return nullptr;
  }
  static const Kernels kernels = [] {
    Kernels table = shared_kernels();
    table.name = "avx2";
    fill_avx2(table);
    return table;
  }();
  return &kernels;
}

const Kernels* avx512_kernels() {
  for (const bool present :
       {__builtin_cpu_supports("avx512f") != 0, __builtin_cpu_supports("avx512bw") != 0,
        __builtin_cpu_supports("avx512vl") != 0, __builtin_cpu_supports("avx512dq") != 0}) {
    if (!present) return nullptr;
  }
  static const Kernels kernels = [] {
    Kernels table = shared_kernels();
    table.name = "avx512";
    fill_avx512(table);
    return table;
  }();
  return &kernels;
}

}  // namespace cpu

std::vector<std::string> available_backends() {
  std::vector<std::string> names;
  if (cpu::avx512_kernels() != nullptr) names.emplace_back("avx512");
  if (cpu::avx2_kernels() != nullptr) names.emplace_back("avx2");
  names.emplace_back("reference");
  return names;
}

const Kernels& kernels_named(std::string_view name) {
  if (name == "auto") return kernels_named(available_backends().front());
  if (name == "reference") return reference_kernels();
  if (name == "meta") return meta_kernels();
  if (name != "avx2" && name != "avx512") {
    fail(ErrorCode::usage, "no instruction set named '{}'; choose auto, reference, avx2 or avx512",
         name);
  }
  const Kernels* kernels = name == "avx2" ? cpu::avx2_kernels() : cpu::avx512_kernels();
  if (kernels == nullptr) fail(ErrorCode::unsupported, "this processor has no {}", name);
  return *kernels;
}

}  // namespace medlar::backend
