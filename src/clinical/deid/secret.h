#pragma once

#include <string>
#include <string_view>

#include "base/types.h"

/// Keys, keyed hashes and sealed files, by OpenSSL.
namespace medlar::clinical {

/// HMAC-SHA-256 (RFC 2104), 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view message);

/// `bytes` random bytes of the system. Throws io.
std::string random_bytes(i64 bytes);

std::string hex(std::string_view bytes);

/// AES-256-GCM under a key that scrypt (N 2^15, r 8, p 1) draws from the secret and a random salt:
/// mark, salt (16 bytes), nonce (12), cipher text, tag (16).
std::string seal(std::string_view text, std::string_view secret);

/// What was sealed. Throws corrupt_file for another file or one that was changed, or another
/// secret: the two cannot be told apart.
std::string unseal(std::string_view sealed, std::string_view secret);

}  // namespace medlar::clinical
