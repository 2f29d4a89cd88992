// The vector kernels compiled for avx512; see vector_kernels.h.
#include "backend/cpu/vector_kernels.h"

namespace medlar::backend::cpu {

void fill_avx512(Kernels& kernels) { fill_vector_slots(kernels); }

}  // namespace medlar::backend::cpu
