#pragma once

#include <string>
#include <string_view>

#include "base/types.h"

namespace medlar::clinical {

/// Invented values: a pure function of the key, the patient and the value, so the same patient has
/// the same names everywhere, and other patients have others. Immutable.
class Surrogates {
 public:
  /// `patient` may be empty: then all documents of the key are one patient's.
  Surrogates(std::string key, std::string patient);

  /// A value of the same type and shape as `value`: names word by word, digits by digits, letters
  /// by letters; net addresses in the ranges kept for documentation (RFC 2606, RFC 5737). Empty
  /// where the kind has none: then the span is masked.
  std::string value(const std::string& label, std::string_view value) const;

  /// 16 hexadecimal digits of HMAC-SHA-256 over label, patient and value.
  std::string hash(const std::string& label, std::string_view value) const;

  /// Days that this patient's dates move: 1 to 365, into the past.
  i64 days() const;

 private:
  u64 draw(std::string_view purpose, std::string_view value) const;
  std::string name(std::string_view value) const;
  std::string scrambled(const std::string& label, std::string_view value) const;

  std::string key_;
  std::string patient_;
};

}  // namespace medlar::clinical
