#include "base/sha256.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>

namespace medlar {
namespace {

using State = std::array<u32, 8>;

constexpr i64 block_bytes = 64;

/// FIPS 180-4, section 4.2.2.
constexpr u32 round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

u32 big_endian(const std::byte* p) {
  u32 value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<u32>(p[i]);
  return value;
}

void add_block(State& state, const std::byte* block) {
  u32 w[64];
  for (i64 t = 0; t < 16; ++t) w[t] = big_endian(block + 4 * t);
  for (i64 t = 16; t < 64; ++t) {
    const u32 s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
    const u32 s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
    w[t] = s1 + w[t - 7] + s0 + w[t - 16];
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (i64 t = 0; t < 64; ++t) {
    const u32 s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const u32 t1 = h + s1 + ((e & f) ^ (~e & g)) + round_constants[t] + w[t];
    const u32 s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const u32 after[8] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += after[i];
}

}  // namespace

std::string sha256_hex(Bytes bytes) {
  State state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  const i64 whole = ssize_of(bytes) / block_bytes;
  for (i64 b = 0; b < whole; ++b) add_block(state, bytes.data() + b * block_bytes);
  // The rest, a one bit, zeros, and the length in bits: one block or two.
  std::byte tail[2 * block_bytes] = {};
  const Bytes rest = bytes.subspan(static_cast<std::size_t>(whole * block_bytes));
  if (!rest.empty()) std::memcpy(tail, rest.data(), rest.size());
  tail[rest.size()] = std::byte{0x80};
  const i64 blocks = ssize_of(rest) + 9 <= block_bytes ? 1 : 2;
  const u64 bits = static_cast<u64>(bytes.size()) * 8;
  for (i64 i = 0; i < 8; ++i)
    tail[blocks * block_bytes - 1 - i] = static_cast<std::byte>(bits >> (8 * i) & 0xff);
  for (i64 b = 0; b < blocks; ++b) add_block(state, tail + b * block_bytes);
  std::string hex;
  for (const u32 word : state) hex += fmt::format("{:08x}", word);
  return hex;
}

}  // namespace medlar
