#include "clinical/deid/check_digits.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/types.h"

namespace medlar::clinical {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Letters and digits in capitals, everything else left out.
std::string compact(std::string_view number) {
  std::string result;
  for (const char c : number) {
    if (is_digit(c) || (c >= 'A' && c <= 'Z')) result += c;
    if (c >= 'a' && c <= 'z') result += static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

bool all_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

int value_of(char digit) { return digit - '0'; }

bool passes_luhn(std::string_view digits) {
  int sum = 0;
  bool doubled = false;
  for (auto c = digits.rbegin(); c != digits.rend(); ++c, doubled = !doubled) {
    const int value = value_of(*c) * (doubled ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

}  // namespace

bool is_luhn(std::string_view number) {
  const std::string digits = compact(number);
  return digits.size() >= 12 && digits.size() <= 19 && all_digits(digits) && passes_luhn(digits);
}

bool is_ssn(std::string_view number) {
  const std::string d = compact(number);
  if (d.size() != 9 || !all_digits(d)) return false;
  const std::string area = d.substr(0, 3);
  return area != "000" && area != "666" && area[0] != '9' && d.substr(3, 2) != "00" &&
         d.substr(5) != "0000";
}

bool is_npi(std::string_view number) {
  const std::string digits = compact(number);
  return digits.size() == 10 && all_digits(digits) && (digits[0] == '1' || digits[0] == '2') &&
         passes_luhn("80840" + digits);
}

bool is_dea(std::string_view number) {
  const std::string d = compact(number);
  if (d.size() != 9 || is_digit(d[0]) || !all_digits(d.substr(2))) return false;
  const auto at = [&](std::size_t i) { return value_of(d[i + 1]); };
  return (at(1) + at(3) + at(5) + 2 * (at(2) + at(4) + at(6))) % 10 == at(7);
}

bool is_vin(std::string_view number) {
  const std::string vin = compact(number);
  if (vin.size() != 17) return false;
  constexpr std::string_view letters = "ABCDEFGHJKLMNPRSTUVWXYZ";
  constexpr std::string_view values = "12345678123457923456789";
  constexpr std::array weights = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
  int sum = 0;
  for (std::size_t i = 0; i < vin.size(); ++i) {
    const std::size_t letter = letters.find(vin[i]);
    if (!is_digit(vin[i]) && letter == std::string_view::npos) return false;
    sum += weights[i] * value_of(is_digit(vin[i]) ? vin[i] : values[letter]);
  }
  return vin[8] == (sum % 11 == 10 ? 'X' : static_cast<char>('0' + sum % 11));
}

bool is_iban(std::string_view number) {
  const std::string iban = compact(number);
  if (iban.size() < 15 || iban.size() > 34) return false;
  if (is_digit(iban[0]) || is_digit(iban[1]) || !is_digit(iban[2]) || !is_digit(iban[3]))
    return false;
  int remainder = 0;
  for (const char c : iban.substr(4) + iban.substr(0, 4)) {
    remainder =
        is_digit(c) ? (remainder * 10 + value_of(c)) % 97 : (remainder * 100 + (c - 'A' + 10)) % 97;
  }
  return remainder == 1;
}

bool is_nhs(std::string_view number) {
  const std::string d = compact(number);
  if (d.size() != 10 || !all_digits(d)) return false;
  int sum = 0;
  for (int i = 0; i < 9; ++i) sum += (10 - i) * value_of(d[static_cast<std::size_t>(i)]);
  return (11 - sum % 11) % 11 == value_of(d[9]);
}

bool is_ipv4(std::string_view address) {
  int part = 0;
  for (const char c : address) {
    part = c == '.' ? 0 : part * 10 + value_of(c);
    if (part > 255) return false;
  }
  return true;
}

}  // namespace medlar::clinical
