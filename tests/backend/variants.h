#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "backend/kernels.h"

namespace medlar::backend::tests {

const Kernels* emulated_avx512();

inline std::vector<const Kernels*> variants() {
  std::vector<const Kernels*> all;
  for (const std::string& name : available_backends()) all.push_back(&kernels_named(name));
  if (emulated_avx512() != nullptr) all.push_back(emulated_avx512());
  return all;
}

/// Runs `work` on every variant at 1 and 2 threads; all results must be the same bits. Returns
/// them.
inline std::vector<float> same_everywhere(
    i64 count, const std::function<void(const Kernels&, const Stream&, float*)>& work) {
  std::vector<float> first;
  for (const Kernels* kernels : variants()) {
    for (const i64 thread_count : {1, 2}) {
      ThreadPool threads(thread_count);
      std::vector<float> result(static_cast<std::size_t>(count), NAN);
      work(*kernels, {&threads}, result.data());
      if (first.empty()) {
        first = result;
      } else {
        EXPECT_EQ(std::memcmp(first.data(), result.data(), first.size() * sizeof(float)), 0)
            << kernels->name << " with " << thread_count << " threads differs from "
            << variants().front()->name;
      }
    }
  }
  return first;
}

}  // namespace medlar::backend::tests
