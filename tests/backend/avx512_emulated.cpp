// The AVX-512 kernels on a processor without AVX-512: the same source, with every instruction
// emulated by SIMDe. Slow and exact, so the kernels are held to the reference's bits on any machine
// that has AVX2.
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#include <simde/x86/f16c.h>

namespace {

// The conversions that SIMDe 0.7.4 lacks, element by element.

inline __m512i emulated_cvtepu16_epi32(__m256i halves) {
  alignas(64) unsigned short from[16];
  alignas(64) int to[16];
  _mm256_store_si256(reinterpret_cast<__m256i*>(from), halves);
  for (int i = 0; i < 16; ++i) to[i] = from[i];
  return _mm512_loadu_si512(to);
}

inline __m512i emulated_cvtepi8_epi32(__m128i bytes) {
  alignas(64) signed char from[16];
  alignas(64) int to[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(from), bytes);
  for (int i = 0; i < 16; ++i) to[i] = from[i];
  return _mm512_loadu_si512(to);
}

inline __m512 emulated_cvtepi32_ps(__m512i numbers) {
  alignas(64) int from[16];
  alignas(64) float to[16];
  _mm512_storeu_si512(from, numbers);
  for (int i = 0; i < 16; ++i) to[i] = static_cast<float>(from[i]);
  return _mm512_loadu_ps(to);
}

inline __m512 emulated_cvtph_ps(__m256i halves) {
  alignas(64) float to[16];
  _mm256_store_ps(to, _mm256_cvtph_ps(_mm256_castsi256_si128(halves)));
  _mm256_store_ps(to + 8, _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1)));
  return _mm512_loadu_ps(to);
}

}  // namespace

#define _mm512_cvtepu16_epi32 emulated_cvtepu16_epi32
#define _mm512_cvtepi8_epi32 emulated_cvtepi8_epi32
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_cvtph_ps emulated_cvtph_ps
#define __AVX512F__ 1
#include "backend/cpu/vector_kernels.h"

namespace medlar::backend::tests {

/// The emulated table; null where the processor has no AVX2.
const Kernels* emulated_avx512() {
  if (cpu::avx2_kernels() == nullptr) return nullptr;
  static const Kernels kernels = [] {
    Kernels table = cpu::shared_kernels();
    table.name = "avx512 (emulated)";
    cpu::fill_vector_slots(table);
    return table;
  }();
  return &kernels;
}

}  // namespace medlar::backend::tests
