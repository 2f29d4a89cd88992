#pragma once

#include <array>

#include "base/types.h"

namespace medlar {

/// Counter-based random numbers: the value is a pure function of (seed, stream, counter), so a
/// sampled token depends on its request and position and never on what else ran. Source: Salmon et
/// al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox-4x32-10.
inline std::array<u32, 4> philox(u64 seed, u64 stream, u64 counter) {
  u32 x0 = static_cast<u32>(counter), x1 = static_cast<u32>(counter >> 32);
  u32 x2 = static_cast<u32>(stream), x3 = static_cast<u32>(stream >> 32);
  u32 key0 = static_cast<u32>(seed), key1 = static_cast<u32>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const u64 product0 = u64{0xD2511F53u} * x0;
    const u64 product1 = u64{0xCD9E8D57u} * x2;
    const u32 y0 = static_cast<u32>(product1 >> 32) ^ x1 ^ key0;
    const u32 y2 = static_cast<u32>(product0 >> 32) ^ x3 ^ key1;
    x1 = static_cast<u32>(product1);
    x3 = static_cast<u32>(product0);
    x0 = y0;
    x2 = y2;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {x0, x1, x2, x3};
}

/// Uniform in [0, 1), 24 bits.
inline float uniform(u64 seed, u64 stream, u64 counter) {
  return static_cast<float>(philox(seed, stream, counter)[0] >> 8) * 0x1p-24f;
}

}  // namespace medlar
