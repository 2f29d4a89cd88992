#pragma once

#include <string_view>

/// Check digits and ranges of the numbers that name people and things. Each takes the number as it
/// is written: spaces, hyphens and dots between the characters do not count. Small letters count as
/// capitals.
namespace medlar::clinical {

/// ISO/IEC 7812-1 annex B, over 12 to 19 digits.
bool is_luhn(std::string_view number);
/// A Social Security number as the SSA assigns them: no area 000, 666 or 9xx, no group 00, no
/// serial 0000.
bool is_ssn(std::string_view number);
/// National Provider Identifier: ten digits, Luhn with the prefix 80840 (45 CFR 162.406).
bool is_npi(std::string_view number);
/// DEA registration: two letters, seven digits, the last of them the check digit.
bool is_dea(std::string_view number);
/// Vehicle identification number, 17 characters with the check digit in place nine (49 CFR 565).
bool is_vin(std::string_view number);
/// ISO 13616: 15 to 34 characters, remainder 1 modulo 97.
bool is_iban(std::string_view number);
/// NHS number: ten digits, check digit modulo 11.
bool is_nhs(std::string_view number);
/// Four parts from 0 to 255.
bool is_ipv4(std::string_view address);

}  // namespace medlar::clinical
