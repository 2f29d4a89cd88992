#include "clinical/deid/secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>

#include "base/error.h"

namespace medlar::clinical {
namespace {

constexpr std::string_view mark = "MEDLAR-SEALED-1\n";
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
constexpr std::size_t key_bytes = 32;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void check(bool worked, const char* step) {
  if (!worked) fail(ErrorCode::internal, "OpenSSL refused: {}", step);
}

std::string derived_key(std::string_view secret, std::string_view salt) {
  if (secret.empty()) fail(ErrorCode::invalid_argument, "an empty key or passphrase seals nothing");
  std::string key(key_bytes, '\0');
  constexpr u64 cost = u64{1} << 15;
  constexpr u64 memory = u64{64} << 20;
  check(EVP_PBE_scrypt(secret.data(), secret.size(), bytes_of(salt), salt.size(), cost, 8, 1,
                       memory, bytes_of(key), key.size()) == 1,
        "scrypt");
  return key;
}

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Cipher new_cipher() {
  Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  check(cipher != nullptr, "a new cipher");
  return cipher;
}

int int_size(std::string_view text) {
  constexpr std::size_t most = std::size_t{1} << 30;
  if (text.size() > most) fail(ErrorCode::limit_exceeded, "more than 1 GiB cannot be sealed");
  return static_cast<int>(text.size());
}

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::string digest(32, '\0');
  unsigned int size = 0;
  check(HMAC(EVP_sha256(), key.data(), int_size(key), bytes_of(message), message.size(),
             bytes_of(digest), &size) != nullptr,
        "HMAC");
  return digest;
}

std::string random_bytes(i64 bytes) {
  std::string result(static_cast<std::size_t>(bytes), '\0');
  if (RAND_bytes(bytes_of(result), static_cast<int>(bytes)) != 1)
    fail(ErrorCode::io, "the system gives no random bytes");
  return result;
}

std::string hex(std::string_view bytes) {
  std::string result;
  for (const char c : bytes) result += fmt::format("{:02x}", static_cast<u8>(c));
  return result;
}

std::string seal(std::string_view text, std::string_view secret) {
  const std::string salt = random_bytes(salt_bytes);
  const std::string nonce = random_bytes(nonce_bytes);
  const std::string key = derived_key(secret, salt);
  const Cipher cipher = new_cipher();
  std::string hidden(text.size(), '\0');
  std::string tag(tag_bytes, '\0');
  int written = 0;
  check(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                           bytes_of(nonce)) == 1,
        "AES-256-GCM");
  check(EVP_EncryptUpdate(cipher.get(), bytes_of(hidden), &written, bytes_of(text),
                          int_size(text)) == 1,
        "encryption");
  check(EVP_EncryptFinal_ex(cipher.get(), bytes_of(hidden) + written, &written) == 1, "encryption");
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes, tag.data()) == 1,
        "the tag");
  return std::string(mark) + salt + nonce + hidden + tag;
}

std::string unseal(std::string_view sealed, std::string_view secret) {
  if (!sealed.starts_with(mark) ||
      sealed.size() < mark.size() + salt_bytes + nonce_bytes + tag_bytes)
    fail(ErrorCode::corrupt_file, "this is no sealed mapping of medlar");
  sealed.remove_prefix(mark.size());
  const std::string_view salt = sealed.substr(0, salt_bytes);
  const std::string_view nonce = sealed.substr(salt_bytes, nonce_bytes);
  std::string tag(sealed.substr(sealed.size() - tag_bytes));
  const std::string_view hidden =
      sealed.substr(salt_bytes + nonce_bytes, sealed.size() - salt_bytes - nonce_bytes - tag_bytes);
  const std::string key = derived_key(secret, salt);
  const Cipher cipher = new_cipher();
  std::string text(hidden.size(), '\0');
  int written = 0;
  check(EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key),
                           bytes_of(nonce)) == 1,
        "AES-256-GCM");
  check(EVP_DecryptUpdate(cipher.get(), bytes_of(text), &written, bytes_of(hidden),
                          int_size(hidden)) == 1,
        "decryption");
  check(EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1,
        "the tag");
  if (EVP_DecryptFinal_ex(cipher.get(), bytes_of(text) + written, &written) != 1)
    fail(ErrorCode::corrupt_file, "the mapping does not open: another key, or it was changed");
  return text;
}

}  // namespace medlar::clinical
